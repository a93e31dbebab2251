//! The task of one polling session, from its first request until it ends or moves to a WebSocket.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{self, Instant};
use tracing::{debug, trace};
use wulin_game::RoomId;
use wulin_game::protocol::event::Care;
use wulin_game::protocol::payload::{Malformed, Packets, encode};
use wulin_game::protocol::socketio::{self, Dialogue, Received, Sid, Version};

use super::{Listed, PROBE_TIMEOUT, PollingAnswer, PollingLetter, PollingRefusal};
use crate::runtime::{Delivery, Gauge};
use crate::transport::Limits;
use crate::transport::hall::Hall;
use crate::transport::pulse::{Heartbeat, Pulse};
use crate::transport::session::{Farewell, Outgoing, Session, Visitor};

/// How long a dismissed client has to fetch the last packets.
const LINGER: Duration = Duration::from_secs(1);
/// How long a poll waits while a WebSocket is about to take over. A client moves only between two polls, so its poll
/// must not wait for long.
const POLL_WHILE_MOVING: Duration = Duration::from_millis(100);

/// A session that goes on over a WebSocket.
pub struct Moved {
    /// The state of the Socket.IO protocol.
    pub(crate) dialogue: Dialogue,
    /// The client.
    pub(crate) session: Session,
    /// The packets that the client has not fetched.
    pub(crate) packets: VecDeque<String>,
    /// Keeps the session in the list.
    pub(crate) listed: Listed,
}

/// The GET that waits for packets.
struct Poll {
    answer: oneshot::Sender<PollingAnswer>,
    /// When it is answered even if there is nothing to send.
    due: Option<Instant>,
}

/// The POST whose packets are being carried out.
struct Post {
    packets: Packets<Vec<u8>>,
    answer: oneshot::Sender<PollingAnswer>,
}

/// Why a session ends.
enum PollingEnd {
    /// The client says goodbye.
    Closed,
    /// The client breaks the protocol.
    Misused,
    /// The client has closed the request of its poll. Nobody can know whether it has read the answer, so the protocol
    /// ends the session.
    Abandoned,
    Dismissed(Farewell),
    Moved(oneshot::Sender<Box<Moved>>),
}

impl PollingEnd {
    /// The packets that are sent to the client last.
    fn last_packets(&self) -> &'static [&'static str] {
        match self {
            PollingEnd::Moved(_) | PollingEnd::Closed => &[socketio::NOOP],
            PollingEnd::Misused
            | PollingEnd::Abandoned
            | PollingEnd::Dismissed(Farewell::Silent | Farewell::Mute) => &[socketio::CLOSE],
            // A Socket.IO client that is told to disconnect does not come back. These clients are to come back, so they
            // are not told.
            PollingEnd::Dismissed(Farewell::GoingAway) => &[],
            // socket.io-client ignores events that come in one body with the close packet of Engine.IO, so that packet
            // is left out.
            PollingEnd::Dismissed(_) => &[socketio::DISCONNECT],
        }
    }
}

impl From<Farewell> for PollingEnd {
    fn from(farewell: Farewell) -> PollingEnd {
        PollingEnd::Dismissed(farewell)
    }
}

/// What a session waits for.
enum Happened {
    Delivered(VecDeque<Delivery>),
    Asked(Option<PollingLetter>),
    Alarm,
}

pub(super) struct Conversation {
    session: Session,
    dialogue: Dialogue,
    pulse: Pulse,
    limits: Limits,
    /// The packets that wait for the next poll, at most [`Limits::outbox`].
    packets: VecDeque<String>,
    poll: Option<Poll>,
    post: Option<Post>,
    /// The room whose result went out with the last answer to a poll.
    handed_over: Option<RoomId>,
    /// Until when a WebSocket is expected to take over.
    moving: Option<Instant>,
}

impl Conversation {
    /// A session that has just been opened. `sid` is the id of Socket.IO, not that of Engine.IO.
    pub(super) fn new(hall: &Hall, version: Version, sid: Sid, visitor: Visitor) -> Conversation {
        let (heartbeat, connects, first) = match version {
            Version::V3 => (Heartbeat::Client, false, Some(socketio::CONNECTED)),
            Version::V4 => (Heartbeat::Strict, true, None),
        };
        Conversation {
            session: Session::new(hall, Gauge::Polling, visitor),
            dialogue: Dialogue::new(version, sid),
            pulse: Pulse::new(heartbeat, connects, Instant::now()),
            limits: hall.limits,
            packets: first.map(ToOwned::to_owned).into_iter().collect(),
            poll: None,
            post: None,
            handed_over: None,
            moving: None,
        }
    }

    /// Serves the session. It stays in the list until this returns.
    pub(super) async fn run(
        mut self,
        mut letters: mpsc::Receiver<PollingLetter>,
        hall: Hall,
        listed: Listed,
    ) {
        let connection = self.session.id();
        let Err(end) = self.converse(&mut letters, &hall).await;
        if let Some(post) = self.post.take() {
            let answer = match &end {
                PollingEnd::Misused => PollingAnswer::Refused(PollingRefusal::BadRequest),
                _ => PollingAnswer::Done,
            };
            let _ = post.answer.send(answer);
        }
        if let PollingEnd::Moved(moved) = end {
            trace!(%connection, "moves to a WebSocket");
            return self.hand_over(moved, listed).await;
        }
        let last_packets = end.last_packets().iter();
        self.packets
            .extend(last_packets.map(|packet| (*packet).to_owned()));
        if let PollingEnd::Dismissed(farewell) = &end {
            debug!(%connection, ?farewell, "client dismissed");
            if *farewell == Farewell::GoingAway {
                let restart = Outgoing::Message(self.session.restart());
                self.packets.push_back(restart.packet());
            }
        }
        let body = encode(self.dialogue.version(), &self.packets);
        // The game is told first, because saying goodbye may take a while.
        self.session.end().await;
        match (self.poll, end) {
            (Some(poll), _) => {
                let _ = poll.answer.send(PollingAnswer::Packets(body));
            }
            // These clients are believed to be gone: nothing is sent to them.
            (None, PollingEnd::Dismissed(Farewell::Silent | Farewell::Mute)) => {}
            (None, PollingEnd::Dismissed(_)) => {
                let _ = time::timeout(LINGER, say_goodbye(&mut letters, body)).await;
            }
            (None, _) => {}
        }
        drop(listed);
    }

    /// Hands the session over to the WebSocket that has taken it.
    async fn hand_over(mut self, moved: oneshot::Sender<Box<Moved>>, mut listed: Listed) {
        if let Some(poll) = self.poll.take() {
            let noop = encode(self.dialogue.version(), [socketio::NOOP]);
            let _ = poll.answer.send(PollingAnswer::Packets(noop));
        }
        listed.moves();
        let going = Box::new(Moved {
            dialogue: self.dialogue,
            session: self.session,
            packets: self.packets,
            listed,
        });
        if let Err(left) = moved.send(going) {
            left.session.end().await;
        }
    }

    async fn converse(
        &mut self,
        letters: &mut mpsc::Receiver<PollingLetter>,
        hall: &Hall,
    ) -> Result<std::convert::Infallible, PollingEnd> {
        loop {
            self.obey(hall).await?;
            self.answer_poll()?;
            let alarm = self.pulse.deadline(&self.limits);
            let alarm = self
                .poll
                .as_ref()
                .and_then(|poll| poll.due)
                .map_or(alarm, |due| due.min(alarm));
            let happened = tokio::select! {
                deliveries = self.session.take() => Happened::Delivered(deliveries?),
                letter = letters.recv() => Happened::Asked(letter),
                () = abandoned(&mut self.poll) => return Err(PollingEnd::Abandoned),
                () = time::sleep_until(alarm) => Happened::Alarm,
                () = hall.draining.cancelled(), if self.session.is_idle() => {
                    return Err(PollingEnd::Dismissed(Farewell::GoingAway));
                }
            };
            match happened {
                Happened::Delivered(deliveries) => self.accept(deliveries).await?,
                Happened::Asked(letter) => self.read(letter)?,
                Happened::Alarm => {
                    if self.pulse.ask(&self.limits, Instant::now())? {
                        self.push(socketio::PING.to_owned())?;
                    }
                }
            }
        }
    }

    /// Takes a letter.
    fn read(&mut self, letter: Option<PollingLetter>) -> Result<(), PollingEnd> {
        match letter {
            Some(PollingLetter::Poll(answer)) => {
                if self.poll.is_some() {
                    let _ = answer.send(PollingAnswer::Refused(PollingRefusal::BadRequest));
                    return Err(PollingEnd::Misused);
                }
                // A client that polls again has read the last answer.
                if let Some(room) = self.handed_over.take() {
                    self.session.received(room);
                }
                let now = Instant::now();
                let moving = self.moving.is_some_and(|until| now < until);
                let due = moving.then(|| now + POLL_WHILE_MOVING);
                self.poll = Some(Poll { answer, due });
            }
            Some(PollingLetter::Post { body, answer }) => {
                let packets = Packets::new(self.dialogue.version(), body);
                self.post = Some(Post { packets, answer });
            }
            Some(PollingLetter::Probed) => {
                let now = Instant::now();
                self.moving = Some(now + PROBE_TIMEOUT);
                if let Some(poll) = &mut self.poll {
                    poll.due = Some(now);
                }
            }
            Some(PollingLetter::Upgrade(moved)) => return Err(PollingEnd::Moved(moved)),
            // `None` cannot happen: the list holds a sender of the mailbox for as long as this session is in it.
            Some(PollingLetter::Misuse) | None => return Err(PollingEnd::Misused),
        }
        Ok(())
    }

    /// Carries out the packets of the POST in progress, as long as the session may read on.
    async fn obey(&mut self, hall: &Hall) -> Result<(), PollingEnd> {
        while self.session.is_ready()
            && let Some(post) = &mut self.post
        {
            let received = match post.packets.next_packet() {
                Some(Ok(text)) => self.dialogue.read(&text),
                Some(Err(Malformed)) => Received::Broken,
                None => {
                    if let Some(post) = self.post.take() {
                        let _ = post.answer.send(PollingAnswer::Done);
                    }
                    return Ok(());
                }
            };
            self.pulse.beat(false, Instant::now());
            if self.dialogue.is_connected() {
                self.pulse.spoke();
            }
            match received {
                Received::Request(request) => self.session.receive(request).await?,
                Received::Reply(text) => {
                    if self.session.admit()? {
                        self.push(text)?;
                    }
                }
                Received::Nothing => {
                    self.session.admit()?;
                }
                Received::Disconnect => {
                    // It costs as much as a message: the limit is that of the connection, not of the session.
                    self.session.admit()?;
                    // If the system has no random numbers, the client keeps its id.
                    if let Some(sid) = hall.sid() {
                        self.dialogue.renew(sid);
                    }
                    self.session.renew(hall).await;
                    self.pulse.renew(Instant::now());
                }
                Received::Close => return Err(PollingEnd::Closed),
                Received::Broken => return Err(PollingEnd::Misused),
            }
        }
        Ok(())
    }

    async fn accept(&mut self, deliveries: VecDeque<Delivery>) -> Result<(), PollingEnd> {
        for delivery in deliveries {
            let Some(outgoing) = self.session.accept(delivery).await? else {
                continue;
            };
            let volatile =
                matches!(&outgoing, Outgoing::Message(message) if message.care == Care::Volatile);
            if volatile && self.packets.len() >= self.limits.outbox / 2 {
                self.session.drop_volatile();
                continue;
            }
            self.push(outgoing.packet())?;
        }
        Ok(())
    }

    /// Keeps a packet for the next poll.
    fn push(&mut self, packet: String) -> Result<(), Farewell> {
        if self.packets.len() >= self.limits.outbox {
            return Err(Farewell::TooSlow);
        }
        self.packets.push_back(packet);
        Ok(())
    }

    /// Answers the poll that waits, if there are packets or it has waited long enough.
    fn answer_poll(&mut self) -> Result<(), PollingEnd> {
        let version = self.dialogue.version();
        let due = |poll: &mut Poll| poll.due.is_some_and(|due| due <= Instant::now());
        let body = if !self.packets.is_empty() && self.poll.is_some() {
            encode(version, std::mem::take(&mut self.packets))
        } else if self.poll.as_mut().is_some_and(due) {
            encode(version, [socketio::NOOP])
        } else {
            return Ok(());
        };
        if let Some(poll) = self.poll.take() {
            let sent = poll.answer.send(PollingAnswer::Packets(body));
            sent.map_err(|_| PollingEnd::Abandoned)?;
            self.handed_over = self.session.unreceived();
            self.session.written();
        }
        Ok(())
    }
}

/// Waits until the client closes the request of its poll.
async fn abandoned(poll: &mut Option<Poll>) {
    match poll {
        Some(poll) => poll.answer.closed().await,
        None => pending().await,
    }
}

/// Answers the next poll with the last packets, and posts meanwhile with nothing.
async fn say_goodbye(letters: &mut mpsc::Receiver<PollingLetter>, body: String) {
    while let Some(letter) = letters.recv().await {
        match letter {
            PollingLetter::Poll(answer) => {
                let _ = answer.send(PollingAnswer::Packets(body));
                return;
            }
            PollingLetter::Post { answer, .. } => {
                let _ = answer.send(PollingAnswer::Done);
            }
            PollingLetter::Misuse | PollingLetter::Probed | PollingLetter::Upgrade(_) => {}
        }
    }
}
