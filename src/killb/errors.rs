use serde_json::Value;

use bulkrail_core::ErrorKind;
use bulkrail_core::http::{ApiErrorBody, ErrorMapping, text_at};

/// Error codes of KillB.
pub(super) static ERROR_MAPPING: ErrorMapping = ErrorMapping {
    provider: super::PROVIDER,
    read,
    codes: &[
        ("AUTH.0001", "invalid credentials", Some(ErrorKind::Authentication)),
        ("AUTH.0002", "token expired", Some(ErrorKind::Authentication)),
        ("AUTH.0003", "invalid token", Some(ErrorKind::Authentication)),
        ("USER.0001", "user not found", None),
        ("USER.0002", "invalid document", None),
        ("USER.0003", "the e-mail is already used", None),
        ("USER.0004", "user is under age", None),
        ("ACCOUNT.0001", "account not found", None),
        ("ACCOUNT.0002", "invalid bank code", None),
        ("ACCOUNT.0003", "invalid wallet address", None),
        ("RAMP.0001", "quotation expired", None),
        ("RAMP.0002", "insufficient balance", None),
        ("RAMP.0003", "user limit exceeded", None),
        ("RAMP.0004", "invalid account", None),
    ],
};

/// Reads an error body. `message` is an array on the pages, but older client code expects any type. A response with
/// status 500 does not have an `errorCode`.
fn read(body: &Value) -> ApiErrorBody {
    let messages = body["message"].as_array().map(|list| {
        let texts: Vec<_> = list.iter().filter_map(Value::as_str).collect();
        texts.join("; ")
    });
    ApiErrorBody {
        code: text_at(body, "/errorCode"),
        message: messages.filter(|text| !text.is_empty()).or_else(|| text_at(body, "/message")),
        parameter: text_at(body, "/arguments/0/key"),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn error_body_is_read_whatever_type_its_message_has() {
        let table = [
            (json!({"message": ["a", "b"]}), None, Some("a; b"), None),
            (json!({"message": ["a", 7, null, "b"]}), None, Some("a; b"), None),
            (json!({"message": "a", "errorCode": "USER.0001"}), Some("USER.0001"), Some("a"), None),
            (json!({"message": [], "errorCode": ""}), None, None, None),
            (json!({"message": [7]}), None, None, None),
            (json!({"message": 7}), None, Some("7"), None),
            (json!({"message": {}, "arguments": [{"key": "id"}, {"key": "other"}]}), None, None, Some("id")),
            (json!({"arguments": [], "id": "r-1", "requestId": "r-2"}), None, None, None),
            (json!("refused"), None, None, None),
        ];
        for (body, code, message, parameter) in table {
            let found = read(&body);
            assert_eq!((found.code.as_deref(), found.message.as_deref()), (code, message), "{body}");
            assert_eq!((found.parameter.as_deref(), found.request_id), (parameter, None), "{body}");
        }
    }

    #[test]
    fn codes_of_the_credentials_have_a_kind_of_their_own() {
        let of_its_own: Vec<_> =
            ERROR_MAPPING.codes.iter().filter_map(|(code, _, kind)| Some((*code, (*kind)?))).collect();
        assert_eq!(of_its_own, ["AUTH.0001", "AUTH.0002", "AUTH.0003"].map(|code| (code, ErrorKind::Authentication)));
    }
}
