//! One request of HTTP/1.1 and its answer, over a connection of its own.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use wulin_text::plain;

/// The `User-Agent` header.
const NAME: HeaderValue = HeaderValue::from_static(concat!("wulin/", env!("CARGO_PKG_VERSION")));
/// The most headers in an answer, and the most bytes of them together. hyper's own limit is 400 KiB.
const HEADERS: usize = 128;
const LONGEST_HEADERS: usize = 64 * 1024;
/// How many characters of an answer are quoted.
const QUOTED: usize = 120;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was received.
    pub body: Bytes,
    /// Why the rest of the body is missing; none if it is whole.
    pub cut: Option<Broken>,
}

/// Why there is no answer, or only the beginning of one.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection was closed before there was an answer.
    #[error("closed without an answer")]
    Silent,
    /// What came is not HTTP.
    #[error("the answer is no HTTP")]
    NotHttp,
    /// The body is longer than this many bytes.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// The connection broke.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The exchange ended in another way.
    #[error("{0}")]
    Http(#[source] hyper::Error),
}

impl Answer {
    /// The first header of this name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The server's words: one line of bounded length that may be shown.
    pub fn words(&self) -> String {
        plain(&self.text()).chars().take(QUOTED).collect()
    }
}

/// A request with a text as its body; `host` is the `Host` header.
///
/// # Errors
/// `target` is not a path, or `host` not a name that a header can have.
pub fn request(
    method: &str,
    target: &str,
    host: &str,
    body: &str,
) -> Result<Request<Full<Bytes>>, http::Error> {
    Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, host)
        .header("accept", "*/*")
        .header("content-type", "text/plain;charset=UTF-8")
        .header("connection", "close")
        .body(Full::from(body.to_owned()))
}

/// Sends a request, whose URI is the path alone, and reads the answer: at most `longest` bytes of its body. The caller
/// bounds the time.
pub async fn exchange<S, B>(
    stream: S,
    mut request: Request<B>,
    longest: usize,
) -> Result<Answer, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn StdError + Send + Sync>>> + 'static,
{
    request.headers_mut().insert(USER_AGENT, NAME);
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADERS)
        .max_buf_size(LONGEST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Broken::from)?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        Ok(read(response, longest).await)
    };
    let mut exchange = pin!(exchange);
    tokio::select! {
        // The answer comes first: with the last bytes the connection often ends in the same moment.
        biased;
        answer = &mut exchange => answer,
        // Bytes received before the connection closed can still be read.
        _ = connection => exchange.await,
    }
}

async fn read(response: Response<Incoming>, longest: usize) -> Answer {
    let (
        response::Parts {
            status, headers, ..
        },
        mut incoming,
    ) = response.into_parts();
    let mut body = BytesMut::new();
    let mut cut = None;
    while let Some(frame) = incoming.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) if body.len() + data.len() > longest => {
                body.extend_from_slice(&data[..longest - body.len()]);
                cut = Some(Broken::TooLong(longest));
                break;
            }
            Ok(Ok(data)) => body.extend_from_slice(&data),
            // Trailers are of no use here.
            Ok(Err(_)) => {}
            Err(error) => {
                cut = Some(error.into());
                break;
            }
        }
    }
    Answer {
        status,
        headers,
        body: body.freeze(),
        cut,
    }
}

impl From<hyper::Error> for Broken {
    fn from(error: hyper::Error) -> Broken {
        if error.is_parse() {
            return Broken::NotHttp;
        }
        let cause = error.source().and_then(|cause| cause.downcast_ref());
        match cause {
            Some(cause) => Broken::Io(copy(cause)),
            None if error.is_incomplete_message() => Broken::Silent,
            None => Broken::Http(error),
        }
    }
}

/// A copy of the error, which belongs to hyper's.
fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> io::Error {
        match broken {
            Broken::Io(error) => error,
            Broken::Silent => io::Error::new(io::ErrorKind::UnexpectedEof, broken),
            Broken::NotHttp | Broken::TooLong(_) => {
                io::Error::new(io::ErrorKind::InvalidData, broken)
            }
            Broken::Http(_) => io::Error::other(broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Sends a request to a server that answers with these bytes and closes, and returns the result.
    async fn told(bytes: impl AsRef<[u8]>) -> Result<Answer, Broken> {
        let (ours, mut theirs) = duplex(1024);
        let bytes = bytes.as_ref().to_vec();
        let server = tokio::spawn(async move {
            let mut head = [0; 1024];
            let _ = theirs.read(&mut head).await;
            let _ = theirs.write_all(&bytes).await;
        });
        let request = request("GET", "/", "a.example", "").unwrap();
        let answer = exchange(ours, request, 64).await;
        server.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn body_is_read_by_length_in_chunks_and_to_the_end() {
        for (bytes, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhimore", "hi"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n",
                "hi!",
            ),
            ("HTTP/1.0 404 Not Found\r\n\r\nhi", "hi"),
        ] {
            let answer = told(bytes).await.unwrap();
            assert_eq!((&*answer.text(), answer.cut.is_none()), (body, true));
        }
        let answer = told("HTTP/1.1 301 Moved\r\nLOCATION:  https://a/ \r\n\r\n").await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 301);
        assert_eq!(answer.header("location"), Some("https://a/"));
    }

    #[tokio::test]
    async fn interrupted_body_is_kept_up_to_the_break() {
        for (bytes, body) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned(),
                "half".to_owned(),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned(),
                "half".to_owned(),
            ),
            (
                format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100)),
                "x".repeat(64),
            ),
        ] {
            let answer = told(bytes).await.unwrap();
            assert_eq!((answer.text(), answer.cut.is_some()), (body, true));
        }
    }

    #[tokio::test]
    async fn non_http_and_incomplete_headers_are_errors() {
        for bytes in ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "\x16\x03\x01"] {
            let error = told(bytes).await.unwrap_err();
            assert_eq!(error.to_string(), "the answer is no HTTP", "{bytes:?}");
        }
        for bytes in ["", "HTTP/1.1 200 OK\r\n"] {
            let error = told(bytes).await.unwrap_err();
            assert_eq!(error.to_string(), "closed without an answer", "{bytes:?}");
        }
        let many = "x: y\r\n".repeat(HEADERS + 1);
        assert!(
            told(format!("HTTP/1.1 200 OK\r\n{many}\r\n"))
                .await
                .is_err()
        );
    }
}
