//! The address of a server, in any form in which people write it.

use std::fmt;
use std::net::IpAddr;

use rustls::pki_types::ServerName;

/// The default port of HTTPS.
pub const HTTPS: u16 = 443;

/// A server's address: `game.example.com`, `host:port`, `[::1]:8443`, `https://…` or `wss://…/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The name, or the IP address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path without a slash at its end, if one was written that is more than `/`.
    pub path: Option<String>,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// Neither `https` nor `wss`.
    #[error(
        "{0}:// is not spoken here. Write game.example.com, game.example.com:8443 or wss://game.example.com/path"
    )]
    Scheme(String),
    /// The host is no name and no IP address.
    #[error("{0:?} is no domain and no IP address. Write game.example.com or 203.0.113.7")]
    Host(String),
    /// A name with letters beyond ASCII, as a browser shows it.
    #[error(
        "{0:?} has letters beyond ASCII. Write the name in its xn-- form, as the domain's console or a browser's address bar \
         gives it when it is copied"
    )]
    Script(String),
    /// An IPv6 address with a zone (`%eth0`), which has a meaning on one machine only.
    #[error("{0:?} names an interface of one machine. Write an address without %")]
    Zone(String),
    /// The port is no number from 1 to 65535.
    #[error("{0:?} is no port. Write a number from 1 to 65535")]
    Port(String),
}

impl Address {
    /// Reads an address. `port` is the default if none is written.
    pub fn parse(text: &str, port: u16) -> Result<Address, NoAddress> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if ["https", "wss"].contains(&&*scheme.to_ascii_lowercase()) => {
                rest
            }
            Some((scheme, _)) => return Err(NoAddress::Scheme(scheme.to_owned())),
            // `//host/path` is a URL without a scheme, as pages have it.
            None => text.strip_prefix("//").unwrap_or(text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = Some(path.trim_end_matches('/').to_owned()).filter(|path| !path.is_empty());
        let (host, written) = split_port(authority);
        // `a.example.` with the root's dot is the same name. Certificates and servers have it without the dot.
        let host = host.strip_suffix('.').unwrap_or(host);
        let port = match written {
            // `host:` without a port is allowed in URLs (RFC 3986, section 3.2.3).
            None | Some("") => port,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| NoAddress::Port(digits.to_owned()))?,
        };
        if !host.is_ascii() {
            return Err(NoAddress::Script(host.to_owned()));
        }
        if host.contains('%') {
            return Err(NoAddress::Zone(host.to_owned()));
        }
        if ServerName::try_from(host).is_err() {
            return Err(NoAddress::Host(host.to_owned()));
        }
        Ok(Address {
            host: host.to_ascii_lowercase(),
            port,
            path,
        })
    }

    /// The IP address, if the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether it is a name or address of this machine: `localhost` or a loopback address.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// The name for TLS: sent to the server (SNI), and compared with the certificate.
    pub fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(self.host.clone()).expect("the host was read as one")
    }

    /// Host and port for a `Host` header. The port is left out if it is `usual`.
    pub fn authority(&self, usual: u16) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == usual {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority(HTTPS))
    }
}

/// Splits host and port. An IPv6 address without a port may be written without brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .filter(|(host, _)| host.contains(':'))
    {
        return (host, rest.strip_prefix(':'));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, u16, Option<String>) {
        let Address { host, port, path } = Address::parse(text, HTTPS).unwrap();
        (host, port, path)
    }

    #[test]
    fn address_is_read_in_every_spelling() {
        let plain = ("game.example.com".to_owned(), 443, None);
        for text in [
            "game.example.com",
            "Game.Example.com:443",
            " https://game.example.com/ ",
            "wss://game.example.com",
            "https://game.example.com?x=1",
            "game.example.com:",
            "https://game.example.com:/",
            "game.example.com.",
            "GAME.EXAMPLE.COM.:443",
            "//game.example.com/",
            "WSS://game.example.com//",
        ] {
            assert_eq!(read(text), plain, "{text}");
        }
        assert_eq!(
            read("wss://a.example:8443/applet/websocket/"),
            (
                "a.example".into(),
                8443,
                Some("/applet/websocket".to_owned())
            )
        );
        assert_eq!(read("[::1]:8443"), ("::1".into(), 8443, None));
        assert_eq!(read("::1"), ("::1".into(), 443, None));
        assert_eq!(read("[::1]"), ("::1".into(), 443, None));
        assert_eq!(
            read("wss://[2001:DB8::1]:/ws"),
            ("2001:db8::1".into(), 443, Some("/ws".to_owned()))
        );
        assert_eq!(
            read("my_game.example.com"),
            ("my_game.example.com".into(), 443, None)
        );
        assert_eq!(
            read("xn--u9jw67q.example"),
            ("xn--u9jw67q.example".into(), 443, None)
        );
        assert_eq!(read("127.0.0.1:1"), ("127.0.0.1".into(), 1, None));
    }

    #[test]
    fn invalid_addresses_name_their_fault() {
        let error = |text| Address::parse(text, HTTPS).unwrap_err();
        assert_eq!(error("http://a.example"), NoAddress::Scheme("http".into()));
        assert_eq!(error("a.example:0"), NoAddress::Port("0".into()));
        assert_eq!(error("a.example:x"), NoAddress::Port("x".into()));
        for text in ["武林.example", "wss://武林.example:8443/", "game。example"] {
            assert!(matches!(error(text), NoAddress::Script(_)), "{text}");
        }
        assert!(matches!(error("[fe80::1%eth0]"), NoAddress::Zone(_)));
        for text in [
            "",
            "a b",
            "https://",
            "me@a.example",
            "[::1",
            "[a.example]",
            ".",
        ] {
            assert!(matches!(error(text), NoAddress::Host(_)), "{text}");
        }
    }

    #[test]
    fn address_is_written_as_a_host_header() {
        let written = |text| Address::parse(text, HTTPS).unwrap().to_string();
        assert_eq!(written("a.example:443"), "a.example");
        assert_eq!(written("a.example:8443"), "a.example:8443");
        assert_eq!(written("[::1]:8443"), "[::1]:8443");
    }
}
