//! `GET /media/{asset}/…`: playlists and segments, each behind a signature, and the poster, which is open.

use std::collections::HashMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::app::App;
use crate::catalog::{Entry, Signing};
use crate::error::Refusal;
use crate::live::Stream;
use crate::package::POSTER;
use crate::playlist::Rewrite;
use crate::sign::Permit;
use crate::token::DrmClaims;
use crate::viewer::Viewer;
use crate::{keys, live, reply};

pub(crate) async fn serve(
    State(app): State<App>,
    Extension(viewer): Extension<Viewer>,
    Path((asset, name)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let entry = app.catalog.get(&asset);
    if let (POSTER, Some(entry)) = (name.as_str(), entry) {
        let bytes = tokio::fs::read(entry.ladder.path(POSTER)).await.map_err(|_| unknown())?;
        return Ok(reply::file(bytes.into(), "image/jpeg", "max-age=3600", &headers));
    }
    let session = app.sessions.get(&viewer.sid);
    let access = &session.access;
    access.admit()?;
    let permit = match entry.map(|entry| entry.asset.signing) {
        Some(Signing::TencentKey) => {
            app.anti_leech.check(&viewer.path, &query, access.now_s()).map(|()| Permit::Directory)
        }
        _ => {
            let parameter = |name| query.get(name).map(String::as_str);
            app.signer.check_url(&viewer.path, parameter("expires"), parameter("signature"), access.now_s())
        }
    };
    let playlist = entry.and_then(|entry| Some((entry, entry.ladder.playlist(&name)?)));
    let is_open = playlist.is_none() && !access.terms().signed_segments;
    let permit = if is_open { Permit::Directory } else { permit? };
    if let Some((entry, clear)) = playlist {
        if let Some(token) = &viewer.token {
            DrmClaims::check(&app.signer, token, &asset, &viewer, access.now_s())
                .map_err(|fault| fault.of_token())?;
        }
        let rewrite = Rewrite { asset: &entry.asset, viewer: &viewer, signer: &app.signer, permit };
        let stream = if entry.asset.live { Stream::of(clear) } else { None };
        let text = match stream {
            Some(stream) => rewrite.apply(&stream.playlist(session.broadcast.now())),
            None => rewrite.apply(clear),
        };
        return Ok(reply::file(text.into(), "application/vnd.apple.mpegurl", reply::NO_STORE, &headers));
    }
    let mime = mime(&name);
    let bytes = match app.segments.get(&viewer.path) {
        Some(bytes) if !viewer.wrong_key => bytes,
        _ => {
            // Off the async threads: they keep the pace of other responses.
            let made = tokio::task::spawn_blocking(move || segment(&app, &viewer, &asset, &name)).await;
            made.map_err(|_| Refusal::internal("encrypting failed"))??
        }
    };
    Ok(reply::file(bytes, mime, reply::NO_STORE, &headers))
}

/// Reads and encrypts. The name is one that the ladder listed, never a viewer's own.
fn segment(app: &App, viewer: &Viewer, asset: &str, name: &str) -> Result<Bytes, Refusal> {
    let entry = app.catalog.get(asset).ok_or_else(unknown)?;
    let (place, name) = match entry.asset.live {
        true => live_segment(app, viewer, entry, name).ok_or_else(unknown)?,
        false => (entry.ladder.segment(name).ok_or_else(unknown)?, name.to_owned()),
    };
    let clear = std::fs::read(entry.ladder.path(&name)).map_err(|_| unknown())?;
    if !keys::covers(&name) {
        return Ok(clear.into());
    }
    let bytes = keys::encrypt(&entry.asset, &app.signer, place, clear, viewer.wrong_key);
    if !viewer.wrong_key {
        app.segments.keep(&viewer.path, &bytes);
    }
    Ok(bytes)
}

/// The place of a segment of a live stream and what it is called in the ladder, if it can be had now.
fn live_segment(app: &App, viewer: &Viewer, entry: &Entry, name: &str) -> Option<(u32, String)> {
    let (n, name) = live::name_of(name)?;
    let (directory, file) = name.rsplit_once('/')?;
    entry.ladder.segment(&name)?;
    let stream = Stream::of(entry.ladder.playlist(&format!("{directory}/index.m3u8"))?)?;
    stream.has(n, file, app.sessions.get(&viewer.sid).broadcast.now()).then_some((n, name))
}

fn mime(name: &str) -> &'static str {
    if name.ends_with(".vtt") { "text/vtt; charset=utf-8" } else { "video/mp2t" }
}

fn unknown() -> Refusal {
    Refusal::not_found("no such media")
}
