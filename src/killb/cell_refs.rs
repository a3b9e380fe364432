//! References to cells, where rows of a sheet are removed.

use std::collections::HashMap;

/// 1,048,576 rows: an Excel sheet ends there.
const LAST_ROW: u32 = 1_048_576;

/// Rows that are removed from a sheet: those below move up.
#[derive(Debug, Default)]
pub(super) struct RowMap {
    /// Numbers of the removed rows from 1, in their order.
    removed: Vec<u32>,
}

impl RowMap {
    pub(super) fn new(removed: Vec<u32>) -> Self {
        Self { removed }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty()
    }

    /// Returns the first row that is removed.
    pub(super) fn first(&self) -> Option<u32> {
        self.removed.first().copied()
    }

    /// Returns the new number of a row; `None` if it is removed.
    pub(super) fn row(&self, row: u32) -> Option<u32> {
        self.removed.binary_search(&row).err().map(|before| row - before as u32)
    }

    /// Returns the new number of the row, or of the first below it that stays.
    pub(super) fn start(&self, row: u32) -> u32 {
        row - self.removed.partition_point(|removed| *removed < row) as u32
    }

    /// Returns the new number of the row, or of the last above it that stays; 0 where none does.
    fn end(&self, row: u32) -> u32 {
        // A range to the end of the sheet stays one.
        if row == LAST_ROW { row } else { row - self.removed.partition_point(|removed| *removed <= row) as u32 }
    }

    /// Returns what is left of a range of rows.
    fn range(&self, start: u32, end: u32) -> Option<(u32, u32)> {
        let (start, end) = (self.start(start), self.end(end));
        (start <= end).then_some((start, end))
    }

    /// Returns what is left of a list of cells and ranges such as `A2:B9 D4`; `None` where nothing is.
    pub(super) fn list(&self, list: &str) -> Option<String> {
        let left: Vec<_> = list.split_ascii_whitespace().filter_map(|area| self.area(area)).collect();
        (!left.is_empty()).then(|| left.join(" "))
    }

    fn area(&self, area: &str) -> Option<String> {
        let (first, last) = area.split_once(':').unwrap_or((area, area));
        let (Some(from), Some(to)) = (Reference::parse(first), Reference::parse(last)) else {
            // Columns as a whole.
            return Some(area.to_owned());
        };
        let (start, end) = self.range(from.row, to.row)?;
        Some(if first == last && !area.contains(':') {
            from.with(start)
        } else {
            format!("{}:{}", from.with(start), to.with(end))
        })
    }

    /// Returns by how many rows the first cell of a list moves.
    pub(super) fn shift(&self, list: &str) -> i64 {
        let rows = list.split_ascii_whitespace().filter_map(|area| Reference::parse(area.split(':').next()?));
        rows.map(|first| first.row).min().map_or(0, |row| i64::from(self.start(row)) - i64::from(row))
    }
}

/// Reference to a cell, or to a row, such as `B7`, `$B$7` or `$7`.
#[derive(Clone, Copy)]
struct Reference<'t> {
    /// Column, with its dollar sign; empty for a row.
    column: &'t str,
    is_absolute: bool,
    row: u32,
}

impl<'t> Reference<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let digits = text.find(|c: char| c.is_ascii_digit())?;
        let (before, row) = text.split_at(digits);
        let (column, is_absolute) = match before.strip_suffix('$') {
            Some(column) => (column, true),
            None => (before, false),
        };
        let letters = column.strip_prefix('$').unwrap_or(column);
        let is_column = letters.len() <= 3 && letters.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_row = row.len() <= 7 && row.bytes().all(|byte| byte.is_ascii_digit());
        if !is_column || !is_row || (letters.is_empty() && !column.is_empty()) {
            return None;
        }
        let row = row.parse().ok().filter(|row| (1..=LAST_ROW).contains(row))?;
        Some(Self { column, is_absolute, row })
    }

    fn is_row(&self) -> bool {
        self.column.is_empty()
    }

    fn with(&self, row: u32) -> String {
        format!("{}{}{row}", self.column, if self.is_absolute { "$" } else { "" })
    }
}

/// Returns the new number of the row of a cell, such as `B7`, and the cell with it.
pub(super) fn cell_row(cell: &str) -> Option<u32> {
    Reference::parse(cell).filter(|cell| !cell.is_row()).map(|cell| cell.row)
}

/// Returns a cell such as `B7` in another row.
pub(super) fn cell_in_row(cell: &str, row: u32) -> String {
    Reference::parse(cell).map_or_else(|| cell.to_owned(), |cell| cell.with(row))
}

/// Changes the references of formulas.
pub(super) struct Formulas<'m> {
    /// Rows that are removed, by the names of sheets in lower case.
    pub(super) sheets: &'m HashMap<String, RowMap>,
    /// Those of the sheet that the formula is about.
    pub(super) own: Option<&'m RowMap>,
}

impl Formulas<'_> {
    /// Returns a formula with the new numbers of rows. Relative rows move by `shift`, as the cell that the formula is
    /// about.
    ///
    /// `None` where it cannot be said what it refers to.
    pub(super) fn map(&self, formula: &str, shift: i64) -> Option<String> {
        let mut written = String::with_capacity(formula.len());
        let mut rest = formula;
        // Sheet of the next reference, where one is named, and whether rows are removed from it.
        let mut sheet: Option<Option<&RowMap>> = None;
        let mut is_external = false;
        while let Some(c) = rest.chars().next() {
            let length = match c {
                '"' => quoted(rest, '"')?,
                '\'' => quoted(rest, '\'')?,
                '[' => bracketed(rest)?,
                c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            let (token, after) = rest.split_at(length);
            rest = after;
            if (c == '\'' || is_word(c)) && after.starts_with('!') {
                // A reference to several sheets.
                if written.ends_with(':') {
                    return None;
                }
                let name = if c == '\'' { token[1..length - 1].replace("''", "'") } else { token.to_owned() };
                sheet = Some(if is_external { None } else { self.sheets.get(&name.to_lowercase()) });
                written.push_str(token);
                written.push('!');
                rest = &after[1..];
                is_external = false;
                continue;
            }
            is_external = c == '[';
            let reference = Reference::parse(token).filter(|_| is_word(c) && !after.starts_with('('));
            let Some(from) = reference else {
                written.push_str(token);
                sheet = None;
                continue;
            };
            let to = after.strip_prefix(':').and_then(|after| {
                let length = after.find(|c| !is_word(c)).unwrap_or(after.len());
                let to = Reference::parse(&after[..length]).filter(|to| to.is_row() == from.is_row())?;
                (!after[length..].starts_with(['(', '!'])).then_some((to, length + 1))
            });
            // A number alone is not a reference.
            if from.is_row() && to.is_none() {
                written.push_str(token);
                sheet = None;
                continue;
            }
            rest = &after[to.map_or(0, |(_, length)| length)..];
            let to = to.map(|(to, _)| to);
            let named = sheet.take();
            match named.unwrap_or(self.own) {
                None => {
                    written.push_str(&formula[formula.len() - token.len() - after.len()..formula.len() - rest.len()])
                }
                Some(rows) => written.push_str(&moved(rows, from, to, shift, named.is_some())?),
            }
        }
        Some(written)
    }
}

/// Returns a reference with the new numbers of rows.
fn moved(rows: &RowMap, from: Reference<'_>, to: Option<Reference<'_>>, shift: i64, is_named: bool) -> Option<String> {
    let is_relative = !from.is_absolute || to.is_some_and(|to| !to.is_absolute);
    // Of which cell it is relative cannot be said there.
    if is_relative && is_named {
        return None;
    }
    let relative = |row: u32| u32::try_from(i64::from(row) + shift).ok().filter(|row| (1..=LAST_ROW).contains(row));
    let Some(to) = to else {
        let row = if from.is_absolute { rows.row(from.row) } else { Some(relative(from.row)?) };
        return Some(row.map_or_else(|| "#REF!".to_owned(), |row| from.with(row)));
    };
    if !is_relative {
        let left = rows.range(from.row, to.row);
        return Some(
            left.map_or_else(|| "#REF!".to_owned(), |(start, end)| format!("{}:{}", from.with(start), to.with(end))),
        );
    }
    let start = if from.is_absolute { rows.start(from.row) } else { relative(from.row)? };
    let end = if to.is_absolute { rows.end(to.row) } else { relative(to.row)? };
    Some(format!("{}:{}", from.with(start), to.with(end)))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_.\\$?".contains(c)
}

/// Returns the length of a text in quotation marks, in which a double one stands for one.
fn quoted(text: &str, mark: char) -> Option<usize> {
    let mut from = 1;
    loop {
        let end = from + text[from..].find(mark)?;
        if !text[end + 1..].starts_with(mark) {
            return Some(end + 1);
        }
        from = end + 2;
    }
}

/// Returns the length of a text in brackets.
fn bracketed(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (position, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(position + 1),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 3, 4 and 7 are removed.
    fn rows() -> RowMap {
        RowMap::new(vec![3, 4, 7])
    }

    #[test]
    fn lists_of_ranges_shrink_move_and_vanish() {
        for (list, left) in [
            ("A1:B9", Some("A1:B6")),
            ("C3:C4", None),
            ("C3", None),
            ("C5 A3:A4 D7:D8", Some("C3 D5:D5")),
            ("A2:A1048576", Some("A2:A1048576")),
            ("A:C", Some("A:C")),
            ("A4:A7", Some("A3:A4")),
            ("2:7", Some("2:4")),
        ] {
            assert_eq!(rows().list(list).as_deref(), left, "{list}");
        }
        assert_eq!((rows().shift("B2:B9 A5"), rows().shift("B8"), rows().shift("A:A")), (0, -3, 0));
        assert_eq!((rows().row(2), rows().row(3), rows().row(8), rows().first()), (Some(2), None, Some(5), Some(3)));
    }

    #[test]
    fn references_of_formulas_move_and_everything_else_stays() {
        let sheets = HashMap::from([("my people".to_owned(), rows()), ("data".to_owned(), rows())]);
        let own = rows();
        let formulas = Formulas { sheets: &sheets, own: Some(&own) };
        for (formula, shift, moved) in [
            ("COUNTIF($A$2:$A$9,A2)>1", 0, "COUNTIF($A$2:$A$6,A2)>1"),
            ("LEN($B5)=10", -2, "LEN($B3)=10"),
            ("$A$3+$A$8", 0, "#REF!+$A$5"),
            ("SUM($A$3:$A$4)", 0, "SUM(#REF!)"),
            ("$A$2:A5", -2, "$A$2:A3"),
            ("\"A8 \"\"B9\"\"\"&A1", 0, "\"A8 \"\"B9\"\"\"&A1"),
            ("LOG10(8)+A10B+1E8+8", 0, "LOG10(8)+A10B+1E8+8"),
            ("'My People'!$A$8", 0, "'My People'!$A$5"),
            ("Data!$A$2:$B$9", 0, "Data!$A$2:$B$6"),
            ("Lists!$A$8:$A$9", 0, "Lists!$A$8:$A$9"),
            ("[1]Data!$A$8", 0, "[1]Data!$A$8"),
            ("'[1]Data'!$A$8", 0, "'[1]Data'!$A$8"),
            ("Table1[[#This Row],[A8]]", 0, "Table1[[#This Row],[A8]]"),
            ("$2:$8", 0, "$2:$5"),
            ("A:A", 0, "A:A"),
            ("Ünï8+Ä", 0, "Ünï8+Ä"),
        ] {
            assert_eq!(formulas.map(formula, shift).as_deref(), Some(moved), "{formula}");
        }
        for unknown in ["Data!A8", "Lists:Data!$A$8", "\"open", "[open"] {
            assert_eq!(formulas.map(unknown, 0), None, "{unknown}");
        }
        assert_eq!(formulas.map("A1", -2), None, "there is no such row");
        let other = Formulas { sheets: &sheets, own: None };
        assert_eq!(other.map("A8+$A$8+Data!$A$8", 0).as_deref(), Some("A8+$A$8+Data!$A$5"));
    }
}
