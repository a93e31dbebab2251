//! What outlives the process: the account with its key, and the certificates with theirs.
//!
//! `STATE/acme/AUTHORITY/` has `account.json` and one `DOMAIN.pem` each, chain and key in one file, so that whoever reads it
//! never gets the halves of two orders. What one authority gave is nothing to another: a trial with a test authority leaves
//! no certificate behind that the real one would be expected to renew.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};

use crate::edge::certificates::{Pair, keep, load_pair};

const ACCOUNT: &str = "account.json";

/// The folder of one authority.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    /// The address the authority knows.
    pub(super) email: Option<String>,
    pub(super) credentials: AccountCredentials,
}

impl Store {
    /// Opens the store of the authority with this directory and makes its folders, closed to other users.
    pub fn open(state_dir: &Path, directory: &str) -> io::Result<Store> {
        let acme = state_dir.join("acme");
        let folder = acme.join(folder_name(directory));
        for folder in [state_dir, &acme, &folder] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        for folder in [&acme, &folder] {
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        }
        Ok(Store { folder })
    }

    /// The certificate kept for a domain, if it can still be served.
    pub fn pair(&self, domain: &str, now: SystemTime) -> Option<Pair> {
        let file = self.file(domain);
        // One that is broken, expired or missing is simply ordered again.
        load_pair(&file, &file, now)
            .ok()
            .filter(|pair| pair.covers(domain))
    }

    /// Where the certificate of a domain is.
    pub(super) fn file(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{domain}.pem"))
    }

    /// The account, if there is one that can be read.
    pub(super) fn account(&self) -> Option<Kept> {
        let text = fs::read(self.folder.join(ACCOUNT)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps the account.
    pub(super) async fn keep_account(&self, account: &Kept) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(account)?;
        write(self.folder.join(ACCOUNT), text).await
    }

    /// Keeps the certificate of a domain: the chain and its key, as PEM.
    pub(super) async fn keep_pair(&self, domain: &str, text: String) -> io::Result<()> {
        write(self.file(domain), text.into_bytes()).await
    }
}

/// Where waiting for a disk disturbs nobody. Once begun it is done, whoever still waits for it.
async fn write(file: PathBuf, bytes: Vec<u8>) -> io::Result<()> {
    let writing = tokio::task::spawn_blocking(move || keep(&file, &bytes));
    writing
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The address without its scheme, as a name for a folder.
fn folder_name(directory: &str) -> String {
    let address = directory
        .split_once("://")
        .map_or(directory, |(_, rest)| rest);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    address
        .trim_end_matches('/')
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_authority_has_a_folder_of_its_own() {
        let names = [
            "https://acme.example/directory",
            "https://acme.example/v2/DV90",
            "https://acme.example:14000/directory/",
            "https://../../etc",
        ];
        assert_eq!(
            names.map(folder_name),
            [
                "acme.example_directory",
                "acme.example_v2_DV90",
                "acme.example_14000_directory",
                ".._.._etc"
            ]
        );
    }

    #[test]
    fn folders_are_closed_to_others_even_if_they_were_open() {
        let home = tempfile::tempdir().unwrap();
        let acme = home.path().join("acme");
        fs::create_dir(&acme).unwrap();
        fs::set_permissions(&acme, Permissions::from_mode(0o755)).unwrap();
        let store = Store::open(home.path(), "https://acme.example/directory").unwrap();
        for folder in [&acme, &store.folder] {
            let mode = fs::metadata(folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        assert!(store.account().is_none());
        assert!(store.pair("game.example", SystemTime::now()).is_none());
    }
}
