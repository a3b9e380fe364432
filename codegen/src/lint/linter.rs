//! Collects the errors of all rules.

use crate::error::Error;
use crate::lint::{
    bodies, constraints, conventions, evidence, form, keywords, names, parameters, references, security, servers,
    structure, union_order, unions,
};
use crate::load::Spec;
use crate::rules::Rules;

/// Checks `spec` against the rules of `specs/README.md` and returns the errors in the order of the
/// lines.
///
/// ```
/// use bulkrail_codegen::{Spec, lint};
///
/// let spec = Spec::parse("specs/tiny.yaml", "openapi: 3.0.2\ninfo: {title: t, version: '1'}\npaths: {}\n")?;
/// let errors: Vec<String> = lint(&spec).iter().map(ToString::to_string).collect();
/// assert_eq!(errors, ["specs/tiny.yaml:1: /openapi: must be 3.0.3"]);
/// # Ok::<(), bulkrail_codegen::Error>(())
/// ```
#[must_use]
pub fn lint(spec: &Spec) -> Vec<Error> {
    lint_with(spec, Rules::Bulkrail)
}

/// Checks `spec` against `rules` and returns the errors in the order of the lines.
///
/// ```
/// use bulkrail_codegen::{Rules, Spec, lint_with};
///
/// let spec = Spec::parse("acme.yaml", "openapi: 3.0.2\ninfo: {title: t, version: '1'}\npaths: {}\n")?;
/// assert_eq!(lint_with(&spec, Rules::OpenApi), []);
/// # Ok::<(), bulkrail_codegen::Error>(())
/// ```
#[must_use]
pub fn lint_with(spec: &Spec, rules: Rules) -> Vec<Error> {
    let mut errors = Vec::new();
    form::check(spec, &mut errors);
    structure::check(spec, rules, &mut errors);
    servers::check(spec, rules, &mut errors);
    if rules == Rules::Bulkrail {
        evidence::check(spec, &mut errors);
        constraints::check(spec, &mut errors);
    }
    conventions::check(spec, rules, &mut errors);
    references::check(spec, &mut errors);
    keywords::check(spec, &mut errors);
    unions::check(spec, &mut errors);
    union_order::check(spec, &mut errors);
    parameters::check(spec, &mut errors);
    bodies::check(spec, &mut errors);
    security::check(spec, &mut errors);
    names::check(spec, rules, &mut errors);
    errors.sort_by_key(|error| error.line);
    errors
}
