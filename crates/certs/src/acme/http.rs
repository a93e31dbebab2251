//! The way to the authority: HTTPS in bounded time, with answers of bounded length.
//!
//! The library would bring a client with a pool, HTTP/2 and the platform's own idea of trust. An order makes some fifteen
//! requests every few weeks: one connection each will do, and costs no crate.

use std::error::Error as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes, to_bytes};
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri, response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::answer::{Noted, Refusal, examine};
use super::schedule::in_words;
use wulin_http::proxy::Proxies;

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
    proxies: Arc<Proxies>,
    heard: Arc<Mutex<Heard>>,
}

/// What the answers said beside what the library reads.
#[derive(Default)]
struct Heard {
    /// The last one of all.
    last: Noted,
    /// How long the last one that refused something asked to wait.
    refused: Option<Duration>,
}

/// Why there was no answer, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(String);

/// What an authority does that ACME does not know, as a clause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Strange(pub(super) String);

impl Client {
    /// Trusts servers that `roots` vouch for, and goes through `proxies`.
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        proxies: Proxies,
    ) -> Result<Client, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Client {
            tls: Arc::new(config).into(),
            proxies: Arc::new(proxies),
            heard: Arc::default(),
        })
    }

    /// How long the authority asked to be left alone (`Retry-After`) when it last refused something; told once.
    pub(super) fn asked_to_wait(&self) -> Option<Duration> {
        self.heard().refused.take()
    }

    /// What the last answer said.
    pub(super) fn noted(&self) -> Noted {
        self.heard().last.clone()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Body>, Error> {
        let uri = request.uri().clone();
        let exchange = async {
            let stream = self.connect(&uri).await?;
            exchange(stream, request).await
        };
        let (parts, body) = timely(TIMEOUT, exchange).await.map_err(boxed)?;
        let failed = parts.status.is_client_error() || parts.status.is_server_error();
        let (noted, passed) = examine(&uri, parts, body, SystemTime::now());
        {
            let mut heard = self.heard();
            if failed {
                heard.refused = noted.wait;
            }
            heard.last = noted;
        }
        let (parts, body) = passed?;
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn connect(&self, uri: &Uri) -> Result<TlsStream<TcpStream>, Unreachable> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Unreachable(format!("{host:?} is no name of a server")))?;
        let port = uri.port_u16().unwrap_or(443);
        let stream = match self.proxies.to(host, port) {
            None => reach(host, port).await.map_err(|Unreachable(why)| {
                Unreachable(match self.proxies.unused() {
                    None => why,
                    Some(variable) => format!(
                        "{why}; {variable} is set, but is not used, since it names no http:// proxy"
                    ),
                })
            })?,
            Some(proxy) => {
                let through = async {
                    let mut stream = reach(&proxy.host, proxy.port)
                        .await
                        .map_err(|Unreachable(why)| io::Error::other(why))?;
                    proxy.lead(&mut stream, host, port).await?;
                    Ok(stream)
                };
                let led: io::Result<TcpStream> = through.await;
                led.map_err(|error| Unreachable(format!("{proxy} does not lead there: {error}")))?
            }
        };
        self.secure(name, stream).await
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

/// A refusal as the library hands it on, to be read again by what turns failures into sentences.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Problem(problem) => Error::Api(problem),
            Refusal::Other(why) => boxed(Unreachable(why)),
            Refusal::Strange(why) => boxed(Strange(why)),
        }
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move { client.ask(request).await.map(BytesResponse::from) })
    }
}

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}

/// What takes longer than anybody waits is given up, however much of it is there.
async fn timely<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Unreachable>>,
) -> Result<T, Unreachable> {
    time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Unreachable(format!(
            "it did not answer within {}",
            in_words(limit)
        )))
    })
}

/// A connection to the first address of a host that takes one.
async fn reach(host: &str, port: u16) -> Result<TcpStream, Unreachable> {
    let addresses = lookup_host((host, port))
        .await
        .map_err(|error| Unreachable(format!("its address is not to be found: {error}")))?;
    let mut result = Err(Unreachable("it has no address".to_owned()));
    for address in addresses {
        result = match time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => Err(Unreachable(format!("connecting failed: {error}"))),
            Err(_) => Err(Unreachable("nobody answers at its address".to_owned())),
        };
    }
    result
}

/// One request and its answer.
async fn exchange<S>(
    stream: S,
    request: Request<BodyWrapper<Bytes>>,
) -> Result<(response::Parts, Bytes), Unreachable>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
        // TLS says so in a paragraph of its own.
        Some(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection broke before the answer was whole".to_owned()
        }
        Some(cause) => format!("the connection broke: {cause}"),
        None => format!("the connection broke: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// Whatever the machine does meanwhile, what never ends is given up.
    const LIMIT: Duration = Duration::from_secs(1);

    fn request() -> Request<BodyWrapper<Bytes>> {
        let request = Request::builder().uri("https://acme.example:14000/dir?x=1");
        request.body(BodyWrapper::default()).unwrap()
    }

    #[test]
    fn a_request_is_addressed_to_its_host() {
        let request = addressed(request()).unwrap();
        assert_eq!(request.uri(), "/dir?x=1");
        assert_eq!(request.headers()[HOST], "acme.example:14000");
    }

    /// What comes of a request to somebody who behaves like this once it is there.
    async fn asked<F>(
        behave: impl FnOnce(DuplexStream) -> F,
    ) -> Result<(response::Parts, Bytes), Unreachable>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (ours, mut its) = duplex(1024);
        let mut head = [0; 1024];
        let asked = tokio::spawn(timely(LIMIT, exchange(ours, request())));
        assert!(its.read(&mut head).await.unwrap() > 0);
        let behaves = tokio::spawn(behave(its));
        let answer = asked.await.unwrap();
        behaves.abort();
        answer
    }

    #[tokio::test]
    async fn an_answer_that_never_comes_to_its_end_has_a_deadline() {
        for (begin, drop) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"),
            ("HTTP/1.1 200 OK\r\n", "x"),
            ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
            ("", ""),
        ] {
            let answer = asked(move |mut its: DuplexStream| async move {
                its.write_all(begin.as_bytes()).await.unwrap();
                loop {
                    time::sleep(Duration::from_millis(50)).await;
                    let _ = its.write_all(drop.as_bytes()).await;
                }
            });
            let why = answer.await.unwrap_err().to_string();
            assert_eq!(why, "it did not answer within 1 second");
        }
    }

    #[tokio::test]
    async fn hints_before_an_answer_do_not_matter() {
        let answer = asked(|mut its: DuplexStream| async move {
            let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
            let answer = format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            its.write_all(answer.as_bytes()).await.unwrap();
        });
        let (parts, body) = answer.await.unwrap();
        assert_eq!((parts.status.as_u16(), &body[..]), (200, &b"ok"[..]));
    }

    #[tokio::test]
    async fn an_answer_without_end_or_cut_in_the_middle_is_none() {
        let endless = asked(|mut its: DuplexStream| async move {
            let _ = its.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while its.write_all(&[b'x'; 1024]).await.is_ok() {}
        });
        let why = endless.await.unwrap_err().to_string();
        assert!(why.contains("its answer cannot be read"), "{why}");
        for cut in [
            "HTTP/1.1 200 O",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            "",
        ] {
            let answer = asked(|mut its: DuplexStream| async move {
                its.write_all(cut.as_bytes()).await.unwrap();
            });
            assert!(answer.await.is_err(), "{cut}");
        }
    }
}
