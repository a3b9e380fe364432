use std::fmt;
use std::io::{Read, Write};

use bulkrail_core::Error;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::batch::{self, is_reference};
use super::submission::{BYTE_ORDER_MARK, NEITHER, fault_of_json, read_json};
use crate::retry::{Retry, unwritable};

/// End of the `externalId` of a batch that is submitted again. It is not a number: those are of the parts of a batch.
const SUFFIX: &str = "-retry";

/// Fields of an object in their order, as they are written.
struct Fields<'j>(Vec<(String, &'j RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// What a row is known by.
#[derive(Deserialize)]
struct Account {
    #[serde(rename = "externalId")]
    external_id: String,
}

/// Writes the document of the next batch, and returns its `externalId`; `None` for an array of accounts.
///
/// Each account is copied as it is written, and so are the other fields of a batch. `id` is that of the batch.
pub(crate) fn write_retry(
    file: &mut dyn Read,
    id: &str,
    key: Option<&str>,
    retry: &mut Retry,
    to: &mut dyn Write,
) -> Result<Option<String>, Error> {
    let bytes = read_json(file)?;
    let (mark, text) = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (BYTE_ORDER_MARK, text),
        None => (&b""[..], &bytes[..]),
    };
    let lines = Lines { is_broken: text.trim_ascii().contains(&b'\n') };
    let (document, external_id) = match text.trim_ascii_start().first() {
        Some(b'[') => (lines.accounts(&parse::<Vec<&RawValue>>(text)?, retry, "")?, None),
        Some(b'{') => {
            let external_id = key.map_or_else(|| next_id(id), str::to_owned);
            if !is_reference(&external_id) {
                let reason = "the externalId of the batch must be letters, digits and hyphens";
                return Err(batch::usage(reason.to_owned()).with_parameter("key"));
            }
            let Fields(fields) = parse(text)?;
            (lines.batch(&fields, &external_id, retry)?, Some(external_id))
        }
        _ => return Err(batch::usage(NEITHER.to_owned())),
    };
    let end = if lines.is_broken { "\n" } else { "" };
    for part in [mark, document.as_bytes(), end.as_bytes()] {
        to.write_all(part).map_err(|error| unwritable(&error))?;
    }
    Ok(external_id)
}

/// Returns the `externalId` of the batch after `id`: `a`, `a-retry`, `a-retry2`.
fn next_id(id: &str) -> String {
    let Some((base, number)) = id.rsplit_once(SUFFIX) else { return format!("{id}{SUFFIX}") };
    match number.parse::<u32>() {
        Ok(count) if count > 1 && !number.starts_with(['0', '+']) => {
            format!("{base}{SUFFIX}{}", count.saturating_add(1))
        }
        _ if number.is_empty() => format!("{base}{SUFFIX}2"),
        _ => format!("{id}{SUFFIX}"),
    }
}

fn parse<'j, T: Deserialize<'j>>(text: &'j [u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| {
        batch::usage(format!("line {}, column {}: {}", error.line(), error.column(), fault_of_json(&error)))
    })
}

/// Layout of a document: a line for each field and account, or one for all.
struct Lines {
    is_broken: bool,
}

impl Lines {
    /// Returns the array of the accounts that are retried.
    fn accounts(&self, accounts: &[&RawValue], retry: &mut Retry, indent: &str) -> Result<String, Error> {
        let mut kept = Vec::new();
        for (number, account) in (1..).zip(accounts) {
            let Account { external_id } = parse(account.get().as_bytes())
                .map_err(|error| error.map_reason(|_| format!("account {number} has no externalId")))?;
            if retry.take(&external_id, None) {
                kept.push(account.get());
            }
        }
        Ok(self.enclosed('[', &kept, ']', indent))
    }

    fn batch(&self, fields: &[(String, &RawValue)], external_id: &str, retry: &mut Retry) -> Result<String, Error> {
        let mut kept = Vec::new();
        for (name, value) in fields {
            let value = match name.as_str() {
                "accounts" => self.accounts(&parse::<Vec<&RawValue>>(value.get().as_bytes())?, retry, "  ")?,
                "externalId" => serde_json::json!(external_id).to_string(),
                _ => value.get().to_owned(),
            };
            let colon = if self.is_broken { ": " } else { ":" };
            kept.push(format!("{}{colon}{value}", serde_json::json!(name)));
        }
        let kept: Vec<_> = kept.iter().map(String::as_str).collect();
        Ok(self.enclosed('{', &kept, '}', ""))
    }

    fn enclosed(&self, open: char, parts: &[&str], close: char, indent: &str) -> String {
        if !self.is_broken || parts.is_empty() {
            return format!("{open}{}{close}", parts.join(","));
        }
        let parts = parts.join(&format!(",\n{indent}  "));
        format!("{open}\n{indent}  {parts}\n{indent}{close}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_id_counts_the_retries() {
        for (id, next) in [
            ("payroll-7", "payroll-7-retry"),
            ("payroll-7-2", "payroll-7-2-retry"),
            ("payroll-7-retry", "payroll-7-retry2"),
            ("payroll-7-retry2", "payroll-7-retry3"),
            ("payroll-retryable", "payroll-retryable-retry"),
            ("a-retry1", "a-retry1-retry"),
            ("a-retry-retry9", "a-retry-retry10"),
        ] {
            assert_eq!(next_id(id), next);
            assert!(is_reference(next));
        }
    }
}
