//! The display of one channel (47 CFR 15.119(f)): two memories of 15 rows and 32 columns, one of them shown.

use super::charset;
use crate::media::event::TextTrack;
use crate::media::text::cea::grid::{Cell, Grid, Pen, Text};
use crate::media::text::cea::shown::{Output, Shown};

/// One of CC1 to CC4. What is called from many places is not inlined: captions have a few bytes a picture, and the
/// player is small.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    track: TextTrack,
    mode: Mode,
    displayed: Grid,
    hidden: Grid,
    /// The next character's place, from 0. The column behind the last stands for the last, written.
    row: usize,
    column: usize,
    pen: Pen,
    shown: Shown,
}

/// Where characters go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nowhere: the stream did not say yet, or they are of a text channel.
    Nowhere,
    /// Into the hidden memory, until it is swapped with the displayed one.
    PopOn,
    /// Into the displayed memory.
    PaintOn,
    /// Into the lowest of this many displayed rows.
    RollUp(usize),
}

impl Channel {
    pub(super) fn new(number: u8) -> Self {
        Self {
            track: TextTrack::Cea608(number),
            mode: Mode::Nowhere,
            displayed: Grid::default(),
            hidden: Grid::default(),
            row: ROWS - 1,
            column: 0,
            pen: Pen::default(),
            shown: Shown::default(),
        }
    }

    /// A miscellaneous control code, by its second byte.
    pub(super) fn control(&mut self, code: u8, now: i64, out: &mut Output<'_>) {
        match code {
            0x20 => self.mode = Mode::PopOn, // RCL, resume caption loading
            0x21 => self.backspace(now, out),
            0x24 => self.delete_to_end_of_row(now, out),
            0x25..=0x27 => self.roll_up(usize::from(code - 0x23), now, out),
            0x28 => self.write(' ', now, out), // FON, flash on: takes a place
            0x29 => self.mode = Mode::PaintOn, // RDC, resume direct captioning
            0x2a | 0x2b => self.mode = Mode::Nowhere, // TR, RTD: text, not captions
            0x2c => self.change(now, out, |it| it.displayed.clear()), // EDM, erase displayed memory
            0x2d => self.carriage_return(now, out),
            0x2e => self.hidden.clear(), // ENM, erase non-displayed memory
            0x2f => {
                // EOC, end of caption.
                self.mode = Mode::PopOn;
                self.change(now, out, |it| core::mem::swap(&mut it.displayed, &mut it.hidden));
            }
            _ => {}
        }
    }

    /// Preamble address code: the cursor's row, its column or colour, and the pen.
    pub(super) fn address(&mut self, row: usize, attributes: u8, now: i64, out: &mut Output<'_>) {
        let row = row.min(ROWS - 1);
        if let Mode::RollUp(depth) = self.mode {
            // All rows go along. The window has to fit above its base row.
            let (old, new) = (self.row, row.max(depth.saturating_sub(1)));
            if new != old {
                self.change(now, out, |it| it.displayed.move_rows(old, depth, new));
            }
            self.row = new;
        } else {
            self.row = row;
        }
        let indented = attributes & 0x10 != 0;
        self.column = if indented { usize::from((attributes >> 1) & 7).saturating_mul(4) } else { 0 };
        self.pen = Pen { italic: attributes & 0x1e == ITALIC, underline: attributes & 1 != 0 };
    }

    /// A mid-row code takes a place, and changes the pen behind it.
    pub(super) fn mid_row(&mut self, attributes: u8, now: i64, out: &mut Output<'_>) {
        self.pen = Pen::default();
        self.write(' ', now, out);
        self.pen = Pen { italic: attributes & 0x0e == ITALIC, underline: attributes & 1 != 0 };
    }

    /// The cursor moves right over what is there.
    pub(super) fn tab(&mut self, columns: u8) {
        self.column = self.column.saturating_add(columns.into()).min(COLUMNS - 1);
    }

    /// An extended character replaces the basic one before it, which is for decoders that do not have it.
    pub(super) fn extended(&mut self, german: bool, second: u8, now: i64, out: &mut Output<'_>) {
        self.column = self.column.saturating_sub(1);
        self.write(charset::extended(german, second), now, out);
    }

    #[inline(never)]
    pub(super) fn write(&mut self, character: char, now: i64, out: &mut Output<'_>) {
        let (row, column, cell) = (self.row, self.column.min(COLUMNS - 1), Cell { character, pen: self.pen });
        self.edit(now, out, |grid| grid.put(row, column, cell));
        if self.mode != Mode::Nowhere {
            self.column = column.saturating_add(1);
        }
        if character != ' ' && self.writes_displayed() {
            self.shown.set(true, now);
        }
    }

    /// Puts out what is shown, as far as it was shown until `now`.
    #[inline(never)]
    pub(super) fn cut(&mut self, now: i64, out: &mut Output<'_>) {
        if let Some(range) = self.shown.cut(now) {
            self.put_out(range, out);
        }
    }

    pub(super) fn rebase(&mut self, now: i64) {
        self.shown.rebase(now);
    }

    fn backspace(&mut self, now: i64, out: &mut Output<'_>) {
        let Some(column) = self.column.checked_sub(1) else { return };
        self.column = column;
        let row = self.row;
        self.remove(now, out, |grid| grid.erase(row, column));
    }

    fn delete_to_end_of_row(&mut self, now: i64, out: &mut Output<'_>) {
        let (row, column) = (self.row, self.column);
        self.remove(now, out, |grid| grid.truncate(row, column));
    }

    fn roll_up(&mut self, depth: usize, now: i64, out: &mut Output<'_>) {
        match core::mem::replace(&mut self.mode, Mode::RollUp(depth)) {
            Mode::RollUp(before) if depth >= before => {}
            Mode::RollUp(_) => {
                let row = self.row;
                self.change(now, out, |it| it.displayed.move_rows(row, depth, row));
            }
            // Another style, or a text channel in between, starts afresh.
            Mode::Nowhere | Mode::PopOn | Mode::PaintOn => {
                self.change(now, out, |it| it.displayed.clear());
                self.hidden.clear();
                (self.row, self.column, self.pen) = (ROWS - 1, 0, Pen::default());
            }
        }
    }

    fn carriage_return(&mut self, now: i64, out: &mut Output<'_>) {
        let Mode::RollUp(depth) = self.mode else { return };
        let (bottom, top) = (self.row, self.row.saturating_sub(depth.saturating_sub(1)));
        self.change(now, out, |it| it.displayed.roll(top, bottom));
        (self.column, self.pen) = (0, Pen::default());
    }

    fn writes_displayed(&self) -> bool {
        matches!(self.mode, Mode::PaintOn | Mode::RollUp(_))
    }

    /// Changes what is written to, a little.
    fn edit(&mut self, now: i64, out: &mut Output<'_>, edit: impl FnOnce(&mut Grid)) {
        match self.mode {
            Mode::Nowhere => {}
            Mode::PopOn => edit(&mut self.hidden),
            Mode::PaintOn | Mode::RollUp(_) => {
                if let Some(range) = self.shown.step(now) {
                    self.put_out(range, out);
                }
                edit(&mut self.displayed);
            }
        }
    }

    /// Takes something away from what is written to.
    fn remove(&mut self, now: i64, out: &mut Output<'_>, edit: impl FnOnce(&mut Grid)) {
        self.edit(now, out, edit);
        if self.writes_displayed() {
            self.settle(now);
        }
    }

    /// Changes what is shown, at once.
    fn change(&mut self, now: i64, out: &mut Output<'_>, change: impl FnOnce(&mut Self)) {
        self.cut(now, out);
        change(self);
        self.settle(now);
    }

    /// Says whether anything is shown.
    #[inline(never)]
    fn settle(&mut self, now: i64) {
        self.shown.set(!self.displayed.is_blank(), now);
    }

    fn put_out(&self, range: (i64, i64), out: &mut Output<'_>) {
        for text in self.displayed.groups() {
            let settings = settings(&text);
            out.cue(self.track, range, settings, text.text);
        }
    }
}

/// Rows and columns fill the safe title area, the middle 80 percent of the picture (15.119(d)).
fn settings(text: &Text) -> String {
    // In thousandths of the picture.
    let line = text.row.saturating_mul(800).checked_div(ROWS).unwrap_or(0).saturating_add(100);
    let position = text.column.saturating_mul(25).saturating_add(100);
    let (line, line_rest) = (line / 10, line % 10);
    format!("line:{line}.{line_rest}% position:{}.{}% align:start", position / 10, position % 10)
}

const ROWS: usize = 15;
const COLUMNS: usize = 32;
/// Of the attributes of preamble address and mid-row codes.
const ITALIC: u8 = 0x0e;
