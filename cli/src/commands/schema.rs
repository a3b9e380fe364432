//! `bulkrail schema`: the JSON Schema of the documents.

use bulkrail::{Batch, ErrorDocument};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::accounted::Accounted;
use crate::failure::Failure;
use crate::{exit, output};

#[derive(Serialize)]
struct Schemas {
    batch: Schema,
    result: Schema,
    error: Schema,
}

pub(crate) fn run() -> Result<u8, Failure> {
    let schemas = Schemas { batch: schema::<Batch>(), result: schema::<Accounted>(), error: schema::<ErrorDocument>() };
    output::last(output::json(&schemas))?;
    Ok(exit::SUCCESS)
}

/// As the documents are written, which is stricter than how they are read.
fn schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}
