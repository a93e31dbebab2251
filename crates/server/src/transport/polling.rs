//! Engine.IO over HTTP: sessions that begin with polling, and how they move to a WebSocket.
//!
//! A session is one task with a bounded mailbox. Each request becomes a letter that carries a channel for the answer.
//! So a session has one owner and needs no lock, it keeps nothing of a request once that is answered, and when the task
//! ends, its packets, its list entry and its person go with it. Sources: the Engine.IO protocol, revisions 3 and 4.

mod conversation;
mod refusal;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, Request, Response};
use axum::response::IntoResponse;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use wulin_game::ids::shrink;
use wulin_game::protocol::socketio::{self, Handshake, Sid, Version};

use self::conversation::Conversation;
use super::hall::Hall;
use super::session::Visitor;

pub use self::conversation::Moved;
pub use self::refusal::PollingRefusal;

/// How long the body of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a WebSocket may take from its opening until the session moves to it.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many frames it may send meanwhile. Two are needed; a ping may come between them.
const PROBE_FRAMES: usize = 16;
/// How many letters may wait in a session's mailbox. The protocol allows a client one poll and one post at a time, and
/// a WebSocket that takes over sends two letters more: 4 hold all of these. A request that finds the mailbox full
/// waits.
const MAILBOX: usize = 4;

/// Serves Engine.IO over HTTP.
pub struct Polling {
    hall: Hall,
    sessions: Arc<Sessions>,
    /// How many sessions poll: those of the list that have not moved.
    count: Arc<AtomicUsize>,
}

impl Polling {
    /// No session is open yet.
    pub fn new(hall: Hall) -> Polling {
        Polling {
            hall,
            sessions: Arc::default(),
            count: Arc::default(),
        }
    }

    /// How many sessions poll.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Opens a session. Its task holds `kept`, a place in the limits, until the session ends or moves to a WebSocket.
    pub fn open<K: Send + 'static>(
        &self,
        version: Version,
        visitor: Visitor,
        kept: K,
    ) -> Result<Response<Body>, PollingRefusal> {
        let sid = self.hall.sid().ok_or(PollingRefusal::NoRandom)?;
        let socketio_sid = self.hall.sid().ok_or(PollingRefusal::NoRandom)?;
        let (mailbox, letters) = mpsc::channel(MAILBOX);
        let entry = Entry {
            mailbox,
            posting: AtomicBool::new(false),
            moving: AtomicBool::new(false),
            moved: AtomicBool::new(false),
        };
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sessions.lock().insert(sid, Arc::new(entry));
        let listed = Listed {
            sessions: self.sessions.clone(),
            sid,
            polling: Some(self.count.clone()),
        };
        let conversation = Conversation::new(&self.hall, version, socketio_sid, visitor);
        let hall = self.hall.clone();
        self.hall.tasks.spawn(async move {
            conversation.run(letters, hall, listed).await;
            drop(kept);
        });
        let limits = &self.hall.limits;
        let open = socketio::open(&Handshake {
            sid,
            upgradable: true,
            ping_interval: limits.ping_interval,
            ping_timeout: limits.ping_timeout,
            max_payload: limits.message_size,
        });
        Ok(packets(wulin_game::protocol::payload::encode(
            version,
            [open],
        )))
    }

    /// Answers a request of an open session: a GET when there are packets to send, a POST when its packets have been
    /// carried out.
    pub async fn answer(
        &self,
        sid: &str,
        request: Request<Body>,
    ) -> Result<Response<Body>, PollingRefusal> {
        let entry = self.entry(sid)?;
        if entry.moved.load(Ordering::Acquire) {
            return Err(PollingRefusal::BadRequest);
        }
        let (answer, answered) = oneshot::channel();
        match *request.method() {
            Method::GET => {
                let poll = PollingLetter::Poll(answer);
                drop(request);
                deliver(&entry, poll).await?;
                reply(answered).await
            }
            Method::POST => {
                let Some(_posting) = Flag::raise(&entry, |entry| &entry.posting) else {
                    let _ = entry.mailbox.send(PollingLetter::Misuse).await;
                    return Err(PollingRefusal::BadRequest);
                };
                let body = read(request.into_body(), self.hall.limits.message_size);
                let body = match time::timeout(BODY_TIMEOUT, body).await {
                    Ok(Ok(body)) => body,
                    Ok(Err(refusal)) => {
                        let _ = entry.mailbox.send(PollingLetter::Misuse).await;
                        return Err(refusal);
                    }
                    Err(_) => return Err(PollingRefusal::TooSlow),
                };
                deliver(&entry, PollingLetter::Post { body, answer }).await?;
                reply(answered).await
            }
            _ => Err(PollingRefusal::BadMethod),
        }
    }

    /// Lets a WebSocket try to take over a session. Only one at a time may; others are opened and closed again, as
    /// engine.io's own server does.
    pub fn probe(&self, sid: &str) -> Result<Probe, PollingRefusal> {
        let entry = self.entry(sid)?;
        let has_moved = entry.moved.load(Ordering::Acquire);
        let moving = (!has_moved).then(|| Flag::raise(&entry, |entry| &entry.moving));
        Ok(Probe {
            moving: moving.flatten(),
        })
    }

    fn entry(&self, sid: &str) -> Result<Arc<Entry>, PollingRefusal> {
        let entry = Sid::parse(sid).and_then(|sid| self.sessions.lock().get(&sid).cloned());
        entry.ok_or(PollingRefusal::UnknownSession)
    }
}

/// A WebSocket that tries to take over a polling session.
pub struct Probe {
    /// None if another one was first.
    moving: Option<Flag>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

impl Probe {
    /// Answers the client's probe, and takes the session over when the client asks for it. None if that does not
    /// happen: polling goes on then as if the WebSocket had never been.
    pub(super) async fn meet<S>(self, socket: &mut WebSocketStream<S>) -> Option<Box<Moved>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let moving = self.moving?;
        let mailbox = &moving.entry.mailbox;
        let agreed = tokio::select! {
            agreed = time::timeout(PROBE_TIMEOUT, agree(socket, mailbox)) => agreed.ok().flatten(),
            () = mailbox.closed() => None,
        };
        agreed?;
        let (moved, received) = oneshot::channel();
        mailbox.send(PollingLetter::Upgrade(moved)).await.ok()?;
        received.await.ok()
    }
}

/// Keeps a session in the list until it is dropped.
pub struct Listed {
    sessions: Arc<Sessions>,
    sid: Sid,
    /// The number of sessions that poll, which includes this one until it moves.
    polling: Option<Arc<AtomicUsize>>,
}

impl Listed {
    /// Notes that the session has moved to a WebSocket.
    fn moves(&mut self) {
        if let Some(entry) = self.sessions.lock().get(&self.sid) {
            entry.moved.store(true, Ordering::Release);
        }
        self.leave();
    }

    fn leave(&mut self) {
        if let Some(polling) = self.polling.take() {
            polling.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listed")
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.leave();
        let mut sessions = self.sessions.lock();
        sessions.remove(&self.sid);
        shrink(&mut sessions);
    }
}

/// A letter to a session.
enum PollingLetter {
    /// A GET, which waits until there is something to send.
    Poll(oneshot::Sender<PollingAnswer>),
    /// A POST, which brings packets.
    Post {
        body: Vec<u8>,
        answer: oneshot::Sender<PollingAnswer>,
    },
    /// The client broke the protocol with a second request at a time or a body over the limit: the session ends.
    Misuse,
    /// A WebSocket has sent its probe, which shows that it works.
    Probed,
    /// The session moves to that WebSocket.
    Upgrade(oneshot::Sender<Box<Moved>>),
}

/// The answer to a request.
enum PollingAnswer {
    /// The packets for a GET.
    Packets(String),
    /// All packets of a POST have been carried out.
    Done,
    /// The request is refused.
    Refused(PollingRefusal),
}

/// A session, as requests find it.
struct Entry {
    mailbox: mpsc::Sender<PollingLetter>,
    /// Whether a POST is in progress.
    posting: AtomicBool,
    /// Whether a WebSocket is about to take over, or has done so.
    moving: AtomicBool,
    /// Whether a WebSocket has taken over.
    moved: AtomicBool,
}

/// All sessions that began with polling, by id. A session that has moved to a WebSocket stays in the list: a request
/// with its id is told what is wrong, and the id cannot be used to take the session over.
#[derive(Default)]
struct Sessions(Mutex<HashMap<Sid, Arc<Entry>>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flag of an entry, which is lowered when this is dropped.
struct Flag {
    entry: Arc<Entry>,
    which: fn(&Entry) -> &AtomicBool,
}

impl Flag {
    /// Raises the flag; none if it is raised already.
    fn raise(entry: &Arc<Entry>, which: fn(&Entry) -> &AtomicBool) -> Option<Flag> {
        let was_up = which(entry).swap(true, Ordering::AcqRel);
        (!was_up).then(|| Flag {
            entry: entry.clone(),
            which,
        })
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        (self.which)(&self.entry).store(false, Ordering::Release);
    }
}

async fn deliver(entry: &Entry, letter: PollingLetter) -> Result<(), PollingRefusal> {
    let sent = entry.mailbox.send(letter).await;
    sent.map_err(|_| PollingRefusal::UnknownSession)
}

async fn reply(
    answered: oneshot::Receiver<PollingAnswer>,
) -> Result<Response<Body>, PollingRefusal> {
    match answered.await {
        Ok(PollingAnswer::Packets(body)) => Ok(packets(body)),
        Ok(PollingAnswer::Done) => Ok(packets("ok".to_owned())),
        Ok(PollingAnswer::Refused(refusal)) => Err(refusal),
        // The session has ended meanwhile.
        Err(_) => Err(PollingRefusal::UnknownSession),
    }
}

fn packets(body: String) -> Response<Body> {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=UTF-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

/// Reads a body of at most `most` bytes.
async fn read(body: Body, most: usize) -> Result<Vec<u8>, PollingRefusal> {
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| PollingRefusal::BadRequest)?;
        if whole.len() + piece.len() > most {
            return Err(PollingRefusal::TooLong);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

async fn agree<S>(
    socket: &mut WebSocketStream<S>,
    mailbox: &mpsc::Sender<PollingLetter>,
) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..PROBE_FRAMES {
        match socket.next().await?.ok()? {
            Frame::Text(text) if text.as_str() == socketio::PROBE => {
                socket
                    .send(Frame::text(socketio::PROBE_ANSWER))
                    .await
                    .ok()?;
                mailbox.send(PollingLetter::Probed).await.ok()?;
            }
            Frame::Text(text) if text.as_str() == socketio::UPGRADE => return Some(()),
            Frame::Ping(_) | Frame::Pong(_) => {}
            Frame::Text(_) | Frame::Binary(_) | Frame::Close(_) | Frame::Frame(_) => return None,
        }
    }
    None
}
