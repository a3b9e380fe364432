use std::fmt;

use serde::Serialize;

use crate::model::ProviderId;

/// 6 rules are named in a summary, about two lines of a terminal.
const MAX_SUMMARY_RULES: usize = 6;

/// Weight of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// The file cannot be submitted: it breaks a documented rule.
    Error,
    /// The file can be submitted, and the provider may refuse the row or use the wrong value.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Something that a check has found.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// Name of the sheet, in a workbook with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Number of the row; `None` for the file as a whole.
    ///
    /// In a table the header is row 1, and a workbook has its own row numbers. In a JSON file it is the position of the
    /// account, from 1.
    pub row: Option<u64>,
    /// Name of the column, or path of the field in a JSON file; `None` for a whole row.
    pub column: Option<String>,
    /// Weight of the finding.
    pub level: Level,
    /// Stable identifier of the rule, such as `clabe-check-digit`.
    pub rule: &'static str,
    /// End of a sentence that begins with the column, such as "has a wrong check digit".
    pub reason: String,
    /// The cell, where values are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Does not show the value, which may be personal data.
impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, column, level, rule, .. } = self;
        f.debug_struct("Finding")
            .field("row", row)
            .field("column", column)
            .field("level", level)
            .field("rule", rule)
            .finish_non_exhaustive()
    }
}

/// Number of findings of one rule in one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FindingCount {
    /// Name of the column; `None` for whole rows and the file.
    pub column: Option<String>,
    /// Weight of the findings.
    pub level: Level,
    /// Identifier of the rule.
    pub rule: &'static str,
    /// Number of findings, also of those that are not listed.
    pub count: u64,
    /// Row of the first; `None` for the file as a whole.
    pub first_row: Option<u64>,
}

/// Result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CheckReport {
    /// Provider that the file is for.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub provider: ProviderId,
    /// Number of rows.
    pub rows: u64,
    /// Number of errors, also of those that are not listed.
    pub errors: u64,
    /// Number of warnings, also of those that are not listed.
    pub warnings: u64,
    /// The findings, by row. Of each rule in each column only the first are listed.
    pub findings: Vec<Finding>,
    /// Number of findings of each rule in each column, errors first.
    pub counts: Vec<FindingCount>,
}

impl CheckReport {
    /// Returns whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.errors == 0 && self.warnings == 0
    }

    /// Returns the number of findings that are not listed.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        (self.errors + self.warnings).saturating_sub(self.findings.len() as u64)
    }

    /// Returns the findings in a few words, such as `2 warnings (clabe-check-digit 1, email-format 1)`; without values.
    ///
    /// ```
    /// use bulkrail_core::ProviderId;
    /// use bulkrail_core::check::{CheckOptions, Findings, Level, Place};
    ///
    /// let mut findings = Findings::new(&CheckOptions::default());
    /// findings.add(Place::of_row(2, "clabe"), Level::Warning, "clabe-check-digit", "has a wrong check digit", "1");
    /// let report = findings.into_report(ProviderId::from_static("acme"), 1);
    /// assert_eq!(report.summary(), "1 warning (clabe-check-digit 1)");
    /// ```
    #[must_use]
    pub fn summary(&self) -> String {
        if self.is_clean() {
            return "nothing found".to_owned();
        }
        let of = |level: Level, count: u64| match (level, count) {
            (_, 0) => None,
            (_, 1) => Some(format!("1 {level}")),
            _ => Some(format!("{count} {level}s")),
        };
        let parts: Vec<_> =
            [of(Level::Error, self.errors), of(Level::Warning, self.warnings)].into_iter().flatten().collect();
        let mut rules: Vec<(&str, u64)> = Vec::new();
        for FindingCount { rule, count, .. } in &self.counts {
            match rules.iter_mut().find(|(name, _)| name == rule) {
                Some((_, sum)) => *sum += count,
                None => rules.push((rule, *count)),
            }
        }
        let listed = rules.iter().take(MAX_SUMMARY_RULES).map(|(rule, count)| format!("{rule} {count}"));
        let mut listed: Vec<_> = listed.collect();
        match rules.len().saturating_sub(MAX_SUMMARY_RULES) {
            0 => {}
            1 => listed.push("1 more rule".to_owned()),
            more => listed.push(format!("{more} more rules")),
        }
        format!("{} ({})", parts.join(", "), listed.join(", "))
    }
}
