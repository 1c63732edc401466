//! Presentation times by picture order count, for access units that come without time stamps.

use crate::media::codec::nal::Order;

/// Follows the count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OutputOrder {
    /// That of the last picture that leads.
    leader: i64,
    /// The count and the presentation time of the last picture.
    last: Option<(i64, i64)>,
    /// The latest presentation time.
    latest: i64,
}

impl OutputOrder {
    /// Takes the next picture. `pts` is its presentation time if it has a time stamp, else a guess. Says the time that it
    /// goes to. A frame has `counts` and lasts `frame` ticks.
    pub(super) fn place(
        &mut self,
        order: Option<Order>,
        pts: i64,
        stamped: bool,
        counts: i64,
        frame: i64,
    ) -> i64 {
        let Some(order) = order else {
            *self = Self { latest: pts, ..Self::default() };
            return pts;
        };
        let count = self.count(order);
        let placed = match self.last {
            _ if stamped => pts,
            Some(_) if order.restarts => self.latest.saturating_add(frame),
            Some((last, time)) => {
                let ticks = count.saturating_sub(last).saturating_mul(frame).div_euclid(counts.max(1));
                time.saturating_add(ticks)
            }
            None => pts,
        };
        self.latest = if self.last.is_some() && !order.restarts { self.latest.max(placed) } else { placed };
        // Counting on from a stamped picture, so that nothing adds up.
        if stamped || order.restarts || self.last.is_none() {
            self.last = Some((count, placed));
        }
        placed
    }

    /// The whole count of a picture.
    fn count(&mut self, order: Order) -> i64 {
        let (low, range) = (i64::from(order.low), 1_i64 << order.bits.min(32));
        let near = if order.restarts { 0 } else { self.leader };
        let ahead = low.saturating_sub(near).rem_euclid(range);
        let count = near.saturating_add(if ahead > range / 2 { ahead - range } else { ahead });
        let count = if order.restarts { low } else { count };
        if order.leads {
            self.leader = count;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_between_stamped_ones_go_where_the_count_says() {
        let order = |low: u32, restarts| {
            Some(Order { low: low % 16, bits: 4, restarts, leads: low.is_multiple_of(8) })
        };
        let mut output = OutputOrder::default();
        assert_eq!(output.place(order(0, true), 1000, true, 2, 10), 1000);
        for (low, time) in [(8, 1040), (4, 1020), (2, 1010), (6, 1030), (16, 1080), (12, 1060), (24, 1120)] {
            assert_eq!(output.place(order(low, false), 1, false, 2, 10), time, "{low}");
        }
        // A stamped one is believed, and those behind it follow it; a new count begins behind the latest picture.
        assert_eq!(output.place(order(28, false), 1200, true, 2, 10), 1200);
        assert_eq!(output.place(order(26, false), 1, false, 2, 10), 1190);
        assert_eq!(output.place(order(0, true), 1, false, 2, 10), 1210);
        assert_eq!(output.place(order(2, false), 1, false, 2, 10), 1220);
        // Without a count, the guess.
        assert_eq!(output.place(None, 7, false, 2, 10), 7);
    }
}
