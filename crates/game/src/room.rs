//! One room from its start to its result: a state machine without a clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::Rejected;
use super::event::{Event, Movement, RoundStanding, Seated};
use super::hand::{Face, Hand};
use super::player::{PlayerId, Profile, RoomId, Standing};
use super::robot::{self, Robot};
use super::score::{Shown, balances};

/// What a seated player can ask of its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Show this hand at the end; the last one counts.
    Choose(Hand),
    /// Pull a face at the others.
    Pull(Face),
    /// Give the seat up.
    Leave,
    /// Tell me again where the round stands: another connection speaks for me now.
    Return,
}

/// Who is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// Every person still in the room.
    All,
    /// Every person still in the room but this one.
    Others(PlayerId),
    /// This one.
    One(PlayerId),
}

/// What came of a command or of the time.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Tell them.
    Send(Recipient, Event),
    /// This person gave the seat up and is free to join elsewhere.
    Left(PlayerId),
    /// The round is settled and the room is over: the lobby is told before the players, so that whoever asks again at once
    /// is free.
    Settled(Vec<Settlement>),
}

/// What a round did to a person who stayed to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Who.
    pub player: PlayerId,
    /// The standing from now on.
    pub standing: Standing,
    /// Lost more pairs than it won.
    pub lost: bool,
}

/// A person about to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrant {
    /// Who.
    pub player: PlayerId,
    /// How it presents itself.
    pub profile: Profile,
    /// What it brings along.
    pub standing: Standing,
}

#[derive(Debug)]
struct Seat {
    shown: Shown,
    occupant: Occupant,
}

#[derive(Debug)]
enum Occupant {
    Person(PlayerId),
    Robot(Robot),
}

#[derive(Debug)]
enum Phase {
    Playing { deadline: Instant },
    Over,
}

/// A room that plays one round.
#[derive(Debug)]
pub struct Room {
    id: RoomId,
    seats: Vec<Seat>,
    cards: Arc<[Seated]>,
    phase: Phase,
    outputs: VecDeque<Output>,
    rng: SmallRng,
}

/// How many players a room has, and for how long it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Seats, at least two.
    pub seats: usize,
    /// How long a round lasts.
    pub round_time: Duration,
}

impl Room {
    /// Starts the round of these people at `now`; seats nobody has are taken by robots.
    pub fn start(
        id: RoomId,
        people: Vec<Entrant>,
        format: Format,
        seed: u64,
        now: Instant,
    ) -> Room {
        debug_assert!(
            !people.is_empty() && people.len() <= format.seats,
            "a room starts with people, and no more than fit"
        );
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut seats = Vec::with_capacity(format.seats);
        let mut cards = Vec::with_capacity(format.seats);
        for Entrant {
            player,
            profile,
            standing,
        } in people
        {
            seats.push(Seat {
                shown: Shown::Nothing,
                occupant: Occupant::Person(player),
            });
            cards.push(Seated {
                profile,
                standing,
                robot: false,
            });
        }
        for seat in seats.len()..format.seats {
            let robot = Robot::new(now, format.round_time, &mut rng);
            seats.push(Seat {
                shown: Shown::Nothing,
                occupant: Occupant::Robot(robot),
            });
            cards.push(Seated {
                profile: robot::profile(id, seat),
                standing: Standing::default(),
                robot: true,
            });
        }
        let mut room = Room {
            id,
            seats,
            cards: cards.into(),
            phase: Phase::Playing {
                deadline: now + format.round_time,
            },
            outputs: VecDeque::new(),
            rng,
        };
        if room.cards.iter().any(|card| card.robot) {
            room.send(
                Recipient::All,
                Event::RoomChanged {
                    room: id,
                    seats: room.cards.clone(),
                    full: true,
                },
            );
        }
        room.send(
            Recipient::All,
            Event::RoundStarted {
                round_time: format.round_time,
                seats: room.cards.clone(),
            },
        );
        room
    }

    /// The room's id.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The seats played by the server.
    pub fn robots(&self) -> usize {
        self.cards.iter().filter(|card| card.robot).count()
    }

    /// Applies one player's command; then drain [`poll_output`](Self::poll_output) and sleep until
    /// [`deadline`](Self::deadline).
    pub fn handle(&mut self, by: PlayerId, command: Command, now: Instant) -> Result<(), Rejected> {
        let Phase::Playing { deadline } = self.phase else {
            return Err(match command {
                Command::Choose(_) => Rejected::NoRound,
                Command::Pull(_) | Command::Leave | Command::Return => Rejected::NotSeated,
            });
        };
        let seat = self.seat_of(by).ok_or(Rejected::NotSeated)?;
        match command {
            Command::Choose(_) if now >= deadline => return Err(Rejected::NoRound),
            Command::Choose(hand) => self.choose(seat, hand),
            Command::Pull(face) => {
                self.pull(seat, face);
                for seat in &mut self.seats {
                    if let Occupant::Robot(robot) = &mut seat.occupant {
                        robot.see(face, &mut self.rng);
                    }
                }
            }
            Command::Leave => self.leave(seat, by),
            Command::Return => {
                let round_time = deadline.saturating_duration_since(now);
                self.send(
                    Recipient::One(by),
                    Event::RoundStarted {
                        round_time,
                        seats: self.cards.clone(),
                    },
                );
            }
        }
        Ok(())
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` once the room is over.
    pub fn deadline(&self) -> Option<Instant> {
        let Phase::Playing { deadline } = self.phase else {
            return None;
        };
        let robots = self.seats.iter().filter_map(|seat| match &seat.occupant {
            Occupant::Robot(robot) => Some(robot.deadline()),
            Occupant::Person(_) => None,
        });
        Some(robots.fold(deadline, Instant::min))
    }

    /// Does what is due at `now`: robots move, the round ends.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Phase::Playing { deadline } = self.phase else {
            return;
        };
        for seat in 0..self.seats.len() {
            self.move_robot(seat, now, deadline);
        }
        if now >= deadline {
            self.settle();
        }
    }

    /// The next thing to do, in order; `None` when there is nothing left.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The people a recipient stands for at this moment.
    pub fn audience(&self, recipient: Recipient) -> impl Iterator<Item = PlayerId> + '_ {
        self.present().filter(move |player| match recipient {
            Recipient::All => true,
            Recipient::Others(one) => *player != one,
            Recipient::One(one) => *player == one,
        })
    }

    fn present(&self) -> impl Iterator<Item = PlayerId> + '_ {
        self.seats.iter().filter_map(|seat| match seat {
            Seat {
                shown: Shown::Hand(_) | Shown::Nothing,
                occupant: Occupant::Person(player),
            } => Some(*player),
            Seat {
                shown: Shown::Left, ..
            }
            | Seat {
                occupant: Occupant::Robot(_),
                ..
            } => None,
        })
    }

    fn seat_of(&self, player: PlayerId) -> Option<usize> {
        self.seats.iter().position(|seat| {
            seat.shown != Shown::Left
                && matches!(seat.occupant, Occupant::Person(person) if person == player)
        })
    }

    fn choose(&mut self, seat: usize, hand: Hand) {
        self.seats[seat].shown = Shown::Hand(hand);
        self.moved(seat, Movement::Choice);
    }

    fn pull(&mut self, seat: usize, face: Face) {
        self.moved(seat, Movement::Face(face));
    }

    fn moved(&mut self, seat: usize, movement: Movement) {
        let recipient = match self.seats[seat].occupant {
            Occupant::Person(player) => Recipient::Others(player),
            Occupant::Robot(_) => Recipient::All,
        };
        let uid = self.cards[seat].profile.uid.clone();
        self.send(recipient, Event::Moved { uid, movement });
    }

    fn move_robot(&mut self, seat: usize, now: Instant, end: Instant) {
        // One late wake-up may stand for several moves; they are still made one by one.
        while let Occupant::Robot(robot) = &mut self.seats[seat].occupant
            && robot.deadline() <= now
            && robot.deadline() < end
        {
            let (hand, face) = robot.make_move(&mut self.rng);
            self.choose(seat, hand);
            if let Some(face) = face {
                self.pull(seat, face);
            }
        }
    }

    fn leave(&mut self, seat: usize, player: PlayerId) {
        self.seats[seat].shown = Shown::Left;
        self.outputs.push_back(Output::Left(player));
        if self.present().next().is_none() {
            // Robots leave with the last person: nobody is left to be told a result.
            self.phase = Phase::Over;
            self.outputs.push_back(Output::Settled(Vec::new()));
            return;
        }
        let uid = self.cards[seat].profile.uid.clone();
        self.send(Recipient::All, Event::Left { uid });
    }

    fn settle(&mut self) {
        self.phase = Phase::Over;
        let shown: Vec<Shown> = self.seats.iter().map(|seat| seat.shown).collect();
        let mut settlements = Vec::with_capacity(self.seats.len());
        let mut standings = Vec::with_capacity(self.seats.len());
        for ((seat, card), balance) in self
            .seats
            .iter()
            .zip(self.cards.iter())
            .zip(balances(&shown))
        {
            let (standing, round_score) = card.standing.after(balance);
            let hand = match seat.shown {
                Shown::Hand(hand) => Some(hand),
                Shown::Nothing | Shown::Left => None,
            };
            standings.push(RoundStanding {
                uid: card.profile.uid.clone(),
                hand,
                round_score,
                standing,
            });
            if let Seat {
                shown: Shown::Hand(_) | Shown::Nothing,
                occupant: Occupant::Person(player),
            } = *seat
            {
                settlements.push(Settlement {
                    player,
                    standing,
                    lost: balance < 0,
                });
            }
        }
        self.outputs.push_back(Output::Settled(settlements));
        self.send(
            Recipient::All,
            Event::RoundEnded {
                standings: standings.into(),
            },
        );
    }

    fn send(&mut self, recipient: Recipient, event: Event) {
        self.outputs.push_back(Output::Send(recipient, event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PlayerId = PlayerId(1);
    const BOB: PlayerId = PlayerId(2);
    const CAROL: PlayerId = PlayerId(3);
    const ROUND_TIME: Duration = Duration::from_secs(5);

    fn entrant(player: PlayerId) -> Entrant {
        let profile = Profile {
            uid: player.to_string().into(),
            name: "somebody".into(),
            picture: "".into(),
        };
        Entrant {
            player,
            profile,
            standing: Standing::default(),
        }
    }

    fn open_room(people: &[PlayerId], seats: usize) -> (Room, Instant) {
        let start = Instant::now();
        let format = Format {
            seats,
            round_time: ROUND_TIME,
        };
        let people = people.iter().copied().map(entrant).collect();
        let mut room = Room::start(RoomId(1), people, format, 7, start);
        drain(&mut room);
        (room, start)
    }

    fn drain(room: &mut Room) -> Vec<Output> {
        std::iter::from_fn(|| room.poll_output()).collect()
    }

    fn result(outputs: &[Output]) -> Vec<RoundStanding> {
        let ends: Vec<_> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Send(Recipient::All, Event::RoundEnded { standings }) => {
                    Some(standings.to_vec())
                }
                _ => None,
            })
            .collect();
        assert_eq!(ends.len(), 1, "exactly one result in {outputs:?}");
        ends.concat()
    }

    #[test]
    fn silent_player_loses_at_the_deadline() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        room.handle(ALICE, Command::Choose(Hand::Rock), start)
            .unwrap();
        assert_eq!(room.deadline(), Some(start + ROUND_TIME));
        room.handle_timeout(start + ROUND_TIME);
        let outputs = drain(&mut room);
        let Some(Output::Settled(settlements)) = outputs
            .iter()
            .find(|output| matches!(output, Output::Settled(_)))
        else {
            panic!("not settled: {outputs:?}");
        };
        assert_eq!(
            settlements[0].standing,
            Standing {
                total: 1,
                streak: 1
            }
        );
        assert!(settlements[1].lost);
        let lines = result(&outputs);
        assert_eq!((lines[0].hand, lines[0].round_score), (Some(Hand::Rock), 1));
        assert_eq!((lines[1].hand, lines[1].round_score), (None, 0));
        assert_eq!(room.deadline(), None);
    }

    #[test]
    fn the_last_choice_counts_and_no_movement_tells_the_hand() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        for hand in [Hand::Paper, Hand::Scissors] {
            room.handle(ALICE, Command::Choose(hand), start).unwrap();
        }
        let moved = Event::Moved {
            uid: "p1".into(),
            movement: Movement::Choice,
        };
        assert_eq!(
            drain(&mut room),
            vec![Output::Send(Recipient::Others(ALICE), moved); 2]
        );
        room.handle_timeout(start + ROUND_TIME);
        assert_eq!(result(&drain(&mut room))[0].hand, Some(Hand::Scissors));
    }

    #[test]
    fn a_leaver_is_in_the_result_and_loses_whatever_it_showed() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        room.handle(ALICE, Command::Choose(Hand::Rock), start)
            .unwrap();
        room.handle(BOB, Command::Choose(Hand::Scissors), start)
            .unwrap();
        drain(&mut room);
        room.handle(ALICE, Command::Leave, start).unwrap();
        assert_eq!(
            drain(&mut room),
            [
                Output::Left(ALICE),
                Output::Send(Recipient::All, Event::Left { uid: "p1".into() })
            ]
        );
        assert_eq!(room.audience(Recipient::All).collect::<Vec<_>>(), [BOB]);
        assert_eq!(
            room.deadline(),
            Some(start + ROUND_TIME),
            "the other gets a result on time"
        );
        assert_eq!(
            room.handle(ALICE, Command::Choose(Hand::Rock), start),
            Err(Rejected::NotSeated)
        );
        room.handle_timeout(start + ROUND_TIME);
        let lines = result(&drain(&mut room));
        assert_eq!(
            (&*lines[0].uid, lines[0].hand, lines[0].round_score),
            ("p1", None, 0)
        );
        assert_eq!(
            (&*lines[1].uid, lines[1].hand, lines[1].round_score),
            ("p2", Some(Hand::Scissors), 1)
        );
    }

    #[test]
    fn the_room_ends_with_its_last_person() {
        let (mut room, start) = open_room(&[ALICE], 2);
        room.handle(ALICE, Command::Leave, start).unwrap();
        assert_eq!(
            drain(&mut room),
            [Output::Left(ALICE), Output::Settled(vec![])]
        );
        assert_eq!(room.deadline(), None);
        room.handle_timeout(start + ROUND_TIME);
        assert_eq!(drain(&mut room), []);
    }

    #[test]
    fn a_robot_moves_several_times_and_shows_a_hand() {
        for seed in 0..50 {
            let start = Instant::now();
            let format = Format {
                seats: 2,
                round_time: ROUND_TIME,
            };
            let mut room = Room::start(RoomId(1), vec![entrant(ALICE)], format, seed, start);
            let mut outputs = drain(&mut room);
            while let Some(deadline) = room.deadline() {
                room.handle_timeout(deadline);
                outputs.extend(drain(&mut room));
            }
            let moves = outputs
                .iter()
                .filter(|output| {
                    matches!(
                        output,
                        Output::Send(
                            _,
                            Event::Moved {
                                movement: Movement::Choice,
                                ..
                            }
                        )
                    )
                })
                .count();
            assert!((2..=8).contains(&moves), "{moves} moves with seed {seed}");
            assert!(result(&outputs)[1].hand.is_some());
        }
    }

    #[test]
    fn a_choice_at_or_after_the_deadline_does_not_count() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        let late = Command::Choose(Hand::Rock);
        assert_eq!(
            room.handle(ALICE, late, start + ROUND_TIME),
            Err(Rejected::NoRound)
        );
        room.handle_timeout(start + ROUND_TIME);
        assert_eq!(
            room.handle(ALICE, late, start + ROUND_TIME),
            Err(Rejected::NoRound)
        );
        assert_eq!(result(&drain(&mut room))[0].hand, None);
    }

    #[test]
    fn three_seats_with_one_person_hold_two_robots() {
        let (room, _) = open_room(&[CAROL], 3);
        assert_eq!(room.robots(), 2);
        let uids: std::collections::BTreeSet<_> =
            room.cards.iter().map(|card| &card.profile.uid).collect();
        assert_eq!(uids.len(), 3, "no two equal uids");
        assert!(robot::owns_uid(&room.cards[1].profile.uid));
    }

    #[test]
    fn whoever_returns_is_told_the_time_that_is_left() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        room.handle(BOB, Command::Return, start + Duration::from_secs(2))
            .unwrap();
        let outputs = drain(&mut room);
        assert!(
            matches!(&outputs[..], [Output::Send(Recipient::One(BOB), Event::RoundStarted { round_time, .. })]
                if *round_time == Duration::from_secs(3)),
            "{outputs:?}"
        );
    }
}
