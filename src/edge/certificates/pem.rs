//! What a PEM file holds, and naming every way in which a file is not quite one.

use std::path::Path;

use rustls_pemfile::Item;
use rustls_pki_types::PrivateKeyDer;
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};

use super::{
    certificate::Certificate,
    problem::{Problem, shell},
};

/// What a file holds that matters to a server.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) certificates: Vec<Certificate>,
    pub(super) keys: Vec<PrivateKeyDer<'static>>,
    /// There is a key behind a passphrase.
    pub(super) encrypted_key: bool,
    /// There is a certificate request.
    pub(super) request: bool,
    /// There is a private key of a kind that PEM names but TLS does not use, with its article.
    pub(super) foreign_key: Option<String>,
    /// The label of every section, for a problem's words.
    labels: Vec<String>,
}

impl Contents {
    /// What is in the file, as the object of a sentence.
    pub(super) fn listed(&self) -> String {
        let mut kinds: Vec<_> = self
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        kinds.dedup();
        kinds.join(", ")
    }
}

/// Whether there is PEM in these bytes at all, if only in an encoding we refuse.
pub(super) fn resembles_pem(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"-----BEGIN ";
    bytes.windows(MARK.len()).any(|window| window == MARK) || utf16_order(bytes).is_some()
}

/// Sorts the sections of a PEM file; `wanted` says what it should hold, in a problem's words.
pub(super) fn parse(file: &Path, bytes: &[u8], wanted: &'static str) -> Result<Contents, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::Empty {
            file: file.to_owned(),
            wanted,
        });
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Problem::ByteOrderMark {
            file: file.to_owned(),
        });
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Problem::Utf16 {
            file: file.to_owned(),
            order: None,
        });
    }
    if let Some(order) = utf16_order(bytes) {
        return Err(Problem::Utf16 {
            file: file.to_owned(),
            order: Some(order),
        });
    }
    if let Some((what, remedy)) = other_format(file, bytes) {
        return Err(Problem::OtherFormat {
            file: file.to_owned(),
            what,
            remedy,
        });
    }

    // Comments may be in any encoding (bag attributes often are); the sections themselves are
    // ASCII.
    let text = String::from_utf8_lossy(bytes);
    let mut contents = Contents::default();
    for section in sections(file, &text)? {
        section.sort_into(&mut contents, file)?;
    }
    if contents.labels.is_empty() {
        return Err(Problem::NotPem {
            file: file.to_owned(),
            wanted,
        });
    }
    Ok(contents)
}

/// One `-----BEGIN` to `-----END`.
struct Section<'a> {
    label: &'a str,
    text: &'a str,
    line: usize,
}

impl Section<'_> {
    fn sort_into(&self, contents: &mut Contents, file: &Path) -> Result<(), Problem> {
        contents.labels.push(self.label.to_owned());
        match self.label {
            "ENCRYPTED PRIVATE KEY" => contents.encrypted_key = true,
            label
                if label.ends_with("PRIVATE KEY")
                    && self.text.contains("Proc-Type: 4,ENCRYPTED") =>
            {
                contents.encrypted_key = true;
            }
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => contents.request = true,
            "CERTIFICATE" => match self.decode(file)? {
                Some(Item::X509Certificate(der)) => {
                    let certificate = Certificate::parse(der)
                        .ok_or_else(|| self.damaged(file, "is not a certificate inside"))?;
                    contents.certificates.push(certificate);
                }
                _ => return Err(self.damaged(file, "cannot be decoded")),
            },
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => match self.decode(file)? {
                Some(Item::Pkcs8Key(key)) => contents.keys.push(key.into()),
                Some(Item::Pkcs1Key(key)) => contents.keys.push(key.into()),
                Some(Item::Sec1Key(key)) => contents.keys.push(key.into()),
                _ => return Err(self.damaged(file, "cannot be decoded")),
            },
            "DSA PRIVATE KEY" => contents.foreign_key = Some("a DSA key".to_owned()),
            "OPENSSH PRIVATE KEY" => contents.foreign_key = Some("an SSH key".to_owned()),
            label if label.ends_with("PRIVATE KEY") => {
                contents.foreign_key = Some(format!("a key of the kind `{label}`"));
            }
            _ => {}
        }
        Ok(())
    }

    fn decode(&self, file: &Path) -> Result<Option<Item>, Problem> {
        match rustls_pemfile::read_one_from_slice(self.text.as_bytes()) {
            Ok(found) => Ok(found.map(|(item, _)| item)),
            Err(_) => Err(self.damaged(file, "has characters that are not base64, or lost some")),
        }
    }

    fn damaged(&self, file: &Path, how: &str) -> Problem {
        let detail = format!(
            "the section `{}` that begins on line {} {how}",
            self.label, self.line
        );
        Problem::Corrupt {
            file: file.to_owned(),
            detail,
        }
    }
}

fn sections<'a>(file: &Path, text: &'a str) -> Result<Vec<Section<'a>>, Problem> {
    let damaged = |detail: String| Problem::Corrupt {
        file: file.to_owned(),
        detail,
    };
    let mut sections = Vec::new();
    let mut open: Option<(&str, usize, usize)> = None;
    let mut at = 0;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        let start = at;
        at += content.len();
        if let Some(label) = boundary(content, "-----BEGIN ") {
            if let Some((label, _, line)) = open {
                return Err(damaged(format!(
                    "the section `{label}` that begins on line {line} has no END line"
                )));
            }
            if !content.starts_with('-') {
                return Err(damaged(format!(
                    "line {line} is indented, and PEM starts at the beginning of a line"
                )));
            }
            open = Some((label, start, line));
        } else if let Some(end) = boundary(content, "-----END ") {
            match open.take() {
                Some((label, start, line)) if label == end => {
                    sections.push(Section {
                        label,
                        text: &text[start..at],
                        line,
                    });
                }
                Some((label, ..)) => {
                    return Err(damaged(format!(
                        "line {line} ends `{end}` where `{label}` has begun"
                    )));
                }
                None => {
                    return Err(damaged(format!(
                        "line {line} ends `{end}`, which has not begun"
                    )));
                }
            }
        } else if content.trim_start().starts_with("-----BEGIN ") {
            return Err(damaged(format!(
                "the BEGIN on line {line} is not alone on its line, or lacks its five dashes"
            )));
        }
    }
    match open {
        Some((label, _, line)) => Err(damaged(format!(
            "the section `{label}` that begins on line {line} has no END line, so the rest is missing"
        ))),
        None => Ok(sections),
    }
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.trim().strip_prefix(start)?.strip_suffix("-----")
}

/// The byte order of UTF-16 text that holds PEM.
fn utf16_order(bytes: &[u8]) -> Option<&'static str> {
    let little: Vec<u8> = "-----BEGIN".bytes().flat_map(|byte| [byte, 0]).collect();
    let big: Vec<u8> = "-----BEGIN".bytes().flat_map(|byte| [0, byte]).collect();
    // Little-endian text also matches the big-endian pattern one byte off, save for its first dash,
    // and the reverse.
    let position = |pattern: &[u8]| {
        bytes
            .windows(pattern.len())
            .position(|window| window == pattern)
    };
    match (position(&little), position(&big)) {
        (Some(at), _) if at % 2 == 0 => Some("LE"),
        (_, Some(at)) if at % 2 == 0 => Some("BE"),
        _ => None,
    }
}

/// The object identifier of PKCS#7 signed data.
const PKCS7: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
];

/// Binary formats that consoles and tools hand out, with the command that makes PEM of them.
fn other_format(file: &Path, bytes: &[u8]) -> Option<(&'static str, String)> {
    let convert = |command: &str, extension: &str| {
        let to = file.with_extension(extension);
        format!(
            "Convert it with `openssl {command} -in {} -out {}`",
            shell(file),
            shell(&to)
        )
    };
    let other = "Download the certificate for Nginx instead, which is PEM.".to_owned();
    if bytes.starts_with(b"\xfe\xed\xfe\xed") {
        return Some(("a Java key store (JKS)", other));
    }
    // Every DER structure here is a SEQUENCE; only an elliptic curve's key is short enough for one
    // byte of length.
    let body = match bytes {
        [0x30, 0x80, body @ ..]
        | [0x30, 0x81, _, body @ ..]
        | [0x30, 0x82, _, _, body @ ..]
        | [0x30, 0x83, _, _, _, body @ ..] => body,
        [0x30, length, body @ ..] if usize::from(*length) == body.len() => body,
        _ => return None,
    };
    Some(match body {
        [0x02, 0x01, 0x03, ..] => (
            "a PKCS#12 bundle (.pfx, .p12)",
            convert("pkcs12 -nodes", "pfx.pem")
                + ", which puts certificate and key into that one file; add `-legacy` if it is refused as unsupported.",
        ),
        [0x02, 0x01, 0x00 | 0x01, 0x30 | 0x02 | 0x04, ..] => (
            "a private key in binary (DER)",
            convert("pkey -inform der", "key.pem") + ".",
        ),
        _ if body.starts_with(PKCS7) => (
            "a PKCS#7 bundle (.p7b)",
            convert("pkcs7 -inform der -print_certs", "p7b.pem") + ".",
        ),
        _ if Certificate::parse(bytes.to_vec().into()).is_some() => (
            "a certificate in binary (DER)",
            convert("x509 -inform der", "crt.pem") + ".",
        ),
        _ if X509CertificationRequest::from_der(bytes).is_ok() => (
            "a certificate request (CSR) in binary (DER)",
            "Give the certificate the authority sent back for it.".to_owned(),
        ),
        _ => ("a binary file", other),
    })
}
