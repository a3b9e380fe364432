//! Paths of operations in the notations of different pages.

use std::collections::BTreeSet;

use crate::pages::model::Operation;

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

/// Returns the address of a sample call without its host, which may be a variable of a shell
/// (`$BASE_URL`) or have no scheme (`api.example.com`).
fn path_of_call(address: &str) -> String {
    let address = address.trim().trim_matches(['\'', '"', '`']);
    let host = address.split('/').next().unwrap_or_default();
    let is_variable = host.starts_with(['$', '%']) || (host.starts_with('{') && !host.starts_with("{{"));
    match is_variable || is_host(host) {
        true => without_host(&address[host.len()..]),
        false => without_host(address),
    }
}

/// Returns whether the text is the name of a host such as `api.example.com`.
fn is_host(text: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
    let name = text.split(':').next().unwrap_or_default();
    let mut labels = name.rsplit('.');
    let is_domain = labels.next().is_some_and(|last| last.len() > 1 && last.chars().all(|c| c.is_ascii_alphabetic()));
    name.contains('.') && is_domain && labels.all(is_label)
}

/// Returns the path with unnamed parameters and without a slash at its end, for comparing two
/// notations.
pub(crate) fn normalize(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty()).map(|segment| match is_parameter(segment) {
        true => "{}",
        false => segment,
    });
    segments.fold(String::new(), |path, segment| format!("{path}/{segment}"))
}

/// Returns the names of the parameters in a path.
pub(crate) fn parameters(path: &str) -> Vec<&str> {
    let segments = path.split('/').filter(|segment| is_parameter(segment));
    segments.map(|segment| segment.trim_matches(['{', '}', ':', '<', '>'])).collect()
}

fn is_parameter(segment: &str) -> bool {
    (segment.starts_with('{') && segment.ends_with('}'))
        || segment.starts_with(':')
        || (segment.starts_with('<') && segment.ends_with('>'))
}

/// Returns the normalized paths by which an operation can be meant.
///
/// The address of a server may contain the start of the path on one side only.
pub(crate) fn variants(servers: &[String], path: &str) -> BTreeSet<String> {
    let with_server = servers.iter().map(|server| normalize(&format!("{}/{path}", without_host(server))));
    with_server.chain([normalize(path)]).collect()
}

/// Returns the path with the parameters that the page describes and a rendered address lost, or
/// `None` if it has them all.
pub(crate) fn restore_parameters(operation: &Operation) -> Option<String> {
    let named: BTreeSet<&str> = parameters(&operation.path).into_iter().collect();
    let described = operation.parameters.iter().filter_map(|field| field.pointer.strip_prefix("/path/"));
    let lost: Vec<&str> = described.filter(|name| !named.contains(name)).collect();
    let restored = || lost.iter().fold(operation.path.clone(), |path, name| format!("{path}/{{{name}}}"));
    (!lost.is_empty()).then(restored)
}

/// Returns the address of a sample call with a scheme, if it starts with the name of a host.
pub(crate) fn with_scheme(address: &str) -> String {
    let host = address.split('/').next().unwrap_or_default();
    if is_host(host) { format!("https://{address}") } else { address.to_owned() }
}

/// Returns scheme, host and port of an address in lower case, or `None` for a relative address or a
/// placeholder.
pub(crate) fn origin(address: &str) -> Option<String> {
    let address = address.trim().trim_matches(['\'', '"', '`']);
    let (scheme, rest) = address.split_once("://")?;
    let host =
        rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty() && !host.contains(['{', '<', '$', '%']))?;
    Some(format!("{scheme}://{host}").to_ascii_lowercase())
}

/// Relation of the path of a sample call to the path of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallPath {
    /// The call has this path.
    Same,
    /// The call has this path but for the slash at its end. Contains the template without or with
    /// the slash, as in the call.
    OtherSlash(String),
    /// The call has another path.
    Other(String),
}

/// Compares the address of a sample call with the path of an operation, a template.
pub(crate) fn compare_call(address: &str, servers: &[String], template: &str) -> CallPath {
    let path = path_of_call(address);
    let segments = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let called = segments(&path);
    let bases = servers.iter().map(|server| segments(&without_host(server))).chain([Vec::new()]);
    let is_call = bases.into_iter().any(|base| {
        let wanted: Vec<String> = base.into_iter().chain(segments(template)).collect();
        wanted.len() == called.len()
            && wanted.iter().zip(&called).all(|(wanted, one)| is_parameter(wanted) || wanted == one)
    });
    match (is_call, path.ends_with('/') == template.ends_with('/')) {
        (true, true) => CallPath::Same,
        (true, false) if path.ends_with('/') => CallPath::OtherSlash(format!("{template}/")),
        (true, false) => CallPath::OtherSlash(template.trim_end_matches('/').to_owned()),
        (false, _) => CallPath::Other(path),
    }
}
