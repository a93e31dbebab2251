//! What a client says about the answers it can use: the codings it accepts, and the versions it has.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

/// How the bytes of a file are compressed (a content coding of HTTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// The smallest.
    Brotli,
    /// The one that every client knows.
    Gzip,
    /// Not compressed.
    Identity,
}

impl Coding {
    /// All of them, best first.
    pub const ALL: [Coding; 3] = [Coding::Brotli, Coding::Gzip, Coding::Identity];
    /// Those that compress.
    pub const PACKED: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// Its name in HTTP.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
            Coding::Identity => "identity",
        }
    }

    /// What the name of a file in this coding ends with.
    pub fn ending(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
            Coding::Identity => "",
        }
    }

    /// How much a client prefers it, from 0, which refuses it, to 1 (RFC 9110, 12.5.3).
    pub fn weight(self, headers: &HeaderMap) -> f32 {
        // An uncompressed file is acceptable even if it is not named, but less than anything that is named.
        let unnamed = if self == Coding::Identity {
            f32::MIN_POSITIVE
        } else {
            0.0
        };
        stated(headers, self.name())
            .or_else(|| stated(headers, "*"))
            .unwrap_or(unnamed)
    }
}

/// The weight `Accept-Encoding` gives to a name; none if it is not listed. Elements that cannot be read are skipped.
fn stated(headers: &HeaderMap, name: &str) -> Option<f32> {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .find_map(|element| {
            let (coding, parameter) = match element.split_once(';') {
                Some((coding, parameter)) => (coding, Some(parameter.trim())),
                None => (element, None),
            };
            let weight = match parameter {
                Some(parameter) => parameter
                    .strip_prefix("q=")
                    .or_else(|| parameter.strip_prefix("Q="))?
                    .parse()
                    .ok()?,
                None => 1.0,
            };
            let named = coding.trim().eq_ignore_ascii_case(name);
            (named && (0.0..=1.0).contains(&weight)).then_some(weight)
        })
}

/// Whether the client has this version already: `If-None-Match`, by weak comparison (RFC 9110, 13.1.2).
pub fn has(headers: &HeaderMap, tag: &[u8]) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|line| {
        let line = line.as_bytes().trim_ascii();
        // Splitting at commas would be wrong for a tag with a comma. Ours have none, and a part of another tag cannot
        // equal ours with its quotes.
        line == b"*"
            || line
                .split(|byte| *byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|other| other.strip_prefix(b"W/").unwrap_or(other) == tag)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: &HeaderName, lines: &[&'static str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (name.clone(), HeaderValue::from_static(line)))
            .collect()
    }

    fn weights(lines: &[&'static str]) -> [f32; 3] {
        let headers = headers(&ACCEPT_ENCODING, lines);
        Coding::ALL.map(|coding| coding.weight(&headers))
    }

    #[test]
    fn codings_weigh_what_accept_encoding_says() {
        const LEAST: f32 = f32::MIN_POSITIVE;
        let cases: [(&[&str], [f32; 3]); 20] = [
            (&[], [0.0, 0.0, LEAST]),
            (&[""], [0.0, 0.0, LEAST]),
            (&["gzip, deflate, br, zstd"], [1.0, 1.0, LEAST]),
            (&["gzip,deflate"], [0.0, 1.0, LEAST]),
            (&["GZIP , Br"], [1.0, 1.0, LEAST]),
            (&["gzip", "br"], [1.0, 1.0, LEAST]),
            (&["deflate"], [0.0, 0.0, LEAST]),
            (&["brotli, gzipped"], [0.0, 0.0, LEAST]),
            (&["br;q=0.5, gzip;q=1.0"], [0.5, 1.0, LEAST]),
            (&["br ; q=0.5 ,gzip;Q=0.25"], [0.5, 0.25, LEAST]),
            (&["br;q=0, gzip"], [0.0, 1.0, LEAST]),
            (&["br;q=0.000, *"], [0.0, 1.0, 1.0]),
            (&["*;q=0.5"], [0.5, 0.5, 0.5]),
            (&["*;q=0"], [0.0, 0.0, 0.0]),
            (&["*;q=0, gzip;q=0.1"], [0.0, 0.1, 0.0]),
            (&["identity;q=0"], [0.0, 0.0, 0.0]),
            (&["identity, gzip;q=0.5"], [0.0, 0.5, 1.0]),
            (&["*;q=0, identity;q=0.3"], [0.0, 0.0, 0.3]),
            (&["br;q=2, gzip;q=x, *;q=-1"], [0.0, 0.0, LEAST]),
            (&["br;q=NaN, gzip;level=1, ;, ,;q"], [0.0, 0.0, LEAST]),
        ];
        for (lines, expected) in cases {
            assert_eq!(
                weights(lines).map(f32::to_bits),
                expected.map(f32::to_bits),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn if_none_match_compares_tags_weakly() {
        let has = |lines: &[&'static str]| has(&headers(&IF_NONE_MATCH, lines), br#""a1""#);
        for lines in [
            &[r#""a1""#] as &[_],
            &[r#"W/"a1""#],
            &["*"],
            &[" * "],
            &[r#""b2", "a1""#],
            &[r#""b2",W/"a1","c3""#],
            &[r#""b2""#, r#""a1""#],
            &[r#""with, comma" , "a1""#],
        ] {
            assert!(has(lines), "{lines:?}");
        }
        for lines in [
            &[] as &[_],
            &[""],
            &["a1"],
            &[r#""a1"#],
            &[r#""A1""#],
            &[r#"w/"a1""#],
            &[r#"W/ "a1""#],
            &[r#""b2", "c3""#],
            &[r#""x,a1,y""#],
            &[r#"*, "b2""#],
        ] {
            assert!(!has(lines), "{lines:?}");
        }
    }
}
