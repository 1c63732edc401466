//! The byte stream format (ITU-T H.264 and H.265, annex B): finds the NAL units in pieces of any size.
//!
//! Zero bytes are withheld until it is known whether they are part of a start code, so neither a start code nor
//! the zeros behind a NAL unit depend on where a piece ends.

/// Finds start codes.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    /// Zero bytes seen and not handed on.
    zeros: usize,
}

/// What a byte stream consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A start code: the NAL unit before it is complete, and its trailing zeros are gone.
    Start,
    /// More of the current NAL unit; before the first start code, garbage. Never empty.
    Bytes(&'a [u8]),
}

impl Splitter {
    /// Takes the next piece of the stream.
    #[inline]
    pub(crate) fn push<E>(
        &mut self,
        mut piece: &[u8],
        mut sink: impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.zeros > 0 {
                let more = piece.iter().take_while(|&&byte| byte == 0).count();
                self.zeros = self.zeros.saturating_add(more);
                piece = piece.get(more..).unwrap_or_default();
                match piece.split_first() {
                    None => return Ok(()),
                    Some((1, rest)) if self.zeros >= 2 => {
                        piece = rest;
                        self.zeros = 0;
                        sink(Token::Start)?;
                        continue;
                    }
                    Some(_) => self.release(&mut sink)?,
                }
            }
            let (bytes, zeros) = match zero_pair(piece) {
                Some(at) => (at, 2),
                None => match piece.split_last() {
                    Some((0, before)) => (before.len(), 1),
                    _ => (piece.len(), 0),
                },
            };
            let (bytes, rest) = piece.split_at_checked(bytes).unwrap_or((piece, &[]));
            if !bytes.is_empty() {
                sink(Token::Bytes(bytes))?;
            }
            self.zeros = zeros;
            piece = rest.get(zeros..).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
        }
    }

    /// The stream ends, or bytes of it are missing here: zeros withheld are trailing ones.
    pub(crate) fn reset(&mut self) {
        self.zeros = 0;
    }

    fn release<E>(&mut self, sink: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
        while self.zeros > 0 {
            let run = ZEROS.get(..self.zeros).unwrap_or(&ZEROS);
            self.zeros = self.zeros.saturating_sub(run.len());
            sink(Token::Bytes(run))?;
        }
        Ok(())
    }
}

/// Where two zero bytes follow each other first.
#[inline]
fn zero_pair(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let w = u64::from_le_bytes(*word);
        // The usual test for a zero byte in a word: only that one borrows into its top bit.
        if w.wrapping_sub(LOW_BITS) & !w & (LOW_BITS << 7) != 0 {
            // A pair may end in the next word.
            let near = bytes.get(at..).unwrap_or_default();
            let near = near.get(..9).unwrap_or(near);
            if let Some(i) = near.windows(2).position(|pair| pair == [0, 0]) {
                return Some(at + i);
            }
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.windows(2).position(|pair| pair == [0, 0]).map(|i| at + i)
}

/// One in each byte.
const LOW_BITS: u64 = u64::MAX / 0xff;
static ZEROS: [u8; 64] = [0; 64];

/// A NAL unit's payload without its emulation prevention bytes (§7.4.1.1), at most `limit` bytes of it.
pub(crate) fn unescape(nal: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(nal.len().min(limit));
    let mut zeros = 0;
    for &byte in nal {
        if out.len() == limit {
            break;
        }
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// NAL units, split at pieces of `size`; the first is what lies before the first start code.
    fn split(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
        let (mut splitter, mut nals) = (Splitter::default(), vec![Vec::new()]);
        for piece in bytes.chunks(size) {
            splitter
                .push(piece, |token| {
                    match token {
                        Token::Start => nals.push(Vec::new()),
                        Token::Bytes(bytes) => {
                            assert!(!bytes.is_empty());
                            nals.last_mut().unwrap().extend(bytes);
                        }
                    }
                    Ok::<(), Infallible>(())
                })
                .unwrap();
        }
        nals
    }

    /// The same by the definition: everything between start codes, less trailing zeros.
    fn by_definition(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut starts: Vec<usize> =
            (0..bytes.len().saturating_sub(2)).filter(|&i| bytes[i..i + 3] == [0, 0, 1]).collect();
        starts.push(bytes.len());
        let mut from = 0;
        let mut nals = Vec::new();
        for start in starts {
            let nal = &bytes[from.min(start)..start];
            nals.push(nal[..nal.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1)].to_vec());
            from = start + 3;
        }
        nals
    }

    proptest! {
        #[test]
        fn nal_units_do_not_depend_on_the_pieces(
            bytes in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => Just(1), 1 => Just(3), 1 => any::<u8>()], 0..300),
            size in 1..40_usize,
        ) {
            prop_assert_eq!(split(&bytes, size), by_definition(&bytes));
        }

        #[test]
        fn sparse_zeros(bytes in prop::collection::vec(prop_oneof![1 => Just(0_u8), 12 => any::<u8>()], 0..600), size in 1..600_usize) {
            prop_assert_eq!(split(&bytes, size), by_definition(&bytes));
        }
    }

    #[test]
    fn emulation_prevention_goes() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3], 99), [1, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(unescape(&[1, 0, 3, 0, 0, 4], 99), [1, 0, 3, 0, 0, 4]);
        assert_eq!(unescape(&[1, 2, 3, 4], 2), [1, 2]);
    }
}
