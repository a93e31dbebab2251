//! One session that polls, from its first request until it ends or moves to a WebSocket.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{self, Instant};
use tracing::{debug, trace};

use super::{Answer, Letter, Listed, PROBE_TIMEOUT, Refusal};
use crate::runtime::{Delivery, Gauge};
use crate::transport::Limits;
use crate::transport::pulse::{Heartbeat, Pulse};
use crate::transport::session::{Farewell, Hall, Outgoing, Session, Visitor};
use wulin_game::RoomId;
use wulin_game::protocol::event::Care;
use wulin_game::protocol::payload::{Malformed, Packets, encode};
use wulin_game::protocol::socketio::{self, Dialogue, Received, Sid, Version};

/// How long a client that is let go has to fetch the last words.
const LINGER: Duration = Duration::from_secs(1);
/// How long a poll waits while a WebSocket is on its way. The client moves when its last poll is answered.
const POLL_WHILE_MOVING: Duration = Duration::from_millis(100);

/// A session that goes on over a WebSocket.
pub struct Moved {
    /// The talk so far.
    pub(crate) dialogue: Dialogue,
    /// The client.
    pub(crate) session: Session,
    /// What has not been fetched.
    pub(crate) packets: VecDeque<String>,
    /// Keeps the session known.
    pub(crate) listed: Listed,
}

/// The poll that waits.
struct Poll {
    answer: oneshot::Sender<Answer>,
    /// When it is answered though there is nothing to say.
    due: Option<Instant>,
}

/// The request that brings packets.
struct Post {
    packets: Packets<Vec<u8>>,
    answer: oneshot::Sender<Answer>,
}

/// How a conversation ends.
enum End {
    /// The client says goodbye.
    Closed,
    /// The client breaks the protocol.
    Misused,
    /// The client has given up a poll: whether it has read the answer cannot be known, so the protocol ends the session.
    Abandoned,
    Dismissed(Farewell),
    Moved(oneshot::Sender<Box<Moved>>),
}

impl From<Farewell> for End {
    fn from(farewell: Farewell) -> End {
        End::Dismissed(farewell)
    }
}

/// What wakes a session.
enum Happened {
    Delivered(VecDeque<Delivery>),
    Asked(Option<Letter>),
    Alarm,
}

pub(super) struct Conversation {
    session: Session,
    dialogue: Dialogue,
    pulse: Pulse,
    limits: Limits,
    /// What waits for a poll, at most [`Limits::outbox`] packets.
    packets: VecDeque<String>,
    poll: Option<Poll>,
    post: Option<Post>,
    /// The result that went with the last answer to a poll.
    handed_over: Option<RoomId>,
    /// Until when a WebSocket is believed to be on its way.
    moving: Option<Instant>,
}

impl Conversation {
    /// A session that has just been opened. `sid` is Socket.IO's.
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

    /// Serves the session; it is known until this returns.
    pub(super) async fn run(
        mut self,
        mut letters: mpsc::Receiver<Letter>,
        hall: Hall,
        mut listed: Listed,
    ) {
        let connection = self.session.id();
        let Err(end) = self.converse(&mut letters, &hall).await;
        let last_words: &[&str] = match &end {
            End::Moved(_) | End::Closed => &[socketio::NOOP],
            End::Misused | End::Abandoned | End::Dismissed(Farewell::Silent | Farewell::Mute) => {
                &[socketio::CLOSE]
            }
            // A Socket.IO client that is told to disconnect stays away. These are to come back.
            End::Dismissed(Farewell::GoingAway) => &[],
            // socket.io-client drops events that come in one body with the close of Engine.IO, so that packet is left out.
            End::Dismissed(_) => &[socketio::DISCONNECT],
        };
        if let Some(post) = self.post.take() {
            let answer = match &end {
                End::Misused => Answer::Refused(Refusal::BadRequest),
                _ => Answer::Done,
            };
            let _ = post.answer.send(answer);
        }
        if let End::Moved(moved) = end {
            trace!(%connection, "moves to a WebSocket");
            if let Some(poll) = self.poll.take() {
                let noop = encode(self.dialogue.version(), last_words);
                let _ = poll.answer.send(Answer::Packets(noop));
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
            return;
        }
        self.packets
            .extend(last_words.iter().map(|words| (*words).to_owned()));
        if let End::Dismissed(farewell) = &end {
            debug!(%connection, ?farewell, "client dismissed");
            if *farewell == Farewell::GoingAway {
                let restart = Outgoing::Message(self.session.restart());
                self.packets.push_back(restart.packet());
            }
        }
        let body = encode(self.dialogue.version(), &self.packets);
        // The game hears first: saying goodbye may take a while.
        self.session.end().await;
        match (self.poll, end) {
            (Some(poll), _) => {
                let _ = poll.answer.send(Answer::Packets(body));
            }
            // Who is believed dead is not waited for.
            (None, End::Dismissed(Farewell::Silent | Farewell::Mute)) => {}
            (None, End::Dismissed(_)) => {
                let _ = time::timeout(LINGER, say_goodbye(&mut letters, body)).await;
            }
            (None, _) => {}
        }
        drop(listed);
    }

    async fn converse(
        &mut self,
        letters: &mut mpsc::Receiver<Letter>,
        hall: &Hall,
    ) -> Result<std::convert::Infallible, End> {
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
                () = abandoned(&mut self.poll) => return Err(End::Abandoned),
                () = time::sleep_until(alarm) => Happened::Alarm,
                () = hall.draining.cancelled(), if self.session.is_idle() => {
                    return Err(End::Dismissed(Farewell::GoingAway));
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

    /// Takes note of a letter.
    fn read(&mut self, letter: Option<Letter>) -> Result<(), End> {
        match letter {
            Some(Letter::Poll(answer)) => {
                if self.poll.is_some() {
                    let _ = answer.send(Answer::Refused(Refusal::BadRequest));
                    return Err(End::Misused);
                }
                // Who polls again has read the last answer.
                if let Some(room) = self.handed_over.take() {
                    self.session.received(room);
                }
                let now = Instant::now();
                let moving = self.moving.is_some_and(|until| now < until);
                let due = moving.then(|| now + POLL_WHILE_MOVING);
                self.poll = Some(Poll { answer, due });
            }
            Some(Letter::Post { body, answer }) => {
                let packets = Packets::new(self.dialogue.version(), body);
                self.post = Some(Post { packets, answer });
            }
            Some(Letter::Probed) => {
                let now = Instant::now();
                self.moving = Some(now + PROBE_TIMEOUT);
                if let Some(poll) = &mut self.poll {
                    poll.due = Some(now);
                }
            }
            Some(Letter::Upgrade(moved)) => return Err(End::Moved(moved)),
            // The list of sessions holds the other end of the mailbox for as long as this session is in it.
            Some(Letter::Misuse) | None => return Err(End::Misused),
        }
        Ok(())
    }

    /// Does what the request in hand brings, as far as the session may read on.
    async fn obey(&mut self, hall: &Hall) -> Result<(), End> {
        while self.session.is_ready()
            && let Some(post) = &mut self.post
        {
            let received = match post.packets.next_packet() {
                Some(Ok(text)) => self.dialogue.read(&text),
                Some(Err(Malformed)) => Received::Broken,
                None => {
                    if let Some(post) = self.post.take() {
                        let _ = post.answer.send(Answer::Done);
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
                    // Costs as much as a message, and the limit is the connection's.
                    self.session.admit()?;
                    // Without random numbers the client keeps the id it had.
                    if let Some(sid) = hall.sid() {
                        self.dialogue.renew(sid);
                    }
                    self.session.renew(hall).await;
                    self.pulse.renew(Instant::now());
                }
                Received::Close => return Err(End::Closed),
                Received::Broken => return Err(End::Misused),
            }
        }
        Ok(())
    }

    async fn accept(&mut self, deliveries: VecDeque<Delivery>) -> Result<(), End> {
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

    /// Answers the poll that waits, if there is something to say or it has waited long enough.
    fn answer_poll(&mut self) -> Result<(), End> {
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
            let sent = poll.answer.send(Answer::Packets(body));
            sent.map_err(|_| End::Abandoned)?;
            self.handed_over = self.session.unreceived();
            self.session.written();
        }
        Ok(())
    }
}

/// Waits until the client gives its poll up.
async fn abandoned(poll: &mut Option<Poll>) {
    match poll {
        Some(poll) => poll.answer.closed().await,
        None => pending().await,
    }
}

/// Answers the next poll with the last words.
async fn say_goodbye(letters: &mut mpsc::Receiver<Letter>, body: String) {
    while let Some(letter) = letters.recv().await {
        match letter {
            Letter::Poll(answer) => {
                let _ = answer.send(Answer::Packets(body));
                return;
            }
            Letter::Post { answer, .. } => {
                let _ = answer.send(Answer::Done);
            }
            Letter::Misuse | Letter::Probed | Letter::Upgrade(_) => {}
        }
    }
}
