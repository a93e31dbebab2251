//! Untrusted text, above all names: what of it may be shown, whether anything of it is visible, and which names look
//! alike.
//!
//! `miniprogram/game/person.js` has the same rules; `tests/data/names.json` holds both to the same cases.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The base of flags that are spelt with tags, such as Scotland's; then the characters that join letters or emoji, and
/// the frame of a key.
const BLACK_FLAG: char = '\u{1f3f4}';
const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';
/// The end of a flag made of tags.
const LAST_TAG: char = '\u{e007f}';
/// The most tags in a flag: two letters for the country, three for its part, and one to spare.
const TAGS: usize = 6;

/// An untrusted text as it may be shown: without controls, marks of writing direction and invisible characters, and
/// with a space for each U+2028 and U+2029. Joiners inside an emoji, or in a script that needs them, stay.
pub fn harmless(text: &str) -> String {
    visible(text).replace(['\u{2028}', '\u{2029}'], " ")
}

/// Untrusted lines as they may be shown.
pub fn harmless_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(harmless).collect();
    lines.join("\n")
}

/// An untrusted name as clients show it: harmless, and with single spaces between its words alone.
pub fn plain(name: &str) -> String {
    let shown = harmless(name);
    let words: Vec<_> = shown.split_whitespace().collect();
    words.join(" ")
}

/// As [`harmless`], but U+2028 and U+2029 stay; most programs show them as spaces.
pub fn visible(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut last = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if hides(c) && !belongs(c, last, rest.clone().next()) {
            continue;
        }
        kept.push(c);
        last = Some(c);
        if c == BLACK_FLAG
            && let Some(tags) = tags(rest.as_str())
        {
            kept.push_str(tags);
            last = Some(LAST_TAG);
            rest = rest.as_str()[tags.len()..].chars();
        }
    }
    kept
}

/// Whether nothing of a name is visible: it has only spaces, invisible characters, combining marks and characters that
/// are blank by design.
pub fn is_blank(name: &str) -> bool {
    name.chars().all(|c| {
        hides(c)
            || c.is_whitespace()
            || is_combining_mark(c)
            || matches!(c, '\u{2800}' | '\u{1d159}' | '\u{13441}' | '\u{13442}')
    })
}

/// A text in the form in which it is compared: compatible forms, case and invisible characters make no difference (UAX
/// 31, NFKC with case folding).
pub fn folded(text: &str) -> String {
    let seen = |c: &char| !hides(*c) && !is_blank(c.encode_utf8(&mut [0; 4]));
    // Upper case first: it unites what lower case alone keeps apart, such as ς and σ.
    let fold = |c: char| c.to_uppercase().flat_map(char::to_lowercase);
    text.nfkc().flat_map(fold).nfkc().filter(seen).collect()
}

/// The form that names which look alike have in common. Punctuation, spaces and marks are left out; letters and digits
/// that look like Latin letters become those, and so do digits that look like letters. It is for comparing alone.
///
/// Unicode's full table of confusables is larger than this program's page; these are the ones that the names of robots
/// need.
pub fn skeleton(name: &str) -> String {
    let alike = |c| match c {
        '\u{430}' | 'α' => 'a',
        '\u{432}' | 'β' => 'b',
        '\u{435}' | 'ε' => 'e',
        'μ' | '\u{43c}' => 'm',
        'ν' | '\u{43f}' | '\u{578}' => 'n',
        '\u{43e}' | 'ο' | '\u{585}' | '0' => 'o',
        '\u{433}' => 'r',
        'ω' | '\u{51d}' | '\u{461}' => 'w',
        'ζ' => 'z',
        '\u{501}' => 'd',
        'l' | 'i' | 'ι' | '\u{456}' | '\u{4cf}' => '1',
        '銅' => '铜',
        other => other,
    };
    folded(name)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(alike)
        .collect()
}

/// Whether a character has no shape of its own: controls, what Unicode lets a font ignore
/// (`Default_Ignorable_Code_Point`), interlinear annotations, and noncharacters.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether a character that [`hides`] changes what is visible around it: `last` is what was kept before it, `next` what
/// follows.
fn belongs(c: char, last: Option<char>, next: Option<char>) -> bool {
    let Some(last) = last else {
        return false;
    };
    let next = next.filter(|next| !hides(*next));
    match c {
        JOINER => joins(last) || (ends_emoji(last) && next.is_some_and(is_emoji)),
        NON_JOINER => joins(last) && next.is_some_and(joins),
        // Selects the style of text or of emoji; after a digit, only before a keycap.
        '\u{fe0e}' | '\u{fe0f}' if matches!(last, '#' | '*' | '0'..='9') => next == Some(KEYCAP),
        '\u{fe00}'..='\u{fe0f}' => is_emoji(last) || varies(last),
        '\u{e0100}'..='\u{e01ef}' => is_han(last),
        // Selects the form of a Mongolian letter.
        '\u{180b}'..='\u{180d}' | '\u{180f}' => is_mongolian(last),
        '\u{180e}' => is_mongolian(last) && next.is_some_and(is_mongolian),
        _ => false,
    }
}

/// Whether it may be part of an emoji, or is a symbol that can be shown as one.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{2bff}'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

fn ends_emoji(c: char) -> bool {
    is_emoji(c) || matches!(c, '\u{fe0e}' | '\u{fe0f}' | KEYCAP | LAST_TAG)
}

/// Whether it is of a script whose letters change shape before a joiner or a non-joiner: Arabic and related scripts,
/// those of India and of South East Asia, Mongolian.
fn joins(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}'
        | '\u{1700}'..='\u{18af}' | '\u{1900}'..='\u{1aad}' | '\u{1b00}'..='\u{1c4f}' | '\u{a800}'..='\u{a8ff}'
        | '\u{a930}'..='\u{a9ff}' | '\u{aa00}'..='\u{aaff}' | '\u{abc0}'..='\u{abff}' | '\u{fb50}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{10aff}' | '\u{10d00}'..='\u{10d3f}'
        | '\u{10f30}'..='\u{10fb0}' | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}')
}

/// Whether it has standardised variants other than emoji: Han, its punctuation and full width, Burmese, 'Phags-pa.
fn varies(c: char) -> bool {
    is_han(c)
        || matches!(c, '\u{1000}'..='\u{109f}' | '\u{3000}'..='\u{303f}' | '\u{a840}'..='\u{a877}'
            | '\u{aa60}'..='\u{aa7f}' | '\u{ff00}'..='\u{ff60}')
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{1820}'..='\u{18aa}')
}

/// The tags of a flag at the start of a text, with the tag that ends them.
fn tags(text: &str) -> Option<&str> {
    let end = text.find(LAST_TAG)?;
    let tags = &text[..end];
    let spells = |c| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let fits = !tags.is_empty() && tags.chars().all(spells) && tags.chars().count() <= TAGS;
    fits.then(|| &text[..end + LAST_TAG.len_utf8()])
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn control_characters_are_removed_from_names() {
        assert_eq!(harmless("\x1b[2J武\u{202e}林\r\n\u{9b}"), "[2J武林");
    }

    #[derive(Deserialize)]
    struct Case {
        typed: String,
        shown: String,
        #[serde(default)]
        blank: bool,
    }

    /// The cases that the clients' own code must pass as well.
    fn cases() -> Vec<Case> {
        serde_json::from_str(include_str!("../../../tests/data/names.json")).unwrap()
    }

    #[test]
    fn names_keep_only_joiners_that_belong() {
        for Case { typed, shown, .. } in cases() {
            assert_eq!(plain(&typed), shown, "{}", typed.escape_unicode());
            assert_eq!(plain(&shown), shown, "{}", typed.escape_unicode());
        }
    }

    #[test]
    fn invisible_names_are_blank() {
        for Case { typed, blank, .. } in cases() {
            assert_eq!(is_blank(&typed), blank, "{}", typed.escape_unicode());
            assert!(
                blank || !folded(&typed).is_empty(),
                "{}",
                typed.escape_unicode()
            );
        }
    }

    #[test]
    fn no_ignorable_code_point_stays_alone() {
        // All of Unicode's Default_Ignorable_Code_Point, except those that are not assigned.
        for c in ('\0'..=char::MAX).filter(|c| hides(*c)) {
            for text in [format!("{c}"), format!("a{c}b"), format!("{c}{c}")] {
                let shown = harmless(&text);
                assert!(!shown.contains(c), "{}", text.escape_unicode());
            }
        }
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (one, other) in [
            ("木人·甲", "木\u{200b}人·甲"),
            ("木人·甲", "⽊⼈・甲"),
            ("木人·甲", " 木人 • 甲\u{301} "),
            ("铜人·丁", "銅人·丁"),
            ("Wooden Man 1", "ＷＯＯＤＥＮ ＭＡＮ ①"),
            ("Wooden Man 1", "W\u{43e}\u{43e}d\u{435}n M\u{430}n l"),
            ("Straße", "STRASSE"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{other}");
        }
        assert_ne!(skeleton("木人·甲"), skeleton("木人·乙"));
        assert_eq!(folded("ΟΔΟΣ"), folded("οδος"));
    }

    proptest::proptest! {
        #[test]
        fn harmless_text_stays_the_same(text in "[ -~\u{200b}-\u{200f}\u{202e}م क्ष👩👧🏴☀a\u{fe0f}\u{e0061}\u{e007f}\u{180b}-\u{180f}ᠠ\u{e0100}武]{0,9}") {
            let once = harmless(&text);
            proptest::prop_assert_eq!(&*harmless(&once), &*once);
            proptest::prop_assert_eq!(is_blank(&once), is_blank(&text));
        }
    }
}
