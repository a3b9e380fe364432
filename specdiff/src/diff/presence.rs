//! Which fields came and went.

use std::collections::BTreeMap;

use crate::diff::fields::fits;
use crate::pages::blocks::{leaf, parent};
use crate::pages::model::{Field, Kind};

/// Fields by their pointers.
pub(crate) type Known<'a> = BTreeMap<&'a str, &'a Field>;

/// New, inside something that the spec has. (What is inside something new goes with it.)
pub(crate) fn is_added(field: &Field, known: &Known<'_>, described: &Known<'_>) -> bool {
    let Some(around) = parent(&field.pointer) else { return false };
    let fits = |around: &&Field| !around.free && may_hold(around, field);
    // An answer whose body the spec leaves out differs in its body, which is the outermost field.
    !known.contains_key(field.pointer.as_str()) && known.get(around).is_some_and(fits) && described.contains_key(around)
}

/// Whether the page's field can be inside the spec's: otherwise it is the type of the outer one that differs.
fn may_hold(around: &Field, inner: &Field) -> bool {
    let kind = if leaf(&inner.pointer) == "*" { Kind::Array } else { Kind::Object };
    around.kinds.is_empty() || around.kinds.contains(&kind)
}

/// Not on the page, where the page would have it.
pub(crate) fn is_removed(field: &Field, known: &Known<'_>, described: &Known<'_>) -> bool {
    let Some(around) = parent(&field.pointer).and_then(|around| described.get(around)) else {
        return false;
    };
    if leaf(&field.pointer) == "*" || field.from_elsewhere || !may_hold(around, field) {
        return false;
    }
    let is_there = described.get(field.pointer.as_str()).map(|found| found.declared);
    match (is_listed(described, &field.pointer), is_there) {
        // A list of fields leaves it out, even if an example still has it.
        (true, found) => found != Some(true),
        // There are only examples, and each of the spec's own has it.
        (false, found) => {
            let siblings = described.keys().any(|pointer| parent(pointer) == parent(&field.pointer));
            let around = known.get(parent(&field.pointer).unwrap_or_default()).map_or(0, |around| around.shown);
            found.is_none() && siblings && around > 0 && field.shown == around
        }
    }
}

/// Whether one may have become the other: the same type in the same object, and either the same example or the same place.
pub(crate) fn may_be_renamed((gone, spec): (&Field, &[Field]), (new, page): (&Field, &[Field])) -> bool {
    if parent(&gone.pointer) != parent(&new.pointer) || (!gone.kinds.is_empty() && !fits(new, gone)) {
        return false;
    }
    let same_example = new.examples.iter().any(|example| gone.examples.contains(example));
    same_example || before(gone, spec) == before(new, page)
}

/// The field before this one in the same object.
fn before<'a>(field: &Field, all: &'a [Field]) -> Option<&'a str> {
    let around = parent(&field.pointer);
    let siblings = all.iter().filter(|other| other.declared == field.declared && parent(&other.pointer) == around);
    let earlier = siblings.take_while(|other| other.pointer != field.pointer);
    earlier.last().map(|other| other.pointer.as_str())
}

/// Whether the page lists fields next to this one, so that one that is only in an example is not in the list.
pub(crate) fn is_listed(fields: &Known<'_>, pointer: &str) -> bool {
    parent(pointer).and_then(|around| fields.get(around)).is_some_and(|around| around.complete)
}
