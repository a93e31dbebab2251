//! Lines of styled text: their width, colours, cutting and centring.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a piece of text is styled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As the terminal has it.
    Plain,
    /// Dim.
    Quiet,
    /// Bold.
    Strong,
    /// Inverse: the hand the player has chosen.
    Chosen,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The text.
    pub(super) text: String,
    tone: Tone,
}

/// Lines of pieces, from the top.
pub(super) type Sheet = Vec<Vec<Piece>>;

/// A piece of a line.
pub(super) fn piece(text: impl Into<String>, tone: Tone) -> Piece {
    Piece {
        text: text.into(),
        tone,
    }
}

/// The width of a line in columns.
pub(super) fn width(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.text.width()).sum()
}

/// The text of each line with its escape sequences. Without `colour`, good and bad news are bold.
pub(super) fn paint(sheet: &Sheet, colour: bool) -> Vec<String> {
    let paint = |piece: &Piece| {
        let code = match (piece.tone, colour) {
            (Tone::Plain, _) => return piece.text.clone(),
            (Tone::Quiet, _) => "2",
            (Tone::Chosen, _) => "7",
            (Tone::Good, true) => "1;32",
            (Tone::Bad, true) => "1;31",
            (Tone::Strong, _) | (Tone::Good | Tone::Bad, false) => "1",
        };
        format!("\x1b[{code}m{}\x1b[0m", piece.text)
    };
    sheet
        .iter()
        .map(|line| line.iter().map(paint).collect())
        .collect()
}

/// Centres a line in so many columns, and cuts it if it is longer.
pub(super) fn centred(mut line: Vec<Piece>, columns: usize) -> Vec<Piece> {
    let mut room = columns;
    for piece in &mut line {
        piece.text = fit(&piece.text, room);
        room -= piece.text.width();
    }
    let margin = columns.saturating_sub(width(&line)) / 2;
    line.insert(0, piece(" ".repeat(margin), Tone::Plain));
    line
}

/// Cuts a text to so many columns. A cut text ends with `…`.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    // An emoji of several joined characters is as wide as one and is not cut apart. So the width of each prefix is
    // measured, not that of single characters.
    let mut kept = "";
    for (at, c) in text.char_indices() {
        let start = &text[..at];
        if start.width() >= columns {
            break;
        }
        let joined = c.width().unwrap_or(0) == 0 || start.ends_with('\u{200d}');
        if !joined {
            kept = start;
        }
    }
    kept.to_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_whole_characters() {
        assert_eq!(fit("武林盟主", 8), "武林盟主");
        assert_eq!(fit("武林盟主", 7), "武林盟…");
        assert_eq!(fit("武林盟主", 6), "武林…");
        assert_eq!(fit("abc", 2), "a…");
        assert_eq!(fit("abc", 0), "");
        // A family of three joined emoji is two columns wide.
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(fit(family, 2), family);
        assert_eq!(fit(&format!("{family}bc"), 3), format!("{family}…"));
        assert_eq!(fit(&format!("{family}bc"), 2), "…");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }
}
