//! Checks of a file before it is sent, beyond what makes it impossible to send.
//!
//! | Item | What it is |
//! |---|---|
//! | [`CheckReport`] | the result: rows, findings, and how many of each kind there are |
//! | [`Finding`] | one row and column, with level, rule and reason |
//! | [`Findings`] | collects findings; a provider crate adds its own |
//! | [`CheckedRow`] | a row of a CSV file, a sheet or a JSON array, as the rules see it |
//! | [`standards`] | public standards: CLABE, IBAN, E.164 and so on, each with its source |
//! | [`Damage`] | what spreadsheets do to values: lost zeros, exponents, dates |
//!
//! A finding never holds a value, unless [`CheckOptions::show_values`] asks for it.

mod damage;
mod findings;
mod repeats;
mod report;
mod row;
pub mod standards;

pub use damage::Damage;
pub use findings::{CheckOptions, Findings, MAX_FINDINGS, MAX_PER_RULE};
pub use repeats::Repeats;
pub use report::{CheckReport, Finding, FindingCount, Level};
pub use row::{CellForm, CheckedRow, ColumnRule, Place};
