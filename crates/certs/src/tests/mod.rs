//! Tests with real keys and certificates, made in a temporary folder for each test.

/// Asserts the variant of a problem, and that its sentence has each of these words.
macro_rules! expect {
    ($problem:expr, $variant:ident, $($word:expr),+) => {
        let problem = $problem;
        assert!(matches!(problem, Problem::$variant { .. }), "{problem:?}");
        says(&problem, &[$($word),+]);
    };
}

mod access;
mod bundles;
mod chains;
mod folders;
mod formats;
mod kinds;
mod pairs;
mod problems;
mod resolver;
mod roots;
mod self_signed;
mod spellings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{Found, Problem, discover, load_pair};

/// The present of these tests, in January 2027.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
}

fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

/// A root and an intermediate, which certifies keys.
struct Authority {
    root: String,
    intermediate: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        Authority::named("Test")
    }

    fn named(name: &str) -> Authority {
        let params = |role: &str| {
            let mut params = CertificateParams::default();
            params
                .distinguished_name
                .push(DnType::CommonName, format!("{name} {role}"));
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.use_authority_key_identifier_extension = true;
            params
        };
        let root =
            CertifiedIssuer::self_signed(params("Root"), KeyPair::generate().unwrap()).unwrap();
        let issuer =
            CertifiedIssuer::signed_by(params("Intermediate"), KeyPair::generate().unwrap(), &root)
                .unwrap();
        Authority {
            root: root.as_ref().pem(),
            intermediate: issuer.as_ref().pem(),
            issuer,
        }
    }

    /// A certificate that is valid from `from` to `to`.
    fn certify_between(
        &self,
        key: &KeyPair,
        names: &[&str],
        from: SystemTime,
        to: SystemTime,
    ) -> String {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.not_before = from.into();
        params.not_after = to.into();
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    /// A certificate in the middle of its ninety days.
    fn certify(&self, key: &KeyPair, names: &[&str]) -> String {
        self.certify_between(key, names, now() - days(45), now() + days(45))
    }

    /// A fresh key with its certificate, as PEM: the certificate alone, the chain, the key.
    fn issue(&self, names: &[&str]) -> Issued {
        let key = KeyPair::generate().unwrap();
        let leaf = self.certify(&key, names);
        Issued {
            chain: leaf.clone() + &self.intermediate,
            leaf,
            key: key.serialize_pem(),
        }
    }
}

struct Issued {
    leaf: String,
    chain: String,
    key: String,
}

/// A folder that is removed after the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the folders it is in.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn link(&self, name: &str, target: &str) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    }

    /// Runs the commands in a sentence as printed: whatever is between backticks and begins with the name of a tool.
    #[track_caller]
    fn obey(&self, sentence: &str) {
        const TOOLS: [&str; 8] = [
            "LC_ALL=C ",
            "base64 ",
            "cp ",
            "iconv ",
            "openssl ",
            "sed ",
            "tr ",
            "wulin ",
        ];
        let quoted = sentence.split('`').skip(1).step_by(2);
        let commands: Vec<_> = quoted
            .filter(|text| TOOLS.iter().any(|tool| text.starts_with(tool)))
            .collect();
        assert!(!commands.is_empty(), "no command is in: {sentence}");
        for command in commands {
            let mut shell = Command::new("sh");
            let output = shell
                .args(["-c", command])
                .current_dir(self.path())
                .output();
            let output = output.unwrap();
            assert!(output.status.success(), "{command}: {output:?}");
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    /// Runs the `openssl` tool here; arguments are separated by spaces.
    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.path())
            .output();
        let output = output.expect("these tests need the openssl command-line tool");
        assert!(
            output.status.success(),
            "openssl {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// An RSA key as PKCS#8, shared by all tests: making one takes a while.
static RSA: LazyLock<String> = LazyLock::new(|| {
    let folder = Folder::new();
    folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
    folder.read("rsa.key")
});

/// Asserts that a sentence has each of these words.
#[track_caller]
fn says(sentence: &impl ToString, words: &[&str]) {
    let sentence = sentence.to_string();
    for word in words {
        assert!(sentence.contains(word), "{word:?} is not in: {sentence}");
    }
}

/// A folder with a good `cert.pem` and `key.pem`, for a test to spoil.
fn good() -> (Folder, Issued) {
    let folder = Folder::new();
    let issued = Authority::new().issue(&["play.example.com"]);
    folder.write("cert.pem", &issued.chain);
    folder.write("key.pem", &issued.key);
    (folder, issued)
}

fn problem_of(folder: &Folder, cert: &str, key: &str) -> Problem {
    load_pair(&folder.at(cert), &folder.at(key), now()).unwrap_err()
}

/// The only pair in the folder, which must have its intermediate: its names, and its files relative to the folder.
#[track_caller]
fn only_pair(folder: &Folder) -> (Vec<String>, String, String) {
    let Found {
        mut pairs,
        warnings,
    } = discover(folder.path(), now()).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    let pair = pairs.remove(0);
    assert_eq!(pair.warnings, Vec::<String>::new());
    assert_eq!(pair.certified.cert.len(), 2);
    pair.certified.keys_match().unwrap();
    let relative = |path: &Path| {
        path.strip_prefix(folder.path())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    (
        pair.names,
        relative(&pair.cert_path),
        relative(&pair.key_path),
    )
}

fn example() -> (Folder, Authority, Issued) {
    let authority = Authority::new();
    let issued = authority.issue(&["example.com", "www.example.com"]);
    (Folder::new(), authority, issued)
}
