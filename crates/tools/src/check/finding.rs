//! What a check finds: its subject, its severity, and what to do about it.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use wulin_text::harmless;

/// How a check ended, from harmless to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not done, since a check it depends on failed, or it was not wanted.
    Skipped,
    /// All is well.
    Ok,
    /// Some clients may fail.
    Warning,
    /// Phones cannot play.
    Failed,
}

/// What is checked. Scripts read the names in JSON, so they do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The files of a certificate and its key.
    Pair,
    /// The folder of certificate files.
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
    /// The cipher suite of TLS 1.2 is one that phones accept.
    CipherSuite,
    /// The chain is complete and in order.
    Chain,
    /// The chain ends at a root phones know.
    Trust,
    /// The certificate is for the domain.
    Domain,
    /// The certificate is valid now.
    Expiry,
    /// Plain HTTP redirects to HTTPS.
    Redirect,
    /// Wulin answers at the base path.
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
    /// A round can be played.
    Round,
    /// All addresses of the name lead to the same certificate and version.
    Addresses,
}

impl Subject {
    /// The label in the report. None is longer than its column, 14 characters.
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

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub outcome: Severity,
    /// What is the case, as a sentence.
    pub detail: String,
    /// What to do about it, if anything.
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(detail: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    /// Some clients may fail.
    pub fn warning(detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Warning,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Phones cannot play.
    pub fn failed(detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Failed,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// The check was not done, for this reason.
    pub fn skipped(because: impl Into<String>) -> Finding {
        Finding {
            outcome: Severity::Skipped,
            detail: because.into(),
            remedy: None,
        }
    }
}

/// A row of the report: a finding with its subject and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    /// What was checked.
    pub name: Subject,
    /// The address, if the subject was checked at each address of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// How it ended.
    pub outcome: Severity,
    /// What is the case, as a sentence.
    pub detail: String,
    /// What to do about it, if anything.
    pub remedy: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl ReportRow {
    /// A row for a check that took so long.
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
            // Parts of it are what the server said, which may hold control characters.
            detail: harmless(&detail),
            remedy: remedy.map(|remedy| harmless(&remedy)),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
