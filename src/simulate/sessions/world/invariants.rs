//! What must hold of a session after every step, and at its end.

use super::*;

impl World<'_> {
    /// Whoever does not move although they should has a reason that the session can name, and not for ever.
    pub(super) fn check_motion(&mut self, position: MediaTime) {
        let state = self.element.state();
        let over = self.stopped || self.fatal.is_some();
        if position != self.position || state.paused || self.element.ended || over {
            self.moved = self.now;
        }
        self.position = position;
        if self.now <= self.scenario.calm || self.now < self.element.frozen {
            return;
        }
        let since = self.now.since(self.moved.max(self.scenario.calm));
        assert!(
            since < RECOVERY,
            "nothing moves for {since:?} with nothing wrong any more: at {position}, buffered {:?}, waiting for {:?}, in flight {:?}",
            self.element.buffered(),
            self.stats.as_ref().map(|s| s.waiting_for),
            self.in_flight.values().map(|r| r.url.redacted()).collect::<Vec<_>>()
        );
    }

    /// Who goes somewhere plays from there, as long as the stream has media there.
    pub(super) fn check_step(&mut self, to: MediaTime) {
        let Scenario { mild, live, stream, .. } = &self.scenario;
        let honest = stream.gaps.is_empty() && stream.told == 1000 && stream.sections.len() == 1;
        let end = MediaTime::from_millis(i64::try_from(self.scenario.seconds()).unwrap() * 1000);
        let Some(wanted) = self.wanted.filter(|_| *mild && live.is_none() && honest) else {
            return;
        };
        // What two copies lack is taken for missing.
        let segment = wanted.to_duration().as_secs() / (stream.pieces as u64 * PIECE);
        if self.origin.came_short_twice(segment as usize) {
            return;
        }
        let begun = self.position > wanted + MediaTime::from_millis(300);
        let close = MediaTime::from_millis(1000);
        assert!(begun || to <= wanted + close || wanted + close > end, "sent from {wanted} on to {to}");
    }

    /// Nobody waits for long with nothing under way: no request, no operation of the sink, and none that is only put off.
    pub(super) fn check_waiting(&mut self) {
        let state = self.element.state();
        let waits = state.ready_state < 3 && !state.paused && !self.element.ended && !self.over();
        if !waits || !self.in_flight.is_empty() || self.element.is_busy() {
            self.busy = self.now;
        }
        let idle = self.now.since(self.busy);
        assert!(
            idle < PUT_OFF,
            "waits for {:?} at {} with nothing under way for {idle:?}",
            self.stats.as_ref().and_then(|stats| stats.waiting_for),
            state.position
        );
    }

    pub(super) fn told(&mut self, stats: Box<Stats>) {
        let state = self.element.state();
        let waits = state.ready_state < 3 && !state.paused && !self.element.ended && !state.seeking;
        let fresh = self.now.since(self.moved) < Duration::from_millis(300);
        if waits && !fresh {
            assert!(stats.waiting_for.is_some(), "waits at {} for nothing that it can name", state.position);
        }
        let qoe = &stats.qoe;
        assert_eq!((qoe.bytes_total, qoe.failure_count), (self.counted, self.errors), "bytes and failures");
        self.stats = Some(stats);
    }

    pub(super) fn finish(&mut self) -> Summary {
        let ended = self.element.ended;
        // Of a server that began anew some segments may never be seen, and what is seen moves up.
        let moved_up = self.scenario.live.as_ref().is_some_and(|live| live.restart.is_some());
        if ended && !self.over() && !moved_up {
            // Where a playlist says that its segments are shorter than they are, whoever begins at the end begins there.
            let told = self.scenario.stream.told.min(1000) as f64 / 1000.0;
            // Another may come when the video is over: what is left out for a while gets another chance.
            let at_the_end = self.ended_without.unwrap_or_else(|| self.origin.missing_at_the_end());
            let missing = at_the_end + self.origin.before_zero();
            let pieces = (missing * self.scenario.stream.pieces) as u64;
            let (at, whole) =
                (self.position.as_secs(), (self.scenario.seconds() - pieces * PIECE) as f64 * told);
            assert!(at >= whole - self.origin.end_slack(), "ended at {at} of {whole}");
        }
        assert_eq!(self.over(), self.detached, "over and detached");
        if let Some(door) = &self.scenario.door {
            let took = self.now.since(Timestamp::ZERO);
            self.renewals.check(door, took, self.origin.refused + self.origin.turned_away);
            // A request that is long on its way may find that what it carries has ended.
            if door.is_in_time() && !self.slept && !self.hindered {
                assert_eq!(self.origin.refused, 0, "refusals at a door that is renewed in time: {door:?}");
            }
        }
        if let Some(stats) = self.stats.as_ref().filter(|_| !self.over()) {
            // Statistics are a quarter of a second old.
            let qoe = &stats.qoe;
            assert!(qoe.bytes_total <= self.bytes, "{} bytes of {}", qoe.bytes_total, self.bytes);
            assert!(qoe.bytes_by_rung.iter().sum::<u64>() <= qoe.bytes_total);
            assert!(qoe.seek_count <= self.seeks, "{} seeks of {}", qoe.seek_count, self.seeks);
            let stalls = u64::from(self.element.stalls);
            assert!(
                qoe.stall_count.abs_diff(stalls) <= 1 + self.seeks + self.own_seeks,
                "{} stalls of {stalls}",
                qoe.stall_count
            );
        }
        Summary { steps: self.steps, fatal: self.fatal.is_some(), ended, stalls: self.element.stalls }
    }
}
