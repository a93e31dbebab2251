//! Reads a stranger's JSON strictly: an object must be an object, a number whole, a text a text.
//!
//! Unknown fields are skipped without recursion, so deep nesting cannot overflow the stack. A field that occurs twice
//! is refused, since another reader of the same JSON may use the other value (RFC 8259, 4).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a payload that must be an object. Every payload with fields is read here.
pub fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    serde_json::from_str(json)
        .ok()
        .map(|Object(payload)| payload)
}

/// Reads a JSON string.
pub fn text(json: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str(json).ok().map(|Text(text)| text)
}

/// The fields of an object. The code that serde derives for a struct also accepts an array with the fields in order;
/// this does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// A whole number, however it is written: `2`, `2.0` and `2e0` are the same in JSON, and JavaScript cannot tell them
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(pub i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                let wrong = |_| E::invalid_value(Unexpected::Unsigned(number), &self);
                i64::try_from(number).map(Whole).map_err(wrong)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
                // Up to 2^53 a double represents every whole number exactly.
                let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
                if exact {
                    Ok(Whole(number as i64))
                } else {
                    Err(E::invalid_value(Unexpected::Float(number), &self))
                }
            }
        }

        deserializer.deserialize_any(Number)
    }
}

/// Text, borrowed from the JSON if it contains no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The same JSON with each unpaired surrogate replaced by U+FFFD.
///
/// JavaScript may cut a string in the middle of a surrogate pair, and `JSON.stringify` then writes `\ud83d` alone. That
/// is valid JSON (RFC 8259, 8.2), but serde refuses it as text.
pub fn mended(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let mut whole = String::new();
    let mut taken = 0;
    let mut at = 0;
    while let Some(found) = json[at..].find('\\') {
        at += found;
        // A backslash belongs to the character after it: `\\ud83d` is an escaped backslash and plain letters.
        let length = match unit(json, at) {
            None => 1 + json[at + 1..].chars().next().map_or(0, char::len_utf8),
            Some(0xd800..=0xdbff) if matches!(unit(json, at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                whole.push_str(&json[taken..at]);
                whole.push_str("\\ufffd");
                taken = at + 6;
                6
            }
            Some(_) => 6,
        };
        at += length;
    }
    if taken == 0 {
        return Cow::Borrowed(json);
    }
    whole.push_str(&json[taken..]);
    Cow::Owned(whole)
}

/// The UTF-16 code unit of an escape that begins at this byte.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    let are_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_hex
        .then(|| u16::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Nested {
        number: Whole,
        inner: Option<Object<Inner>>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        number: Whole,
    }

    #[test]
    fn arrays_are_not_read_as_objects() {
        let nested = object::<Nested>(r#"{"number":1,"inner":{"number":2}}"#).unwrap();
        assert_eq!(
            (nested.number, nested.inner.unwrap().0.number),
            (Whole(1), Whole(2))
        );
        for json in [
            "[1]",
            "[1,[2]]",
            r#"{"number":1,"inner":[2]}"#,
            "1",
            "null",
            "\"\"",
        ] {
            assert_eq!(object::<Nested>(json), None, "{json}");
        }
    }

    #[test]
    fn duplicate_fields_are_refused_and_unknown_ones_ignored() {
        assert_eq!(object::<Inner>(r#"{"number":1,"number":1}"#), None);
        assert!(object::<Inner>(r#"{"x":1,"x":2,"number":1}"#).is_some());
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(object::<Inner>(&format!(r#"{{"x":{deep},"number":1}}"#)).is_some());
        assert!(object::<Inner>(&format!(r#"{{"number":{deep}}}"#)).is_none());
    }

    #[test]
    fn whole_numbers_are_read_in_any_notation() {
        for json in ["2", "2.0", "2e0", "0.2e1", "20E-1"] {
            assert_eq!(serde_json::from_str(json).ok(), Some(Whole(2)), "{json}");
        }
        for json in [
            "2.5",
            "\"2\"",
            "null",
            "true",
            "[2]",
            "1e400",
            "1e300",
            "18446744073709551615",
        ] {
            assert_eq!(serde_json::from_str::<Whole>(json).ok(), None, "{json}");
        }
    }

    #[test]
    fn only_unpaired_surrogates_are_replaced() {
        for (json, meant) in [
            (r#""\ud800""#, "\u{fffd}"),
            (r#""\udfff\uD83C""#, "\u{fffd}\u{fffd}"),
            (r#""a\ud83c\udc04b""#, "a🀄b"),
            (r#""\uD83C\uDC04\udc04""#, "🀄\u{fffd}"),
            (r#""\ud83c\ud83c\udc04""#, "\u{fffd}🀄"),
            (r#""\\ud800 \\\ud800""#, "\\ud800 \\\u{fffd}"),
            (r#""\ud800\n武""#, "\u{fffd}\n武"),
            (r#""\u00e9\ud7ff""#, "é\u{d7ff}"),
        ] {
            assert_eq!(text(&mended(json)).as_deref(), Some(meant), "{json}");
        }
        for json in [r#""\ud8""#, r#""\ud8武武"#, "\\", r#""\ud800\"#, r"\ud83d\"] {
            assert_eq!(text(&mended(json)), None, "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn mending_is_idempotent_and_keeps_valid_json(json in r#"(\\u[dD][0-9a-f]{3}|\\|\\\\|u|[dD]8|"|武|.){0,12}"#) {
            let once = mended(&json).into_owned();
            proptest::prop_assert_eq!(&*mended(&once), &*once);
            if text(&json).is_some() {
                proptest::prop_assert_eq!(once, json);
            }
        }
    }
}
