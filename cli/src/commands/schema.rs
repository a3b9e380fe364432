//! `bulkrail schema`: prints the JSON Schema of the documents.

use bulkrail::{Batch, ErrorDocument, Row};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::check::CheckDocument;
use super::compare::CompareDocument;
use super::run::ResultDocument;
use super::specs::DiffDocument;
use crate::error::CliError;
use crate::submissions::Listed;
use crate::{exit, output};

#[derive(Serialize)]
struct Schemas {
    batch: Schema,
    result: Schema,
    error: Schema,
    list: Schema,
    check: Schema,
    compare: Schema,
    rows: Schema,
    specs_diff: Schema,
}

pub(crate) fn run() -> Result<u8, CliError> {
    let schemas = Schemas {
        batch: schema::<Batch>(),
        result: schema::<ResultDocument<'static>>(),
        error: schema::<ErrorDocument>(),
        list: schema::<Vec<Listed>>(),
        check: schema::<CheckDocument<'static>>(),
        compare: schema::<CompareDocument<'static>>(),
        rows: schema::<Vec<Row>>(),
        specs_diff: schema::<DiffDocument<'static>>(),
    };
    output::last(output::json(&schemas))?;
    Ok(exit::SUCCESS)
}

/// Returns the schema of a document as it is written, which is stricter than the schema of what can
/// be read.
fn schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}
