//! Tables that fit the terminal: long cells are cut, and the rule below the headings is never broken.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// 3 columns between two cells.
const GAP: usize = 3;

/// 8 columns of a cell: an id of 7 characters and an ellipsis still tells batches apart.
const MIN_CELL: usize = 8;

/// Table with headings.
pub(crate) struct Grid {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Position of the first column of numbers, which are aligned right.
    numbers_from: usize,
    /// Headings of columns that are left out where the terminal is narrow, the first ones first.
    droppable: &'static [&'static str],
}

impl Grid {
    pub(crate) fn new(headings: impl IntoIterator<Item = &'static str>) -> Self {
        let headings: Vec<_> = headings.into_iter().collect();
        Self { numbers_from: headings.len(), headings, rows: Vec::new(), droppable: &[] }
    }

    /// Aligns the columns from `position` on to the right.
    pub(crate) fn with_numbers_from(self, position: usize) -> Self {
        Self { numbers_from: position, ..self }
    }

    /// Leaves out these columns, the first ones first, where the others do not fit.
    pub(crate) fn with_droppable(self, droppable: &'static [&'static str]) -> Self {
        Self { droppable, ..self }
    }

    pub(crate) fn add_row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Returns the table as text, without blanks at the ends of lines: as wide as the terminal, or as wide
    /// as it is where standard output is not one.
    pub(crate) fn text(&self) -> String {
        self.fitted(stdout_width())
    }

    /// Returns the table in lines of at most `width` columns.
    pub(crate) fn fitted(&self, width: Option<usize>) -> String {
        let mut shown: Vec<usize> = (0..self.headings.len()).collect();
        let natural: Vec<usize> = shown.iter().map(|column| self.natural_width(*column)).collect();
        if let Some(width) = width {
            let smallest = |shown: &[usize]| outer_width(shown.iter().map(|column| natural[*column].min(MIN_CELL)));
            for heading in self.droppable {
                if smallest(&shown) > width {
                    shown.retain(|column| self.headings[*column] != *heading);
                }
            }
        }
        let mut widths: Vec<usize> = shown.iter().map(|column| natural[*column]).collect();
        if let Some(width) = width {
            shrink(&mut widths, width);
        }
        let mut text = String::new();
        self.push_line(&mut text, &shown, &widths, |column| self.headings[column]);
        text.push_str(&"─".repeat(outer_width(widths.iter().copied())));
        text.push('\n');
        for row in &self.rows {
            self.push_line(&mut text, &shown, &widths, |column| row.get(column).map_or("", String::as_str));
        }
        text
    }

    fn natural_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.max().unwrap_or_default().max(self.headings[column].width())
    }

    fn push_line<'c>(&self, text: &mut String, shown: &[usize], widths: &[usize], cell: impl Fn(usize) -> &'c str) {
        let mut line = String::new();
        for (index, (column, width)) in shown.iter().zip(widths).enumerate() {
            let cell = cut(cell(*column), *width);
            let blanks = " ".repeat(width - cell.width());
            line.push_str(if index == 0 { " " } else { "   " });
            let parts = if *column < self.numbers_from { [&*cell, &*blanks] } else { [&*blanks, &*cell] };
            parts.iter().for_each(|part| line.push_str(part));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// Returns the width of a table with cells of these widths, with a blank on both sides.
fn outer_width(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = GAP * widths.len().saturating_sub(1);
    widths.sum::<usize>() + gaps + 2
}

/// Makes the widest cells narrower until the table fits.
fn shrink(widths: &mut [usize], width: usize) {
    let mut excess = outer_width(widths.iter().copied()).saturating_sub(width);
    while excess > 0 {
        let Some(widest) = widths.iter_mut().rev().max_by_key(|width| **width).filter(|width| **width > 1) else {
            return;
        };
        *widest -= 1;
        excess -= 1;
    }
}

/// Returns `text` cut to `width` columns; an ellipsis is at the end of a cut one.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let (mut kept, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or_default();
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
}

/// Returns the width of the terminal that standard output is.
pub(crate) fn stdout_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// Returns the width of the terminal that standard error is.
pub(crate) fn stderr_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// Returns whether standard error is a terminal on which a line can be drawn again.
pub(crate) fn can_redraw() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    fn rows() -> Grid {
        let mut grid = Grid::new(["row", "reference", "outcome", "account", "reason"]);
        grid.add_row(["2", "person-1", "succeeded", "550e8400-e29b-41d4-a716-446655440000", "-"]);
        grid.add_row(["3", "person-2", "failed", "-", "User e-mail already exists in another account of this company"]);
        grid.add_row(["4", "山田太郎-a-reference-that-is-as-long-as-an-id", "unaccounted", "-", "no outcome"]);
        grid
    }

    fn batches() -> Grid {
        let headings = ["provider", "batch", "outcome", "total", "succeeded", "failed", "unaccounted", "polls", "time"];
        let mut grid = Grid::new(headings).with_numbers_from(3).with_droppable(&["polls", "time"]);
        let id = "784d4045-c900-4050-aad6-8fe4c8d2fb16";
        grid.add_row(["reap", id, "! partial", "120", "111", "9", "0", "12", "61.0 s"]);
        grid.add_row(["localpayment", "payroll-7", "? deadline", "-", "-", "-", "-", "120", "1800.0 s"]);
        grid
    }

    /// `BULKRAIL_BLESS=1` writes what is printed into the file of expected tables.
    #[test]
    fn tables_fit_60_80_and_120_columns() {
        for width in [60, 80, 120] {
            let mut text = String::new();
            for grid in [rows(), batches()] {
                writeln!(text, "{}", grid.fitted(Some(width))).unwrap();
            }
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/tables-{width}.txt"));
            if std::env::var_os("BULKRAIL_BLESS").is_some() {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(&file, &text).unwrap();
            }
            assert_eq!(text, std::fs::read_to_string(&file).unwrap(), "{}", file.display());
        }
    }

    #[test]
    fn table_is_as_wide_as_its_cells_outside_a_terminal() {
        let text = rows().fitted(None);
        assert!(text.contains("User e-mail already exists in another account of this company") && !text.contains('…'));
        let rule = text.lines().find(|line| line.starts_with('─')).unwrap();
        assert_eq!(rule.width(), text.lines().map(UnicodeWidthStr::width).max().unwrap());
    }

    #[test]
    fn cut_counts_columns_and_not_characters() {
        assert_eq!(cut("山田太郎", 8), "山田太郎");
        assert_eq!(cut("山田太郎", 7), "山田太…");
        assert_eq!(cut("山田太郎", 6), "山田…");
        assert_eq!(cut("abc", 1), "…");
    }
}
