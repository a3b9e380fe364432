//! Notes of batches that are about to be submitted.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{self, Path, PathBuf};

use bulkrail::time::Clock;
use bulkrail::{AnyClient, AnySubmission, Provider, ProviderId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::args::{Connection, SubmissionArgs};
use crate::place::{NO_PATH, Place, SubmittedFile};

/// 64 KiB of a file are read at a time.
const CHUNK: usize = 64 * 1024;

/// What is submitted, and where: the order of a record of the store. It does not have the content
/// of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) provider: ProviderId,
    #[serde(default)]
    pub(crate) environment: Option<String>,
    /// Id of the batch, where it is known before it is submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) storage_id: Option<String>,
    #[serde(flatten)]
    pub(crate) file: Option<FileNote>,
    /// Number of the batch, from 1, and how many the file makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<[usize; 2]>,
    /// Base URL as it was given, where the environment does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base_url: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) insecure_http: bool,
    /// Profile of the configuration file that it was submitted with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(default)]
    pub(crate) begun_at: Option<Timestamp>,
    /// Whether the provider is known to have a batch of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_confirmed: bool,
    /// The provider's own word for the state, where it was not seen by the stored wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider_status: Option<String>,
}

impl Note {
    /// Returns the note of a batch of which nothing else is known.
    pub(super) fn of(provider: ProviderId, environment: Option<&str>) -> Self {
        Self {
            provider,
            environment: environment.map(str::to_owned),
            id: None,
            key: None,
            storage_id: None,
            file: None,
            part: None,
            base_url: None,
            insecure_http: false,
            profile: None,
            begun_at: None,
            is_confirmed: false,
            provider_status: None,
        }
    }
}

/// File of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileNote {
    /// Absolute path.
    pub(crate) file: String,
    /// Size; unknown for a pipe, which can be read only once.
    #[serde(default)]
    pub(crate) bytes: Option<u64>,
    #[serde(default)]
    pub(crate) sha256: Option<String>,
}

/// Where batches are submitted, and the file that they are made of.
pub(crate) struct Target {
    place: Place,
    file: Option<FileNote>,
    storage_id: Option<String>,
}

impl Target {
    /// Reads the file once to know its digest.
    pub(crate) async fn new(client: &AnyClient, args: &SubmissionArgs, connection: &Connection) -> Self {
        let place = Place::new(client, connection);
        let file = args.file.clone();
        let digested = match file {
            Some(file) => tokio::task::spawn_blocking(move || describe(&file)).await.ok().flatten(),
            None => None,
        };
        Self { place, file: digested, storage_id: args.storage_id.clone() }
    }

    /// Returns where its batches are.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the file of the batches, of which there are `total`.
    pub(crate) fn submitted_file(&self, total: usize) -> SubmittedFile {
        match &self.file {
            Some(file) if total > 1 => SubmittedFile::Divided(file.file.clone()),
            Some(file) => SubmittedFile::Noted(file.clone()),
            None if total > 1 => SubmittedFile::Divided(NO_PATH.to_owned()),
            None => SubmittedFile::Unknown,
        }
    }

    /// Returns the note of the batch `number` of `total`, from 1.
    pub(crate) fn note(&self, client: &AnyClient, submission: &AnySubmission, number: usize, total: usize) -> Note {
        Note {
            id: submission.batch().map(|batch| batch.id().to_owned()),
            key: submission.key().map(str::to_owned),
            storage_id: self.storage_id.clone(),
            file: self.file.clone(),
            part: (total > 1).then_some([number, total]),
            base_url: self.place.base_url.clone(),
            insecure_http: self.place.insecure_http,
            profile: self.place.profile.clone(),
            begun_at: Some(Clock::system().wall()),
            ..Note::of(client.id(), self.place.environment.as_deref())
        }
    }
}

/// Returns path, size and digest of `file`. A pipe has a path only: it can be read only once.
///
/// `None` where the path is not Unicode: the file would not be found by what is noted of it.
fn describe(file: &Path) -> Option<FileNote> {
    let path = path::absolute(file).unwrap_or_else(|_| PathBuf::from(file)).into_os_string().into_string().ok()?;
    let (bytes, sha256) = match digest(file) {
        Ok(Some((bytes, sha256))) => (Some(bytes), Some(sha256)),
        Ok(None) | Err(_) => (None, None),
    };
    Some(FileNote { file: path, bytes, sha256 })
}

/// Returns size and SHA-256 of `file`; `None` for what is not a regular file.
pub(crate) fn digest(file: &Path) -> io::Result<Option<(u64, String)>> {
    if !fs::metadata(file)?.is_file() {
        return Ok(None);
    }
    let mut open = File::open(file)?;
    let (mut digest, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        let read = open.read(&mut chunk)?;
        if read == 0 {
            let hex = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(Some((bytes, hex)));
        }
        digest.update(&chunk[..read]);
        bytes += read as u64;
    }
}
