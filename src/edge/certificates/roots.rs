//! Files of authorities that a deployer trusts, in every spelling of PEM that certificates come in.

use std::path::Path;

use rustls_pki_types::CertificateDer;

use super::pem;
use super::problem::Problem;

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
