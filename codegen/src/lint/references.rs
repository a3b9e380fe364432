//! References: each points at an existing value, and none is circular.

use std::collections::HashMap;
use std::ptr;

use serde_json::Value;

use crate::error::Error;
use crate::load::Spec;
use crate::pointer;

pub(super) fn check(spec: &Spec, errors: &mut Vec<Error>) {
    let document = &spec.document;
    let mut graph = Graph::default();
    let mut references = Vec::new();
    pointer::walk(document, &mut |pointer, value| {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return };
        let pointer = pointer::join(pointer, "$ref");
        match pointer::resolve(document, reference) {
            Some(target) => references.push((pointer, reference, graph.add(target))),
            None => {
                let reason = format!("`{reference}` points at a value that does not exist");
                errors.push(spec.error(&pointer, reason));
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
