use serde_json::Value;

use bulkrail_core::http::{ApiErrorBody, ErrorMapping, text_at};

/// Error codes of CDQ. The HTTP status decides the kind: the pages repeat one example under every status.
pub(super) static ERROR_MAPPING: ErrorMapping = ErrorMapping {
    provider: super::PROVIDER,
    read,
    codes: &[
        ("BAD_REQUEST", "the request is not valid", None),
        ("UNAUTHORIZED", "the API key is missing or not valid", None),
        ("FORBIDDEN", "the API key does not have this permission", None),
        ("NOT_FOUND", "the job or storage does not exist", None),
        ("NOT_ACCEPTABLE", "the media type is not supported", None),
        ("TOO_MANY_REQUESTS", "too many requests", None),
        ("INTERNAL_SERVER_ERROR", "an error inside CDQ", None),
        ("SERVICE_UNAVAILABLE", "the service is not available", None),
    ],
};

fn read(body: &Value) -> ApiErrorBody {
    ApiErrorBody {
        code: text_at(body, "/error"),
        message: text_at(body, "/message"),
        parameter: None,
        request_id: text_at(body, "/id"),
    }
}
