//! Boxes inside a box (ISO/IEC 14496-12 §4.2), and the fields inside those.
//!
//! Positions are those in the whole buffer, so that what was read can be changed in place.

use core::ops::Range;

/// A four-character code.
pub(super) type Kind = [u8; 4];

/// A box that lies in a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) kind: Kind,
    /// Of its header, which is where it starts.
    pub(super) start: usize,
    /// Of its content.
    pub(super) body: Range<usize>,
}

impl Atom {
    /// The boxes inside, where the content is nothing else.
    pub(super) fn children<'a>(&self, buffer: &'a [u8]) -> Atoms<'a> {
        Atoms::new(buffer, self.body.clone())
    }

    /// The first box of a kind inside.
    pub(super) fn child(&self, buffer: &[u8], kind: &Kind) -> Option<Self> {
        self.children(buffer).find(|atom| atom.kind == *kind)
    }

    /// Goes down from box to box.
    pub(super) fn descend(&self, buffer: &[u8], path: &[&Kind]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |atom, kind| atom.child(buffer, kind))
    }

    /// The content's fields.
    pub(super) fn fields<'a>(&self, buffer: &'a [u8]) -> Fields<'a> {
        Fields(buffer.get(self.body.clone()).unwrap_or_default())
    }

    /// The whole of it.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.body.end
    }

    /// The first box that is to be made of boxes and is not: one inside has a size that cannot be. This box or one inside,
    /// as far as [`CONTAINERS`] go.
    pub(super) fn damaged(&self, buffer: &[u8]) -> Option<Kind> {
        let mut open = vec![self.clone()];
        while let Some(atom) = open.pop() {
            let mut children = atom.children(buffer);
            open.extend(children.by_ref().filter(|child| CONTAINERS.contains(&&child.kind)));
            if !children.is_whole() {
                return Some(atom.kind);
            }
        }
        None
    }

    /// Makes it one that readers skip.
    pub(super) fn neutralize(&self, buffer: &mut [u8]) {
        put(buffer, self.start.saturating_add(4), b"free");
    }
}

/// Box after box. Ends where the bytes are none: at their end, or where a size cannot be.
#[derive(Clone, Debug)]
pub(super) struct Atoms<'a> {
    buffer: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Atoms<'a> {
    pub(super) fn new(buffer: &'a [u8], range: Range<usize>) -> Self {
        Self { buffer, at: range.start, end: range.end.min(buffer.len()) }
    }

    /// Whether everything up to the end was boxes. Less than a header's bytes at the end do no harm.
    pub(super) fn is_whole(&self) -> bool {
        self.at.saturating_add(8) > self.end
    }
}

impl Iterator for Atoms<'_> {
    type Item = Atom;

    fn next(&mut self) -> Option<Atom> {
        let start = self.at;
        let left = self.end.checked_sub(start)?;
        let mut fields = Fields(self.buffer.get(start..self.end)?);
        let size = fields.u32()?;
        let kind = fields.kind()?;
        let (size, header) = match size {
            0 => (left, 8),
            1 => (usize::try_from(fields.u64()?).ok()?, 16),
            size => (usize::try_from(size).ok()?, 8),
        };
        if size < header || size > left {
            return None;
        }
        let end = start.checked_add(size)?;
        self.at = end;
        Some(Atom { kind, start, body: start.checked_add(header)?..end })
    }
}

/// Fields, front to back; `None` once the bytes are used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn kind(&mut self) -> Option<Kind> {
        self.array()
    }

    pub(super) fn block(&mut self) -> Option<[u8; 16]> {
        self.array()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// 32 bits, or 64 in the version of a box that has them wide.
    pub(super) fn either(&mut self, wide: bool) -> Option<u64> {
        if wide { self.u64() } else { self.u32().map(u64::from) }
    }

    /// The version and the flags that a full box starts with.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        self.u32().map(|both| ((both >> 24) as u8, both & 0x00ff_ffff))
    }

    /// A string up to its zero.
    pub(super) fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.take(1)?;
        Some(text)
    }
}

/// Overwrites bytes, if they are there.
pub(super) fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(to) = buffer.get_mut(at..at.saturating_add(bytes.len())) {
        to.copy_from_slice(bytes);
    }
}

/// Boxes of an init section that browsers look for boxes in, and that hold nothing else (ISO/IEC 14496-12 table 1).
const CONTAINERS: [&Kind; 6] = [b"mvex", b"trak", b"edts", b"mdia", b"minf", b"stbl"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_with_sizes_of_all_kinds() {
        let buffer = b"\0\0\0\x09aaaa!\0\0\0\x01bbbb\0\0\0\0\0\0\0\x12??\0\0\0\0ccccrest";
        let atoms: Vec<_> = Atoms::new(buffer, 0..buffer.len()).collect();
        let found: Vec<_> = atoms.iter().map(|a| (a.kind, a.fields(buffer).0)).collect();
        assert_eq!(found, [(*b"aaaa", &b"!"[..]), (*b"bbbb", b"??"), (*b"cccc", b"rest")]);
        for bad in [&b"\0\0\0\x07aaaa"[..], b"\0\0\0\x09aaaa", b"\0\0\0\x01aaaa\0\0\0\0\0\0\0\x0f"] {
            let mut atoms = Atoms::new(bad, 0..bad.len());
            assert_eq!((atoms.next(), atoms.is_whole()), (None, false), "{bad:x?}");
        }
    }
}
