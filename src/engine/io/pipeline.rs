//! What the session's media pipelines are told, and what they tell. Hosts see none of it.

use super::{LaneId, RequestId};
use crate::crypto::{BLOCK, Iv, SegmentMethod};
use crate::media::{MediaEvent, SegmentFacts};

/// What a media request's pipeline is to do. Handled by the session; hosts never see it.
#[derive(Debug)]
pub(crate) enum PipelineCommand {
    /// The body of this request is a media segment.
    Begin {
        /// The request.
        id: RequestId,
        /// Whose segment it is.
        lane: LaneId,
        /// How to read it.
        plan: crate::media::SegmentStart,
        /// It goes on where the lane's last segment ended: same rung, next in the playlist.
        continues: bool,
        /// What its bytes wait for.
        needs: Needs,
    },
    /// The key that this request waits for.
    Key(RequestId, crate::crypto::ContentKey),
    /// The init section that this request waits for.
    Init(RequestId, InitData),
    /// The place on the timeline that this request waits for.
    Place(RequestId, crate::media::Anchor),
    /// The request is given up: forget what was not handed on.
    Drop(RequestId),
    /// No segment follows on this lane: hand on what was held back.
    Flush(LaneId),
    /// Something else follows on this lane: forget what was held back.
    Reset(LaneId),
}

/// What must be at hand before a segment's first byte can be read. Bytes that come earlier wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// Encrypted: wait for a key.
    pub(crate) encryption: Option<Encryption>,
    /// Wait for an init section.
    pub(crate) init: bool,
    /// Wait for the place on the timeline; the one in the plan does not count.
    pub(crate) place: bool,
}

/// An init section as it came, and what opens it.
#[derive(Clone, Debug)]
pub(crate) struct InitData {
    /// The same for the same bytes.
    pub(crate) identity: String,
    pub(crate) bytes: std::sync::Arc<[u8]>,
    pub(crate) cipher: Option<(SegmentMethod, crate::crypto::ContentKey, Iv)>,
}

/// How a segment is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encryption {
    /// What of it is.
    pub(crate) scheme: Scheme,
    /// The initialization vector, of the segment or of its samples.
    pub(crate) iv: Iv,
}

/// What of a segment is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// All of it: it is decrypted before it is read.
    Segment(SegmentMethod),
    /// Its samples: whoever reads it decrypts them.
    Samples,
}

impl Scheme {
    /// Bytes in a key.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Segment(method) => method.key_length(),
            Self::Samples => BLOCK,
        }
    }
}

/// What a media pipeline tells the engine. Sent by the session; hosts never make it.
#[derive(Debug)]
pub(crate) enum PipelineEvent {
    /// Media for the sink.
    Media(MediaEvent),
    /// The segment is complete.
    Finished(SegmentFacts),
    /// Nothing is held back any more.
    Flushed,
    /// The segment cannot be used, or not all of it.
    Failed(Breakage),
}

/// Why a segment cannot be used.
#[derive(Debug)]
pub(crate) struct Breakage {
    /// What the recovery table knows it as.
    pub(crate) fault: crate::engine::recovery::Fault,
    /// Decrypt or media.
    pub(crate) phase: crate::error::Phase,
    /// The error's own stable code.
    pub(crate) code: &'static str,
    /// One sentence.
    pub(crate) message: String,
}
