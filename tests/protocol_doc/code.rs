//! Everything of the code that docs/protocol.md is held against.

pub(crate) use wulin::cli::Cli;
pub(crate) use wulin::cli::settings::default_in_words;
pub(crate) use wulin_game::lobby::{
    HOLD, Hello as Arrival, Lobby, LobbyEffect as LobbyOutput, REMATCH_WITHIN, RESEAT_AFTER, Rules,
    SURVEY_EVERY,
};
pub(crate) use wulin_game::matchmaking::Patience;
pub(crate) use wulin_game::memories::MOST_MISSED;
pub(crate) use wulin_game::protocol::command::{Command, Hello, NAME_CHARS, PICTURE_CHARS};
pub(crate) use wulin_game::protocol::event::{accepted, refused, restart};
pub(crate) use wulin_game::protocol::fault::{Code, EVENT_CHARS, Fault};
pub(crate) use wulin_game::protocol::payload::{Packets, encode};
pub(crate) use wulin_game::protocol::socketio::{
    self, Dialogue, Handshake, Received, Sid, Version, acknowledge,
};
pub(crate) use wulin_game::protocol::{Message, native};
pub(crate) use wulin_game::room::{Action as RoomCommand, Format, Room, RoomEffect as RoomOutput};
pub(crate) use wulin_game::score::{Shown, balances};
pub(crate) use wulin_game::{
    ConnectionId, Event, Face, Hand, Missed, Movement, OwnHand, PlayerId, Profile, Rejected,
    RoomId, RoundStanding, Seated, Standing, Token,
};
pub(crate) use wulin_server::config::{MEMORIES, MEMORY, OUTBOX};
pub(crate) use wulin_server::edge::serve::HEADERS;
pub(crate) use wulin_server::runtime::{Counters, Figures};
pub(crate) use wulin_server::transport::close::Close;
pub(crate) use wulin_server::transport::limiter::{Limiter, TOLERANCE, Verdict};
pub(crate) use wulin_server::transport::polling::{BODY_TIMEOUT, PROBE_TIMEOUT, Refusal};
pub(crate) use wulin_server::transport::session::{Farewell, LONGEST_RETURN};
pub(crate) use wulin_server::transport::websocket::LINGER;
pub(crate) use wulin_server::transport::{CONNECT, FIRST_WORD};
