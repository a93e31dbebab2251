//! The loop of one WebSocket: native, or Socket.IO that was opened directly. Nothing here knows the game.

use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{self, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tracing::{debug, trace};

use super::Limits;
use super::session::{Farewell, Hall, Outgoing, Session};
use crate::protocol::event::{accepted, refused};
use crate::protocol::socketio::{self, Handshake, Received, Version};
use crate::protocol::{Code, Fault, Request, native};
use crate::runtime::Kind;

/// The first read buffer in bytes. It grows with a message and most connections are idle: small saves memory.
const READ_BUFFER: usize = 512;
/// How long a client has to take note of the close before the socket goes, in all.
const LINGER: Duration = Duration::from_secs(2);

/// What is spoken over the WebSocket.
#[derive(Debug)]
pub enum Dialect {
    /// `{"event", "data"}`
    Native,
    /// Socket.IO
    SocketIo {
        /// Which.
        version: Version,
        /// The session id.
        sid: String,
    },
}

impl Dialect {
    fn kind(&self) -> Kind {
        match self {
            Dialect::Native => Kind::Native,
            Dialect::SocketIo {
                version: Version::V3,
                ..
            } => Kind::EngineIo3,
            Dialect::SocketIo {
                version: Version::V4,
                ..
            } => Kind::EngineIo4,
        }
    }

    fn open(&self, limits: &Limits) -> Vec<String> {
        match self {
            Dialect::Native => Vec::new(),
            Dialect::SocketIo { version, sid } => socketio::open(
                *version,
                &Handshake {
                    sid: sid.clone(),
                    ping_interval: limits.ping_interval,
                    ping_timeout: limits.ping_timeout,
                    max_payload: limits.message_size,
                },
            ),
        }
    }

    fn read(&self, text: &str) -> Received {
        match self {
            Dialect::Native => Received::Request(Request {
                command: native::read(text),
                ack: None,
            }),
            Dialect::SocketIo { version, sid } => socketio::read(*version, sid, text),
        }
    }

    fn write(&self, outgoing: &Outgoing) -> Option<String> {
        match (self, outgoing) {
            (Dialect::Native, Outgoing::Message(message)) => Some(native::write(message)),
            (Dialect::Native, Outgoing::Acknowledge(..)) => None,
            (Dialect::SocketIo { .. }, Outgoing::Message(message)) => {
                Some(socketio::write(message))
            }
            (Dialect::SocketIo { .. }, Outgoing::Acknowledge(id, outcome)) => {
                let json = outcome.map_or_else(refused, |()| accepted());
                Some(socketio::acknowledge(*id, &json))
            }
        }
    }

    /// The question whether a client lives. Engine.IO 4 has one of its own; the others are asked by the WebSocket
    /// protocol, which their libraries answer without them.
    fn ping(&self) -> Frame {
        match self {
            Dialect::SocketIo {
                version: Version::V4,
                ..
            } => Frame::text(socketio::PING),
            Dialect::Native
            | Dialect::SocketIo {
                version: Version::V3,
                ..
            } => Frame::Ping(Vec::new().into()),
        }
    }

    /// Whether a client that has never answered is to be believed dead. By the WebSocket protocol everybody answers; a
    /// client that sleeps between two reads does not, and lives.
    fn must_answer(&self) -> bool {
        matches!(
            self,
            Dialect::SocketIo {
                version: Version::V4,
                ..
            }
        )
    }

    fn goodbye(&self) -> Option<Frame> {
        match self {
            Dialect::Native => None,
            Dialect::SocketIo { .. } => Some(Frame::text(socketio::DISCONNECT)),
        }
    }
}

/// When a client is asked whether it lives, and when it is believed dead.
#[derive(Debug)]
struct Pulse {
    heard: Instant,
    /// When the question was asked that has not been answered.
    asked: Option<Instant>,
    answers: bool,
}

impl Pulse {
    fn new(must_answer: bool) -> Pulse {
        Pulse {
            heard: Instant::now(),
            asked: None,
            answers: must_answer,
        }
    }

    /// It has been heard. Returns whether that was an answer: the deadline may come earlier by it, and only then.
    fn beat(&mut self, pong: bool) -> bool {
        self.heard = Instant::now();
        self.answers |= pong;
        self.asked.take().is_some()
    }

    fn deadline(&self, limits: &Limits) -> Instant {
        let idle = self.heard + limits.idle_timeout;
        match self.asked {
            None => idle.min(self.heard + limits.ping_interval),
            Some(asked) if self.answers => idle.min(asked + limits.ping_timeout),
            // One that never answers is asked on: the question itself keeps its way through the network open, and TCP
            // notices by it when nobody is there.
            Some(asked) => idle.min(asked + limits.ping_interval),
        }
    }

    /// Asks (again) if the deadline has come, or believes it dead. Returns whether to ask.
    fn ask(&mut self, limits: &Limits) -> Result<bool, Farewell> {
        let now = Instant::now();
        if now < self.deadline(limits) {
            return Ok(false);
        }
        let overdue = self.answers
            && self
                .asked
                .is_some_and(|asked| now >= asked + limits.ping_timeout);
        if overdue || now >= self.heard + limits.idle_timeout {
            return Err(Farewell::Silent);
        }
        self.asked = Some(now);
        Ok(true)
    }
}

/// A WebSocket on an upgraded connection. `early` are the bytes that came with the request for the upgrade.
pub async fn open<S>(stream: S, early: Vec<u8>, limits: &Limits) -> Box<WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(limits.message_size))
        .max_frame_size(Some(limits.message_size));
    let socket = WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config));
    Box::new(socket.await)
}

/// Serves one client until either side is done. The socket is boxed because it is large, and a future keeps what it is
/// given twice.
pub async fn serve<S>(
    mut socket: Box<WebSocketStream<S>>,
    dialect: Dialect,
    legacy: bool,
    hall: Hall,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = Session::new(&hall, dialect.kind(), legacy);
    let connection = session.id();
    let ending = converse(&mut socket, &dialect, &mut session, &hall).await;
    let last_words = match &ending {
        // A Socket.IO client that is told to disconnect stays away; one whose connection just closes comes back by itself.
        Err(End::Dismissed(Farewell::GoingAway)) => dialect
            .write(&Outgoing::Message(session.restart()))
            .map(Frame::text),
        Err(End::Dismissed(_)) => dialect.goodbye(),
        Err(End::Broken(_) | End::Done) | Ok(()) => None,
    };
    // The game hears first: saying goodbye may take a while.
    session.end().await;
    match ending {
        Ok(()) => trace!(%connection, "closed by the client"),
        Err(End::Broken(error)) => {
            debug!(%connection, %error, "connection broken");
            if let Some(close) = close_frame(&error) {
                Box::pin(say_goodbye(&mut socket, None, close)).await;
            }
        }
        Err(End::Dismissed(farewell)) => {
            debug!(%connection, ?farewell, "client dismissed");
            let close = CloseFrame {
                code: farewell.close_code().into(),
                reason: farewell.reason().into(),
            };
            Box::pin(say_goodbye(&mut socket, last_words, close)).await;
        }
        Err(End::Done) => {
            let close = CloseFrame {
                code: CloseCode::Normal,
                reason: "".into(),
            };
            Box::pin(say_goodbye(&mut socket, None, close)).await;
        }
    }
}

#[derive(Debug)]
enum End {
    Broken(Error),
    Dismissed(Farewell),
    /// The client said goodbye in its dialect and leaves the closing to us.
    Done,
}

impl From<Error> for End {
    fn from(error: Error) -> End {
        End::Broken(error)
    }
}

impl From<Farewell> for End {
    fn from(farewell: Farewell) -> End {
        End::Dismissed(farewell)
    }
}

/// Reads and writes until the client closes (`Ok`) or there is a reason to close.
async fn converse<S>(
    socket: &mut WebSocketStream<S>,
    dialect: &Dialect,
    session: &mut Session,
    hall: &Hall,
) -> Result<(), End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &hall.limits;
    let mut pulse = Pulse::new(dialect.must_answer());
    // Both are waited for once and not in each turn anew, since each time a lock is taken that all connections share. So the
    // alarm may go off too early, never too late.
    let mut alarm = pin!(time::sleep_until(pulse.deadline(limits)));
    let mut draining = pin!(hall.draining.cancelled());
    for text in dialect.open(limits) {
        socket.feed(Frame::text(text)).await?;
    }
    socket.flush().await?;
    loop {
        tokio::select! {
            deliveries = session.take() => {
                for delivery in deliveries? {
                    if let Some(outgoing) = session.accept(delivery).await?
                        && let Some(text) = dialect.write(&outgoing)
                    {
                        socket.feed(Frame::text(text)).await?;
                    }
                }
                socket.flush().await?;
                session.written();
            }
            frame = socket.next(), if session.is_ready() => {
                let Some(frame) = frame else { return Ok(()) };
                let frame = frame?;
                if pulse.beat(matches!(frame, Frame::Pong(_))) {
                    alarm.as_mut().reset(pulse.deadline(limits));
                }
                let received = match frame {
                    Frame::Text(text) => dialect.read(&text),
                    Frame::Binary(_) => Received::Request(Request {
                        command: Err(Fault::new("", Code::BinaryMessage)),
                        ack: None,
                    }),
                    // Answers to a ping or a close go out with the next poll; after a close that ends the stream.
                    Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => Received::Nothing,
                };
                match received {
                    Received::Request(request) => session.receive(request).await?,
                    Received::Reply(text) => socket.send(Frame::text(text)).await?,
                    Received::Close => return Err(End::Done),
                    Received::Nothing => {}
                }
            }
            () = &mut alarm => {
                if pulse.ask(limits)? {
                    socket.send(dialect.ping()).await?;
                }
                alarm.as_mut().reset(pulse.deadline(limits));
            }
            () = &mut draining, if session.is_idle() => return Err(End::Dismissed(Farewell::GoingAway)),
        }
    }
}

/// The close code that RFC 6455, 7.4.1 gives for what the client did; none where the connection itself is gone.
fn close_frame(error: &Error) -> Option<CloseFrame> {
    use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
    let (code, reason) = match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            (CloseCode::Size, "message too long")
        }
        Error::Utf8(_) => (CloseCode::Invalid, "text is not UTF-8"),
        Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::ReceivedAfterClosing
            | ProtocolError::SendAfterClosing,
        ) => return None,
        Error::Protocol(_) => (CloseCode::Protocol, "broken frame"),
        _ => return None,
    };
    Some(CloseFrame {
        code,
        reason: reason.into(),
    })
}

/// Closes so that the client can read why: what it still sends is read and thrown away, or the kernel would answer it with
/// a reset that overtakes our last words.
async fn say_goodbye<S>(socket: &mut WebSocketStream<S>, goodbye: Option<Frame>, close: CloseFrame)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let linger = async {
        if let Some(goodbye) = goodbye {
            socket.feed(goodbye).await?;
        }
        socket.send(Frame::Close(Some(close))).await?;
        let stream = socket.get_mut();
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), Error>(())
    };
    // However it ends, the socket is dropped.
    let _ = time::timeout(LINGER, linger).await;
}
