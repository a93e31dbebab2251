//! Reads from a key what kind it is: algorithm, curve and size. The names are for people.

use rustls_pki_types::PrivateKeyDer;

use super::der::{self, INTEGER, OCTET_STRING, SEQUENCE, Value};

/// The sizes of RSA keys that this server signs with and clients verify, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

const RSA: &str = "1.2.840.113549.1.1.1";
const ELLIPTIC: &str = "1.2.840.10045.2.1";

/// Curves by object identifier; the first three are those of TLS.
const CURVES: [(&str, &str); 29] = [
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.33", "P-224"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.9", "secp160k1"),
    ("1.3.132.0.8", "secp160r1"),
    ("1.3.132.0.30", "secp160r2"),
    ("1.3.132.0.31", "secp192k1"),
    ("1.3.132.0.32", "secp224k1"),
    ("1.3.132.0.16", "sect283k1"),
    ("1.3.132.0.17", "sect283r1"),
    ("1.3.132.0.36", "sect409k1"),
    ("1.3.132.0.37", "sect409r1"),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1"),
    ("1.3.36.3.3.2.8.1.1.2", "brainpoolP160t1"),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1"),
    ("1.3.36.3.3.2.8.1.1.4", "brainpoolP192t1"),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1"),
    ("1.3.36.3.3.2.8.1.1.6", "brainpoolP224t1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.8", "brainpoolP256t1"),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1"),
    ("1.3.36.3.3.2.8.1.1.10", "brainpoolP320t1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.12", "brainpoolP384t1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.3.36.3.3.2.8.1.1.14", "brainpoolP512t1"),
];

/// SM2, the national standard of China, which has an algorithm and a curve of its own.
const SM2: &str = "1.2.156.10197.1.301";

/// A kind of key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyKind {
    /// As `RSA 2048` or `ECDSA P-256`.
    pub(crate) name: String,
    /// What it is, with an article, if clients or this server cannot use it.
    pub(crate) unfit: Option<String>,
}

/// The name of an ECDSA key whose curve is written out as parameters instead of named.
const EXPLICIT: &str = "ECDSA with explicit parameters";

impl KeyKind {
    /// Whether it is an ECDSA key with its curve written out.
    pub(crate) fn is_explicit(&self) -> bool {
        self.name == EXPLICIT
    }

    fn fit(name: impl Into<String>) -> KeyKind {
        KeyKind {
            name: name.into(),
            unfit: None,
        }
    }

    fn unfit(name: impl Into<String>, words: impl Into<String>) -> KeyKind {
        KeyKind {
            name: name.into(),
            unfit: Some(words.into()),
        }
    }
}

/// The encoding of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Pkcs8,
    Sec1,
    Pkcs1,
    /// The form in which OpenSSL wrote DSA keys before PKCS#8.
    Dsa,
    /// PKCS#8, encrypted with a passphrase.
    Encrypted,
}

/// The encoding of the private key in these bytes, told by the tags of its parts; none if it is no private key.
pub(crate) fn form(der: &[u8]) -> Option<Form> {
    let parts = der::parts(der)?;
    let tags: Vec<_> = parts.iter().map(|part| part.tag).collect();
    Some(match *tags.as_slice() {
        [INTEGER, SEQUENCE, OCTET_STRING, ..] => Form::Pkcs8,
        [INTEGER, OCTET_STRING, ..] => Form::Sec1,
        [SEQUENCE, OCTET_STRING] => Form::Encrypted,
        [INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER] => Form::Dsa,
        [
            INTEGER,
            INTEGER,
            INTEGER,
            INTEGER,
            INTEGER,
            INTEGER,
            INTEGER,
            ..,
        ] => Form::Pkcs1,
        _ => return None,
    })
}

/// The kind of a public key, from its `SubjectPublicKeyInfo`.
pub(crate) fn of_public(info: &[u8]) -> KeyKind {
    let kind = || {
        let parts = der::parts(info)?;
        let algorithm = parts.first()?.parts()?;
        let key = parts.get(1)?.bits()?;
        by_algorithm(&algorithm, key)
    };
    kind().unwrap_or_else(|| KeyKind::unfit("of an unknown kind", "a key that cannot be read"))
}

/// The kind of a private key, if it can be read.
pub(crate) fn of_private(key: &PrivateKeyDer<'_>) -> Option<KeyKind> {
    let parts = der::parts(key.secret_der())?;
    match key {
        PrivateKeyDer::Pkcs1(_) => Some(rsa(&parts)),
        PrivateKeyDer::Sec1(_) => {
            // `[0] parameters`, after the secret (RFC 5915, 3).
            let parameters = parts.iter().find(|part| part.tag == 0xa0);
            let curve = parameters.and_then(|outer| der::read(outer.content));
            Some(elliptic(curve.map(|(curve, _)| curve)))
        }
        _ => {
            let algorithm = parts.get(1)?.parts()?;
            let secret = parts.get(2)?.content;
            if algorithm.first()?.oid()? == RSA {
                return Some(rsa(&der::parts(secret)?));
            }
            by_algorithm(&algorithm, &[])
        }
    }
}

/// The bytes by which two public keys are compared, however they are encoded: the algorithm without its parameters,
/// then the key, with points on elliptic curves compressed.
pub(crate) fn identity(info: &[u8]) -> Vec<u8> {
    let identity = || {
        let parts = der::parts(info)?;
        let algorithm = *parts.first()?.parts()?.first()?;
        let key = parts.get(1)?.bits()?;
        let mut whole = algorithm.whole.to_vec();
        match key {
            [4, point @ ..] if algorithm.oid()? == ELLIPTIC && point.len().is_multiple_of(2) => {
                let (x, y) = point.split_at(point.len() / 2);
                whole.push(2 | (y.last()? & 1));
                whole.extend(x);
            }
            _ => whole.extend(key),
        }
        Some(whole)
    };
    identity().unwrap_or_else(|| info.to_vec())
}

/// The kind by algorithm and parameters. The size of an RSA key is in the public `key` alone.
fn by_algorithm(algorithm: &[Value<'_>], key: &[u8]) -> Option<KeyKind> {
    let which = algorithm.first()?.oid()?;
    Some(match which.as_str() {
        RSA => sized(bits(der::parts(key)?.first()?)),
        ELLIPTIC => elliptic(algorithm.get(1).copied()),
        "1.2.840.113549.1.1.10" => {
            KeyKind::unfit("RSA-PSS", "an RSA-PSS key (RSA for PSS signatures only)")
        }
        "1.2.840.113549.1.1.7" => KeyKind::unfit("RSA-OAEP", "an RSA-OAEP key, which cannot sign"),
        "1.3.101.112" => KeyKind::fit("Ed25519"),
        "1.3.101.113" => KeyKind::unfit("Ed448", "an Ed448 key"),
        "1.3.101.110" => KeyKind::unfit("X25519", "an X25519 key, which cannot sign"),
        "1.3.101.111" => KeyKind::unfit("X448", "an X448 key, which cannot sign"),
        "1.2.840.10040.4.1" => KeyKind::unfit("DSA", "a DSA key"),
        "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => {
            KeyKind::unfit("Diffie-Hellman", "a Diffie-Hellman key, which cannot sign")
        }
        SM2 => sm2(),
        other if other.starts_with("1.2.643.") => KeyKind::unfit("GOST", "a GOST key"),
        other if other.starts_with("2.16.840.1.101.3.4.3.") => KeyKind::unfit(
            "of a post-quantum kind",
            format!("a post-quantum key ({other})"),
        ),
        other => KeyKind::unfit(
            format!("of the kind {other}"),
            format!("a key of a kind that is not used in TLS ({other})"),
        ),
    })
}

fn elliptic(curve: Option<Value<'_>>) -> KeyKind {
    let Some(curve) = curve else {
        return KeyKind::unfit(
            "ECDSA on an unnamed curve",
            "an ECDSA key that does not say its curve",
        );
    };
    let Some(which) = curve.oid() else {
        return KeyKind::unfit(
            EXPLICIT,
            "an ECDSA key with explicit parameters (its curve is written out instead of named)",
        );
    };
    if which == SM2 {
        return sm2();
    }
    let at = CURVES.iter().position(|(oid, _)| *oid == which);
    let name = at.map_or(which.as_str(), |at| CURVES[at].1);
    match at {
        Some(0..3) => KeyKind::fit(format!("ECDSA {name}")),
        _ => KeyKind::unfit(
            format!("ECDSA {name}"),
            format!("an ECDSA key on the curve {name}"),
        ),
    }
}

fn sm2() -> KeyKind {
    KeyKind::unfit("SM2", "an SM2 key (the Chinese national standard)")
}

/// The kind of an RSA key from the parts of its PKCS#1 form: version, modulus, exponents, primes.
fn rsa(parts: &[Value<'_>]) -> KeyKind {
    let kind = sized(parts.get(1).map_or(0, bits));
    // A tenth part lists further primes (RFC 8017, A.1.2).
    if kind.unfit.is_none() && parts.len() > 9 {
        return KeyKind::unfit(kind.name, "an RSA key of more than two primes");
    }
    kind
}

fn sized(bits: usize) -> KeyKind {
    let name = format!("RSA {bits}");
    if RSA_BITS.contains(&bits) {
        KeyKind::fit(name)
    } else if bits < *RSA_BITS.start() {
        KeyKind::unfit(name, format!("an RSA key of only {bits} bits"))
    } else {
        let most = RSA_BITS.end();
        KeyKind::unfit(
            name,
            format!("an RSA key of {bits} bits, more than the {most} that clients take"),
        )
    }
}

fn bits(number: &Value<'_>) -> usize {
    let digits = number.content.iter().skip_while(|digit| **digit == 0);
    let mut digits = digits.peekable();
    let unused = digits.peek().map_or(0, |first| first.leading_zeros());
    digits.count() * 8 - unused as usize
}
