//! The loop of one WebSocket, native or Socket.IO, opened directly or taken over from polling. It knows no rule of the
//! game.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{self, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tracing::{debug, trace};
use wulin_game::RoomId;
use wulin_game::protocol::socketio::{Dialogue, Received, Sid};

use super::Limits;
use super::close::Close;
use super::dialect::{Dialect, opening};
use super::hall::Hall;
use super::polling::{Listed, Moved, Probe};
use super::pulse::Pulse;
use super::session::{Farewell, Outgoing, Session, Visitor};
use crate::runtime::Delivery;

/// The size of the first read buffer in bytes. It grows with longer messages. Most connections are idle, so a small one
/// saves memory.
const READ_BUFFER: usize = 512;
/// How long a client has to read the close frame and close its side, before the socket is dropped.
pub const LINGER: Duration = Duration::from_secs(2);

/// A WebSocket on an upgraded connection. `early` are bytes that came right behind the request for the upgrade.
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

/// How a client opens its WebSocket.
#[derive(Debug)]
pub enum Entrance {
    /// Directly, and speaks the native dialect.
    Native(Visitor),
    /// Directly, and speaks Socket.IO.
    Direct {
        /// The state of the Socket.IO protocol.
        dialogue: Dialogue,
        /// The id of the Engine.IO session.
        sid: Sid,
        /// What the connection tells about the client.
        visitor: Visitor,
    },
    /// To take over a session that polls.
    Upgrade(Probe),
}

/// The state of one client on a WebSocket.
struct WebSocketClient {
    dialect: Dialect,
    session: Session,
    pulse: Pulse,
    /// Keeps the id of a session that began with polling in the list.
    _listed: Option<Listed>,
}

/// Serves one client until either side closes.
///
/// The socket and the client are boxed: both are large, and an async function stores an argument twice, as it was
/// passed and as a local variable. This task is most of what an idle client costs.
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
        // A Socket.IO client that is told to disconnect does not come back; one whose connection just closes comes back
        // by itself.
        Err(WebSocketEnd::Dismissed(Farewell::GoingAway)) => client
            .dialect
            .write(&Outgoing::Message(client.session.restart()))
            .map(Frame::text),
        Err(WebSocketEnd::Dismissed(
            Farewell::Replaced | Farewell::TooFast | Farewell::TooSlow,
        )) => client.dialect.goodbye(),
        Err(
            WebSocketEnd::Dismissed(Farewell::Mute | Farewell::Silent)
            | WebSocketEnd::Broken(_)
            | WebSocketEnd::NoPacket
            | WebSocketEnd::Done,
        )
        | Ok(()) => None,
    };
    // The game is told first, because saying goodbye may take a while.
    client.session.end().await;
    drop(client);
    match ending {
        Ok(()) => trace!(%connection, "closed by the client"),
        Err(WebSocketEnd::Broken(error)) => {
            debug!(%connection, %error, "connection broken");
            if let Some(close) = close(&error) {
                Box::pin(say_goodbye(&mut socket, None, close.into())).await;
            }
        }
        Err(WebSocketEnd::Dismissed(farewell)) => {
            debug!(%connection, ?farewell, "client dismissed");
            Box::pin(say_goodbye(&mut socket, last_words, farewell.into())).await;
        }
        Err(WebSocketEnd::NoPacket) => {
            debug!(%connection, "no packet of Socket.IO");
            Box::pin(say_goodbye(&mut socket, None, Close::NoPacket.into())).await;
        }
        Err(WebSocketEnd::Done) => {
            Box::pin(say_goodbye(&mut socket, None, Close::Done.into())).await;
        }
    }
}

/// Sends the first packets and opens the session; none if a takeover from polling fails.
async fn enter<S>(
    socket: &mut WebSocketStream<S>,
    entrance: Entrance,
    hall: &Hall,
) -> Option<Box<WebSocketClient>>
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
    Some(Box::new(WebSocketClient {
        session: Session::new(hall, dialect.gauge(), visitor),
        pulse: dialect.pulse(),
        dialect,
        _listed: None,
    }))
}

/// Continues a session that has polled until now.
async fn resume<S>(socket: &mut WebSocketStream<S>, moved: Moved) -> Option<Box<WebSocketClient>>
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
        // A failed write is ignored here: `converse` will find the connection closed, and end the session.
        let _ = socket.feed(Frame::text(packet)).await;
    }
    if let Some(ping) = result_ping(&mut session) {
        let _ = socket.feed(ping).await;
    }
    let dialect = Dialect::SocketIo(dialogue);
    let mut pulse = dialect.pulse();
    if dialect.is_under_way() {
        pulse.spoke();
    }
    Some(Box::new(WebSocketClient {
        dialect,
        session,
        pulse,
        _listed: Some(listed),
    }))
}

#[derive(Debug)]
enum WebSocketEnd {
    Broken(Error),
    Dismissed(Farewell),
    /// A frame that is no packet of the client's dialect.
    NoPacket,
    /// The client said goodbye in its dialect, and the server is to close.
    Done,
}

impl From<Error> for WebSocketEnd {
    fn from(error: Error) -> WebSocketEnd {
        WebSocketEnd::Broken(error)
    }
}

impl From<Farewell> for WebSocketEnd {
    fn from(farewell: Farewell) -> WebSocketEnd {
        WebSocketEnd::Dismissed(farewell)
    }
}

/// Reads and writes until the client closes (`Ok`) or there is a reason to close.
async fn converse<S>(
    socket: &mut WebSocketStream<S>,
    client: &mut WebSocketClient,
    hall: &Hall,
) -> Result<(), WebSocketEnd>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &hall.limits;
    // Both futures are made once and not in each turn of the loop, because making one takes a lock that all connections
    // share. The timer is not reset for each frame either: it may fire too early, but never too late.
    let mut alarm = pin!(time::sleep_until(client.pulse.deadline(limits)));
    let mut draining = pin!(hall.draining.cancelled());
    socket.flush().await?;
    loop {
        tokio::select! {
            deliveries = client.session.take() => client.write(deliveries?, socket).await?,
            frame = socket.next(), if client.session.is_ready() => {
                let Some(frame) = frame else { return Ok(()) };
                let frame = frame?;
                if client.pulse.beat(matches!(frame, Frame::Pong(_)), Instant::now()) {
                    alarm.as_mut().reset(client.pulse.deadline(limits));
                }
                match client.hear(frame) {
                    Some(Received::Request(request)) => client.session.receive(request).await?,
                    Some(Received::Disconnect) => {
                        // It costs as much as a message: the limit is that of the connection, not of the session.
                        client.session.admit()?;
                        client.dialect.renew(hall);
                        client.session.renew(hall).await;
                        client.pulse.renew(Instant::now());
                        alarm.as_mut().reset(client.pulse.deadline(limits));
                    }
                    Some(Received::Close) => return Err(WebSocketEnd::Done),
                    Some(Received::Broken) => return Err(WebSocketEnd::NoPacket),
                    Some(Received::Reply(text)) => {
                        if client.session.admit()? {
                            socket.send(Frame::text(text)).await?;
                        }
                    }
                    Some(Received::Nothing) | None => {
                        client.session.admit()?;
                    }
                }
            }
            () = &mut alarm => {
                if client.pulse.ask(limits, Instant::now())? {
                    socket.send(client.dialect.ping()).await?;
                }
                alarm.as_mut().reset(client.pulse.deadline(limits));
            }
            () = &mut draining, if client.session.is_idle() => {
                return Err(WebSocketEnd::Dismissed(Farewell::GoingAway));
            }
        }
    }
}

impl WebSocketClient {
    /// Writes what was delivered.
    async fn write<S>(
        &mut self,
        deliveries: VecDeque<Delivery>,
        socket: &mut WebSocketStream<S>,
    ) -> Result<(), WebSocketEnd>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        for delivery in deliveries {
            if let Some(outgoing) = self.session.accept(delivery).await?
                && let Some(text) = self.dialect.write(&outgoing)
            {
                socket.feed(Frame::text(text)).await?;
            }
        }
        if let Some(ping) = result_ping(&mut self.session) {
            socket.feed(ping).await?;
        }
        socket.flush().await?;
        self.session.written();
        Ok(())
    }

    /// Takes note of a frame. Returns what it says, if it is none of the WebSocket protocol itself.
    fn hear(&mut self, frame: Frame) -> Option<Received> {
        if let Frame::Pong(answer) = &frame
            && let Ok(room) = answer[..].try_into()
        {
            self.session.received(RoomId(u64::from_be_bytes(room)));
        }
        let received = match frame {
            Frame::Text(text) => Some(self.dialect.read(&text)),
            Frame::Binary(_) => Some(self.dialect.read_bytes()),
            // tungstenite answers pings and closes by itself when the socket is polled next; after a close, the stream ends.
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => None,
        };
        if received.is_some() && self.dialect.is_under_way() {
            self.pulse.spoke();
        }
        received
    }
}

/// A ping sent behind a result. Its answer shows that the client has read the result.
fn result_ping(session: &mut Session) -> Option<Frame> {
    let room = session.ask_after()?;
    Some(Frame::Ping(room.0.to_be_bytes().to_vec().into()))
}

/// How the client broke the protocol; none if the connection itself is lost.
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

/// Closes so that the client can read why. What it still sends is read and discarded: the kernel would answer unread
/// data with a reset, which can overtake our last frames.
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
    // However this ends, the socket is dropped.
    let _ = time::timeout(LINGER, linger).await;
}
