//! Members of unions with a discriminator, which are compared one by one.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::presence::FieldIndex;
use crate::pages::model::{Field, Union};

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

/// Returns the fields that a page cannot be missing because it shows another member of the union.
///
/// A rendered page lists the fields of one member, the selected one. It is one of those with all
/// the fields of the page, and what not each of these has may belong to another member.
pub(crate) fn pointers_of_other_members<'a>(spec: &'a [Field], page: &FieldIndex<'_>) -> BTreeSet<&'a str> {
    let mut pointers = BTreeSet::new();
    let is_rendered = |field: &Field| page.get(field.pointer.as_str()).is_some_and(|page| page.spec_pointer.is_empty());
    for union in spec.iter().filter(|field| is_rendered(field)).filter_map(|field| field.union.as_ref()) {
        let all = union.pointers();
        let shown: Vec<&str> =
            all.iter().copied().filter(|pointer| page.get(pointer).is_some_and(|field| field.declared)).collect();
        let members: Vec<BTreeSet<&str>> = union.members.values().map(|fields| union.pointers_of(fields)).collect();
        let selected: Vec<&BTreeSet<&str>> =
            members.iter().filter(|member| shown.iter().all(|pointer| member.contains(pointer))).collect();
        if !selected.is_empty() {
            pointers.extend(all.into_iter().filter(|pointer| !selected.iter().all(|member| member.contains(pointer))));
        }
    }
    pointers
}
