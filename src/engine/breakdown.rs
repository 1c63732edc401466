//! The browser refuses media, or does not play it: the sink is made anew in the same place, then without what may be at
//! fault, as the recovery table says.

use crate::error::{Phase, PlayerError};
use crate::time::{MediaTime, Timestamp};

use super::io::{Output, SinkCommand, SinkFailure};
use super::lane::LaneId;
use super::recovery::{BREAKDOWNS_COUNT_FOR, Mend, mend};
use super::sink::SinkLink;
use super::{Engine, Stage};

impl Engine {
    /// The sink refused something for good.
    pub(super) fn sink_failed(&mut self, now: Timestamp, failure: SinkFailure, detail: String) {
        let code = match failure {
            SinkFailure::Unavailable => "mse_unavailable",
            SinkFailure::UnsupportedType => "codec_unsupported",
            SinkFailure::Append => "append_failed",
            SinkFailure::Decode => "decode_failed",
            SinkFailure::Closed => "sink_closed",
        };
        match failure {
            // Late news of a sink that was let go: the one in use has not been given anything yet.
            SinkFailure::Append | SinkFailure::Decode
                if matches!(self.stage, Stage::Opening | Stage::Open(_)) && self.sink.is_told_late() => {}
            SinkFailure::Append | SinkFailure::Decode
                if matches!(self.stage, Stage::File) && !self.sink.is_opened() => {}
            // The element does not take the media source itself: to attach another would change nothing.
            SinkFailure::Append | SinkFailure::Decode
                if matches!(self.stage, Stage::Opening | Stage::Open(_)) && self.sink.is_untouched() =>
            {
                self.push(Output::Sink(SinkCommand::Detach));
                self.sink = SinkLink::new();
                self.fatal(now, code, Phase::Sink, detail, None);
            }
            // What was being appended may lie far ahead of the playhead.
            SinkFailure::Append if matches!(self.stage, Stage::Open(_)) => {
                let place = self.sink.appending().unwrap_or_else(|| self.playhead.place());
                self.broke_down_at(now, code, detail, place);
            }
            SinkFailure::Decode if matches!(self.stage, Stage::Open(_)) => {
                self.broke_down(now, code, detail);
            }
            // It is what came last that is not taken; what plays was.
            SinkFailure::UnsupportedType if self.has_other_rung() => {
                let rung = self.lanes.main.at_rung().unwrap_or(0);
                self.tell_breakdown(now, code, detail);
                if let Stage::Open(catalog) = &mut self.stage
                    && let Some(stream) = catalog.stream_mut(LaneId::Main, rung)
                {
                    stream.standing.exclude();
                }
                self.make_anew(now);
            }
            _ => self.fatal(now, code, Phase::Sink, detail, None),
        }
    }

    /// The browser does not go on with the media that it has.
    pub(super) fn broke_down(&mut self, now: Timestamp, code: &'static str, message: String) {
        self.broke_down_at(now, code, message, self.playhead.place());
    }

    /// The same, with what lies at this place.
    fn broke_down_at(&mut self, now: Timestamp, code: &'static str, message: String, place: MediaTime) {
        let (before, last) = self.breakdowns;
        // Where nothing has played yet, it takes longer than that to see that nothing does.
        let is_over = now.since(last) > BREAKDOWNS_COUNT_FOR && self.playhead.has_started();
        let count = if is_over { 1 } else { before.saturating_add(1) };
        self.breakdowns = (count, now);
        match mend(count) {
            Mend::GiveUp => self.fatal(now, code, Phase::Sink, message, None),
            remedy => {
                self.tell_breakdown(now, code, message);
                if remedy == Mend::Without {
                    let rung = self.playhead.rung_at(place).or(self.lanes.main.at_rung()).unwrap_or(0);
                    self.leave_out(now, rung, place);
                }
                self.make_anew(now);
            }
        }
    }

    fn tell_breakdown(&mut self, now: Timestamp, code: &'static str, message: String) {
        let error = PlayerError { code, phase: Phase::Sink, status: None, fatal: false, message, url: None };
        self.report_error(now, error);
    }

    /// The sink, in the same place.
    fn make_anew(&mut self, now: Timestamp) {
        let place = self.playhead.place();
        self.begin_anew(now);
        self.playhead.restarts(Some(place));
        self.tell_sink();
    }

    /// Leaves out what may be at fault there: the rung, or if there is no other the segment.
    fn leave_out(&mut self, now: Timestamp, rung: usize, place: MediaTime) {
        let Stage::Open(catalog) = &mut self.stage else { return };
        if catalog.has_other(LaneId::Main, rung, place) {
            return catalog.bury(now, LaneId::Main, rung, Some(place));
        }
        if let Some(media) = catalog.stream_mut(LaneId::Main, rung).and_then(|s| s.media.as_mut())
            && let Some(sequence) = media.segment_from(place).map(|segment| segment.sequence)
        {
            media.playlist.set_gap(sequence);
        }
    }

    fn has_other_rung(&self) -> bool {
        let Stage::Open(catalog) = &self.stage else { return false };
        let rung = self.lanes.main.at_rung().unwrap_or(0);
        catalog.has_other(LaneId::Main, rung, self.playhead.place())
    }
}
