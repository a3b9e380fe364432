//! What examples say about fields.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pages::budget::{Budget, MAX_NAME, Refusal};
use crate::pages::model::{Field, Kind};
use bulkrail_codegen::pointer;

/// Adds `example`, a whole body that stands on `line`, to the fields of a rendered page: values to the fields that are there, and
/// fields where no list names any.
pub(crate) fn add(
    fields: &mut Vec<Field>,
    example: &Value,
    line: Option<usize>,
    budget: &mut Budget,
) -> Result<(), Refusal> {
    budget.steps(fields.len())?;
    let mut places: BTreeMap<String, usize> =
        fields.iter().enumerate().map(|(index, field)| (field.pointer.clone(), index)).collect();
    walk("", example, budget, &mut |at, value, budget| {
        let index = match places.get(at) {
            Some(index) => *index,
            None => {
                budget.keep(2 * at.len() + size_of::<Field>())?;
                fields.push(Field { declared: false, ..Field::new(at, line) });
                places.insert(at.to_owned(), fields.len() - 1);
                fields.len() - 1
            }
        };
        let field = &mut fields[index];
        // What is declared is not read off an example; a page that contradicts itself is for people.
        if !field.says.kind {
            field.kinds.extend(Kind::of(value));
            if value.is_null() {
                field.nullable = Some(true);
            }
        }
        keep(field, value, budget)
    })
}

/// Adds the values of `example`, which belongs to the field at `root`, to the fields of a description; `whole` if it is an example of
/// the whole body. Nothing is added to what the description says, and nothing where its objects are open.
pub(crate) fn attach(
    fields: &mut [Field],
    places: &BTreeMap<String, usize>,
    root: &str,
    example: &Value,
    whole: bool,
    budget: &mut Budget,
) -> Result<(), Refusal> {
    walk(root, example, budget, &mut |at, value, budget| match places.get(at) {
        Some(index) => {
            fields[*index].shown += usize::from(whole);
            keep(&mut fields[*index], value, budget)
        }
        None => Ok(()),
    })
}

fn keep(field: &mut Field, value: &Value, budget: &mut Budget) -> Result<(), Refusal> {
    if value.is_null() || value.is_object() || value.is_array() || field.examples.contains(value) {
        return Ok(());
    }
    // A long list of rows shows what it shows after a few of them, and looking each up among all would be slow.
    if field.examples.len() < 64 {
        budget.keep(value.as_str().map_or(16, str::len))?;
        field.examples.push(value.clone());
    }
    Ok(())
}

type Visit<'a> = dyn FnMut(&str, &Value, &mut Budget) -> Result<(), Refusal> + 'a;

/// Visits each value with the pointer of its field: all elements of an array share one.
fn walk(at: &str, value: &Value, budget: &mut Budget, visit: &mut Visit<'_>) -> Result<(), Refusal> {
    budget.step()?;
    visit(at, value, budget)?;
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| key.len() <= MAX_NAME)
            .try_for_each(|(key, value)| walk(&pointer::join(at, key), value, budget, visit)),
        Value::Array(items) => {
            let below = format!("{at}/*");
            items.iter().try_for_each(|item| walk(&below, item, budget, visit))
        }
        _ => Ok(()),
    }
}
