//! The byte pairs of one field of line 21 (CTA-608-E §6): which channel they are of, and what they say to it.

use super::channel::Channel;
use super::charset;
use crate::media::text::cea::shown::Output;

/// Field 1 has CC1 and CC2, field 2 has CC3 and CC4, and extended data services (program names and such) that are not
/// for the screen.
#[derive(Clone, Debug, Default)]
pub(in crate::media::text::cea) struct Field {
    channels: [Option<Box<Channel>>; 2],
    /// The channel that characters are of.
    current: Option<usize>,
    /// The last code, if it may be repeated: codes are sent twice, and done once.
    repeatable: Option<[u8; 2]>,
    /// Characters are of extended data services.
    extended_data: bool,
    /// Bit 7 is a parity. Some encoders leave it zero throughout; all of what they send is taken.
    has_parity: bool,
}

impl Field {
    /// Takes a pair, padding excepted. `field` is 0 or 1.
    pub(in crate::media::text::cea) fn pair(
        &mut self,
        field: u8,
        pair: [u8; 2],
        now: i64,
        out: &mut Output<'_>,
    ) {
        self.has_parity |= pair.iter().any(|byte| byte & 0x80 != 0 && is_odd(*byte));
        let sound = pair.map(|byte| !self.has_parity || is_odd(byte));
        let [first, second] = match (pair.map(|byte| byte & 0x7f), sound) {
            (pair, [true, true]) => pair,
            // What a damaged character is to be shown as.
            ([first, _], [true, false]) if first >= 0x20 => [first, 0x7f],
            _ => return,
        };
        match first {
            0x10..=0x1f => {
                self.extended_data = false;
                if self.repeatable.take() == Some([first, second]) {
                    return;
                }
                self.repeatable = Some([first, second]);
                let index = usize::from(first & 0x08 != 0);
                self.current = Some(index);
                let Some(channel) = self.channels.get_mut(index) else { return };
                let number = if field == 0 { 1 } else { 3 } + u8::from(first & 0x08 != 0);
                let channel = channel.get_or_insert_with(|| Box::new(Channel::new(number)));
                code(channel, first & 0x17, second, now, out);
            }
            0x01..=0x0f => {
                self.repeatable = None;
                self.extended_data = field == 1 && first != 0x0f;
            }
            _ => {
                self.repeatable = None;
                let channel = self.current.and_then(|index| self.channels.get_mut(index)?.as_mut());
                if let Some(channel) = channel.filter(|_| !self.extended_data) {
                    for byte in [first, second] {
                        if byte >= 0x20 {
                            channel.write(charset::basic(byte), now, out);
                        }
                    }
                }
            }
        }
    }

    /// Puts out what is shown, as far as it was shown until `now`.
    pub(in crate::media::text::cea) fn cut(&mut self, now: i64, out: &mut Output<'_>) {
        for channel in self.channels.iter_mut().flatten() {
            channel.cut(now, out);
        }
    }

    /// Time jumps to `now`.
    pub(in crate::media::text::cea) fn rebase(&mut self, now: i64) {
        for channel in self.channels.iter_mut().flatten() {
            channel.rebase(now);
        }
    }
}

/// A code of two bytes; the first without its channel bit.
fn code(channel: &mut Channel, first: u8, second: u8, now: i64, out: &mut Output<'_>) {
    match (first, second) {
        (0x11, 0x20..=0x2f) => channel.mid_row(second, now, out),
        (0x11, 0x30..=0x3f) => channel.write(charset::special(second), now, out),
        (0x12 | 0x13, 0x20..=0x3f) => channel.extended(first == 0x13, second, now, out),
        // Field 2 has codes of its own, lest the ones of field 1 be taken for them; encoders mix them up.
        (0x14 | 0x15, 0x20..=0x2f) => channel.control(second, now, out),
        (0x17, 0x21..=0x23) => channel.tab(second & 3),
        (0x10..=0x17, 0x40..=0x7f) => {
            let lower = usize::from(second & 0x20 != 0);
            let row = PREAMBLE_ROWS.get(usize::from(first & 7)).and_then(|rows| rows.get(lower));
            if let Some(&row) = row {
                channel.address(row.into(), second & 0x1f, now, out);
            }
        }
        // Background colours and character sets.
        _ => {}
    }
}

fn is_odd(byte: u8) -> bool {
    byte.count_ones() % 2 == 1
}

/// Rows of preamble address codes, from 0 (CTA-608-E table 53).
const PREAMBLE_ROWS: [[u8; 2]; 8] = [[10, 10], [0, 1], [2, 3], [11, 12], [13, 14], [4, 5], [6, 7], [8, 9]];
