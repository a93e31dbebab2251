//! The hands as pictures: bitmaps drawn for this game, two dots to a character.

use wulin_game::Hand;

/// Columns of a picture.
pub(super) const WIDTH: usize = 24;
/// Rows of a picture, as text.
pub(super) const HEIGHT: usize = 7;

/// Two rows of dots for each row of text.
type Bitmap = [&'static str; HEIGHT * 2];

/// What is shown in a hand's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    /// A hand.
    Hand(Hand),
    /// No hand at all.
    Nothing,
    /// Nothing yet.
    Thinking,
    /// A hand, and nobody knows which.
    Hidden,
}

/// The rows of a picture; `mirrored` for who sits on the right.
pub(super) fn rows(picture: Picture, mirrored: bool) -> [String; HEIGHT] {
    let bitmap = match picture {
        Picture::Hand(Hand::Scissors) => &SCISSORS,
        Picture::Hand(Hand::Rock) => &ROCK,
        Picture::Hand(Hand::Paper) => &PAPER,
        Picture::Nothing => &NOTHING,
        Picture::Thinking => &THINKING,
        Picture::Hidden => &HIDDEN,
    };
    // A question mark has a right way round.
    let mirrored = mirrored && matches!(picture, Picture::Hand(_));
    std::array::from_fn(|row| {
        let (upper, lower) = (bitmap[row * 2].bytes(), bitmap[row * 2 + 1].bytes());
        let dots = upper.zip(lower).map(|(upper, lower)| match (upper, lower) {
            (b'#', b'#') => '█',
            (b'#', _) => '▀',
            (_, b'#') => '▄',
            (_, _) => ' ',
        });
        if mirrored {
            let dots: Vec<char> = dots.collect();
            dots.into_iter().rev().collect()
        } else {
            dots.collect()
        }
    })
}

const ROCK: Bitmap = [
    "........##########......",
    "......##############....",
    "#####################...",
    "###########......#####..",
    "######################..",
    "#######################.",
    "###########......######.",
    "#######################.",
    "#######################.",
    "###########......#####..",
    "######################..",
    "#####.###############...",
    ".......#############....",
    ".........#########......",
];

const PAPER: Bitmap = [
    "........####............",
    "........#####...........",
    ".......######...........",
    "......#################.",
    "########################",
    "###########.............",
    "########################",
    "########################",
    "###########.............",
    "#######################.",
    "#######################.",
    "#####.#####.............",
    ".......#############....",
    ".........##########.....",
];

const SCISSORS: Bitmap = [
    "..................####..",
    "..............#########.",
    "..........###########...",
    "......#############.....",
    "################........",
    "#############...........",
    "############............",
    "#############...........",
    "################........",
    "#####.##.###########....",
    "#####.####.###########..",
    "......#####...#########.",
    ".......####......#####..",
    "........##..............",
];

const HIDDEN: Bitmap = [
    "........................",
    ".........######.........",
    "........########........",
    ".......###....###.......",
    "..............###.......",
    ".............###........",
    "............###.........",
    "...........###..........",
    "...........##...........",
    "...........##...........",
    "........................",
    "...........##...........",
    "...........##...........",
    "........................",
];

const THINKING: Bitmap = [
    "........................",
    "........................",
    "........................",
    "........................",
    "........................",
    "........................",
    ".....###...##...###.....",
    ".....###...##...###.....",
    "........................",
    "........................",
    "........................",
    "........................",
    "........................",
    "........................",
];

const NOTHING: Bitmap = [
    "........................",
    "........................",
    ".......##......##.......",
    "........##....##........",
    ".........##..##.........",
    "..........####..........",
    "...........##...........",
    "..........####..........",
    ".........##..##.........",
    "........##....##........",
    ".......##......##.......",
    "........................",
    "........................",
    "........................",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_fill_their_size_and_hands_face_each_other() {
        for bitmap in [ROCK, PAPER, SCISSORS, HIDDEN, THINKING, NOTHING] {
            for row in bitmap {
                assert_eq!(row.len(), WIDTH, "{row}");
                assert!(row.bytes().all(|dot| b"#.".contains(&dot)), "{row}");
            }
        }
        for hand in Hand::ALL {
            let left = rows(Picture::Hand(hand), false);
            let right = rows(Picture::Hand(hand), true);
            for (left, right) in left.iter().zip(&right) {
                assert_eq!(left.chars().count(), WIDTH);
                assert!(left.chars().eq(right.chars().rev()));
            }
        }
        assert_eq!(
            rows(Picture::Hidden, true),
            rows(Picture::Hidden, false),
            "a question mark is never mirrored"
        );
    }
}
