//! Which blocks of a stretch are encrypted (ISO/IEC 23001-7 §9.6).

use core::ops::Range;

use super::BLOCK;

/// So many blocks are encrypted, then so many are not, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Encrypted blocks.
    pub(crate) crypt: u8,
    /// Clear blocks behind them. 0: all whole blocks are encrypted.
    pub(crate) skip: u8,
}

impl Pattern {
    /// All whole blocks.
    pub(crate) const NONE: Self = Self { crypt: 0, skip: 0 };

    /// What is encrypted of a stretch of so many bytes. What does not fill all the blocks that the pattern encrypts at
    /// once is in the clear, as is what does not fill a block.
    pub(crate) fn runs(self, length: usize) -> impl Iterator<Item = Range<usize>> {
        let whole = length / BLOCK * BLOCK;
        let (run, stride) = match self {
            Self { skip: 0, .. } => (whole, whole),
            Self { crypt, skip } => {
                let run = usize::from(crypt) * BLOCK;
                (run, run + usize::from(skip) * BLOCK)
            }
        };
        // Nothing encrypted: no step, and no run.
        let starts = (0..whole).step_by(stride.max(1)).take_while(move |_| run > 0);
        starts.map(move |start| start..start + run).take_while(move |run| run.end <= length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_leaves_its_end_clear() {
        let runs = |crypt, skip, length| Pattern { crypt, skip }.runs(length).collect::<Vec<_>>();
        assert_eq!(runs(1, 9, 400), [0..16, 160..176, 320..336]);
        assert_eq!(runs(1, 9, 175), vec![0..16]);
        assert_eq!(runs(2, 1, 79), vec![0..32], "of the second two only one and a bit are there");
        assert_eq!(runs(2, 1, 80), [0..32, 48..80]);
        assert_eq!(runs(0, 0, 47), vec![0..32]);
        assert_eq!(runs(3, 0, 47), vec![0..32]);
        assert!(runs(0, 5, 400).is_empty() && runs(1, 9, 15).is_empty() && runs(0, 0, 0).is_empty());
    }
}
