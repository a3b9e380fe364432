//! Published fields of each kind of account, read from the spec and named as the columns of a row.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::raw;
use super::workbook::COLUMNS;

/// Kinds by their word.
pub(super) static KINDS: LazyLock<HashMap<String, Kind>> = LazyLock::new(|| kinds(raw::SCHEMAS));

/// Stands for `personDocumentType` or `companyDocumentType`: which one, `entityType` decides.
pub(super) const DOCUMENT_TYPE: &str = "document.type";

/// Columns whose words the spec closes for a row, too. KillB's client has `transfiyaAccountType`, `clabeType`, `currency`
/// and `network` of a row as plain texts.
const CLOSED: &[&str] = &["bankAccountType", "pixKeyType", "aliasType"];

/// Schemas refer to each other; none is deeper.
const MAX_DEPTH: usize = 8;

/// Fields of a kind. Without columns its fields are not published.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// Further fields may be sent: those that are published may not be all.
    pub(super) is_open: bool,
    pub(super) columns: HashSet<&'static str>,
    /// Columns that need a value.
    pub(super) required: Vec<&'static str>,
    /// Words of columns with a closed list.
    pub(super) words: Vec<(&'static str, Vec<String>)>,
}

/// Returns the kinds in the component schemas of the spec.
fn kinds(schemas: &str) -> HashMap<String, Kind> {
    let schemas: Value = serde_json::from_str(schemas).unwrap_or_default();
    let members = schemas["CreateAccount"]["oneOf"].as_array().cloned().unwrap_or_default();
    let kinds = members.iter().filter_map(|member| {
        let account = resolve(&schemas, member);
        let word = account["properties"]["type"]["enum"][0].as_str()?.to_owned();
        let mut kind = Kind::default();
        let data = resolve(&schemas, &account["properties"]["data"]);
        kind.is_open = data.get("additionalProperties").is_some_and(|more| *more != false);
        kind.add(&schemas, &word, data, "", true, 0);
        Some((word, kind))
    });
    kinds.collect()
}

impl Kind {
    /// Adds the fields of an object: `data` itself, or one in it whose name is `parent`.
    fn add(&mut self, schemas: &Value, word: &str, object: &Value, parent: &str, is_required: bool, depth: usize) {
        // What only KillB's client requires is apart in the spec.
        let required: Vec<_> = ["required", "x-required-sdk"]
            .iter()
            .filter_map(|key| object[*key].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, schema) in object["properties"].as_object().into_iter().flatten() {
            let schema = resolve(schemas, schema);
            let is_required = is_required && required.contains(&name.as_str());
            if schema["properties"].is_object() && depth < MAX_DEPTH {
                self.add(schemas, word, schema, name, is_required, depth + 1);
                continue;
            }
            let Some(column) = column(word, parent, name) else { continue };
            self.columns.insert(column);
            if is_required {
                self.required.push(column);
            }
            if let Some(words) = schema["enum"].as_array().filter(|_| CLOSED.contains(&column)) {
                let words = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                self.words.push((column, words));
            }
        }
    }
}

/// Returns the column of a field; `None` where a row does not have one.
fn column(word: &str, parent: &str, name: &str) -> Option<&'static str> {
    let column = match (parent, name) {
        ("", "type") if word == "TRANSFIYA" => "transfiyaAccountType".to_owned(),
        ("", "type") => "bankAccountType".to_owned(),
        ("", name) => name.to_owned(),
        ("document", "type") => return Some(DOCUMENT_TYPE),
        (parent, name) => {
            let (first, rest) = name.split_at_checked(1)?;
            format!("{parent}{}{rest}", first.to_ascii_uppercase())
        }
    };
    COLUMNS.iter().copied().find(|known| *known == column)
}

/// Returns the schema that `schema` refers to, or itself.
fn resolve<'s>(schemas: &'s Value, schema: &'s Value) -> &'s Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    name.map_or(schema, |name| &schemas[name])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_of_the_spec_are_read_with_their_fields() {
        assert_eq!(KINDS.len(), 22);
        let pse = &KINDS["PSE"];
        for column in ["accountNumber", "bankCode", "bankAccountType", "documentNumber", "firstName", DOCUMENT_TYPE] {
            assert!(pse.columns.contains(column), "{column}");
        }
        assert!(pse.words.contains(&("bankAccountType", vec!["savings".to_owned(), "checking".to_owned()])));
        assert!(KINDS["SPEI"].columns.contains("clabe"));
        assert!(!pse.is_open);
        let unpublished = Kind { is_open: true, ..Kind::default() };
        assert_eq!(KINDS["CUSTODIAL"], unpublished, "its fields are not published");
    }

    #[test]
    fn required_fields_are_those_of_page_and_client_and_of_objects_that_are_required() {
        let bank = json!({"type": "object", "required": ["city"], "properties": {"city": {}, "state": {}}});
        let document = json!({"type": "object", "x-required-sdk": ["type", "number"],
            "properties": {"type": {}, "number": {}, "cic": {}}});
        let data = json!({"type": "object", "required": ["accountNumber"], "x-required-sdk": ["type", "document"],
            "properties": {"accountNumber": {"type": "string"}, "type": {"$ref": "#/components/schemas/T"},
                "document": {"$ref": "#/components/schemas/Document"}, "bankAddress": bank}});
        let account = |word: &str| json!({"properties": {"type": {"enum": [word]}, "data": data}});
        let schemas = json!({"Document": document, "T": {"enum": ["PHONE_NUMBER"]},
            "CreateAccount": {"oneOf": [account("WIRE"), account("TRANSFIYA")]}});
        let kinds = kinds(&schemas.to_string());
        let mut required = kinds["WIRE"].required.clone();
        required.sort_unstable();
        assert_eq!(required, ["accountNumber", "bankAccountType", DOCUMENT_TYPE, "documentNumber"]);
        assert!(kinds["WIRE"].columns.contains("bankAddressState"));
        assert!(kinds["TRANSFIYA"].required.contains(&"transfiyaAccountType"));
        assert!(kinds["TRANSFIYA"].words.is_empty(), "plain text in a row");
    }
}
