use serde_json::Value;

use bulkrail_core::http::{ApiErrorBody, ErrorMapping, text_at};

/// The HTTP status decides: the error examples of the pages are one block copied under every status.
pub(super) static ERROR_MAPPING: ErrorMapping = ErrorMapping {
    provider: super::PROVIDER,
    read,
    codes: &[
        ("BAD_REQUEST", "the request is not valid", None),
        ("UNAUTHORIZED", "the API key is missing or not valid", None),
        ("FORBIDDEN", "this API key may not do this", None),
        ("NOT_FOUND", "there is no such job or storage", None),
        ("NOT_ACCEPTABLE", "the media type is not supported", None),
        ("TOO_MANY_REQUESTS", "try again later", None),
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
