//! What a player can show: hands and faces, and which hand beats which.

/// One of the three hands. The numbers are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hand {
    /// Cuts paper.
    Scissors = 1,
    /// Breaks scissors.
    Rock = 2,
    /// Wraps rock.
    Paper = 3,
}

impl Hand {
    /// Every hand, in the protocol's order.
    pub const ALL: [Hand; 3] = [Hand::Scissors, Hand::Rock, Hand::Paper];

    /// The hand with this number, 1 to 3.
    pub fn from_number(number: i64) -> Option<Hand> {
        Self::ALL
            .into_iter()
            .find(|hand| i64::from(hand.number()) == number)
    }

    /// The protocol's number, 1 to 3.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether this hand wins over the other. Two equal hands are a draw: neither beats the other.
    pub const fn beats(self, other: Hand) -> bool {
        matches!(
            (self, other),
            (Hand::Scissors, Hand::Paper)
                | (Hand::Paper, Hand::Rock)
                | (Hand::Rock, Hand::Scissors)
        )
    }
}

/// A face to pull at the others. The numbers are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    /// 1
    Laughing = 1,
    /// 2
    Crying = 2,
    /// 3
    Angry = 3,
    /// 4
    Smirking = 4,
}

impl Face {
    /// Every face, in the protocol's order.
    pub const ALL: [Face; 4] = [Face::Laughing, Face::Crying, Face::Angry, Face::Smirking];

    /// The face with this number, 1 to 4.
    pub fn from_number(number: i64) -> Option<Face> {
        Self::ALL
            .into_iter()
            .find(|face| i64::from(face.number()) == number)
    }

    /// The protocol's number, 1 to 4.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hand_beats_exactly_one_and_loses_to_exactly_one() {
        for hand in Hand::ALL {
            assert_eq!(
                Hand::ALL.iter().filter(|other| hand.beats(**other)).count(),
                1
            );
            assert_eq!(
                Hand::ALL.iter().filter(|other| other.beats(hand)).count(),
                1
            );
            assert!(!hand.beats(hand));
        }
        assert!(Hand::Rock.beats(Hand::Scissors));
        assert!(Hand::Scissors.beats(Hand::Paper));
        assert!(Hand::Paper.beats(Hand::Rock));
    }

    #[test]
    fn numbers_outside_the_range_are_no_hand_and_no_face() {
        assert_eq!(Hand::from_number(0), None);
        assert_eq!(Hand::from_number(4), None);
        assert_eq!(Hand::from_number(-1), None);
        assert_eq!(Hand::from_number(2), Some(Hand::Rock));
        assert_eq!(Face::from_number(5), None);
        assert_eq!(Face::from_number(4), Some(Face::Smirking));
    }
}
