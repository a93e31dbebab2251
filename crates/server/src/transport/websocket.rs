//! The loop of one WebSocket: native, or Socket.IO that was opened directly. Nothing here knows the game.

use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{self, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tracing::{debug, trace};

use super::Limits;
use super::close::Close;
use super::polling::{Listed, Moved, Probe};
use super::pulse::{Heartbeat, Pulse};
use super::session::{Farewell, Hall, Outgoing, Session, Visitor};
use crate::runtime::Gauge;
use wulin_game::RoomId;
use wulin_game::protocol::socketio::{self, Dialogue, Handshake, Received, Sid, Version};
use wulin_game::protocol::{Code, Fault, Request, native};

/// The first read buffer in bytes. It grows with a message and most connections are idle: small saves memory.
const READ_BUFFER: usize = 512;
/// How long a client has to take note of the close before the socket goes, in all.
pub const LINGER: Duration = Duration::from_secs(2);

/// What is spoken over the WebSocket.
#[derive(Debug)]
pub enum Dialect {
    /// `{"event", "data"}`
    Native,
    /// Socket.IO
    SocketIo(Dialogue),
}

impl Dialect {
    fn gauge(&self) -> Gauge {
        match self.version() {
            None => Gauge::Native,
            Some(Version::V3) => Gauge::EngineIo3,
            Some(Version::V4) => Gauge::EngineIo4,
        }
    }

    fn version(&self) -> Option<Version> {
        match self {
            Dialect::Native => None,
            Dialect::SocketIo(dialogue) => Some(dialogue.version()),
        }
    }

    fn read(&mut self, text: &str) -> Received {
        match self {
            Dialect::Native => Received::Request(Request {
                command: native::read(text),
                ack: None,
            }),
            Dialect::SocketIo(dialogue) => dialogue.read(text),
        }
    }

    /// Binary frames carry nothing in either dialect. Socket.IO's own would be attachments.
    fn read_bytes(&self) -> Received {
        match self {
            Dialect::Native => Received::Request(Request {
                command: Err(Fault::new("", Code::BinaryMessage)),
                ack: None,
            }),
            Dialect::SocketIo(_) => Received::Broken,
        }
    }

    fn write(&self, outgoing: &Outgoing) -> Option<String> {
        match self {
            Dialect::Native => match outgoing {
                Outgoing::Message(message) => Some(native::write(message)),
                Outgoing::Acknowledge(..) => None,
            },
            Dialect::SocketIo(_) => Some(outgoing.packet()),
        }
    }

    /// The question whether a client lives. Engine.IO 4 has one of its own; the others are asked by the WebSocket
    /// protocol, which their libraries answer without them.
    fn ping(&self) -> Frame {
        match self.version() {
            Some(Version::V4) => Frame::text(socketio::PING),
            None | Some(Version::V3) => Frame::Ping(Vec::new().into()),
        }
    }

    fn pulse(&self) -> Pulse {
        let now = Instant::now();
        match self.version() {
            Some(Version::V4) => Pulse::new(Heartbeat::Strict, true, now),
            None | Some(Version::V3) => Pulse::new(Heartbeat::Lenient, false, now),
        }
    }

    /// Whether the client has made something of its session.
    fn is_under_way(&self) -> bool {
        match self {
            Dialect::Native => true,
            Dialect::SocketIo(dialogue) => dialogue.is_connected(),
        }
    }

    fn renew(&mut self, hall: &Hall) {
        // Without random numbers the client keeps the id it had.
        if let (Dialect::SocketIo(dialogue), Some(sid)) = (self, hall.sid()) {
            dialogue.renew(sid);
        }
    }

    fn goodbye(&self) -> Option<Frame> {
        match self {
            Dialect::Native => None,
            Dialect::SocketIo(_) => Some(Frame::text(socketio::DISCONNECT)),
        }
    }
}

/// The packets that open a session of Engine.IO over a WebSocket.
fn opening(version: Version, sid: Sid, limits: &Limits) -> impl Iterator<Item = String> {
    let open = socketio::open(&Handshake {
        sid,
        upgradable: false,
        ping_interval: limits.ping_interval,
        ping_timeout: limits.ping_timeout,
        max_payload: limits.message_size,
    });
    let connected = (version == Version::V3).then(|| socketio::CONNECTED.to_owned());
    [open].into_iter().chain(connected)
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

/// How a client comes to its WebSocket.
#[derive(Debug)]
pub enum Entrance {
    /// It opens it at once and speaks natively.
    Native(Visitor),
    /// It opens it at once and speaks Socket.IO.
    Direct {
        /// The talk.
        dialogue: Dialogue,
        /// The id of the Engine.IO session.
        sid: Sid,
        /// Who it is.
        visitor: Visitor,
    },
    /// It moves there from polling.
    Upgrade(Probe),
}

/// A client at its WebSocket.
struct Client {
    dialect: Dialect,
    session: Session,
    pulse: Pulse,
    /// Keeps the id of a session known that began with polling.
    _listed: Option<Listed>,
}

/// Serves one client until either side is done. The socket and the client are boxed because they are large, and a future keeps
/// what it is given twice.
pub async fn serve<S>(mut socket: Box<WebSocketStream<S>>, entrance: Entrance, hall: Hall)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(mut client) = Box::pin(enter(&mut socket, entrance, &hall)).await else {
        return Box::pin(say_goodbye(&mut socket, None, Close::Done.into())).await;
    };
    let connection = client.session.id();
    let ending = converse(&mut socket, &mut client, &hall).await;
    let last_words = match &ending {
        // A Socket.IO client that is told to disconnect stays away; one whose connection just closes comes back by itself.
        Err(End::Dismissed(Farewell::GoingAway)) => client
            .dialect
            .write(&Outgoing::Message(client.session.restart()))
            .map(Frame::text),
        Err(End::Dismissed(Farewell::Replaced | Farewell::TooFast | Farewell::TooSlow)) => {
            client.dialect.goodbye()
        }
        Err(
            End::Dismissed(Farewell::Mute | Farewell::Silent)
            | End::Broken(_)
            | End::NoPacket
            | End::Done,
        )
        | Ok(()) => None,
    };
    // The game hears first: saying goodbye may take a while.
    client.session.end().await;
    drop(client);
    match ending {
        Ok(()) => trace!(%connection, "closed by the client"),
        Err(End::Broken(error)) => {
            debug!(%connection, %error, "connection broken");
            if let Some(close) = close(&error) {
                Box::pin(say_goodbye(&mut socket, None, close.into())).await;
            }
        }
        Err(End::Dismissed(farewell)) => {
            debug!(%connection, ?farewell, "client dismissed");
            Box::pin(say_goodbye(&mut socket, last_words, farewell.into())).await;
        }
        Err(End::NoPacket) => {
            debug!(%connection, "no packet of Socket.IO");
            Box::pin(say_goodbye(&mut socket, None, Close::NoPacket.into())).await;
        }
        Err(End::Done) => Box::pin(say_goodbye(&mut socket, None, Close::Done.into())).await,
    }
}

/// The first packets of a client, and its session; none if it makes nothing of the WebSocket.
async fn enter<S>(
    socket: &mut WebSocketStream<S>,
    entrance: Entrance,
    hall: &Hall,
) -> Option<Box<Client>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (dialect, visitor) = match entrance {
        Entrance::Native(visitor) => (Dialect::Native, visitor),
        Entrance::Direct {
            dialogue,
            sid,
            visitor,
        } => {
            for packet in opening(dialogue.version(), sid, &hall.limits) {
                socket.feed(Frame::text(packet)).await.ok()?;
            }
            (Dialect::SocketIo(dialogue), visitor)
        }
        Entrance::Upgrade(probe) => {
            let moved = probe.meet(socket).await?;
            return resume(socket, *moved).await;
        }
    };
    Some(Box::new(Client {
        session: Session::new(hall, dialect.gauge(), visitor),
        pulse: dialect.pulse(),
        dialect,
        _listed: None,
    }))
}

/// Goes on with a session that has polled until now.
async fn resume<S>(socket: &mut WebSocketStream<S>, moved: Moved) -> Option<Box<Client>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Moved {
        dialogue,
        mut session,
        packets,
        listed,
    } = moved;
    for packet in packets {
        // Whoever is gone already is found gone in the conversation, which ends the session.
        let _ = socket.feed(Frame::text(packet)).await;
    }
    if let Some(question) = question(&mut session) {
        let _ = socket.feed(question).await;
    }
    let dialect = Dialect::SocketIo(dialogue);
    let mut pulse = dialect.pulse();
    if dialect.is_under_way() {
        pulse.spoke();
    }
    Some(Box::new(Client {
        dialect,
        session,
        pulse,
        _listed: Some(listed),
    }))
}

#[derive(Debug)]
enum End {
    Broken(Error),
    Dismissed(Farewell),
    /// The client speaks another protocol than it said.
    NoPacket,
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
    client: &mut Client,
    hall: &Hall,
) -> Result<(), End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Client {
        dialect,
        session,
        pulse,
        ..
    } = client;
    let limits = &hall.limits;
    // Both are waited for once and not in each turn anew, since each time a lock is taken that all connections share. So the
    // alarm may go off too early, never too late.
    let mut alarm = pin!(time::sleep_until(pulse.deadline(limits)));
    let mut draining = pin!(hall.draining.cancelled());
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
                if let Some(question) = question(session) {
                    socket.feed(question).await?;
                }
                socket.flush().await?;
                session.written();
            }
            frame = socket.next(), if session.is_ready() => {
                let Some(frame) = frame else { return Ok(()) };
                let frame = frame?;
                if pulse.beat(matches!(frame, Frame::Pong(_)), Instant::now()) {
                    alarm.as_mut().reset(pulse.deadline(limits));
                }
                if let Frame::Pong(answer) = &frame
                    && let Ok(room) = answer[..].try_into()
                {
                    session.received(RoomId(u64::from_be_bytes(room)));
                }
                let received = match frame {
                    Frame::Text(text) => Some(dialect.read(&text)),
                    Frame::Binary(_) => Some(dialect.read_bytes()),
                    // Answers to a ping or a close go out with the next poll; after a close that ends the stream.
                    Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => None,
                };
                if received.is_some() && dialect.is_under_way() {
                    pulse.spoke();
                }
                match received {
                    Some(Received::Request(request)) => session.receive(request).await?,
                    Some(Received::Disconnect) => {
                        // Costs as much as a message, and the limit is the connection's.
                        session.admit()?;
                        dialect.renew(hall);
                        session.renew(hall).await;
                        pulse.renew(Instant::now());
                        alarm.as_mut().reset(pulse.deadline(limits));
                    }
                    Some(Received::Close) => return Err(End::Done),
                    Some(Received::Broken) => return Err(End::NoPacket),
                    Some(Received::Reply(text)) => {
                        if session.admit()? {
                            socket.send(Frame::text(text)).await?;
                        }
                    }
                    Some(Received::Nothing) | None => {
                        session.admit()?;
                    }
                }
            }
            () = &mut alarm => {
                if pulse.ask(limits, Instant::now())? {
                    socket.send(dialect.ping()).await?;
                }
                alarm.as_mut().reset(pulse.deadline(limits));
            }
            () = &mut draining, if session.is_idle() => return Err(End::Dismissed(Farewell::GoingAway)),
        }
    }
}

/// A ping that asks after a result: its answer shows that what was sent before has been read.
fn question(session: &mut Session) -> Option<Frame> {
    let room = session.ask_after()?;
    Some(Frame::Ping(room.0.to_be_bytes().to_vec().into()))
}

/// What the client did to its WebSocket; none where the connection itself is gone.
fn close(error: &Error) -> Option<Close> {
    use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TooLong),
        Error::Utf8(_) => Some(Close::NotUtf8),
        Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::ReceivedAfterClosing
            | ProtocolError::SendAfterClosing,
        ) => None,
        Error::Protocol(_) => Some(Close::BrokenFrame),
        _ => None,
    }
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
