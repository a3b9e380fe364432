//! Servers: addresses that requests can be sent to, with names that the client builder finds.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::document::operations;
use crate::error::Error;
use crate::load::Spec;
use crate::pointer;
use crate::rules::Rules;

/// Environments of the client builder, each with the descriptions by which it finds a server.
const ENVIRONMENTS: [(&str, &[&str]); 2] = [("sandbox", &["sandbox", "mock"]), ("production", &["production"])];

pub(super) fn check(spec: &Spec, rules: Rules, errors: &mut Vec<Error>) {
    let servers = spec.document["servers"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, server) in servers.iter().enumerate() {
        let url = server["url"].as_str().unwrap_or_default();
        if let Some(reason) = address_error(url, rules) {
            errors.push(spec.error(&format!("/servers/{index}"), reason));
        }
        if rules == Rules::Bulkrail && description(server).is_empty() {
            let reason = "needs a `description` such as sandbox or production";
            errors.push(spec.error(&format!("/servers/{index}"), reason));
        }
    }
    repeated_names(spec, servers, errors);
    // A server without a description is reported above.
    if rules != Rules::Bulkrail || servers.iter().all(|server| !description(server).is_empty()) {
        names(spec, servers, errors);
    }
    below_paths(spec, errors);
}

/// Checks that paths and operations have no other servers than the document: each request goes to one of those.
fn below_paths(spec: &Spec, errors: &mut Vec<Error>) {
    let items = spec.document["paths"].as_object().into_iter().flatten();
    let items = items.map(|(path, item)| (pointer::join("/paths", path), item));
    for (pointer, holder) in items.chain(operations(&spec.document)) {
        let Some(servers) = holder.get("servers") else { continue };
        if *servers != spec.document["servers"] {
            let reason = "servers below a path are ignored: each request goes to a server of the document; remove them, \
                          and write a spec of its own for the operations of another server";
            errors.push(spec.error(&format!("{pointer}/servers"), reason));
        }
    }
}

/// Returns what is wrong with the address of a server.
fn address_error(url: &str, rules: Rules) -> Option<String> {
    if let Some((_, variable)) = url.split_once('{') {
        let variable = variable.split('}').next().unwrap_or_default();
        let reason = format!(
            "`{{{variable}}}` in an address is not supported: requests would be sent to it as it is; write one server \
             for each address"
        );
        return Some(reason);
    }
    if let Some(rest) = url.strip_prefix("https://") {
        return part_error(rest);
    }
    if rules == Rules::Bulkrail {
        return Some("needs an https `url`".to_owned());
    }
    let Some(rest) = url.strip_prefix("http://") else {
        let reason = "needs a `url` in full, such as https://api.example.com/v1: a client has no other address to \
                      add it to";
        return Some(reason.to_owned());
    };
    if !is_loopback(rest) {
        let reason = "needs an https `url`: over http the credentials travel readable; only a loopback address may have \
                      http";
        return Some(reason.to_owned());
    }
    part_error(rest)
}

/// Returns what is wrong with an address, without its scheme: the client builder takes host, port and path only.
fn part_error(address: &str) -> Option<String> {
    const ONLY: &str = "an address has scheme, host, port and path only";
    let is_refused = |char: &char| char.is_whitespace() || char.is_control() || "\"<>\\^`|".contains(*char);
    if let Some(char) = address.chars().find(is_refused) {
        return Some(format!("`{char}` is not allowed in an address; write it percent-encoded, or remove it"));
    }
    if address.contains('?') {
        return Some(format!("{ONLY}; remove the query: a parameter of every request belongs to `parameters`"));
    }
    if address.contains('#') {
        return Some(format!("{ONLY}; remove the `#` and what follows it: it is never sent"));
    }
    let authority = address.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some(format!("{ONLY}; remove user and password: each caller has credentials of its own"));
    }
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => (&authority[..colon], Some(&authority[colon + 1..])),
        _ => (authority, None),
    };
    if !is_host(host) {
        return Some(format!("`{host}` is not a host; correct it"));
    }
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let port = port.filter(|port| !is_port(port))?;
    Some(format!("`{port}` is not a port; use a number up to {}, or none", u16::MAX))
}

/// Returns whether a text is the name of a host or an IP address.
fn is_host(host: &str) -> bool {
    if let Some(host) = host.strip_prefix('[') {
        return host.strip_suffix(']').is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    }
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    // A name that ends with a number is read as an IP address.
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    !host.contains(['%', ':', '[', ']'])
}

/// Returns whether the address, without its scheme, is on this machine.
fn is_loopback(address: &str) -> bool {
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(host) => host.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
}

/// Checks that no two servers have one name: the client builder would only ever find the first.
fn repeated_names(spec: &Spec, servers: &[Value], errors: &mut Vec<Error>) {
    let mut seen = BTreeMap::new();
    for (index, name) in servers.iter().map(description).enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = seen.get(name) {
            let reason = format!(
                "server {first} (counted from 0) is described as `{name}`, too, and only that one would be found; \
                 describe each by a name of its own, or remove one"
            );
            errors.push(spec.error(&format!("/servers/{index}"), reason));
        } else {
            seen.insert(name, index);
        }
    }
}

/// Checks that the client builder finds the servers. Without any, each caller sets a base URL.
fn names(spec: &Spec, servers: &[Value], errors: &mut Vec<Error>) {
    let is_described = |words: &[&str]| servers.iter().any(|server| words.contains(&description(server)));
    let (found, missing): (Vec<_>, Vec<_>) = ENVIRONMENTS.iter().partition(|(_, words)| is_described(words));
    let ask = "the client builder finds a server by this word";
    if !servers.is_empty() && found.is_empty() {
        let reason = format!(
            "describe one as `sandbox` or `production`: {ask}; without a server of either, remove `servers`, and each \
             caller sets a base URL"
        );
        return errors.push(spec.error("/servers", reason));
    }
    for (index, server) in servers.iter().enumerate() {
        let exact = description(server);
        let description = exact.to_lowercase();
        // Another description may be of a further server, such as that of a region.
        let is_meant = |name: &str| description.is_empty() || description.contains(name);
        let is_known = ENVIRONMENTS.iter().any(|(_, words)| words.contains(&exact));
        if let Some((name, _)) = missing.iter().find(|(name, _)| !is_known && is_meant(name)) {
            let reason = format!("describe it as `{name}`: {ask}, and no other server has it");
            errors.push(spec.error(&format!("/servers/{index}"), reason));
        }
    }
}

fn description(server: &Value) -> &str {
    server["description"].as_str().unwrap_or_default()
}
