//! The way to the authority: HTTPS in bounded time, with answers of bounded length.
//!
//! The library would bring a client with a pool, HTTP/2 and the platform's own idea of trust. An order makes some fifteen
//! requests every few weeks: one connection each will do, and costs no crate.

use std::error::Error as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderValue, Request, Response, Uri, response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::net::{TcpStream, lookup_host};
use tokio::time;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a request may take, with its connection.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long one of the server's addresses may take to answer, before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest answer in bytes; chains and directories have a few thousand.
const LONGEST: usize = 512 * 1024;
/// Who we say we are (RFC 8555, 6.1).
const NAME: HeaderValue = HeaderValue::from_static(concat!("wulin/", env!("CARGO_PKG_VERSION")));

/// A client of one authority; cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
    asked_to_wait: Arc<Mutex<Option<Duration>>>,
}

/// Why there was no answer, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(String);

impl Client {
    /// Trusts servers that `roots` vouch for.
    pub(super) fn new(roots: Arc<RootCertStore>) -> Result<Client, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Client {
            tls: Arc::new(config).into(),
            asked_to_wait: Arc::default(),
        })
    }

    /// How long the authority asked to be left alone (`Retry-After`) when it last refused something; told once.
    pub(super) fn asked_to_wait(&self) -> Option<Duration> {
        self.asked_to_wait
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    async fn ask(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Body>, Unreachable> {
        let answer = match time::timeout(TIMEOUT, self.exchange(request)).await {
            Ok(answer) => answer?,
            Err(_) => {
                return Err(Unreachable(format!(
                    "it did not answer within {} s",
                    TIMEOUT.as_secs()
                )));
            }
        };
        let (parts, _) = &answer;
        if parts.status.is_client_error() || parts.status.is_server_error() {
            *self
                .asked_to_wait
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = retry_after(parts);
            // Without a problem in JSON (RFC 7807) it is not ACME that speaks, but a gateway before it.
            let kind = parts.headers.get(CONTENT_TYPE);
            if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json")) {
                return Err(Unreachable(format!("it answered with {}", parts.status)));
            }
        }
        let (parts, body) = answer;
        if !nonces_have_an_address(&body) {
            return Err(Unreachable(
                "its directory has a newNonce that is no address".to_owned(),
            ));
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn exchange(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<(response::Parts, Bytes), Unreachable> {
        let stream = self.connect(request.uri()).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let exchange = async {
            let response = sender.send_request(addressed(request)?).await;
            let (parts, body) = response.map_err(|error| broken(&error))?.into_parts();
            let body = to_bytes(Body::new(body), LONGEST)
                .await
                .map_err(|error| Unreachable(format!("its answer cannot be read: {error}")))?;
            Ok((parts, body))
        };
        let mut exchange = pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // What came before the end is still to be had.
            _ = connection => exchange.await,
        }
    }

    async fn connect(&self, uri: &Uri) -> Result<TlsStream<TcpStream>, Unreachable> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Unreachable(format!("{host:?} is no name of a server")))?;
        let addresses = lookup_host((host, uri.port_u16().unwrap_or(443)))
            .await
            .map_err(|error| Unreachable(format!("its address is not to be found: {error}")))?;
        let mut result = Err(Unreachable("it has no address".to_owned()));
        for address in addresses {
            result = match time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return self.secure(name, stream).await,
                Ok(Err(error)) => Err(Unreachable(format!("connecting failed: {error}"))),
                Err(_) => Err(Unreachable("nobody answers at its address".to_owned())),
            };
        }
        result
    }

    async fn secure(
        &self,
        name: ServerName<'static>,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Unreachable> {
        self.tls.connect(name, stream).await.map_err(|error| {
            let untrusted = error
                .get_ref()
                .and_then(|error| error.downcast_ref::<rustls::Error>())
                .is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)));
            Unreachable(if untrusted {
                format!(
                    "its certificate is not trusted: {error}; for a private authority name its root with --acme-ca-file"
                )
            } else {
                format!("no TLS with it: {error}")
            })
        })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let answer = client.ask(request).await;
            answer
                .map(BytesResponse::from)
                .map_err(|error| Error::Other(Box::new(error)))
        })
    }
}

/// The request as it goes over a connection: the path alone, and the host as a header.
fn addressed(
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Request<BodyWrapper<Bytes>>, Unreachable> {
    let uri = std::mem::take(request.uri_mut());
    let host = uri
        .authority()
        .and_then(|host| HeaderValue::from_str(host.as_str()).ok())
        .ok_or_else(|| Unreachable(format!("{uri} is no address")))?;
    if let Some(path) = uri.path_and_query() {
        *request.uri_mut() = path.clone().into();
    }
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, NAME);
    Ok(request)
}

fn broken(error: &hyper::Error) -> Unreachable {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    Unreachable(match cause {
        Some(cause) => format!("the connection broke: {cause}"),
        None => format!("the connection broke: {error}"),
    })
}

/// Whether an answer, if it is a directory, says where nonces come from in a way that instant-acme bears: of all addresses an
/// authority sends, it takes this one for sound and panics where it is not, which would end the task that renews.
pub fn nonces_have_an_address(body: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return true;
    };
    // serde reads a directory from an array as well: this is its first field.
    let address = json.get("newNonce").or_else(|| json.get(0));
    let address = address.and_then(Value::as_str);
    address.is_none_or(|address| Uri::try_from(address).is_ok())
}

/// Seconds, or a moment (RFC 9110, 10.2.3).
pub fn retry_after(parts: &response::Parts) -> Option<Duration> {
    let value = parts.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = httpdate::parse_http_date(value).ok()?;
    moment.duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(value: &str) -> Option<Duration> {
        let response = Response::builder().header(RETRY_AFTER, value);
        retry_after(&response.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn an_authority_asks_to_wait_in_seconds_or_until_a_moment() {
        assert_eq!(waits("120"), Some(Duration::from_mins(2)));
        assert_eq!(waits("Sun, 06 Nov 1994 08:49:37 GMT"), None, "over already");
        assert!(waits("Fri, 31 Dec 9999 23:59:59 GMT") > Some(Duration::from_hours(24)));
        assert_eq!(waits("soon"), None);
    }

    /// Found by fuzzing: each made instant-acme panic.
    #[test]
    fn a_directory_without_a_sound_address_for_nonces_is_refused() {
        for body in [
            r#"{"newNonce":"https:/ttps://authority.example/nonce","newAccount":"https://a|thority.example/account"}"#,
            r#"{"newNonce":""}"#,
            r#"{"newNonce":"https://authority.example/a b"}"#,
            r#"["https://a|thority.example/","https://authority.example/"]"#,
        ] {
            assert!(!nonces_have_an_address(body.as_bytes()), "{body}");
        }
        for body in [
            "",
            "-----BEGIN CERTIFICATE-----",
            "{}",
            r#"{"status":"valid","authorizations":["a|b"]}"#,
            r#"{"newNonce":"https://authority.example/nonce"}"#,
        ] {
            assert!(nonces_have_an_address(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn a_request_is_addressed_to_its_host() {
        let request = Request::builder()
            .uri("https://acme.example:14000/dir?x=1")
            .body(BodyWrapper::default())
            .unwrap();
        let request = addressed(request).unwrap();
        assert_eq!(request.uri(), "/dir?x=1");
        assert_eq!(request.headers()[HOST], "acme.example:14000");
    }
}
