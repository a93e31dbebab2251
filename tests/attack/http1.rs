//! An HTTP/1.1 connection that sends many requests without waiting for the answers.

#![allow(unreachable_pub)]

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::scene::{Target, Tls};

pub const SOCKETIO: &str = "/applet/websocket/socket.io/";

pub fn opening(version: u8) -> String {
    format!("{SOCKETIO}?EIO={version}&transport=polling")
}

pub struct Http1 {
    pub stream: Tls,
    read: Vec<u8>,
}

impl Http1 {
    pub async fn open(target: &Target) -> io::Result<Http1> {
        let stream = target.tls().await?;
        let read = Vec::new();
        Ok(Http1 { stream, read })
    }

    /// Sends the same request `count` times without waiting, then reads the answers. Returns how many came.
    pub async fn flood(&mut self, request: &str, count: usize) -> usize {
        let all = request.repeat(count);
        if self.stream.write_all(all.as_bytes()).await.is_err() {
            return 0;
        }
        let _ = self.stream.flush().await;
        for answered in 0..count {
            if self.answer().await.is_none() {
                return answered;
            }
        }
        count
    }

    /// Sends one request. Returns the status and the body of the answer.
    pub async fn ask(&mut self, request: &str, body: &[u8]) -> Option<(u16, String)> {
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n"
        );
        let bytes = [head.as_bytes(), body].concat();
        self.stream.write_all(&bytes).await.ok()?;
        self.stream.flush().await.ok()?;
        self.answer().await
    }

    /// Opens a session by polling and returns its id.
    pub async fn session(&mut self, version: u8) -> Option<String> {
        let (status, body) = self.ask(&format!("GET {}", opening(version)), b"").await?;
        let (_, sid) = body.split_once(r#""sid":""#)?;
        (status == 200).then_some(sid.split('"').next()?.to_owned())
    }

    async fn answer(&mut self) -> Option<(u16, String)> {
        let head = loop {
            let end = self.read.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                break String::from_utf8(head).ok()?.to_lowercase();
            }
            self.more().await?;
        };
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.split("content-length:").nth(1);
        let length: usize = match length {
            Some(rest) => rest.lines().next()?.trim().parse().ok()?,
            None => 0,
        };
        while self.read.len() < length {
            self.more().await?;
        }
        let body: Vec<u8> = self.read.drain(..length).collect();
        Some((status, String::from_utf8(body).ok()?))
    }

    async fn more(&mut self) -> Option<()> {
        let mut bytes = [0; 1024];
        let count = self.stream.read(&mut bytes).await.ok()?;
        self.read.extend_from_slice(&bytes[..count]);
        (count > 0).then_some(())
    }

    /// Opens a WebSocket over this connection.
    pub async fn upgrade(self, path: &str) -> Option<WebSocketStream<Tls>> {
        let request = format!("wss://localhost{path}").into_client_request();
        let upgraded = tokio_tungstenite::client_async(request.ok()?, self.stream).await;
        upgraded.ok().map(|(socket, _)| socket)
    }
}
