//! Every reference leads somewhere, and none back to itself.

use std::collections::HashMap;
use std::ptr;

use serde_json::Value;

use super::Lint;
use crate::pointer;

impl Lint<'_> {
    pub(super) fn references(&mut self) {
        let mut wrong = Vec::new();
        let mut graph = Graph::default();
        let document = &self.spec.document;
        let mut sites = Vec::new();
        pointer::walk(document, &mut |at, value| {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return };
            let at = pointer::join(at, "$ref");
            match pointer::resolve(document, reference) {
                Some(target) => sites.push((at, reference, graph.add(target))),
                None => wrong.push((at, format!("`{reference}` points at nothing in this file"))),
            }
        });
        let loops = graph.loops(document);
        let back = sites.into_iter().filter(|(.., target)| loops[*target]);
        wrong.extend(back.map(|(at, reference, _)| (at, format!("`{reference}` leads back to itself"))));
        wrong.into_iter().for_each(|(at, reason)| self.report(&at, reason));
    }
}

/// The values that references lead to. Each is looked at once, however many lead to it or stand in it.
#[derive(Default)]
struct Graph<'a> {
    targets: Vec<&'a Value>,
    numbers: HashMap<*const Value, usize>,
}

impl<'a> Graph<'a> {
    /// The number of a target.
    fn add(&mut self, target: &'a Value) -> usize {
        *self.numbers.entry(ptr::from_ref(target)).or_insert_with(|| {
            self.targets.push(target);
            self.targets.len() - 1
        })
    }

    /// Which of the targets lead back to themselves.
    fn loops(&self, document: &Value) -> Vec<bool> {
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); self.targets.len()];
        let mut before = next.clone();
        for (from, target) in self.targets.iter().enumerate() {
            self.leads_to(document, target, &mut next[from]);
            next[from].iter().for_each(|to| before[*to].push(from));
        }
        // Those that reach each other are found by going through all there is, and back again from where that ended last.
        let mut seen = vec![false; next.len()];
        let mut order = Vec::new();
        (0..next.len()).for_each(|start| visit(start, &next, &mut seen, &mut order));
        let (mut seen, mut loops) = (vec![false; next.len()], vec![false; next.len()]);
        for start in order.into_iter().rev() {
            let mut together = Vec::new();
            visit(start, &before, &mut seen, &mut together);
            let is_loop = together.len() > 1 || next[start].contains(&start);
            together.into_iter().for_each(|target| loops[target] = is_loop);
        }
        loops
    }

    /// The targets that `value` leads to, or that stand in it, but not what stands in those.
    fn leads_to(&self, document: &Value, value: &Value, found: &mut Vec<usize>) {
        let number = |value: &Value| self.numbers.get(&ptr::from_ref(value)).copied();
        let reference = value.get("$ref").and_then(Value::as_str);
        found.extend(reference.and_then(|reference| number(pointer::resolve(document, reference)?)));
        let mut below = |value: &Value| match number(value) {
            Some(target) => found.push(target),
            None => self.leads_to(document, value, found),
        };
        match value {
            Value::Object(map) => map.values().for_each(&mut below),
            Value::Array(items) => items.iter().for_each(&mut below),
            _ => {}
        }
    }
}

/// Adds what `start` leads to and was not seen before, each after all that it leads to itself.
fn visit(start: usize, next: &[Vec<usize>], seen: &mut [bool], order: &mut Vec<usize>) {
    let mut open = vec![(start, 0)];
    while let Some((node, edge)) = open.pop() {
        if edge == 0 && std::mem::replace(&mut seen[node], true) {
            continue;
        }
        match next[node].get(edge) {
            Some(to) => open.extend([(node, edge + 1), (*to, 0)]),
            None => order.push(node),
        }
    }
}
