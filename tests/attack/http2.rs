//! The part of HTTP/2 (RFC 9113) that an attack needs, frame by frame, since a library would keep to the rules.

#![allow(unreachable_pub)]

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::support::http2_frames::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame,
};

pub struct Http2<S> {
    pub stream: S,
    next: u32,
}

/// A length in HPACK with a prefix of seven bits (RFC 7541, 5.1).
fn length(value: usize) -> Vec<u8> {
    if value < 127 {
        return vec![value as u8];
    }
    let mut bytes = vec![127];
    let mut rest = value - 127;
    while rest >= 128 {
        bytes.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    bytes.push(rest as u8);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [length(text.len()), text.as_bytes().to_vec()].concat()
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http2<S> {
    /// Sends the preface, with the largest flow-control windows for each answer and for all of them together.
    pub async fn open(mut stream: S) -> io::Result<Http2<S>> {
        let window = [0, 4, 0x7f, 0xff, 0xff, 0xff];
        let opening = [
            PREFACE,
            &frame(SETTINGS, 0, 0, &window),
            &frame(WINDOW_UPDATE, 0, 0, &0x7f00_0000_u32.to_be_bytes()),
        ];
        stream.write_all(&opening.concat()).await?;
        stream.flush().await?;
        Ok(Http2 { stream, next: 1 })
    }

    /// Sends this many requests for this path at once, each with a header of this length.
    pub async fn ask(&mut self, path: &str, count: usize, header: usize) -> io::Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            // GET, https. The first request puts path and authority into the HPACK table as 63 and 62; later ones name
            // each by one byte.
            let mut block = vec![0x82, 0x87];
            if self.next == 1 {
                block.extend([vec![0x44], text(path), vec![0x41], text("localhost")].concat());
            } else {
                block.extend([0xbf, 0xbe]);
            }
            if header > 0 {
                block.extend([vec![0x00], text("x"), text(&"x".repeat(header))].concat());
            }
            bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, self.next, &block));
            self.next += 2;
        }
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await
    }

    /// Reads until this many streams have ended, by an answer or a reset.
    pub async fn answers(&mut self, count: usize) -> io::Result<()> {
        let mut ended = 0;
        while ended < count {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await?;
            let (kind, flags) = (head[3], head[4]);
            match kind {
                DATA | HEADERS if flags & END_STREAM != 0 => ended += 1,
                RST_STREAM => ended += 1,
                SETTINGS | PING if flags & ACK == 0 => {
                    let echo = if kind == PING { &payload[..] } else { &[] };
                    self.stream.write_all(&frame(kind, ACK, 0, echo)).await?;
                    self.stream.flush().await?;
                }
                GOAWAY => return Err(io::ErrorKind::ConnectionAborted.into()),
                _ => {}
            }
        }
        Ok(())
    }
}
