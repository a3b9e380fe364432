//! Merges the fields of the members of `allOf`, `oneOf` and `anyOf`.

use std::collections::{BTreeMap, BTreeSet};

use crate::pages::example_values::indexes;
use crate::pages::limits;
use crate::pages::model::{Field, SchemaType};

/// Adds the fields of a schema that applies as well (`allOf`).
pub(crate) fn merge_all_of(fields: &mut Vec<Field>, more: Vec<Field>) {
    let mut indexes = indexes(fields);
    for field in more {
        let Some(index) = indexes.get(&field.pointer) else {
            indexes.insert(field.pointer.clone(), fields.len());
            fields.push(field);
            continue;
        };
        let known = &mut fields[*index];
        if known.types.is_empty() {
            known.types.clone_from(&field.types);
            known.schema_pointer.clone_from(&field.schema_pointer);
        }
        narrow(known, &field);
        if field.required == Some(true) || known.required.is_none() {
            known.required = field.required;
        }
        if field.nullable == Some(true) || known.nullable.is_none() {
            known.nullable = field.nullable;
        }
        if field.deprecated == Some(true) || known.deprecated.is_none() {
            known.deprecated = field.deprecated;
        }
        known.examples.extend(field.examples);
        known.example_count += field.example_count;
    }
}

/// Narrows types, format, values and limits to what both fields allow.
pub(crate) fn narrow(known: &mut Field, field: &Field) {
    let is_integer = known.types.contains(&SchemaType::Integer) || field.types.contains(&SchemaType::Integer);
    let allows = |types: &BTreeSet<SchemaType>, one: &SchemaType| {
        types.contains(one) || (*one == SchemaType::Integer && types.contains(&SchemaType::Number))
    };
    let all = known.types.union(&field.types);
    let both: BTreeSet<SchemaType> =
        all.filter(|one| allows(&known.types, one) && allows(&field.types, one)).cloned().collect();
    // Types that exclude each other allow nothing; the first ones stay.
    if !both.is_empty() {
        let has_number = both.contains(&SchemaType::Number);
        known.types = both;
        if is_integer && has_number {
            known.types.remove(&SchemaType::Integer);
        }
    }
    known.format = known.format.take().or_else(|| field.format.clone());
    match (&mut known.values, &field.values) {
        (Some(values), Some(others)) => values.retain(|value| others.contains(value)),
        (values, others) => *values = values.take().or_else(|| others.clone()),
    }
    for (keyword, value) in &field.limits {
        let own = known.limits.get(keyword);
        if own.is_none() || limits::effect(keyword, own, Some(value)) == limits::Effect::Tightened {
            known.limits.insert(keyword, value.clone());
        }
    }
}

/// Returns the fields of a value that matches one of several schemas (`oneOf`, `anyOf`).
///
/// The result has every field of any member and requires what all members require. A discriminator
/// gets the values of all members, as a page shows it.
pub(crate) fn merge_any_of(members: Vec<Vec<Field>>) -> Vec<Field> {
    let count = members.len();
    let mut order = Vec::new();
    let mut groups: BTreeMap<String, Vec<Field>> = BTreeMap::new();
    for field in members.into_iter().flatten() {
        let group = groups.entry(field.pointer.clone()).or_default();
        if group.is_empty() {
            order.push(field.pointer.clone());
        }
        group.push(field);
    }
    let groups = order.iter().filter_map(|pointer| groups.remove(pointer));
    groups.map(|group| merge_group(group, count)).collect()
}

/// Merges the fields with one pointer of `members` schemas.
fn merge_group(group: Vec<Field>, members: usize) -> Field {
    let in_every_member = group.len() == members;
    let accepts_any_type = group.iter().any(|field| field.types.is_empty());
    let all_list_values = group.iter().all(|field| field.values.is_some());
    let same_format = group.iter().all(|field| field.format == group[0].format);
    let mut group = group.into_iter();
    let mut merged = group.next().unwrap_or_default();
    if merged.required.is_some() {
        merged.required = Some(in_every_member && merged.required == Some(true));
    }
    if members > 1 {
        merged.union = None;
    }
    for field in group {
        merged.types.extend(field.types);
        for value in field.values.into_iter().flatten() {
            let values = merged.values.get_or_insert_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if let (Some(known), Some(required)) = (&mut merged.required, field.required) {
            *known &= required;
        }
        if field.nullable == Some(true) {
            merged.nullable = Some(true);
        }
        for example in field.examples {
            if !merged.examples.contains(&example) {
                merged.examples.push(example);
            }
        }
        merged.deprecated = merged.deprecated.map(|deprecated| deprecated && field.deprecated == Some(true));
        merged.limits.retain(|keyword, value| field.limits.get(keyword) == Some(value));
        merged.from_other_page &= field.from_other_page;
        merged.example_count += field.example_count;
        merged.free_form &= field.free_form;
        merged.lists_fields &= field.lists_fields;
    }
    if accepts_any_type {
        merged.types.clear();
    }
    if !all_list_values {
        merged.values = None;
    }
    if !same_format {
        merged.format = None;
    }
    merged
}
