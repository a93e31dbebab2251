//! One room from its start to its result: a state machine without I/O, clock or global randomness.
//!
//! The caller passes in actions ([`Room::handle`]) and the time ([`Room::handle_timeout`]), takes out effects
//! ([`Room::poll_effect`]) and sleeps until [`Room::deadline`]. Who beats whom is in [`score`](crate::score).

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::Rejected;
use crate::event::{Event, Movement, OwnHand, RoundStanding, Seated};
use crate::hand::{Face, Hand};
use crate::player::{PlayerId, Profile, RoomId, Standing};
use crate::robot::{self, Robot};
use crate::score::{Shown, balances};

/// What a seated player can ask of its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Choose this hand, instead of an earlier one.
    Choose(Hand),
    /// Choose this hand for good.
    Lock(Hand),
    /// Pull a face at the others.
    Pull(Face),
    /// Give the seat up.
    Leave,
    /// The player's connection is lost. It keeps its seat and its hand.
    Disconnect,
    /// Another connection speaks for the player now: tell it where the round stands.
    Return {
        /// Whether its client is one from 2016.
        legacy: bool,
    },
}

/// Whom an event is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// Every person still in the room.
    All,
    /// Every person still in the room except this one.
    Others(PlayerId),
    /// This person.
    One(PlayerId),
}

/// What the caller has to carry out, in this order, after an action or a timeout.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomEffect {
    /// Send this event to these people.
    Send(Recipient, Event),
    /// This person gave the seat up and is free to join elsewhere.
    Left(PlayerId),
    /// The round is settled and the room is over; tell the lobby. This comes before the event that tells the players,
    /// so that a player who reads the result and asks for a seat at once is no longer seated here.
    Settled(Arc<[RoundStanding]>, Vec<Settlement>),
}

/// How a round ended for a person who stayed until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Who.
    pub player: PlayerId,
    /// The standing after the round.
    pub standing: Standing,
    /// Whether it lost more pairs than it won.
    pub lost: bool,
}

/// A person who starts to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrant {
    /// Who.
    pub player: PlayerId,
    /// How it presents itself.
    pub profile: Profile,
    /// Its score and streak so far.
    pub standing: Standing,
    /// Whether its client is one from 2016. Such a client shows a countdown of its own, so its rounds never end early.
    pub legacy: bool,
}

/// What changes about a seat during the round. What stays the same is in [`Room::cards`].
#[derive(Debug)]
struct Seat {
    shown: Shown,
    occupant: Occupant,
    /// The hand can no longer change.
    locked: bool,
    /// The connection is lost.
    away: bool,
    /// The client is one from 2016.
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

    /// Whether a person has this seat and has not left.
    fn is_taken(&self) -> bool {
        self.shown != Shown::Left && matches!(self.occupant, Occupant::Person(_))
    }
}

#[derive(Debug)]
enum Occupant {
    Person(PlayerId),
    Robot(Robot),
}

/// A variant owns what only its phase needs: a finished round has no deadline that could be used by mistake.
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
    /// What every player is shown of each seat at the start, in seat order. Events share it without copying.
    cards: Arc<[Seated]>,
    phase: Phase,
    effects: VecDeque<RoomEffect>,
    rng: SmallRng,
}

/// The size of a room and the length of its round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// How many seats there are, at least two.
    pub seats: usize,
    /// How long a round lasts.
    pub round_time: Duration,
}

impl Room {
    /// Starts a round for these people at `now`. Robots take the remaining seats.
    ///
    /// `seed` decides how they move: with the same seed and the same actions a round runs the same way.
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

    /// How many seats robots have.
    pub fn robots(&self) -> usize {
        self.cards.iter().filter(|card| card.robot).count()
    }

    /// Applies one player's action. Afterwards the caller drains [`poll_effect`](Self::poll_effect) and sleeps until
    /// [`deadline`](Self::deadline).
    ///
    /// A refused action changes nothing.
    pub fn handle(&mut self, by: PlayerId, action: Action, now: Instant) -> Result<(), Rejected> {
        let Phase::Playing { deadline } = self.phase else {
            return Err(match action {
                Action::Choose(_) | Action::Lock(_) => Rejected::NoRound,
                Action::Pull(_) | Action::Leave | Action::Disconnect | Action::Return { .. } => {
                    Rejected::NotSeated
                }
            });
        };
        let seat = self.seat_of(by).ok_or(Rejected::NotSeated)?;
        match action {
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

    /// Does what is due at `now`: robots move, and the round ends.
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

    /// The next effect to carry out; `None` when there is none left.
    pub fn poll_effect(&mut self) -> Option<RoomEffect> {
        self.effects.pop_front()
    }

    /// The people whom a recipient stands for now.
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
        if mem::replace(&mut self.seats[seat].away, true) {
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
        let was_away = mem::replace(&mut self.seats[seat].away, false);
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
        // The round may have gone on only because the client before was one from 2016.
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
        // A late timeout may cover several moves. Each of them is made, so that their number does not depend on the
        // timer.
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
            // Only robots are left, and nobody to tell a result.
            self.phase = Phase::Over;
            self.effects
                .push_back(RoomEffect::Settled(Arc::new([]), Vec::new()));
            return;
        }
        let uid = self.cards[seat].profile.uid.clone();
        self.send(Recipient::All, Event::Left { uid });
        self.end_if_nobody_is_waited_for();
    }

    /// Ends the round early when its result can no longer change: every person still there has locked a hand, or only
    /// one person is left and there is no robot. Never with a client from 2016, which counts down by itself and expects
    /// the full time.
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
        // A quick player must not win only because a robot had no time to choose a hand.
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
mod tests;
