//! Where a batch is and the file that it was made of, for command lines that are proposed about it.

use std::path::{self, Path, PathBuf};

use bulkrail::http::Environment;
use bulkrail::{AnyClient, Provider, ProviderId, killb, localpayment};

use crate::args::Connection;
use crate::submissions::{Entry, FileNote, digest};
use crate::values::quoted;

/// Where batches are: those of one place are waited for by one client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) provider: ProviderId,
    /// `production`, `sandbox`, or the origin of a custom base URL.
    pub(crate) environment: Option<String>,
    /// Base URL as it was given, where the environment does not say it all.
    pub(crate) base_url: Option<String>,
    pub(crate) insecure_http: bool,
    pub(crate) profile: Option<String>,
    pub(crate) any_environment: bool,
}

impl Place {
    /// Returns the place that `client` asks, which was made with `connection`.
    pub(crate) fn new(client: &AnyClient, connection: &Connection) -> Self {
        let environment = match &connection.profile {
            Some(profile) => Some(profile.environment.clone()),
            None => AnyClient::environment_from_env(&client.id()),
        };
        let configured = match environment {
            Some(Environment::Custom(url)) if !connection.production => Some(url),
            _ => None,
        };
        Self {
            provider: client.id(),
            environment: Some(client.environment().to_owned()),
            base_url: connection.base_url.clone().or(configured),
            insecure_http: connection.insecure_http,
            profile: connection.profile.as_ref().map(|profile| profile.name.clone()),
            any_environment: connection.any_environment,
        }
    }

    /// Returns the place that a batch was submitted to.
    pub(crate) fn of(entry: &Entry) -> Self {
        let note = entry.note();
        Self {
            provider: entry.provider.clone(),
            environment: entry.environment.clone(),
            base_url: note.base_url.clone(),
            insecure_http: note.insecure_http,
            profile: note.profile.clone(),
            any_environment: false,
        }
    }

    /// Returns a command line that asks this place, whatever the variables of the shell say.
    pub(crate) fn command(&self, arguments: &str) -> String {
        let mut command = format!("bulkrail {arguments}");
        match self.environment.as_deref() {
            Some("production") => command.push_str(" --production"),
            Some("sandbox") if self.profile.is_none() && AnyClient::environment_from_env(&self.provider).is_some() => {
                command = format!("env -u {} {command}", AnyClient::base_url_variable(&self.provider));
            }
            Some("sandbox") | None => {}
            Some(origin) => {
                command.push_str(&format!(" --base-url {}", quoted(self.base_url.as_deref().unwrap_or(origin))));
            }
        }
        if let Some(profile) = &self.profile {
            command.push_str(&format!(" --profile {}", quoted(profile)));
        }
        for (is_given, flag) in [(self.insecure_http, " --insecure-http"), (self.any_environment, " --any-environment")]
        {
            command.push_str(if is_given { flag } else { "" });
        }
        command
    }

    /// Returns the command that waits for the batch `id`.
    pub(crate) fn wait(&self, id: &str) -> String {
        self.command(&format!("wait {} {}", self.provider, quoted(id)))
    }

    /// Returns the command that lists the rows of the batch `id`, which was made of `file`.
    ///
    /// `None` where rows are read with a file that is not known.
    pub(crate) fn rows(&self, id: &str, file: Option<&str>, failed_only: bool) -> Option<String> {
        let rows = format!("rows {} {}", self.provider, quoted(id));
        let rows = match file {
            _ if self.provider == killb::PROVIDER && failed_only => format!("{rows} --failed"),
            Some(file) => format!("{rows} --submitted {}", quoted(file)),
            None if self.provider == localpayment::PROVIDER || self.provider == killb::PROVIDER => rows,
            None => return None,
        };
        Some(self.command(&rows))
    }

    /// Returns the command that writes the rows of `file` that did not succeed to `next`.
    fn retry(&self, id: &str, file: &str, next: &str, has_unaccounted: bool) -> String {
        let unaccounted = if has_unaccounted { " --unaccounted" } else { "" };
        let (provider, id, file, next) = (&self.provider, quoted(id), quoted(file), quoted(next));
        self.command(&format!("retry {provider} {id} --submitted {file} --out {next}{unaccounted}"))
    }
}

/// File that a batch was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum SubmittedFile {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// It is named in the command.
    Named(String),
    /// It was noted when it was submitted.
    Noted(FileNote),
    /// It made several batches: the rows of one cannot be distinguished from those of the others.
    Divided(String),
}

impl SubmittedFile {
    /// Returns the file that is named in the command: an absolute path, if it can be read again.
    pub(crate) fn named(file: &Path) -> Self {
        match std::fs::metadata(file) {
            Ok(found) if found.is_file() => {
                let absolute = path::absolute(file).unwrap_or_else(|_| file.to_owned());
                Self::Named(absolute.to_string_lossy().into_owned())
            }
            _ => Self::Unknown,
        }
    }

    /// Returns the file of a batch that was submitted from here.
    pub(crate) fn of(entry: &Entry) -> Self {
        let note = entry.note();
        match (note.file.clone(), note.part) {
            (Some(file), None) => Self::Noted(file),
            (Some(file), Some(_)) => Self::Divided(file.file),
            (None, _) => Self::Unknown,
        }
    }

    /// Returns its path, where it has the rows of the batch and of no other, and can be read again.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Named(file) => Some(file),
            // A pipe cannot be read again.
            Self::Noted(note) if note.sha256.is_some() => Some(&note.file),
            Self::Noted(_) | Self::Unknown | Self::Divided(_) => None,
        }
    }

    /// Returns the command that writes the rows of the batch `id` which did not succeed to a new file. FILE and NEXT
    /// are in place of files that are not known.
    ///
    /// `None` where the rows of the batch cannot be distinguished from those of other batches.
    pub(crate) fn retry(&self, place: &Place, id: &str, has_unaccounted: bool) -> Option<String> {
        match (self, self.path()) {
            (Self::Divided(_), _) => None,
            (_, Some(file)) => Some(place.retry(id, file, &next_file(file), has_unaccounted)),
            (_, None) => Some(place.retry(id, "FILE", "NEXT", has_unaccounted)),
        }
    }

    /// Returns the file, if it is as it was submitted; else a sentence that says why not.
    pub(crate) async fn unchanged(&self) -> Result<PathBuf, String> {
        let note = match self {
            Self::Named(file) => return Ok(PathBuf::from(file)),
            Self::Unknown => return Err("The file that was submitted is not known here.".to_owned()),
            Self::Divided(file) => {
                return Err(format!("{file} made several batches, and does not tell whose row is whose."));
            }
            Self::Noted(note) => note,
        };
        let file = &note.file;
        let Some(submitted) = note.sha256.clone() else {
            return Err(format!("{file} was submitted, which can be read only once."));
        };
        let path = PathBuf::from(file);
        let read = path.clone();
        match tokio::task::spawn_blocking(move || digest(&read)).await {
            Ok(Ok(Some((_, found)))) if found == submitted => Ok(path),
            Ok(Ok(_)) => Err(format!("{file} is not as it was submitted.")),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(format!("{file}, the file that was submitted, is not there any more."))
            }
            Ok(Err(error)) => Err(format!("{file}, the file that was submitted, cannot be read: {error}.")),
            Err(_) => Err(format!("{file}, the file that was submitted, was not read.")),
        }
    }
}

/// Returns the name of the file that the rows of `file` which did not succeed go to: beside it, with
/// `-retry` added, then `-retry2` and so on, as a key of Localpayment.
fn next_file(file: &str) -> String {
    let path = Path::new(file);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let stem = match stem.rsplit_once("-retry") {
        Some((before, "")) => format!("{before}-retry2"),
        Some((before, number)) => match number.parse::<u32>().ok().and_then(|number| number.checked_add(1)) {
            Some(next) => format!("{before}-retry{next}"),
            None => format!("{stem}-retry"),
        },
        None => format!("{stem}-retry"),
    };
    let name = match path.extension() {
        Some(extension) => format!("{stem}.{}", extension.to_string_lossy()),
        None => stem,
    };
    path.with_file_name(name).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use bulkrail::{cdq, reap};

    use super::*;

    fn place(provider: ProviderId) -> Place {
        let (environment, profile) = (Some("production".to_owned()), Some("my ops".to_owned()));
        Place { provider, environment, base_url: None, insecure_http: false, profile, any_environment: false }
    }

    #[test]
    fn command_names_environment_and_profile_as_words_of_a_shell() {
        let mut place = place(killb::PROVIDER);
        assert_eq!(place.wait("b-1"), "bulkrail wait killb b-1 --production --profile 'my ops'");
        place.environment = Some("http://127.0.0.1:1".to_owned());
        place.profile = None;
        assert_eq!(place.wait("it's"), r"bulkrail wait killb 'it'\''s' --base-url http://127.0.0.1:1");
        place.base_url = Some("http://127.0.0.1:1/a b".to_owned());
        (place.insecure_http, place.any_environment) = (true, true);
        let flags = " --base-url 'http://127.0.0.1:1/a b' --insecure-http --any-environment";
        assert_eq!(place.wait("b"), format!("bulkrail wait killb b{flags}"));
        let retry = place.retry("b", "my people.csv", "my people-retry.csv", true);
        let files = "--submitted 'my people.csv' --out 'my people-retry.csv' --unaccounted";
        assert_eq!(retry, format!("bulkrail retry killb b {files}{flags}"));
    }

    #[test]
    fn rows_are_read_with_the_file_where_the_provider_does_not_list_them() {
        let rows = |provider, file, failed_only| {
            let command = Place { profile: None, ..place(provider) }.rows("b", file, failed_only);
            command.map(|command| command.replace("bulkrail rows ", "").replace(" --production", ""))
        };
        assert_eq!(rows(killb::PROVIDER, Some("f"), true).as_deref(), Some("killb b --failed"));
        assert_eq!(rows(killb::PROVIDER, Some("f"), false).as_deref(), Some("killb b --submitted f"));
        assert_eq!(rows(killb::PROVIDER, None, false).as_deref(), Some("killb b"));
        assert_eq!(rows(reap::PROVIDER, Some("f"), true).as_deref(), Some("reap b --submitted f"));
        assert_eq!(rows(localpayment::PROVIDER, None, true).as_deref(), Some("localpayment b"));
        assert_eq!((rows(reap::PROVIDER, None, true), rows(cdq::PROVIDER, None, true)), (None, None));
    }

    #[test]
    fn next_file_is_beside_the_file_and_counts() {
        for (file, next) in [
            ("/a/people.csv", "/a/people-retry.csv"),
            ("people-retry.xlsx", "people-retry2.xlsx"),
            ("people-retry2.xlsx", "people-retry3.xlsx"),
            ("a-retry-b.csv", "a-retry-b-retry.csv"),
            ("batch", "batch-retry"),
        ] {
            assert_eq!(next_file(file), next);
        }
    }
}
