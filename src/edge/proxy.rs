//! The header by which a proxy says for whom a connection is: the PROXY protocol, versions 1 and 2.
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::io;
use std::net::IpAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of version 2 until its length is known; the length is in the last two.
const FIXED: usize = 16;
/// The longest line of version 1, in bytes.
const LONGEST_LINE: usize = 107;
/// The longest header of version 2 that is read, in bytes. It may carry extensions, which are ignored.
const LONGEST: usize = 2048;

/// Reads the header and nothing behind it. None if the proxy speaks for itself, as health checks do.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    // The shortest header is longer than that.
    let mut header = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        more(stream, &mut header, FIXED - SIGNATURE.len()).await?;
        let rest = u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]);
        if FIXED + usize::from(rest) > LONGEST {
            return Err(invalid());
        }
        more(stream, &mut header, rest.into()).await?;
    } else if header.starts_with(b"PROXY ") {
        while header.last() != Some(&b'\n') {
            if header.len() == LONGEST_LINE {
                return Err(invalid());
            }
            more(stream, &mut header, 1).await?;
        }
    } else {
        return Err(invalid());
    }
    source(&HeaderResult::parse(&header))
}

async fn more(
    stream: &mut (impl AsyncRead + Unpin),
    header: &mut Vec<u8>,
    bytes: usize,
) -> io::Result<()> {
    let read = header.len();
    header.resize(read + bytes, 0);
    stream.read_exact(&mut header[read..]).await?;
    Ok(())
}

fn source(header: &HeaderResult<'_>) -> io::Result<Option<IpAddr>> {
    match header {
        HeaderResult::V1(Ok(header)) => Ok(match &header.addresses {
            v1::Addresses::Tcp4(tcp) => Some(tcp.source_address.into()),
            v1::Addresses::Tcp6(tcp) => Some(tcp.source_address.into()),
            v1::Addresses::Unknown => None,
        }),
        HeaderResult::V2(Ok(header)) => Ok(match (&header.command, &header.addresses) {
            (v2::Command::Proxy, v2::Addresses::IPv4(ip)) => Some(ip.source_address.into()),
            (v2::Command::Proxy, v2::Addresses::IPv6(ip)) => Some(ip.source_address.into()),
            (v2::Command::Local, _) | (_, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => {
                None
            }
        }),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Err(invalid()),
    }
}

fn invalid() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a trusted proxy's connection does not begin with a PROXY header",
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// What is read from these bytes, sent in pieces of one, and what is left behind the header.
    async fn heard(bytes: &[u8]) -> (io::Result<Option<IpAddr>>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let bytes = bytes.to_vec();
        let sender = tokio::spawn(async move {
            for byte in bytes {
                client.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let result = read(&mut server).await;
        sender.await.unwrap();
        let mut rest = Vec::new();
        // After a refusal there may be anything.
        let _ = server.read_to_end(&mut rest).await;
        (result, rest)
    }

    fn v2(command: u8, family: u8, addresses: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        let length = u16::try_from(addresses.len() + extensions.len()).unwrap();
        header.extend([0x20 | command, family]);
        header.extend(length.to_be_bytes());
        header.extend(addresses);
        header.extend(extensions);
        header
    }

    #[tokio::test]
    async fn both_versions_are_read_to_their_end_and_no_further() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 0xbb];
        let six: Vec<u8> = [
            "2001:db8::7"
                .parse::<std::net::Ipv6Addr>()
                .unwrap()
                .octets(),
            [0; 16],
        ]
        .concat()
        .into_iter()
        .chain([0x12, 0x67, 1, 0xbb])
        .collect();
        let cases: [(Vec<u8>, Option<&str>); 7] = [
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec(),
                Some("192.0.2.7"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n".to_vec(),
                Some("2001:db8::7"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v2(1, 0x11, &four, b""), Some("192.0.2.7")),
            (v2(1, 0x11, &four, b"\x03\0\x04abcd"), Some("192.0.2.7")),
            (v2(1, 0x21, &six, b""), Some("2001:db8::7")),
            (v2(0, 0, b"", b""), None),
        ];
        for (mut bytes, address) in cases {
            bytes.extend(b"hello");
            let (result, rest) = heard(&bytes).await;
            assert_eq!(result.unwrap(), address.map(|text| text.parse().unwrap()));
            assert_eq!(rest, b"hello");
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        let huge = v2(1, 0x11, &[0; 12], &vec![0; 60_000]);
        for bytes in [
            b"GET / HTTP/1.1\r\n\r\n".as_slice(),
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03aaaaaaaaaaaaaaaa",
            b"PROXY TCP4 nowhere 10.0.0.1 1 2\r\n",
            b"PROXY",
            long.as_bytes(),
            &huge,
        ] {
            assert!(heard(bytes).await.0.is_err());
        }
    }
}
