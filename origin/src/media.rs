//! `GET /media/{asset}/…`: playlists and segments, each behind a signature, and the poster, which is open.

use std::collections::HashMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::app::App;
use crate::clock::unix_s;
use crate::error::Refusal;
use crate::package::{Ladder, POSTER};
use crate::playlist::Rewrite;
use crate::viewer::Viewer;
use crate::{keys, reply};

pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    Path((asset, name)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let entry = app.catalog.get(&asset);
    if let (POSTER, Some(entry)) = (name.as_str(), entry) {
        return Ok(reply::file(
            read(&entry.ladder, POSTER).await?.into(),
            "image/jpeg",
            "max-age=3600",
            &headers,
        ));
    }
    let parameter = |name| query.get(name).map(String::as_str);
    let grant = app.signer.check_url(&viewer.path, parameter("expires"), parameter("signature"), unix_s())?;
    let unknown = || Refusal::not_found("no such media");
    let entry = entry.ok_or_else(unknown)?;
    if let Some(clear) = entry.ladder.playlist(&name) {
        let rewrite = Rewrite { asset: &entry.asset, viewer: &viewer, signer: &app.signer, grant };
        let text = rewrite.apply(clear);
        return Ok(reply::file(text.into(), "application/vnd.apple.mpegurl", reply::NO_STORE, &headers));
    }
    let place = entry.ladder.segment(&name).ok_or_else(unknown)?;
    let clear = read(&entry.ladder, &name).await?;
    let bytes: Bytes = keys::encrypt(&entry.asset, &app.signer, place, clear, viewer.wrong_key);
    Ok(reply::file(bytes, "video/mp2t", reply::NO_STORE, &headers))
}

/// `name` is one that the ladder listed, never a viewer's own.
async fn read(ladder: &Ladder, name: &str) -> Result<Vec<u8>, Refusal> {
    let path = ladder.path(name);
    tokio::fs::read(&path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Refusal::not_found("no such media"),
        _ => Refusal::internal("the media could not be read"),
    })
}
