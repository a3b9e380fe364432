use serde_json::Value;

use bulkrail_core::ErrorKind;
use bulkrail_core::http::{ApiErrorBody, ErrorMapping, text_at};

/// Error codes of Reap: strings with leading zeros, whose digits have no documented meaning.
pub(super) static ERROR_MAPPING: ErrorMapping = ErrorMapping {
    provider: super::PROVIDER,
    read,
    codes: &[
        ("0000000100", "missing API key", None),
        ("0000000200", "invalid API key", None),
        ("0701020100", "batch not found, or it belongs to another business", None),
        ("9999993401", "this idempotency key was used before", Some(ErrorKind::Conflict)),
        // The entity pages have HTTP status 400 for a missing key.
        ("0501001400", "missing API key", Some(ErrorKind::Authentication)),
        ("0501002401", "invalid API key", None),
        ("0701001400", "a field is not valid", None),
        ("0101003409", "this externalId is already used", None),
        ("0102001404", "entity not found for this business", None),
        ("0601001400", "unexpected error", None),
    ],
};

fn read(body: &Value) -> ApiErrorBody {
    ApiErrorBody {
        code: text_at(body, "/code"),
        message: text_at(body, "/message"),
        parameter: text_at(body, "/parameter"),
        request_id: None,
    }
}
