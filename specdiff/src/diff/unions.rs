//! Members of unions with a discriminator: each of two descriptions, or the one that a page shows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::diff::presence::FieldIndex;
use crate::pages::model::{Field, Union};
use crate::pages::union::merge_any_of;

/// Returns the unions of the spec that the page has, too, with those of the page.
pub(crate) fn common<'a>(spec: &'a [Field], page: &'a [Field]) -> Vec<(&'a Union, &'a Union)> {
    let unions = |fields: &'a [Field]| {
        fields.iter().filter_map(|field| field.union.as_ref().map(|union| (field.pointer.as_str(), union)))
    };
    let on_page: BTreeMap<&str, &Union> = unions(page).collect();
    let pairs = unions(spec).filter_map(|(pointer, union)| Some((union, *on_page.get(pointer)?)));
    pairs.filter(|(union, on_page)| union.tag == on_page.tag).collect()
}

/// Returns the fields that do not have one of the pointers.
pub(crate) fn without(fields: &[Field], pointers: &BTreeSet<&str>) -> Vec<Field> {
    fields.iter().filter(|field| !pointers.contains(field.pointer.as_str())).cloned().collect()
}

/// Returns the fields of a spec, where a rendered page shows only one member of a union with those
/// of this member.
pub(crate) fn select<'a>(spec: &'a [Field], page: &FieldIndex<'_>) -> Cow<'a, [Field]> {
    let mut fields = Cow::Borrowed(spec);
    for (head, union) in rendered(spec, page) {
        let selected = selected_members(union, page);
        if selected.is_empty() || selected.len() == union.members.len() {
            continue;
        }
        let mut kept = without(&fields, &union.pointers());
        let members = merge_any_of(selected.into_iter().cloned().collect());
        let below = members.into_iter().skip(1).filter(|field| field.pointer != union.tag);
        let after = kept.iter().position(|field| field.pointer == head.pointer).map_or(kept.len(), |index| index + 1);
        kept.splice(after..after, below);
        fields = Cow::Owned(kept);
    }
    fields
}

/// Returns the fields that a page cannot be missing because it shows another member of the union.
pub(crate) fn pointers_of_other_members<'a>(spec: &'a [Field], page: &FieldIndex<'_>) -> BTreeSet<&'a str> {
    let mut pointers = BTreeSet::new();
    for (_, union) in rendered(spec, page) {
        let members = selected_members(union, page);
        let selected: Vec<BTreeSet<&str>> = members.into_iter().map(|member| union.pointers_of(member)).collect();
        let is_other = |pointer: &&str| !selected.is_empty() && selected.iter().any(|member| !member.contains(pointer));
        pointers.extend(union.pointers().into_iter().filter(is_other));
    }
    pointers
}

/// Returns the unions of a spec that a rendered page has without its members.
fn rendered<'a>(spec: &'a [Field], page: &FieldIndex<'_>) -> Vec<(&'a Field, &'a Union)> {
    let is_rendered = |field: &Field| page.get(field.pointer.as_str()).is_some_and(|page| page.spec_pointer.is_empty());
    let unions = spec.iter().filter(|field| is_rendered(field));
    unions.filter_map(|field| Some((field, field.union.as_ref()?))).collect()
}

/// Returns the members that have all the fields of a page.
///
/// A rendered page lists the fields of one member, the selected one. The example of the
/// discriminator names it. Otherwise it is one of these, and what not each of them has may belong
/// to another one. The result is empty if the page has fields of several.
fn selected_members<'a>(union: &'a Union, page: &FieldIndex<'_>) -> Vec<&'a Vec<Field>> {
    let is_shown = |pointer: &&str| page.get(pointer).is_some_and(|field| field.declared);
    let shown: Vec<&str> = union.pointers().into_iter().filter(is_shown).collect();
    let has_all = |member: &&Vec<Field>| {
        let pointers = union.pointers_of(member);
        shown.iter().all(|pointer| pointers.contains(pointer))
    };
    let examples = page.get(union.tag.as_str()).map_or(&[][..], |field| &field.examples);
    let named = match examples {
        [Value::String(value)] => union.members.get(value).filter(has_all),
        _ => None,
    };
    named.map_or_else(|| union.members.values().filter(has_all).collect(), |member| vec![member])
}
