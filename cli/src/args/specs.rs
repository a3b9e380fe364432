//! The command lines about specs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ProviderName;

const WORKFLOW: &str = "\
From a changed page to changed types:
  1. Save the provider's page: an OpenAPI file (JSON or YAML), its Markdown version, or the text of
     the page as a browser shows it.
  2. bulkrail specs diff PROVIDER PAGE
     It prints the differences by their effect on Rust code that uses the client: breaking, additive,
     editorial, unknown.
  3. Edit specs/PROVIDER.yaml until no difference is left. A difference that is meant to stay goes
     into specs/accepted-differences.yaml with its reason. To compare with the edited files:
     bulkrail specs diff PROVIDER PAGE --spec FILE --accepted FILE
     If specs/pages/PROVIDER has the page, replace it there. Then:
     bulkrail specs lint
  4. cargo build
     It generates the types.
  5. BULKRAIL_BLESS=1 cargo test -p bulkrail-codegen --features generate --test surface
     git diff specs/surface
     It shows how the public types change.
  6. Write what users notice into CHANGELOG.md; a breaking change needs a breaking version.

Undocumented changes show in live responses: pass --drift-report FILE to wait and run, and later run
bulkrail specs suggest FILE";

const EXAMPLES: &str = "\
Examples:
  bulkrail specs lint
  bulkrail specs diff killb saved-page.md
  bulkrail specs suggest drift.jsonl";

/// Check specs, and compare them with pages and live responses
#[derive(Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{WORKFLOW}"))]
pub(crate) struct SpecsArgs {
    #[command(subcommand)]
    pub(crate) command: SpecsCommand,
}

#[derive(Subcommand)]
pub(crate) enum SpecsCommand {
    Lint(LintArgs),
    Show(ShowArgs),
    Diff(DiffArgs),
    Suggest(SuggestArgs),
}

const LINT_EXAMPLES: &str = "\
Examples:
  bulkrail specs lint
  bulkrail specs lint specs/reap.yaml

Besides the rules of specs/README.md, lint validates every example against its schema, and compares
the pages in pages/NAME beside NAME.yaml with the spec. For a difference, change the spec or accept
the difference in accepted-differences.yaml. Without a directory of pages, that part is skipped.";

/// Check specs against the project's rules (specs/README.md)
///
/// Prints each error with its file, line and JSON pointer. Exits with 0 without errors, 3 with errors, and 2 when a
/// file cannot be read.
#[derive(Args)]
#[command(after_long_help = LINT_EXAMPLES)]
pub(crate) struct LintArgs {
    /// Specs to check [default: specs/*.yaml below the current directory]
    pub(crate) files: Vec<PathBuf>,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  bulkrail specs show killb > specs/killb.yaml

To build with an edited copy, set BULKRAIL_SPECS_DIR to its directory: docs/regenerate.md";

/// Print the built-in spec of a provider
#[derive(Args)]
#[command(after_long_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Provider of the spec
    #[arg(value_enum)]
    pub(crate) provider: ProviderName,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  bulkrail specs diff killb saved-page.md
  bulkrail specs diff cdq openapi.json --json | jq '.differences[].pointer'
  bulkrail specs diff reap page.txt --spec reap.yaml --accepted accepted-differences.yaml

The command contains the specs and accepted differences it was built with; --spec and --accepted
replace them. It compares the operations that the page describes, and the facts that the format of
the page can express. An OpenAPI document of several operations describes the whole API, so what it
leaves out is removed. Descriptions and summaries are not compared.

Classes:
  breaking   operation moved or removed; other method, authentication or server; media type removed;
             other type; field, value or parameter removed or moved; limit of a request tightened
  unknown    a person must decide: other notation of a path, unknown operation, unreadable part,
             accepted difference that is gone or whose reason is gone
  notice     deprecation, polling recommendations
  additive   field, value, error status, media type or server added; limit loosened
  editorial  examples, order of values, missing error status; limit of a response tightened

The table in specs/README.md has every kind of difference.";

/// Compare a saved documentation page with the spec
///
/// Prints each difference with its JSON pointer in the spec. Exits with 0 when every difference is accepted, 3 when one
/// is not, and 2 when the page or the spec cannot be read.
#[derive(Args)]
#[command(after_long_help = DIFF_EXAMPLES)]
pub(crate) struct DiffArgs {
    /// Provider of the page
    #[arg(value_enum)]
    pub(crate) provider: ProviderName,
    /// Page: an OpenAPI file, a Markdown page, or the text of a rendered page
    pub(crate) doc: PathBuf,
    /// Spec to compare with [default: the built-in spec]
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: Option<PathBuf>,
    /// Accepted differences with their reasons [default: the built-in file]
    #[arg(long, alias = "explained", value_name = "FILE")]
    pub(crate) accepted: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const SUGGEST_EXAMPLES: &str = "\
Examples:
  bulkrail specs suggest drift.jsonl > patch.yaml
  bulkrail wait --batch batches.jsonl --drift-report drift.jsonl     # writes such a report

Each entry names a schema of specs/PROVIDER.yaml by its pointer and says what to add, replace or
remove there. The specs are not changed: read the provider's page again and decide.";

/// Propose changes to specs from the drift reports of many runs
///
/// Reads the files that `--drift-report` of `wait` and `run` wrote, and prints a YAML patch for review.
#[derive(Args)]
#[command(after_long_help = SUGGEST_EXAMPLES)]
pub(crate) struct SuggestArgs {
    /// Drift reports to read
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}
