//! Paths of operations.

use std::collections::BTreeSet;

use crate::pages::model::{Operation, Page};

/// An address or path as a page writes it, without scheme, host and what stands for them (`{{base}}`), without query.
pub(crate) fn without_host(address: &str) -> String {
    let address = address.trim().trim_matches(['\'', '"', '`']);
    let rest = match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None if address.starts_with("{{") => address.split_once("}}").map_or("/", |(_, rest)| rest),
        None => address,
    };
    rest.split(['?', '#', '\'', '"']).next().unwrap_or_default().to_owned()
}

/// The path with its parameters nameless and no slash at its end: what two ways to write one path have in common.
pub(crate) fn shape(path: &str) -> String {
    let steps = path.split('/').filter(|step| !step.is_empty()).map(|step| match is_parameter(step) {
        true => "{}",
        false => step,
    });
    steps.fold(String::new(), |shape, step| format!("{shape}/{step}"))
}

/// The names of the parameters in a path.
pub(crate) fn parameters(path: &str) -> Vec<&str> {
    let steps = path.split('/').filter(|step| is_parameter(step));
    steps.map(|step| step.trim_matches(['{', '}', ':', '<', '>'])).collect()
}

fn is_parameter(step: &str) -> bool {
    (step.starts_with('{') && step.ends_with('}'))
        || step.starts_with(':')
        || (step.starts_with('<') && step.ends_with('>'))
}

/// The operation of the spec that the page means, and whether the page writes its path as the spec does.
pub(crate) fn find<'a>(known: &'a Page, page: &Page, operation: &Operation) -> Option<(&'a Operation, bool)> {
    let same_method = || known.operations.iter().filter(|known| known.method == operation.method);
    // A server's address may hold the start of the path on one side and not on the other.
    let shapes = |servers: &[String], path: &str| -> BTreeSet<String> {
        let longer = servers.iter().map(|server| shape(&format!("{server}/{path}")));
        longer.chain([shape(path)]).collect()
    };
    let wanted = shapes(&page.servers, &operation.path);
    let matched = same_method().find(|known_one| !shapes(&known.servers, &known_one.path).is_disjoint(&wanted));
    if let Some(matched) = matched {
        return Some((matched, matched.path.ends_with('/') == operation.path.ends_with('/')));
    }
    // A rendered address can lose its parameters, which the page then still describes.
    let named: BTreeSet<&str> = parameters(&operation.path).into_iter().collect();
    let lost = operation.parameters.iter().filter_map(|field| field.pointer.strip_prefix("/path/"));
    let longer = lost
        .filter(|name| !named.contains(name))
        .fold(operation.path.clone(), |path, name| format!("{path}/{{{name}}}"));
    let wanted = shapes(&page.servers, &longer);
    same_method()
        .find(|known_one| !shapes(&known.servers, &known_one.path).is_disjoint(&wanted))
        .map(|found| (found, false))
}
