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
        let (code, message, parameter, id) = (Some("0701020100"), Some("m"), Some("p"), None);
        let body = json!({"code": "0701020100", "message": "m", "parameter": "p", "id": "r", "error": "e"});
        assert_eq!(fields(&body), [code, message, parameter, id].map(|text: Option<&str>| text.map(str::to_owned)));
        for body in [json!({}), json!([body]), json!("refused"), json!({"code": [], "error": {}, "message": null})] {
            assert_eq!(fields(&body), [const { None::<String> }; 4], "{body}");
        }
    }

    #[test]
    fn codes_that_the_status_would_mislead_about_have_a_kind_of_their_own() {
        let of_its_own: Vec<_> =
            ERROR_MAPPING.codes.iter().filter_map(|(code, _, kind)| Some((*code, (*kind)?))).collect();
        assert_eq!(of_its_own, [("9999993401", ErrorKind::Conflict), ("0501001400", ErrorKind::Authentication)]);
    }
}
