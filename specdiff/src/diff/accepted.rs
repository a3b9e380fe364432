//! Contradictions that are known: `specs/accepted-differences.yaml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diff::difference::{Change, Class, Difference};
use crate::pages::model::Form;
use bulkrail_codegen::{Error, Spec};

const KEYS: [&str; 7] = ["provider", "form", "operation", "pointer", "change", "to", "reason"];

/// The differences between pages and specs that are settled, each with its reason.
///
/// An entry explains one difference on pages of one form, and only as long as the page says exactly what it said: when the provider
/// changes its mind, the difference is unexplained again and the entry is reported as stale.
#[derive(Debug, Clone, Default)]
pub struct Explained {
    file: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    line: Option<usize>,
    provider: String,
    form: Form,
    operation: String,
    pointer: String,
    change: Change,
    to: String,
    reason: String,
}

impl Explained {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or [`Explained::parse`] refuses its text.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read(&Spec::load(file)?)
    }

    /// Reads the text: a list of entries, each with all of the keys `provider`, `form`, `operation`, `pointer`, `change`, `to` and
    /// `reason`, and no other.
    ///
    /// # Errors
    ///
    /// When the text is not YAML, or an entry is incomplete or misspelt; the error names the line.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, Error> {
        Self::read(&Spec::parse(file, text)?)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is explained.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn read(list: &Spec) -> Result<Self, Error> {
        let entries = match &list.document {
            Value::Array(entries) => entries.iter().enumerate(),
            _ => return Err(list.error("", "must be a list of explanations")),
        };
        let entries = entries.map(|(index, entry)| Entry::read(list, &format!("/{index}"), entry));
        Ok(Self { file: list.file.clone(), entries: entries.collect::<Result<_, _>>()? })
    }

    /// Writes the reasons into the differences that are explained; returns which entries explained one, and a difference for each
    /// that should have and did not.
    pub(crate) fn apply(
        &self,
        provider: &str,
        form: Form,
        compared: &[String],
        found: &mut [Difference],
    ) -> (BTreeSet<usize>, Vec<Difference>) {
        let mine = self.entries.iter().enumerate().filter(|(_, entry)| {
            entry.provider == provider && entry.form == form && compared.contains(&entry.operation)
        });
        let (mut used, mut stale) = (BTreeSet::new(), Vec::new());
        for (index, entry) in mine {
            let explained = found.iter_mut().filter(|difference| entry.fits(difference));
            match explained.map(|difference| difference.explained = Some(entry.reason.clone())).count() {
                0 => stale.push(entry.stale(&self.file)),
                _ => _ = used.insert(index),
            }
        }
        (used, stale)
    }

    /// A finding for each entry about `provider` that is not among the `used` ones.
    pub(crate) fn stale(&self, provider: &str, used: &BTreeSet<usize>) -> Vec<Error> {
        let reason = "no saved page has this difference; take the entry out, or save the page that it is about";
        self.findings(|index, entry| entry.provider == provider && !used.contains(&index), reason)
    }

    /// A finding for each entry about a provider without a spec.
    pub(crate) fn without(&self, has_spec: impl Fn(&str) -> bool) -> Vec<Error> {
        self.findings(|_, entry| !has_spec(&entry.provider), "there is no spec of this provider; correct its name")
    }

    fn findings(&self, is_wrong: impl Fn(usize, &Entry) -> bool, reason: &str) -> Vec<Error> {
        let wrong = self.entries.iter().enumerate().filter(|(index, entry)| is_wrong(*index, entry));
        wrong.map(|(index, entry)| Error::new(&self.file, entry.line, &format!("/{index}"), reason)).collect()
    }
}

impl Entry {
    fn stale(&self, file: &Path) -> Difference {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        Difference {
            pointer: self.pointer.clone(),
            line: None,
            page_line: None,
            operation: self.operation.clone(),
            class: Class::Unknown,
            change: Change::StaleExplanation,
            what: format!(
                "stale explanation: {}{line} explains a difference ({}) that this page does not have",
                file.display(),
                self.change
            ),
            from: None,
            to: Some(self.to.clone()),
            explained: None,
        }
    }

    fn read(list: &Spec, at: &str, entry: &Value) -> Result<Self, Error> {
        let keys = entry.as_object().into_iter().flatten().map(|(key, _)| key);
        if let Some(key) = keys.into_iter().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(list.error(at, format!("`{key}` is no key of an explanation; there are {}", KEYS.join(", "))));
        }
        let text = |key: &str| match entry.get(key).and_then(Value::as_str) {
            Some(text) if !text.trim().is_empty() => Ok(text.trim_end().to_owned()),
            _ => Err(list.error(at, format!("needs `{key}`, a text"))),
        };
        let form = text("form")?;
        let change = text("change")?;
        Ok(Self {
            line: list.line(at),
            provider: text("provider")?,
            form: Form::ALL
                .into_iter()
                .find(|known| known.name() == form)
                .ok_or_else(|| list.error(at, format!("`{form}` is no form of a page")))?,
            operation: text("operation")?,
            pointer: text("pointer")?,
            change: Change::named(&change).ok_or_else(|| list.error(at, format!("`{change}` is no kind of change")))?,
            to: text("to")?,
            reason: text("reason")?,
        })
    }

    fn fits(&self, difference: &Difference) -> bool {
        self.operation == difference.operation
            && self.pointer == difference.pointer
            && self.change == difference.change
            && difference.to.as_deref() == Some(self.to.as_str())
    }
}
