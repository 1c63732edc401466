//! Event messages: `emsg` (ISO/IEC 23009-1 §5.10.3.3).

use super::atom::Fields;
use super::clock::rescale;
use crate::media::event::Metadata;
use crate::time::{MediaTime, TICKS_PER_SECOND, TimeRange};

/// An event message whose place on the timeline is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Emsg {
    /// From the segment's earliest presentation time on (version 0), or on the media's own timeline. 90 kHz ticks.
    time: i64,
    relative: bool,
    duration: i64,
    scheme: String,
    value: String,
    data: Vec<u8>,
}

impl Emsg {
    /// Reads the content of the box; `None`: it is damaged.
    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        let mut fields = Fields(content);
        let (version, _) = fields.version()?;
        let mut strings = None;
        if version == 0 {
            strings = Some((fields.text()?, fields.text()?));
        }
        let timescale = fields.u32().filter(|&timescale| timescale > 0)?;
        let time = i64::try_from(fields.either(version == 1)?).ok()?;
        let duration = fields.u32()?;
        fields.u32()?; // id
        let (scheme, value) = match strings {
            Some(strings) => strings,
            None => (fields.text()?, fields.text()?),
        };
        let ticks = |time: i64| rescale(time, TICKS_PER_SECOND, timescale.into());
        Some(Self {
            time: ticks(time),
            relative: version == 0,
            // All ones: not known.
            duration: if duration == u32::MAX { 0 } else { ticks(duration.into()) },
            scheme,
            value,
            data: fields.0.to_vec(),
        })
    }

    /// Puts it on the timeline, if that is known as far as it has to be: where the segment starts, and what is added to
    /// the media's times.
    pub(super) fn place(self, segment: Option<i64>, offset: Option<i64>) -> Result<Metadata, Self> {
        let Some(base) = (if self.relative { segment } else { offset }) else { return Err(self) };
        let start = base.saturating_add(self.time);
        let range = TimeRange {
            start: MediaTime::from_ticks(start),
            end: MediaTime::from_ticks(start.saturating_add(self.duration)),
        };
        Ok(Metadata { range, scheme: self.scheme, value: self.value, data: self.data })
    }

    /// Bytes that it keeps.
    pub(super) fn size(&self) -> usize {
        self.data.len().saturating_add(self.scheme.len()).saturating_add(self.value.len())
    }
}
