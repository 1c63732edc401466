//! What the transmuxer asks of the reader of one container.

use core::fmt;

use super::event::{MediaEvent, SegmentFacts, SegmentStart};
use super::{MediaError, SampleKey};

/// Reads the segments of one container, one after another.
///
/// The order of calls is `init_section? (begin_segment push* end_segment)* flush`, and the transmuxer keeps it: after an
/// error, and for a segment that is not completed, it calls `abandon`.
pub(super) trait Reader: fmt::Debug {
    /// An init section that came apart from the segments (`EXT-X-MAP`) applies from the next segment on.
    fn init_section(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let _ = (bytes, out);
        Ok(())
    }

    /// Samples are encrypted with this key from the next segment on (`SAMPLE-AES`, `cbcs`, `cenc`).
    fn sample_key(&mut self, key: Option<SampleKey>) {
        drop(key);
    }

    /// The next bytes are the first of a segment. Puts out the end of the segment before if this one does not continue
    /// it.
    fn begin_segment(&mut self, start: &SegmentStart, out: &mut Vec<MediaEvent>);

    /// Takes the next bytes of the segment.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError>;

    /// The segment is complete.
    fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError>;

    /// The segment at hand will not be completed: forgets what is not in a fragment yet.
    fn abandon(&mut self);

    /// No segment follows: puts out what was held back.
    fn flush(&mut self, out: &mut Vec<MediaEvent>);
}
