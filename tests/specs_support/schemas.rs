//! Validation of JSON against the schemas of a spec, undocumented fields included.

pub(crate) use bulkrail_specdiff::examples::SchemaValidator;
