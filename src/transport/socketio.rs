//! Socket.IO for clients that begin with polling, whether they stay or upgrade: socketioxide, tied to a session.
//!
//! socketioxide runs the future a handler returns as a task of its own, in any order. Ours do their work before they return
//! one, inline: they push into a bounded queue, and one task per client empties it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::future::ready;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request as HttpRequest, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::{ProtocolVersion, SocketIo};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use tracing::debug;

use super::session::{Farewell, Hall, Outgoing, Session};
use crate::protocol::event::{accepted, refused};
use crate::protocol::{Code, Command, Fault, Message, Request};
use crate::runtime::Kind;

/// Events that may wait for the game to take them. A client that sends more at once is told to slow down.
const INBOX: usize = 128;
/// How long a client may take to ask for the default namespace.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a client that is to come back has to fetch its last message.
const LINGER: Duration = Duration::from_millis(500);

/// Answers every request of the clients that begin with polling.
pub type Polling = BoxCloneSyncService<HttpRequest<Body>, Response<Body>, Infallible>;

/// Socket.IO for the clients that begin with polling.
pub struct SocketIoServer {
    /// Answers their requests.
    pub service: Polling,
    closed: CancellationToken,
}

impl SocketIoServer {
    /// Ends the requests that wait for something to say. Clients that have upgraded are cut off with the end of the process.
    pub fn close(&self) {
        self.closed.cancel();
    }
}

/// The service for every Socket.IO request to a path below `path` that is not served by [`super::websocket`].
pub fn serve(hall: Hall, path: String) -> SocketIoServer {
    let limits = hall.limits;
    let (service, io) = SocketIo::builder()
        .req_path(path)
        .ping_interval(limits.ping_interval)
        .ping_timeout(limits.ping_timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .max_payload(limits.message_size as u64)
        .ws_max_message_size(limits.message_size)
        .ws_max_frame_size(limits.message_size)
        .ws_read_buffer_size(1024)
        .max_buffer_size(limits.outbox)
        .build_svc();
    io.ns("/", move |socket: SocketRef| {
        welcome(socket, &hall);
        ready(())
    });
    let closed = CancellationToken::new();
    let service = ServiceExt::<HttpRequest<Body>>::map_future(service, {
        let closed = closed.clone();
        move |answer| answer_until(closed.clone(), answer)
    });
    SocketIoServer {
        service: Polling::new(service),
        closed,
    }
}

/// The answer to one request, or, when it does not come before the end of it all, an excuse.
async fn answer_until<B>(
    closed: CancellationToken,
    answer: impl Future<Output = Result<Response<B>, Infallible>>,
) -> Result<Response<Body>, Infallible>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    tokio::select! {
        biased; // a goodbye that is ready is still delivered
        answer = answer => answer.map(|response| response.map(Body::new)),
        () = closed.cancelled() => Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
}

/// One event as the client sent it, and the way to acknowledge it.
struct Asked {
    command: Result<Command, Fault>,
    ack: AckSender,
}

/// Runs inline: nothing the client sends can overtake it.
fn welcome(socket: SocketRef, hall: &Hall) {
    let (inbox, asked) = mpsc::channel(INBOX);
    let gone = CancellationToken::new();
    socket.on_disconnect({
        let gone = gone.clone();
        move || {
            gone.cancel();
            ready(())
        }
    });
    let census = hall.census.clone();
    socket.on_fallback(
        move |socket: SocketRef, Event(event): Event, payload: TryData<Value>, ack: AckSender| {
            let payload = payload
                .0
                .ok()
                .and_then(|payload| to_raw_value(&payload).ok());
            let payload = match socket.protocol() {
                // Socket.IO's own protocol 4 comes with Engine.IO 3.
                ProtocolVersion::V4 => payload.map(encoded_once),
                ProtocolVersion::V5 => payload,
            };
            let command = Command::read(&event, payload.as_deref());
            if let Err(TrySendError::Full(Asked { ack, .. })) =
                inbox.try_send(Asked { command, ack })
            {
                census.tally.faults.add(Code::TooFast.name());
                emit(&socket, &Message::from(&Fault::new(&event, Code::TooFast)));
                acknowledge(ack, Err(Code::TooFast));
            }
            ready(())
        },
    );
    let session = Session::new(hall, Kind::Polling, false);
    let draining = hall.draining.clone();
    hall.tasks
        .spawn(attend(socket, session, asked, gone, draining));
}

async fn attend(
    socket: SocketRef,
    mut session: Session,
    mut asked: mpsc::Receiver<Asked>,
    gone: CancellationToken,
    draining: CancellationToken,
) {
    let connection = session.id();
    let ending = converse(&socket, &mut session, &mut asked, &gone, &draining).await;
    if ending == Err(Farewell::GoingAway) {
        emit(&socket, &session.restart());
    }
    session.end().await;
    if let Err(farewell) = ending {
        debug!(%connection, ?farewell, "client dismissed");
        if farewell == Farewell::GoingAway {
            // Who is told to disconnect stays away, and so does python-socketio when it is told to close. These are to come
            // back: they get the time to fetch what there is, and are cut off with the end of the process.
            let _ = time::timeout(LINGER, gone.cancelled()).await;
        } else {
            // Fails when the client does not read: then its heartbeat ends it, or the stalled socket does.
            let _ = socket.disconnect();
        }
    }
}

async fn converse(
    socket: &SocketRef,
    session: &mut Session,
    asked: &mut mpsc::Receiver<Asked>,
    gone: &CancellationToken,
    draining: &CancellationToken,
) -> Result<(), Farewell> {
    // socketioxide keeps the client's acknowledgement id to itself, so ours stand for its senders.
    let mut senders: HashMap<u64, AckSender> = HashMap::new();
    let mut last_ack = 0;
    loop {
        tokio::select! {
            () = gone.cancelled() => return Ok(()),
            deliveries = session.take() => {
                for delivery in deliveries? {
                    let sent = match session.accept(delivery).await? {
                        Some(Outgoing::Message(message)) => emit(socket, &message),
                        Some(Outgoing::Acknowledge(id, outcome)) => {
                            senders.remove(&id).is_none_or(|sender| acknowledge(sender, outcome))
                        }
                        None => true,
                    };
                    if !sent {
                        return Err(Farewell::TooSlow);
                    }
                }
                session.written();
            }
            Some(Asked { command, ack }) = asked.recv(), if session.is_ready() => {
                last_ack += 1;
                senders.insert(last_ack, ack);
                session.receive(Request { command, ack: Some(last_ack) }).await?;
            }
            () = draining.cancelled(), if session.is_idle() => return Err(Farewell::GoingAway),
        }
    }
}

/// `false` if the client does not read.
fn emit(socket: &SocketRef, message: &Message) -> bool {
    ascii(&message.json).is_some_and(|payload| socket.emit(message.name, &payload).is_ok())
}

/// `false` if the client does not read.
fn acknowledge(sender: AckSender, outcome: Result<(), Code>) -> bool {
    let answer = outcome.map_or_else(refused, |()| accepted());
    ascii(&answer).is_some_and(|answer| sender.send(&answer).is_ok())
}

/// The same JSON in ASCII. Over polling, Socket.IO 1.x and 2.x disagree on how other characters are counted and encoded,
/// though both call it `EIO=3`; on ASCII they agree.
fn ascii(json: &str) -> Option<Box<RawValue>> {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            // Outside strings JSON is ASCII, so whatever is not is inside one and may be escaped.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    RawValue::from_string(text).ok()
}

/// The payload as it was meant. Socket.IO 1.x encodes text as UTF-8 before it polls, and HTTP does so again; 2.x, which also
/// calls itself `EIO=3`, does not. Text encoded twice is UTF-8 when each of its characters is taken for a byte, which what
/// people write hardly ever is.
fn encoded_once(payload: Box<RawValue>) -> Box<RawValue> {
    let text = payload.get();
    if text.is_ascii() {
        return payload;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| RawValue::from_string(text).ok())
        .unwrap_or(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_encoded_twice_is_told_from_text_encoded_once() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let once = r#"{"uname":"武 🀄 é"}"#;
        let twice: String = once.bytes().map(char::from).collect();
        assert_eq!(encoded_once(raw(&twice)).get(), once);
        for text in [once, r#""René""#, r#""plain""#] {
            assert_eq!(encoded_once(raw(text)).get(), text);
        }
    }

    #[test]
    fn ascii_json_means_the_same() {
        let json = r#"{"uname":"木人·甲 🀄\u2028\"\\"}"#;
        let escaped = ascii(json).unwrap();
        assert!(escaped.get().is_ascii());
        let meaning = |text| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(meaning(escaped.get()), meaning(json));
    }
}
