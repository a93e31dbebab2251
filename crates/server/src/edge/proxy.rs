//! The header in which a proxy tells for whom a connection is: the PROXY protocol, versions 1 and 2.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The first bytes of version 1.
const WORD: &[u8] = b"PROXY ";
/// The first bytes of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The fixed part of version 2, in bytes. Its last two bytes are the length of the rest.
const FIXED: usize = 16;
/// The longest header of version 1, in bytes.
const LONGEST_LINE: usize = 107;
/// The longest address block of version 2 in bytes: two IPv6 addresses with ports. Extensions follow it.
const ADDRESSES: usize = 36;

/// Why the header cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The connection was closed without a byte, as some health checks do, or could not be read.
    #[error(transparent)]
    Closed(io::Error),
    /// The connection begins with something else.
    #[error("a trusted proxy's connection does not begin with a PROXY header")]
    Missing,
    /// The header is incomplete or malformed.
    #[error("a trusted proxy's connection begins with a PROXY header that cannot be read")]
    Bad,
}

/// Whether a connection begins with a header, by its first bytes.
pub fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(WORD) || bytes.starts_with(SIGNATURE)
}

/// Reads the header, and no byte more. None if the proxy connects for itself, as health checks do, or for a client
/// without an IP address.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, HeaderError> {
    // The shortest header is longer than the signature, so this loop reads nothing behind the header.
    let mut header = Vec::with_capacity(LONGEST_LINE);
    while header.len() < SIGNATURE.len() {
        // As soon as the bytes differ from both, it is another protocol: waiting for more would be useless.
        if !(alike(&header, WORD) || alike(&header, SIGNATURE)) {
            return Err(HeaderError::Missing);
        }
        let left = (SIGNATURE.len() - header.len()) as u64;
        match (&mut *stream).take(left).read_buf(&mut header).await {
            Ok(0) if header.is_empty() => {
                return Err(HeaderError::Closed(io::ErrorKind::UnexpectedEof.into()));
            }
            Ok(0) => return Err(HeaderError::Bad),
            Ok(_) => {}
            Err(error) => return Err(HeaderError::Closed(error)),
        }
    }
    if header.starts_with(WORD) {
        while header.last() != Some(&b'\n') {
            if header.len() == LONGEST_LINE {
                return Err(HeaderError::Bad);
            }
            read_more(stream, &mut header, 1).await?;
        }
        Ok(version_1(&header).ok_or(HeaderError::Bad)?.address())
    } else if header == SIGNATURE {
        read_more(stream, &mut header, FIXED - SIGNATURE.len()).await?;
        let length = usize::from(u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]));
        let addresses = length.min(ADDRESSES);
        read_more(stream, &mut header, addresses).await?;
        discard(stream, length - addresses).await?;
        let named = version_2(header[FIXED - 4], header[FIXED - 3], &header[FIXED..]);
        Ok(named.ok_or(HeaderError::Bad)?.address())
    } else {
        Err(HeaderError::Missing)
    }
}

/// Whether two byte strings are equal up to the length of the shorter one.
fn alike(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

async fn read_more(
    stream: &mut (impl AsyncRead + Unpin),
    header: &mut Vec<u8>,
    bytes: usize,
) -> Result<(), HeaderError> {
    let read = header.len();
    header.resize(read + bytes, 0);
    stream
        .read_exact(&mut header[read..])
        .await
        .map_err(incomplete)?;
    Ok(())
}

/// Reads and discards so many bytes. A header of version 2 may be 64 KiB long, so they are not kept.
async fn discard(
    stream: &mut (impl AsyncRead + Unpin),
    mut bytes: usize,
) -> Result<(), HeaderError> {
    let mut piece = [0; 256];
    while bytes > 0 {
        let length = bytes.min(piece.len());
        let read = stream
            .read(&mut piece[..length])
            .await
            .map_err(incomplete)?;
        if read == 0 {
            return Err(HeaderError::Bad);
        }
        bytes -= read;
    }
    Ok(())
}

fn incomplete(error: io::Error) -> HeaderError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => HeaderError::Bad,
        _ => HeaderError::Closed(error),
    }
}

/// For whom a proxy connects.
enum OnBehalfOf {
    /// A client at this address.
    Client(IpAddr),
    /// The proxy itself, or a client without an IP address.
    Nobody,
}

impl OnBehalfOf {
    fn address(self) -> Option<IpAddr> {
        match self {
            OnBehalfOf::Client(address) => Some(address),
            OnBehalfOf::Nobody => None,
        }
    }
}

/// Parses a header of version 1; none if it is malformed.
fn version_1(line: &[u8]) -> Option<OnBehalfOf> {
    let rest = line.strip_prefix(WORD)?.strip_suffix(b"\r\n")?;
    let protocol = rest.split(|byte| *byte == b' ').next()?;
    if protocol == b"UNKNOWN" {
        // The protocol says that the rest is to be ignored.
        return Some(OnBehalfOf::Nobody);
    }
    let words = std::str::from_utf8(rest).ok()?.split(' ');
    let [protocol, source, destination, source_port, destination_port] =
        words.collect::<Vec<_>>().try_into().ok()?;
    for port in [source_port, destination_port] {
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| port.parse::<u16>().ok())??;
    }
    match protocol {
        "TCP4" => {
            destination.parse::<Ipv4Addr>().ok()?;
            Some(OnBehalfOf::Client(source.parse::<Ipv4Addr>().ok()?.into()))
        }
        "TCP6" => {
            destination.parse::<Ipv6Addr>().ok()?;
            Some(OnBehalfOf::Client(source.parse::<Ipv6Addr>().ok()?.into()))
        }
        _ => None,
    }
}

/// Parses version 2 from its command, its address family, and its address block; none if it is malformed.
fn version_2(command: u8, family: u8, addresses: &[u8]) -> Option<OnBehalfOf> {
    match command {
        // LOCAL: the proxy itself. The rest is to be ignored, even the family.
        0x20 => return Some(OnBehalfOf::Nobody),
        0x21 => {}
        _ => return None,
    }
    // Transport protocols: unspecified, stream and datagram.
    if family & 0xf > 2 {
        return None;
    }
    match family >> 4 {
        // Address families: unspecified, and Unix sockets.
        0 | 3 => Some(OnBehalfOf::Nobody),
        1 => {
            let source: [u8; 4] = *addresses.get(..12)?.first_chunk()?;
            Some(OnBehalfOf::Client(source.into()))
        }
        2 => {
            let source: [u8; 16] = *addresses.get(..36)?.first_chunk()?;
            Some(OnBehalfOf::Client(source.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a header from these bytes, which arrive one by one. Returns what follows it as well.
    async fn heard(bytes: &[u8]) -> (Result<Option<IpAddr>, HeaderError>, Vec<u8>) {
        let (mut client, mut server) = tokio::io::duplex(1);
        let bytes = bytes.to_vec();
        let sender = tokio::spawn(async move {
            // This fails when the header is refused, since the rest is not read.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut client, &bytes).await;
        });
        let result = read(&mut server).await;
        let mut rest = Vec::new();
        if result.is_ok() {
            server.read_to_end(&mut rest).await.unwrap();
        }
        drop(server);
        sender.await.unwrap();
        (result, rest)
    }

    fn v2(command: u8, family: u8, rest: &[&[u8]]) -> Vec<u8> {
        let rest = rest.concat();
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[0x20 | command, family], &length, &rest].concat()
    }

    fn six(source: &str) -> Vec<u8> {
        let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let ports = [0x12, 0x67, 1, 0xbb];
        [&address(source)[..], &address("2001:db8::1"), &ports].concat()
    }

    const FOUR: &[u8] = &[192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 0xbb];

    /// Reads headers that all mean the same, each with something behind it.
    async fn all_say(headers: &[Vec<u8>], address: Option<&str>) {
        let address = address.map(|text| text.parse().unwrap());
        for header in headers {
            assert!(begins(header));
            let (result, rest) = heard(&[header, &b"hello"[..]].concat()).await;
            assert_eq!(result.unwrap(), address, "{header:?}");
            assert_eq!(rest, b"hello", "{header:?}");
        }
    }

    #[tokio::test]
    async fn both_versions_are_read_exactly_to_their_end() {
        let headers = [
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec(),
            v2(1, 0x11, &[FOUR]),
            v2(1, 0x10, &[FOUR]),
            v2(1, 0x12, &[FOUR]),
        ];
        all_say(&headers, Some("192.0.2.7")).await;
        let headers = [
            b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n".to_vec(),
            v2(1, 0x21, &[&six("2001:db8::7")]),
        ];
        all_say(&headers, Some("2001:db8::7")).await;
        let mapped = [
            b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 4711 443\r\n".to_vec(),
            v2(1, 0x21, &[&six("::ffff:192.0.2.7")]),
        ];
        all_say(&mapped, Some("::ffff:192.0.2.7")).await;
        let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(LONGEST_LINE - 16));
        assert_eq!(longest.len(), LONGEST_LINE);
        all_say(&[longest.into_bytes()], None).await;
    }

    #[tokio::test]
    async fn extensions_of_any_length_are_skipped() {
        let load_balancer: &[u8] = b"\xea\0\x17\x01vpce-08d2bf15fac5001c9";
        let checksum: &[u8] = b"\x03\0\x04abcd";
        let padding = |bytes: usize| [&[4, 0, 0][..], &vec![0; bytes]].concat();
        let mut four = vec![
            v2(1, 0x11, &[FOUR, checksum]),
            v2(1, 0x11, &[FOUR, load_balancer, checksum]),
        ];
        // Around the length of the longest address block, of the pieces that are discarded, and of the longest header.
        for bytes in [20, 21, 22, 255, 256, 257, 2048, 65_535 - FOUR.len() - 3] {
            four.push(v2(1, 0x11, &[FOUR, &padding(bytes)]));
        }
        all_say(&four, Some("192.0.2.7")).await;
        let six = v2(1, 0x21, &[&six("2001:db8::7"), load_balancer]);
        all_say(&[six], Some("2001:db8::7")).await;
    }

    #[tokio::test]
    async fn local_and_unknown_headers_carry_no_address() {
        let longest = vec![7; 65_535];
        let rests: [&[u8]; 7] = [b"", b"\0", FOUR, b"PROXY ", &[0; 84], &[255; 300], &longest];
        let mut headers = vec![
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN \r\n".to_vec(),
            b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".to_vec(),
            b"PROXY UNKNOWN 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec(),
            b"PROXY UNKNOWN \xff\x00 and more\r\r\n".to_vec(),
        ];
        for rest in rests {
            // LOCAL, with any address family, known or not.
            for family in [0x00, 0x11, 0x12, 0x21, 0x31, 0x50, 0x1f, 0xff] {
                headers.push(v2(0, family, &[rest]));
            }
            // An unspecified family, and Unix sockets.
            headers.push(v2(1, 0x00, &[rest]));
            headers.push(v2(1, 0x31, &[rest]));
        }
        headers.push(v2(1, 0x32, &[&[b'/'; 216], b"\x03\0\x04abcd"]));
        all_say(&headers, None).await;
    }

    #[tokio::test]
    async fn other_protocols_are_recognized_without_waiting() {
        for bytes in [
            b"GET / HTTP/1.1\r\n\r\n".as_slice(),
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03aaaaaaaaaaaaaaaa",
            b"\x16",
            b"POST",
            b"PROXY\r\n",
            b"proxy TCP4",
            b"\r\n\r\nGET / HTTP/1.1\r\n",
        ] {
            // The connection stays open, so waiting for more would never end.
            let (mut client, mut server) = tokio::io::duplex(256);
            tokio::io::AsyncWriteExt::write_all(&mut client, bytes)
                .await
                .unwrap();
            assert!(!begins(bytes));
            let result = read(&mut server).await;
            assert!(matches!(result, Err(HeaderError::Missing)), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn malformed_headers_are_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(LONGEST_LINE - 15));
        let mut cases: Vec<Vec<u8>> = [
            "PROXY TCP4 nowhere 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 nowhere 1 2\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n",
            "PROXY TCP4  192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n",
            "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
            "PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY  UNKNOWN\r\n",
            // Incomplete ones.
            "PROXY",
            "PROXY TCP4 192.0.2.7 10.0",
            &long,
        ]
        .map(|text| text.as_bytes().to_vec())
        .into();
        cases.extend([
            v2(2, 0x11, &[FOUR]),
            [SIGNATURE, b"\x11\x11\0\x0c", FOUR].concat(),
            v2(1, 0x11, &[&FOUR[..11]]),
            v2(1, 0x11, &[]),
            v2(1, 0x21, &[FOUR]),
            v2(1, 0x13, &[FOUR]),
            v2(1, 0x41, &[FOUR]),
            v2(1, 0x50, &[FOUR]),
            SIGNATURE[..5].to_vec(),
            SIGNATURE.to_vec(),
            v2(1, 0x11, &[FOUR])[..20].to_vec(),
            v2(0, 0, &[&[0; 300]])[..200].to_vec(),
        ]);
        for bytes in cases {
            let (result, _) = heard(&bytes).await;
            assert!(
                matches!(result, Err(HeaderError::Bad)),
                "{bytes:?} {result:?}"
            );
        }
        // A connection that is opened and closed is no malformed header.
        let (result, _) = heard(b"").await;
        assert!(matches!(result, Err(HeaderError::Closed(_))));
    }
}
