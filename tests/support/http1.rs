//! HTTP/1.1 by hand: one request, and the answer up to the end of the connection.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time;

use super::PATIENCE;

/// Sends a request that ends its connection. Returns the head and the body of the answer as they came.
pub async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> (String, String) {
    stream.write_all(request).await.unwrap();
    read_answer(&mut stream).await
}

/// Reads an answer up to the end of the connection. Returns its head and its body as they came.
pub async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> (String, String) {
    let mut answer = Vec::new();
    // A server may close without a TLS close_notify, which is an error here and no fault of the answer.
    let _ = time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("no answer");
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

/// The status in the head of an answer, 0 if there is none.
pub fn status(head: &str) -> u16 {
    let status = head.split(' ').nth(1);
    status.and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Decodes a body with `Transfer-Encoding: chunked` (RFC 9112, 7.1).
pub fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    whole
}
