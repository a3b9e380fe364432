//! Compares how an operation is called: authentication, media types, addresses and sample call.

use std::collections::BTreeSet;

use bulkrail_codegen::pointer;

use crate::diff::collector::Collector;
use crate::diff::difference::{Change, Class};
use crate::diff::pairing::Relation;
use crate::pages::auth::{Auth, Credential, CredentialKind};
use crate::pages::model::{MediaTypes, Operation, Page};
use crate::pages::names::{leaf, parent};
use crate::pages::paths::{self, CallPath};

/// Compares the path in the heading of the page and that of its sample call.
pub(crate) fn compare_paths(
    collector: &mut Collector<'_>,
    servers: &[String],
    known: &Operation,
    page: &Operation,
    relation: Relation,
) {
    let call = page.call.as_ref().map(|call| (call, paths::compare_call(&call.address, servers, &known.path)));
    let pointer = parent(&known.spec_pointer).unwrap_or_default().to_owned();
    let mut add = |class, line, message: String, to: &str| {
        let states = (Some(known.path.clone()), Some(to.to_owned()));
        collector.add(pointer.clone(), line, class, Change::Path, message, states);
    };
    if relation == (Relation::Same { same_notation: false }) {
        // A call that has the same path as the heading confirms it. So does a description, whose
        // paths are exact.
        let is_confirmed = matches!(&call, Some((_, CallPath::OtherSlash(_)))) || !page.spec_pointer.is_empty();
        let class = if is_confirmed { Class::Breaking } else { Class::Unknown };
        let call = if is_confirmed && page.call.is_some() { " and in its sample call" } else { "" };
        let message = format!("the path is {} on the page{call}, {} in the spec", page.path, known.path);
        add(class, page.line, message, &page.path);
    }
    let Some((call, path)) = call else { return };
    // The difference about the operation has said it already.
    let is_heading = relation == Relation::Moved
        && !matches!(paths::compare_call(&call.address, servers, &page.path), CallPath::Other(_));
    let message = |path: &str| format!("the sample call of the page has the path {path}, the spec {}", known.path);
    match path {
        CallPath::OtherSlash(path) if relation != (Relation::Same { same_notation: false }) && !is_heading => {
            add(Class::Unknown, call.line, message(&path), &path);
        }
        CallPath::Other(path) if !is_heading => add(Class::Breaking, call.line, message(&path), &path),
        _ => {}
    }
    if ![&known.method, &page.method].contains(&&call.method) {
        let method = |operation: &str| operation.to_uppercase();
        let message = format!(
            "the method is {} in the sample call of the page, {} in the spec",
            method(&call.method),
            method(&known.method)
        );
        let states = (Some(method(&known.method)), Some(method(&call.method)));
        collector.add(known.spec_pointer.clone(), call.line, Class::Breaking, Change::Method, message, states);
    }
}

/// Compares every statement of the page about the credentials of a request.
pub(crate) fn compare_auth(collector: &mut Collector<'_>, known: &Operation, page: &Operation, is_description: bool) {
    let Some(spec) = known.auth.first() else { return };
    let listed = listed_credentials(known, page);
    let mut reported = BTreeSet::new();
    for auth in page.auth.iter().chain(&listed) {
        let auth = without_parameters(auth, known);
        if auth.agrees_with(spec, is_description) || !reported.insert(auth.text()) {
            continue;
        }
        let (from, to) = (spec.text(), auth.text());
        let message = format!("the authentication is {to} on the page, {from} in the spec");
        let pointer = spec.pointer.clone();
        let states = (Some(from), Some(to));
        collector.add(pointer, auth.line, Class::Breaking, Change::Authentication, message, states);
    }
}

/// Returns the credentials among the headers that the page lists.
fn listed_credentials(known: &Operation, page: &Operation) -> Option<Auth> {
    let headers = page.parameters.iter().filter(|field| field.pointer.starts_with("/header/"));
    let own = headers.filter(|field| !has_header(known, &leaf(&field.pointer)));
    let credentials = own.filter_map(|field| {
        let credential = Credential::from_parameter("header", &leaf(&field.pointer), &field.description)?;
        Some((credential, field))
    });
    let credentials: Vec<_> = credentials.collect();
    let line = credentials.first()?.1.line;
    let is_optional = credentials.iter().any(|(_, field)| field.required == Some(false));
    let auth = Auth::new(credentials.into_iter().map(|(credential, _)| credential), line);
    Some(if is_optional { auth.or_none() } else { auth })
}

/// Removes the headers that the spec has as parameters.
fn without_parameters(auth: &Auth, known: &Operation) -> Auth {
    let is_parameter = |one: &Credential| matches!(&one.kind, CredentialKind::Header(name) if has_header(known, name));
    let mut auth = auth.clone();
    auth.alternatives.iter_mut().for_each(|credentials| credentials.retain(|one| !is_parameter(one)));
    auth
}

fn has_header(operation: &Operation, name: &str) -> bool {
    let names = operation.parameters.iter().filter_map(|field| field.pointer.strip_prefix("/header/"));
    names.into_iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Returns whether the page documents the header as a credential, so that it is not compared as a
/// parameter.
pub(crate) fn is_listed_credential(known: &Operation, location: &str, name: &str) -> bool {
    location == "header" && !has_header(known, name) && Credential::from_parameter(location, name, "").is_some()
}

/// Compares the media types of a request or response. `body` names it.
pub(crate) fn compare_media_types(
    collector: &mut Collector<'_>,
    known: Option<&MediaTypes>,
    page: &MediaTypes,
    body: &str,
) {
    let Some(known) = known else { return };
    let content = &known.pointer;
    let removed: Vec<&String> = known.names.difference(&page.names).collect();
    // The difference about the old media type names the new one.
    for name in page.names.difference(&known.names).filter(|_| removed.is_empty()) {
        let message = format!("{body} has the media type {name} on the page and not in the spec");
        let states = (None, Some(name.clone()));
        collector.add(content.clone(), page.line, Class::Additive, Change::MediaTypeAdded, message, states);
    }
    for name in removed {
        let others = page.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("{body} has the media type {others} on the page, {name} in the spec");
        let pointer = pointer::join(content, name);
        let states = (Some(name.clone()), Some(others));
        collector.add(pointer, page.line, Class::Breaking, Change::MediaTypeRemoved, message, states);
    }
}

/// Compares the hosts of the addresses that a rendered page shows, and the servers of an operation
/// in a description, with the servers of the spec.
pub(crate) fn compare_addresses(collector: &mut Collector<'_>, servers: &[String], page: &Operation) {
    let known: BTreeSet<String> = servers.iter().filter_map(|server| paths::origin(server)).collect();
    let mut reported = BTreeSet::new();
    for (address, line) in &page.addresses {
        let Some(origin) = paths::origin(address) else { continue };
        if known.is_empty() || known.contains(&origin) || !reported.insert(origin.clone()) {
            continue;
        }
        let from = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("the server is {origin} on the page, {from} in the spec");
        let states = (Some(from), Some(origin));
        collector.add("/servers".to_owned(), *line, Class::Breaking, Change::ServerAdded, message, states);
    }
}

/// Compares the servers of two descriptions.
///
/// A server whose address is that of another one for every operation is in another notation only:
/// the start of the paths may be part of the server.
pub(crate) fn compare_servers(
    collector: &mut Collector<'_>,
    spec: &Page,
    page: &Page,
    pairs: &[(&Operation, &Operation)],
) {
    let normal = |server: &String| {
        let path = paths::normalize(&paths::without_host(server));
        Some(format!("{}{path}", paths::origin(server)?))
    };
    let (known, listed): (BTreeSet<String>, BTreeSet<String>) =
        (spec.servers.iter().filter_map(normal).collect(), page.servers.iter().filter_map(normal).collect());
    let addresses = |servers: &BTreeSet<String>, path: &str| -> BTreeSet<String> {
        servers.iter().map(|server| format!("{server}{}", paths::normalize(path))).collect()
    };
    let is_notation = |server: &String, others: &BTreeSet<String>, is_page: bool| {
        !pairs.is_empty()
            && pairs.iter().all(|(spec, page)| {
                let (own, other) = if is_page { (page, spec) } else { (spec, page) };
                let address = format!("{server}{}", paths::normalize(&own.path));
                addresses(others, &other.path).contains(&address)
            })
    };
    // Servers with relative addresses are those of the document, which is not known.
    if known.is_empty() || (listed.is_empty() && !(page.servers.is_empty() && page.is_whole_api())) {
        return;
    }
    let added: Vec<&String> = listed.difference(&known).filter(|server| !is_notation(server, &known, true)).collect();
    let removed: Vec<&String> =
        known.difference(&listed).filter(|server| !is_notation(server, &listed, false)).collect();
    let shares_server = listed.iter().any(|server| !added.contains(&server));
    let removed = if page.is_whole_api() || !shares_server { removed } else { Vec::new() };
    for server in added {
        let class = if removed.is_empty() { Class::Additive } else { Class::Breaking };
        let message = format!("the server {server} is on the page and not in the spec");
        let states = (None, Some(server.clone()));
        collector.add("/servers".to_owned(), None, class, Change::ServerAdded, message, states);
    }
    for server in removed {
        let message = format!("the server {server} is missing on the page");
        let index = spec.servers.iter().position(|one| normal(one).as_ref() == Some(server)).unwrap_or_default();
        let states = (Some(server.clone()), None);
        collector.add(format!("/servers/{index}"), None, Class::Breaking, Change::ServerRemoved, message, states);
    }
}
