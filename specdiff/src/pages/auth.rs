//! Authentication of requests, as pages and descriptions state it.

use std::collections::BTreeSet;

use bulkrail_codegen::pointer;
use serde_json::Value;

use crate::pages::document::Document;

/// Authentication that one part of a page states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Auth {
    /// Credentials that are sent together, one set for each alternative. Without an alternative, or
    /// with an empty one, a request needs no credential.
    pub(crate) alternatives: Vec<BTreeSet<Credential>>,
    /// Line on the page.
    pub(crate) line: Option<usize>,
    /// Pointer of the requirement; only in a description.
    pub(crate) pointer: String,
}

/// Credential of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Credential {
    pub(crate) kind: CredentialKind,
    /// Name of the scheme, where the page has one.
    name: String,
}

/// Place and form of a credential.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CredentialKind {
    /// Header with this name.
    Header(String),
    /// Query parameter with this name.
    Query(String),
    /// Cookie with this name.
    Cookie(String),
    /// Header `Authorization` with this scheme, in lower case.
    Http(String),
    /// Header `Authorization` with a scheme that the page leaves out.
    Authorization,
    /// OAuth 2.0 in an unspecified flow.
    OAuth2,
    /// OpenID Connect.
    OpenIdConnect,
    /// Client certificate.
    MutualTls,
    /// Scheme of which the page has only the name.
    Named,
    /// Scheme that a description names without defining it.
    Undefined,
}

impl Auth {
    /// Returns the statement that all of `credentials` are sent. Without any, requests are not
    /// authenticated.
    pub(crate) fn new(credentials: impl IntoIterator<Item = Credential>, line: Option<usize>) -> Self {
        let credentials: BTreeSet<_> = credentials.into_iter().collect();
        let alternatives = if credentials.is_empty() { Vec::new() } else { vec![credentials] };
        Self { alternatives, line, pointer: String::new() }
    }

    /// Returns the statement that requests may be sent without the credentials, too.
    pub(crate) fn or_none(mut self) -> Self {
        if !self.alternatives.is_empty() {
            self.alternatives.push(BTreeSet::new());
        }
        self
    }

    /// Reads the requirement of the operation at `operation`, which is that of the document unless
    /// the operation has its own.
    pub(crate) fn from_description(document: &Document, operation: &str) -> Self {
        let own = pointer::join(operation, "security");
        let holder = if document.value.pointer(&own).is_some() { own } else { "/security".to_owned() };
        let list = document.value.pointer(&holder).and_then(Value::as_array);
        let alternatives = list.into_iter().flatten().map(|alternative| {
            let names = alternative.as_object().into_iter().flatten().map(|(name, _)| name);
            names.map(|name| Credential::from_scheme(&document.value, name)).collect()
        });
        let line = document.line(&holder).or_else(|| document.line(operation));
        Self { alternatives: alternatives.collect(), line, pointer: holder }
    }

    /// Returns the alternatives. Requests without authentication have a single empty one.
    fn options(&self) -> Vec<&BTreeSet<Credential>> {
        static NONE: BTreeSet<Credential> = BTreeSet::new();
        if self.alternatives.is_empty() { vec![&NONE] } else { self.alternatives.iter().collect() }
    }

    /// Returns whether `known`, from a spec, has each alternative of this statement. With `all`, the
    /// statement must have each one of `known` as well.
    pub(crate) fn agrees_with(&self, known: &Self, all: bool) -> bool {
        let same = |page: &BTreeSet<Credential>, spec: &BTreeSet<Credential>| {
            page.len() == spec.len() && page.iter().all(|one| spec.iter().any(|other| one.is_same(other)))
        };
        let (page, spec) = (self.options(), known.options());
        page.iter().all(|one| spec.iter().any(|other| same(one, other)))
            && (!all || spec.iter().all(|other| page.iter().any(|one| same(one, other))))
    }

    /// Returns the statement in words: `header X-API-KEY`, or `none`.
    pub(crate) fn text(&self) -> String {
        let options = self.options().into_iter().map(|credentials| {
            let texts: Vec<String> = credentials.iter().map(Credential::text).collect();
            if texts.is_empty() { "none".to_owned() } else { texts.join(" and ") }
        });
        options.collect::<Vec<_>>().join(" or ")
    }
}

impl Credential {
    pub(crate) fn new(kind: CredentialKind) -> Self {
        Self { kind, name: String::new() }
    }

    /// Returns a credential of which the page has only the name of its scheme.
    pub(crate) fn named(name: &str) -> Self {
        Self { kind: CredentialKind::Named, name: name.to_owned() }
    }

    fn from_scheme(document: &Value, name: &str) -> Self {
        let scheme = &document["components"]["securitySchemes"][name];
        let text = |key: &str| scheme[key].as_str().unwrap_or_default().to_owned();
        let kind = match (scheme["type"].as_str(), scheme["in"].as_str()) {
            (Some("apiKey"), Some("query")) => CredentialKind::Query(text("name")),
            (Some("apiKey"), Some("cookie")) => CredentialKind::Cookie(text("name")),
            (Some("apiKey"), Some("header")) => CredentialKind::Header(text("name")),
            (Some("http"), _) => CredentialKind::Http(text("scheme").to_ascii_lowercase()),
            (Some("oauth2"), _) => CredentialKind::OAuth2,
            (Some("openIdConnect"), _) => CredentialKind::OpenIdConnect,
            (Some("mutualTLS"), _) => CredentialKind::MutualTls,
            _ => CredentialKind::Undefined,
        };
        Self { kind, name: name.to_owned() }
    }

    /// Reads a header of a sample call, whose value shows the scheme.
    pub(crate) fn from_sample_header(name: &str, value: &str) -> Option<Self> {
        if !name.eq_ignore_ascii_case("authorization") {
            return is_credential_name(name).then(|| Self::new(CredentialKind::Header(name.to_owned())));
        }
        let mut words = value.split_whitespace();
        Some(Self::new(match (words.next(), words.next()) {
            (Some(scheme), Some(_)) => CredentialKind::Http(scheme.to_ascii_lowercase()),
            _ => CredentialKind::Header(name.to_owned()),
        }))
    }

    /// Reads a parameter of a page, or returns `None` if its name is not that of a credential.
    pub(crate) fn from_parameter(location: &str, name: &str, description: &str) -> Option<Self> {
        let is_credential = is_credential_name(name);
        is_credential.then(|| Self::from_listed(location, name, description))
    }

    /// Reads an entry of a list of credentials, whose description may name the scheme.
    pub(crate) fn from_listed(location: &str, name: &str, description: &str) -> Self {
        let has_word = |wanted: &str| {
            description.split(|char: char| !char.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case(wanted))
        };
        Self::new(match location {
            "query" => CredentialKind::Query(name.to_owned()),
            "cookie" => CredentialKind::Cookie(name.to_owned()),
            _ if name.eq_ignore_ascii_case("authorization") => {
                match ["bearer", "basic", "digest"].into_iter().find(|scheme| has_word(scheme)) {
                    Some(scheme) => CredentialKind::Http(scheme.to_owned()),
                    None => CredentialKind::Authorization,
                }
            }
            _ => CredentialKind::Header(name.to_owned()),
        })
    }

    /// Returns whether this credential of a page is `known` of a spec.
    fn is_same(&self, known: &Self) -> bool {
        use CredentialKind::{Authorization, Cookie, Header, Http, Named, OAuth2, OpenIdConnect, Query};
        match (&self.kind, &known.kind) {
            (Named, _) | (_, Named) => self.name.eq_ignore_ascii_case(&known.name),
            (Header(one), Header(other)) => one.eq_ignore_ascii_case(other),
            (Query(one), Query(other)) | (Cookie(one), Cookie(other)) => one == other,
            (Authorization, Http(_) | OAuth2 | OpenIdConnect) => true,
            // A token of OAuth is sent as a bearer token, which is all that a sample call shows.
            (Http(scheme), OAuth2 | OpenIdConnect) => scheme == "bearer",
            (one, other) => one == other,
        }
    }

    fn text(&self) -> String {
        match &self.kind {
            CredentialKind::Header(name) => format!("header {name}"),
            CredentialKind::Query(name) => format!("query parameter {name}"),
            CredentialKind::Cookie(name) => format!("cookie {name}"),
            CredentialKind::Http(scheme) => format!("{scheme} authorization"),
            CredentialKind::Authorization => "header Authorization".to_owned(),
            CredentialKind::OAuth2 => "OAuth 2.0".to_owned(),
            CredentialKind::OpenIdConnect => "OpenID Connect".to_owned(),
            CredentialKind::MutualTls => "client certificate".to_owned(),
            CredentialKind::Named => format!("scheme {}", self.name),
            CredentialKind::Undefined => format!("undefined scheme {}", self.name),
        }
    }
}

/// Returns whether a header or parameter with this name carries a credential.
pub(crate) fn is_credential_name(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ["authorization", "apikey", "accesskey", "accesstoken", "authtoken", "clientsecret"]
        .iter()
        .any(|part| name.contains(part))
        || name == "token"
        || name == "xtoken"
        || name == "xauth"
}
