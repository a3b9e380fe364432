//! Reads and applies `accepted-differences.yaml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulkrail_codegen::{Error, Spec};
use serde_json::Value;

use crate::diff::difference::{Change, Difference};
use crate::diff::pairing::Pair;
use crate::pages::call::Call;
use crate::pages::model::{Operation, PageFormat, SchemaType};
use crate::pages::paths::{self, CallPath};

const KEYS: [&str; 8] = ["provider", "format", "operation", "pointer", "change", "to", "reason", "because"];

/// Differences between pages and specs that are meant to stay, each with a reason.
///
/// An entry accepts one difference on pages of one format, and only while the page says exactly
/// `to`. When the page changes, the difference is reported again and the entry as stale
/// ([`Change::StaleAcceptance`]).
///
/// A reason may rest on another part of the page. `because` names it, and when it is gone the
/// difference is reported again, with [`Change::ReasonGone`]:
///
/// | Key | The page has |
/// |---|---|
/// | `example` | an example of the field with this JSON type |
/// | `call` | a sample call with this path, a template |
/// | `parameter` | this parameter, such as `/path/id` |
///
/// ```
/// use bulkrail_specdiff::AcceptedDifferences;
///
/// let text = "
/// - provider: cdq
///   format: redocly
///   operation: get_job
///   pointer: /components/schemas/JobProgress
///   change: type
///   to: integer
///   reason: Declared as an integer, but the page's own example is a string. Both are accepted.
///   because: {example: string}
/// ";
/// assert_eq!(AcceptedDifferences::parse("accepted-differences.yaml", text)?.len(), 1);
/// # Ok::<(), bulkrail_codegen::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct AcceptedDifferences {
    file: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    line: Option<usize>,
    provider: String,
    format: PageFormat,
    operation: String,
    pointer: String,
    change: Change,
    to: String,
    reason: String,
    evidence: Option<Evidence>,
}

/// Part of a page on which the reason of an entry rests.
#[derive(Debug, Clone)]
enum Evidence {
    Example(SchemaType),
    Call(String),
    Parameter(String),
}

impl AcceptedDifferences {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read. Returns an error for every text that
    /// [`AcceptedDifferences::parse`] refuses.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_yaml(&Spec::load(file)?)
    }

    /// Parses a YAML list of entries with the keys `provider`, `format`, `operation`, `pointer`,
    /// `change`, `to` and `reason`, and optionally `because`. `file` is the name used in errors.
    ///
    /// # Errors
    ///
    /// Returns an error with the line if the text is not YAML, if a key is missing or unknown, or
    /// if `format` or `change` is not one of the known names.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, Error> {
        Self::from_yaml(&Spec::parse(file, text)?)
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn from_yaml(list: &Spec) -> Result<Self, Error> {
        let entries = match &list.document {
            Value::Array(entries) => entries.iter().enumerate(),
            _ => return Err(list.error("", "must be a list of accepted differences")),
        };
        let entries = entries.map(|(index, entry)| Entry::from_yaml(list, &format!("/{index}"), entry));
        Ok(Self { file: list.file.clone(), entries: entries.collect::<Result<_, _>>()? })
    }

    /// Writes the reasons into the accepted differences.
    ///
    /// Returns the indexes of the entries that matched a difference, and a difference for each
    /// entry that did not or whose reason is gone.
    pub(crate) fn apply(
        &self,
        provider: &str,
        format: PageFormat,
        pairs: &[Pair<'_>],
        differences: &mut [Difference],
    ) -> (BTreeSet<usize>, Vec<Difference>) {
        let (mut used, mut stale) = (BTreeSet::new(), Vec::new());
        for (index, entry) in self.entries.iter().enumerate() {
            let is_for_page = entry.provider == provider && entry.format == format;
            let own = || pairs.iter().filter(|pair| pair.known.name() == entry.operation);
            let pages: Vec<&Operation> = own().map(|pair| pair.page).collect();
            // The notation of a path that changed altogether is not compared.
            let is_compared = entry.change != Change::Path || own().any(|pair| pair.relation.is_same());
            if !is_for_page || pages.is_empty() || !is_compared {
                continue;
            }
            let (mut matched, mut is_reason_gone) = (0, false);
            for difference in differences.iter_mut().filter(|difference| entry.matches(difference)) {
                matched += 1;
                match entry.is_supported(difference, &pages) {
                    true => difference.accepted = Some(entry.reason.clone()),
                    false => is_reason_gone = true,
                }
            }
            if is_reason_gone {
                stale.push(entry.without_reason(&self.file));
            }
            match matched {
                0 => stale.push(entry.stale(&self.file)),
                _ => _ = used.insert(index),
            }
        }
        (used, stale)
    }

    /// Returns an error for each entry of `provider` that is not among the `used` ones.
    pub(crate) fn unused(&self, provider: &str, used: &BTreeSet<usize>) -> Vec<Error> {
        let reason = "no page in the archive has this difference; remove the entry, or save the page that it is about";
        self.errors(|index, entry| entry.provider == provider && !used.contains(&index), reason)
    }

    /// Returns an error for each entry of a provider without a spec.
    pub(crate) fn without_spec(&self, has_spec: impl Fn(&str) -> bool) -> Vec<Error> {
        self.errors(|_, entry| !has_spec(&entry.provider), "this provider does not have a spec; correct its name")
    }

    fn errors(&self, is_wrong: impl Fn(usize, &Entry) -> bool, reason: &str) -> Vec<Error> {
        let wrong = self.entries.iter().enumerate().filter(|(index, entry)| is_wrong(*index, entry));
        wrong.map(|(index, entry)| Error::new(&self.file, entry.line, &format!("/{index}"), reason)).collect()
    }
}

impl Entry {
    fn stale(&self, file: &Path) -> Difference {
        let message = format!(
            "stale entry: {} accepts a difference ({}) that this page does not have",
            self.place(file),
            self.change
        );
        self.difference(Change::StaleAcceptance, message)
    }

    fn without_reason(&self, file: &Path) -> Difference {
        let evidence = match &self.evidence {
            Some(Evidence::Example(kind)) => format!("an example of the type {kind}"),
            Some(Evidence::Call(path)) => format!("a sample call of {path}"),
            Some(Evidence::Parameter(name)) => format!("the parameter {name}"),
            None => String::new(),
        };
        let message = format!(
            "{} accepts a difference ({}) for a reason that is gone: the page no longer has {evidence}",
            self.place(file),
            self.change
        );
        self.difference(Change::ReasonGone, message)
    }

    fn place(&self, file: &Path) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}", file.display())
    }

    fn difference(&self, change: Change, message: String) -> Difference {
        let difference = Difference::unknown(self.pointer.clone(), &self.operation, change, message);
        Difference { to: Some(self.to.clone()), ..difference }
    }

    /// Returns whether the page has what the reason rests on.
    fn is_supported(&self, difference: &Difference, pages: &[&Operation]) -> bool {
        match &self.evidence {
            None => true,
            Some(Evidence::Example(kind)) => {
                !difference.example_types.is_empty() && difference.example_types.iter().all(|one| one == kind)
            }
            Some(Evidence::Call(path)) => pages.iter().all(|page| {
                let is_call = |call: &Call| paths::compare_call(&call.address, &[], path) == CallPath::Same;
                page.call.as_ref().is_some_and(is_call)
            }),
            Some(Evidence::Parameter(name)) => {
                pages.iter().all(|page| page.parameters.iter().any(|field| field.pointer == *name))
            }
        }
    }

    fn from_yaml(list: &Spec, pointer: &str, entry: &Value) -> Result<Self, Error> {
        let keys = entry.as_object().into_iter().flatten().map(|(key, _)| key);
        if let Some(key) = keys.into_iter().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(list.error(pointer, format!("has the unknown key `{key}`; keys are {}", KEYS.join(", "))));
        }
        let text = |key: &str| match entry.get(key).and_then(Value::as_str) {
            Some(text) if !text.trim().is_empty() => Ok(text.trim_end().to_owned()),
            _ => Err(list.error(pointer, format!("needs `{key}`, a string"))),
        };
        let format = text("format")?;
        let change = text("change")?;
        Ok(Self {
            line: list.line(pointer),
            provider: text("provider")?,
            format: PageFormat::ALL
                .into_iter()
                .find(|known| known.name() == format)
                .ok_or_else(|| list.error(pointer, format!("`{format}` is not a page format")))?,
            operation: text("operation")?,
            pointer: text("pointer")?,
            change: Change::from_name(&change)
                .ok_or_else(|| list.error(pointer, format!("`{change}` is not a kind of change")))?,
            to: text("to")?,
            reason: text("reason")?,
            evidence: entry.get("because").map(|because| Evidence::from_yaml(list, pointer, because)).transpose()?,
        })
    }

    fn matches(&self, difference: &Difference) -> bool {
        self.operation == difference.operation
            && self.pointer == difference.pointer
            && self.change == difference.change
            && difference.to.as_deref() == Some(self.to.as_str())
    }
}

impl Evidence {
    fn from_yaml(list: &Spec, pointer: &str, because: &Value) -> Result<Self, Error> {
        let refuse = || list.error(pointer, "`because` needs one of `example`, `call`, `parameter`, a string");
        let map = because.as_object().filter(|map| map.len() == 1).ok_or_else(refuse)?;
        let (key, value) = map.iter().next().ok_or_else(refuse)?;
        let value = value.as_str().ok_or_else(refuse)?;
        match key.as_str() {
            "example" => Ok(Self::Example(SchemaType::from_name(value))),
            "call" => Ok(Self::Call(value.to_owned())),
            "parameter" => Ok(Self::Parameter(value.to_owned())),
            _ => Err(refuse()),
        }
    }
}
