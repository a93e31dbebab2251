//! One request of HTTP/1.1 and its answer, over a connection of its own.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use wulin_text::plain;

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 256 * 1024;
/// The most headers that are looked at.
const HEADERS: usize = 128;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    /// The server's words, in one line that is not too long and may be shown.
    pub fn words(&self) -> String {
        let line: String = plain(&self.body);
        line.chars().take(120).collect()
    }
}

/// Sends a request and reads the answer to its end. `host` is for the `Host` header.
pub async fn exchange<S>(
    mut stream: S,
    method: &str,
    target: &str,
    host: &str,
    body: &str,
) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = body.len();
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: wulin/{version}\r\nAccept: */*\r\n\
         Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut bytes = Vec::new();
    let read = stream.take(LONGEST).read_to_end(&mut bytes).await;
    // A server that closes without TLS's goodbye has still said what it had to say.
    match (parse(&bytes), read) {
        (Some(answer), _) => Ok(answer),
        (None, Err(error)) => Err(error),
        (None, Ok(0)) => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "closed without an answer",
        )),
        (None, Ok(_)) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the answer is no HTTP",
        )),
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines
        .next()?
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    let headers = lines
        .take(HEADERS)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        headers,
        body: String::new(),
    };
    let body = &bytes[end + 4..];
    let chunked = answer
        .header("transfer-encoding")
        .is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked"));
    let whole = if chunked {
        unchunk(body)
    } else {
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        body[..length.unwrap_or(body.len()).min(body.len())].to_vec()
    };
    answer.body = String::from_utf8_lossy(&whole).into_owned();
    Some(answer)
}

/// Puts the chunks together as far as they are whole (RFC 9112, section 7.1).
fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..line]);
        let size = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        let start = line + 2;
        let Some(chunk) = start
            .checked_add(size)
            .and_then(|end| rest.get(start..end))
            .filter(|chunk| !chunk.is_empty())
        else {
            break;
        };
        whole.extend_from_slice(chunk);
        rest = rest.get(start + size + 2..).unwrap_or_default();
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_a_length_in_chunks_and_to_the_end() {
        let body = |text: &str| parse(text.as_bytes()).unwrap().body;
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhimore"),
            "hi"
        );
        assert_eq!(
            body(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n"
            ),
            "hi!"
        );
        assert_eq!(body("HTTP/1.0 404 Not Found\r\n\r\nhi"), "hi");
        let answer = parse(b"HTTP/1.1 301 Moved\r\nLOCATION:  https://a/ \r\n\r\n").unwrap();
        assert_eq!(
            (answer.status, answer.header("location")),
            (301, Some("https://a/"))
        );
    }

    #[test]
    fn what_is_no_answer_or_half_of_one_breaks_nothing() {
        assert_eq!(parse(b"SSH-2.0-x\r\n\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 x\r\n\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n"), None);
        for half in ["ffffffffffffffff\r\nhi", "5\r\nhi", "x\r\n", ""] {
            assert_eq!(unchunk(half.as_bytes()), b"", "{half}");
        }
    }
}
