//! Bytes that a playlist names: files on this machine, stretches of them, and `data:` URLs.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cloud_player::access::decode_base64;
use cloud_player::playlist::ByteRange;

use super::Failure;

/// A file, or a stretch of one, or the bytes of a `data:` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// What failures name.
    pub(crate) path: PathBuf,
    range: Option<ByteRange>,
    data: Option<Vec<u8>>,
}

impl Resource {
    /// A whole file.
    pub(crate) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), range: None, data: None }
    }

    /// What a playlist in `folder` means by `uri`.
    pub(crate) fn of(folder: &Path, uri: &str, range: Option<ByteRange>) -> Result<Self, Failure> {
        if uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            let path = PathBuf::from("data:…");
            let malformed = || Failure::file(&path, &io::Error::new(io::ErrorKind::InvalidData, "malformed"));
            let data = data_url(uri).ok_or_else(malformed)?;
            return Ok(Self { path, range, data: Some(data) });
        }
        Ok(Self { path: local(folder, uri), range, data: None })
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Failure> {
        self.bytes().map_err(|error| Failure::file(&self.path, &error))
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let ByteRange { offset, length } = self.range.unwrap_or(ByteRange { offset: 0, length: u64::MAX });
        if let Some(data) = &self.data {
            bytes.extend_from_slice(data);
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            bytes.drain(..start);
            bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        } else {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(offset))?;
            file.take(length).read_to_end(&mut bytes)?;
        }
        if self.range.is_some() && bytes.len() as u64 != length {
            let message = format!("{} bytes of the {length} from byte {offset} on", bytes.len());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        Ok(bytes)
    }
}

/// The file that a relative reference means: by that very name, else without query and escapes.
fn local(folder: &Path, uri: &str) -> PathBuf {
    let uri = uri.strip_prefix("file://").unwrap_or(uri);
    let exact = folder.join(uri);
    if exact.exists() {
        return exact;
    }
    let name = uri.split(['?', '#']).next().unwrap_or_default();
    folder.join(String::from_utf8_lossy(&unescape(name)).as_ref())
}

/// The bytes of a `data:` URL (RFC 2397).
fn data_url(url: &str) -> Option<Vec<u8>> {
    let (head, body) = url.get(5..)?.split_once(',')?;
    let body = unescape(body);
    if head.to_ascii_lowercase().ends_with(";base64") {
        return decode_base64(core::str::from_utf8(&body).ok()?);
    }
    Some(body.into_owned())
}

/// Percent-encoding (RFC 3986 §2.1).
fn unescape(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%').and_then(|d| core::str::from_utf8(d).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls() {
        let key: Vec<u8> = (0..16).collect();
        assert_eq!(data_url("data:;base64,AAECAwQFBgcICQoLDA0ODw==").unwrap(), key);
        assert_eq!(data_url("data:text/plain;base64,AAECAwQFBgcICQoLDA0ODw").unwrap(), key);
        assert_eq!(data_url("data:,a%20b%").unwrap(), b"a b%");
        assert_eq!(data_url("data:;base64,!!!!"), None);
        assert_eq!(data_url("data:nothing"), None);
    }
}
