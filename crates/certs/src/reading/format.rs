//! Recognises files that are not PEM text (UTF-16, binary formats, web pages) and gives the command that converts them.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::problem::{Problem, shell};
use crate::x509::certificate::Certificate;
use crate::x509::der;
use crate::x509::kind::{self, Form};

/// After this many characters in a row with exactly one zero byte each, at the same place, the file counts as UTF-16.
const WIDE: usize = 8;

/// This many printable ASCII bytes in a row are not UTF-16. Chinese in UTF-16 can look like a few of them, but not 32.
const NARROW: usize = 32;

/// Refuses a file that is not PEM text. `wanted` names what it should hold, for error messages.
pub(crate) fn refuse(file: &Path, bytes: &[u8], wanted: &'static str) -> Result<(), Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::Empty {
            file: file.to_owned(),
            wanted,
        });
    }
    if let Some((what, remedy)) = binary(file, bytes).or_else(|| text(file, bytes)) {
        return Err(Problem::OtherFormat {
            file: file.to_owned(),
            what,
            remedy,
        });
    }
    wide(file, bytes, wanted)
}

/// Refuses UTF-16, in the whole file or in a part of it.
fn wide(file: &Path, bytes: &[u8], wanted: &'static str) -> Result<(), Problem> {
    let mark = match bytes {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    };
    let is_wide = |pairs: &[u8]| {
        let (first, second) = (pairs[0] == 0, pairs[1] == 0);
        let mut pairs = pairs.chunks_exact(2);
        first != second && pairs.all(|pair| (pair[0] == 0) == first && (pair[1] == 0) == second)
    };
    if mark.is_none() && !bytes.windows(2 * WIDE).any(is_wide) {
        return Ok(());
    }
    let narrow: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let begin = b"-----BEGIN ";
    if !narrow.windows(begin.len()).any(|window| window == begin) {
        return Err(Problem::NotPem {
            file: file.to_owned(),
            wanted,
        });
    }
    let is_visible = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let is_mixed = bytes
        .windows(NARROW)
        .any(|window| window.iter().all(is_visible));
    let whole = |order: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| match *pair {
            [one, two] => order([one, two]),
            // An odd last byte becomes an unpaired surrogate, so that decoding fails.
            _ => 0xd800,
        });
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.is_ok_and(|text| text.contains("-----BEGIN ") && !text.contains(['\0', '\u{fffe}']))
    };
    let file = file.to_owned();
    let order = match mark {
        Some(order) if whole(order) => None,
        None if whole(u16::from_le_bytes) => Some("LE"),
        None if whole(u16::from_be_bytes) => Some("BE"),
        _ => return Err(Problem::MixedEncodings { file }),
    };
    if is_mixed {
        return Err(Problem::MixedEncodings { file });
    }
    Err(Problem::Utf16 { file, order })
}

/// The object identifier of PKCS#7 signed data (1.2.840.113549.1.7.2), as DER.
const PKCS7: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
];

const FOR_NGINX: &str = "Download the certificate for Nginx instead, which is PEM.";

/// What a PKCS#7 file is called in a sentence.
pub(crate) const BUNDLE: &str = "a PKCS#7 bundle (.p7b)";

/// The sentence with the `openssl` command that converts this file to one with another extension.
pub(crate) fn convert(file: &Path, command: &str, extension: &str) -> String {
    let to = file.with_extension(extension);
    format!(
        "Convert it with `openssl {command} -in {} -out {}`",
        shell(file),
        shell(&to)
    )
}

/// Whether these bytes are PKCS#7, or CMS, which is the same with another name.
pub(crate) fn is_pkcs7(der: &[u8]) -> bool {
    body(der).is_some_and(|body| body.starts_with(PKCS7))
}

/// Whether these bytes are a certificate request.
pub(crate) fn is_request(der: &[u8]) -> bool {
    X509CertificationRequest::from_der(der).is_ok()
}

/// The content of a SEQUENCE, for looking at its first bytes: its end is not cut off, and any form of length is
/// accepted, the indefinite one of BER too.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x30, 0x80, body @ ..]
        | [0x30, 0x81, _, body @ ..]
        | [0x30, 0x82, _, _, body @ ..]
        | [0x30, 0x83, _, _, _, body @ ..] => Some(body),
        // Only keys on elliptic curves are shorter than 128 bytes.
        [0x30, length, body @ ..] if usize::from(*length) == body.len() => Some(body),
        _ => None,
    }
}

/// Binary formats that cloud consoles and tools hand out, with the command that converts them.
fn binary(file: &Path, bytes: &[u8]) -> Option<(&'static str, String)> {
    let other = || FOR_NGINX.to_owned();
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => {
            return Some(("a Java key store (JKS)", other()));
        }
        [b'P', b'K', 3, 4, ..] => {
            return Some((
                "a ZIP archive",
                "Unpack it and give the files in it, those for Nginx if there are several."
                    .to_owned(),
            ));
        }
        [0x1f, 0x8b, ..] => {
            return Some((
                "a compressed file (gzip)",
                "Unpack it and give the files in it.".to_owned(),
            ));
        }
        _ => {}
    }
    let body = body(bytes)?;
    let key = "pkey -inform der";
    let is_public = || {
        let tags = der::parts(bytes)
            .unwrap_or_default()
            .iter()
            .map(|part| part.tag)
            .collect::<Vec<_>>();
        tags == [der::SEQUENCE, der::BIT_STRING]
    };
    Some(match body {
        [0x02, 0x01, 0x03, ..] => (
            "a PKCS#12 bundle (.pfx, .p12)",
            convert(file, "pkcs12 -nodes", "pfx.pem")
                + ", which puts certificate and key into that one file; add `-legacy` if it is refused as unsupported.",
        ),
        [0x02, 0x01, 0x00 | 0x01, 0x30 | 0x02 | 0x04, ..] => (
            "a private key in binary (DER)",
            convert(file, key, "key.pem") + ".",
        ),
        _ if body.starts_with(PKCS7) => (
            BUNDLE,
            convert(file, "pkcs7 -inform der -print_certs", "p7b.pem") + ".",
        ),
        _ if Certificate::parse(bytes.to_vec().into()).is_some() => (
            "a certificate in binary (DER)",
            convert(file, "x509 -inform der", "crt.pem") + ".",
        ),
        _ if is_request(bytes) => (
            "a certificate request (CSR) in binary (DER)",
            "Give the certificate the authority sent back for it.".to_owned(),
        ),
        _ if kind::form(bytes) == Some(Form::Encrypted) => (
            "an encrypted private key in binary (DER)",
            convert(file, key, "key.pem") + ", which asks for its passphrase.",
        ),
        _ if is_public() => (
            "a public key in binary (DER)",
            "Give the private key it was made with.".to_owned(),
        ),
        _ => ("a binary file", other()),
    })
}

/// Text that is something else, such as a web page or an SSH key, or that is PEM in one more encoding.
fn text(file: &Path, bytes: &[u8]) -> Option<(&'static str, String)> {
    let start = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start();
    let begins = |with: &str| {
        let head = start.get(..with.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()))
    };
    if ["<!doctype", "<html", "<head", "<body", "<?xml"]
        .into_iter()
        .any(begins)
    {
        return Some((
            "a web page (HTML or XML)",
            "The download went to a page instead of the file: log in and download it again, in a cloud's console the one \
             for Nginx."
                .to_owned(),
        ));
    }
    if begins("PuTTY-User-Key-File-") {
        let (from, to) = (shell(file).into_owned(), file.with_extension("ssh.key"));
        return Some((
            "a PuTTY key (.ppk), which is for logins",
            format!(
                "Give the private key that was made together with the certificate's request. If it is this one, \
                 `puttygen {from} -O private-openssh -o {}` converts it.",
                shell(&to)
            ),
        ));
    }
    if begins("ssh-") || begins("ecdsa-sha2-") || begins("---- BEGIN SSH2") {
        return Some((
            "an SSH key, which is for logins",
            "Give the private key that was made together with the certificate's request."
                .to_owned(),
        ));
    }
    in_base64(file, start)
}

/// A file that is base64 throughout: PEM encoded once more, or DER without its BEGIN and END lines.
fn in_base64(file: &Path, text: &[u8]) -> Option<(&'static str, String)> {
    let compact: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let inside = STANDARD.decode(&compact).ok()?;
    let from = shell(file);
    if inside.trim_ascii_start().starts_with(b"-----BEGIN ") {
        let to = file.with_extension("decoded.pem");
        return Some((
            "PEM text in base64 once more, as Kubernetes keeps secrets",
            format!("Decode it with `base64 -di {from} > {}`.", shell(&to)),
        ));
    }
    let (what, command, extension) = if Certificate::parse(inside.clone().into()).is_some() {
        (
            "a certificate without its BEGIN and END lines",
            "x509",
            "crt.pem",
        )
    } else if kind::form(&inside).is_some() {
        (
            "a private key without its BEGIN and END lines",
            "pkey",
            "key.pem",
        )
    } else {
        return None;
    };
    let to = file.with_extension(extension);
    let remedy = format!(
        "Put them there with `base64 -di {from} | openssl {command} -inform der -out {}`.",
        shell(&to)
    );
    Some((what, remedy))
}
