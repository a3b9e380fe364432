//! Finds the operation of a spec that each operation of a page describes.

use std::collections::BTreeSet;

use crate::pages::model::{Operation, Page};
use crate::pages::names::leaf;
use crate::pages::paths;

/// Minimum similarity of two operations with the same path or name.
const MIN_SIMILARITY: f64 = 0.3;

/// Minimum similarity at which operations with different paths and methods count as one.
const MIN_SIMILARITY_OF_MOVED: f64 = 0.75;

/// Similarity below which an operation at the same path gives way to one elsewhere that has nearly
/// all fields of the page.
const SIMILARITY_OF_NEIGHBOUR: f64 = 0.6;

/// Similarity at which an operation has nearly all fields of the page.
const SIMILARITY_OF_SAME: f64 = 0.9;

/// Relation of an operation on a page to that in the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Same method and path. `same_notation` is whether both write the path alike.
    Same { same_notation: bool },
    /// Same path, other method.
    OtherMethod,
    /// Other path.
    Moved,
}

impl Relation {
    pub(crate) fn is_same(self) -> bool {
        matches!(self, Self::Same { .. })
    }
}

/// Operation of a page with that of the spec.
pub(crate) struct Pair<'a> {
    pub(crate) known: &'a Operation,
    pub(crate) page: &'a Operation,
    pub(crate) relation: Relation,
}

/// Result of [`pair`].
#[derive(Default)]
pub(crate) struct Pairing<'a> {
    /// Pairs in the order of the page.
    pub(crate) pairs: Vec<Pair<'a>>,
    /// Operations that only the page has.
    pub(crate) unknown: Vec<&'a Operation>,
    /// Operations that only the spec has.
    pub(crate) missing: Vec<&'a Operation>,
}

/// Pairs operations by method and path first. The rest is paired by `operationId`, by path, and by
/// fields, so that an operation that moved is not compared with its neighbour.
pub(crate) fn pair<'a>(spec: &'a Page, page: &'a Page) -> Pairing<'a> {
    let mut matches: Vec<Option<(usize, Relation)>> =
        page.operations.iter().map(|operation| exact(spec, page, operation)).collect();
    let mut taken: BTreeSet<usize> = matches.iter().flatten().map(|(index, _)| *index).collect();
    for (operation, matched) in page.operations.iter().zip(&mut matches) {
        if matched.is_none() {
            *matched = other(spec, page, operation, &taken);
            taken.extend(matched.iter().map(|(index, _)| *index));
        }
    }
    let mut pairing = Pairing::default();
    for (operation, matched) in page.operations.iter().zip(matches) {
        match matched {
            Some((index, relation)) => {
                pairing.pairs.push(Pair { known: &spec.operations[index], page: operation, relation });
            }
            None => pairing.unknown.push(operation),
        }
    }
    let left = spec.operations.iter().enumerate().filter(|(index, _)| !taken.contains(index));
    pairing.missing = left.map(|(_, known)| known).collect();
    pairing
}

/// Returns the operation with the method and path of `operation`.
fn exact(spec: &Page, page: &Page, operation: &Operation) -> Option<(usize, Relation)> {
    let find = |path: &str| {
        let indexes = indexes_at(spec, page, path);
        indexes.iter().copied().find(|index| spec.operations[*index].method == operation.method).ok_or(indexes)
    };
    let restored = paths::restore_parameters(operation).map(|path| find(&path));
    match restored {
        Some(Ok(index)) => return Some((index, Relation::Same { same_notation: false })),
        // The operation has another method, and the path without its parameters is another one.
        Some(Err(others)) if !others.is_empty() => return None,
        _ => {}
    }
    let index = find(&operation.path).ok()?;
    let known = &spec.operations[index];
    // The path of a neighbour, with the fields of another operation.
    let is_neighbour = !page.is_description()
        && similarity(known, operation) < SIMILARITY_OF_NEIGHBOUR
        && spec.operations.iter().any(|other| similarity(other, operation) >= SIMILARITY_OF_SAME);
    let same_notation = known.path.ends_with('/') == operation.path.ends_with('/');
    (!is_neighbour).then_some((index, Relation::Same { same_notation }))
}

/// Returns the operation that changed its method or path to that of `operation`, if it is not in
/// `taken`.
fn other(spec: &Page, page: &Page, operation: &Operation, taken: &BTreeSet<usize>) -> Option<(usize, Relation)> {
    let free: Vec<usize> = (0..spec.operations.len()).filter(|index| !taken.contains(index)).collect();
    let similarity = |index: &usize| similarity(&spec.operations[*index], operation);
    let best = |indexes: Vec<usize>| indexes.into_iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));

    let restored = paths::restore_parameters(operation).unwrap_or_else(|| operation.path.clone());
    let same_path: Vec<usize> =
        indexes_at(spec, page, &restored).into_iter().filter(|index| free.contains(index)).collect();
    let relation = |index: usize| if same_path.contains(&index) { Relation::OtherMethod } else { Relation::Moved };
    let same_id = |index: &usize| operation.id.is_some() && spec.operations[*index].id == operation.id;
    if let Some(index) = free.iter().copied().find(same_id) {
        return Some((index, relation(index)));
    }
    let near: Vec<usize> = free.iter().copied().filter(|index| is_near(&spec.operations[*index], operation)).collect();
    let near = best(near).filter(|index| similarity(index) >= MIN_SIMILARITY);
    let alike = best(free.clone()).filter(|index| similarity(index) >= MIN_SIMILARITY_OF_MOVED);
    let moved = alike.or(near);
    // With as many common fields, another method is more likely than another path.
    let same_path = best(same_path).filter(|index| similarity(index) >= MIN_SIMILARITY);
    let same_path = same_path.filter(|index| moved.is_none_or(|moved| similarity(index) >= similarity(&moved)));
    match same_path {
        Some(index) => Some((index, Relation::OtherMethod)),
        None => moved.map(|index| (index, Relation::Moved)),
    }
}

/// Returns the operations of the spec with this path, whatever their method.
fn indexes_at(spec: &Page, page: &Page, path: &str) -> Vec<usize> {
    let wanted = paths::variants(&page.servers, path);
    let is_at = |known: &Operation| !paths::variants(&spec.servers, &known.path).is_disjoint(&wanted);
    spec.operations.iter().enumerate().filter(|(_, known)| is_at(known)).map(|(index, _)| index).collect()
}

/// Returns whether two operations have the same method, and paths that differ in one segment.
fn is_near(known: &Operation, page: &Operation) -> bool {
    let segments = |path: &str| paths::normalize(path).split('/').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (segments(&known.path), segments(&page.path));
    known.method == page.method
        && one.len() == other.len()
        && one.iter().zip(&other).filter(|(one, other)| one != other).count() == 1
}

/// Returns the share of the fields of two operations that both have, from 0 to 1.
fn similarity(one: &Operation, other: &Operation) -> f64 {
    let (one, other) = (field_names(one), field_names(other));
    let common = one.intersection(&other).count();
    let all = one.len() + other.len() - common;
    // The counts are far below the limit of the mantissa.
    if all == 0 { 0.0 } else { common as f64 / all as f64 }
}

/// Returns the names of the parameters and of the outermost fields of request and success.
fn field_names(operation: &Operation) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let parameters = operation.parameters.iter().filter(|field| !field.pointer.starts_with("/header/"));
    names.extend(parameters.map(|field| format!("parameter {}", leaf(&field.pointer))));
    let successes = operation.responses.iter().filter(|(status, _)| status.starts_with('2'));
    let bodies = successes
        .map(|(_, fields)| ("response", fields))
        .chain(operation.request.iter().map(|fields| ("request", fields)));
    for (kind, fields) in bodies {
        let pointers = fields.iter().map(|field| field.pointer.trim_start_matches("/*"));
        let outermost = pointers.filter(|pointer| pointer.matches('/').count() == 1);
        names.extend(outermost.map(|pointer| format!("{kind} {pointer}")));
    }
    names
}
