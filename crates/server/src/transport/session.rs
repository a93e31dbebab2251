//! One client, whatever it speaks: where its commands go, and what it is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustls::crypto::SecureRandom;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::Limits;
use super::limiter::{Limiter, Verdict};
use crate::runtime::figures::Counted;
use crate::runtime::{
    Ask, Delivery, Figures, Gauge, LobbyHandle, Outbox, Overflowed, Owed, Peer, SeatHandle,
};
use wulin_game::lobby::Hello;
use wulin_game::protocol::event::{accepted, refused, restart};
use wulin_game::protocol::socketio::{self, Sid};
use wulin_game::protocol::{Code, Command, Message, Request};
use wulin_game::{ConnectionId, Origin, RoomId, room};

/// What sessions share: the way to the game, the limits, and the end of it all.
#[derive(Debug, Clone)]
pub struct Hall {
    /// The lobby.
    pub lobby: LobbyHandle,
    /// What every transport keeps to.
    pub limits: Limits,
    /// Who is there.
    pub figures: Arc<Figures>,
    /// Cancelled when no more rounds are begun: whoever is not in one is let go.
    pub draining: CancellationToken,
    /// Every task that serves a client.
    pub tasks: TaskTracker,
    /// The server's own name, made up at its start: whoever asks for its health knows it by that.
    pub instance: Arc<str>,
    random: &'static dyn SecureRandom,
    next_connection: Arc<AtomicU64>,
}

impl Hall {
    /// A hall nobody has entered.
    pub fn new(
        lobby: LobbyHandle,
        limits: Limits,
        figures: Arc<Figures>,
        draining: CancellationToken,
        tasks: TaskTracker,
        random: &'static dyn SecureRandom,
        instance: Arc<str>,
    ) -> Hall {
        Hall {
            lobby,
            limits,
            figures,
            draining,
            tasks,
            instance,
            random,
            next_connection: Arc::default(),
        }
    }

    fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Relaxed))
    }

    /// An id for a session; none if the system has no random numbers.
    pub fn sid(&self) -> Option<Sid> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).ok()?;
        Some(Sid::new(bytes))
    }
}

/// So many people a second are told to come back after a restart. Each takes a TLS handshake, which is most of the work.
const RETURNS_PER_SECOND: f64 = 500.0;
/// The time over which few people come back.
const SHORTEST_RETURN: Duration = Duration::from_secs(1);
/// The longest time over which many people come back.
pub const LONGEST_RETURN: Duration = Duration::from_mins(1);
/// The golden ratio's fraction: its multiples, taken without their whole part, lie as evenly as can be however many they are.
const EVEN: f64 = 0.618_033_988_749_894_9;

/// When one of so many people is to come back, each at a time of its own.
fn return_delay(connection: ConnectionId, people: usize) -> Duration {
    let spread = Duration::from_secs_f64(people as f64 / RETURNS_PER_SECOND)
        .clamp(SHORTEST_RETURN, LONGEST_RETURN);
    spread.mul_f64((connection.0 as f64 * EVEN).fract())
}

/// Why the server lets a client go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The server is going away.
    GoingAway,
    /// Another connection has taken over.
    Replaced,
    /// Too many messages for too long.
    TooFast,
    /// It does not read what it is sent.
    TooSlow,
    /// It was asked whether it lives and did not answer, or has said nothing for too long.
    Silent,
    /// It has opened a session and made nothing of it.
    Mute,
}

impl Farewell {
    /// The WebSocket close code, from RFC 6455 and its registry.
    pub const fn close_code(self) -> u16 {
        match self {
            Farewell::Replaced | Farewell::TooFast | Farewell::TooSlow | Farewell::Mute => 1008,
            Farewell::GoingAway | Farewell::Silent => 1001,
        }
    }

    /// The reason that goes with the code.
    pub const fn reason(self) -> &'static str {
        match self {
            Farewell::GoingAway => "the server is restarting",
            Farewell::Replaced => "connected from somewhere else",
            Farewell::TooFast => "too many messages",
            Farewell::TooSlow => "does not read what it is sent",
            Farewell::Silent => "has not been heard of for too long",
            Farewell::Mute => "has asked for nothing since it came",
        }
    }
}

/// Something to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// An event.
    Message(Message),
    /// An acknowledgement.
    Acknowledge(u64, Result<(), Code>),
}

impl Outgoing {
    /// As a packet of Socket.IO.
    pub(super) fn packet(&self) -> String {
        match self {
            Outgoing::Message(message) => socketio::write(message),
            Outgoing::Acknowledge(id, outcome) => {
                socketio::acknowledge(*id, &outcome.map_or_else(refused, |()| accepted()))
            }
        }
    }
}

/// What the connection tells of a client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor {
    /// Whether it has the 2016 client's signature.
    pub legacy: bool,
    /// Where it comes from, which bounds what one place can have remembered.
    pub origin: Option<Origin>,
}

/// One client from its first frame to its last.
#[derive(Debug)]
pub struct Session {
    peer: Peer,
    lobby: LobbyHandle,
    seat: Option<SeatHandle>,
    /// Has asked its room to leave. Until the room has said yes, nothing else is read: the lobby must hear of it first.
    leaving: bool,
    visitor: Visitor,
    limiter: Limiter,
    /// Of what has been accepted and not yet written.
    owed: Vec<Owed>,
    /// The room whose result was written last, until it is known to have been received.
    unreceived: Option<RoomId>,
    /// The client has been asked after it.
    asked: bool,
    figures: Arc<Figures>,
    _counted: Counted,
}

impl Session {
    /// A client that has just connected.
    pub fn new(hall: &Hall, gauge: Gauge, visitor: Visitor) -> Session {
        let id = hall.next_connection();
        debug!(connection = %id, kind = ?gauge, "client connected");
        hall.figures.counters.clients.add(gauge.name());
        Session {
            peer: Peer {
                id,
                outbox: Arc::new(Outbox::new(hall.limits.outbox, hall.figures.clone())),
            },
            lobby: hall.lobby.clone(),
            seat: None,
            leaving: false,
            visitor,
            limiter: Limiter::new(hall.limits.messages_per_second, Instant::now()),
            owed: Vec::new(),
            unreceived: None,
            asked: true,
            figures: hall.figures.clone(),
            _counted: hall.figures.enter(gauge, 1),
        }
    }

    /// The client leaves and may come again over the same connection: as somebody else, but not with a fresh limit.
    pub async fn renew(&mut self, hall: &Hall) {
        self.end().await;
        let id = hall.next_connection();
        debug!(connection = %self.peer.id, renewed = %id, "client left its session");
        self.peer = Peer {
            id,
            outbox: Arc::new(Outbox::new(hall.limits.outbox, hall.figures.clone())),
        };
        self.seat = None;
        self.leaving = false;
        self.owed.clear();
        self.unreceived = None;
    }

    /// Its id, for logs.
    pub fn id(&self) -> ConnectionId {
        self.peer.id
    }

    /// Whether the next message may be read.
    pub fn is_ready(&self) -> bool {
        !self.leaving
    }

    /// Something has come that is no message, such as a ping. It costs as much as one. Returns whether it is heard; there is no
    /// answer to what is dropped.
    pub fn admit(&mut self) -> Result<bool, Farewell> {
        match self.limiter.admit(Instant::now()) {
            Verdict::Heard => Ok(true),
            Verdict::Dropped => Ok(false),
            Verdict::Closed => Err(Farewell::TooFast),
        }
    }

    /// One message has come. Waits while the game is behind, which slows this client and nobody else.
    pub async fn receive(&mut self, request: Request) -> Result<(), Farewell> {
        let Request { command, ack } = request;
        let event = command.as_ref().map_or("", Command::name);
        self.figures.counters.received.add(event);
        match self.limiter.admit(Instant::now()) {
            Verdict::Heard => {}
            Verdict::Dropped => {
                let event = match &command {
                    Ok(command) => command.name(),
                    Err(fault) => &fault.event,
                };
                self.refuse(event, Code::TooFast, ack);
                return Ok(());
            }
            Verdict::Closed => return Err(Farewell::TooFast),
        }
        match command {
            Ok(command) => self.route(command, ack).await,
            Err(fault) => self.refuse(&fault.event, fault.code, ack),
        }
        Ok(())
    }

    /// Waits for what comes next; each delivery goes through [`accept`](Self::accept).
    ///
    /// Cancel safe: nothing is taken before it returns.
    pub async fn take(&self) -> Result<VecDeque<Delivery>, Farewell> {
        self.peer
            .outbox
            .take()
            .await
            .map_err(|Overflowed| Farewell::TooSlow)
    }

    /// Keeps book of one delivery; returns what of it is to be written.
    pub async fn accept(&mut self, delivery: Delivery) -> Result<Option<Outgoing>, Farewell> {
        match delivery {
            Delivery::Message(message) => return Ok(Some(self.outgoing(message))),
            Delivery::Owed(message, owed) => {
                self.owed.push(owed);
                return Ok(Some(self.outgoing(message)));
            }
            Delivery::Acknowledge(id, outcome) => {
                return Ok(Some(Outgoing::Acknowledge(id, outcome)));
            }
            Delivery::Seated { seat, returned } => {
                if returned {
                    let legacy = self.visitor.legacy;
                    let back = room::Action::Return { legacy };
                    seat.send(self.peer.id, back, "hello", None).await;
                }
                self.seat = Some(seat);
            }
            Delivery::Unseated(room) => {
                if self.seat.as_ref().is_some_and(|seat| seat.room() == room) {
                    self.seat = None;
                    self.leaving = false;
                }
            }
            Delivery::Replaced => {
                self.seat = None;
                return Err(Farewell::Replaced);
            }
        }
        Ok(None)
    }

    /// All that was accepted has been written.
    pub fn written(&mut self) {
        for owed in self.owed.drain(..) {
            self.figures.counters.paid(owed);
        }
    }

    /// A message was not kept, since its reader is behind.
    pub fn drop_volatile(&self) {
        self.figures.counters.dropped.add(1);
    }

    /// The result that has been written and is not known to have been received. A client that is gone may have been sent
    /// one long after it could still read: it is told again when it comes back.
    pub fn unreceived(&self) -> Option<RoomId> {
        self.unreceived
    }

    /// The result to ask a client after; once for each.
    pub fn ask_after(&mut self) -> Option<RoomId> {
        let asked = std::mem::replace(&mut self.asked, true);
        self.unreceived.filter(|_| !asked)
    }

    /// The client has shown that it has received the result of this room.
    pub fn received(&mut self, room: RoomId) {
        if self.unreceived == Some(room) {
            self.unreceived = None;
            self.peer.outbox.confirm(room);
        }
    }

    fn outgoing(&mut self, message: Message) -> Outgoing {
        if let Some(room) = message.result_of() {
            self.unreceived = Some(room);
            self.asked = false;
        }
        self.figures.counters.sent.add(message.name);
        Outgoing::Message(message)
    }

    /// Whether no round is in progress here: a server that drains lets such clients go.
    pub fn is_idle(&self) -> bool {
        self.seat.is_none()
    }

    /// The last message to a client that is let go because the server restarts.
    pub fn restart(&self) -> Message {
        let people = self.figures.count(Gauge::Person);
        self.figures.counters.sent.add("restart");
        restart(return_delay(self.peer.id, people))
    }

    /// The connection is gone; the lobby tells the room.
    pub async fn end(&self) {
        debug!(connection = %self.peer.id, "client gone");
        self.peer.outbox.close();
        self.lobby.disconnected(self.peer.id).await;
    }

    async fn route(&mut self, command: Command, ack: Option<u64>) {
        let event = command.name();
        let seated = match &command {
            Command::Choice(hand) => Some(room::Action::Choose(*hand)),
            Command::Lock(hand) => Some(room::Action::Lock(*hand)),
            Command::Face(face) => Some(room::Action::Pull(*face)),
            Command::Leave => Some(room::Action::Leave),
            Command::Hello(_) | Command::Join | Command::JoinRobot => None,
        };
        if let (Some(seat), Some(to_room)) = (&self.seat, seated)
            && seat.send(self.peer.id, to_room, event, ack).await
        {
            self.leaving = to_room == room::Action::Leave;
            return;
        }
        // In no room, or in one that is over and whose farewell is still in the outbox: the lobby answers.
        let ask = match command {
            Command::Hello(hello) => {
                let wulin_game::protocol::command::Hello {
                    profile,
                    place,
                    token,
                } = *hello;
                Ask::Hello(Box::new(Hello {
                    profile,
                    place,
                    token,
                    legacy: self.visitor.legacy,
                    origin: self.visitor.origin,
                }))
            }
            Command::Join => Ask::Join,
            Command::JoinRobot => Ask::JoinRobot,
            Command::Leave => Ask::Leave,
            Command::Choice(_) | Command::Lock(_) => Ask::Choose,
            Command::Face(face) => Ask::Pull(face),
        };
        self.lobby.ask(self.peer.clone(), ask, event, ack).await;
    }

    fn refuse(&self, event: &str, code: Code, ack: Option<u64>) {
        self.peer.outbox.report(event, ack, Err(code));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_back_one_after_the_other() {
        for people in [1_000, 20_000] {
            let mut delays: Vec<_> = (7..people + 7)
                .map(|id| return_delay(ConnectionId(id), people as usize))
                .collect();
            delays.sort();
            // In no tenth of a second do more come than twice as many as are meant to.
            let most = delays.chunk_by(|a, b| a.as_millis() / 100 == b.as_millis() / 100);
            assert!(most.map(<[_]>::len).max().unwrap() <= 100);
        }
        let latest = (0..1_000_000).map(|id| return_delay(ConnectionId(id), 1_000_000));
        assert!(latest.max().unwrap() <= LONGEST_RETURN);
    }
}
