//! One caption service: the codes of its blocks (CTA-708-E §7.1) and the commands among them (§8.10).

use super::charset;
use super::window::Window;
use crate::media::event::TextTrack;
use crate::media::text::cea::grid::Pen;
use crate::media::text::cea::shown::Output;

/// Delays are not kept: what is late by half a second in a broadcast can be on time here.
#[derive(Clone, Debug)]
pub(super) struct Service {
    track: TextTrack,
    windows: [Option<Box<Window>>; 8],
    current: usize,
}

impl Service {
    pub(super) fn new(number: u8) -> Self {
        Self { track: TextTrack::Cea708(number), windows: Default::default(), current: 0 }
    }

    /// Takes a block. A code whose end is missing is dropped.
    pub(super) fn run(&mut self, mut block: &[u8], now: i64, out: &mut Output<'_>) {
        while let Some((&code, rest)) = block.split_first() {
            let length = match code {
                EXTENSION => extension_length(rest),
                0x11..=0x17 => 1,
                0x18..=0x1f => 2,
                0x88..=0x8d => 1,
                0x90 | 0x92 => 2,
                0x91 => 3,
                0x97 => 4,
                0x98..=0x9f => 6,
                _ => 0,
            };
            let Some((operands, rest)) = rest.split_at_checked(length) else { return };
            self.code(code, operands, now, out);
            block = rest;
        }
    }

    /// Puts out what is shown, as far as it was shown until `now`.
    pub(super) fn cut(&mut self, now: i64, out: &mut Output<'_>) {
        for window in self.windows.iter_mut().flatten() {
            window.cut(self.track, now, out);
        }
    }

    pub(super) fn rebase(&mut self, now: i64) {
        for window in self.windows.iter_mut().flatten() {
            window.rebase(now);
        }
    }

    fn code(&mut self, code: u8, operands: &[u8], now: i64, out: &mut Output<'_>) {
        let track = self.track;
        if let 0x88..=0x8c = code {
            return self.for_windows(code, operands.first().copied().unwrap_or(0), now, out);
        }
        match (code, operands) {
            (0x80..=0x87, _) => self.current = usize::from(code & 7), // CWx, set current window
            (0x8f, _) => self.for_windows(0x8c, 0xff, now, out),      // RST, reset
            (0x98..=0x9f, &[a, b, c, d, e, f]) => {
                self.current = usize::from(code & 7);
                if let Some(window) = self.windows.get_mut(self.current) {
                    window.get_or_insert_default().define([a, b, c, d, e, f], track, now, out);
                }
            }
            _ => {
                let Some(window) = self.windows.get_mut(self.current).and_then(Option::as_mut) else {
                    return;
                };
                match (code, operands) {
                    (0x08, _) => window.backspace(track, now, out),
                    (0x0c, _) => {
                        window.clear(track, now, out); // FF, form feed
                        window.move_pen(0, 0);
                    }
                    (0x0d, _) => window.carriage_return(track, now, out),
                    (0x0e, _) => window.restart_row(track, now, out),
                    (0x18, &[high, low]) => {
                        // P16: two-byte characters, in practice Unicode.
                        let unit = u32::from(u16::from_be_bytes([high, low]));
                        let character = char::from_u32(unit).filter(|c| !c.is_control()).unwrap_or('_');
                        window.write(character, track, now, out);
                    }
                    (0x90, &[_, look]) => {
                        // SPA, set pen attributes.
                        window.pen = Pen { italic: look & 0x80 != 0, underline: look & 0x40 != 0 };
                    }
                    (0x92, &[row, column]) => window.move_pen(row & 0x0f, column & 0x3f),
                    (0x97, &[_, _, justify, _]) => window.set_attributes(justify, track, now, out),
                    (0x20..=0x7f, _) => window.write(charset::g0(code), track, now, out),
                    (0xa0..=0xff, _) => window.write(char::from(code), track, now, out),
                    (EXTENSION, &[extended @ 0x20..=0x7f]) => {
                        window.write(charset::g2(extended), track, now, out);
                    }
                    // G3 has one character: the sign for closed captions.
                    (EXTENSION, &[0xa0]) => {
                        for character in "[CC]".chars() {
                            window.write(character, track, now, out);
                        }
                    }
                    (EXTENSION, &[0xa1..=0xff]) => window.write('_', track, now, out),
                    _ => {}
                }
            }
        }
    }

    /// ClearWindows, DisplayWindows, HideWindows, ToggleWindows, DeleteWindows: a bit for each window.
    fn for_windows(&mut self, code: u8, which: u8, now: i64, out: &mut Output<'_>) {
        let track = self.track;
        for (_, slot) in self.windows.iter_mut().enumerate().filter(|(i, _)| (which >> i) & 1 != 0) {
            let Some(window) = slot else { continue };
            match code {
                0x88 => window.clear(track, now, out),
                0x89 => window.set_visible(true, track, now, out),
                0x8a => window.set_visible(false, track, now, out),
                0x8b => window.set_visible(!window.is_visible(), track, now, out),
                _ => {
                    window.set_visible(false, track, now, out);
                    *slot = None;
                }
            }
        }
    }
}

/// Bytes behind EXT1: a code, and what belongs to it (§7.1.11, tables 14 to 17).
fn extension_length(rest: &[u8]) -> usize {
    let operands = match rest {
        [0x08..=0x0f, ..] => 1,
        [0x10..=0x17, ..] => 2,
        [0x18..=0x1f, ..] => 3,
        [0x80..=0x87, ..] => 4,
        [0x88..=0x8f, ..] => 5,
        // Of variable length: the next byte says how many follow it.
        [0x90..=0x9f, length, ..] => 1 + usize::from(length & 0x1f),
        [0x90..=0x9f] => 1,
        _ => 0,
    };
    1 + operands
}

const EXTENSION: u8 = 0x10;
