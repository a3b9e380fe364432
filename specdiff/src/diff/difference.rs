//! What a difference means for someone who writes Rust against the generated client.

use std::fmt;

use crate::pages::model::{Field, Kind};

/// What follows from a difference for code that uses the client, once the spec says what the page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// A type or a signature changes: code that uses it has to change.
    Breaking,
    /// Something is new; code goes on as it is.
    Additive,
    /// No type changes.
    Editorial,
    /// A person has to look.
    Unknown,
}

impl Class {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Additive => "additive",
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

/// The kinds of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Change {
    /// No operation of the spec is this one.
    OperationUnknown,
    /// The path is written in another way.
    Path,
    /// A parameter is new.
    ParameterAdded,
    /// A parameter is gone.
    ParameterRemoved,
    /// There is a request body now.
    BodyAdded,
    /// There is no request body any more.
    BodyRemoved,
    /// An answer is new.
    StatusAdded,
    /// An answer is gone.
    StatusRemoved,
    /// A field is new.
    FieldAdded,
    /// A field is gone.
    FieldRemoved,
    /// A field has another type.
    Type,
    /// A field has another format.
    Format,
    /// A field has a list of values now.
    ValuesAdded,
    /// A field has no list of values any more.
    ValuesRemoved,
    /// A value is new.
    ValueAdded,
    /// A value is gone.
    ValueRemoved,
    /// The values are in another order.
    ValuesOrder,
    /// A field must be there now.
    RequiredAdded,
    /// A field need not be there any more.
    RequiredRemoved,
    /// A field can be null now.
    NullableAdded,
    /// A field cannot be null any more.
    NullableRemoved,
    /// An example is another one.
    Example,
    /// A part of the page could not be read.
    Unread,
    /// An explanation explains nothing any more.
    StaleExplanation,
}

impl Change {
    const ALL: [(Self, &'static str); 24] = [
        (Self::OperationUnknown, "operation-unknown"),
        (Self::Path, "path"),
        (Self::ParameterAdded, "parameter-added"),
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
        (Self::Example, "example"),
        (Self::Unread, "unread"),
        (Self::StaleExplanation, "stale-explanation"),
    ];

    /// The word for it, as in `specs/accepted-differences.yaml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(change, _)| *change == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(change, _)| *change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One thing in which a page and the spec differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Where it is, or would be, in the spec.
    pub pointer: String,
    /// The line of the spec.
    pub line: Option<usize>,
    /// The line of the page.
    pub page_line: Option<usize>,
    /// The `operationId`.
    pub operation: String,
    /// What follows from it.
    pub class: Class,
    /// What kind of difference it is.
    pub change: Change,
    /// It, in a sentence.
    pub what: String,
    /// What the spec has.
    pub from: Option<String>,
    /// What the page has.
    pub to: Option<String>,
    /// Why it is known and stays: the reason given in `specs/accepted-differences.yaml`.
    pub explained: Option<String>,
}

impl fmt::Display for Difference {
    /// One line: class, pointer, sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.class, self.pointer, self.what)?;
        match &self.explained {
            Some(_) => f.write_str(" (explained)"),
            None => Ok(()),
        }
    }
}

/// Which way a field travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Parameter,
    Request,
    Answer,
}

/// What a new field means. Parameters are arguments by position: one more of them, needed or not, changes every call.
pub(crate) fn of_added(way: Way, required: Option<bool>) -> Class {
    match (way, required) {
        (Way::Parameter, _) | (Way::Request, Some(true)) => Class::Breaking,
        (Way::Request | Way::Answer, _) => Class::Additive,
    }
}

/// What a new answer means. The client decodes every 2xx into the method's answer; all others arrive as they come.
pub(crate) fn of_status(status: &str, added: bool) -> Class {
    match (status.starts_with('2'), added) {
        (true, true) => Class::Unknown,
        (true, false) => Class::Breaking,
        (false, true) => Class::Additive,
        (false, false) => Class::Editorial,
    }
}

/// What another format means. Texts stay `String` whatever their format, unless they become files; numbers take their width from it.
pub(crate) fn of_format(spec: &Field, page: &Field) -> Class {
    let binary = [spec, page].iter().any(|field| field.format.as_deref() == Some("binary"));
    let number = [Kind::Integer, Kind::Number].iter().any(|kind| spec.kinds.contains(kind));
    if binary || number { Class::Breaking } else { Class::Editorial }
}

/// What null means for the type: it is `Option` for null as well as for absence, except that a list in a request that may be absent
/// is an empty `Vec`.
pub(crate) fn of_nullable(way: Way, spec: &Field, added: bool) -> Class {
    let is_option = spec.required == Some(false) && !(way == Way::Request && spec.kinds.contains(&Kind::Array));
    match (is_option, added) {
        (false, _) => Class::Breaking,
        (true, true) => Class::Additive,
        (true, false) => Class::Editorial,
    }
}
