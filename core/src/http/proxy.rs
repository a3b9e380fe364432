//! The proxy that the environment names.

use std::env::{self, VarError};
use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::error::{Error, ErrorKind};

/// A forward proxy. `Debug` shows neither user nor password.
#[derive(Clone)]
pub(super) struct Proxy {
    /// Its address, with user and password.
    url: Url,
    proxy: reqwest::Proxy,
}

impl Proxy {
    /// Returns the proxy for requests to `base_url`: that in `HTTPS_PROXY` (for `https`) or `HTTP_PROXY` (for `http`),
    /// else that in `ALL_PROXY`, unless `NO_PROXY` lists the host. Names in lower case are read, too; the one in upper
    /// case counts if both are set. An empty value counts as not set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], naming the variable, when its value cannot be used.
    pub(super) fn from_env(base_url: &Url) -> Result<Option<Self>, Error> {
        Self::from_variables(base_url, |name| env::var(name))
    }

    fn from_variables(
        base_url: &Url,
        variable: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Option<Self>, Error> {
        let first = |names: &[&'static str]| {
            let value = |name: &'static str| match variable(name) {
                Err(VarError::NotPresent) => None,
                Ok(value) if value.trim().is_empty() => None,
                other => Some((name, other)),
            };
            names.iter().copied().find_map(value)
        };
        let for_scheme: &[_] = match base_url.scheme() {
            "https" => &["HTTPS_PROXY", "https_proxy"],
            // A CGI server sets HTTP_PROXY to a header of its request.
            _ if variable("REQUEST_METHOD").is_ok() => &["http_proxy"],
            _ => &["HTTP_PROXY", "http_proxy"],
        };
        let Some((name, value)) = first(for_scheme).or_else(|| first(&["ALL_PROXY", "all_proxy"])) else {
            return Ok(None);
        };
        match first(&["NO_PROXY", "no_proxy"]) {
            Some((_, Ok(hosts))) if is_listed(base_url, &hosts) => return Ok(None),
            Some((name, Err(_))) => return Err(unusable(name, "is not UTF-8")),
            _ => {}
        }
        Self::new(name, &value.map_err(|_| unusable(name, "is not UTF-8"))?).map(Some)
    }

    pub(super) fn new(variable: &'static str, address: &str) -> Result<Self, Error> {
        let address = address.trim();
        // As curl does: an address without a scheme is one of an HTTP proxy.
        let with_scheme = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let url = Url::parse(&with_scheme).map_err(|_| unusable(variable, "is not the address of a proxy"))?;
        match url.scheme() {
            "http" | "https" => {}
            scheme if scheme.starts_with("socks") => {
                return Err(unusable(variable, "is a SOCKS proxy, which is not supported"));
            }
            _ => return Err(unusable(variable, "is neither an http:// nor an https:// address")),
        }
        if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
            return Err(unusable(variable, "is not the address of a proxy"));
        }
        let proxy =
            reqwest::Proxy::all(url.clone()).map_err(|_| unusable(variable, "is not the address of a proxy"))?;
        Ok(Self { url, proxy })
    }

    /// Returns host and port, for messages.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Returns whether the connection to the proxy itself is encrypted.
    pub(super) fn uses_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(super) fn to_reqwest(&self) -> reqwest::Proxy {
        self.proxy.clone()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// Returns whether the value of `NO_PROXY` lists the host of `url`.
fn is_listed(url: &Url, hosts: &str) -> bool {
    // With any proxy for all hosts, the hosts without a proxy are the listed ones.
    let matcher = Matcher::builder().all("http://proxy.invalid").no(hosts).build();
    url.as_str().parse().is_ok_and(|uri| matcher.intercept(&uri).is_none())
}

fn unusable(variable: &'static str, reason: &str) -> Error {
    let hint = format!(
        "set {variable} to http://host:port or http://user:password@host:port; list hosts to reach without a proxy in \
         NO_PROXY"
    );
    Error::new(ErrorKind::Configuration, format!("the value of {variable} {reason}")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(base_url: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        };
        let proxy = Proxy::from_variables(&Url::parse(base_url).unwrap(), variable);
        proxy.map(|proxy| proxy.map(|proxy| proxy.host())).map_err(|error| error.to_string())
    }

    #[test]
    fn proxy_variable_of_the_scheme_comes_first_and_upper_case_before_lower_case() {
        let https = "https://api.example";
        let table: &[(&str, &[(&str, &str)], Option<&str>)] = &[
            (https, &[], None),
            (https, &[("HTTP_PROXY", "http://a:1")], None),
            (https, &[("HTTPS_PROXY", "http://a:1"), ("ALL_PROXY", "http://b:2")], Some("a:1")),
            (https, &[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:2")], Some("b:2")),
            (https, &[("https_proxy", "a"), ("HTTPS_PROXY", "")], Some("a:80")),
            (https, &[("all_proxy", "https://a")], Some("a:443")),
            ("http://api.example", &[("http_proxy", "http://u:p@a:1")], Some("a:1")),
            ("http://api.example", &[("HTTP_PROXY", "http://a:1"), ("REQUEST_METHOD", "GET")], None),
            ("http://api.example", &[("HTTP_PROXY", "http://a:1"), ("http_proxy", "http://b:2")], Some("a:1")),
            (https, &[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", "other, .example")], None),
            (https, &[("HTTPS_PROXY", "http://a:1"), ("no_proxy", "*")], None),
            (https, &[("HTTPS_PROXY", "http://a:1"), ("no_proxy", "pi.example")], Some("a:1")),
            ("https://10.1.2.3", &[("HTTPS_PROXY", "http://a:1"), ("no_proxy", "10.0.0.0/8")], None),
        ];
        for (base_url, variables, expected) in table {
            let expected = Ok(expected.map(str::to_owned));
            assert_eq!(host(base_url, variables), expected, "{base_url} {variables:?}");
        }
    }

    #[test]
    fn unusable_proxy_address_is_an_error_that_names_the_variable_and_no_credentials() {
        let addresses = [
            "not a url",
            "socks5://u:CANARY@a:1",
            "ftp://u:CANARY@a",
            "http://",
            "http://u:CANARY@a:99999",
            "http://a:0",
        ];
        for address in addresses {
            let error = host("https://api.example", &[("HTTPS_PROXY", address), ("ALL_PROXY", "http://b:2")]);
            let error = error.unwrap_err();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("CANARY"), "{address}: {error}");
        }
        let unused = host("https://api.example", &[("HTTPS_PROXY", "not a url"), ("NO_PROXY", "api.example")]);
        assert_eq!(unused, Ok(None), "a variable that is not used is not read");
    }

    #[test]
    fn proxy_variable_that_is_not_text_is_an_error_that_names_it() {
        let error = |unreadable: &'static str| {
            let variable = |name: &str| match name {
                name if name == unreadable => Err(VarError::NotUnicode("CANARY".into())),
                "HTTPS_PROXY" => Ok("http://a:1".to_owned()),
                _ => Err(VarError::NotPresent),
            };
            let proxy = Proxy::from_variables(&Url::parse("https://api.example").unwrap(), variable);
            proxy.map(|proxy| proxy.map(|proxy| proxy.host())).map_err(|error| error.to_string())
        };
        for name in ["HTTPS_PROXY", "NO_PROXY", "no_proxy"] {
            assert_eq!(error(name), Err(format!("the value of {name} is not UTF-8")));
        }
        assert_eq!(error("ALL_PROXY"), Ok(Some("a:1".to_owned())), "a variable that is not used is not read");
    }

    #[test]
    fn debug_of_a_proxy_shows_its_host_and_no_credentials() {
        let proxy = Proxy::new("HTTPS_PROXY", "https://user:CANARY@a:1").unwrap();
        assert_eq!(format!("{proxy:?}"), r#"Proxy { host: "a:1", .. }"#);
        assert!(proxy.uses_tls() && !Proxy::new("HTTPS_PROXY", "http://a:1").unwrap().uses_tls());
    }
}
