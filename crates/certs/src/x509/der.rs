//! Just enough DER (X.690) to take keys and signatures apart: tags, lengths and object identifiers. x509-parser reads
//! certificates, but no private keys.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// One value with its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// The content with its tag and length.
    pub(crate) whole: &'a [u8],
}

impl<'a> Value<'a> {
    /// The values in it, if it is a SEQUENCE.
    pub(crate) fn parts(&self) -> Option<Vec<Value<'a>>> {
        if self.tag != SEQUENCE {
            return None;
        }
        all(self.content)
    }

    /// The object identifier in dotted form, if it is one.
    pub(crate) fn oid(&self) -> Option<String> {
        (self.tag == OBJECT_IDENTIFIER).then(|| dotted(self.content))
    }

    /// The content of a BIT STRING of whole bytes.
    pub(crate) fn bits(&self) -> Option<&'a [u8]> {
        match (self.tag, self.content) {
            (BIT_STRING, [0, bits @ ..]) => Some(bits),
            _ => None,
        }
    }
}

/// The first value in these bytes, and what follows it. Lengths must be definite, as in DER, and of at most four bytes.
pub(crate) fn read(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0, |sum, digit| (sum << 8) | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - rest.len()];
    Some((
        Value {
            tag,
            content,
            whole,
        },
        rest,
    ))
}

/// The parts of the SEQUENCE that these bytes begin with.
pub(crate) fn parts(bytes: &[u8]) -> Option<Vec<Value<'_>>> {
    read(bytes)?.0.parts()
}

/// All values in these bytes, one after the other.
pub(crate) fn all(mut bytes: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = read(bytes)?;
        found.push(value);
        bytes = rest;
    }
    Some(found)
}

/// A SEQUENCE of this content, with its tag and length.
pub(crate) fn sequence(content: &[u8]) -> Vec<u8> {
    let mut whole = vec![SEQUENCE];
    match content.len() {
        short @ 0..=0x7f => whole.push(short as u8),
        long => {
            let digits: Vec<_> = long
                .to_be_bytes()
                .into_iter()
                .skip_while(|digit| *digit == 0)
                .collect();
            whole.push(0x80 | digits.len() as u8);
            whole.extend(digits);
        }
    }
    whole.extend(content);
    whole
}

fn dotted(content: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0u64;
    for byte in content {
        arc = (arc << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                // The first two arcs are one number: 40 times the first, which is at most 2, plus the second (X.690,
                // 8.19.4).
                let first = (arc / 40).min(2);
                arcs.extend([first.to_string(), (arc - 40 * first).to_string()]);
            } else {
                arcs.push(arc.to_string());
            }
            arc = 0;
        }
    }
    arcs.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_short_and_long_lengths() {
        let long = [&[0x30, 0x82, 0x01, 0x00][..], &[7; 256], &[1, 2]].concat();
        let (value, rest) = read(&long).unwrap();
        assert_eq!((value.tag, value.content), (SEQUENCE, &[7; 256][..]));
        assert_eq!((value.whole.len(), rest), (260, &[1, 2][..]));
        assert_eq!(sequence(value.content), value.whole);
        for short in [
            &[][..],
            &[0x30],
            &[0x30, 2, 0],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x82, 1],
        ] {
            assert_eq!(read(short), None, "{short:?}");
        }
    }

    #[test]
    fn object_identifiers_are_dotted() {
        for (content, text) in [
            (
                &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01][..],
                "1.2.840.10045.2.1",
            ),
            (&[0x2b, 0x65, 0x70], "1.3.101.112"),
            (&[0x88, 0x37, 0x03], "2.999.3"),
        ] {
            assert_eq!(dotted(content), text);
        }
    }
}
