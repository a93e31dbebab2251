//! A client of HTTPS servers: one connection for each request, in bounded time, with answers of bounded length.
//!
//! A client with a pool, HTTP/2 and the platform's store of roots would be another crate to depend on. What is asked
//! here (an ACME authority, about fifteen requests every few weeks) needs none of that.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Body;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange::{Broken, exchange};
use super::proxy::OutgoingProxies;

/// How long a request may take, including its connection.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long one of the server's addresses may take to answer, before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest answer, in bytes; chains and directories have a few thousand.
const LONGEST: usize = 512 * 1024;

/// A client of HTTPS servers; cheap to clone.
#[derive(Clone)]
pub struct Client {
    tls: TlsConnector,
    proxies: Arc<OutgoingProxies>,
}

/// Why there was no answer. Each prints as the end of a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The server's certificate is not trusted.
    #[error("its certificate is not trusted: {0}")]
    Untrusted(io::Error),
    /// It took too long in all.
    #[error("it did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Client {
    /// Trusts servers whose certificate `roots` vouch for, and connects through `proxies`.
    pub fn new(
        roots: Arc<RootCertStore>,
        proxies: OutgoingProxies,
    ) -> Result<Client, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Client {
            tls: Arc::new(config).into(),
            proxies: Arc::new(proxies),
        })
    }

    /// Sends a request to the server that its URI names, and reads the whole answer.
    pub async fn ask<B>(&self, request: Request<B>) -> Result<Response<Bytes>, Unreachable>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
    {
        let asked = async {
            let stream = self.connect(request.uri()).await?;
            whole(stream, addressed(request)?).await
        };
        timely(TIMEOUT, asked).await
    }

    async fn connect(&self, uri: &Uri) -> Result<TlsStream<TcpStream>, Unreachable> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Unreachable::Other(format!("{host:?} is no name of a server")))?;
        let port = uri.port_u16().unwrap_or(443);
        let stream = match self.proxies.to(host, port) {
            None => reach(host, port)
                .await
                .map_err(|why| match self.proxies.unused() {
                    None => Unreachable::Other(why),
                    Some(variable) => Unreachable::Other(format!(
                        "{why}; {variable} is set, but is not used, since it names no http:// proxy"
                    )),
                })?,
            Some(proxy) => {
                let through = async {
                    let mut stream = reach(&proxy.host, proxy.port)
                        .await
                        .map_err(io::Error::other)?;
                    proxy.tunnel(&mut stream, host, port).await?;
                    Ok(stream)
                };
                let led: io::Result<TcpStream> = through.await;
                led.map_err(|error| {
                    Unreachable::Other(format!("{proxy} does not lead there: {error}"))
                })?
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
            if untrusted {
                Unreachable::Untrusted(error)
            } else {
                Unreachable::Other(format!("no TLS with it: {error}"))
            }
        })
    }
}

/// Gives `work` up after `limit`, even if a part of the answer has come.
async fn timely<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Unreachable>>,
) -> Result<T, Unreachable> {
    time::timeout(limit, work)
        .await
        .unwrap_or(Err(Unreachable::Slow(limit)))
}

/// Connects to the first address of a host that accepts; else says why none does.
async fn reach(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = lookup_host((host, port))
        .await
        .map_err(|error| format!("its address is not to be found: {error}"))?;
    let mut result = Err("it has no address".to_owned());
    for address in addresses {
        result = match time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => Err(format!("connecting failed: {error}")),
            Err(_) => Err("nobody answers at its address".to_owned()),
        };
    }
    result
}

/// Sends a request and reads its answer. An answer that is cut is an error.
async fn whole<S, B>(stream: S, request: Request<B>) -> Result<Response<Bytes>, Unreachable>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let answer = exchange(stream, request, LONGEST).await;
    let answer = answer.map_err(|broken| {
        Unreachable::Other(match broken {
            // rustls says this in a whole paragraph.
            Broken::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                "the connection broke before the answer was whole".to_owned()
            }
            broken => format!("the connection broke: {broken}"),
        })
    })?;
    if let Some(cut) = answer.cut {
        let why = format!("its answer cannot be read: {cut}");
        return Err(Unreachable::Other(why));
    }
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

/// The request as it goes over a connection: the path alone, and the host as a header.
fn addressed<B>(mut request: Request<B>) -> Result<Request<B>, Unreachable> {
    let uri = std::mem::take(request.uri_mut());
    let host = uri
        .authority()
        .and_then(|host| HeaderValue::from_str(host.as_str()).ok())
        .ok_or_else(|| Unreachable::Other(format!("{uri} is no address")))?;
    if let Some(path) = uri.path_and_query() {
        *request.uri_mut() = path.clone().into();
    }
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// An answer that never ends is given up after this time, however slow the machine is.
    const LIMIT: Duration = Duration::from_secs(1);

    fn request() -> Request<Full<Bytes>> {
        let request = Request::builder().uri("https://acme.example:14000/dir?x=1");
        request.body(Full::default()).unwrap()
    }

    #[test]
    fn request_is_addressed_to_its_host() {
        let request = addressed(request()).unwrap();
        assert_eq!(request.uri(), "/dir?x=1");
        assert_eq!(request.headers()[HOST], "acme.example:14000");
    }

    /// Sends a request to a peer that behaves like this after its first bytes, and returns the result.
    async fn asked<F>(
        behave: impl FnOnce(DuplexStream) -> F,
    ) -> Result<Response<Bytes>, Unreachable>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (ours, mut its) = duplex(1024);
        let mut head = [0; 1024];
        let asked = tokio::spawn(timely(LIMIT, whole(ours, request())));
        assert!(its.read(&mut head).await.unwrap() > 0);
        let behaves = tokio::spawn(behave(its));
        let answer = asked.await.unwrap();
        behaves.abort();
        answer
    }

    #[tokio::test]
    async fn endless_answer_times_out() {
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
            assert_eq!(why, "it did not answer within 1 s");
        }
    }

    #[tokio::test]
    async fn informational_answers_are_skipped() {
        let answer = asked(|mut its: DuplexStream| async move {
            let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
            let answer = format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            its.write_all(answer.as_bytes()).await.unwrap();
        });
        let answer = answer.await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"ok"[..])
        );
    }

    #[tokio::test]
    async fn oversized_and_truncated_answers_are_errors() {
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
