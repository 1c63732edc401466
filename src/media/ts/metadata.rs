//! ID3 tags in a stream of their own ("Timed Metadata for HTTP Live Streaming"): a PES packet has a time stamp and one tag
//! or several. A tag ends where it says, not where its packet does.

use crate::media::id3::{Progress, Tag, TagReader};
use crate::media::track::Sink;

/// Gathers the tags.
#[derive(Debug, Default)]
pub(crate) struct MetadataStream {
    tag: TagReader,
    pts: Option<i64>,
    /// The bytes at hand are of no tag.
    skips: bool,
}

impl MetadataStream {
    /// Takes a piece of the stream. `start`: a PES packet starts with it, and it may have a time; `lost`: bytes before it
    /// are missing.
    pub(crate) fn push(
        &mut self,
        lost: bool,
        start: Option<Option<i64>>,
        mut bytes: &[u8],
        sink: &mut Sink<'_>,
    ) {
        if lost || start.is_some() {
            self.tag = TagReader::default();
            self.skips = start.is_none();
        }
        if let Some(pts) = start {
            self.pts = pts;
        }
        while !self.skips && !bytes.is_empty() {
            let (progress, rest) = self.tag.push(bytes);
            bytes = rest;
            match progress {
                Progress::More => {}
                Progress::NoTag => self.skips = true,
                Progress::Done(tag) => self.tell(tag, sink),
            }
        }
    }

    fn tell(&self, tag: Tag, sink: &mut Sink<'_>) {
        let Some(pts) = self.pts.filter(|_| tag.is_whole()) else {
            sink.losses.lost_tags = sink.losses.lost_tags.saturating_add(1);
            return;
        };
        sink.out.push(tag.at(pts));
    }
}
