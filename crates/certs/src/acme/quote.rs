//! Quotes an authority's text in our sentences.

use wulin_text::harmless;

/// The most characters of an authority's text in one sentence.
const MOST_LETTERS: usize = 500;

/// An authority's text as it may be quoted: in one line, of bounded length, and without what steers a terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut letters = text.chars();
    // Cut first: what `harmless` removes makes it only shorter.
    let begin: String = letters.by_ref().take(MOST_LETTERS).collect();
    let more = if letters.next().is_some() { "…" } else { "" };
    format!("{}{more}", harmless(&begin).replace('"', "'"))
}
