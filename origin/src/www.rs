//! The page's own files: a directory, as it lies.

use std::path::{Component, Path, PathBuf};

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;

use crate::app::App;
use crate::error::Refusal;
use crate::reply;

pub(crate) async fn serve(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", "only GET and HEAD"));
    }
    let unknown = || Refusal::not_found("nothing here");
    let root = app.www.as_deref().ok_or_else(unknown)?;
    let file = locate(root, uri.path()).ok_or_else(unknown)?;
    let bytes = tokio::fs::read(&file).await.map_err(|_| unknown())?;
    Ok(reply::file(bytes.into(), mime(&file), "no-cache", &headers))
}

/// The file that a path names. Names that are hidden, or that would lead out of the directory, name nothing.
fn locate(root: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    let plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
        _ => false,
    };
    if path.contains(['\\', '%', '\0']) || !relative.components().all(plain) {
        return None;
    }
    let file = root.join(relative);
    Some(if path.ends_with('/') { file.join("index.html") } else { file })
}

fn mime(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "ico" => "image/x-icon",
        "vtt" => "text/vtt; charset=utf-8",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
