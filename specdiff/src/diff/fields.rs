//! Fields of a page against fields of a spec.

use std::collections::BTreeSet;

use crate::diff::difference::{self as class, Change, Class, Way};
use crate::diff::presence::{Known, is_added, is_listed, is_removed, may_be_renamed};
use crate::diff::report::Compare;
use crate::pages::blocks::{leaf, parent};
use crate::pages::model::{Field, Form, Kind};
use crate::pages::schema::{excerpt, value_text};
use bulkrail_codegen::pointer;

/// Pairs of a lost and a new field that are held against each other. With more of them it is another page, not a renamed field.
const MAX_RENAME_PAIRS: usize = 400;

/// Compares two lists of fields; `place` is what they are the fields of, as in "the 200 answer".
pub(crate) fn fields(to: &mut Compare<'_>, spec: &[Field], page: &[Field], way: Way, place: &str) {
    let known: Known<'_> = spec.iter().map(|field| (field.pointer.as_str(), field)).collect();
    let described: Known<'_> = page.iter().map(|field| (field.pointer.as_str(), field)).collect();
    let added: Vec<&Field> = page.iter().filter(|field| is_added(field, &known, &described)).collect();
    let removed: Vec<&Field> = spec.iter().filter(|field| is_removed(field, &known, &described)).collect();
    let few = added.len() * removed.len() <= MAX_RENAME_PAIRS;
    let news: BTreeSet<&str> = added.iter().map(|field| field.pointer.as_str()).collect();
    let mut side = Side { to, way, place };
    for field in page {
        match known.get(field.pointer.as_str()) {
            Some(same) => side.same(same, field),
            None if news.contains(field.pointer.as_str()) => {
                let was = removed.iter().find(|gone| few && may_be_renamed((gone, spec), (field, page)));
                side.added(field, known[parent(&field.pointer).unwrap_or_default()], was.map(|was| leaf(&was.pointer)));
            }
            None => {}
        }
    }
    for field in removed {
        let is = added.iter().find(|new| few && may_be_renamed((field, spec), (new, page)));
        side.removed(field, &described, is.map(|is| leaf(&is.pointer)));
    }
}

/// Whether the types agree. An example shows one of the types that are meant, and 100 may be a number as well as an integer.
pub(crate) fn fits(page: &Field, spec: &Field) -> bool {
    if page.says.kind {
        return page.kinds == spec.kinds;
    }
    spec.kinds.is_empty()
        || page
            .kinds
            .iter()
            .all(|kind| spec.kinds.contains(kind) || (*kind == Kind::Integer && spec.kinds.contains(&Kind::Number)))
}

fn kinds(field: &Field) -> String {
    if field.kinds.is_empty() {
        return "anything".to_owned();
    }
    field.kinds.iter().map(Kind::name).collect::<Vec<_>>().join(" or ")
}

/// Reports about the fields of one body.
struct Side<'a, 'b> {
    to: &'a mut Compare<'b>,
    way: Way,
    place: &'a str,
}

impl Side<'_, '_> {
    /// The field in words: `status.code` in the 200 answer.
    fn name(&self, field: &Field) -> String {
        let steps = field.pointer.split('/').skip(usize::from(self.way == Way::Parameter) + 1).map(leaf);
        let name = steps.fold(String::new(), |name, step| match (name.is_empty(), step.as_str()) {
            (_, "*") => format!("{name}[]"),
            (true, step) => step.to_owned(),
            (false, step) => format!("{name}.{step}"),
        });
        match name.is_empty() {
            true => format!("the body of {}", self.place),
            false => format!("`{}` in {}", excerpt(&name), self.place),
        }
    }

    fn added(&mut self, field: &Field, around: &Field, was: Option<String>) {
        let name = leaf(&field.pointer);
        let (change, pointer) = match self.way {
            Way::Parameter => (Change::ParameterAdded, around.schema.clone()),
            _ if name == "*" => (Change::FieldAdded, pointer::join(&around.schema, "items")),
            _ => (Change::FieldAdded, pointer::join(&pointer::join(&around.schema, "properties"), &name)),
        };
        let need = match field.required {
            Some(true) if self.way != Way::Answer => " and is required",
            _ => "",
        };
        let renamed = was.map(|was| format!("; possibly renamed from `{was}`")).unwrap_or_default();
        let source = if field.declared { "on the page" } else { "in an example of the page" };
        let what = format!("{} is new {source}{need} ({}){renamed}", self.name(field), kinds(field));
        let class = class::of_added(self.way, field.required);
        self.to.report(pointer, field.line, class, change, what, (None, Some(name)));
    }

    fn removed(&mut self, field: &Field, described: &Known<'_>, is: Option<String>) {
        let renamed = is.map(|is| format!("; possibly renamed to `{is}`")).unwrap_or_default();
        let around = parent(&field.pointer).and_then(|around| described.get(around));
        let line = around.and_then(|around| around.line);
        let name = self.name(field);
        let (class, what) = match is_listed(described, &field.pointer) {
            true => (Class::Breaking, format!("{name} is not on the page any more{renamed}")),
            // An example need not show every field.
            false => (Class::Unknown, format!("{name} is not in the page's example any more{renamed}")),
        };
        let change = if self.way == Way::Parameter { Change::ParameterRemoved } else { Change::FieldRemoved };
        let leaf = leaf(&field.pointer);
        self.to.report(field.at.clone(), line, class, change, what, (Some(leaf), None));
    }

    fn same(&mut self, spec: &Field, page: &Field) {
        // The groups of parameters are ours.
        if self.way == Way::Parameter && parent(&page.pointer) == Some("") {
            return;
        }
        match page.kinds.is_empty() && !page.says.kind || fits(page, spec) {
            true => {
                self.format(spec, page);
                self.values(spec, page);
                self.examples(spec, page);
            }
            false => {
                let (from, to) = (kinds(spec), kinds(page));
                let source = if page.says.kind { "on the page" } else { "in the page's example" };
                let what = format!("{} is {to} {source}, {from} in the spec", self.name(page));
                self.report(spec.schema.clone(), page, Class::Breaking, Change::Type, what, (from, to));
            }
        }
        self.required(spec, page);
        self.nullable(spec, page);
    }

    fn format(&mut self, spec: &Field, page: &Field) {
        if !page.says.format || spec.format == page.format {
            return;
        }
        let none = || "no format".to_owned();
        let from = spec.format.clone().unwrap_or_else(none);
        let to = page.format.clone().unwrap_or_else(none);
        let what = format!("{} has the format {to} on the page, {from} in the spec", self.name(page));
        let class = class::of_format(spec, page);
        self.report(pointer::join(&spec.schema, "format"), page, class, Change::Format, what, (from, to));
    }

    fn values(&mut self, spec: &Field, page: &Field) {
        let name = self.name(page);
        // The words that tell the members of a union apart are the keys of its mapping.
        let key = if spec.schema.ends_with("/discriminator") { "mapping" } else { "enum" };
        let at = pointer::join(&spec.schema, key);
        let list = |values: &[String]| values.join(", ");
        match (&spec.values, &page.values) {
            (Some(known), Some(listed)) => {
                for value in listed.iter().collect::<BTreeSet<_>>().into_iter().filter(|value| !known.contains(value)) {
                    self.value_added(&name, value, at.clone(), page, "is listed on the page");
                }
                for value in known.iter().filter(|value| !listed.contains(value)) {
                    let what = format!("{name}: the value `{value}` is not listed on the page any more");
                    let fact = (Some(value.clone()), None);
                    self.to.report(at.clone(), page.line, Class::Breaking, Change::ValueRemoved, what, fact);
                }
                self.order(known, listed, &at, page);
            }
            (None, Some(listed)) => {
                let what = format!("{name} has a list of values on the page, none in the spec: {}", list(listed));
                let fact = ("no list".to_owned(), list(listed));
                self.report(at, page, Class::Breaking, Change::ValuesAdded, what, fact);
            }
            (Some(known), None) if page.says.values => {
                let what = format!("{name} has no list of values on the page, the spec has: {}", list(known));
                let fact = (list(known), "no list".to_owned());
                self.report(at, page, Class::Breaking, Change::ValuesRemoved, what, fact);
            }
            (Some(known), None) => {
                let shown: BTreeSet<String> = page.examples.iter().map(value_text).collect();
                for value in shown.iter().filter(|value| !known.contains(value)) {
                    self.value_added(&name, value, at.clone(), page, "is in an example of the page");
                }
            }
            (None, None) => {}
        }
    }

    /// The same values, otherwise arranged. One that a page lists twice counts where it stands first.
    fn order(&mut self, known: &[String], listed: &[String], at: &str, page: &Field) {
        let mut seen = BTreeSet::new();
        let listed: Vec<&String> = listed.iter().filter(|value| seen.insert(*value)).collect();
        let is_same_set = known.len() == listed.len() && known.iter().all(|value| seen.contains(value));
        if is_same_set && !known.iter().eq(listed.iter().copied()) {
            let to = listed.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let what = format!("{}: the values are in another order on the page: {}", self.name(page), excerpt(&to));
            let fact = (known.join(", "), to);
            self.report(at.to_owned(), page, Class::Editorial, Change::ValuesOrder, what, fact);
        }
    }

    fn value_added(&mut self, name: &str, value: &str, at: String, page: &Field, source: &str) {
        let what = format!("{name}: the value `{}` {source} and not in the spec", excerpt(value));
        let fact = (None, Some(value.to_owned()));
        self.to.report(at, page.line, Class::Additive, Change::ValueAdded, what, fact);
    }

    fn required(&mut self, spec: &Field, page: &Field) {
        let (change, from, to) = match (spec.required, page.required) {
            (Some(false), Some(true)) => (Change::RequiredAdded, "optional", "required"),
            (Some(true), Some(false)) => (Change::RequiredRemoved, "required", "optional"),
            _ => return,
        };
        let what = format!("{} is {to} on the page, {from} in the spec", self.name(page));
        self.report(spec.at.clone(), page, Class::Breaking, change, what, (from.to_owned(), to.to_owned()));
    }

    fn nullable(&mut self, spec: &Field, page: &Field) {
        let (change, from, to) = match (spec.nullable, page.nullable) {
            (Some(false), Some(true)) => (Change::NullableAdded, "never null", "null at times"),
            (Some(true), Some(false)) => (Change::NullableRemoved, "null at times", "never null"),
            _ => return,
        };
        // A schema that takes anything takes null.
        if spec.kinds.is_empty() {
            return;
        }
        let what = format!("{} is {to} on the page, {from} in the spec", self.name(page));
        let class = class::of_nullable(self.way, spec, page.nullable == Some(true));
        self.report(spec.schema.clone(), page, class, change, what, (from.to_owned(), to.to_owned()));
    }

    fn examples(&mut self, spec: &Field, page: &Field) {
        if spec.examples.is_empty() || (spec.values.is_some() && page.values.is_none()) {
            return;
        }
        // Redocly puts every example in quotes.
        let quoted = self.to.page.form == Form::Redocly;
        let same = |a: &serde_json::Value, b: &serde_json::Value| {
            a == b || (quoted && value_text(a) == value_text(b)) || (is_time(a) && is_time(b))
        };
        let other = page.examples.iter().find(|one| !spec.examples.iter().any(|known| same(one, known)));
        if let Some(other) = other {
            let (from, to) = (spec.examples[0].to_string(), other.to_string());
            let what = format!("{} has another example on the page: {}", self.name(page), excerpt(&to));
            self.report(spec.at.clone(), page, Class::Editorial, Change::Example, what, (from, to));
        }
    }

    fn report(
        &mut self,
        at: String,
        page: &Field,
        class: Class,
        change: Change,
        what: String,
        (from, to): (String, String),
    ) {
        self.to.report(at, page.line, class, change, what, (Some(from), Some(to)));
    }
}

/// One moment is as good an example as another; pages that are built anew each day have that day's.
pub(crate) fn is_time(value: &serde_json::Value) -> bool {
    value.as_str().is_some_and(|text| {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
        bytes.len() >= 19 && digits(0..4) && digits(5..7) && digits(8..10) && bytes[10] == b'T' && digits(11..13)
    })
}
