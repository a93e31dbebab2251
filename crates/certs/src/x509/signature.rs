//! Whether a certificate is signed with a certain key.

use rustls::crypto::aws_lc_rs;

use super::der;
use super::kind::of_public;

/// The result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// The key has made it.
    Yes,
    /// Another key has made it, or the certificate was changed.
    No,
    /// It cannot be checked: TLS no longer has its algorithm (SHA-1), or never had it.
    Unknown,
}

/// Whether the certificate is signed with the key of this `SubjectPublicKeyInfo`.
pub(crate) fn signed_by(certificate: &[u8], info: &[u8]) -> Signed {
    let parts = || {
        let [content, algorithm, signature] = der::parts(certificate)?.try_into().ok()?;
        let [key_algorithm, key] = der::parts(info)?.try_into().ok()?;
        Some((
            content,
            algorithm,
            signature.bits()?,
            key_algorithm,
            key.bits()?,
        ))
    };
    let Some((content, algorithm, signature, key_algorithm, key)) = parts() else {
        return Signed::Unknown;
    };
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    let fitting: Vec<_> = algorithms
        .all
        .iter()
        .filter(|one| one.signature_alg_id().as_ref() == algorithm.content)
        .collect();
    let verifies = fitting
        .iter()
        .filter(|one| one.public_key_alg_id().as_ref() == key_algorithm.content)
        .any(|one| one.verify_signature(key, content.whole, signature).is_ok());
    if verifies {
        return Signed::Yes;
    }
    let which = |content: &[u8]| Some(der::read(content)?.0.whole.to_vec());
    let is_of_its_family = fitting
        .iter()
        .any(|one| which(&one.public_key_alg_id()) == which(key_algorithm.content));
    // A key on a curve or of a size that is not supported may have made it; that cannot be checked here.
    if fitting.is_empty() || (is_of_its_family && of_public(info).unfit.is_some()) {
        Signed::Unknown
    } else {
        Signed::No
    }
}
