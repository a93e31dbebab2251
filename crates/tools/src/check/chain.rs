//! Judges a chain of certificates as a phone does: complete, trusted, for the domain, valid now. A missing intermediate
//! is not fetched, since phones do not fetch it either.

use std::time::{Duration, SystemTime};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use wulin_certs::{
    Arrangement, Inspected, arrangement, date, ends, inspect, leaf, left, listed, matches, span,
    top,
};
use wulin_http::tls::algorithms;

use super::finding::Finding;

/// A warning is due below this. ACME clients renew about a month before the end, so less means that renewal does not
/// work.
const SOON: Duration = Duration::from_hours(14 * 24);

/// The remedy for a chain that is incomplete or in the wrong order.
const WHOLE_CHAIN: &str = "Use the file with the whole chain, the domain's own certificate first: it is often called \
                           fullchain.pem or bundle.crt.";

/// A chain with all that is needed to judge it.
pub(super) struct Judged<'a> {
    chain: &'a [CertificateDer<'static>],
    leaf: usize,
    own: Inspected,
    /// Whether the chain ends at a trusted root. The dates are judged in [`Judged::expiry`].
    trusted: Result<(), Error>,
    /// The names of the roots at which clients can end the chain. The one the whole chain leads to comes first.
    roots: Vec<String>,
    now: SystemTime,
}

impl<'a> Judged<'a> {
    /// Takes the certificates in the order the server sends them. None if the leaf certificate cannot be read.
    pub(super) fn new(
        chain: &'a [CertificateDer<'static>],
        roots: &RootCertStore,
        now: SystemTime,
    ) -> Option<Judged<'a>> {
        let leaf = leaf(chain);
        let own = inspect(chain.get(leaf)?)?;
        // The chain is verified on a day when the leaf certificate is valid, so that only its trust is judged here.
        let at = now.clamp(own.not_before, own.not_after.max(own.not_before));
        let ends = ends(chain, leaf, &roots.roots, at);
        let trusted = match trusted(chain, leaf, roots, at) {
            // rustls compares the names of issuers byte by byte. Phones normalise them first (RFC 5280, section 7.1).
            Err(error) if error == UNKNOWN && !ends.is_empty() => Ok(()),
            other => other,
        };
        Some(Judged {
            chain,
            leaf,
            own,
            trusted,
            roots: ends,
            now,
        })
    }

    /// Whether the chain is complete and in order. `signed` says whether the server has proved that it has the key.
    pub(super) fn arrangement(&self, signed: bool) -> Finding {
        let count = self.chain.len();
        if let Some(kind) = &self.own.unfit_key {
            return Finding::failed(
                format!("the certificate has {kind}, which phones do not take"),
                "Have a certificate issued for an ECDSA P-256 key, or for an RSA key of 2048 bits.",
            );
        }
        if self.own.self_signed && count == 1 {
            return Finding::ok("one certificate, which vouches for itself");
        }
        if self.own.authority {
            return Finding::failed(
                format!(
                    "the certificate of an authority (“{}”), not of a domain",
                    self.own.subject
                ),
                "Give the server the domain's own certificate, with the key that was made for it: it is often called \
                 fullchain.pem.",
            );
        }
        match arrangement(self.chain, self.now) {
            Arrangement::LeafNotFirst => Finding::failed(
                format!(
                    "in the wrong order: the certificate for {} is number {} of {count}, and must be the first",
                    listed(&self.own.names),
                    self.leaf + 1,
                ),
                WHOLE_CHAIN,
            ),
            _ if !signed => Finding::failed(
                "the server does not have the key of the certificate it shows",
                "Give it the private key that was made together with this certificate.",
            ),
            _ if self.is_alone() => Finding::failed(
                format!(
                    "the certificate alone, without the intermediate “{}” that phones need",
                    self.own.issuer
                ),
                WHOLE_CHAIN,
            ),
            Arrangement::Mixed => Finding::warning(
                format!("{count} certificates in the wrong order; some phones refuse that"),
                WHOLE_CHAIN,
            ),
            Arrangement::Expired { who, at } => Finding::warning(
                format!(
                    "the certificate of “{who}” among the {count} expired on {} and is not needed",
                    date(at)
                ),
                "Remove it from the file, or download the chain again: some phones refuse the whole for it.",
            ),
            Arrangement::Superfluous(more) => Finding::warning(
                format!("{more} of {count} certificates are doubles or no part of the chain"),
                "Remove them from the file: they cost every player time.",
            ),
            Arrangement::InOrder if count == 1 => {
                Finding::ok("one certificate, which a root has issued itself")
            }
            Arrangement::InOrder => Finding::ok(format!("{count} certificates, in order")),
        }
    }

    /// Whether the leaf certificate stands alone, and its issuer is no root.
    fn is_alone(&self) -> bool {
        self.chain.len() == 1 && !self.own.self_signed && self.trusted == Err(UNKNOWN)
    }

    /// The issuer of the last certificate of the chain.
    fn top(&self) -> String {
        top(self.chain, self.leaf, self.now).unwrap_or_default()
    }

    /// Whether the chain ends at a root phones know. None if it is incomplete, since then that is not known.
    pub(super) fn trust(&self) -> Option<Finding> {
        if self.own.authority {
            return Some(Finding::skipped("it is an authority's own certificate"));
        }
        if self.trusted.is_ok() {
            return Some(Finding::ok(match self.roots.as_slice() {
                [root, nearer @ ..] if !nearer.is_empty() => format!(
                    "issued under the root “{root}”; phones that know “{}” end there",
                    nearer.join("” or “")
                ),
                [root, ..] => format!("issued under the root “{root}”"),
                [] => format!("issued under “{}”", self.top()),
            }));
        }
        if self.own.self_signed {
            return Some(Finding::failed(
                "the certificate vouches only for itself; no phone trusts that",
                "Get a certificate from an authority, as Let's Encrypt or your cloud's console, and give it with --tls-cert \
                 and --tls-key.",
            ));
        }
        if self.is_alone() {
            return None;
        }
        Some(match &self.trusted {
            Err(error) if *error == UNKNOWN => {
                let issuer = self.top();
                Finding::failed(
                    format!("the chain ends at “{issuer}”, which phones do not know"),
                    "Get a certificate from an authority phones know. If this one is from there, its last intermediate is \
                     missing: use the file with the whole chain.",
                )
            }
            Err(Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => Finding::failed(
                "an intermediate certificate has expired",
                "Download the chain again from the authority.",
            ),
            Err(Error::InvalidCertificate(CertificateError::BadSignature)) => Finding::failed(
                "a certificate in the chain is not signed by the one after it",
                WHOLE_CHAIN,
            ),
            Err(error) => Finding::failed(
                format!("the chain is refused: {error}"),
                "Have the certificate issued again by an authority phones know.",
            ),
            Ok(()) => return None,
        })
    }

    /// Whether the leaf certificate is for this domain.
    pub(super) fn domain(&self, domain: &str) -> Finding {
        let names = &self.own.names;
        let said = listed(names);
        if !self.own.has_alternative_names {
            return Finding::failed(
                format!("the certificate names {said} as its owner, but no domain it is for"),
                "Have it issued again with the domain as subject alternative name: phones look at nothing else.",
            );
        }
        if names.iter().any(|name| matches(name, domain)) {
            return Finding::ok(format!("the certificate is for {said}"));
        }
        Finding::failed(
            format!("the certificate is for {said}, not for {domain}"),
            format!(
                "Get a certificate for {domain}, or use one of its names. A * stands for exactly one label."
            ),
        )
    }

    /// Whether the leaf certificate is valid now, and for how long.
    pub(super) fn expiry(&self) -> Finding {
        let Inspected {
            not_before,
            not_after,
            ..
        } = self.own;
        if let Ok(ahead) = not_before.duration_since(self.now)
            && !ahead.is_zero()
        {
            return Finding::failed(
                format!("not valid before {}, in {}", date(not_before), span(ahead)),
                "Check this machine's clock and the server's, or wait until then.",
            );
        }
        match not_after.duration_since(self.now) {
            Err(past) => Finding::failed(
                format!(
                    "expired on {}, {} ago",
                    date(not_after),
                    span(past.duration())
                ),
                "Renew the certificate and put the new files in their place; the server takes them by itself.",
            ),
            Ok(rest) if rest < SOON => Finding::warning(
                format!("{} left, until {}", left(rest), date(not_after)),
                "Renew it now; if that should happen by itself, it has not.",
            ),
            Ok(rest) => Finding::ok(format!("{} left, until {}", left(rest), date(not_after))),
        }
    }
}

const UNKNOWN: Error = Error::InvalidCertificate(CertificateError::UnknownIssuer);

fn trusted(
    chain: &[CertificateDer<'static>],
    leaf: usize,
    roots: &RootCertStore,
    at: SystemTime,
) -> Result<(), Error> {
    let others: Vec<_> = chain
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != leaf)
        .map(|(_, certificate)| certificate.clone())
        .collect();
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(&chain[leaf])?,
        roots,
        &others,
        UnixTime::since_unix_epoch(since),
        algorithms().all,
    )
}
