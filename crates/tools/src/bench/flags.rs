//! The flags of `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wulin_client::address::Address;
use wulin_command::flags::{AdminListener, Insecure, JsonFlag, Reach, duration, only};

use crate::play::flags::address;

/// The flags of `bench`.
#[derive(Debug, Clone, Args)]
#[command(mut_args(only("admin", |flag| flag.help(
    "The server's --admin, where its cost is asked for; off for nowhere [default: 127.0.0.1:9643]"
))))]
pub struct Bench {
    /// The server, on this machine: localhost, host:port, https://… or wss://…/path
    #[arg(value_name = "HOST", value_parser = address, default_value = "wss://localhost:8443")]
    pub host: Address,
    /// What the people do
    #[arg(long, value_enum, default_value_t = Mode::Connect)]
    pub mode: Mode,
    /// What they speak
    #[arg(long, value_enum, default_value_t = Protocol::Native)]
    pub protocol: Protocol,
    /// How many there are
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub people: u32,
    /// How many may be on their way in at a time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub at_once: u32,
    /// How long `hold`, `play` and `echo` take, once everybody is there
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub time: Duration,
    /// How long a person waits for an answer of the server; one who waits longer is lost
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,

    /// How often a player chooses
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration, help_heading = "Play")]
    pub choice_every: Duration,
    /// How long a player thinks after a result before asking for the next round
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration, help_heading = "Play")]
    pub think: Duration,
    /// The time over which the first rounds are spread; nothing is measured before it is over
    #[arg(long, value_name = "TIME", default_value = "6s", value_parser = duration, help_heading = "Play")]
    pub warm_up: Duration,

    /// How to reach and trust the server.
    #[command(flatten, next_help_heading = "Connection")]
    pub reach: Reach,
    /// Whether it must be trusted.
    #[command(flatten, next_help_heading = "Connection")]
    pub trust: Insecure,
    /// Resume TLS sessions where the server offers it; otherwise each handshake is a full one
    #[arg(long, help_heading = "Connection")]
    pub resume: bool,
    /// Load a server that is not on this machine. Only do so where it is yours, and whoever runs the network knows
    #[arg(long, help_heading = "Connection")]
    pub anywhere: bool,

    /// The process id of the server, to read its cost. Can be repeated [default: asked at --admin]
    #[arg(
        long,
        value_name = "PID",
        value_delimiter = ',',
        help_heading = "The server's cost"
    )]
    pub pid: Vec<u32>,
    /// Where its cost is asked for.
    #[command(flatten, next_help_heading = "The server's cost")]
    pub admin: AdminListener,

    /// Whether the report is JSON.
    #[command(flatten, next_help_heading = "Output")]
    pub output: JsonFlag,
    /// Draw the times by percentile into this file (SVG)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub plot: Option<PathBuf>,
}

/// What the people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Come, are greeted, and leave again
    Connect,
    /// Come, and stay without saying a word
    Hold,
    /// Play one round after another
    Play,
    /// Send frames at the pace of `play` to a server that sends each one back: the most this machine can do
    Echo,
    /// Come, are all cut off at once, and come back at once
    Storm,
}

/// What is spoken over the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// Objects with `event` and `data`
    Native,
    /// Socket.IO 1 and 2, over Engine.IO 3
    Eio3,
    /// Socket.IO 3 and 4, over Engine.IO 4
    Eio4,
}

impl Mode {
    /// The name that is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Connect => "connect",
            Mode::Hold => "hold",
            Mode::Play => "play",
            Mode::Echo => "echo",
            Mode::Storm => "storm",
        }
    }
}

impl Protocol {
    /// The name that is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Native => "native",
            Protocol::Eio3 => "eio3",
            Protocol::Eio4 => "eio4",
        }
    }
}
