//! Which rung: the choice for the next segment, and the second thought about the one that is loading.
//!
//! A segment that is given up for a lower rung is asked for again from its start; what was handed on of it plays until
//! the other replaces it. It can only go down from rung to rung, so the second thoughts about a segment end.

use core::time::Duration;

use crate::abr::{Situation, Transfer};
use crate::time::{MediaTime, Timestamp};

use super::io::{Output, PipelineCommand};
use super::lane::LaneId;
use super::requests::Purpose;
use super::timers::Timer;
use super::{Engine, Stage};

impl Engine {
    /// The rung that the next segment should be of.
    pub(super) fn choose_rung(&mut self, now: Timestamp) -> usize {
        let (buffer, place) = (self.buffer_ahead(), self.place_to_fill(LaneId::Main));
        let (floor, cap) = self.allowed(now);
        let chosen = match (self.held_rung, self.lanes.main.again()) {
            (Some(rung), _) => rung,
            (None, Some(rung)) => rung,
            (None, None) => {
                let choice = self.ask_rule(now, buffer, cap, |rule, situation| rule.choose(situation));
                choice.unwrap_or(0).clamp(floor, cap)
            }
        };
        let Stage::Open(catalog) = &self.stage else { return 0 };
        catalog.usable(chosen, place)
    }

    /// Whether the rule would rather let some of the buffer play first; it is asked again then.
    pub(super) fn rests(&mut self, now: Timestamp) -> bool {
        if self.held_rung.is_some() || self.lanes.main.again().is_some() {
            return false;
        }
        let (buffer, (_, cap)) = (self.buffer_ahead(), self.allowed(now));
        let rest = self.ask_rule(now, buffer, cap, |rule, situation| rule.rest(situation));
        let rest = rest.filter(|rest| *rest > MediaTime::ZERO);
        if let Some(rest) = rest {
            self.refill_after(now, rest);
        }
        rest.is_some()
    }

    /// Shows the rule how things stand, with the rungs up to `cap`; nothing while there are no rungs.
    fn ask_rule<T>(
        &mut self,
        now: Timestamp,
        buffer: MediaTime,
        cap: usize,
        ask: impl FnOnce(&mut dyn crate::abr::Rule, &Situation<'_>) -> T,
    ) -> Option<T> {
        let buffer_goal = self.goal(now);
        let Stage::Open(catalog) = &self.stage else { return None };
        let ladder = catalog.ladder();
        let current = self.lanes.main.finished_rung().or(self.lanes.main.rung);
        let situation = Situation {
            now,
            ladder: ladder.get(..=cap).unwrap_or(ladder),
            current: current.map(|rung| rung.min(cap)),
            estimate: self.throughput.estimate(),
            history: &self.history,
            buffer,
            buffer_goal,
            segment: catalog.segment_length(),
            started: self.playhead.has_started(),
        };
        Some(ask(self.rule.as_mut(), &situation))
    }

    /// Whether the segment being loaded is played while it comes in, and comes in faster than it is played: then nothing
    /// waits for its end.
    fn plays_as_it_comes(&self, transfer: &Transfer, target: MediaTime) -> bool {
        let Some(loading) = self.lanes.main.loading() else { return false };
        let (range, handed_on) = (loading.range, self.playhead.place() + self.ahead(LaneId::Main) - target);
        let (Some(size), Some(latency)) = (transfer.size, transfer.latency) else { return false };
        if handed_on <= MediaTime::ZERO || transfer.idle > SECOND_THOUGHT || transfer.received == 0 {
            return false;
        }
        let (received, left) = (transfer.received as f64, size.saturating_sub(transfer.received) as f64);
        let takes = left / received * transfer.elapsed.saturating_sub(latency).as_secs_f64();
        let lasts = (range.end - range.start).as_secs() * left / size.max(1) as f64;
        takes * KEEPS_UP < lasts
    }

    /// Looks at the segment being loaded: it may be better to give it up for a lower rung.
    pub(super) fn think_again(&mut self, now: Timestamp) {
        self.history.passed(now);
        let Some((rung, target, id, replaces)) =
            self.lanes.main.loading().and_then(|l| Some((l.rung, l.target, l.request?, l.replaces)))
        else {
            self.timers.set(Timer::SecondThought, None);
            return;
        };
        self.timers.set(Timer::SecondThought, Some(now + SECOND_THOUGHT));
        if replaces {
            return self.keep_what_plays(now, target);
        }
        if rung == 0 || self.held_rung.is_some() {
            return;
        }
        let Some(flight) = self.requests.in_flight(id) else { return };
        let transfer = Transfer {
            rung,
            before: self.lanes.main.finished_rung(),
            received: flight.received,
            size: flight.head.as_ref().and_then(|head| head.content_length),
            elapsed: now.since(flight.sent()),
            latency: flight.latency(),
            idle: now.since(flight.active()),
        };
        if self.plays_as_it_comes(&transfer, target) {
            return;
        }
        // What has been handed on of this segment would be replaced: it does not count.
        let place = self.playhead.place();
        let buffer = self.buffer_ahead().min(target - place).max(MediaTime::ZERO);
        let lower =
            self.ask_rule(now, buffer, usize::MAX, |rule, situation| rule.abandon(situation, &transfer));
        let (floor, _) = self.allowed(now);
        let Stage::Open(catalog) = &self.stage else { return };
        let lower = lower.flatten().map(|lower| catalog.usable(lower.max(floor), target));
        let lower = lower.filter(|lower| *lower < rung);
        let Some(lower) = lower else { return };
        // To wait for a playlist on the way down would cost what going down is to save.
        if catalog.media(LaneId::Main, lower).is_none() {
            self.ask_for_playlist(now, LaneId::Main, lower);
            return;
        }
        let facts = [("from", rung as u64), ("to", lower as u64), ("bytes", transfer.received)];
        self.reports.trace.note(now, "segment_given_up", &facts);
        self.reports.qoe.wasted(transfer.received);
        self.history.ended(now, rung, true);
        for id in self.requests.give_up(|purpose| *purpose == Purpose::Segment(LaneId::Main)) {
            self.push(Output::Abort(id));
            self.command(PipelineCommand::Drop(id));
        }
        self.lanes.main.go_down(lower);
    }
}

/// Media that comes in this much faster than it is played does so for long enough.
const KEEPS_UP: f64 = 1.2;
/// How often a segment being loaded is thought about.
pub(super) const SECOND_THOUGHT: Duration = Duration::from_millis(250);
