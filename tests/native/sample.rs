//! The sample ladder of the repository, served to sessions in virtual time: encrypted here with the `aes` crate,
//! protected by a token as the reference origin does it.

use std::path::PathBuf;

use aes::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use cloud_player::engine::Request;

use crate::world::Response;

pub(crate) const KEY: [u8; 16] = *b"sixteen byte key";
pub(crate) const TOKEN: &str = "tok.en-0123456789";
pub(crate) const MASTER: &str = "http://origin.test/sample/master.m3u8?expires=99&signature=5ec2e7";
/// Seconds of media in the sample.
pub(crate) const SECONDS: f64 = 24.0;

/// Answers a request from the sample: signed playlists and segments, keys for the token.
pub(crate) fn serve(request: &Request) -> Response {
    let url = request.url.expose();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = path.strip_prefix("http://origin.test").expect("a request to another host");
    if path == "/telemetry" {
        return Response::status(204);
    }
    if path == "/key" {
        let right = query.split('&').any(|p| p == format!("token={TOKEN}"));
        return if right { Response::ok(KEY) } else { Response::status(403) };
    }
    if !query.contains("signature=5ec2e7") {
        return Response::status(403);
    }
    let path = path.strip_prefix("/sample/").expect("a path of the sample");
    let (directory, name) = path.rsplit_once('/').map_or(("", path), |(d, n)| (d, n));
    let prefix = format!("voddrm.token.{TOKEN}.");
    let (name, token) = name.strip_prefix(&prefix).map_or((name, None), |n| (n, Some(TOKEN)));
    let Some(bytes) = file(directory, name) else { return Response::status(404) };
    match name.rsplit_once('.').map(|(_, e)| e) {
        Some("m3u8") => Response::ok(playlist(&String::from_utf8(bytes).unwrap(), token)),
        Some("ts") => Response::ok(encrypt(&bytes, number(name))),
        _ => Response::ok(bytes),
    }
}

/// AES-128-CBC with PKCS#7 and the media sequence number as IV, as RFC 8216bis has it.
pub(crate) fn encrypt(bytes: &[u8], sequence: u64) -> Vec<u8> {
    let iv = u128::from(sequence).to_be_bytes();
    cbc::Encryptor::<aes::Aes128>::new(&KEY.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(bytes)
}

pub(crate) fn file(directory: &str, name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("origin/sample").join(directory).join(name);
    std::fs::read(path).ok()
}

fn number(name: &str) -> u64 {
    name.trim_end_matches(".ts").parse().expect("segments are numbered")
}

fn playlist(text: &str, token: Option<&str>) -> String {
    let mut out = String::new();
    for line in text.lines() {
        match (line.starts_with('#'), line.ends_with(".m3u8"), token) {
            (false, true, Some(token)) => {
                let (directory, name) = line.rsplit_once('/').unwrap();
                out += &format!("{directory}/voddrm.token.{token}.{name}\n");
            }
            _ => out += &format!("{line}\n"),
        }
        if line.starts_with("#EXT-X-TARGETDURATION") {
            let token = token.map(|t| format!("?token={t}")).unwrap_or_default();
            out += &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"/key{token}\"\n");
        }
    }
    out
}
