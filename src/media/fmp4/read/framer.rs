//! The boxes of a segment, one after another, out of pieces of any size (ISO/IEC 14496-12 §4.2).

use super::atom::{Fields, Kind};
use crate::media::MediaError;

/// Cuts a segment into boxes.
#[derive(Debug, Default)]
pub(super) struct Framer {
    /// Bytes taken.
    position: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first bytes of a header.
    Header { bytes: [u8; LARGE_HEADER], length: usize },
    /// A box's content; `left` is `None` if it goes to the segment's end.
    Body { kind: Kind, start: u64, left: Option<u64> },
}

/// A piece of a segment.
#[derive(Debug)]
pub(super) enum Token<'a> {
    /// A box starts.
    Head(Head),
    /// Content of it.
    Body(&'a [u8]),
    /// It is complete.
    End,
}

/// The header of a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Where the box starts.
    pub(super) position: u64,
    /// Bytes of content; `None`: all that come.
    pub(super) content: Option<u64>,
    bytes: [u8; LARGE_HEADER],
    length: usize,
}

impl Head {
    /// The header itself.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Header { bytes: [0; LARGE_HEADER], length: 0 }
    }
}

impl Framer {
    /// Bytes taken.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next piece. `None`: it takes more bytes.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Token<'a>>, MediaError> {
        match &mut self.state {
            State::Body { left: Some(0), .. } => {
                self.state = State::default();
                Ok(Some(Token::End))
            }
            State::Body { left, .. } => {
                let wanted = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
                let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
                if taken.is_empty() {
                    return Ok(None);
                }
                *bytes = rest;
                self.position = self.position.saturating_add(taken.len() as u64);
                if let Some(left) = left {
                    *left = left.saturating_sub(taken.len() as u64);
                }
                Ok(Some(Token::Body(taken)))
            }
            State::Header { bytes: header, length } => {
                let needed = if header.starts_with(&[0, 0, 0, 1]) { LARGE_HEADER } else { HEADER };
                let wanted = header.get_mut(*length..needed).unwrap_or_default();
                let (taken, rest) = bytes.split_at(wanted.len().min(bytes.len()));
                for (to, from) in wanted.iter_mut().zip(taken) {
                    *to = *from;
                }
                *bytes = rest;
                *length = length.saturating_add(taken.len());
                self.position = self.position.saturating_add(taken.len() as u64);
                if *length < needed {
                    return Ok(None);
                }
                if *length == HEADER && header.starts_with(&[0, 0, 0, 1]) {
                    return self.next(bytes);
                }
                let start = self.position.saturating_sub(needed as u64);
                let head = head(*header, needed, start).ok_or(MediaError::NoBox { position: start })?;
                self.state = State::Body { kind: head.kind, start, left: head.content };
                Ok(Some(Token::Head(head)))
            }
        }
    }

    /// The segment is complete. `Ok(true)`: and its end is that of the box at hand. Says how many bytes are too few
    /// for a box.
    pub(super) fn end(&mut self) -> Result<(bool, u64), MediaError> {
        match core::mem::take(&mut self.state) {
            State::Header { length, .. } => Ok((false, length as u64)),
            State::Body { left: None, .. } => Ok((true, 0)),
            State::Body { kind, start, left: Some(missing) } => {
                Err(MediaError::BoxTruncated { position: start, kind: kind.into(), missing })
            }
        }
    }
}

/// Reads a header. `None`: it is none.
fn head(bytes: [u8; LARGE_HEADER], length: usize, position: u64) -> Option<Head> {
    let mut fields = Fields(&bytes);
    let size = fields.u32()?;
    let kind = fields.kind()?;
    // Printable, or Apple's ©: what is not a box is that once in fifty times.
    if !kind.iter().all(|&byte| matches!(byte, b' '..=b'~' | 0xa9)) {
        return None;
    }
    let content = match size {
        0 => None,
        1 => Some(fields.u64()?.checked_sub(LARGE_HEADER as u64)?),
        size => Some(u64::from(size).checked_sub(HEADER as u64)?),
    };
    Some(Head { kind, position, content, bytes, length })
}

/// Bytes of a header: size and kind.
const HEADER: usize = 8;
/// Bytes of a header with a size of 64 bits.
const LARGE_HEADER: usize = 16;
