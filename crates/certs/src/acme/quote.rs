//! What an authority says, as it may be quoted.

use wulin_text::harmless;

/// The most letters of a stranger's text in one of our sentences.
const MOST_LETTERS: usize = 500;

/// A text of an authority's as it may be quoted: in one line, not too long, and without what steers a terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut letters = text.chars();
    // What is left out afterwards makes it only shorter.
    let begin: String = letters.by_ref().take(MOST_LETTERS).collect();
    let more = if letters.next().is_some() { "…" } else { "" };
    format!("{}{more}", harmless(&begin).replace('"', "'"))
}
