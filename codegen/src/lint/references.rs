//! References: each points at an existing value, and none is circular.

use std::collections::HashMap;
use std::ptr;

use serde_json::Value;

use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

/// Maximum number of wrong references that get a suggestion: a file may have 100,000 of them.
const MAX_SUGGESTIONS: usize = 20;

/// Maximum number of characters in which a suggested name differs from the wrong one.
const MAX_DISTANCE: usize = 3;

/// Maximum length of a wrong name that is compared with the names of components.
const MAX_NAME_BYTES: usize = 80;

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let document = &spec.document;
    let mut graph = Graph::default();
    let mut references = Vec::new();
    let mut suggestions = 0;
    pointer::walk(document, &mut |pointer, value| {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return };
        let pointer = pointer::join(pointer, "$ref");
        match pointer::resolve(document, reference) {
            Some(target) => references.push((pointer, reference, graph.add(target))),
            None => {
                suggestions += 1;
                let hint = if suggestions <= MAX_SUGGESTIONS { hint(document, reference) } else { None };
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                errors.push(spec.error(&pointer, format!("`{reference}` points at a value that does not exist{hint}")));
            }
        }
    });
    let circular = graph.circular(document);
    for (pointer, reference, target) in references {
        if circular[target] {
            errors.push(spec.error(&pointer, format!("`{reference}` is circular")));
        }
    }
}

/// Returns what to write instead of a reference that points nowhere.
fn hint(document: &Value, reference: &str) -> Option<String> {
    let Some(path) = reference.strip_prefix('#') else {
        let name = reference;
        if is_file(name) {
            return Some("only references within this file are read: copy the component into it".to_owned());
        }
        let (section, name) = components(document).find(|(_, known)| *known == name).unwrap_or(("schemas", name));
        return Some(format!("write '#/components/{section}/{name}'"));
    };
    let name = path.rsplit('/').next()?;
    // A wrong name in the right section, or the right name in a wrong one.
    let section = path.strip_prefix("/components/").and_then(|path| path.strip_suffix(name)?.strip_suffix('/'));
    let is_near = |(distance, ..): &(usize, &str, &str)| *distance <= MAX_DISTANCE.min(name.len() / 2);
    let known = components(document).map(|(of, known)| {
        let in_place = section == Some(of);
        // The name of another section has to be the same.
        let distance = if in_place || known == name { distance(name, known) } else { usize::MAX };
        (distance, of, known)
    });
    let (_, found, known) = known.filter(is_near).min()?;
    match section == Some(found) {
        true => Some(format!("did you mean `{known}`?")),
        false => Some(format!("did you mean '#/components/{found}/{known}'?")),
    }
}

/// Returns whether a reference without `#` at its start is the address of a file, and not a name.
fn is_file(reference: &str) -> bool {
    reference.contains(['#', '/', ':']) || [".yaml", ".yml", ".json"].iter().any(|end| reference.ends_with(end))
}

/// Returns section and name of each component that references may point at.
fn components(document: &Value) -> impl Iterator<Item = (&str, &str)> {
    let sections = document.get("components").and_then(Value::as_object).into_iter().flatten();
    let maps = sections.filter_map(|(section, names)| Some((section.as_str(), names.as_object()?)));
    maps.flat_map(|(section, names)| names.keys().map(move |name| (section, name.as_str())))
}

/// Returns the number of characters to insert, remove or replace, or `usize::MAX` if it is large.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.to_lowercase().into_bytes(), other.to_lowercase().into_bytes());
    if one.len().abs_diff(other.len()) > MAX_DISTANCE || one.len() > MAX_NAME_BYTES {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, byte) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for column in 0..other.len() {
            let replaced = diagonal + usize::from(*byte != other[column]);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// Targets of references. Each is visited once, however many references point at it or into it.
#[derive(Default)]
struct Graph<'a> {
    targets: Vec<&'a Value>,
    indexes: HashMap<*const Value, usize>,
}

impl<'a> Graph<'a> {
    /// Adds a target and returns its index.
    fn add(&mut self, target: &'a Value) -> usize {
        *self.indexes.entry(ptr::from_ref(target)).or_insert_with(|| {
            self.targets.push(target);
            self.targets.len() - 1
        })
    }

    /// Returns for each target whether it leads back to itself.
    ///
    /// Targets that reach each other are the strongly connected components (Kosaraju's algorithm).
    fn circular(&self, document: &Value) -> Vec<bool> {
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); self.targets.len()];
        let mut previous = next.clone();
        for (from, target) in self.targets.iter().enumerate() {
            self.edges(document, target, &mut next[from]);
            next[from].iter().for_each(|to| previous[*to].push(from));
        }
        let mut visited = vec![false; next.len()];
        let mut order = Vec::new();
        (0..next.len()).for_each(|start| visit(start, &next, &mut visited, &mut order));
        let (mut visited, mut circular) = (vec![false; next.len()], vec![false; next.len()]);
        for start in order.into_iter().rev() {
            let mut component = Vec::new();
            visit(start, &previous, &mut visited, &mut component);
            let is_circular = component.len() > 1 || next[start].contains(&start);
            component.into_iter().for_each(|target| circular[target] = is_circular);
        }
        circular
    }

    /// Adds the targets that `value` refers to or contains, but not those inside of them.
    fn edges(&self, document: &Value, value: &Value, targets: &mut Vec<usize>) {
        let index = |value: &Value| self.indexes.get(&ptr::from_ref(value)).copied();
        let reference = value.get("$ref").and_then(Value::as_str);
        targets.extend(reference.and_then(|reference| index(pointer::resolve(document, reference)?)));
        let mut below = |value: &Value| match index(value) {
            Some(target) => targets.push(target),
            None => self.edges(document, value, targets),
        };
        match value {
            Value::Object(map) => map.values().for_each(&mut below),
            Value::Array(items) => items.iter().for_each(&mut below),
            _ => {}
        }
    }
}

/// Adds the unvisited nodes that `start` reaches, each after those that it reaches itself.
fn visit(start: usize, next: &[Vec<usize>], visited: &mut [bool], order: &mut Vec<usize>) {
    let mut open = vec![(start, 0)];
    while let Some((node, edge)) = open.pop() {
        if edge == 0 && std::mem::replace(&mut visited[node], true) {
            continue;
        }
        match next[node].get(edge) {
            Some(to) => open.extend([(node, edge + 1), (*to, 0)]),
            None => order.push(node),
        }
    }
}
