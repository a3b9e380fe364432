//! Compares the fields of a page with those of a spec.

use std::collections::BTreeSet;

use bulkrail_codegen::pointer;
use serde_json::Value;

use crate::diff::collector::Collector;
use crate::diff::difference::{
    Change, Class, Direction, class_of_added_field, class_of_format, class_of_limit, class_of_nullable,
};
use crate::diff::notices::compare_deprecation;
use crate::diff::presence::{FieldIndex, is_added, is_listed, is_removed, may_be_renamed, types_agree};
use crate::diff::unions;
use crate::pages::limits;
use crate::pages::model::{Field, PageFormat, SchemaType};
use crate::pages::names::{leaf, parent};
use crate::pages::values::{excerpt, is_date_time, value_text};

/// Maximum number of pairs of a missing and a new field that are tested for a rename.
///
/// More pairs mean another page rather than renamed fields.
const MAX_RENAME_PAIRS: usize = 400;

/// Compares two lists of fields. `body` names what they belong to, such as "the 200 response".
///
/// The members of a union that both sides have are compared one by one.
pub(crate) fn compare_fields(
    collector: &mut Collector<'_>,
    spec: &[Field],
    page: &[Field],
    direction: Direction,
    body: &str,
) {
    let unions = unions::common(spec, page);
    if unions.is_empty() {
        return compare_lists(collector, spec, page, direction, body);
    }
    for (known, on_page) in &unions {
        for (value, member) in &known.members {
            if let Some(on_page) = on_page.members.get(value) {
                let without_tag = |fields: &[Field]| unions::without(fields, &BTreeSet::from([known.tag.as_str()]));
                compare_fields(collector, &without_tag(member), &without_tag(on_page), direction, body);
            }
        }
    }
    let pointers =
        unions.iter().flat_map(|(known, on_page)| [known.pointers(), on_page.pointers()]).flatten().collect();
    let (spec, page) = (unions::without(spec, &pointers), unions::without(page, &pointers));
    compare_lists(collector, &spec, &page, direction, body);
}

fn compare_lists(collector: &mut Collector<'_>, spec: &[Field], page: &[Field], direction: Direction, body: &str) {
    let page_index: FieldIndex<'_> = page.iter().map(|field| (field.pointer.as_str(), field)).collect();
    let spec = &*unions::select(spec, &page_index);
    let spec_index: FieldIndex<'_> = spec.iter().map(|field| (field.pointer.as_str(), field)).collect();
    let added: Vec<&Field> = page.iter().filter(|field| is_added(field, &spec_index, &page_index)).collect();
    let other_members = unions::pointers_of_other_members(spec, &page_index);
    let is_removed = |field: &&Field| {
        is_removed(field, &spec_index, &page_index, collector.is_whole_api)
            && !other_members.contains(field.pointer.as_str())
    };
    let removed: Vec<&Field> = spec.iter().filter(is_removed).collect();
    let detect_renames = added.len() * removed.len() <= MAX_RENAME_PAIRS;
    let added_pointers: BTreeSet<&str> = added.iter().map(|field| field.pointer.as_str()).collect();
    // A parameter with the same name in another place.
    let is_moved =
        |one: &Field, other: &Field| direction == Direction::Parameter && leaf(&one.pointer) == leaf(&other.pointer);
    let mut body = BodyDiff { collector, direction, body };
    for field in page {
        match spec_index.get(field.pointer.as_str()) {
            Some(spec_field) => body.compare(spec_field, field),
            None if let Some(old) = removed.iter().find(|old| is_moved(old, field)) => body.moved(old, field),
            None if added_pointers.contains(field.pointer.as_str()) => {
                let old = removed.iter().find(|old| detect_renames && may_be_renamed((old, spec), (field, page)));
                let around = spec_index[parent(&field.pointer).unwrap_or_default()];
                body.added(field, around, old.map(|old| leaf(&old.pointer)));
            }
            None => {}
        }
    }
    let removed = removed.into_iter().filter(|field| !added.iter().any(|new| is_moved(field, new)));
    for field in removed {
        let new = added.iter().find(|new| detect_renames && may_be_renamed((field, spec), (new, page)));
        body.removed(field, &page_index, new.map(|new| leaf(&new.pointer)));
    }
}

fn types_text(field: &Field) -> String {
    if field.types.is_empty() {
        return "anything".to_owned();
    }
    field.types.iter().map(SchemaType::name).collect::<Vec<_>>().join(" or ")
}

/// Comparison of one body, or of the parameters.
struct BodyDiff<'a, 'b> {
    collector: &'a mut Collector<'b>,
    direction: Direction,
    body: &'a str,
}

impl BodyDiff<'_, '_> {
    /// Returns the field in words: "`status.code` in the 200 response".
    fn name(&self, field: &Field) -> String {
        let segments = field.pointer.split('/').skip(usize::from(self.direction == Direction::Parameter) + 1).map(leaf);
        let name = segments.fold(String::new(), |name, segment| match (name.is_empty(), segment.as_str()) {
            (_, "*") => format!("{name}[]"),
            (true, segment) => segment.to_owned(),
            (false, segment) => format!("{name}.{segment}"),
        });
        match name.is_empty() {
            true => format!("the body of {}", self.body),
            false => format!("`{}` in {}", excerpt(&name), self.body),
        }
    }

    /// Adds a new field. `around` is the spec's field that contains it, `old_name` its likely old
    /// name.
    fn added(&mut self, field: &Field, around: &Field, old_name: Option<String>) {
        let name = leaf(&field.pointer);
        let (change, pointer) = match self.direction {
            Direction::Parameter => (Change::ParameterAdded, around.schema_pointer.clone()),
            _ if name == "*" => (Change::FieldAdded, pointer::join(&around.schema_pointer, "items")),
            _ => {
                let properties = pointer::join(&around.schema_pointer, "properties");
                (Change::FieldAdded, pointer::join(&properties, &name))
            }
        };
        let required = match field.required {
            Some(true) if self.direction != Direction::Response => " and is required",
            _ => "",
        };
        let renamed = old_name.map(|name| format!("; possibly renamed from `{name}`")).unwrap_or_default();
        let source = if field.declared { "on the page" } else { "in an example of the page" };
        let message = format!("{} is new {source}{required} ({}){renamed}", self.name(field), types_text(field));
        let class = class_of_added_field(self.direction, field.required);
        self.collector.add(pointer, field.line, class, change, message, (None, Some(name)));
    }

    /// Adds a parameter that is sent in another place, and compares it.
    fn moved(&mut self, spec: &Field, page: &Field) {
        let place = |field: &Field| parent(&field.pointer).map(leaf).unwrap_or_default();
        let (from, to) = (place(spec), place(page));
        let message = format!("{} is sent in the {to} on the page, in the {from} in the spec", self.name(page));
        let pointer = spec.spec_pointer.clone();
        self.add(pointer, page, Class::Breaking, Change::ParameterMoved, message, (from, to));
        self.compare(spec, page);
    }

    /// Adds a missing field. `new_name` is its likely new name.
    fn removed(&mut self, field: &Field, page: &FieldIndex<'_>, new_name: Option<String>) {
        let renamed = new_name.map(|name| format!("; possibly renamed to `{name}`")).unwrap_or_default();
        let around = parent(&field.pointer).and_then(|around| page.get(around));
        let line = around.and_then(|around| around.line);
        let name = self.name(field);
        // Elements are missing only where every array has them; see `is_removed`.
        let (class, message) = match is_listed(page, &field.pointer) || leaf(&field.pointer) == "*" {
            true => (Class::Breaking, format!("{name} is missing on the page{renamed}")),
            // An example need not show every field.
            false => (Class::Unknown, format!("{name} is missing in the page's example{renamed}")),
        };
        let change = match self.direction {
            Direction::Parameter => Change::ParameterRemoved,
            Direction::Request | Direction::Response => Change::FieldRemoved,
        };
        let leaf = leaf(&field.pointer);
        self.collector.add(field.spec_pointer.clone(), line, class, change, message, (Some(leaf), None));
    }

    fn compare(&mut self, spec: &Field, page: &Field) {
        // The objects that group parameters by location are not fields of an API.
        if self.direction == Direction::Parameter && parent(&page.pointer) == Some("") {
            return;
        }
        let is_unknown = page.types.is_empty() && !page.expressiveness.types;
        if is_unknown || types_agree(page, spec) {
            self.compare_format(spec, page);
            self.compare_values(spec, page);
        } else {
            let (from, to) = (types_text(spec), types_text(page));
            let source = if page.expressiveness.types { "on the page" } else { "in the page's example" };
            let message = format!("{} is {to} {source}, {from} in the spec", self.name(page));
            self.add(spec.schema_pointer.clone(), page, Class::Breaking, Change::Type, message, (from, to));
            let examples = page.examples.iter().filter_map(SchemaType::from_value).collect();
            self.collector.differences.last_mut().into_iter().for_each(|one| one.example_types.clone_from(&examples));
        }
        self.compare_examples(spec, page);
        self.compare_required(spec, page);
        self.compare_nullable(spec, page);
        self.compare_limits(spec, page);
        let name = self.name(page);
        let deprecation = (spec.deprecated, page.deprecated);
        compare_deprecation(self.collector, deprecation, &spec.spec_pointer, page.line, &name);
    }

    /// Compares the limits that the page shows. Only a description shows all of them.
    fn compare_limits(&mut self, spec: &Field, page: &Field) {
        let keywords: BTreeSet<&str> = spec.limits.keys().chain(page.limits.keys()).copied().collect();
        for keyword in keywords {
            let (from, to) = (spec.limits.get(keyword), page.limits.get(keyword));
            if limits::is_same(from, to) || (to.is_none() && !page.expressiveness.limits) {
                continue;
            }
            let class = class_of_limit(self.direction, limits::effect(keyword, from, to));
            let text = |limit: Option<&Value>| limit.map_or_else(|| "no limit".to_owned(), value_text);
            let (from, to) = (text(from), text(to));
            let name = self.name(page);
            let message = format!("{name} has the {keyword} {} on the page, {} in the spec", excerpt(&to), from);
            let pointer = pointer::join(&spec.schema_pointer, keyword);
            self.add(pointer, page, class, Change::Limit, message, (from, to));
        }
    }

    fn compare_format(&mut self, spec: &Field, page: &Field) {
        if !page.expressiveness.formats || spec.format == page.format {
            return;
        }
        let none = || "no format".to_owned();
        let from = spec.format.clone().unwrap_or_else(none);
        let to = page.format.clone().unwrap_or_else(none);
        let message = format!("{} has the format {to} on the page, {from} in the spec", self.name(page));
        let class = class_of_format(spec, page);
        let pointer = pointer::join(&spec.schema_pointer, "format");
        self.add(pointer, page, class, Change::Format, message, (from, to));
    }

    fn compare_values(&mut self, spec: &Field, page: &Field) {
        let name = self.name(page);
        // The values of a discriminator are the keys of its mapping.
        let key = if spec.schema_pointer.ends_with("/discriminator") { "mapping" } else { "enum" };
        let pointer = pointer::join(&spec.schema_pointer, key);
        let list = |values: &[String]| values.join(", ");
        match (&spec.values, &page.values) {
            (Some(known), Some(listed)) => {
                for value in listed.iter().collect::<BTreeSet<_>>().into_iter().filter(|value| !known.contains(value)) {
                    self.value_added(&name, value, pointer.clone(), page, "is listed on the page");
                }
                for value in known.iter().filter(|value| !listed.contains(value)) {
                    let message = format!("{name}: the value `{value}` is missing in the list on the page");
                    let states = (Some(value.clone()), None);
                    let change = Change::ValueRemoved;
                    self.collector.add(pointer.clone(), page.line, Class::Breaking, change, message, states);
                }
                self.compare_order(known, listed, &pointer, page);
            }
            (None, Some(listed)) => {
                let message = format!("{name} has a list of values on the page, none in the spec: {}", list(listed));
                let states = ("no list".to_owned(), list(listed));
                self.add(pointer, page, Class::Breaking, Change::ValuesAdded, message, states);
            }
            (Some(known), None) if page.expressiveness.values => {
                let message = format!("{name} has no list of values on the page, the spec has: {}", list(known));
                let states = (list(known), "no list".to_owned());
                self.add(pointer, page, Class::Breaking, Change::ValuesRemoved, message, states);
            }
            (Some(known), None) => {
                let shown: BTreeSet<String> = page.examples.iter().map(value_text).collect();
                for value in shown.iter().filter(|value| !known.contains(value)) {
                    self.value_added(&name, value, pointer.clone(), page, "is in an example of the page");
                }
            }
            (None, None) => {}
        }
    }

    /// Compares the order of the same set of values. A value that the page lists twice counts at
    /// its first place.
    fn compare_order(&mut self, known: &[String], listed: &[String], pointer: &str, page: &Field) {
        let mut seen = BTreeSet::new();
        let listed: Vec<&String> = listed.iter().filter(|value| seen.insert(*value)).collect();
        let is_same_set = known.len() == listed.len() && known.iter().all(|value| seen.contains(value));
        if is_same_set && !known.iter().eq(listed.iter().copied()) {
            let to = listed.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let message = format!("{}: the values are in another order on the page: {}", self.name(page), excerpt(&to));
            let states = (known.join(", "), to);
            self.add(pointer.to_owned(), page, Class::Editorial, Change::ValuesOrder, message, states);
        }
    }

    fn value_added(&mut self, name: &str, value: &str, pointer: String, page: &Field, source: &str) {
        let message = format!("{name}: the value `{}` {source} and not in the spec", excerpt(value));
        let states = (None, Some(value.to_owned()));
        self.collector.add(pointer, page.line, Class::Additive, Change::ValueAdded, message, states);
    }

    fn compare_required(&mut self, spec: &Field, page: &Field) {
        let (change, from, to) = match (spec.required, page.required) {
            (Some(false), Some(true)) => (Change::RequiredAdded, "optional", "required"),
            (Some(true), Some(false)) => (Change::RequiredRemoved, "required", "optional"),
            _ => return,
        };
        let message = format!("{} is {to} on the page, {from} in the spec", self.name(page));
        let states = (from.to_owned(), to.to_owned());
        self.add(spec.spec_pointer.clone(), page, Class::Breaking, change, message, states);
    }

    fn compare_nullable(&mut self, spec: &Field, page: &Field) {
        let (change, from, to) = match (spec.nullable, page.nullable) {
            (Some(false), Some(true)) => (Change::NullableAdded, "not nullable", "nullable"),
            (Some(true), Some(false)) => (Change::NullableRemoved, "nullable", "not nullable"),
            _ => return,
        };
        // A schema without a type accepts null as well.
        if spec.types.is_empty() {
            return;
        }
        let message = format!("{} is {to} on the page, {from} in the spec", self.name(page));
        let class = class_of_nullable(self.direction, spec, page.nullable == Some(true));
        let states = (from.to_owned(), to.to_owned());
        self.add(spec.schema_pointer.clone(), page, class, change, message, states);
    }

    fn compare_examples(&mut self, spec: &Field, page: &Field) {
        if spec.examples.is_empty() || (spec.values.is_some() && page.values.is_none()) {
            return;
        }
        // Redocly puts every example in quotes.
        let is_quoted = self.collector.page_format == PageFormat::Redocly;
        let same = |a: &Value, b: &Value| {
            a == b || (is_quoted && value_text(a) == value_text(b)) || (is_date_time(a) && is_date_time(b))
        };
        // An example of another type belongs to the difference of the types.
        let agree = types_agree(page, spec);
        let is_comparable =
            |example: &Value| agree || SchemaType::from_value(example).is_none_or(|kind| spec.types.contains(&kind));
        let new = |example: &&Value| !spec.examples.iter().any(|known| same(example, known));
        let other = page.examples.iter().filter(|example| is_comparable(example)).find(new);
        if let Some(other) = other {
            let (from, to) = (spec.examples[0].to_string(), other.to_string());
            let message = format!("{} has another example on the page: {}", self.name(page), excerpt(&to));
            self.add(spec.spec_pointer.clone(), page, Class::Editorial, Change::Example, message, (from, to));
        }
    }

    fn add(
        &mut self,
        pointer: String,
        page: &Field,
        class: Class,
        change: Change,
        message: String,
        (from, to): (String, String),
    ) {
        self.collector.add(pointer, page.line, class, change, message, (Some(from), Some(to)));
    }
}
