//! What is kept across restarts: the account with its key, and the certificates with theirs.
//!
//! `STATE/acme/AUTHORITY/` has `account.json` and for each domain
//!
//! - `DOMAIN.pem`: chain and key in one file, so that a reader never gets the halves of two orders. All of it is
//!   encoded here; of the authority's text only the certificates are in it,
//! - `DOMAIN.next.pem`: a certificate that is not valid yet,
//! - `DOMAIN.order.json`: an open order, with its key.
//!
//! Each authority has a folder of its own, so that the certificate of a test authority is never taken for one that the
//! real authority should renew.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use instant_acme::AccountCredentials;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};

use super::chain::{self, IssuedChain};
use crate::{Pair, Problem, keep, read_pair};

const ACCOUNT: &str = "account.json";
/// How long a stored order is continued. Orders expire within days, but an authority need not say when.
const LONGEST_ORDER: Duration = Duration::from_hours(30 * 24);
/// How often the chain of an order is downloaded if it is unfit each time. That takes about twenty minutes.
const MOST_DOWNLOADS: u32 = 8;

/// The folder of one authority.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// An account as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredAccount {
    /// The address the authority knows.
    pub(super) email: Option<String>,
    pub(super) credentials: AccountCredentials,
}

/// An open order as it is stored: what another process needs to continue it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredOrder {
    /// The address of the account that ordered.
    account: String,
    order: String,
    /// As PEM.
    key: String,
    /// Seconds since 1970.
    begun: u64,
    /// How often its chain was unfit.
    unfit: u32,
}

impl StoredOrder {
    pub(super) fn new(account: &str, order: &str, key: &KeyPair, now: SystemTime) -> StoredOrder {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        StoredOrder {
            account: account.to_owned(),
            order: order.to_owned(),
            key: key.serialize_pem(),
            begun: since.unwrap_or_default().as_secs(),
            unfit: 0,
        }
    }

    /// Its address.
    pub(super) fn order(&self) -> &str {
        &self.order
    }

    pub(super) fn key(&self) -> Option<KeyPair> {
        KeyPair::from_pem(&self.key).ok()
    }

    /// Whether this account ordered it.
    pub(super) fn is_of(&self, account: &str) -> bool {
        self.account == account
    }

    /// Whether it is too old to be continued.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        let begun = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.begun));
        let age = begun.map(|begun| now.duration_since(begun).unwrap_or_default());
        age.is_none_or(|age| age > LONGEST_ORDER)
    }

    /// Counts an unfit chain. Whether the order is to be given up.
    pub(super) fn count_unfit(&mut self) -> bool {
        self.unfit = self.unfit.saturating_add(1);
        self.unfit >= MOST_DOWNLOADS
    }

    /// Whether this certificate is its result: it has the same key.
    pub(super) fn brought(&self, pair: &Pair) -> bool {
        let leaf = pair.certified.cert.first();
        leaf.is_some_and(|leaf| self.key().is_some_and(|key| chain::is_for(leaf, &key)))
    }
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

    /// The certificate kept for a domain, if it can be served.
    pub fn pair(&self, domain: &str, now: SystemTime) -> Option<Pair> {
        // One that is broken, expired or missing is simply ordered again.
        let pair = read(&self.file(domain), domain, now)?;
        (pair.not_before <= now).then_some(pair)
    }

    /// The certificate kept for later; it may have become valid by now.
    pub(super) fn next(&self, domain: &str, now: SystemTime) -> Option<Pair> {
        read(&self.next_file(domain), domain, now)
    }

    /// Where the certificate of a domain is.
    pub(super) fn file(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{domain}.pem"))
    }

    fn next_file(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{domain}.next.pem"))
    }

    fn order_file(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{domain}.order.json"))
    }

    /// The open order for a domain, if there is one that can be read.
    pub(super) fn pending(&self, domain: &str) -> Option<StoredOrder> {
        let text = fs::read(self.order_file(domain)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Stores an open order.
    pub(super) async fn keep_pending(&self, domain: &str, pending: &StoredOrder) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(pending)?;
        write(self.order_file(domain), text).await
    }

    /// Removes the stored order.
    pub(super) async fn forget_pending(&self, domain: &str) {
        remove(self.order_file(domain)).await;
    }

    /// Removes the certificate kept for later.
    pub(super) async fn forget_next(&self, domain: &str) {
        remove(self.next_file(domain)).await;
    }

    /// The account, if there is one that can be read.
    pub(super) fn account(&self) -> Option<StoredAccount> {
        let text = fs::read(self.folder.join(ACCOUNT)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Stores the account.
    pub(super) async fn keep_account(&self, account: &StoredAccount) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(account)?;
        write(self.folder.join(ACCOUNT), text).await
    }

    /// Makes a pair of an order's result, which may not be valid yet.
    pub(super) fn make_pair(
        &self,
        domain: &str,
        chain: &IssuedChain,
        key: &KeyPair,
        now: SystemTime,
    ) -> Result<Pair, Problem> {
        pair_up(&self.file(domain), &chain.with_key(key), now)
    }

    /// Stores the certificate of a domain with its key; `later` says that it is not valid yet.
    pub(super) async fn keep_pair(
        &self,
        domain: &str,
        chain: &IssuedChain,
        key: &KeyPair,
        later: bool,
    ) -> io::Result<()> {
        let file = if later {
            self.next_file(domain)
        } else {
            self.file(domain)
        };
        write(file, chain.with_key(key).into_bytes()).await?;
        if !later {
            // The certificate kept for later is older than this one.
            remove(self.next_file(domain)).await;
        }
        Ok(())
    }

    /// Replaces the certificate of a domain by the one kept for later.
    pub(super) async fn advance(&self, domain: &str) -> io::Result<()> {
        let (from, to) = (self.next_file(domain), self.file(domain));
        aside(move || fs::rename(from, to)).await
    }
}

/// Reads a stored pair, which may not be valid yet. A file of an older version, with the authority's text as it came,
/// is rewritten.
fn read(file: &Path, domain: &str, now: SystemTime) -> Option<Pair> {
    let text = fs::read_to_string(file).ok()?;
    let own = chain::rewritten(&text, domain)?;
    if own != text {
        // If that fails, the certificate is served all the same.
        let _ = keep(file, own.as_bytes());
    }
    pair_up(file, &own, now)
        .ok()
        .filter(|pair| pair.covers(domain))
}

/// A pair as it is now, or as it will be when it becomes valid.
fn pair_up(file: &Path, text: &str, now: SystemTime) -> Result<Pair, Problem> {
    match read_pair(file, text, now) {
        Err(Problem::NotYetValid { at, .. }) => read_pair(file, text, at),
        read => read,
    }
}

async fn write(file: PathBuf, bytes: Vec<u8>) -> io::Result<()> {
    aside(move || keep(&file, &bytes)).await
}

/// Removes a file; it need not exist.
async fn remove(file: PathBuf) {
    let _ = aside(move || fs::remove_file(file)).await;
}

/// Runs work on files in a thread of its own, so that a slow disk holds up no other task. Once begun it runs to its
/// end, even if the caller is dropped.
async fn aside(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let working = tokio::task::spawn_blocking(work);
    working
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
    fn each_authority_has_its_own_folder() {
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
    fn open_folders_are_closed_to_other_users() {
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
    fn open(home: &Path) -> Store {
        Store::open(home, "https://acme.example/directory").unwrap()
    }

    /// The text of a chain for `game.example`, and its key.
    fn issued(from: SystemTime) -> (String, KeyPair) {
        let mut params = rcgen::CertificateParams::new(["game.example".to_owned()]).unwrap();
        params.not_before = from.into();
        params.not_after = (SystemTime::now() + Duration::from_hours(90 * 24)).into();
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key)
    }

    #[test]
    fn stored_pairs_of_older_versions_are_rewritten() {
        let home = tempfile::tempdir().unwrap();
        let store = open(home.path());
        let (now, file) = (SystemTime::now(), store.file("game.example"));
        let (chain, key) = issued(SystemTime::UNIX_EPOCH);
        let (evil, its_key) = issued(SystemTime::UNIX_EPOCH);
        let (own, stray) = (key.serialize_pem(), its_key.serialize_pem());
        for kept in [
            format!("{chain}{own}"),
            format!("{chain}{stray}{own}"),
            format!("{stray}{evil}{chain}{own}"),
        ] {
            fs::write(&file, kept).unwrap();
            let pair = store.pair("game.example", now).unwrap();
            assert!(chain::is_for(&pair.certified.cert[0], &key));
            let text = fs::read_to_string(&file).unwrap();
            assert_eq!(text.matches("PRIVATE KEY").count(), 2, "{text}");
            assert!(text.contains(&own) && !text.contains(&stray));
        }
        fs::write(&file, format!("{evil}{own}")).unwrap();
        assert!(store.pair("game.example", now).is_none());
        assert!(store.pair("other.example", now).is_none());
    }

    #[tokio::test]
    async fn certificate_for_later_is_kept_beside_the_current_one() {
        let home = tempfile::tempdir().unwrap();
        let (store, now) = (open(home.path()), SystemTime::now());
        let begin = now + Duration::from_hours(2);
        let (text, key) = issued(begin);
        let later = IssuedChain::read(&text, &key, "game.example").unwrap();
        let (text, old_key) = issued(now - Duration::from_hours(1));
        let old = IssuedChain::read(&text, &old_key, "game.example").unwrap();
        let keep =
            async |chain, key, later| store.keep_pair("game.example", chain, key, later).await;
        keep(&old, &old_key, false).await.unwrap();
        keep(&later, &key, true).await.unwrap();
        let made = store.make_pair("game.example", &later, &key, now).unwrap();
        assert!(made.not_before > now);
        let pair = store.pair("game.example", now).unwrap();
        assert!(chain::is_for(&pair.certified.cert[0], &old_key));
        let next = store.next("game.example", now).unwrap();
        assert!(chain::is_for(&next.certified.cert[0], &key));
        store.advance("game.example").await.unwrap();
        assert!(store.pair("game.example", now).is_none(), "not yet");
        assert!(store.pair("game.example", begin).is_some());
        assert!(store.next("game.example", now).is_none());
        // What is fetched afterwards replaces both.
        keep(&later, &key, true).await.unwrap();
        keep(&old, &old_key, false).await.unwrap();
        assert!(store.next("game.example", now).is_none());
    }

    #[tokio::test]
    async fn stored_order_is_private_and_expires() {
        let home = tempfile::tempdir().unwrap();
        let (store, key) = (open(home.path()), KeyPair::generate().unwrap());
        let begun = SystemTime::now();
        let mut pending = StoredOrder::new("https://a/1", "https://a/order/1", &key, begun);
        store.keep_pending("game.example", &pending).await.unwrap();
        let mode = fs::metadata(store.order_file("game.example")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        let read = store.pending("game.example").unwrap();
        assert_eq!(read.order(), "https://a/order/1");
        assert!(read.is_of("https://a/1") && !read.is_of("https://a/2"));
        assert_eq!(read.key().unwrap().serialize_pem(), key.serialize_pem());
        assert!(!read.is_over(begun) && !read.is_over(SystemTime::UNIX_EPOCH));
        assert!(read.is_over(begun + LONGEST_ORDER * 2));
        for _ in 1..MOST_DOWNLOADS {
            assert!(!pending.count_unfit());
        }
        assert!(pending.count_unfit());
        store.forget_pending("game.example").await;
        assert!(store.pending("game.example").is_none());
        for broken in ["", "{}", "[1]", "{\"begun\": -1}"] {
            fs::write(store.order_file("game.example"), broken).unwrap();
            assert!(store.pending("game.example").is_none());
        }
        let endless = StoredOrder {
            begun: u64::MAX,
            ..pending
        };
        assert!(endless.is_over(begun));
    }
}
