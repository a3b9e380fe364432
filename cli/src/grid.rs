//! Tables that fit the terminal: long cells are cut, headings and numbers are not, and the rule below is never broken.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use bulkrail::text::printable;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// 3 columns between two cells, or 2 in a narrow terminal.
const GAPS: [usize; 2] = [3, 2];

/// 8 columns of a cell that is cut: an id of 7 characters and an ellipsis still tells batches apart.
const MIN_CELL: usize = 8;

/// 2 columns before the cells below a title.
const INDENT: usize = 2;

/// 80 columns and 24 rows, where the size of the terminal is not known.
const SIZE: (usize, usize) = (80, 24);

/// Table with headings.
///
/// Where it is too wide for the terminal, the gaps become smaller; then titles and notes get lines of their own; then
/// cells are cut, and columns left out. A terminal that is narrower still gets a line for each cell.
pub(crate) struct Grid {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Position of the first column of numbers, which are aligned right.
    numbers_from: usize,
    /// Number of the first columns that are a line above the others in a narrow terminal.
    titles: usize,
    /// The last column is a text that is wrapped below the others in a narrow terminal.
    has_note: bool,
    /// Headings of columns whose cells may be cut.
    cuttable: &'static [&'static str],
    /// Headings of columns that are left out where the terminal is narrow, the first ones first.
    droppable: &'static [&'static str],
}

/// Columns of a table in a terminal.
struct Layout {
    /// Positions of the columns of each row, and their widths.
    columns: Vec<usize>,
    widths: Vec<usize>,
    gap: usize,
    /// Positions of the columns that are a line above each row.
    titles: Vec<usize>,
    /// Position of the column that is wrapped below each row.
    note: Option<usize>,
}

impl Layout {
    /// Returns the width of the row, with a blank on both sides.
    fn width(&self) -> usize {
        let gaps = self.gap * self.widths.len().saturating_sub(1);
        self.indent() + self.widths.iter().sum::<usize>() + gaps + 2
    }

    fn indent(&self) -> usize {
        if self.titles.is_empty() { 0 } else { INDENT }
    }

    /// Returns the number of columns before a note: it begins below the second cell.
    fn note_indent(&self) -> usize {
        1 + self.widths.first().map_or(0, |width| width + self.gap)
    }
}

impl Grid {
    pub(crate) fn new(headings: impl IntoIterator<Item = &'static str>) -> Self {
        let headings: Vec<_> = headings.into_iter().collect();
        let (numbers_from, rows) = (headings.len(), Vec::new());
        Self { headings, rows, numbers_from, titles: 0, has_note: false, cuttable: &[], droppable: &[] }
    }

    /// Aligns the columns from `position` on to the right.
    pub(crate) fn with_numbers_from(self, position: usize) -> Self {
        Self { numbers_from: position, ..self }
    }

    /// Gives the first `titles` columns of each row a line of their own, where all do not fit into one.
    pub(crate) fn with_titles(self, titles: usize) -> Self {
        Self { titles, ..self }
    }

    /// Wraps the last column below each row, where all do not fit into one line.
    pub(crate) fn with_note(self) -> Self {
        Self { has_note: true, ..self }
    }

    /// Cuts cells of these columns, where they do not fit.
    pub(crate) fn with_cuttable(self, cuttable: &'static [&'static str]) -> Self {
        Self { cuttable, ..self }
    }

    /// Leaves out these columns, the first ones first, where the others do not fit.
    pub(crate) fn with_droppable(self, droppable: &'static [&'static str]) -> Self {
        Self { droppable, ..self }
    }

    pub(crate) fn add_row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let cells = cells.into_iter().map(|cell| printable(&cell.into()).into_owned());
        self.rows.push(cells.collect());
    }

    /// Returns the table as text, without blanks at the ends of lines: as wide as the terminal, or as wide
    /// as it is where standard output is not one.
    pub(crate) fn text(&self) -> String {
        self.fitted(stdout_width())
    }

    /// Returns the table in lines of at most `width` columns. Titles are whole: they are to be copied.
    pub(crate) fn fitted(&self, width: Option<usize>) -> String {
        match self.layout(width.unwrap_or(usize::MAX)) {
            Some(layout) => self.table(&layout, width.unwrap_or(usize::MAX)),
            None => self.records(),
        }
    }

    /// Returns the first layout that fits.
    fn layout(&self, width: usize) -> Option<Layout> {
        let all: Vec<usize> = (0..self.headings.len()).collect();
        let (titles, rest) = all.split_at(self.titles);
        let (note, rest) = match rest.split_last() {
            Some((note, rest)) if self.has_note => (Some(*note), rest),
            _ => (None, rest),
        };
        let natural = |columns: &[usize]| columns.iter().map(|column| self.natural_width(*column)).collect();
        let layout = |gap, columns: &[usize], titles: &[usize], note| Layout {
            widths: natural(columns),
            columns: columns.to_vec(),
            gap,
            titles: titles.to_vec(),
            note,
        };
        for gap in GAPS {
            let layout = layout(gap, &all, &[], None);
            if layout.width() <= width {
                return Some(layout);
            }
        }
        for dropped in 0..=self.droppable.len() {
            let left_out = &self.droppable[..dropped];
            let columns: Vec<_> =
                rest.iter().copied().filter(|column| !left_out.contains(&self.headings[*column])).collect();
            for gap in GAPS {
                let layout = layout(gap, &columns, titles, note);
                if layout.width() <= width {
                    return Some(layout);
                }
            }
            let mut layout = layout(GAPS[1], &columns, titles, note);
            self.shrink(&mut layout, width);
            if layout.width() <= width {
                return Some(layout);
            }
        }
        None
    }

    /// Makes the widest cells that may be cut narrower until the table fits, or until none can be narrower.
    fn shrink(&self, layout: &mut Layout, width: usize) {
        while layout.width() > width {
            let min = |column: usize| self.headings[column].width().max(MIN_CELL);
            let cells = layout.columns.iter().zip(&mut layout.widths);
            let cells = cells.filter(|(column, _)| self.cuttable.contains(&self.headings[**column]));
            let cells = cells.filter(|(column, width)| **width > min(**column));
            let Some((_, widest)) = cells.max_by_key(|(_, width)| **width) else { return };
            *widest -= 1;
        }
    }

    fn table(&self, layout: &Layout, width: usize) -> String {
        let mut text = String::new();
        self.push_row(&mut text, layout, usize::MAX, |column| self.headings[column]);
        let titles = layout.titles.iter().map(|column| self.natural_width(*column) + GAPS[1]).sum::<usize>();
        let headings = text.lines().map(UnicodeWidthStr::width).max().unwrap_or_default();
        let widest = headings.max(titles).max(layout.width());
        text.push_str(&"─".repeat(widest.min(width)));
        text.push('\n');
        for row in &self.rows {
            self.push_row(&mut text, layout, width, |column| row.get(column).map_or("", String::as_str));
        }
        text
    }

    fn natural_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.max().unwrap_or_default().max(self.headings[column].width())
    }

    fn push_row<'c>(&self, text: &mut String, layout: &Layout, width: usize, cell: impl Fn(usize) -> &'c str) {
        if !layout.titles.is_empty() {
            let widths: Vec<_> = layout.titles.iter().map(|column| self.natural_width(*column)).collect();
            self.push_line(text, 0, GAPS[1], layout.titles.iter().zip(&widths), &cell);
        }
        self.push_line(text, layout.indent(), layout.gap, layout.columns.iter().zip(&layout.widths), &cell);
        if let Some(note) = layout.note.map(&cell).filter(|note| *note != "-") {
            let indent = layout.note_indent();
            for line in wrapped(note, width.saturating_sub(indent + 1).max(MIN_CELL)) {
                text.push_str(&format!("{}{line}\n", " ".repeat(indent)));
            }
        }
    }

    fn push_line<'c, 'l>(
        &self,
        text: &mut String,
        indent: usize,
        gap: usize,
        cells: impl Iterator<Item = (&'l usize, &'l usize)>,
        cell: impl Fn(usize) -> &'c str,
    ) {
        let mut line = " ".repeat(1 + indent);
        for (index, (column, width)) in cells.enumerate() {
            let cell = cut(cell(*column), *width);
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            line.push_str(&" ".repeat(if index == 0 { 0 } else { gap }));
            let parts = if *column < self.numbers_from { [&*cell, &*blanks] } else { [&*blanks, &*cell] };
            parts.iter().for_each(|part| line.push_str(part));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }

    /// Returns a line for each cell, below its heading.
    fn records(&self) -> String {
        let widest = self.headings.iter().map(|heading| heading.width()).max().unwrap_or_default();
        let record = |row: &Vec<String>| {
            let cells = self.headings.iter().zip(row);
            cells.map(|(heading, cell)| format!(" {heading:widest$}  {cell}\n")).collect::<String>()
        };
        self.rows.iter().map(record).collect::<Vec<_>>().join("\n")
    }
}

/// Returns `text` cut to `width` columns; an ellipsis is at the end of a cut one.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    // An accent or a part of an emoji belongs to the character before it, and may change its width.
    let ends = text.grapheme_indices(true).map(|(index, grapheme)| index + grapheme.len());
    let end = ends.take_while(|end| text[..*end].width() < width).last().unwrap_or_default();
    Cow::Owned(format!("{}…", &text[..end]))
}

/// Returns `text` in lines of at most `width` columns, broken between words, and within one that is longer.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut rest = word;
        while let Some(line) = lines.last_mut() {
            let gap = if line.is_empty() { "" } else { " " };
            if line.width() + gap.len() + rest.width() <= width {
                line.push_str(&format!("{gap}{rest}"));
                break;
            }
            if line.is_empty() {
                let ends = rest.grapheme_indices(true).map(|(index, grapheme)| index + grapheme.len());
                let first = rest.graphemes(true).next().map_or(rest.len(), str::len);
                let end = ends.take_while(|end| rest[..*end].width() <= width).last().unwrap_or(first);
                line.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            if rest.is_empty() {
                break;
            }
            lines.push(String::new());
        }
    }
    lines
}

/// Returns `text` in lines of at most `width` columns, broken between words. A longer word, which may be to be copied,
/// is whole.
pub(crate) fn words(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.width() + 1 + word.width() <= width => line.push_str(&format!(" {word}")),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns the width of the terminal that standard output is.
pub(crate) fn stdout_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// Returns the width of the terminal that standard error is.
pub(crate) fn stderr_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// Returns the number of columns and rows of the terminal that standard error is.
pub(crate) fn stderr_size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(io::stderr()).map(|(width, height)| (width.0.into(), height.0.into()));
    size.filter(|(width, height)| *width > 0 && *height > 0).unwrap_or(SIZE)
}

/// Returns whether standard error is a terminal on which a line can be drawn again.
pub(crate) fn can_redraw() -> bool {
    io::stderr().is_terminal()
        && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
        // A console of Windows is asked to understand the codes.
        && anstyle_query::windows::enable_ansi_colors() != Some(false)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    fn rows() -> Grid {
        let mut grid = Grid::new(["row", "reference", "outcome", "account", "reason"]);
        grid = grid.with_note().with_cuttable(&["reference", "account"]);
        grid.add_row(["2", "person-1", "succeeded", "550e8400-e29b-41d4-a716-446655440000", "-"]);
        grid.add_row(["3", "person-2", "failed", "-", "User e-mail already exists in another account of this company"]);
        grid.add_row(["4", "山田太郎-a-reference-that-is-as-long-as-an-id", "unaccounted", "-", "no outcome"]);
        grid
    }

    fn batches() -> Grid {
        let headings = ["provider", "batch", "outcome", "total", "succeeded", "failed", "unaccounted", "polls", "time"];
        let mut grid = Grid::new(headings).with_numbers_from(3).with_titles(2).with_droppable(&["polls", "time"]);
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
            let [rows, batches] = [rows(), batches()].map(|grid| grid.fitted(Some(width)));
            for reason in ["User e-mail already exists", "no outcome"] {
                assert!(rows.contains(reason), "{width}:\n{rows}");
            }
            assert!(!batches.contains('…') && batches.contains("784d4045-c900-4050-aad6-8fe4c8d2fb16"), "{batches}");
            for heading in ["provider", "batch", "outcome", "total", "succeeded", "failed", "unaccounted"] {
                assert!(batches.contains(heading), "{heading} at {width}:\n{batches}");
            }
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
    fn table_without_place_for_its_columns_has_a_line_for_each_cell() {
        let text = batches().fitted(Some(40));
        assert_eq!(text.lines().next(), Some(" provider     reap"));
        assert_eq!(text.lines().count(), 2 * 9 + 1, "{text}");
        assert!(text.lines().filter(|line| !line.contains("784d4045")).all(|line| line.width() <= 40), "{text}");
    }

    #[test]
    fn cells_of_any_script_keep_the_columns_in_line() {
        let names = [
            "山田太郎-山田太郎-山田太郎",
            "e\u{301}e\u{301}e\u{301}-combining-e\u{301}e\u{301}-marks",
            "❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}",
            "👩🏽👩🏽👩🏽👩🏽👩🏽👩🏽👩🏽👩🏽👩🏽👩🏽👩🏽",
            "🇩🇪🇫🇷🇩🇪🇫🇷🇩🇪🇫🇷🇩🇪🇫🇷🇩🇪🇫🇷🇩🇪🇫🇷",
            "محمد بن عبد الله بن عبد المطلب",
            "a\u{202e}b\u{200d}c\u{1b}[2Jd\te\u{7}",
            "plain",
        ];
        let mut grid = Grid::new(["reference", "outcome", "end"]).with_cuttable(&["reference"]);
        names.iter().for_each(|name| grid.add_row([*name, "failed", "|"]));
        for width in 30..70 {
            let text = grid.fitted(Some(width));
            let rows: Vec<_> = text.lines().skip(2).collect();
            let ends: Vec<_> = rows.iter().map(|row| row.width()).collect();
            assert!(ends.iter().all(|end| *end == ends[0] && *end <= width), "{width}: {ends:?}\n{text}");
            assert!(text.chars().all(|c| c == '\n' || !c.is_control() && !bulkrail::text::is_hidden(c)), "{text:?}");
        }
    }

    #[test]
    fn wrapped_breaks_between_words_and_within_long_ones() {
        assert_eq!(wrapped("User e-mail already exists", 12), ["User e-mail", "already", "exists"]);
        assert_eq!(wrapped("a 0123456789 b", 4), ["a", "0123", "4567", "89 b"]);
        assert_eq!(wrapped("山田太郎", 3), ["山", "田", "太", "郎"]);
        assert_eq!(wrapped("山田", 1), ["山", "田"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn cut_counts_columns_and_not_characters() {
        assert_eq!(cut("山田太郎", 8), "山田太郎");
        assert_eq!(cut("山田太郎", 7), "山田太…");
        assert_eq!(cut("山田太郎", 6), "山田…");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(cut("❤\u{fe0f}❤\u{fe0f}❤\u{fe0f}", 4), "❤\u{fe0f}…");
        assert_eq!(cut("👩🏽👩🏽👩🏽", 5), "👩🏽👩🏽…");
    }
}
