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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn error_body_is_read_from_the_documented_fields() {
        let fields = |body: &Value| {
            let ApiErrorBody { code, message, parameter, request_id } = read(body);
            [code, message, parameter, request_id]
        };
        let (code, message, parameter, id) = (Some("NOT_FOUND"), Some("m"), None, Some("r"));
        let body =
            json!({"error": "NOT_FOUND", "message": "m", "id": "r", "code": "c", "parameter": "p", "status": "404"});
        assert_eq!(fields(&body), [code, message, parameter, id].map(|text: Option<&str>| text.map(str::to_owned)));
        for body in [json!({}), json!([body]), json!("refused"), json!({"code": [], "error": {}, "message": null})] {
            assert_eq!(fields(&body), [const { None::<String> }; 4], "{body}");
        }
    }

    #[test]
    fn status_decides_about_every_code() {
        assert!(!ERROR_MAPPING.codes.is_empty() && ERROR_MAPPING.codes.iter().all(|(.., kind)| kind.is_none()));
    }
}
