//! A certificate with its key, in files.

use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

/// A self-signed certificate for `localhost` and its key, in a folder of their own.
pub struct Pair {
    pub folder: TempDir,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    pub fn new() -> Pair {
        let folder = tempfile::tempdir().unwrap();
        let pair = Pair {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
            folder,
        };
        pair.renew();
        pair
    }

    /// Replaces both with new ones.
    pub fn renew(&self) {
        write_pair(&["localhost"], &self.certificate, &self.key);
    }

    /// The certificate that is in the file now.
    pub fn leaf(&self) -> CertificateDer<'static> {
        leaf(&self.certificate)
    }

    /// The flags of a server with this pair and without a plain port.
    pub fn flags(&self) -> [&str; 6] {
        let [certificate, key] = [&self.certificate, &self.key].map(|path| path.to_str().unwrap());
        [
            "--tls-cert",
            certificate,
            "--tls-key",
            key,
            "--http-port",
            "0",
        ]
    }
}

/// Writes a new self-signed certificate for `names` and its key into these files.
pub fn write_pair(names: &[&str], certificate: &Path, key: &Path) {
    let signer = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let issued = CertificateParams::new(names)
        .unwrap()
        .self_signed(&signer)
        .unwrap();
    std::fs::write(certificate, issued.pem()).unwrap();
    std::fs::write(key, signer.serialize_pem()).unwrap();
}

/// The first certificate in a file.
pub fn leaf(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).unwrap()
}
