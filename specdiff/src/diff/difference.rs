//! Differences between a page and a spec, classified by their effect on Rust code that uses the
//! client.

use std::collections::BTreeSet;
use std::fmt;

use crate::pages::limits::Effect;
use crate::pages::model::{Field, SchemaType};

/// Effect of a difference on code that uses the client. `specs/README.md` has the class of every
/// [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// A type or signature changes and code that uses it must change, or the provider no longer
    /// accepts the requests of the client.
    Breaking,
    /// Something is added. Existing code compiles unchanged.
    Additive,
    /// No type changes, and the client works as before. The provider announces or recommends
    /// something else.
    Notice,
    /// No type changes.
    Editorial,
    /// The effect cannot be derived; a person must decide.
    Unknown,
}

impl Class {
    /// Every class, the most important first.
    pub const ALL: [Self; 5] = [Self::Breaking, Self::Unknown, Self::Notice, Self::Additive, Self::Editorial];

    /// Returns the name used in output, such as `breaking`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Additive => "additive",
            Self::Notice => "notice",
            Self::Editorial => "editorial",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Change {
    /// Operation that the spec does not have.
    OperationUnknown,
    /// Operation with another path.
    OperationMoved,
    /// Operation that a description of the whole API leaves out.
    OperationRemoved,
    /// Other method.
    Method,
    /// Path in another notation, or another path in a sample call.
    Path,
    /// Server that the spec does not have.
    ServerAdded,
    /// Server that only the spec has.
    ServerRemoved,
    /// Other authentication.
    Authentication,
    /// New media type of a request or response.
    MediaTypeAdded,
    /// Missing media type of a request or response.
    MediaTypeRemoved,
    /// Operation, parameter or field that is deprecated on the page only.
    DeprecationAdded,
    /// Operation, parameter or field that is deprecated in the spec only.
    DeprecationRemoved,
    /// Other recommendations for polling.
    Polling,
    /// New parameter.
    ParameterAdded,
    /// Parameter that is sent in another place.
    ParameterMoved,
    /// Missing parameter.
    ParameterRemoved,
    /// New request or response body.
    BodyAdded,
    /// Missing request or response body.
    BodyRemoved,
    /// New response status.
    StatusAdded,
    /// Missing response status.
    StatusRemoved,
    /// New field.
    FieldAdded,
    /// Missing field.
    FieldRemoved,
    /// Another type of a field.
    Type,
    /// Another format of a field.
    Format,
    /// New list of values of a field.
    ValuesAdded,
    /// Missing list of values of a field.
    ValuesRemoved,
    /// New value in a list.
    ValueAdded,
    /// Missing value in a list.
    ValueRemoved,
    /// Same values in another order.
    ValuesOrder,
    /// Optional field that is required on the page.
    RequiredAdded,
    /// Required field that is optional on the page.
    RequiredRemoved,
    /// Field that can be null on the page only.
    NullableAdded,
    /// Field that can be null in the spec only.
    NullableRemoved,
    /// Another limit, such as `maxItems`.
    Limit,
    /// Another example.
    Example,
    /// Part of the page that could not be parsed.
    ParseWarning,
    /// Accepted difference that the page no longer has.
    StaleAcceptance,
    /// Accepted difference whose reason the page no longer gives.
    ReasonGone,
}

impl Change {
    const NAMES: [(Self, &'static str); 38] = [
        (Self::OperationUnknown, "operation-unknown"),
        (Self::OperationMoved, "operation-moved"),
        (Self::OperationRemoved, "operation-removed"),
        (Self::Method, "method"),
        (Self::Path, "path"),
        (Self::ServerAdded, "server-added"),
        (Self::ServerRemoved, "server-removed"),
        (Self::Authentication, "authentication"),
        (Self::MediaTypeAdded, "media-type-added"),
        (Self::MediaTypeRemoved, "media-type-removed"),
        (Self::DeprecationAdded, "deprecation-added"),
        (Self::DeprecationRemoved, "deprecation-removed"),
        (Self::Polling, "polling"),
        (Self::ParameterAdded, "parameter-added"),
        (Self::ParameterMoved, "parameter-moved"),
        (Self::ParameterRemoved, "parameter-removed"),
        (Self::BodyAdded, "body-added"),
        (Self::BodyRemoved, "body-removed"),
        (Self::StatusAdded, "status-added"),
        (Self::StatusRemoved, "status-removed"),
        (Self::FieldAdded, "field-added"),
        (Self::FieldRemoved, "field-removed"),
        (Self::Type, "type"),
        (Self::Format, "format"),
        (Self::ValuesAdded, "values-added"),
        (Self::ValuesRemoved, "values-removed"),
        (Self::ValueAdded, "value-added"),
        (Self::ValueRemoved, "value-removed"),
        (Self::ValuesOrder, "values-order"),
        (Self::RequiredAdded, "required-added"),
        (Self::RequiredRemoved, "required-removed"),
        (Self::NullableAdded, "nullable-added"),
        (Self::NullableRemoved, "nullable-removed"),
        (Self::Limit, "limit"),
        (Self::Example, "example"),
        (Self::ParseWarning, "parse-warning"),
        (Self::StaleAcceptance, "stale-acceptance"),
        (Self::ReasonGone, "reason-gone"),
    ];

    /// Returns the name used in `accepted-differences.yaml`, such as `field-added`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(change, _)| *change == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(change, _)| *change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Difference between a page and a spec.
///
/// `Display` prints one line: class, pointer and message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// JSON pointer of the value in the spec, or of its place if the spec does not have it.
    pub pointer: String,
    /// Line in the spec.
    pub line: Option<usize>,
    /// Line on the page.
    pub page_line: Option<usize>,
    /// `operationId` of the operation.
    pub operation: String,
    /// Effect on code that uses the client.
    pub class: Class,
    /// Kind of the difference.
    pub change: Change,
    /// Sentence that describes the difference.
    pub message: String,
    /// State in the spec.
    pub from: Option<String>,
    /// State on the page.
    pub to: Option<String>,
    /// Reason why the difference is accepted, from `accepted-differences.yaml`.
    pub accepted: Option<String>,
    /// Types of the examples that the page has for the field.
    pub(crate) example_types: BTreeSet<SchemaType>,
}

impl Difference {
    /// Returns a difference of the class [`Class::Unknown`] without lines and states.
    pub(crate) fn unknown(pointer: String, operation: &str, change: Change, message: String) -> Self {
        Self {
            pointer,
            line: None,
            page_line: None,
            operation: operation.to_owned(),
            class: Class::Unknown,
            change,
            message,
            from: None,
            to: None,
            accepted: None,
            example_types: BTreeSet::new(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.class, self.pointer, self.message)?;
        match &self.accepted {
            Some(_) => f.write_str(" (accepted)"),
            None => Ok(()),
        }
    }
}

/// Direction in which a field is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Parameter,
    Request,
    Response,
}

/// Classifies a new field. Parameters are positional arguments, so an optional one changes every
/// call as well.
pub(crate) fn class_of_added_field(direction: Direction, required: Option<bool>) -> Class {
    match (direction, required) {
        (Direction::Parameter, _) | (Direction::Request, Some(true)) => Class::Breaking,
        (Direction::Request | Direction::Response, _) => Class::Additive,
    }
}

/// Classifies a new or missing response. The client decodes every 2xx into the return type of the
/// method and leaves the others undecoded.
pub(crate) fn class_of_status(status: &str, added: bool) -> Class {
    match (status.starts_with('2'), added) {
        (true, true) => Class::Unknown,
        (true, false) => Class::Breaking,
        (false, true) => Class::Additive,
        (false, false) => Class::Editorial,
    }
}

/// Classifies another format. The width of a number depends on it; a string stays `String` unless
/// it is binary.
pub(crate) fn class_of_format(spec: &Field, page: &Field) -> Class {
    let is_binary = [spec, page].iter().any(|field| field.format.as_deref() == Some("binary"));
    let is_number = [SchemaType::Integer, SchemaType::Number].iter().any(|number| spec.types.contains(number));
    if is_binary || is_number { Class::Breaking } else { Class::Editorial }
}

/// Classifies another nullability. An optional field is an `Option` already, except for an optional
/// array in a request, which is an empty `Vec`.
pub(crate) fn class_of_nullable(direction: Direction, spec: &Field, added: bool) -> Class {
    let is_request_array = direction == Direction::Request && spec.types.contains(&SchemaType::Array);
    let is_option = spec.required == Some(false) && !is_request_array;
    match (is_option, added) {
        (false, _) => Class::Breaking,
        (true, true) => Class::Additive,
        (true, false) => Class::Editorial,
    }
}

/// Classifies another limit. A request that was valid may be refused after a limit is tightened. A
/// response is decoded whatever its limits are.
pub(crate) fn class_of_limit(direction: Direction, effect: Effect) -> Class {
    match (direction, effect) {
        (_, Effect::Loosened) => Class::Additive,
        (Direction::Response, Effect::Tightened) => Class::Editorial,
        (Direction::Parameter | Direction::Request, Effect::Tightened) => Class::Breaking,
    }
}
