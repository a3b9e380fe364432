use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem;

use super::report::{CheckReport, Finding, FindingCount, Level};
use super::row::Place;
use crate::model::ProviderId;
use crate::text::truncated;

use crate::csv::CsvFault;
use crate::error::Error;

/// Default of [`CheckOptions::max_per_rule`], 100 findings of a rule in a column: enough to see what is wrong with it.
pub const MAX_PER_RULE: usize = 100;

/// Default of [`CheckOptions::max_findings`], 10,000 findings: about 2 MB.
pub const MAX_FINDINGS: usize = 10_000;

/// 1,000 pairs of rule and column are counted; the columns of a provider make a few hundred.
const MAX_COUNTS: usize = 1_000;

/// 1,000 characters of a value are shown.
const MAX_VALUE_CHARS: usize = 1_000;

/// Choices for a check: how many findings to list, and whether with values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct CheckOptions {
    max_per_rule: usize,
    max_findings: usize,
    shows_values: bool,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { max_per_rule: MAX_PER_RULE, max_findings: MAX_FINDINGS, shows_values: false }
    }
}

impl CheckOptions {
    /// Sets the number of findings to list of each rule in each column. Default: [`MAX_PER_RULE`]. All are counted.
    pub fn max_per_rule(self, max_per_rule: usize) -> Self {
        Self { max_per_rule, ..self }
    }

    /// Sets the number of findings to list in all. Default: [`MAX_FINDINGS`]. All are counted.
    pub fn max_findings(self, max_findings: usize) -> Self {
        Self { max_findings, ..self }
    }

    /// Keeps the value of the cell in each finding. It may be personal data.
    pub fn show_values(self, shows_values: bool) -> Self {
        Self { shows_values, ..self }
    }
}

/// Collects findings, of which the first of each kind are kept and all are counted.
#[derive(Debug)]
pub struct Findings {
    options: CheckOptions,
    kept: Vec<Finding>,
    counts: BTreeMap<(Level, &'static str, Option<String>), Count>,
    errors: u64,
    warnings: u64,
    sheet: Option<String>,
}

#[derive(Debug)]
struct Count {
    count: u64,
    first_row: Option<u64>,
}

impl Findings {
    /// Returns an empty collection.
    #[must_use]
    pub fn new(options: &CheckOptions) -> Self {
        Self {
            options: options.clone(),
            kept: Vec::new(),
            counts: BTreeMap::new(),
            errors: 0,
            warnings: 0,
            sheet: None,
        }
    }

    /// Sets the sheet of the findings that follow.
    pub fn set_sheet(&mut self, sheet: Option<String>) {
        self.sheet = sheet;
    }

    /// Adds a finding. `reason` is the end of a sentence and must not hold the value, which is kept only if asked for.
    pub fn add(&mut self, place: Place<'_>, level: Level, rule: &'static str, reason: impl Into<String>, value: &str) {
        match level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
        }
        let key = (level, rule, place.column.map(str::to_owned));
        let is_full = self.counts.len() >= MAX_COUNTS;
        let count = match self.counts.entry(key) {
            Entry::Occupied(count) => count.into_mut(),
            Entry::Vacant(_) if is_full => return,
            Entry::Vacant(count) => count.insert(Count { count: 0, first_row: place.row }),
        };
        count.count += 1;
        if count.count > self.options.max_per_rule as u64 || self.kept.len() >= self.options.max_findings {
            return;
        }
        let is_shown = self.options.shows_values && !value.is_empty();
        self.kept.push(Finding {
            sheet: self.sheet.clone(),
            row: place.row,
            column: place.column.map(str::to_owned),
            level,
            rule,
            reason: reason.into(),
            value: is_shown.then(|| truncated(value, MAX_VALUE_CHARS).into_owned()),
        });
    }

    /// Adds a fault of a CSV file, which is an error. Its row is `None` for the file as a whole.
    pub fn add_csv_fault(&mut self, fault: CsvFault) {
        let CsvFault { row, column, column_number, rule, reason, .. } = fault;
        let place = Place { row, column };
        let reason = match (column, column_number) {
            (None, Some(number)) => format!("column {number} {reason}"),
            _ => reason.into_owned(),
        };
        self.add(place, Level::Error, rule, reason, "");
    }

    /// Adds an error that ends the reading of a file; its reason must not hold values.
    pub fn add_error(&mut self, rule: &'static str, error: Error) {
        let mut text = String::new();
        let _ = error.map_reason(|reason| {
            reason.clone_into(&mut text);
            String::new()
        });
        self.add(Place::of_file(), Level::Error, rule, text, "");
    }

    /// Returns the report of a file with `rows` rows.
    #[must_use]
    pub fn into_report(mut self, provider: ProviderId, rows: u64) -> CheckReport {
        let mut findings = mem::take(&mut self.kept);
        // What is about the file comes first; the sort is stable.
        findings.sort_by_key(|finding| finding.row);
        let counts = self.counts.into_iter().map(|((level, rule, column), Count { count, first_row })| FindingCount {
            column,
            level,
            rule,
            count,
            first_row,
        });
        let mut counts: Vec<_> = counts.collect();
        counts.sort_by(|a, b| (a.level, b.count).cmp(&(b.level, a.count)));
        CheckReport { provider, rows, errors: self.errors, warnings: self.warnings, findings, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_bounded_by_rule_and_in_all_and_counted_in_full() {
        let mut findings = Findings::new(&CheckOptions::default().max_per_rule(2).max_findings(5));
        for row in 2..102 {
            for column in ["a", "b", "c"] {
                findings.add(Place::of_row(row, column), Level::Warning, "rule", "is odd", "CANARY");
            }
        }
        findings.add(Place::of_file(), Level::Error, "file", "the file is odd", "");
        let report = findings.into_report(ProviderId::from_static("acme"), 100);
        assert_eq!((report.errors, report.warnings, report.findings.len()), (1, 300, 5));
        assert_eq!(report.unlisted(), 296);
        assert_eq!(report.summary(), "1 error, 300 warnings (file 1, rule 300)");
        assert_eq!(report.counts[0].level, Level::Error);
        assert_eq!((report.counts[1].count, report.counts[1].first_row), (100, Some(2)));
        assert!(!format!("{report:?}").contains("CANARY"));
        assert!(!serde_json::to_string(&report).unwrap().contains("CANARY"));
    }

    #[test]
    fn summary_names_a_few_rules_and_counts_the_others() {
        let mut findings = Findings::new(&CheckOptions::default());
        for rule in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            findings.add(Place::of_row(2, "x"), Level::Warning, rule, "is odd", "");
        }
        let report = findings.into_report(ProviderId::from_static("acme"), 1);
        assert_eq!(report.summary(), "8 warnings (a 1, b 1, c 1, d 1, e 1, f 1, 2 more rules)");
    }

    #[test]
    fn value_is_kept_where_it_is_asked_for_and_not_shown_by_debug() {
        let mut findings = Findings::new(&CheckOptions::default().show_values(true));
        findings.add(Place::of_row(2, "a"), Level::Warning, "rule", "is odd", "CANARY");
        let report = findings.into_report(ProviderId::from_static("acme"), 1);
        assert_eq!(report.findings[0].value.as_deref(), Some("CANARY"));
        assert!(!format!("{report:?}").contains("CANARY"));
    }

    #[test]
    fn columns_of_a_hostile_file_do_not_fill_memory() {
        let mut findings = Findings::new(&CheckOptions::default());
        for column in 0..10_000 {
            findings.add(Place::of_row(2, &column.to_string()), Level::Error, "rule", "is odd", "");
        }
        let report = findings.into_report(ProviderId::from_static("acme"), 1);
        assert_eq!((report.errors, report.counts.len(), report.findings.len()), (10_000, MAX_COUNTS, MAX_COUNTS));
    }
}
