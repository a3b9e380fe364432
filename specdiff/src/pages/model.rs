//! Model of a documentation page, the same for every format.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::pages::auth::Auth;
use crate::pages::call::Call;
use crate::pages::limits::Limits;
use crate::pages::polling::Polling;

/// Documentation page after parsing: the operations that it describes.
///
/// [`Page::load`] reads a file, [`Page::parse`] a text. The format is detected.
///
/// ```
/// use bulkrail_specdiff::{Page, PageFormat, SchemaType};
///
/// let text = "# Job Endpoint: GET /jobs ## Response 200 fields (application/json): - `id` (integer) The job.";
/// let page = Page::parse("job.md", text)?;
/// assert_eq!(page.format, PageFormat::Redocly);
/// let operation = &page.operations[0];
/// assert_eq!((operation.method.as_str(), operation.path.as_str()), ("get", "/jobs"));
/// let id = &operation.responses["200"][1];
/// assert_eq!(id.pointer, "/id");
/// assert!(id.types.contains(&SchemaType::Integer));
/// # Ok::<(), bulkrail_codegen::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page {
    /// Format that was detected.
    pub format: PageFormat,
    /// Operations that the page describes.
    pub operations: Vec<Operation>,
    /// Addresses of servers that a description lists.
    pub servers: Vec<String>,
    /// Parts that could not be parsed. [`diff`](crate::diff()) reports each of them as a
    /// difference.
    pub warnings: Vec<ParseWarning>,
}

impl Page {
    pub(crate) fn new(format: PageFormat) -> Self {
        Self { format, operations: Vec::new(), servers: Vec::new(), warnings: Vec::new() }
    }

    /// Returns whether the page is an OpenAPI description, from whose silence about an operation
    /// everything can be concluded.
    pub(crate) fn is_description(&self) -> bool {
        matches!(self.format, PageFormat::OpenApi | PageFormat::Markdown)
    }

    /// Returns whether the page describes the whole API, so that what it leaves out is gone.
    ///
    /// A rendered page, a Markdown page and a description of one operation are excerpts.
    pub(crate) fn is_whole_api(&self) -> bool {
        self.format == PageFormat::OpenApi && self.operations.len() > 1
    }
}

/// Format of a documentation page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PageFormat {
    /// OpenAPI 3.0 or 3.1 description, JSON or YAML.
    OpenApi,
    /// Markdown with an OpenAPI description in a fenced block (Mintlify's `.md` pages, ReadMe).
    Markdown,
    /// Text of a rendered Mintlify page (KillB).
    Mintlify,
    /// Text of a rendered ReadMe page (Reap).
    ReadMe,
    /// Text of a rendered GitBook page with tables (Localpayment).
    GitBook,
    /// Markdown as Redocly writes it (CDQ).
    Redocly,
}

impl PageFormat {
    /// Every format, in the order in which detection tries them.
    pub const ALL: [Self; 6] =
        [Self::Markdown, Self::OpenApi, Self::Redocly, Self::Mintlify, Self::ReadMe, Self::GitBook];

    /// Returns the name used in `accepted-differences.yaml`, such as `openapi`.
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

impl fmt::Display for PageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Part of a page that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseWarning {
    /// Line on the page.
    pub line: Option<usize>,
    /// Description of the part and the reason.
    pub reason: String,
}

/// Operation as a page describes it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Operation {
    /// HTTP method in lower case.
    pub method: String,
    /// Path as the page writes it, without scheme and host.
    pub path: String,
    /// Parameters. Their pointers start with the location: `/query/jobId`.
    pub parameters: Vec<Field>,
    /// Fields of the request body, if the operation has one.
    pub request: Option<Vec<Field>>,
    /// Fields of the response bodies by status. `2XX` is a success whose number is not on the page.
    pub responses: BTreeMap<String, Vec<Field>>,
    /// Line on the page where the operation starts.
    pub line: Option<usize>,
    /// Whether the operation is deprecated, if the page says so.
    pub deprecated: Option<bool>,
    /// Whether every documented status is listed. A rendered page may show only the selected one.
    pub lists_all_statuses: bool,
    /// `operationId`; only in a description.
    pub(crate) id: Option<String>,
    /// Pointer of the operation; only in a description.
    pub(crate) spec_pointer: String,
    /// Statuses whose evidence is not this operation's page; only in a spec.
    pub(crate) from_other_page: BTreeSet<String>,
    /// Authentication, as each part of the page states it.
    pub(crate) auth: Vec<Auth>,
    /// Media types of the request, as each part of the page states them.
    pub(crate) request_types: Vec<MediaTypes>,
    /// Media types of the responses by status.
    pub(crate) response_types: BTreeMap<String, MediaTypes>,
    /// Addresses in the heading of a rendered page, or servers of the operation in a description.
    pub(crate) addresses: Vec<(String, Option<usize>)>,
    /// Sample call of a rendered page.
    pub(crate) call: Option<Call>,
    /// Recommendations for polling.
    pub(crate) polling: Option<Polling>,
}

/// Media types that one part of a page lists, in lower case and without parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct MediaTypes {
    pub(crate) names: BTreeSet<String>,
    pub(crate) line: Option<usize>,
    /// Pointer of the list; only in a description.
    pub(crate) pointer: String,
}

impl MediaTypes {
    /// Returns the media types in `names`. Other texts are left out.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>, line: Option<usize>) -> Self {
        let names = names.into_iter().map(|name| name.split(';').next().unwrap_or_default().trim());
        let names = names.filter(|name| is_media_type(name)).map(str::to_ascii_lowercase).collect();
        Self { names, line, pointer: String::new() }
    }
}

/// Returns whether the text is a media type such as `application/json` or `*/*`.
pub(crate) fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.*_".contains(&byte))
    };
    const TOP_LEVEL: [&str; 9] =
        ["application", "audio", "font", "image", "message", "multipart", "text", "video", "*"];
    text.split_once('/')
        .is_some_and(|(kind, name)| TOP_LEVEL.iter().any(|known| known.eq_ignore_ascii_case(kind)) && is_token(name))
}

impl Operation {
    /// Returns the `operationId`, or method and path.
    pub(crate) fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("{} {}", self.method.to_uppercase(), self.path))
    }

    /// Returns the key of the response of a spec that corresponds to `status` on a page.
    pub(crate) fn matching_status(&self, status: &str) -> Option<String> {
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

/// Field of a body, or a parameter.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Field {
    /// JSON pointer in the body, with `*` for the elements of an array. Empty for the body itself.
    pub pointer: String,
    /// Types that the value may have. Empty means any type.
    pub types: BTreeSet<SchemaType>,
    /// Format such as `date-time`.
    pub format: Option<String>,
    /// Listed values.
    pub values: Option<Vec<String>>,
    /// Whether the field is required, if the page says so.
    pub required: Option<bool>,
    /// Whether the value can be null, if the page says so.
    pub nullable: Option<bool>,
    /// Scalar values from examples.
    pub examples: Vec<Value>,
    /// Line on the page.
    pub line: Option<usize>,
    /// Whether a list of fields contains it. Otherwise it is known from an example only.
    pub declared: bool,
    /// Facts that this part of the page is able to express.
    pub expressiveness: Expressiveness,
    /// Whether the field is deprecated, if the page says so.
    pub deprecated: Option<bool>,
    /// Limits such as `maxItems`.
    pub(crate) limits: Limits,
    /// Description, for parameters of rendered pages.
    pub(crate) description: String,
    /// Pointer of the property; only in a description.
    pub(crate) spec_pointer: String,
    /// Pointer of the schema after following references; only in a description.
    pub(crate) schema_pointer: String,
    /// Whether the evidence is not this operation's page; only in a spec.
    pub(crate) from_other_page: bool,
    /// Number of whole-body examples that contain the field; only in a description.
    pub(crate) example_count: usize,
    /// Whether it is an object that lists no fields and may contain any.
    pub(crate) free_form: bool,
    /// Whether its fields are listed, so that an unlisted field does not exist.
    pub(crate) lists_fields: bool,
    /// Members of a union with a discriminator; only in a description.
    pub(crate) union: Option<Union>,
}

/// Members of a union with a discriminator. The fields of the body have the merged ones, too.
#[derive(Debug, Clone)]
pub(crate) struct Union {
    /// Pointer of the discriminator in the body.
    pub(crate) tag: String,
    /// Fields of each member by the value of the discriminator.
    pub(crate) members: BTreeMap<String, Vec<Field>>,
}

impl Union {
    /// Returns the pointers of all fields of the members, without the discriminator.
    pub(crate) fn pointers(&self) -> BTreeSet<&str> {
        self.members.values().flat_map(|fields| self.pointers_of(fields)).collect()
    }

    /// Returns the pointers of the fields of a member, without the union itself and the
    /// discriminator.
    pub(crate) fn pointers_of<'a>(&self, member: &'a [Field]) -> BTreeSet<&'a str> {
        // The first field is the union itself.
        let pointers = member.iter().skip(1).map(|field| field.pointer.as_str());
        pointers.filter(|pointer| *pointer != self.tag).collect()
    }
}

impl Field {
    pub(crate) fn new(pointer: impl Into<String>, line: Option<usize>) -> Self {
        Self { pointer: pointer.into(), line, declared: true, ..Self::default() }
    }
}

/// Facts that a page format can express about a field.
///
/// Only an expressible fact can be concluded from its absence. A table without a column for formats
/// does not mean that a field has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expressiveness {
    /// Whether the type is declared instead of derived from an example.
    pub types: bool,
    /// Whether a format would be shown.
    pub formats: bool,
    /// Whether a list of values would be shown.
    pub values: bool,
    /// Whether a limit such as `maxItems` would be shown.
    pub limits: bool,
}

/// JSON Schema type of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SchemaType {
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
    /// Any other word, as the page writes it.
    Other(String),
}

impl SchemaType {
    /// Returns the name that JSON Schema uses.
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

    /// Returns the type with this name in any case. Pages use several words for one type.
    pub(crate) fn from_name(word: &str) -> Self {
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

    /// Returns the type of a value, or `None` for null.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
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

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
