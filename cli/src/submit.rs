//! What is submitted: read from a file, checked, then sent.

pub(crate) mod localpayment;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bulkrail::cdq::raw::types::ConfirmationFeature;
use bulkrail::localpayment::raw::types::CreateBatch;
use bulkrail::{Batch, Error, ErrorKind, ProviderId, Upload, cdq, killb, reap};

use crate::args::{ProviderName, Submission};
use crate::connect::AnyClient;
use crate::failure::Failure;
use crate::input::{self, content};
use crate::memory;
use crate::submitted::Submitted;

/// One batch to be.
pub(crate) struct Part {
    content: Content,
    submitted: Submitted,
}

enum Content {
    Killb(killb::Workbook),
    Reap { csv: Upload, key: String },
    Cdq { file: Option<PathBuf>, storage_id: String, features: Vec<ConfirmationFeature> },
    Localpayment(Box<CreateBatch>),
}

impl Submission {
    /// The batches that the file makes: one, or several where the provider takes no more in one. Nothing is sent yet.
    pub(crate) fn parts(&self) -> Result<Vec<Part>, Failure> {
        self.check_options()?;
        self.file.as_deref().map_or(Ok(()), input::check)?;
        let part = match (self.provider, &self.file) {
            (ProviderName::Cdq, file) => {
                let Some(storage_id) = self.storage_id.clone() else {
                    let reason = "cdq needs --storage-id: a job confirms the accounts in a storage, and CDQ documents \
                                  no way from an uploaded file to its storage id";
                    return Err(Failure::usage(reason));
                };
                let submitted = file.as_deref().map_or(Ok(Submitted::nothing()), Submitted::of_cdq)?;
                let features = self.feature.iter().copied().map(Into::into).collect();
                Part { content: Content::Cdq { file: file.clone(), storage_id, features }, submitted }
            }
            (provider, None) => return Err(Failure::usage(format!("name the file to submit to {}", provider.id()))),
            (ProviderName::Killb, Some(file)) => {
                let workbook = workbook(file)?;
                Part { submitted: Submitted::of_workbook(&workbook), content: Content::Killb(workbook) }
            }
            (ProviderName::Reap, Some(file)) => {
                // Made here and not in the library, so that it can be told when the upload is interrupted.
                let key = self.key.clone().unwrap_or_else(random_key);
                Part { submitted: Submitted::of_reap(file)?, content: Content::Reap { csv: Upload::from_path(file), key } }
            }
            (ProviderName::Localpayment, Some(file)) => {
                let batches = localpayment::Document::read(file)?.batches(self).map_err(in_file(file))?;
                let part = |batch: CreateBatch| Part {
                    submitted: Submitted::of_batch(&batch),
                    content: Content::Localpayment(Box::new(batch)),
                };
                return Ok(batches.into_iter().map(part).collect());
            }
        };
        Ok(vec![part])
    }

    /// Refuses options that mean nothing to the provider: whoever gave one expects something of it.
    fn check_options(&self) -> Result<(), Failure> {
        let given = [
            ("--key", self.key.is_some()),
            ("--storage-id", self.storage_id.is_some()),
            ("--feature", !self.feature.is_empty()),
            ("--account-number", self.account_number.is_some()),
            ("--country", self.country.is_some()),
        ];
        let taken: &[&str] = match self.provider {
            ProviderName::Killb => &[],
            ProviderName::Reap => &["--key"],
            ProviderName::Cdq => &["--storage-id", "--feature"],
            ProviderName::Localpayment => &["--key", "--account-number", "--country"],
        };
        let Some((name, _)) = given.iter().find(|(name, given)| *given && !taken.contains(name)) else {
            return Ok(());
        };
        let provider = self.provider.id();
        Err(Failure::usage(match *name {
            "--key" => format!("{provider} documents no idempotency key; --key would protect from nothing"),
            name => format!("{name} means nothing to {provider}"),
        }))
    }
}

impl Part {
    /// Submits it, unless `stop` comes first: then nobody knows. What is in the way of noting it goes to `warn`.
    pub(crate) async fn submit(
        self,
        client: &AnyClient,
        stop: impl Future<Output = ()>,
        warn: impl Fn(&str),
    ) -> Result<(Batch, Submitted), Failure> {
        let note = |noted: Result<(), String>| noted.unwrap_or_else(|warning| warn(&warning));
        let interrupted = self.content.interrupted();
        let key = match &self.content {
            Content::Reap { key, .. } => Some(key.clone()),
            _ => None,
        };
        if let Some(key) = &key {
            note(memory::note(&serde_json::json!({"provider": reap::PROVIDER, "key": key})));
        }
        tokio::select! {
            sent = self.content.send(client) => {
                let batch = sent.inspect_err(|failure| {
                    // Refused for certain: nobody has to ask what became of it.
                    if let Some(key) = key.filter(|_| !failure.is_outcome_unknown()) {
                        let none = serde_json::json!({"provider": reap::PROVIDER, "key": key, "submitted": false});
                        note(memory::note(&none));
                    }
                })?;
                note(memory::note(&batch));
                Ok((batch, self.submitted))
            }
            () = stop => Err(interrupted.into()),
        }
    }
}

impl Content {
    async fn send(self, client: &AnyClient) -> Result<Batch, Failure> {
        let sent = match (self, client) {
            (Self::Killb(workbook), AnyClient::Killb(client)) => client.upload(workbook).await,
            (Self::Reap { csv, key }, AnyClient::Reap(client)) => client.upload(csv, Some(&key)).await,
            (Self::Cdq { file, storage_id, features }, AnyClient::Cdq(client)) => {
                if let Some(file) = file {
                    client.upload_accounts(Upload::from_path(&file)).await.map_err(in_file(&file))?;
                }
                client.start(&storage_id, &features).await
            }
            (Self::Localpayment(batch), AnyClient::Localpayment(client)) => client.submit(&batch).await,
            _ => return Err(Failure::usage("the file is not for this provider")),
        };
        Ok(sent?)
    }

    /// What to say when sending it is cut short.
    fn interrupted(&self) -> Error {
        let error = |provider: ProviderId, reason: String| {
            Error::new(ErrorKind::OutcomeUnknown, reason).with_provider(provider).with_action("submitting the batch")
        };
        let stopped = "it was stopped before an answer came";
        match self {
            Self::Killb(_) => error(killb::PROVIDER, stopped.to_owned()),
            Self::Cdq { .. } => error(cdq::PROVIDER, stopped.to_owned()),
            Self::Reap { key, .. } => error(reap::PROVIDER, format!("{stopped}, under the idempotency key {key}")),
            Self::Localpayment(batch) => {
                let error = error(bulkrail::localpayment::PROVIDER, stopped.to_owned());
                match Batch::new(bulkrail::localpayment::PROVIDER, &batch.external_id) {
                    Ok(named) => error.with_batch(named.with_key(&batch.external_id)),
                    Err(_) => error,
                }
            }
        }
    }
}

/// A key that nobody else has.
fn random_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A workbook for KillB, as it is or made of CSV.
pub(crate) fn workbook(file: &Path) -> Result<killb::Workbook, Failure> {
    let workbook = match extension(file).as_deref() {
        Some("xlsx") => killb::Workbook::from_xlsx(content(file)?).map_err(in_file(file))?,
        Some("csv") => killb::Workbook::from_csv(Upload::from_path(file)).map_err(in_file(file))?,
        _ => return Err(Failure::usage(format!("{}: killb takes .xlsx and .csv files", file.display()))),
    };
    let mut references: Vec<_> = workbook.references().iter().collect();
    references.sort_unstable();
    let duplicates = references.windows(2).filter(|pair| pair[0] == pair[1]).count();
    if duplicates > 0 {
        return Err(Failure::usage(format!(
            "{}: column externalId: {duplicates} cells repeat the reference of another row; results could not be trace_request \
             apart",
            file.display()
        )));
    }
    Ok(workbook)
}

/// The ending of the file's name, in small letters.
fn extension(file: &Path) -> Option<String> {
    file.extension().map(OsStr::to_ascii_lowercase)?.into_string().ok()
}

/// Says which file it was.
pub(crate) fn in_file<E: Into<Failure>>(file: &Path) -> impl FnOnce(E) -> Failure {
    move |error| error.into().said(|message| format!("{}: {message}", file.display()))
}
