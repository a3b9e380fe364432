//! Decides which fields are new on the page, missing from it, or renamed.

use std::collections::BTreeMap;

use crate::pages::model::{Field, SchemaType};
use crate::pages::names::{leaf, parent};

/// Fields by pointer.
pub(crate) type FieldIndex<'a> = BTreeMap<&'a str, &'a Field>;

/// Returns whether the types agree.
///
/// A type from an example agrees with each declared type that includes it: 100 may be a number or
/// an integer.
pub(crate) fn types_agree(page: &Field, spec: &Field) -> bool {
    if page.expressiveness.types {
        return page.types == spec.types;
    }
    let includes = |shown: &SchemaType| {
        spec.types.contains(shown) || (*shown == SchemaType::Integer && spec.types.contains(&SchemaType::Number))
    };
    spec.types.is_empty() || page.types.iter().all(includes)
}

/// Returns whether the page adds the field to something that the spec has.
///
/// Fields below a new field are not counted on their own.
pub(crate) fn is_added(field: &Field, spec: &FieldIndex<'_>, page: &FieldIndex<'_>) -> bool {
    let Some(around) = parent(&field.pointer) else { return false };
    let can_contain = |around: &&Field| !around.free_form && may_contain(around, field);
    // A body that the spec leaves out is a difference of the body itself.
    !spec.contains_key(field.pointer.as_str()) && spec.get(around).is_some_and(can_contain) && page.contains_key(around)
}

/// Returns whether the type of `outer` allows it to contain `inner`. Otherwise the type of `outer`
/// is the difference.
fn may_contain(outer: &Field, inner: &Field) -> bool {
    let container = if leaf(&inner.pointer) == "*" { SchemaType::Array } else { SchemaType::Object };
    outer.types.is_empty() || outer.types.contains(&container)
}

/// Returns whether the page lacks the field although it would show it.
///
/// `page_is_complete` is whether the page has everything that the provider documents, so that it
/// would show the fields from other pages, too.
pub(crate) fn is_removed(field: &Field, spec: &FieldIndex<'_>, page: &FieldIndex<'_>, page_is_complete: bool) -> bool {
    let Some(around) = parent(&field.pointer).and_then(|around| page.get(around)) else {
        return false;
    };
    if !may_contain(around, field) {
        return false;
    }
    // Only a description describes the elements of every array.
    if leaf(&field.pointer) == "*" {
        return around.expressiveness.limits && !page.contains_key(field.pointer.as_str());
    }
    if field.from_other_page && !page_is_complete {
        return false;
    }
    let declared = page.get(field.pointer.as_str()).map(|on_page| on_page.declared);
    if is_listed(page, &field.pointer) {
        // A list of fields leaves it out, even if an example still contains it.
        return declared != Some(true);
    }
    // Without a list, only a field that every example of the spec contains is missed.
    let has_siblings = page.keys().any(|pointer| parent(pointer) == parent(&field.pointer));
    let examples = spec.get(parent(&field.pointer).unwrap_or_default()).map_or(0, |around| around.example_count);
    declared.is_none() && has_siblings && examples > 0 && field.example_count == examples
}

/// Returns whether `removed` may have been renamed to `added`.
///
/// Both must have the same type and the same parent, and either a common example or the same
/// predecessor.
pub(crate) fn may_be_renamed((removed, spec): (&Field, &[Field]), (added, page): (&Field, &[Field])) -> bool {
    if parent(&removed.pointer) != parent(&added.pointer) || (!removed.types.is_empty() && !types_agree(added, removed))
    {
        return false;
    }
    let same_example = added.examples.iter().any(|example| removed.examples.contains(example));
    same_example || predecessor(removed, spec) == predecessor(added, page)
}

/// Returns the pointer of the previous field of the same object.
fn predecessor<'a>(field: &Field, all: &'a [Field]) -> Option<&'a str> {
    let around = parent(&field.pointer);
    let siblings = all.iter().filter(|other| other.declared == field.declared && parent(&other.pointer) == around);
    let earlier = siblings.take_while(|other| other.pointer != field.pointer);
    earlier.last().map(|other| other.pointer.as_str())
}

/// Returns whether the parent of `pointer` lists its fields, so that an unlisted field does not
/// exist.
pub(crate) fn is_listed(fields: &FieldIndex<'_>, pointer: &str) -> bool {
    parent(pointer).and_then(|around| fields.get(around)).is_some_and(|around| around.lists_fields)
}
