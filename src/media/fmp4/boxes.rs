//! Writes boxes (ISO/IEC 14496-12 §4.2).

/// Appends a box: its header, and what `body` appends.
pub(in crate::media) fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    body(out);
    let size = u32::try_from(out.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *field = size.to_be_bytes();
    }
}

/// Appends a full box: `version` and `flags` come before the body.
pub(in crate::media) fn full_box(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut Vec<u8>),
) {
    boxed(out, kind, |out| {
        put32(out, u32::from(version) << 24 | flags & 0x00ff_ffff);
        body(out);
    });
}

pub(in crate::media) fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(in crate::media) fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(in crate::media) fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_know_their_size() {
        let mut out = vec![9];
        boxed(&mut out, b"abcd", |out| full_box(out, b"efgh", 1, 2, |out| put16(out, 0x1234)));
        assert_eq!(out, b"\x09\0\0\0\x16abcd\0\0\0\x0eefgh\x01\0\0\x02\x12\x34");
    }
}
