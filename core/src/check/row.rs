use super::damage::Damage;
use super::findings::Findings;
use super::report::Level;
use super::standards::Standard;
use crate::text::is_blank;

/// Place of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place<'p> {
    /// Number of the row; `None` for the file as a whole.
    pub row: Option<u64>,
    /// Name of the column; `None` for a whole row.
    pub column: Option<&'p str>,
}

impl<'p> Place<'p> {
    /// Returns the place of a cell.
    #[must_use]
    pub fn of_row(row: u64, column: &'p str) -> Self {
        Self { row: Some(row), column: Some(column) }
    }

    /// Returns the place of the file as a whole.
    #[must_use]
    pub fn of_file() -> Self {
        Self::default()
    }
}

/// Form in which a spreadsheet stores a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CellForm {
    /// Text. Every cell of a CSV file is text.
    #[default]
    Text,
    /// Number.
    Number,
    /// Date, time or duration.
    Date,
    /// `TRUE` or `FALSE`.
    Boolean,
    /// Error value.
    Error,
}

/// What is known of a column.
#[derive(Debug, Clone, Copy)]
pub struct ColumnRule {
    /// Name of the column.
    pub name: &'static str,
    /// The value is a code or a number of an account, whose characters all count; else it is prose, such as a name.
    pub is_code: bool,
    /// Standard of every value.
    pub standard: Option<&'static Standard>,
}

impl ColumnRule {
    /// Returns the rule of a column of prose.
    #[must_use]
    pub const fn prose(name: &'static str) -> Self {
        Self { name, is_code: false, standard: None }
    }

    /// Returns the rule of a column of codes.
    #[must_use]
    pub const fn code(name: &'static str) -> Self {
        Self { name, is_code: true, standard: None }
    }

    /// Returns the rule of a column of values of a standard.
    #[must_use]
    pub const fn of(name: &'static str, standard: &'static Standard) -> Self {
        Self { name, is_code: true, standard: Some(standard) }
    }
}

/// A row with its cells, as the rules see it.
#[derive(Debug, Default)]
pub struct CheckedRow<'r> {
    number: u64,
    cells: Vec<(&'static str, &'r str, CellForm)>,
    /// Bit of each cell with damage, whose standard is not checked: one finding is enough.
    damaged: u64,
}

impl<'r> CheckedRow<'r> {
    /// Returns the row `number` with these cells. Only the first 64 cells are kept.
    pub fn new(number: u64, cells: impl IntoIterator<Item = (&'static str, &'r str, CellForm)>) -> Self {
        Self { number, cells: cells.into_iter().take(64).collect(), damaged: 0 }
    }

    /// Returns the number of the row.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the cell in `column`; empty where it is blank or the file does not have the column.
    #[must_use]
    pub fn cell(&self, column: &str) -> &'r str {
        let cell = self.cells.iter().find(|(name, ..)| *name == column).map_or("", |(_, cell, _)| cell);
        if is_blank(cell) { "" } else { cell }
    }

    /// Returns the cells that are not blank.
    pub fn cells(&self) -> impl Iterator<Item = (&'static str, &'r str)> {
        self.cells.iter().filter(|(_, cell, _)| !is_blank(cell)).map(|(name, cell, _)| (*name, *cell))
    }

    /// Checks every cell for damage by spreadsheets and against the standard of its column.
    pub fn check_cells(&mut self, rules: &[ColumnRule], findings: &mut Findings) {
        let mut damaged = 0;
        for (index, (name, cell, form)) in self.cells.iter().enumerate() {
            let Some(rule) = rules.iter().find(|rule| rule.name == *name) else { continue };
            if is_blank(cell) {
                continue;
            }
            let standard = rule.standard.map_or(Ok(()), |standard| standard.check(cell));
            let place = Place::of_row(self.number, name);
            if let Some((rule, reason)) = damage(rule, cell, *form) {
                damaged |= 1 << index;
                findings.add(place, Level::Warning, rule, reason, cell);
            } else if let Err(fault) = standard {
                findings.add(place, Level::Warning, fault.rule, fault.reason, cell);
            } else if *form == CellForm::Number && rule.is_code && rule.standard.is_none() {
                let reason = "is stored as a number, which drops leading zeros; store it as text";
                findings.add(place, Level::Warning, "stored-as-number", reason, cell);
            }
        }
        self.damaged = damaged;
    }

    /// Checks the cell in `column` against a standard that depends on other cells.
    pub fn check(&self, column: &str, standard: &Standard, findings: &mut Findings) {
        let Some(index) = self.cells.iter().position(|(name, ..)| *name == column) else { return };
        let (name, cell, _) = self.cells[index];
        if is_blank(cell) || self.damaged & (1 << index) != 0 {
            return;
        }
        if let Err(fault) = standard.check(cell) {
            findings.add(Place::of_row(self.number, name), Level::Warning, fault.rule, fault.reason, cell);
        }
    }

    /// Adds a warning about the cell in `column`.
    pub fn warn(&self, column: &str, rule: &'static str, reason: impl Into<String>, findings: &mut Findings) {
        findings.add(Place::of_row(self.number, column), Level::Warning, rule, reason, self.cell(column));
    }
}

/// Returns rule and reason of the damage to a cell.
fn damage(rule: &ColumnRule, cell: &str, form: CellForm) -> Option<(&'static str, &'static str)> {
    match form {
        CellForm::Date => return Some((Damage::Date.rule(), "is stored as a date")),
        CellForm::Boolean => return Some(("boolean", "is stored as TRUE or FALSE")),
        CellForm::Error => return Some((Damage::SheetError.rule(), Damage::SheetError.reason())),
        // A spreadsheet keeps 15 digits of a number.
        CellForm::Number if rule.is_code && cell.bytes().filter(u8::is_ascii_digit).count() > 15 => {
            return Some(("number-precision", "is a number of more than 15 digits; the last ones are lost"));
        }
        CellForm::Number | CellForm::Text => {}
    }
    let damage = if rule.is_code { Damage::of_code(cell) } else { Damage::of_text(cell) };
    damage.map(|damage| (damage.rule(), damage.reason()))
}
