//! Names of subjects and issuers, compared by their meaning and not by the encoding of their text.

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// A distinguished name. Two are equal where RFC 5280, 7.1 says so: neither the kind of string (`UTF8String`,
/// `PrintableString`), nor case, nor how many spaces there are makes a difference.
#[derive(Debug, Clone)]
pub(crate) struct DistinguishedName {
    prepared: String,
    /// In short: the common name, else the organisation.
    pub(crate) short: String,
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &DistinguishedName) -> bool {
        self.prepared == other.prepared
    }
}

impl Eq for DistinguishedName {}

impl DistinguishedName {
    pub(crate) fn new(name: &X509Name<'_>) -> DistinguishedName {
        let relative = name.iter_rdn().map(|rdn| {
            let mut attributes: Vec<_> = rdn
                .iter()
                .map(|one| format!("{}={}", one.attr_type(), prepared(one.attr_value())))
                .collect();
            attributes.sort();
            attributes.join("+")
        });
        DistinguishedName {
            prepared: relative.collect::<Vec<_>>().join(","),
            short: short(name),
        }
    }

    /// From the DER of a name.
    pub(crate) fn read(der: &[u8]) -> Option<DistinguishedName> {
        let (_, name) = X509Name::from_der(der).ok()?;
        Some(DistinguishedName::new(&name))
    }
}

fn prepared(value: &Any<'_>) -> String {
    match text(value) {
        Some(text) => {
            let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
            // Quoted, so that no text can pass for the end of one attribute and the start of another.
            format!("{:?}", words.join(" "))
        }
        None => format!("{:?}{:?}", value.tag(), value.data),
    }
}

fn text(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => String::from_utf8(value.data.to_vec()).ok(),
        // T.61 strings in certificates are Latin-1 in practice.
        Tag::T61String => Some(value.data.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units = value.data.chunks(2).map(|pair| match *pair {
                [high, low] => u16::from_be_bytes([high, low]),
                _ => 0xfffd,
            });
            Some(
                char::decode_utf16(units)
                    .map(|c| c.unwrap_or('\u{fffd}'))
                    .collect(),
            )
        }
        _ => None,
    }
}

fn short(name: &X509Name<'_>) -> String {
    let attribute = name
        .iter_common_name()
        .next()
        .or_else(|| name.iter_organization().next())
        .and_then(|attribute| text(attribute.attr_value()));
    match attribute {
        Some(text) => text.chars().filter(|c| !c.is_control()).collect(),
        None => name.to_string(),
    }
}
