//! Characters in rows, as both caption systems have them, and the WebVTT cue text that they make.

/// How a character looks, as far as plain WebVTT can say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pen {
    pub(super) italic: bool,
    pub(super) underline: bool,
}

/// One character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) character: char,
    pub(super) pen: Pen,
}

/// The rows of a screen or a window. A row is as long as what was written into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grid {
    rows: Vec<Vec<Cell>>,
}

/// Cue text, and where its first character stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) row: usize,
    pub(super) column: usize,
    /// The row of its last line.
    pub(super) bottom: usize,
    /// Columns of the longest line, from `column` on.
    pub(super) width: usize,
}

/// What becomes of the columns in front of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indent {
    /// Nothing: lines are centred, or aligned at the right.
    None,
    /// Lines are as far in as they are further in than others.
    Relative,
    /// Lines are as far in as they are.
    Absolute,
}

impl Cell {
    const EMPTY: Self = Self { character: ' ', pen: Pen { italic: false, underline: false } };
}

impl Grid {
    /// Writes a character, if its place is on a screen at all.
    pub(super) fn put(&mut self, row: usize, column: usize, cell: Cell) {
        if row >= MAX_ROWS || column >= MAX_COLUMNS {
            return;
        }
        if self.rows.len() <= row {
            self.rows.resize_with(row.saturating_add(1), Vec::new);
        }
        let Some(row) = self.rows.get_mut(row) else { return };
        if row.len() <= column {
            row.resize(column.saturating_add(1), Cell::EMPTY);
        }
        if let Some(place) = row.get_mut(column) {
            *place = cell;
        }
    }

    /// Takes away one character.
    pub(super) fn erase(&mut self, row: usize, column: usize) {
        if let Some(place) = self.rows.get_mut(row).and_then(|row| row.get_mut(column)) {
            *place = Cell::EMPTY;
        }
    }

    /// Takes away a row from `column` on.
    pub(super) fn truncate(&mut self, row: usize, column: usize) {
        if let Some(row) = self.rows.get_mut(row) {
            row.truncate(column);
        }
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    /// The rows from `top` to `bottom` go up by one; the lowest becomes empty.
    pub(super) fn roll(&mut self, top: usize, bottom: usize) {
        for row in top..=bottom.min(MAX_ROWS) {
            let below = if row < bottom { self.take_row(row.saturating_add(1)) } else { Vec::new() };
            self.set_row(row, below);
        }
    }

    /// Only the `count` rows that end at `bottom` remain, and end at `to`.
    pub(super) fn move_rows(&mut self, bottom: usize, count: usize, to: usize) {
        let mut old = core::mem::take(self);
        for up in 0..count.min(MAX_ROWS) {
            if let (Some(from), Some(to)) = (bottom.checked_sub(up), to.checked_sub(up)) {
                self.set_row(to, old.take_row(from));
            }
        }
    }

    /// Whether nothing can be seen.
    pub(super) fn is_blank(&self) -> bool {
        self.rows.iter().all(|row| first(row).is_none())
    }

    /// The text of all rows, without those in which nothing is.
    pub(super) fn text(&self, indent: Indent) -> Option<Text> {
        text(&self.rows, 0, indent)
    }

    /// The text of each group of rows that stand below each other, with their indentation kept.
    pub(super) fn groups(&self) -> impl Iterator<Item = Text> {
        let mut top = 0_usize;
        self.rows.split(|row| first(row).is_none()).filter_map(move |rows| {
            let row = top;
            top = top.saturating_add(rows.len()).saturating_add(1);
            text(rows, row, Indent::Relative)
        })
    }

    fn take_row(&mut self, row: usize) -> Vec<Cell> {
        self.rows.get_mut(row).map(core::mem::take).unwrap_or_default()
    }

    fn set_row(&mut self, row: usize, cells: Vec<Cell>) {
        if self.rows.len() <= row && !cells.is_empty() && row < MAX_ROWS {
            self.rows.resize_with(row.saturating_add(1), Vec::new);
        }
        if let Some(place) = self.rows.get_mut(row) {
            *place = cells;
        }
    }
}

/// Where the first character is that can be seen.
fn first(row: &[Cell]) -> Option<usize> {
    row.iter().position(|cell| cell.character != ' ')
}

/// Rows to cue text (WebVTT §4.2.2), escaped. Spaces at a line's start would collapse: what a line is further in than
/// others is made up of no-break spaces.
fn text(rows: &[Vec<Cell>], top: usize, indent: Indent) -> Option<Text> {
    let seen = || rows.iter().enumerate().filter_map(|(i, row)| Some((i, first(row)?, row)));
    let column = seen().map(|(_, first, _)| first).min().filter(|_| indent != Indent::Absolute).unwrap_or(0);
    let (above, ..) = seen().next()?;
    let row = top.saturating_add(above);
    let mut all = Text { text: String::new(), row, column, bottom: row, width: 0 };
    let mut pen = Pen::default();
    for (i, first, row) in seen() {
        if i > above {
            all.text.push('\n');
        }
        let end = row.iter().rposition(|cell| cell.character != ' ').map_or(0, |last| last.saturating_add(1));
        all.bottom = top.saturating_add(i);
        all.width = all.width.max(end.saturating_sub(column));
        if indent != Indent::None {
            // Never inside tags: an underline would show.
            if first > column {
                switch(&mut pen, Pen::default(), &mut all.text);
            }
            all.text.extend(core::iter::repeat_n('\u{a0}', first.saturating_sub(column)));
        }
        for cell in row.get(first..end).unwrap_or_default() {
            switch(&mut pen, cell.pen, &mut all.text);
            match cell.character {
                '&' => all.text.push_str("&amp;"),
                '<' => all.text.push_str("&lt;"),
                '>' => all.text.push_str("&gt;"),
                other => all.text.push(other),
            }
        }
    }
    switch(&mut pen, Pen::default(), &mut all.text);
    Some(all)
}

/// Ends the tags of one pen and starts those of another.
fn switch(from: &mut Pen, to: Pen, text: &mut String) {
    if *from == to {
        return;
    }
    for (on, tag) in
        [(from.underline, "</u>"), (from.italic, "</i>"), (to.italic, "<i>"), (to.underline, "<u>")]
    {
        text.push_str(if on { tag } else { "" });
    }
    *from = to;
}

/// Rows: CEA-608 has 15, and a CEA-708 window 16 at most.
pub(super) const MAX_ROWS: usize = 16;
/// Columns: CEA-608 has 32, and a CEA-708 window 42, though its fields could say 64.
pub(super) const MAX_COLUMNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(grid: &mut Grid, row: usize, column: usize, text: &str, pen: Pen) {
        for (i, character) in text.chars().enumerate() {
            grid.put(row, column + i, Cell { character, pen });
        }
    }

    #[test]
    fn groups_of_rows_become_texts() {
        let (plain, italic) = (Pen::default(), Pen { italic: true, underline: false });
        let mut grid = Grid::default();
        write(&mut grid, 1, 4, "  a <b> & ", plain);
        write(&mut grid, 12, 8, "one", italic);
        write(&mut grid, 13, 6, "two", italic);
        write(&mut grid, 14, 6, "three", Pen { italic: true, underline: true });
        write(&mut grid, 14, 12, "four", plain);
        let texts: Vec<_> = grid.groups().collect();
        let want =
            |text: &str, row, column, bottom, width| Text { text: text.into(), row, column, bottom, width };
        assert_eq!(
            texts,
            [
                want("a &lt;b&gt; &amp;", 1, 6, 1, 7),
                want("\u{a0}\u{a0}<i>one\ntwo\n</i><i><u>three</u></i> four", 12, 6, 14, 10),
            ]
        );
        assert_eq!(grid.text(Indent::Absolute).unwrap().column, 0);
        grid.clear();
        assert!(grid.is_blank() && grid.groups().next().is_none() && grid.text(Indent::None).is_none());
    }

    #[test]
    fn rows_roll_and_move() {
        let mut grid = Grid::default();
        for (row, text) in [(12, "a"), (13, "b"), (14, "c")] {
            write(&mut grid, row, 0, text, Pen::default());
        }
        let rows = |grid: &Grid| -> Vec<_> { grid.groups().map(|text| (text.row, text.text)).collect() };
        grid.roll(13, 14);
        assert_eq!(rows(&grid), [(12, "a\nc".into())]);
        grid.move_rows(13, 1, 2);
        assert_eq!(rows(&grid), [(2, "c".into())]);
        grid.move_rows(2, 4, 0);
        assert_eq!(rows(&grid), [(0, "c".into())]);
        grid.put(MAX_ROWS, 0, Cell::EMPTY);
        grid.put(0, MAX_COLUMNS, Cell::EMPTY);
        grid.roll(0, usize::MAX);
        assert!(grid.is_blank());
    }
}
