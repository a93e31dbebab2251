//! Engine.IO's payloads: how the packets of one polling request or response are put into one body.
//!
//! Revision 4 of the Engine.IO protocol separates packets by U+001E. Revision 3 writes a length before each packet. In
//! its text form the length counts UTF-16 code units and is written as decimal digits and a colon. In its binary form
//! the length counts bytes and is written as one byte for each digit, followed by 0xFF.

use std::borrow::Cow;
use std::fmt::Write;

use super::socketio::Version;

/// Separates packets in revision 4.
const SEPARATOR: char = '\u{1e}';
/// The first byte of a text packet in revision 3's binary form; a binary packet begins with 1.
const TEXT: u8 = 0;
/// Ends the digits of a length in revision 3's binary form.
const END_OF_LENGTH: u8 = 0xff;
/// How many digits a length may have.
const LENGTH_DIGITS: usize = 9;

/// The body is no payload of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is no payload of Engine.IO")]
pub struct Malformed;

/// The packets of one request's body, taken out one by one. So a body of many packets takes no more memory than the
/// body and one packet.
#[derive(Debug)]
pub struct Packets<B> {
    version: Version,
    body: B,
    /// How many bytes of the body have been read; `None` after the last packet.
    at: Option<usize>,
}

impl<B: AsRef<[u8]>> Packets<B> {
    /// The packets of this body. A body without any packet is malformed.
    pub fn new(version: Version, body: B) -> Packets<B> {
        Packets {
            version,
            body,
            at: Some(0),
        }
    }

    /// The next packet; `None` after the last one, and after a malformed one.
    pub fn next_packet(&mut self) -> Option<Result<Cow<'_, str>, Malformed>> {
        let at = self.at.take()?;
        let rest = &self.body.as_ref()[at..];
        let split = match (self.version, rest.first()) {
            (Version::V4, _) => split_separated(rest),
            (Version::V3, Some(&TEXT)) => split_bytes(&rest[1..]),
            (Version::V3, _) => split_counted(rest),
        };
        let Some((packet, rest)) = split else {
            return Some(Err(Malformed));
        };
        let more = match self.version {
            Version::V4 => rest.is_some(),
            Version::V3 => rest.is_some_and(|rest| !rest.is_empty()),
        };
        if more {
            self.at = rest.map(|rest| self.body.as_ref().len() - rest.len());
        }
        Some(Ok(packet))
    }
}

/// A packet, and the rest of the body after it.
type Split<'a> = Option<(Cow<'a, str>, Option<&'a [u8]>)>;

fn split_separated(body: &[u8]) -> Split<'_> {
    let mut parts = body.splitn(2, |byte| *byte == SEPARATOR as u8);
    let packet = str::from_utf8(parts.next()?).ok()?;
    Some((packet.into(), parts.next()))
}

fn split_counted(body: &[u8]) -> Split<'_> {
    let colon = body
        .iter()
        .take(LENGTH_DIGITS + 1)
        .position(|byte| *byte == b':')?;
    let length = str::from_utf8(&body[..colon]).ok()?;
    let mut left: usize = length
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| length.parse().ok())??;
    // A UTF-16 code unit takes at most three bytes of UTF-8. Checking no more than that keeps the work linear in the
    // body: otherwise the whole rest would be checked as UTF-8 again for each packet.
    let body = &body[colon + 1..];
    let most = left.checked_mul(3)?.min(body.len());
    let window = match str::from_utf8(&body[..most]) {
        Ok(window) => window,
        Err(error) => str::from_utf8(&body[..error.valid_up_to()]).ok()?,
    };
    let mut end = 0;
    for c in window.chars() {
        if left == 0 {
            break;
        }
        left = left.checked_sub(c.len_utf16())?;
        end += c.len_utf8();
    }
    (left == 0).then(|| (encoded_once(&window[..end]), Some(&body[end..])))
}

fn split_bytes(body: &[u8]) -> Split<'_> {
    let digits = body
        .iter()
        .take(LENGTH_DIGITS + 1)
        .position(|byte| *byte == END_OF_LENGTH)?;
    let mut length = 0;
    for digit in &body[..digits] {
        length = length * 10 + Some(usize::from(*digit)).filter(|digit| *digit < 10)?;
    }
    let body = &body[digits + 1..];
    let packet = str::from_utf8(body.get(..length)?).ok()?;
    (digits > 0).then(|| (packet.into(), Some(&body[length..])))
}

/// Undoes a double encoding. Socket.IO 1.x encodes text as UTF-8 before the HTTP client does so again; 2.x, which also
/// calls itself `EIO=3`, does not. Text that was encoded twice is valid UTF-8 again when each of its characters is
/// taken as one byte. Text that people write hardly ever is.
fn encoded_once(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    let once = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    once.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Puts packets into one body.
///
/// Clients of revision 3 get ASCII only, because Socket.IO 1.x and 2.x disagree on how other characters are counted and
/// encoded. All other characters stand within JSON strings and can be escaped there.
pub fn encode(version: Version, packets: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut body = String::new();
    for (number, packet) in packets.into_iter().enumerate() {
        let packet = packet.as_ref();
        match version {
            Version::V4 => {
                if number > 0 {
                    body.push(SEPARATOR);
                }
                body.push_str(packet);
            }
            Version::V3 => {
                let packet = ascii(packet);
                // Writing to a string cannot fail.
                let _ = write!(body, "{}:{packet}", packet.len());
            }
        }
    }
    body
}

fn ascii(packet: &str) -> Cow<'_, str> {
    if packet.is_ascii() {
        return packet.into();
    }
    let mut text = String::with_capacity(packet.len());
    for c in packet.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(version: Version, body: &[u8]) -> Result<Vec<String>, Malformed> {
        let mut packets = Packets::new(version, body);
        let mut all = Vec::new();
        while let Some(packet) = packets.next_packet() {
            all.push(packet?.into_owned());
        }
        Ok(all)
    }

    #[test]
    fn version_4_separates_packets() {
        assert_eq!(
            decode(Version::V4, "40\u{1e}2".as_bytes()).unwrap(),
            ["40", "2"]
        );
        assert_eq!(decode(Version::V4, "4武".as_bytes()).unwrap(), ["4武"]);
        // What an empty packet means is decided by `Dialogue::read`.
        assert_eq!(
            decode(Version::V4, "2\u{1e}".as_bytes()).unwrap(),
            ["2", ""]
        );
        assert_eq!(decode(Version::V4, b"").unwrap(), [""]);
        assert_eq!(decode(Version::V4, b"4\xff"), Err(Malformed));
    }

    #[test]
    fn empty_packets_round_trip_at_any_position() {
        for packets in [["", "2"], ["2", ""], ["", ""]] {
            for version in [Version::V3, Version::V4] {
                let body = encode(version, packets);
                assert_eq!(decode(version, body.as_bytes()).unwrap(), packets);
            }
        }
    }

    #[test]
    fn version_3_counts_utf16_code_units() {
        assert_eq!(decode(Version::V3, b"2:40").unwrap(), ["40"]);
        let text = "5:4🀄武x1:2";
        assert_eq!(
            decode(Version::V3, text.as_bytes()).unwrap(),
            ["4🀄武x", "2"]
        );
        for body in [
            "",
            "x",
            "2:4",
            ":4",
            "2",
            "-1:2",
            "+1:2",
            "9999999999:2",
            "1:🀄",
            "1:2x",
            "2:401",
        ] {
            assert_eq!(
                decode(Version::V3, body.as_bytes()),
                Err(Malformed),
                "{body}"
            );
        }
    }

    #[test]
    fn version_3_binary_form_counts_bytes() {
        let packets = b"\0\x02\xff40\0\x01\x00\xff4abc\xe6\xad\xa6def";
        assert_eq!(decode(Version::V3, packets).unwrap(), ["40", "4abc武def"]);
        for body in [
            &b"\0\xff"[..],
            b"\0\x02\xff4",
            b"\0\x0a\xff4",
            b"\0\x02",
            b"\x01\x02\xff\x04\x00",
            b"\0\x01\xff\xff",
        ] {
            assert_eq!(decode(Version::V3, body), Err(Malformed), "{body:?}");
        }
    }

    #[test]
    fn double_utf8_encoding_is_detected() {
        let once = r#"42["hello",{"uname":"武 🀄 é"}]"#;
        let twice: String = once.bytes().map(char::from).collect();
        let body = format!("{}:{twice}", twice.chars().count());
        assert_eq!(decode(Version::V3, body.as_bytes()).unwrap(), [once]);
        for text in [once, r#"42["René"]"#] {
            let body = format!("{}:{text}", text.encode_utf16().count());
            assert_eq!(decode(Version::V3, body.as_bytes()).unwrap(), [text]);
        }
    }

    #[test]
    fn version_3_answers_are_ascii() {
        assert_eq!(
            encode(Version::V3, [r#"42["🀄"]"#, "6"]),
            r#"18:42["\ud83c\udc04"]1:6"#
        );
        assert_eq!(
            encode(Version::V4, ["42[\"武\"]", "6"]),
            "42[\"武\"]\u{1e}6"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(Version::V3, &body);
            let _ = decode(Version::V4, &body);
        }

        #[test]
        fn encoded_packets_round_trip(packets in proptest::collection::vec("[ -~]{1,20}", 1..5)) {
            for version in [Version::V3, Version::V4] {
                let body = encode(version, &packets);
                prop_assert_eq!(&decode(version, body.as_bytes()).unwrap(), &packets);
            }
        }
    }
}
