//! Paths of operations in the notations of different pages.

use std::collections::BTreeSet;

use crate::pages::model::{Operation, Page};

/// Returns an address without scheme, host (or its placeholder `{{base}}`), query and fragment.
pub(crate) fn without_host(address: &str) -> String {
    let address = address.trim().trim_matches(['\'', '"', '`']);
    let rest = match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None if address.starts_with("{{") => address.split_once("}}").map_or("/", |(_, rest)| rest),
        None => address,
    };
    rest.split(['?', '#', '\'', '"']).next().unwrap_or_default().to_owned()
}

/// Returns the path with unnamed parameters and without a slash at its end, for comparing two
/// notations.
fn normalize(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty()).map(|segment| match is_parameter(segment) {
        true => "{}",
        false => segment,
    });
    segments.fold(String::new(), |path, segment| format!("{path}/{segment}"))
}

/// Returns the names of the parameters in a path.
fn parameters(path: &str) -> Vec<&str> {
    let segments = path.split('/').filter(|segment| is_parameter(segment));
    segments.map(|segment| segment.trim_matches(['{', '}', ':', '<', '>'])).collect()
}

fn is_parameter(segment: &str) -> bool {
    (segment.starts_with('{') && segment.ends_with('}'))
        || segment.starts_with(':')
        || (segment.starts_with('<') && segment.ends_with('>'))
}

/// Returns the operation of the spec that a page describes, and whether both write the path alike.
pub(crate) fn find_operation<'a>(spec: &'a Page, page: &Page, operation: &Operation) -> Option<(&'a Operation, bool)> {
    let same_method = || spec.operations.iter().filter(|known| known.method == operation.method);
    // The address of a server may contain the start of the path on one side only.
    let variants = |servers: &[String], path: &str| -> BTreeSet<String> {
        let with_server = servers.iter().map(|server| normalize(&format!("{server}/{path}")));
        with_server.chain([normalize(path)]).collect()
    };
    let wanted = variants(&page.servers, &operation.path);
    let matched = same_method().find(|known| !variants(&spec.servers, &known.path).is_disjoint(&wanted));
    if let Some(matched) = matched {
        return Some((matched, matched.path.ends_with('/') == operation.path.ends_with('/')));
    }
    // A rendered address can lose its parameters, which the page still describes.
    let named: BTreeSet<&str> = parameters(&operation.path).into_iter().collect();
    let lost = operation.parameters.iter().filter_map(|field| field.pointer.strip_prefix("/path/"));
    let restored = lost
        .filter(|name| !named.contains(name))
        .fold(operation.path.clone(), |path, name| format!("{path}/{{{name}}}"));
    let wanted = variants(&page.servers, &restored);
    same_method()
        .find(|known| !variants(&spec.servers, &known.path).is_disjoint(&wanted))
        .map(|matched| (matched, false))
}
