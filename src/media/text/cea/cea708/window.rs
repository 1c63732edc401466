//! A window of a service (CTA-708-E §8.4): its text, and where it is on the screen.

use crate::media::event::TextTrack;
use crate::media::text::cea::grid::{Cell, Grid, Indent, MAX_COLUMNS, MAX_ROWS, Pen, Text};
use crate::media::text::cea::shown::{Output, Shown};

/// Up to eight make a service.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    grid: Grid,
    place: Place,
    visible: bool,
    row: usize,
    column: usize,
    pub(super) pen: Pen,
    shown: Shown,
}

/// What DefineWindow says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// Percent of the screen.
    vertical: u32,
    horizontal: u32,
    /// Which point of the window is there: top left, top centre, top right, middle left ...
    anchor: u8,
    rows: usize,
    columns: usize,
    justify: u8,
}

impl Window {
    /// DefineWindow, for a window that may exist already: its text stays.
    pub(super) fn define(&mut self, parameters: [u8; 6], track: TextTrack, now: i64, out: &mut Output<'_>) {
        let [visible, vertical, horizontal, rows, columns, styles] = parameters.map(u32::from);
        let relative = vertical & 0x80 != 0;
        let percent = |at: u32, steps: u32| {
            let percent = if relative { at } else { at.saturating_mul(100).checked_div(steps).unwrap_or(0) };
            percent.min(100)
        };
        let number = |value: u32| usize::try_from(value).unwrap_or(0);
        let style = (styles >> 3) & 7;
        let place = Place {
            vertical: percent(vertical & 0x7f, 75),
            horizontal: percent(horizontal, 210),
            anchor: u8::try_from(rows >> 4).unwrap_or(0),
            rows: number(rows & 0x0f).saturating_add(1),
            columns: number(columns & 0x3f).saturating_add(1),
            // Of the predefined styles (table 27), these two are centred. A style of 0 is that of before.
            justify: match style {
                0 => self.place.justify,
                3 | 6 => CENTER,
                _ => LEFT,
            },
        };
        let visible = visible & 0x20 != 0;
        if place != self.place || visible != self.visible {
            self.change(track, now, out, |it| (it.place, it.visible) = (place, visible));
        }
    }

    /// SetWindowAttributes: only how lines are justified is of use.
    pub(super) fn set_attributes(&mut self, third: u8, track: TextTrack, now: i64, out: &mut Output<'_>) {
        let justify = third & 3;
        if justify != self.place.justify {
            self.change(track, now, out, |it| it.place.justify = justify);
        }
    }

    pub(super) fn set_visible(&mut self, visible: bool, track: TextTrack, now: i64, out: &mut Output<'_>) {
        if visible != self.visible {
            self.change(track, now, out, |it| it.visible = visible);
        }
    }

    pub(super) fn is_visible(&self) -> bool {
        self.visible
    }

    pub(super) fn clear(&mut self, track: TextTrack, now: i64, out: &mut Output<'_>) {
        self.change(track, now, out, |it| it.grid.clear());
    }

    /// SetPenLocation.
    pub(super) fn move_pen(&mut self, row: u8, column: u8) {
        self.row = usize::from(row).min(MAX_ROWS - 1);
        self.column = usize::from(column).min(MAX_COLUMNS - 1);
    }

    #[inline(never)]
    pub(super) fn write(&mut self, character: char, track: TextTrack, now: i64, out: &mut Output<'_>) {
        if let Some(range) = self.shown.step(now) {
            self.put_out(range, track, out);
        }
        // More columns than a window was said to have do no harm here.
        self.grid.put(self.row, self.column, Cell { character, pen: self.pen });
        self.column = self.column.saturating_add(1).min(MAX_COLUMNS);
        if self.visible && character != ' ' {
            self.shown.set(true, now);
        }
    }

    pub(super) fn backspace(&mut self, track: TextTrack, now: i64, out: &mut Output<'_>) {
        let Some(column) = self.column.checked_sub(1) else { return };
        self.column = column;
        let row = self.row;
        self.change(track, now, out, |it| it.grid.erase(row, column));
    }

    /// CR: to the next row. Behind the last, all go up.
    pub(super) fn carriage_return(&mut self, track: TextTrack, now: i64, out: &mut Output<'_>) {
        self.column = 0;
        let next = self.row.saturating_add(1);
        if next < self.place.rows.min(MAX_ROWS) {
            self.row = next;
        } else {
            let row = self.row;
            self.change(track, now, out, |it| it.grid.roll(0, row));
        }
    }

    /// HCR: to the start of the row, which becomes empty.
    pub(super) fn restart_row(&mut self, track: TextTrack, now: i64, out: &mut Output<'_>) {
        self.column = 0;
        let row = self.row;
        self.change(track, now, out, |it| it.grid.truncate(row, 0));
    }

    /// Puts out what is shown, as far as it was shown until `now`.
    #[inline(never)]
    pub(super) fn cut(&mut self, track: TextTrack, now: i64, out: &mut Output<'_>) {
        if let Some(range) = self.shown.cut(now) {
            self.put_out(range, track, out);
        }
    }

    pub(super) fn rebase(&mut self, now: i64) {
        self.shown.rebase(now);
    }

    fn change(&mut self, track: TextTrack, now: i64, out: &mut Output<'_>, change: impl FnOnce(&mut Self)) {
        self.cut(track, now, out);
        change(self);
        self.settle(now);
    }

    /// Says whether anything is shown.
    #[inline(never)]
    fn settle(&mut self, now: i64) {
        self.shown.set(self.visible && !self.grid.is_blank(), now);
    }

    fn put_out(&self, range: (i64, i64), track: TextTrack, out: &mut Output<'_>) {
        let indent = match (self.place.justify, self.place.anchor % 3) {
            (CENTER | RIGHT, _) => Indent::None,
            (_, 0) => Indent::Relative,
            _ => Indent::Absolute,
        };
        if let Some(text) = self.grid.text(indent) {
            let settings = self.place.settings(&text);
            out.cue(track, range, settings, text.text);
        }
    }
}

impl Place {
    fn settings(&self, text: &Text) -> String {
        let pick = |names: [&'static str; 3], index: u8| names.get(usize::from(index)).copied().unwrap_or("");
        let line = pick(["start", "center", "end"], (self.anchor / 3).min(2));
        let position = pick(["line-left", "center", "line-right"], self.anchor % 3);
        let align = match self.justify {
            CENTER => "center",
            RIGHT => "end",
            _ => "start",
        };
        // From the window's anchor to that of its text.
        let vertical = match self.anchor / 3 {
            0 => self.vertical.saturating_add(percent(text.row, 15)),
            1 => self.vertical,
            _ => self.vertical.saturating_sub(percent(self.rows.saturating_sub(text.bottom + 1), 15)),
        };
        let mut horizontal = self.horizontal;
        let mut size = String::new();
        if !self.anchor.is_multiple_of(3) {
            // Lines start or end at the window's edges, not at its anchor, so its width matters.
            size = format!(" size:{}%", percent(self.columns.max(text.width), 42).min(100));
        } else if self.justify == LEFT {
            horizontal = horizontal.saturating_add(percent(text.column, 42));
        }
        let (vertical, horizontal) = (vertical.min(100), horizontal.min(100));
        format!("line:{vertical}%,{line} position:{horizontal}%,{position} align:{align}{size}")
    }
}

/// Percent of the screen: 15 rows or 42 columns fill the safe title area, the middle 80 percent.
fn percent(part: usize, whole: u32) -> u32 {
    u32::try_from(part).unwrap_or(0).saturating_mul(80).checked_div(whole).unwrap_or(0)
}

const LEFT: u8 = 0;
const RIGHT: u8 = 1;
const CENTER: u8 = 2;
