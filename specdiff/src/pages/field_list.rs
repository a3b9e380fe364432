//! Lists of fields as rendered pages have them, completed to a whole body.

use std::collections::{BTreeMap, BTreeSet};

use crate::pages::budget::{Budget, ReadError};
use crate::pages::model::{Field, SchemaType};
use crate::pages::names::parent;

/// Completes the fields of a list to those of a whole body.
///
/// The body itself comes first. Objects that only a dotted name implies are added, and so are the
/// elements between an array and its fields. Each field is kept once. An empty list stays empty.
pub(crate) fn complete_fields(listed: Vec<Field>, budget: &mut Budget) -> Result<Vec<Field>, ReadError> {
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let arrays: BTreeSet<String> = listed
        .iter()
        .filter(|field| field.types.contains(&SchemaType::Array))
        .map(|field| field.pointer.clone())
        .collect();
    let mut body = Field::new("", listed.first().and_then(|field| field.line));
    body.types = [SchemaType::Object].into();
    body.lists_fields = true;
    let mut list = FieldList { fields: vec![body], indexes: [(String::new(), 0)].into() };
    for mut field in listed {
        let (mut raw, mut whole) = (String::new(), String::new());
        let segments: Vec<&str> = field.pointer.split('/').skip(1).collect();
        for (index, segment) in segments.iter().enumerate() {
            if arrays.contains(&raw) && *segment != "*" {
                whole.push_str("/*");
                list.add_implied(&whole, field.line, budget)?;
            }
            raw = format!("{raw}/{segment}");
            whole = format!("{whole}/{segment}");
            if index + 1 < segments.len() {
                list.add_implied(&whole, field.line, budget)?;
            }
        }
        budget.take_bytes(2 * whole.len() + size_of::<Field>())?;
        field.pointer.clone_from(&whole);
        list.add(whole, field);
    }
    Ok(list.fields)
}

struct FieldList {
    fields: Vec<Field>,
    /// Index of each field by pointer.
    indexes: BTreeMap<String, usize>,
}

impl FieldList {
    fn add(&mut self, pointer: String, mut field: Field) {
        self.mark_parent(&pointer);
        match self.indexes.get(&pointer) {
            None => {
                self.indexes.insert(pointer, self.fields.len());
                self.fields.push(field);
            }
            // Implied by an earlier name, listed now.
            Some(index) if !self.fields[*index].expressiveness.types => {
                field.lists_fields = self.fields[*index].lists_fields;
                self.fields[*index] = field;
            }
            Some(_) => {}
        }
    }

    fn add_implied(&mut self, pointer: &str, line: Option<usize>, budget: &mut Budget) -> Result<(), ReadError> {
        if !self.indexes.contains_key(pointer) {
            budget.take_bytes(2 * pointer.len() + size_of::<Field>())?;
            self.indexes.insert(pointer.to_owned(), self.fields.len());
            let types = [SchemaType::Object].into();
            self.fields.push(Field { types, lists_fields: true, ..Field::new(pointer, line) });
        }
        self.mark_parent(pointer);
        Ok(())
    }

    fn mark_parent(&mut self, pointer: &str) {
        if let Some(index) = parent(pointer).and_then(|parent| self.indexes.get(parent)) {
            self.fields[*index].lists_fields = true;
        }
    }
}
