//! One client on any transport: where its commands go, and what it is sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;
use wulin_game::lobby::Arrival;
use wulin_game::protocol::event::{accepted, refused, restart};
use wulin_game::protocol::socketio;
use wulin_game::protocol::{Code, Command, Message, Request};
use wulin_game::{ConnectionId, Origin, RoomId, room};

use super::hall::Hall;
use super::limiter::{Limiter, Verdict};
use crate::runtime::figures::Counted;
use crate::runtime::{
    Ask, Delivery, Figures, Gauge, LobbyHandle, Outbox, Overflowed, Owed, Peer, SeatHandle,
};

/// How many people a second are told to come back after a restart. Each comes with a TLS handshake, which is most of
/// the work.
const RETURNS_PER_SECOND: f64 = 500.0;
/// Over how long a few people come back.
const SHORTEST_RETURN: Duration = Duration::from_secs(1);
/// Over how long many people come back, at most.
pub const LONGEST_RETURN: Duration = Duration::from_mins(1);
/// The fraction of the golden ratio. The fractions of its multiples are spread evenly over 0 to 1, however many there
/// are.
const EVEN: f64 = 0.618_033_988_749_894_9;

/// Why the server dismisses a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The server is going away.
    GoingAway,
    /// Another connection has taken over.
    Replaced,
    /// It sends too many messages for too long.
    TooFast,
    /// It does not read what it is sent.
    TooSlow,
    /// It did not answer a ping, or has sent nothing for too long.
    Silent,
    /// It has opened a session and sent no first message.
    Mute,
}

impl Farewell {
    /// The close code of a WebSocket (RFC 6455, 7.4.1, and the registry it names).
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

/// Something to write to the client.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// An event.
    Message(Message),
    /// An acknowledgement.
    Acknowledge(u64, Result<(), Code>),
}

impl Outgoing {
    /// The packet of Socket.IO for it.
    pub(super) fn packet(&self) -> String {
        match self {
            Outgoing::Message(message) => socketio::write(message),
            Outgoing::Acknowledge(id, outcome) => {
                socketio::acknowledge(*id, &outcome.map_or_else(refused, |()| accepted()))
            }
        }
    }
}

/// What the connection tells about a client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor {
    /// Whether it has the signature of the 2016 client.
    pub legacy: bool,
    /// Where it comes from. It bounds how many scores are remembered for one place.
    pub origin: Option<Origin>,
}

/// One client, from its first frame to its last.
#[derive(Debug)]
pub struct Session {
    peer: Peer,
    lobby: LobbyHandle,
    seat: Option<SeatHandle>,
    /// Whether it has asked its room to leave. Until the room has confirmed it, nothing more is read: a `join` right
    /// behind the `leave` must not reach the lobby before the room has told it.
    leaving: bool,
    visitor: Visitor,
    limiter: Limiter,
    /// The latencies of the deliveries that are accepted and not yet written.
    owed: Vec<Owed>,
    /// The room whose result was written last, until the client is known to have received it.
    unreceived: Option<RoomId>,
    /// Whether the client has been sent a ping behind that result.
    asked: bool,
    figures: Arc<Figures>,
    _counted: Counted,
}

impl Session {
    /// The session of a client that has just connected.
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

    /// The client leaves its session but not the connection, over which it may open another: as another person, but
    /// with the same message limit.
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

    /// Something has come that is no message, such as a ping. It counts as a message for the limit. Returns whether it
    /// is answered; what is dropped gets no answer.
    pub fn admit(&mut self) -> Result<bool, Farewell> {
        match self.limiter.admit(Instant::now()) {
            Verdict::Heard => Ok(true),
            Verdict::Dropped => Ok(false),
            Verdict::Closed => Err(Farewell::TooFast),
        }
    }

    /// A message has come. Waits while the mailbox of the room or the lobby is full, which slows down this client and
    /// no other.
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

    /// Waits for the next deliveries. Each must be passed to [`accept`](Self::accept).
    ///
    /// Cancel safe: nothing is taken before it returns.
    pub async fn take(&self) -> Result<VecDeque<Delivery>, Farewell> {
        self.peer
            .outbox
            .take()
            .await
            .map_err(|Overflowed| Farewell::TooSlow)
    }

    /// Takes note of a delivery. Returns what is to be written for it, if anything.
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

    /// A volatile message was dropped because its reader is behind.
    pub fn drop_volatile(&self) {
        self.figures.counters.dropped.add(1);
    }

    /// The room whose result was written and is not known to have been received. TCP accepts data for a while after a
    /// client is gone, so a result that was written may be lost: the lobby tells it again when the client comes back.
    pub fn unreceived(&self) -> Option<RoomId> {
        self.unreceived
    }

    /// The room whose result the client is to be asked about, by a ping. Returned once for each result.
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

    /// Whether the client is in no round. A draining server dismisses such clients.
    pub fn is_idle(&self) -> bool {
        self.seat.is_none()
    }

    /// The last message to a client that is dismissed because the server restarts.
    pub fn restart(&self) -> Message {
        let people = self.figures.count(Gauge::Person);
        self.figures.counters.sent.add("restart");
        restart(return_delay(self.peer.id, people))
    }

    /// Ends the session: its connection is gone. The lobby tells the room.
    pub async fn end(&self) {
        debug!(connection = %self.peer.id, "client gone");
        self.peer.outbox.close();
        self.lobby.disconnected(self.peer.id).await;
    }

    fn outgoing(&mut self, message: Message) -> Outgoing {
        if let Some(room) = message.result_of() {
            self.unreceived = Some(room);
            self.asked = false;
        }
        self.figures.counters.sent.add(message.name);
        Outgoing::Message(message)
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
        // The player sits in no room, or in one that is over and whose `Unseated` is still in the outbox: the lobby
        // answers.
        let ask = match command {
            Command::Hello(hello) => {
                let wulin_game::protocol::command::Hello {
                    profile,
                    place,
                    token,
                } = *hello;
                Ask::Hello(Box::new(Arrival {
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

/// After how long one of so many people is to come back. Each connection gets another time, so that they do not all
/// come at once.
fn return_delay(connection: ConnectionId, people: usize) -> Duration {
    let spread = Duration::from_secs_f64(people as f64 / RETURNS_PER_SECOND)
        .clamp(SHORTEST_RETURN, LONGEST_RETURN);
    spread.mul_f64((connection.0 as f64 * EVEN).fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_delays_are_spread_evenly() {
        for people in [1_000, 20_000] {
            let mut delays: Vec<_> = (7..people + 7)
                .map(|id| return_delay(ConnectionId(id), people as usize))
                .collect();
            delays.sort();
            // At most twice the intended number comes back in any tenth of a second.
            let most = delays.chunk_by(|a, b| a.as_millis() / 100 == b.as_millis() / 100);
            assert!(most.map(<[_]>::len).max().unwrap() <= 100);
        }
        let latest = (0..1_000_000).map(|id| return_delay(ConnectionId(id), 1_000_000));
        assert!(latest.max().unwrap() <= LONGEST_RETURN);
    }
}
