//! What a page says, whatever its form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// A documentation page, read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page {
    /// The form it was found to be in.
    pub form: Form,
    /// The operations that it describes.
    pub operations: Vec<Operation>,
    /// Addresses of servers that it names, for descriptions whose paths leave out a common start.
    pub servers: Vec<String>,
    /// Parts that should have been readable and were not; each is a difference of its own, so that nothing goes unseen.
    pub unread: Vec<Unread>,
}

/// The forms of pages that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Form {
    /// An OpenAPI 3.0 or 3.1 description, JSON or YAML.
    OpenApi,
    /// Markdown with an OpenAPI description in a fenced block, as Mintlify's `.md` twins and ReadMe's pages have.
    Markdown,
    /// The text of a rendered Mintlify page (KillB).
    Mintlify,
    /// The text of a rendered ReadMe page (Reap).
    ReadMe,
    /// The text of a rendered GitBook page with tables (Localpayment).
    GitBook,
    /// Markdown as Redocly writes it (CDQ).
    Redocly,
}

impl Form {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 6] =
        [Self::Markdown, Self::OpenApi, Self::Redocly, Self::Mintlify, Self::ReadMe, Self::GitBook];

    /// The word for it in `specs/accepted-differences.yaml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenApi => "openapi",
            Self::Markdown => "markdown",
            Self::Mintlify => "mintlify",
            Self::ReadMe => "readme",
            Self::GitBook => "gitbook",
            Self::Redocly => "redocly",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something on a page that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// The line on the page.
    pub line: Option<usize>,
    /// What it is and why.
    pub reason: String,
}

/// One operation as a page describes it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Operation {
    /// In small letters.
    pub method: String,
    /// Without scheme and host, otherwise as the page writes it.
    pub path: String,
    /// Parameters; the pointer is `/query/jobId`.
    pub parameters: Vec<Field>,
    /// Fields of the request's body, if there is one.
    pub request: Option<Vec<Field>>,
    /// Fields of the answers' bodies by status. `2XX` is the success whose number the page does not give.
    pub responses: BTreeMap<String, Vec<Field>>,
    /// Where it starts on the page.
    pub line: Option<usize>,
    /// Whether a status that is not listed is not documented. (A rendered page may show only the one that is selected.)
    pub every_status: bool,
    /// In a description: its `operationId`.
    pub(crate) id: Option<String>,
    /// In a description: its pointer.
    pub(crate) at: String,
    /// In a spec: the statuses that are there on other evidence than this operation's page.
    pub(crate) from_elsewhere: BTreeSet<String>,
}

impl Operation {
    /// `operationId`, or method and path.
    pub(crate) fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("{} {}", self.method.to_uppercase(), self.path))
    }

    /// In a spec: the answer that a page means by `status`.
    pub(crate) fn status(&self, status: &str) -> Option<String> {
        let known = &self.responses;
        if known.contains_key(status) {
            return Some(status.to_owned());
        }
        let class = status.chars().next()?;
        if status.ends_with("XX") {
            return known.keys().find(|known| known.starts_with(class)).cloned();
        }
        [format!("{class}XX"), "default".to_owned()].into_iter().find(|key| known.contains_key(key))
    }
}

/// One field of a body, or one parameter.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Field {
    /// Where it is in the body, as a JSON pointer with `*` for the elements of an array; empty for the body itself.
    pub pointer: String,
    /// The types that it may have; none means any.
    pub kinds: BTreeSet<Kind>,
    /// Such as `date-time`.
    pub format: Option<String>,
    /// The values that are listed.
    pub values: Option<Vec<String>>,
    /// Whether it must be there, if the page says so.
    pub required: Option<bool>,
    /// Whether it can be null, if the page says so.
    pub nullable: Option<bool>,
    /// Values that examples give it; only those that are no object and no array.
    pub examples: Vec<Value>,
    /// The line on the page.
    pub line: Option<usize>,
    /// In a list of fields; otherwise only an example has it.
    pub declared: bool,
    /// What the page would say of it if it were so.
    pub says: Says,
    /// In a description: the pointer of the property.
    pub(crate) at: String,
    /// In a description: the pointer of the schema that the property leads to.
    pub(crate) schema: String,
    /// In a spec: there on other evidence than this operation's page.
    pub(crate) from_elsewhere: bool,
    /// In a description: how often the examples of this very body have it.
    pub(crate) shown: usize,
    /// An object that may hold anything and lists nothing.
    pub(crate) free: bool,
    /// Its fields are listed, so that one that is not listed is not there.
    pub(crate) complete: bool,
}

impl Field {
    pub(crate) fn new(pointer: impl Into<String>, line: Option<usize>) -> Self {
        Self { pointer: pointer.into(), line, declared: true, ..Self::default() }
    }
}

/// Whether silence means no: a form without a place for formats says nothing by showing none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Says {
    /// The type is declared, not read off an example.
    pub kind: bool,
    /// A format would be shown.
    pub format: bool,
    /// A list of values would be shown.
    pub values: bool,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `string`
    String,
    /// `boolean`
    Boolean,
    /// `object`
    Object,
    /// `array`
    Array,
    /// A word that is none of the above, as the page has it.
    Other(String),
}

impl Kind {
    /// What JSON Schema calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Other(word) => word,
        }
    }

    /// The kind of that name in any case, with the other words that pages have for it.
    pub(crate) fn named(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "integer" | "int" | "long" => Self::Integer,
            "number" | "float" | "double" | "decimal" => Self::Number,
            "string" | "text" | "file" => Self::String,
            "boolean" | "bool" => Self::Boolean,
            "object" => Self::Object,
            "array" | "list" => Self::Array,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The kind of a value; none for null.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(number) if number.is_f64() => Some(Self::Number),
            Value::Number(_) => Some(Self::Integer),
            Value::String(_) => Some(Self::String),
            Value::Array(_) => Some(Self::Array),
            Value::Object(_) => Some(Self::Object),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
