//! Both sides of the table: names, scores, faces and hands.

use wulin_game::Hand;

use super::super::art::{self, Picture};
use super::super::paper::{Sheet, Tone, centred, fit, piece, width};
use super::super::round::{Other, Over, Round, TimedFace};
use super::super::table::{Stage, Table};
use super::{Canvas, drawn};

impl Canvas<'_> {
    /// Both sides, each with its name, score and hand.
    pub(super) fn players(&self) -> Sheet {
        let (left, right) = match &self.table.stage {
            Stage::Idle | Stage::Waiting(_) => (
                self.me(Picture::Nothing, None),
                vec![Vec::new(); if self.large { 3 + art::HEIGHT } else { 3 }],
            ),
            Stage::Playing(round) => {
                let mine = round.hand.map_or(Picture::Thinking, Picture::Hand);
                (self.me(mine, round.face), self.others(round))
            }
            Stage::Over(over) => {
                let mine = over.mine.hand().map_or(Picture::Nothing, Picture::Hand);
                let mut left = self.me(mine, None);
                let hand = self.words.hand(over.mine.hand());
                left[2] = vec![piece(hand, Tone::Plain)];
                (left, self.shown(over))
            }
        };
        let empty = matches!(self.table.stage, Stage::Idle | Stage::Waiting(_));
        if empty {
            // There is no other side yet: the player is in the middle.
            return left
                .into_iter()
                .map(|line| centred(line, self.columns))
                .collect();
        }
        let half = self.columns / 2;
        let rows = left.len().max(right.len());
        let mut sides = left
            .into_iter()
            .zip(right.into_iter().chain(std::iter::repeat(Vec::new())));
        (0..rows)
            .map(|_| {
                let (left, right) = sides.next().unwrap_or_default();
                let mut line = centred(left, half);
                let gap = half.saturating_sub(width(&line));
                line.push(piece(" ".repeat(gap), Tone::Plain));
                line.extend(centred(right, self.columns - half));
                line
            })
            .collect()
    }

    /// The player's own side.
    fn me(&self, picture: Picture, face: TimedFace) -> Sheet {
        let Table {
            name,
            total,
            streak,
            stage,
            ..
        } = self.table;
        let name = format!("{} · {}", fit(name, self.columns / 2 - 12), self.words.me);
        let waiting = matches!(stage, Stage::Idle | Stage::Waiting(_));
        let mut lines = vec![
            vec![piece(name, Tone::Strong)],
            vec![piece(self.standing(*total, *streak), Tone::Quiet)],
            vec![piece(self.face(face), Tone::Plain)],
        ];
        // Before a round the player sees all three hands, or one if there is no room.
        let pictures: Vec<Picture> = if waiting && self.columns >= 3 * art::WIDTH {
            Hand::ALL.map(Picture::Hand).to_vec()
        } else if waiting {
            vec![Picture::Hand(Hand::Rock)]
        } else {
            vec![picture]
        };
        let tone = if waiting { Tone::Quiet } else { Tone::Plain };
        lines.extend(self.pictures(&pictures, false, tone));
        lines
    }

    /// The other side during a round.
    fn others(&self, round: &Round) -> Sheet {
        let said = |other: &Other| {
            if other.left {
                return self.words.left.to_owned();
            }
            if other.user.away {
                return self.words.away.to_owned();
            }
            let face = self.face(other.face);
            if face.is_empty() {
                other.doing(self.words)
            } else {
                face
            }
        };
        match &round.others[..] {
            [other] => {
                let picture = match other.moves {
                    _ if other.left => Picture::Nothing,
                    0 if !other.user.locked => Picture::Thinking,
                    _ => Picture::Hidden,
                };
                let mut lines = self.other(other);
                lines.push(vec![piece(said(other), Tone::Plain)]);
                lines.extend(self.pictures(&[picture], true, Tone::Quiet));
                lines
            }
            several => several
                .iter()
                .map(|other| {
                    vec![
                        piece(format!("{}  ", self.name(other)), Tone::Strong),
                        piece(said(other), Tone::Plain),
                    ]
                })
                .collect(),
        }
    }

    /// The other side when the hands are shown.
    fn shown(&self, over: &Over) -> Sheet {
        match &over.others[..] {
            [(other, row)] => {
                let picture = row.hand().map_or(Picture::Nothing, Picture::Hand);
                let mut lines = self.other(other);
                lines[1] = vec![piece(
                    self.standing(row.total_score, row.win_streak),
                    Tone::Quiet,
                )];
                let said = if other.left {
                    self.words.left
                } else {
                    self.words.hand(row.hand())
                };
                lines.push(vec![piece(said, Tone::Plain)]);
                lines.extend(self.pictures(&[picture], true, Tone::Plain));
                lines
            }
            several => several
                .iter()
                .map(|(other, row)| {
                    vec![
                        piece(format!("{}  ", self.name(other)), Tone::Strong),
                        piece(self.words.hand(row.hand()), Tone::Plain),
                    ]
                })
                .collect(),
        }
    }

    fn other(&self, other: &Other) -> Sheet {
        let user = &other.user;
        vec![
            vec![piece(self.name(other), Tone::Strong)],
            vec![piece(
                self.standing(user.total_score, user.win_streak),
                Tone::Quiet,
            )],
        ]
    }

    fn name(&self, other: &Other) -> String {
        let room = self.columns / 2 - 12;
        let name = match other.user.uname.trim() {
            "" => self.words.nobody.to_owned(),
            name if other.user.robot => fit(&self.words.robot_name(name), room),
            name => fit(name, room),
        };
        if other.user.robot {
            format!("{name} · {}", self.words.robot)
        } else {
            name
        }
    }

    fn standing(&self, total: u64, streak: u32) -> String {
        if streak > 1 {
            format!(
                "{} · {}",
                self.words.score(total),
                self.words.streak(streak)
            )
        } else {
            self.words.score(total)
        }
    }

    fn face(&self, shown: TimedFace) -> String {
        match shown {
            Some((face, until)) if self.now < until => {
                format!("{} {}", drawn(face), self.words.face(face))
            }
            Some(_) | None => String::new(),
        }
    }

    fn pictures(&self, pictures: &[Picture], mirrored: bool, tone: Tone) -> Sheet {
        if !self.large {
            return Vec::new();
        }
        let rows: Vec<_> = pictures
            .iter()
            .map(|picture| art::rows(*picture, mirrored))
            .collect();
        (0..art::HEIGHT)
            .map(|row| {
                let line: Vec<_> = rows.iter().map(|rows| &*rows[row]).collect();
                vec![piece(line.join(" "), tone)]
            })
            .collect()
    }
}
