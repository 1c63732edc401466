//! A session without media: the engine, and in the pipeline's place something that makes of a segment that has arrived
//! one fragment without bytes.

use crate::abr::Rule;
use crate::engine::{
    Config, Effect, Engine, Input, LaneId, NetEvent, Output, PipelineCommand, PipelineEvent, RequestId,
};
use crate::media::{Fragment, FragmentBuf, InitSection, MediaEvent, SegmentFacts, TrackKind};
use crate::time::{MediaTime, TimeRange, Timestamp};

/// The session.
#[derive(Debug)]
pub(super) struct Session {
    engine: Engine,
    /// The segment that the pipeline waits for, by its request.
    awaited: Option<RequestId>,
    /// The source buffer knows how its media is decoded.
    decodes: bool,
    now: Timestamp,
}

impl Session {
    pub(super) fn new(config: Config, rule: Box<dyn Rule>) -> Self {
        let now = Timestamp::ZERO;
        Self { engine: Engine::with_rule(config, rule, now), awaited: None, decodes: false, now }
    }

    pub(super) fn handle(&mut self, now: Timestamp, input: Input) {
        self.now = now;
        self.engine.handle(now, input);
    }

    /// This many bytes of a segment arrived.
    pub(super) fn arrived(&mut self, now: Timestamp, id: RequestId, bytes: u64) {
        self.now = now;
        self.engine.segment_bytes(now, id, usize::try_from(bytes).unwrap_or(usize::MAX));
    }

    /// A segment is complete, and holds this stretch.
    pub(super) fn complete(&mut self, now: Timestamp, id: RequestId, range: TimeRange) {
        self.now = now;
        self.engine.handle(now, Input::Net { id, event: NetEvent::End });
        if self.awaited.take_if(|awaited| *awaited == id).is_none() {
            return;
        }
        let track = TrackKind::Video;
        if !core::mem::replace(&mut self.decodes, true) {
            self.give(Some(id), PipelineEvent::Media(MediaEvent::Tracks { video: true, audio: false }));
            self.give(Some(id), PipelineEvent::Media(MediaEvent::Init(InitSection::blank())));
        }
        let data = FragmentBuf::from(Vec::new());
        let fragment = Fragment {
            track,
            range,
            decoded: range,
            last_frame: MediaTime::ZERO,
            starts_with_key_frame: true,
            data,
        };
        self.give(Some(id), PipelineEvent::Media(MediaEvent::Fragment(fragment)));
        let video = Some(range);
        self.give(Some(id), PipelineEvent::Finished(SegmentFacts { video, ..SegmentFacts::default() }));
    }

    fn give(&mut self, id: Option<RequestId>, event: PipelineEvent) {
        self.engine.handle_pipeline(self.now, LaneId::Main, id, event);
    }

    pub(super) fn poll(&mut self) -> Output {
        loop {
            match self.engine.poll() {
                Effect::Host(output) => return output,
                Effect::Pipeline(PipelineCommand::Begin { id, plan, .. }) => {
                    self.awaited = Some(id);
                    // Its timestamps are places of the presentation.
                    if let crate::media::Anchor::At(_) = plan.anchor {
                        let offset = MediaTime::ZERO.ticks();
                        self.give(Some(id), PipelineEvent::Media(MediaEvent::Timeline { offset }));
                    }
                }
                Effect::Pipeline(PipelineCommand::Drop(id)) => {
                    self.awaited.take_if(|awaited| *awaited == id);
                }
                Effect::Pipeline(PipelineCommand::Flush(_)) => self.give(None, PipelineEvent::Flushed),
                Effect::Pipeline(_) => {}
            }
        }
    }
}
