//! All texts of the terminal game, in Chinese and English. They are those of the page and the Mini Program
//! (`words.js`).

mod chinese;
mod english;

use std::borrow::Cow;

use wulin_game::{Face, Hand};

pub use chinese::CHINESE;
pub use english::ENGLISH;

/// The texts of one language.
pub struct Words {
    /// The game's name.
    pub title: &'static str,
    /// The rules, shown before a round.
    pub rules: &'static str,
    /// The connection is lost and is being opened again.
    pub reconnecting: &'static str,
    /// A seat has been asked for.
    pub waiting: &'static str,
    /// What happens if nobody comes.
    pub waiting_detail: &'static str,
    /// The round has begun.
    pub choose: &'static str,
    /// No hand has been chosen yet.
    pub choose_detail: &'static str,
    /// A hand has been chosen.
    pub chosen_detail: &'static str,
    /// A hand has been chosen while the connection is lost.
    pub chosen_offline: &'static str,
    /// The hand is locked.
    pub locked_detail: &'static str,
    /// The connection is lost during the round, and there is nothing to send.
    pub seat_kept: &'static str,
    /// The connection is lost, and the time is up.
    pub over_offline: &'static str,
    /// The connection is lost while a seat is asked for.
    pub waiting_offline: &'static str,
    /// The round goes on over a new connection.
    pub resumed: &'static str,
    /// The round that ended while the connection was lost.
    pub while_away: &'static str,
    /// The time is up and the result is not here yet.
    pub time_up: &'static str,
    /// The other has not chosen.
    pub thinking: &'static str,
    /// The other has locked a hand.
    pub locked: &'static str,
    /// The other's connection is lost.
    pub away: &'static str,
    /// The other's connection is there again.
    pub back: &'static str,
    /// The other has left.
    pub left: &'static str,
    /// The other player left, and so lost the round.
    pub other_left: &'static str,
    /// The round was won.
    pub win: &'static str,
    /// The round was lost.
    pub lose: &'static str,
    /// Nobody won.
    pub draw: &'static str,
    /// A first win.
    pub one_win: &'static str,
    /// The comment on a draw.
    pub draw_detail: &'static str,
    /// A player who shows no hand loses.
    pub no_hand_loses: &'static str,
    /// The player.
    pub me: &'static str,
    /// The mark of a robot.
    pub robot: &'static str,
    /// Somebody without a name.
    pub nobody: &'static str,
    /// The server says nothing of a round that went on while the connection was lost.
    pub round_lost: &'static str,
    /// The server has restarted during the round.
    pub round_forgotten: &'static str,
    /// No result came.
    pub no_result: &'static str,
    /// The server is restarting.
    pub restarting: &'static str,
    /// The same player has connected elsewhere.
    pub replaced: &'static str,
    /// What Enter does.
    pub again: &'static str,
    /// What Enter does when the other wants a rematch.
    pub accept: &'static str,
    /// What Enter does when a hand is chosen.
    pub lock: &'static str,
    /// What r does.
    pub take_robot: &'static str,
    /// What n does.
    pub take_anybody: &'static str,
    /// What q does.
    pub leave: &'static str,
    /// What the letters do.
    pub face_keys: &'static str,
    /// The terminal is too small.
    pub too_small: &'static str,
    /// Names for guests.
    pub guests: [&'static str; 12],
    hands: [&'static str; 3],
    no_hand: &'static str,
    faces: [&'static str; 4],
    beats: [&'static str; 3],
    consolations: [&'static str; 7],
    chinese: bool,
}

impl Words {
    /// The language of a locale such as `zh_CN.UTF-8`; English unless it is Chinese.
    pub fn of_locale(locale: &str) -> &'static Words {
        if locale.to_ascii_lowercase().starts_with("zh") {
            &CHINESE
        } else {
            &ENGLISH
        }
    }

    /// The name of a hand, or of none.
    pub fn hand(&self, hand: Option<Hand>) -> &'static str {
        hand.map_or(self.no_hand, |hand| {
            self.hands[usize::from(hand.number()) - 1]
        })
    }

    /// The name of a face.
    pub fn face(&self, face: Face) -> &'static str {
        self.faces[usize::from(face.number()) - 1]
    }

    /// The sentence on why a hand wins.
    pub fn beats(&self, winner: Hand) -> &'static str {
        self.beats[usize::from(winner.number()) - 1]
    }

    /// The name of a robot. The server gives it a Chinese one, which is translated for English.
    pub fn robot_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let translated = || {
            let (made, which) = name.split_once("人·")?;
            let made = match made {
                "木" => "Wooden",
                "铜" => "Bronze",
                _ => return None,
            };
            let number = ["甲", "乙", "丙", "丁"]
                .iter()
                .position(|one| *one == which)?;
            Some(format!("{made} Man {}", number + 1))
        };
        match translated() {
            Some(name) if !self.chinese => Cow::Owned(name),
            _ => Cow::Borrowed(name),
        }
    }

    /// The hand this player has chosen.
    pub fn chosen(&self, hand: Hand) -> String {
        let name = self.hand(Some(hand));
        if self.chinese {
            format!("你出{name}")
        } else {
            format!("You picked {name}")
        }
    }

    /// What comforts who has lost so many rounds: another sentence each time.
    pub fn consolation(&self, losses: usize) -> &'static str {
        self.consolations[losses.saturating_sub(1) % self.consolations.len()]
    }

    /// The name of a person, if there is something of it to see.
    pub fn person<'a>(&self, name: &'a str) -> &'a str {
        match name.trim() {
            "" => self.nobody,
            name => name,
        }
    }

    /// Somebody waits for this player to play again.
    pub fn wants_rematch(&self, name: &str) -> String {
        let name = self.person(name);
        if self.chinese {
            format!("{name}想再战一局")
        } else {
            format!("{name} wants a rematch")
        }
    }

    /// Somebody no longer waits for this player.
    pub fn no_rematch(&self, name: &str) -> String {
        let name = self.person(name);
        if self.chinese {
            format!("{name}不等了")
        } else {
            format!("{name} no longer waits")
        }
    }

    /// This player wants to meet these people again.
    pub fn want_rematch(&self, names: &str) -> String {
        if self.chinese {
            format!("想和{names}再战一局…")
        } else {
            format!("You want a rematch with {names}…")
        }
    }

    /// The running score: this player's wins first.
    pub fn tally(&self, mine: u32, theirs: u32) -> String {
        format!("{mine} : {theirs}")
    }

    /// How many others there are.
    pub fn online(&self, others: u64) -> String {
        match (self.chinese, others) {
            (true, 0) => "暂无他人在线".to_owned(),
            (true, n) => format!("另有 {n} 人在线"),
            (false, 0) => "Nobody else online".to_owned(),
            (false, 1) => "1 other online".to_owned(),
            (false, n) => format!("{n} others online"),
        }
    }

    /// Who has a seat already.
    pub fn seated_with(&self, names: &str) -> String {
        if self.chinese {
            format!("已入座：{names}。还在等人…")
        } else {
            format!("Here already: {names}. Waiting for more…")
        }
    }

    /// The time left.
    pub fn seconds(&self, seconds: u64) -> String {
        match (self.chinese, seconds) {
            (true, n) => format!("还剩 {n} 秒"),
            (false, 1) => "1 second left".to_owned(),
            (false, n) => format!("{n} seconds left"),
        }
    }

    /// How often the other player has chosen a hand: 1 is the first choice.
    pub fn moved(&self, moves: u32) -> String {
        match (self.chinese, moves) {
            (_, 0) => self.thinking.to_owned(),
            (true, 1) => "已出招".to_owned(),
            (true, n) => format!("改了 {} 次主意", n - 1),
            (false, 1) => "has chosen".to_owned(),
            (false, 2) => "changed once".to_owned(),
            (false, n) => format!("changed {} times", n - 1),
        }
    }

    /// The points of one round.
    pub fn gained(&self, points: u64) -> String {
        if self.chinese {
            format!("+{points} 分")
        } else {
            format!("+{points}")
        }
    }

    /// The points of all rounds.
    pub fn score(&self, points: u64) -> String {
        if self.chinese {
            format!("{points} 分")
        } else {
            format!("Score {points}")
        }
    }

    /// Wins in a row.
    pub fn streak(&self, wins: u32) -> String {
        if self.chinese {
            format!("{wins} 连胜")
        } else {
            format!("{wins} in a row")
        }
    }

    /// A streak that has grown.
    pub fn streak_now(&self, wins: u32) -> String {
        if self.chinese {
            format!("{wins} 连胜！")
        } else {
            format!("{wins} wins in a row!")
        }
    }

    /// A streak that has ended.
    pub fn streak_over(&self, wins: u32) -> String {
        if self.chinese {
            format!("{wins} 连胜到此为止。")
        } else {
            format!("A streak of {wins} ends.")
        }
    }

    /// Who makes which face.
    pub fn makes_face(&self, name: &str, face: Face) -> String {
        let face = self.face(face);
        if self.chinese {
            format!("{name}：{face}")
        } else {
            format!("{name}: {face}")
        }
    }

    /// The beginning of a round in plain lines.
    pub fn against(&self, names: &str) -> String {
        if self.chinese {
            format!("对手：{names}。")
        } else {
            format!("Against {names}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locale_picks_the_language() {
        for (locale, title) in [
            ("zh_CN.UTF-8", "武林"),
            ("ZH", "武林"),
            ("en_US.UTF-8", "武林 Wulin"),
            ("C", "武林 Wulin"),
            ("", "武林 Wulin"),
        ] {
            assert_eq!(Words::of_locale(locale).title, title, "{locale}");
        }
    }

    #[test]
    fn robot_names_are_translated() {
        for (name, english) in [
            ("木人·甲", "Wooden Man 1"),
            ("铜人·丁", "Bronze Man 4"),
            ("木人·戊", "木人·戊"),
            ("robot:1", "robot:1"),
        ] {
            assert_eq!(ENGLISH.robot_name(name), english);
            assert_eq!(CHINESE.robot_name(name), name);
        }
    }

    #[test]
    fn hand_names_follow_their_numbers() {
        assert_eq!(ENGLISH.hand(Hand::from_number(1)), "scissors");
        assert_eq!(ENGLISH.hand(Hand::from_number(3)), "paper");
        assert_eq!(CHINESE.hand(None), "没出手");
        assert_eq!(CHINESE.beats(Hand::Rock), "石头砸剪刀。");
    }
}
