//! What a check has found.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use wulin_text::harmless;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not done, since another one failed or nobody wanted it.
    Skipped,
    /// As it should be.
    Ok,
    /// May still work.
    Warning,
    /// Stops phones.
    Failed,
}

/// What is checked. The names are for scripts and stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A certificate with its key, as files.
    Pair,
    /// The folder they are in.
    Folder,
    /// The domain resolves.
    Name,
    /// The port can be reached.
    Port,
    /// TLS 1.3 is spoken.
    #[serde(rename = "tls_1_3")]
    Tls13,
    /// TLS 1.2 is spoken.
    #[serde(rename = "tls_1_2")]
    Tls12,
    /// With a cipher suite phones accept.
    CipherSuite,
    /// The chain is complete and in order.
    Chain,
    /// It ends at a root phones know.
    Trust,
    /// The certificate is for the domain.
    Domain,
    /// It is valid now, and for how long.
    Expiry,
    /// Plain HTTP leads to HTTPS.
    Redirect,
    /// The base path answers as Wulin.
    Status,
    /// The native WebSocket opens.
    #[serde(rename = "websocket")]
    WebSocket,
    /// Socket.IO 3 and 4 over WebSocket.
    #[serde(rename = "socketio_4")]
    SocketIo4,
    /// Socket.IO 1 and 2 over WebSocket.
    #[serde(rename = "socketio_3")]
    SocketIo3,
    /// Socket.IO 3 and 4 over polling.
    Polling,
    /// `hello` is answered by `hi`.
    Hello,
    /// A whole round.
    Round,
    /// Every address of the name leads to the same.
    Addresses,
}

impl Subject {
    /// What people read; none is longer than the column for it.
    pub fn label(self) -> &'static str {
        match self {
            Subject::Pair => "Files",
            Subject::Folder => "Folder",
            Subject::Name => "Name",
            Subject::Port => "Port",
            Subject::Tls13 => "TLS 1.3",
            Subject::Tls12 => "TLS 1.2",
            Subject::CipherSuite => "Cipher suite",
            Subject::Chain => "Chain",
            Subject::Trust => "Trust",
            Subject::Domain => "Domain",
            Subject::Expiry => "Expiry",
            Subject::Redirect => "Redirect",
            Subject::Status => "Answer",
            Subject::WebSocket => "WebSocket",
            Subject::SocketIo4 => "Socket.IO 4",
            Subject::SocketIo3 => "Socket.IO 2",
            Subject::Polling => "Polling",
            Subject::Hello => "Hello",
            Subject::Round => "Round",
            Subject::Addresses => "Addresses",
        }
    }
}

/// What was found, before it is known how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub outcome: Severity,
    /// What is the case, as a sentence.
    pub detail: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(detail: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    /// May still work.
    pub fn warning(detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Warning,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Stops phones.
    pub fn failed(detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Failed,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Not done.
    pub fn skipped(because: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Skipped,
            detail: because.into(),
            remedy: None,
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    /// What was checked.
    pub name: Subject,
    /// Where, if it was checked at an address of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// How it ended.
    pub outcome: Severity,
    /// What is the case.
    pub detail: String,
    /// What to do.
    pub remedy: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl ReportRow {
    /// One that took so long.
    pub fn new(
        name: Subject,
        address: Option<IpAddr>,
        finding: Finding,
        took: Duration,
    ) -> ReportRow {
        let Finding {
            outcome,
            detail,
            remedy,
        } = finding;
        ReportRow {
            name,
            address,
            outcome,
            // Some of it is what a server said.
            detail: harmless(&detail),
            remedy: remedy.map(|remedy| harmless(&remedy)),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
