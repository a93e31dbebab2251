//! Checks of TLS: which versions the server speaks, and why a handshake fails.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{AlertDescription, Error, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wulin_client::address::Address;
use wulin_http::exchange::{Answer, exchange, request};
use wulin_http::tls::{ANY_VERSION, Recorder, SecureStream, Trust, connector, handshake};

use super::finding::Finding;
use super::network::{connect, words};

/// The server at one address. Its certificate is not verified here but recorded, so that the checks can judge it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The server's name, port and path.
    pub(super) address: Address,
    /// The IP address and port to connect to.
    pub(super) peer: SocketAddr,
    /// Records the certificate chain.
    pub(super) recorder: Arc<Recorder>,
    /// How long each step may take.
    pub(super) patience: Duration,
}

impl Target {
    /// Connects with any version of TLS.
    pub(super) async fn open(&self) -> io::Result<SecureStream> {
        self.open_with(ANY_VERSION).await
    }

    async fn open_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<SecureStream> {
        let connector = connector(&Trust::Anybody(self.recorder.clone()), versions)
            .map_err(io::Error::other)?;
        self.in_time(async {
            let stream = connect(self.peer, self.patience).await?;
            handshake(&connector, self.address.server_name(), stream).await
        })
        .await
    }

    /// Sends a request over a new connection, and returns the answer.
    pub(super) async fn ask(&self, method: &str, resource: &str, body: &str) -> io::Result<Answer> {
        let host = self.address.to_string();
        self.in_time(async {
            let stream = self.open().await?;
            once(stream, method, resource, &host, body).await
        })
        .await
    }

    async fn in_time<T>(&self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        timeout(self.patience, work)
            .await
            .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    }
}

/// The longest answer that is read, in bytes. What answers need not be a Wulin.
const LONGEST: usize = 256 * 1024;

/// Sends a request over this connection, and returns the answer.
pub(super) async fn once<S>(
    stream: S,
    method: &str,
    resource: &str,
    host: &str,
    body: &str,
) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request(method, resource, host, body).map_err(io::Error::other)?;
    Ok(exchange(stream, request, LONGEST).await?)
}

/// The findings on the versions of TLS.
pub(super) struct Spoken {
    /// The finding on TLS 1.3.
    pub(super) newer: Finding,
    /// The finding on TLS 1.2.
    pub(super) older: Finding,
    /// The finding on the cipher suite of TLS 1.2; none if that is not spoken.
    pub(super) suite: Option<Finding>,
    /// Whether any version is spoken.
    pub(super) any: bool,
}

/// Tries TLS 1.2, then 1.3.
pub(super) async fn speak(target: &Target) -> Spoken {
    let older = target.open_with(&[&rustls::version::TLS12]).await;
    let newer = target.open_with(&[&rustls::version::TLS13]).await;
    let any = older.is_ok() || newer.is_ok();
    if let (Err(error), false) = (&newer, any) {
        let plain = is_plain_http(target).await;
        let finding = silent(error, plain, target);
        return Spoken {
            newer: finding,
            older: Finding::skipped("no TLS 1.3 either"),
            suite: None,
            any,
        };
    }
    let suite = older.as_ref().ok().map(suite);
    Spoken {
        newer: match &newer {
            Ok(_) => Finding::ok("spoken"),
            Err(error) => Finding::warning(
                format!("not spoken: {}", reason(error)),
                "Phones do with 1.2, but each connection takes longer. Allow it in whatever ends TLS in front of Wulin.",
            ),
        },
        older: match &older {
            Ok(_) => Finding::ok("spoken"),
            Err(error) => Finding::failed(
                format!("not spoken: {}", reason(error)),
                "Older phones know nothing newer: allow TLS 1.2 with ECDHE and AES-GCM or ChaCha20 in whatever ends TLS \
                 in front of Wulin.",
            ),
        },
        suite,
        any,
    }
}

/// The finding on a cipher suite. It is always good: rustls offers only suites with forward secrecy and authenticated
/// encryption, which `WeChat` and iOS require.
fn suite(stream: &SecureStream) -> Finding {
    let suite = stream.get_ref().1.negotiated_cipher_suite();
    let name = suite.map_or_else(String::new, |suite| format!("{:?}", suite.suite()));
    Finding::ok(format!("{name} with TLS 1.2"))
}

/// The finding for a server with which no handshake succeeds. `plain` says whether it answers plain HTTP.
fn silent(error: &io::Error, plain: bool, target: &Target) -> Finding {
    let port = target.address.port;
    if plain {
        return Finding::failed(
            format!("port {port} speaks plain HTTP, not HTTPS"),
            "Another program has the port, or a proxy in front leaves TLS to nobody: let Wulin listen there.",
        );
    }
    let detail = format!("no TLS at port {port}: {}", reason(error));
    match (error.kind(), inner(error)) {
        (ErrorKind::TimedOut, _) => Finding::failed(
            detail,
            "Something accepts connections there and says nothing: a stuck server, a program that is no TLS server, or a \
             firewall in between.",
        ),
        (_, Some(Error::AlertReceived(AlertDescription::UnrecognisedName))) => Finding::failed(
            detail,
            format!(
                "The server has no certificate for {}: give it one.",
                target.address.host
            ),
        ),
        (_, Some(Error::AlertReceived(_) | Error::PeerIncompatible(_))) => Finding::failed(
            detail,
            "Allow TLS 1.2 and 1.3 with ECDHE and AES-GCM or ChaCha20 in whatever ends TLS in front of Wulin.",
        ),
        (ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe, _) => {
            Finding::failed(
                detail,
                "A cloud in mainland China cuts connections to a domain without an ICP filing (备案) at this point. \
                 Otherwise look into the server's log with --log debug.",
            )
        }
        _ => Finding::failed(
            detail,
            "Check that Wulin itself has this port: `wulin health` on the machine, and `ss -ltnp`.",
        ),
    }
}

fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Why a handshake failed, in a few words.
pub(super) fn reason(error: &io::Error) -> String {
    match (error.kind(), inner(error)) {
        (ErrorKind::TimedOut, _) => "no answer to the handshake".to_owned(),
        (ErrorKind::UnexpectedEof, _) => "closed during the handshake".to_owned(),
        (ErrorKind::ConnectionReset | ErrorKind::BrokenPipe, _) => {
            "cut off during the handshake".to_owned()
        }
        (_, Some(Error::AlertReceived(AlertDescription::ProtocolVersion))) => {
            "the server refuses this version".to_owned()
        }
        (_, Some(Error::AlertReceived(AlertDescription::HandshakeFailure))) => {
            "the server accepts no cipher suite that phones do".to_owned()
        }
        (_, Some(Error::AlertReceived(alert))) => format!("the server refuses with {alert:?}"),
        (_, Some(Error::InvalidMessage(_))) => "what answers is no TLS".to_owned(),
        (_, Some(error)) => error.to_string(),
        (_, None) => words(error),
    }
}

/// Whether the port answers a plain HTTP request.
async fn is_plain_http(target: &Target) -> bool {
    let ask = async {
        let stream = TcpStream::connect(target.peer).await?;
        once(stream, "GET", "/", &target.address.to_string(), "").await
    };
    // A TLS server answers a plain request with an alert, or with status 400 and a hint to use HTTPS.
    matches!(timeout(target.patience, ask).await, Ok(Ok(answer)) if answer.status != 400)
}
