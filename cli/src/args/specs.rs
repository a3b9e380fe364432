//! The command lines about specs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ProviderName;

const PATH: &str = "\
From a changed page to changed types:
  1. Save the provider's page: an OpenAPI file (JSON or YAML), its Markdown twin, or the text of the
     page as a browser shows it.
  2. bulkrail specs diff PROVIDER PAGE
     It tells what differs, by its meaning for Rust code that uses the client: breaking, additive,
     editorial, unknown.
  3. Edit specs/PROVIDER.yaml until nothing is left. What is meant to differ goes with its reason
     into specs/accepted-differences.yaml. With the edited files: specs diff --spec FILE --explained FILE
     Put the page in the place of the one in specs/pages/PROVIDER, if it is kept. Then:
     bulkrail specs lint
  4. cargo build
     It makes the types anew.
  5. BULKRAIL_BLESS=1 cargo test -p bulkrail-codegen --features generate --test surface
     git diff specs/surface
     The public surface before and after, to be reviewed.
  6. Write what users notice into CHANGELOG.md; a breaking change needs a breaking version.

What providers do without saying so shows in live answers: give wait and run --drift-report FILE,
and later: bulkrail specs suggest FILE";

const EXAMPLES: &str = "\
Examples:
  bulkrail specs lint
  bulkrail specs diff killb saved-page.md
  bulkrail specs suggest drift.jsonl";

/// Check specs, and compare them with pages and with live answers
#[derive(Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{PATH}"))]
pub(crate) struct SpecsArgs {
    #[command(subcommand)]
    pub(crate) command: SpecsCommand,
}

#[derive(Subcommand)]
pub(crate) enum SpecsCommand {
    Lint(LintArgs),
    Diff(DiffArgs),
    Suggest(SuggestArgs),
}

const LINT_EXAMPLES: &str = "\
Examples:
  bulkrail specs lint
  bulkrail specs lint specs/reap.yaml

Beside the rules of one file, every example is held against its schema, and every page that is kept
in pages/NAME beside NAME.yaml against the spec: what differs is changed in the spec, or explained
in accepted-differences.yaml. Where no pages are kept, that is left out.";

/// Check specs against the project's rules (specs/README.md)
///
/// Prints each finding with its file, line and JSON pointer. Exits 0 when there is none, 3 when there is one, 2 when a file is not
/// there.
#[derive(Args)]
#[command(after_long_help = LINT_EXAMPLES)]
pub(crate) struct LintArgs {
    /// Specs to check [default: specs/*.yaml below the current directory]
    pub(crate) files: Vec<PathBuf>,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  bulkrail specs diff killb saved-page.md
  bulkrail specs diff cdq openapi.json --json | jq '.differences[].pointer'
  bulkrail specs diff reap page.txt --spec specs/reap.yaml --explained specs/accepted-differences.yaml

The specs and the explanations that this command was built with are in it; --spec and --explained
put others in their place. Compared are the operations that the page describes, in the points that
its form can express.";

/// Compare a saved documentation page with the spec that is maintained from it
///
/// Prints each difference with its JSON pointer in the spec. Exits 0 when none is left unexplained, 3 when one is,
/// 2 when the page or the spec cannot be read.
#[derive(Args)]
#[command(after_long_help = DIFF_EXAMPLES)]
pub(crate) struct DiffArgs {
    /// Provider whose page it is
    #[arg(value_enum)]
    pub(crate) provider: ProviderName,
    /// The page: an OpenAPI file, a Markdown page, or the text of a rendered page
    pub(crate) doc: PathBuf,
    /// Spec to compare with [default: the one built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: Option<PathBuf>,
    /// Known differences and why they stay [default: the file built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) explained: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

const SUGGEST_EXAMPLES: &str = "\
Examples:
  bulkrail specs suggest drift.jsonl > patch.yaml
  bulkrail wait --batch batches.jsonl --drift-report drift.jsonl     where the reports come from

Every entry names a schema of specs/PROVIDER.yaml by its pointer and says what to add, replace or
remove there. Nothing is changed: a person reads the provider's page again and decides.";

/// Propose changes to specs from the drift reports of many runs
///
/// Reads what `--drift-report` of `wait` and `run` wrote and prints a YAML patch to be reviewed.
#[derive(Args)]
#[command(after_long_help = SUGGEST_EXAMPLES)]
pub(crate) struct SuggestArgs {
    /// Drift reports
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}
