//! A private key that rustls can sign with.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls_pki_types::PrivateKeyDer;

use crate::problem::Problem;
use crate::x509::kind;

/// A private key that is ready to sign.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) signing: Arc<dyn SigningKey>,
    /// The public half, in the form of [`kind::identity`].
    pub(crate) public_key: Vec<u8>,
}

impl Key {
    /// Loads a key, or says why no server can use it.
    pub(crate) fn load(file: &Path, der: &PrivateKeyDer<'static>) -> Result<Key, Problem> {
        let loaded = any_supported_type(der).ok().and_then(|signing| {
            let public_key = kind::identity(&signing.public_key()?);
            Some(Key {
                signing,
                public_key,
            })
        });
        loaded.ok_or_else(|| match kind::of_private(der) {
            Some(kind) if kind.is_explicit() => {
                Problem::explicit(file, kind.unfit.unwrap_or_default())
            }
            Some(kind) if kind.unfit.is_some() => {
                Problem::unsupported(file, kind.unfit.unwrap_or_default())
            }
            _ => Problem::Corrupt {
                file: file.to_owned(),
                detail: "the private key in it does not hold together".to_owned(),
            },
        })
    }

    /// What kind of key it is: a server can have one certificate of each kind for the same name.
    pub(crate) fn algorithm(&self) -> rustls::SignatureAlgorithm {
        self.signing.algorithm()
    }
}
