//! Root certificates: those that Mozilla lists, and files with more of them, in every spelling of PEM.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use super::pem;
use crate::problem::Problem;

/// The beginning of every section.
const BEGIN: &[u8] = b"-----BEGIN ";

/// Reads a file of root certificates, in which there may be none. `file` is for error messages.
///
/// If `rustls_pemfile` reads every section, its result counts: the bundle of a system may hold roots of kinds that no
/// server could use. But it passes over what it does not know, such as a section after a byte order mark; then the file
/// is read in the way the files of servers are.
pub fn read_roots(file: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let sections = bytes.windows(BEGIN.len()).filter(|at| *at == BEGIN).count();
    let plain: Result<Vec<_>, _> = rustls_pemfile::certs(&mut { bytes }).collect();
    match plain {
        _ if sections == 0 => Ok(Vec::new()),
        Ok(certificates) if certificates.len() == sections => Ok(certificates),
        Ok(_) | Err(_) => {
            let certificates = pem::parse(file, bytes, "certificate")?
                .certificates
                .into_iter();
            Ok(certificates.map(|certificate| certificate.der).collect())
        }
    }
}

/// The roots that Mozilla lists, which are those of phones and browsers, and those in the PEM file `extra`.
pub fn trusted_roots(extra: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let Some(file) = extra else {
        return Ok(roots);
    };
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let before = roots.len();
    for certificate in read_roots(file, &bytes)? {
        roots.add(certificate).with_context(|| {
            format!(
                "{} holds a certificate that cannot be a root",
                file.display()
            )
        })?;
    }
    if roots.len() == before {
        bail!("{} holds no certificate in PEM", file.display());
    }
    Ok(roots)
}
