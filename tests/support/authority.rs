//! A certificate authority for tests: a root, an intermediate, and the certificates that these issue.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;

pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Issued {
    pub leaf: String,
    pub key: KeyPair,
}

pub fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

impl Authority {
    pub fn new() -> Authority {
        Authority::named("Test")
    }

    pub fn named(name: &str) -> Authority {
        let params = |role: &str| {
            let mut params = CertificateParams::default();
            params
                .distinguished_name
                .push(DnType::CommonName, format!("{name} {role}"));
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.use_authority_key_identifier_extension = true;
            params
        };
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(params("Root"), key()).unwrap();
        let intermediate =
            CertifiedIssuer::signed_by(params("Intermediate"), key(), &root).unwrap();
        Authority { root, intermediate }
    }

    pub fn root(&self) -> String {
        self.root.as_ref().pem()
    }

    pub fn intermediate(&self) -> String {
        self.intermediate.as_ref().pem()
    }

    /// A certificate that is valid from yesterday for ninety days.
    pub fn issue(&self, names: &[&str]) -> Issued {
        let now = SystemTime::now();
        self.issue_between(names, now - days(1), now + days(89))
    }

    /// A certificate that the root itself issues, without an intermediate.
    pub fn issue_by_root(&self, names: &[&str]) -> Issued {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = (SystemTime::now() + days(89)).into();
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.root).unwrap().pem();
        Issued { leaf, key }
    }

    pub fn issue_between(&self, names: &[&str], from: SystemTime, to: SystemTime) -> Issued {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.not_before = from.into();
        params.not_after = to.into();
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.intermediate).unwrap().pem();
        Issued { leaf, key }
    }

    /// Writes the root, a good chain and its key into a folder, as `root.pem`, `chain.pem` and `key.pem`.
    pub fn write(&self, issued: &Issued, folder: &Path) {
        std::fs::write(folder.join("root.pem"), self.root()).unwrap();
        let chain = issued.leaf.clone() + &self.intermediate();
        std::fs::write(folder.join("chain.pem"), chain).unwrap();
        std::fs::write(folder.join("key.pem"), issued.key.serialize_pem()).unwrap();
    }
}

/// The certificates in these texts.
pub fn ders(pems: &[&str]) -> Vec<CertificateDer<'static>> {
    let all = pems.concat();
    rustls_pemfile::certs(&mut all.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap()
}
