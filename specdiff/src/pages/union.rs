//! Schemas that are made of several.

use std::collections::BTreeMap;

use crate::pages::model::Field;

/// Adds the fields of one more schema that applies as well.
pub(crate) fn add_all(found: &mut Vec<Field>, more: Vec<Field>) {
    let mut places: BTreeMap<String, usize> =
        found.iter().enumerate().map(|(index, field)| (field.pointer.clone(), index)).collect();
    for field in more {
        let Some(place) = places.get(&field.pointer) else {
            places.insert(field.pointer.clone(), found.len());
            found.push(field);
            continue;
        };
        let known = &mut found[*place];
        if known.kinds.is_empty() {
            known.kinds = field.kinds;
            known.schema = field.schema;
        }
        known.format = known.format.take().or(field.format);
        known.values = known.values.take().or(field.values);
        if field.required == Some(true) || known.required.is_none() {
            known.required = field.required;
        }
        if field.nullable == Some(true) || known.nullable.is_none() {
            known.nullable = field.nullable;
        }
        known.examples.extend(field.examples);
        known.shown += field.shown;
    }
}

/// The fields of a value that fits one of several schemas: each has what any of them has, and requires what all of them require.
/// A union of kinds with a field that names the kind so gets all its words, as a page shows it.
pub(crate) fn either(members: Vec<Vec<Field>>) -> Vec<Field> {
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
    groups.map(|group| one_of(group, count)).collect()
}

fn one_of(group: Vec<Field>, members: usize) -> Field {
    let everywhere = group.len() == members;
    let any = group.iter().any(|field| field.kinds.is_empty());
    let all_listed = group.iter().all(|field| field.values.is_some());
    let all_formatted = group.iter().all(|field| field.format == group[0].format);
    let mut group = group.into_iter();
    let mut found = group.next().unwrap_or_default();
    if found.required.is_some() {
        found.required = Some(everywhere && found.required == Some(true));
    }
    for field in group {
        found.kinds.extend(field.kinds);
        for value in field.values.into_iter().flatten() {
            let values = found.values.get_or_insert_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if let (Some(known), Some(required)) = (&mut found.required, field.required) {
            *known &= required;
        }
        if field.nullable == Some(true) {
            found.nullable = Some(true);
        }
        for example in field.examples {
            if !found.examples.contains(&example) {
                found.examples.push(example);
            }
        }
        found.from_elsewhere &= field.from_elsewhere;
        found.shown += field.shown;
        found.free &= field.free;
        found.complete &= field.complete;
    }
    if any {
        found.kinds.clear();
    }
    if !all_listed {
        found.values = None;
    }
    if !all_formatted {
        found.format = None;
    }
    found
}
