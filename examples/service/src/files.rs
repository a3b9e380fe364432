//! The uploaded files. Only their owner can read them.

use std::io;
use std::path::{Path, PathBuf};

use bulkrail::ProviderId;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

/// Directory of the files.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) async fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory).await?;
        Ok(Self(directory.to_owned()))
    }

    pub(crate) fn path(&self, provider: &ProviderId, key: &str) -> PathBuf {
        self.0.join(format!("{provider}-{key}.csv"))
    }

    /// Creates a file that no order has.
    pub(crate) async fn create(&self) -> io::Result<(PathBuf, File)> {
        let new = self.0.join(format!("{}.new", Uuid::new_v4()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&new).await?;
        Ok((new, file))
    }

    /// Saves the file of an order, and returns whether it is new. Another content under the key is an error of the kind
    /// `AlreadyExists`.
    pub(crate) async fn save(&self, path: &Path, content: &[u8]) -> io::Result<bool> {
        let (new, mut file) = self.create().await?;
        file.write_all(content).await?;
        file.sync_data().await?;
        // All of it, or nothing; and nothing is replaced.
        let linked = fs::hard_link(&new, path).await;
        fs::remove_file(&new).await?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read(path).await? == content {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
            linked => linked.map(|()| true),
        }
    }
}
