//! Adds what examples show to the fields of a page.

use std::collections::BTreeMap;

use bulkrail_codegen::pointer;
use serde_json::Value;

use crate::pages::budget::{Budget, MAX_NAME, ReadError};
use crate::pages::model::{Field, SchemaType};

/// Maximum number of example values kept per field. A list of many rows shows the same after a few.
const MAX_EXAMPLES: usize = 64;

/// Adds the example of a whole body to the fields of a rendered page.
///
/// Existing fields get the example's values. Fields that only the example has are added. `line` is
/// the line of the example.
pub(crate) fn add(
    fields: &mut Vec<Field>,
    example: &Value,
    line: Option<usize>,
    budget: &mut Budget,
) -> Result<(), ReadError> {
    budget.take_steps(fields.len())?;
    let mut indexes = indexes(fields);
    walk("", example, budget, &mut |pointer, value, budget| {
        let index = match indexes.get(pointer) {
            Some(index) => *index,
            None => {
                budget.take_bytes(2 * pointer.len() + size_of::<Field>())?;
                fields.push(Field { declared: false, ..Field::new(pointer, line) });
                indexes.insert(pointer.to_owned(), fields.len() - 1);
                fields.len() - 1
            }
        };
        let field = &mut fields[index];
        // A declared type wins. A page that contradicts its own example is reviewed by hand.
        if !field.expressiveness.types {
            field.types.extend(SchemaType::from_value(value));
            if value.is_null() {
                field.nullable = Some(true);
            }
        }
        add_value(field, value, budget)
    })
}

/// Adds the values of `example` to the fields of a description. `root` is the field that has the
/// example.
///
/// `is_body` says that it is an example of the whole body, which is counted. Fields are never
/// added: a description lists them itself.
pub(crate) fn attach(
    fields: &mut [Field],
    indexes: &BTreeMap<String, usize>,
    root: &str,
    example: &Value,
    is_body: bool,
    budget: &mut Budget,
) -> Result<(), ReadError> {
    walk(root, example, budget, &mut |pointer, value, budget| match indexes.get(pointer) {
        Some(index) => {
            fields[*index].example_count += usize::from(is_body);
            add_value(&mut fields[*index], value, budget)
        }
        None => Ok(()),
    })
}

/// Returns the index of each field by its pointer.
pub(crate) fn indexes(fields: &[Field]) -> BTreeMap<String, usize> {
    fields.iter().enumerate().map(|(index, field)| (field.pointer.clone(), index)).collect()
}

fn add_value(field: &mut Field, value: &Value, budget: &mut Budget) -> Result<(), ReadError> {
    if value.is_null() || value.is_object() || value.is_array() || field.examples.contains(value) {
        return Ok(());
    }
    if field.examples.len() < MAX_EXAMPLES {
        budget.take_bytes(value.as_str().map_or(16, str::len))?;
        field.examples.push(value.clone());
    }
    Ok(())
}

type Visit<'a> = dyn FnMut(&str, &Value, &mut Budget) -> Result<(), ReadError> + 'a;

/// Visits each value with the pointer of its field. All elements of an array share one pointer.
fn walk(pointer: &str, value: &Value, budget: &mut Budget, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    budget.take_step()?;
    visit(pointer, value, budget)?;
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| key.len() <= MAX_NAME)
            .try_for_each(|(key, value)| walk(&pointer::join(pointer, key), value, budget, visit)),
        Value::Array(items) => {
            let element = format!("{pointer}/*");
            items.iter().try_for_each(|item| walk(&element, item, budget, visit))
        }
        _ => Ok(()),
    }
}
