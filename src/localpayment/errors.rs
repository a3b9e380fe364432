use serde_json::Value;

use bulkrail_core::ErrorKind;
use bulkrail_core::http::{ApiErrorBody, ErrorMapping, text_at};

/// Error codes of Localpayment: business codes, not HTTP statuses. Codes from 500 are documented for payins, not for
/// batches. They are read in error responses only: in a 2xx response, 300 is a disabled account.
pub(super) static ERROR_MAPPING: ErrorMapping = ErrorMapping {
    provider: super::PROVIDER,
    read,
    codes: &[
        ("300", "rejected: a parameter is invalid or missing", None),
        ("303", "invalid exchange token", None),
        ("500", "this external id is already used", Some(ErrorKind::Conflict)),
        ("501", "country not found", None),
        ("502", "currency not allowed", None),
        ("503", "transactions not found", None),
        ("504", "limit exceeded", None),
        ("505", "insufficient funds", None),
        ("508", "invalid merchant", None),
        ("537", "access denied", None),
        ("538", "invalid password", None),
        ("539", "communication error", None),
        ("600", "sender is blacklisted", None),
        ("601", "beneficiary is blacklisted", None),
        ("701", "wrong account number", None),
        ("702", "inactive account", None),
        ("736", "invalid country", None),
        ("801", "parameters are wrong", None),
        ("802", "rejected by the provider", None),
    ],
};

/// Reads an error body. Most errors are in `status`, some also in `errors`; those of the token calls are in `detail`.
fn read(body: &Value) -> ApiErrorBody {
    let message = ["/status/detail", "/errors/0/detail", "/detail", "/status/description"];
    let message = message.iter().find_map(|pointer| text_at(body, pointer));
    ApiErrorBody {
        code: text_at(body, "/status/code").or_else(|| text_at(body, "/errors/0/code")),
        parameter: message.as_deref().and_then(parameter),
        message,
        request_id: None,
    }
}

/// Returns the parameter in the first brackets of a message like "Invalid param + [paymentMethod] + [Is mandatory]".
fn parameter(message: &str) -> Option<String> {
    let after = message.split_once("Invalid param")?.1;
    let name = after.split_once('[')?.1.split_once(']')?.0.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn error_body_is_read_from_the_first_place_that_has_each_field() {
        let table = [
            (
                json!({"status": {"code": "1", "detail": "a"}, "errors": [{"code": "2", "detail": "b"}]}),
                Some("1"),
                Some("a"),
            ),
            (
                json!({"status": {"code": ""}, "errors": [{"code": 2, "detail": "b"}], "detail": "c"}),
                Some("2"),
                Some("b"),
            ),
            (json!({"errors": [{}, {"code": "2", "detail": "b"}], "detail": "c"}), None, Some("c")),
            (json!({"status": {"code": 300, "description": "REJECTED"}}), Some("300"), Some("REJECTED")),
            (json!({"status": {"description": "REJECTED", "detail": ""}, "detail": "c"}), None, Some("c")),
            (json!({"status": "REJECTED", "errors": {"code": "2"}}), None, None),
            (json!([]), None, None),
        ];
        for (body, code, message) in table {
            let found = read(&body);
            assert_eq!((found.code.as_deref(), found.message.as_deref()), (code, message), "{body}");
            assert_eq!((found.parameter, found.request_id), (None, None), "{body}");
        }
    }

    #[test]
    fn parameter_is_in_the_first_brackets_after_its_label() {
        let table = [
            ("Invalid param + [paymentMethod] + [Is mandatory]", Some("paymentMethod")),
            ("[a] Invalid param + [ b ] + [c]", Some("b")),
            ("Invalid param [a", None),
            ("Invalid param a]", None),
            ("Invalid param [ ]", None),
            ("Invalid param []", None),
            ("Invalid param", None),
            ("invalid param [a]", None),
            ("[a]", None),
            ("", None),
        ];
        for (message, expected) in table {
            assert_eq!(parameter(message).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn error_body_has_the_parameter_that_its_message_names() {
        let body = json!({"status": {"detail": "Invalid param + [country] + [Is mandatory]"}});
        assert_eq!(read(&body).parameter.as_deref(), Some("country"));
    }

    #[test]
    fn only_the_code_of_a_used_id_has_a_kind_of_its_own() {
        let of_its_own: Vec<_> =
            ERROR_MAPPING.codes.iter().filter_map(|(code, _, kind)| Some((*code, (*kind)?))).collect();
        assert_eq!(of_its_own, [("500", ErrorKind::Conflict)]);
    }
}
