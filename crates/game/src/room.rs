//! One room from its start to its result: a state machine without a clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::Rejected;
use super::event::{Event, Movement, OwnHand, RoundStanding, Seated};
use super::hand::{Face, Hand};
use super::player::{PlayerId, Profile, RoomId, Standing};
use super::robot::{self, Robot};
use super::score::{Shown, balances};

/// What a seated player can ask of its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Show this hand at the end; the last one counts.
    Choose(Hand),
    /// Show this hand at the end, whatever comes.
    Lock(Hand),
    /// Pull a face at the others.
    Pull(Face),
    /// Give the seat up.
    Leave,
    /// My connection is lost. The seat and the hand stay mine.
    Disconnect,
    /// Tell me again where the round stands: another connection speaks for me now.
    Return {
        /// Whether that is a client from 2016.
        legacy: bool,
    },
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
pub enum RoomEffect {
    /// Tell them.
    Send(Recipient, Event),
    /// This person gave the seat up and is free to join elsewhere.
    Left(PlayerId),
    /// The round is settled and the room is over: the lobby is told before the players, so that whoever asks again at once
    /// is free.
    Settled(Arc<[RoundStanding]>, Vec<Settlement>),
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
    /// Whether its client is from 2016, which counts the round down itself.
    pub legacy: bool,
}

#[derive(Debug)]
struct Seat {
    shown: Shown,
    occupant: Occupant,
    locked: bool,
    away: bool,
    legacy: bool,
}

impl Seat {
    fn new(occupant: Occupant, legacy: bool) -> Seat {
        Seat {
            shown: Shown::Nothing,
            occupant,
            locked: false,
            away: false,
            legacy,
        }
    }

    /// Whether a person sits here who has not left.
    fn is_taken(&self) -> bool {
        self.shown != Shown::Left && matches!(self.occupant, Occupant::Person(_))
    }
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
    effects: VecDeque<RoomEffect>,
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
            legacy,
        } in people
        {
            seats.push(Seat::new(Occupant::Person(player), legacy));
            cards.push(Seated {
                profile,
                standing,
                robot: false,
                locked: false,
                away: false,
            });
        }
        for seat in seats.len()..format.seats {
            let robot = Robot::new(now, format.round_time, &mut rng);
            seats.push(Seat::new(Occupant::Robot(robot), false));
            cards.push(Seated {
                profile: robot::profile(id, seat),
                standing: Standing::default(),
                robot: true,
                locked: false,
                away: false,
            });
        }
        let mut room = Room {
            id,
            seats,
            cards: cards.into(),
            phase: Phase::Playing {
                deadline: now + format.round_time,
            },
            effects: VecDeque::new(),
            rng,
        };
        if room.cards.iter().any(|card| card.robot) {
            room.send(
                Recipient::All,
                Event::RoomChanged {
                    room: id,
                    seats: room.cards.clone(),
                    full: true,
                    rematch: None,
                },
            );
        }
        room.send(
            Recipient::All,
            Event::RoundStarted {
                round_time: format.round_time,
                seats: room.cards.clone(),
                own: None,
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

    /// Applies one player's command; then drain [`poll_effect`](Self::poll_effect) and sleep until
    /// [`deadline`](Self::deadline).
    pub fn handle(&mut self, by: PlayerId, command: Action, now: Instant) -> Result<(), Rejected> {
        let Phase::Playing { deadline } = self.phase else {
            return Err(match command {
                Action::Choose(_) | Action::Lock(_) => Rejected::NoRound,
                Action::Pull(_) | Action::Leave | Action::Disconnect | Action::Return { .. } => {
                    Rejected::NotSeated
                }
            });
        };
        let seat = self.seat_of(by).ok_or(Rejected::NotSeated)?;
        match command {
            Action::Choose(_) | Action::Lock(_) if now >= deadline => {
                return Err(Rejected::NoRound);
            }
            Action::Choose(hand) | Action::Lock(hand) if self.seats[seat].locked => {
                if self.seats[seat].shown != Shown::Hand(hand) {
                    return Err(Rejected::HandLocked);
                }
            }
            Action::Choose(hand) => self.choose(seat, hand),
            Action::Lock(hand) => self.lock(seat, hand),
            Action::Pull(face) => {
                self.pull(seat, face);
                for seat in &mut self.seats {
                    if let Occupant::Robot(robot) = &mut seat.occupant {
                        robot.see(face, &mut self.rng);
                    }
                }
            }
            Action::Leave => self.leave(seat, by),
            Action::Disconnect => self.went_away(seat, by),
            Action::Return { legacy } => {
                let round_time = deadline.saturating_duration_since(now);
                self.came_back(seat, by, legacy, round_time);
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
    pub fn poll_effect(&mut self) -> Option<RoomEffect> {
        self.effects.pop_front()
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
        self.seats.iter().filter_map(|seat| match seat.occupant {
            Occupant::Person(player) if seat.is_taken() => Some(player),
            Occupant::Person(_) | Occupant::Robot(_) => None,
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

    fn lock(&mut self, seat: usize, hand: Hand) {
        self.seats[seat].shown = Shown::Hand(hand);
        self.seats[seat].locked = true;
        self.moved(seat, Movement::Locked);
        self.end_if_nobody_is_waited_for();
    }

    fn went_away(&mut self, seat: usize, player: PlayerId) {
        if std::mem::replace(&mut self.seats[seat].away, true) {
            return;
        }
        let uid = self.cards[seat].profile.uid.clone();
        self.send(Recipient::Others(player), Event::WentAway { uid });
    }

    fn came_back(&mut self, seat: usize, player: PlayerId, legacy: bool, round_time: Duration) {
        self.seats[seat].legacy = legacy;
        let Seat { shown, locked, .. } = self.seats[seat];
        let own = match shown {
            Shown::Hand(hand) => Some(OwnHand { hand, locked }),
            Shown::Nothing | Shown::Left => None,
        };
        let was_away = std::mem::replace(&mut self.seats[seat].away, false);
        let seats = self
            .cards
            .iter()
            .zip(&self.seats)
            .map(|(card, seat)| Seated {
                locked: seat.locked,
                away: seat.away,
                ..card.clone()
            });
        let event = Event::RoundStarted {
            round_time,
            seats: seats.collect(),
            own,
        };
        self.send(Recipient::One(player), event);
        if was_away {
            let uid = self.cards[seat].profile.uid.clone();
            self.send(Recipient::Others(player), Event::CameBack { uid });
        }
        // It may have been waited for only as long as its client was from 2016.
        self.end_if_nobody_is_waited_for();
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
        self.effects.push_back(RoomEffect::Left(player));
        if self.present().next().is_none() {
            // Robots leave with the last person: nobody is left to be told a result.
            self.phase = Phase::Over;
            self.effects
                .push_back(RoomEffect::Settled(Arc::new([]), Vec::new()));
            return;
        }
        let uid = self.cards[seat].profile.uid.clone();
        self.send(Recipient::All, Event::Left { uid });
        self.end_if_nobody_is_waited_for();
    }

    /// Ends the round when nothing that could still happen matters: every person still there has locked a hand, or one is left
    /// of several and there is no robot to play against. A client from 2016 counts down by itself and expects the full time.
    fn end_if_nobody_is_waited_for(&mut self) {
        let there = self.seats.iter().filter(|seat| seat.is_taken());
        if there.clone().any(|seat| seat.legacy) {
            return;
        }
        let all_locked = there.clone().all(|seat| seat.locked);
        let one_is_left = there.count() == 1 && self.robots() == 0;
        if !all_locked && !one_is_left {
            return;
        }
        // Whoever is quick must not win because a robot had no time to show a hand.
        for seat in 0..self.seats.len() {
            if self.seats[seat].shown == Shown::Nothing
                && let Occupant::Robot(robot) = &mut self.seats[seat].occupant
            {
                let (hand, _) = robot.make_move(&mut self.rng);
                self.choose(seat, hand);
            }
        }
        self.settle();
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
            if let Occupant::Person(player) = seat.occupant
                && seat.is_taken()
            {
                settlements.push(Settlement {
                    player,
                    standing,
                    lost: balance < 0,
                });
            }
        }
        let standings: Arc<[RoundStanding]> = standings.into();
        self.effects
            .push_back(RoomEffect::Settled(standings.clone(), settlements));
        let room = self.id;
        self.send(Recipient::All, Event::RoundEnded { room, standings });
    }

    fn send(&mut self, recipient: Recipient, event: Event) {
        self.effects.push_back(RoomEffect::Send(recipient, event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PlayerId = PlayerId(1);
    const BOB: PlayerId = PlayerId(2);
    const CAROL: PlayerId = PlayerId(3);
    const ROUND_TIME: Duration = Duration::from_secs(5);
    const RETURN: Action = Action::Return { legacy: false };

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
            legacy: false,
        }
    }

    fn open_room(people: &[PlayerId], seats: usize) -> (Room, Instant) {
        open_room_of(people.iter().copied().map(entrant).collect(), seats)
    }

    /// A room where the clients of the first so many are from 2016.
    fn open_old_room(old: usize, people: &[PlayerId]) -> (Room, Instant) {
        let mut entrants: Vec<_> = people.iter().copied().map(entrant).collect();
        for entrant in &mut entrants[..old] {
            entrant.legacy = true;
        }
        open_room_of(entrants, people.len())
    }

    fn open_room_of(people: Vec<Entrant>, seats: usize) -> (Room, Instant) {
        let start = Instant::now();
        let format = Format {
            seats,
            round_time: ROUND_TIME,
        };
        let mut room = Room::start(RoomId(1), people, format, 7, start);
        drain(&mut room);
        (room, start)
    }

    fn drain(room: &mut Room) -> Vec<RoomEffect> {
        std::iter::from_fn(|| room.poll_effect()).collect()
    }

    fn result(effects: &[RoomEffect]) -> Vec<RoundStanding> {
        let ends: Vec<_> = effects
            .iter()
            .filter_map(|effect| match effect {
                RoomEffect::Send(Recipient::All, Event::RoundEnded { standings, .. }) => {
                    Some(standings.to_vec())
                }
                _ => None,
            })
            .collect();
        assert_eq!(ends.len(), 1, "exactly one result in {effects:?}");
        ends.concat()
    }

    #[test]
    fn silent_player_loses_at_the_deadline() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        room.handle(ALICE, Action::Choose(Hand::Rock), start)
            .unwrap();
        assert_eq!(room.deadline(), Some(start + ROUND_TIME));
        room.handle_timeout(start + ROUND_TIME);
        let effects = drain(&mut room);
        let Some(RoomEffect::Settled(_, settlements)) = effects
            .iter()
            .find(|effect| matches!(effect, RoomEffect::Settled(..)))
        else {
            panic!("not settled: {effects:?}");
        };
        assert_eq!(
            settlements[0].standing,
            Standing {
                total: 1,
                streak: 1,
                best_streak: 1,
                rounds: 1,
                wins: 1
            }
        );
        assert!(settlements[1].lost);
        let lines = result(&effects);
        assert_eq!((lines[0].hand, lines[0].round_score), (Some(Hand::Rock), 1));
        assert_eq!((lines[1].hand, lines[1].round_score), (None, 0));
        assert_eq!(room.deadline(), None);
    }

    #[test]
    fn the_last_choice_counts_and_no_movement_tells_the_hand() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        for hand in [Hand::Paper, Hand::Scissors] {
            room.handle(ALICE, Action::Choose(hand), start).unwrap();
        }
        let moved = Event::Moved {
            uid: "p1".into(),
            movement: Movement::Choice,
        };
        assert_eq!(
            drain(&mut room),
            vec![RoomEffect::Send(Recipient::Others(ALICE), moved); 2]
        );
        room.handle_timeout(start + ROUND_TIME);
        assert_eq!(result(&drain(&mut room))[0].hand, Some(Hand::Scissors));
    }

    #[test]
    fn a_leaver_is_in_the_result_and_loses_whatever_it_showed() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        room.handle(ALICE, Action::Choose(Hand::Rock), start)
            .unwrap();
        room.handle(BOB, Action::Choose(Hand::Scissors), start)
            .unwrap();
        drain(&mut room);
        room.handle(ALICE, Action::Leave, start).unwrap();
        let effects = drain(&mut room);
        assert_eq!(
            effects[..2],
            [
                RoomEffect::Left(ALICE),
                RoomEffect::Send(Recipient::All, Event::Left { uid: "p1".into() })
            ]
        );
        assert_eq!(room.audience(Recipient::All).collect::<Vec<_>>(), [BOB]);
        assert_eq!(room.deadline(), None, "there is nobody to wait for");
        assert_eq!(
            room.handle(ALICE, Action::Choose(Hand::Rock), start),
            Err(Rejected::NoRound)
        );
        let lines = result(&effects);
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
        room.handle(ALICE, Action::Leave, start).unwrap();
        assert_eq!(
            drain(&mut room),
            [
                RoomEffect::Left(ALICE),
                RoomEffect::Settled(Arc::new([]), vec![])
            ]
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
            let mut effects = drain(&mut room);
            while let Some(deadline) = room.deadline() {
                room.handle_timeout(deadline);
                effects.extend(drain(&mut room));
            }
            let moves = effects
                .iter()
                .filter(|effect| {
                    matches!(
                        effect,
                        RoomEffect::Send(
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
            assert!(result(&effects)[1].hand.is_some());
        }
    }

    #[test]
    fn a_choice_at_or_after_the_deadline_does_not_count() {
        let (mut room, start) = open_room(&[ALICE, BOB], 2);
        let late = Action::Choose(Hand::Rock);
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
        room.handle(ALICE, Action::Choose(Hand::Paper), start)
            .unwrap();
        room.handle(BOB, Action::Lock(Hand::Rock), start).unwrap();
        drain(&mut room);
        for (who, own) in [(ALICE, (Hand::Paper, false)), (BOB, (Hand::Rock, true))] {
            room.handle(who, RETURN, start + Duration::from_secs(2))
                .unwrap();
            let effects = drain(&mut room);
            let [
                RoomEffect::Send(
                    Recipient::One(told),
                    Event::RoundStarted {
                        round_time,
                        seats,
                        own: Some(OwnHand { hand, locked }),
                    },
                ),
            ] = &effects[..]
            else {
                panic!("{effects:?}")
            };
            assert_eq!((*told, *round_time), (who, Duration::from_secs(3)));
            assert_eq!((*hand, *locked), own);
            let locked: Vec<_> = seats.iter().map(|seat| seat.locked).collect();
            assert_eq!(locked, [false, true]);
        }
    }

    #[test]
    fn a_return_by_another_client_than_that_of_2016_ends_what_waits_for_nobody_else() {
        for was_away in [false, true] {
            let (mut room, start) = open_old_room(1, &[ALICE, BOB]);
            room.handle(ALICE, Action::Lock(Hand::Rock), start).unwrap();
            room.handle(BOB, Action::Lock(Hand::Paper), start).unwrap();
            if was_away {
                room.handle(ALICE, Action::Disconnect, start).unwrap();
            }
            assert_eq!(room.deadline(), Some(start + ROUND_TIME), "it counts down");
            drain(&mut room);
            room.handle(ALICE, RETURN, start).unwrap();
            assert_eq!(room.deadline(), None, "away before: {was_away}");
            let effects = drain(&mut room);
            let told_first = &effects[0];
            assert!(
                matches!(
                    told_first,
                    RoomEffect::Send(Recipient::One(ALICE), Event::RoundStarted { .. })
                ),
                "{told_first:?}"
            );
            let lines = result(&effects);
            let hands: Vec<_> = lines.iter().map(|line| line.hand).collect();
            assert_eq!(hands, [Some(Hand::Rock), Some(Hand::Paper)]);
        }

        // Likewise when nobody else is left.
        let (mut room, start) = open_old_room(1, &[ALICE, BOB]);
        room.handle(BOB, Action::Leave, start).unwrap();
        assert_eq!(room.deadline(), Some(start + ROUND_TIME), "it counts down");
        drain(&mut room);
        room.handle(ALICE, RETURN, start).unwrap();
        assert_eq!(result(&drain(&mut room))[0].round_score, 1);
    }

    #[test]
    fn a_return_ends_no_round_that_still_waits_for_somebody() {
        let lock = |room: &mut Room, who, now| {
            room.handle(who, Action::Lock(Hand::Rock), now).unwrap();
        };
        // A hand that is not locked, the same client again, and another client from 2016.
        for (old, locked, legacy) in [
            (1, [true, false], false),
            (1, [true; 2], true),
            (2, [true; 2], false),
        ] {
            let (mut room, start) = open_old_room(old, &[ALICE, BOB]);
            for (who, locked) in [ALICE, BOB].into_iter().zip(locked) {
                if locked {
                    lock(&mut room, who, start);
                }
            }
            room.handle(ALICE, Action::Return { legacy }, start)
                .unwrap();
            assert_eq!(
                room.deadline(),
                Some(start + ROUND_TIME),
                "{old} {locked:?}"
            );
        }
    }
}
