//! Orders that are files, for the clients of bulkrail.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bulkrail::{AnyClient, AnySubmission, FileFormat, SubmitOptions, Upload};
use bulkrail_core::{Batch, Error, ErrorKind, Provider, ProviderId, Reconciliation, Recovery};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::submitter::Submitter;

/// 64 KiB of a file are read at a time.
const CHUNK: usize = 64 * 1024;

/// Order of a file, for [`AnyClient`].
///
/// It holds path and digest of the file. The file stays where it is until the batch has ended: it is read when the order
/// is submitted, and again when its rows are reconciled. A file that has changed since is not submitted.
///
/// A CSV for KillB needs the feature `xlsx` of `bulkrail`.
///
/// The key of the order is the idempotency key (Reap) or the batch's own reference (Localpayment).
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use bulkrail::AnyClient;
/// use bulkrail::http::HttpOptions;
/// use bulkrail_durable::{FileOrder, Service};
///
/// let client = AnyClient::from_env(&"reap".parse()?, HttpOptions::default())?;
/// let service = Service::open("bulkrail.redb", client).start().await?;
/// service.submit("import-2026-11-25", &FileOrder::new("import.csv").await?).await?;
/// let report = service.ended("import-2026-11-25").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOrder {
    /// Absolute path; none where a confirmation of CDQ starts without a file.
    path: Option<PathBuf>,
    /// SHA-256 of the file, in hexadecimal digits.
    sha256: Option<String>,
    format: Option<FileFormat>,
    /// Options of the submission. Its key is that of the order, unless there is one here: that of the first part.
    #[serde(default)]
    options: SubmitOptions,
    /// Number of the batch, from 0, of those that the file makes.
    #[serde(default)]
    part: usize,
}

impl FileOrder {
    /// Reads a file once, for its digest, and returns the order of its only batch. Its format is that of its extension.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read.
    pub async fn new(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned());
        let sha256 = digest(path.clone()).await?;
        let format = FileFormat::from_path(&path);
        Ok(Self { path: Some(path), sha256: Some(sha256), format, options: SubmitOptions::default(), part: 0 })
    }

    /// Returns the order of a batch without a file: a confirmation of the accounts in a storage of CDQ.
    #[must_use]
    pub fn without_file(options: SubmitOptions) -> Self {
        Self { path: None, sha256: None, format: None, options, part: 0 }
    }

    /// Sets the format.
    #[must_use]
    pub fn format(self, format: FileFormat) -> Self {
        Self { format: Some(format), ..self }
    }

    /// Sets the options of the submission.
    #[must_use]
    pub fn options(self, options: SubmitOptions) -> Self {
        Self { options, ..self }
    }

    /// Checks the file for `provider`, and returns the order of each batch that it makes, with its key.
    ///
    /// One batch has `key`. A file of more accounts than Localpayment takes at once makes several; each has the key that
    /// is its `externalId`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file breaks a rule; row and column are named.
    pub async fn batches(self, provider: &ProviderId, key: &str) -> Result<Vec<(String, Self)>, Error> {
        let submissions = self.submissions(provider, key).await?;
        if let [_] = &submissions[..] {
            return Ok(vec![(key.to_owned(), self)]);
        }
        let order = |(part, submission): (usize, AnySubmission)| {
            let options = self.options.clone().key(key);
            (submission.key().unwrap_or(key).to_owned(), Self { options, part, ..self.clone() })
        };
        Ok(submissions.into_iter().enumerate().map(order).collect())
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the order of another file, with the same options: that of the rows to submit again.
    ///
    /// # Errors
    ///
    /// As for [`FileOrder::new`].
    pub async fn with_file(&self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let options = self.options.clone().without_key();
        Ok(Self { format: self.format, options, ..Self::new(path).await? })
    }

    async fn check_digest(&self) -> Result<(), Error> {
        let (Some(path), Some(expected)) = (&self.path, &self.sha256) else { return Ok(()) };
        if digest(path.clone()).await? == *expected {
            return Ok(());
        }
        let reason = format!("{} has changed since it was ordered", path.display());
        Err(Error::new(ErrorKind::Usage, reason).with_hint("order the file as it is now under another key"))
    }

    /// Returns whether the provider tells a batch by a key of the caller. A batch of Localpayment in JSON has its own.
    fn takes_key(&self, provider: &ProviderId) -> bool {
        match provider.as_str() {
            "reap" => true,
            "localpayment" => self.options.has_account_number(),
            _ => false,
        }
    }

    async fn submissions(&self, provider: &ProviderId, key: &str) -> Result<Vec<AnySubmission>, Error> {
        let mut options = self.options.clone();
        if self.takes_key(provider) && !options.has_key() {
            options = options.key(key);
        }
        let file = self.path.as_ref().map(Upload::from_path);
        AnySubmission::prepare(provider, file, self.format, &options).await
    }

    /// Returns the batch of the order, which has `key` where it has a key at all.
    async fn submission(&self, provider: &ProviderId, key: &str) -> Result<AnySubmission, Error> {
        let usage = |reason: String| Error::new(ErrorKind::Usage, reason).with_provider(provider.clone());
        let mut submissions = self.submissions(provider, key).await?;
        if submissions.len() > 1 && !self.options.has_key() {
            let reason = format!("the file makes {} batches, and each needs an order of its own", submissions.len());
            return Err(usage(reason).with_hint("use FileOrder::batches"));
        }
        if self.part >= submissions.len() {
            return Err(usage(format!("the file does not make a batch with the number {}", self.part)));
        }
        let submission = submissions.swap_remove(self.part);
        match submission.key() {
            Some(own) if own != key => {
                let reason = format!("the batch has the externalId {own}, which is not the key of the order");
                Err(usage(reason).with_hint("use the externalId as the key"))
            }
            _ => Ok(submission),
        }
    }
}

async fn digest(path: PathBuf) -> Result<String, Error> {
    let read = move || -> io::Result<String> {
        let mut file = File::open(&path).map_err(|error| named(&path, &error))?;
        let (mut digest, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            match file.read(&mut chunk).map_err(|error| named(&path, &error))? {
                0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
                read => digest.update(&chunk[..read]),
            }
        }
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(io::Error::other).and_then(|read| read);
    read.map_err(|error| Error::new(ErrorKind::Usage, error.to_string()).with_action("reading the file"))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Submitter for AnyClient {
    type Order = FileOrder;

    async fn submit(&self, order: &FileOrder, key: &str) -> Result<Batch, Error> {
        order.check_digest().await?;
        let submission = order.submission(&self.id(), key).await?;
        AnyClient::submit(self, &submission).await
    }

    fn recovery(&self, _order: &FileOrder, key: &str) -> Recovery {
        AnyClient::recovery(self, Some(key))
    }

    async fn reconcile(&self, order: &FileOrder, key: &str, batch: &Batch) -> Result<Reconciliation, Error> {
        if order.path.is_none() {
            return AnyClient::reconcile(self, batch, None).await;
        }
        order.check_digest().await?;
        let submission = order.submission(&self.id(), key).await?;
        AnyClient::reconcile(self, batch, Some(submission.rows())).await
    }
}
