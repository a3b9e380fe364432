//! Kinds of accounts: the members of `data` and their rules.
//!
//! PSE, SPEI and ACH are on KillB's pages, which mark no member as required. The members and rules of the other kinds
//! are those of KillB's public client.

use serde_json::{Map, Value};

use super::banks;
use crate::fields::{Field, Kind};
use crate::http;

/// Documented account types, in the order of the page.
pub(super) const ACCOUNT_TYPES: [&str; 22] = [
    "PSE",
    "ACH",
    "ACH_HN",
    "ACH_SV",
    "ACH_NI",
    "ACH_GT",
    "ACH_PA",
    "ACH_BO",
    "WIRE",
    "WALLET",
    "COELSA",
    "BREB",
    "SPEI",
    "PIX",
    "CCI",
    "CUSTODIAL",
    "TRANSFIYA",
    "SWIFT",
    "SPI",
    "SPI_PY",
    "SPI_DO",
    "SINPE",
];

/// Type whose members are published nowhere.
pub(super) const CUSTODIAL: &str = "CUSTODIAL";

const DOCUMENT: Field = Field::new(
    "document",
    Kind::Object(&[
        Field::text("type"),
        Field::text("number"),
        Field::text("issuedCountryCode"),
        Field::text("expeditionDate"),
        Field::text("cic"),
        Field::text("identificadorCiudadano"),
        Field::text("ocr"),
        Field::text("numeroEmision"),
    ]),
);

const COELSA_DOCUMENT: Field = Field::new(
    "document",
    Kind::Object(&[
        Field::new(
            "type",
            Kind::Word(&[
                "NATIONAL_IDENTITY_CARD",
                "PASSPORT",
                "DRIVER_LICENSE",
                "NIT",
                "RFC",
                "CURP",
                "INE",
                "USCC",
                "RUT",
                "CEDULA",
            ]),
        ),
        Field::text("number"),
        Field::text("issuedCountryCode"),
    ]),
);

const BANK_ADDRESS: Field = Field::new(
    "bankAddress",
    Kind::Object(&[
        Field::text("street1"),
        Field::text("street2"),
        Field::text("city"),
        Field::text("state"),
        Field::text("zipCode"),
        Field::text("countryCode"),
    ]),
);

/// Members that are texts in every kind that has them.
const TEXTS: &[Field] = &[
    Field::text("firstName"),
    Field::text("middleName"),
    Field::text("lastName"),
    Field::text("companyName"),
    Field::text("email"),
    Field::text("phone"),
    Field::text("countryCode"),
    Field::text("accountNumber"),
    Field::text("bankCode"),
    Field::text("bankName"),
    Field::text("routingNumber"),
    Field::text("swiftCode"),
    Field::text("clabe"),
    Field::text("cvu"),
    Field::text("alias"),
    Field::text("pixKey"),
    Field::text("cci"),
    Field::text("account"),
    Field::text("address"),
    // Another network than those of the client is on a page.
    Field::text("network"),
];

const BANK_ACCOUNT_TYPE: Field = Field::new("type", Kind::Word(&["savings", "checking"]));

const CURRENCY: Field = Field::new("currency", Kind::Word(&["USDC", "USDT", "BTC"]));
const ALIAS_TYPE: Field =
    Field::new("aliasType", Kind::Word(&["NATIONAL_ID", "PHONE", "EMAIL", "ALPHANUMERIC", "BUSINESS_ID"]));
const CLABE_TYPE: Field = Field::new("clabeType", Kind::Word(&["CLABE", "DEBIT_CARD", "PHONE_NUMBER"]));
const PIX_KEY_TYPE: Field = Field::new("pixKeyType", Kind::Word(&["CPF", "CNPJ", "EMAIL", "PHONE", "RANDOM"]));
const TRANSFIYA_TYPE: Field = Field::new("type", Kind::Word(&["PHONE_NUMBER", "WALLET"]));
const IDENTIFIER_TYPE: Field = Field::new("identifierType", Kind::Word(&["ACCOUNT", "DOCUMENT", "PHONE", "ALIAS"]));

/// Returns the members of `data` whose types differ between kinds.
fn typed_fields(account_type: &str) -> &'static [Field] {
    match account_type {
        "COELSA" => const { &[COELSA_DOCUMENT] },
        "WIRE" | "SWIFT" => const { &[DOCUMENT, BANK_ADDRESS] },
        "WALLET" => const { &[DOCUMENT, CURRENCY] },
        "BREB" => const { &[DOCUMENT, ALIAS_TYPE] },
        "SPEI" => const { &[DOCUMENT, CLABE_TYPE] },
        "PIX" => const { &[DOCUMENT, PIX_KEY_TYPE] },
        "CCI" => const { &[DOCUMENT] },
        "TRANSFIYA" => const { &[DOCUMENT, TRANSFIYA_TYPE] },
        "SPI_DO" => const { &[DOCUMENT, BANK_ACCOUNT_TYPE, IDENTIFIER_TYPE] },
        _ => const { &[DOCUMENT, BANK_ACCOUNT_TYPE] },
    }
}

/// Returns the members of `data` with their types, as two lists.
pub(super) fn fields(account_type: &str) -> [&'static [Field]; 2] {
    match account_type {
        CUSTODIAL => [&[], &[]],
        _ => [TEXTS, typed_fields(account_type)],
    }
}

/// Returns the members of `data` that KillB's client requires, for the kinds that no page shows.
fn required(account_type: &str) -> &'static [&'static str] {
    match account_type {
        "ACH_HN" | "ACH_SV" | "ACH_NI" | "ACH_GT" => {
            &["email", "phone", "document", "bankName", "accountNumber", "bankCode", "type", "countryCode"]
        }
        "ACH_PA" | "ACH_BO" | "SPI" | "SPI_PY" | "SINPE" => {
            &["email", "phone", "document", "accountNumber", "bankCode", "type", "countryCode"]
        }
        "WIRE" => {
            &["email", "phone", "document", "accountNumber", "routingNumber", "bankName", "bankAddress", "countryCode"]
        }
        "SWIFT" => {
            &["email", "phone", "document", "accountNumber", "bankName", "swiftCode", "bankAddress", "countryCode"]
        }
        "WALLET" => &["email", "phone", "document", "currency", "network", "address"],
        "COELSA" => &["firstName", "lastName", "phone", "email", "cvu", "countryCode", "document"],
        "BREB" => &["email", "phone", "document", "aliasType", "alias", "countryCode"],
        "PIX" => &["email", "phone", "document", "pixKeyType", "pixKey", "countryCode"],
        "CCI" => &["email", "phone", "document", "cci", "countryCode"],
        "TRANSFIYA" => &["email", "phone", "document", "account", "type", "countryCode"],
        // What identifies the account depends on identifierType.
        "SPI_DO" => &["email", "document", "identifierType", "countryCode"],
        _ => &[],
    }
}

/// Returns the messages about rules that `data` breaks.
pub(super) fn violations(account_type: &str, data: &Map<String, Value>) -> Vec<String> {
    let text = |key: &str| http::non_empty_str(data, key);
    let has = |key: &str| text(key).is_some() || data.get(key).is_some_and(Value::is_object);
    let mut errors: Vec<String> = (required(account_type).iter())
        .filter(|key| !has(key))
        .map(|key| format!("{key} should not be empty"))
        .collect();
    if !matches!(account_type, CUSTODIAL | "COELSA") && !has("firstName") && !has("companyName") {
        errors.push("firstName is required if companyName is not present".to_owned());
        errors.push("companyName is required if firstName is not present".to_owned());
    }
    let needs = |errors: &mut Vec<String>, key: &str, condition: &str| {
        if !has(key) {
            errors.push(format!("{key} is required when {condition}"));
        }
    };
    let mut check = |key: &str, is_right: fn(&str) -> bool, rule: &str| {
        if text(key).is_some_and(|value| !is_right(value)) {
            errors.push(format!("{key} must {rule}"));
        }
    };
    match account_type {
        "BREB" => check("countryCode", |code| code == "CO", "be CO"),
        "CCI" => {
            check("cci", |cci| is_digits(cci, 20, 20), "have 20 digits");
            check("countryCode", |code| code == "PE" || code == "CL", "be PE or CL");
        }
        "SWIFT" => check("swiftCode", |code| (8..=11).contains(&code.len()), "have 8 to 11 characters"),
        "SPI" | "SPI_PY" => {
            check("accountNumber", |number| is_digits(number, 2, 14), "have 2 to 14 digits");
            check("bankCode", banks::has_code, "be in the list of banks");
        }
        "SINPE" => {
            let is_number = |number: &str| number.strip_prefix("CR").is_some_and(|digits| is_digits(digits, 20, 20));
            check("accountNumber", is_number, "be CR and 20 digits");
        }
        "SPEI" if matches!(text("clabeType"), Some("DEBIT_CARD" | "PHONE_NUMBER")) => {
            needs(&mut errors, "bankCode", "clabeType is DEBIT_CARD or PHONE_NUMBER");
        }
        "SPI_DO" => match text("identifierType") {
            Some("ACCOUNT") => {
                needs(&mut errors, "bankCode", "identifierType is ACCOUNT");
                needs(&mut errors, "accountNumber", "identifierType is ACCOUNT");
            }
            Some("PHONE") => needs(&mut errors, "phone", "identifierType is PHONE"),
            Some("ALIAS") => needs(&mut errors, "alias", "identifierType is ALIAS"),
            _ => {}
        },
        _ => {}
    }
    errors
}

fn is_digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
