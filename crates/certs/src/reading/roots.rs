//! Files of authorities that a deployer trusts, in every spelling of PEM that certificates come in.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use super::pem;
use crate::problem::Problem;

/// What each section begins with.
const BEGIN: &[u8] = b"-----BEGIN ";

/// The certificates of a file of authorities, whose name is for problems; there may be none.
///
/// Where `rustls_pemfile` reads every section there is, that is what the file holds: the bundle of a system may have roots of
/// kinds that no server could use. It passes over what it does not know, as a section behind a byte order mark, so other
/// files are read as those of servers are.
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

/// The roots Mozilla lists, which are those of phones and browsers, and those in `extra` (PEM) beside them.
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
