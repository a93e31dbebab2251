//! Pictures of the hands: bitmaps drawn for this game. One character of text shows two dots, one above the other.

use wulin_game::Hand;

/// The width of a picture in columns.
pub(super) const WIDTH: usize = 24;
/// The height of a picture in lines of text.
pub(super) const HEIGHT: usize = 7;

/// A bitmap: two rows of dots for each line of text.
type Bitmap = [&'static str; HEIGHT * 2];

/// What is shown in a hand's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    /// A hand.
    Hand(Hand),
    /// The player showed no hand.
    Nothing,
    /// The player has not chosen yet.
    Thinking,
    /// The player has chosen, and the hand is still secret.
    Hidden,
}

/// The lines of a picture. The hand of the player on the right is `mirrored`.
pub(super) fn rows(picture: Picture, mirrored: bool) -> [String; HEIGHT] {
    let bitmap = match picture {
        Picture::Hand(Hand::Scissors) => &SCISSORS,
        Picture::Hand(Hand::Rock) => &ROCK,
        Picture::Hand(Hand::Paper) => &PAPER,
        Picture::Nothing => &NOTHING,
        Picture::Thinking => &THINKING,
        Picture::Hidden => &HIDDEN,
    };
    // Only hands are mirrored: a question mark would be wrong.
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
