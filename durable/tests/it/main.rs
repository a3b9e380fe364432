//! Tests of the service and its records.

mod cut;
mod provider;
mod record;
mod service;
