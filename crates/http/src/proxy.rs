//! Outgoing HTTP proxies, as the environment names them for other programs too (`HTTPS_PROXY`, `NO_PROXY`).

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Uri;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest answer to CONNECT, in bytes.
const LONGEST: usize = 16 * 1024;
/// The variables that name a proxy, and those that name hosts without one. The first that is not empty counts.
const NAMES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// What the environment says about proxies.
#[derive(Clone, Debug, Default)]
pub struct OutgoingProxies {
    named: Option<Named>,
    /// Hosts and networks that are reached without a proxy, in lower case.
    except: Vec<String>,
}

#[derive(Clone, Debug)]
struct Named {
    variable: &'static str,
    /// None if its kind is not supported.
    proxy: Option<Proxy>,
}

/// A proxy that can be used.
#[derive(Clone)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password, encoded as they are sent. `Debug` does not print them.
    pass: Option<String>,
    variable: &'static str,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the proxy {}:{} of {}",
            self.host, self.port, self.variable
        )
    }
}

impl OutgoingProxies {
    /// Reads the environment by `variable`.
    pub fn new(variable: impl Fn(&str) -> Option<OsString>) -> OutgoingProxies {
        let text = |name: &&'static str| {
            let value = variable(name)?.into_string().ok()?.trim().to_owned();
            (!value.is_empty()).then_some((*name, value))
        };
        OutgoingProxies {
            named: NAMES.iter().find_map(text).map(|(variable, value)| Named {
                variable,
                proxy: Proxy::read(&value, variable),
            }),
            except: EXCEPT
                .iter()
                .find_map(text)
                .map(|(_, value)| {
                    let each = value.split([',', ' ']).map(str::trim);
                    let each = each.filter(|one| !one.is_empty());
                    each.map(str::to_ascii_lowercase).collect()
                })
                .unwrap_or_default(),
        }
    }

    /// The proxy for a host, if one is to be used.
    pub fn to(&self, host: &str, port: u16) -> Option<&Proxy> {
        let named = self.named.as_ref()?;
        let excepted = self.except.iter().any(|one| covers(one, host, port));
        named.proxy.as_ref().filter(|_| !excepted)
    }

    /// The variable that names a proxy of a kind that is not supported.
    pub fn unused(&self) -> Option<&'static str> {
        let named = self.named.as_ref()?;
        named.proxy.is_none().then_some(named.variable)
    }
}

/// Whether an entry of `NO_PROXY` covers this host.
fn covers(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        let network = entry.parse::<IpNet>();
        return bare.parse() == Ok(address) || network.is_ok_and(|all| all.contains(&address));
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, wanted)) => (name, wanted.parse().ok()),
        None => (entry, Some(port)),
    };
    let name = name.trim_start_matches("*.").trim_start_matches('.');
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let below = host.strip_suffix(name);
    !name.is_empty()
        && wanted == Some(port)
        && below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl Proxy {
    /// `http://name:password@host:port/`, of which only the host is necessary.
    fn read(value: &str, variable: &'static str) -> Option<Proxy> {
        let value = if value.contains("://") {
            value.to_owned()
        } else {
            format!("http://{value}")
        };
        let uri = value.parse::<Uri>().ok()?;
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        if uri.scheme_str() != Some("http") || host.is_empty() {
            return None;
        }
        let pass = uri.authority()?.as_str().rsplit_once('@');
        Some(Proxy {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(80),
            pass: pass.map(|(pass, _)| BASE64_STANDARD.encode(decoded(pass))),
            variable,
        })
    }

    /// Opens a tunnel to a host (CONNECT, RFC 9110, 9.3.6): afterwards `stream` leads there.
    pub async fn tunnel<S>(&self, stream: &mut S, host: &str, port: u16) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let target = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let pass = self.pass.as_ref();
        let pass = pass.map_or(String::new(), |pass| {
            format!("Proxy-Authorization: Basic {pass}\r\n")
        });
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{pass}\r\n");
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        // Read byte by byte: what follows the answer belongs to the host.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == LONGEST {
                return Err(io::Error::other("it does not come to an end of its answer"));
            }
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head);
        let status = head
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split_ascii_whitespace().nth(1))
            .and_then(|status| status.parse::<u16>().ok());
        match status {
            Some(200..=299) => Ok(()),
            Some(407) => Err(io::Error::other(format!(
                "it wants a name and a password, or others; write them into {} as http://NAME:PASSWORD@{}:{}",
                self.variable, self.host, self.port
            ))),
            Some(status) => Err(io::Error::other(format!("it refused with {status}"))),
            None => Err(io::Error::other("it does not speak HTTP")),
        }
    }
}

/// Decodes the escapes of an address: `%40` is an @.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            plain.push(byte);
            at += 3;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> OutgoingProxies {
        OutgoingProxies::new(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        })
    }

    fn to(variables: &[(&str, &str)], host: &str) -> Option<String> {
        let proxies = proxies(variables);
        proxies.to(host, 443).map(ToString::to_string)
    }

    #[test]
    fn proxy_is_read_from_the_environment() {
        let host = "acme.example";
        let of = |value| to(&[("HTTPS_PROXY", value)], host);
        let usual = Some("the proxy proxy.example:3128 of HTTPS_PROXY".to_owned());
        for value in [
            "http://proxy.example:3128",
            "proxy.example:3128",
            " http://a:b@proxy.example:3128/ ",
        ] {
            assert_eq!(of(value), usual, "{value}");
        }
        assert_eq!(
            of("http://[::1]"),
            Some("the proxy ::1:80 of HTTPS_PROXY".to_owned())
        );
        for none in [
            "",
            " ",
            "socks5://proxy.example:1080",
            "https://proxy.example",
            "http://",
            "://",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
        let both = [
            ("https_proxy", ""),
            ("ALL_PROXY", "one:1"),
            ("HTTPS_PROXY", "two:2"),
        ];
        assert_eq!(to(&both, host).unwrap(), "the proxy two:2 of HTTPS_PROXY");
        assert_eq!(
            proxies(&[("ALL_PROXY", "socks5://x")]).unused(),
            Some("ALL_PROXY")
        );
        assert_eq!(proxies(&[("ALL_PROXY", "x:1")]).unused(), None);
        assert_eq!(proxies(&[("HTTP_PROXY", "x:1")]).unused(), None);
        let secret = proxies(&[("https_proxy", "http://me:hunter2@x:1")]);
        let shown = format!("{secret:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("bWU6"),
            "{shown}"
        );
    }

    #[test]
    fn excepted_hosts_are_reached_directly() {
        let reached =
            |except, host| to(&[("https_proxy", "x:1"), ("NO_PROXY", except)], host).is_none();
        for (except, host) in [
            ("*", "acme.example"),
            ("acme.example", "acme.example"),
            ("ACME.example.", "acme.example"),
            ("other, .example", "acme.example"),
            ("*.example", "ca.acme.example"),
            ("acme.example:443", "acme.example"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("127.0.0.1,::1", "::1"),
            ("[::1]", "::1"),
        ] {
            assert!(
                reached(except.trim_end_matches('.'), host),
                "{except} and {host}"
            );
        }
        for (except, host) in [
            ("", "acme.example"),
            ("cme.example", "acme.example"),
            ("acme.example:80", "acme.example"),
            ("10.0.0.0/8", "11.1.2.3"),
            (",", "acme.example"),
            (".", "acme.example"),
        ] {
            assert!(!reached(except, host), "{except} and {host}");
        }
    }

    #[tokio::test]
    async fn tunnel_reads_exactly_the_proxys_answer() {
        let proxies = proxies(&[("https_proxy", "http://me:pass%40word@x:1")]);
        let proxy = proxies.to("acme.example", 443).unwrap();
        for (answer, words) in [
            (
                "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nbeyond",
                "",
            ),
            ("HTTP/1.0 407 No\r\n\r\n", "a name and a password"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "refused with 403"),
            ("SSH-2.0\r\n\r\n", "does not speak HTTP"),
            ("HTTP/1.1 200 ", "unexpected end of file"),
        ] {
            let (mut ours, mut its) = tokio::io::duplex(1024);
            its.write_all(answer.as_bytes()).await.unwrap();
            let answered = async {
                let mut asked = vec![0; 200];
                let count = its.read(&mut asked).await.unwrap();
                its.shutdown().await.unwrap();
                String::from_utf8_lossy(&asked[..count]).into_owned()
            };
            let (led, asked) = tokio::join!(proxy.tunnel(&mut ours, "acme.example", 443), answered);
            assert!(
                asked
                    .starts_with("CONNECT acme.example:443 HTTP/1.1\r\nHost: acme.example:443\r\n")
            );
            // me:pass@word
            assert!(
                asked.contains("\r\nProxy-Authorization: Basic bWU6cGFzc0B3b3Jk\r\n\r\n"),
                "{asked}"
            );
            match led {
                Ok(()) => {
                    let mut rest = String::new();
                    ours.read_to_string(&mut rest).await.unwrap();
                    assert_eq!(rest, "beyond");
                }
                Err(error) => assert!(
                    !words.is_empty() && error.to_string().contains(words),
                    "{error}"
                ),
            }
        }
    }

    #[tokio::test]
    async fn endless_answer_of_a_proxy_is_an_error() {
        let proxies = proxies(&[("https_proxy", "x:1")]);
        let proxy = proxies.to("acme.example", 443).unwrap();
        let (mut ours, mut its) = tokio::io::duplex(64);
        let endless = async { while its.write_all(&[b'x'; 64]).await.is_ok() {} };
        let led = async {
            let led = proxy.tunnel(&mut ours, "::1", 443).await;
            drop(ours);
            led
        };
        let (led, ()) = tokio::join!(led, endless);
        assert!(led.unwrap_err().to_string().contains("come to an end"));
    }

    proptest! {
        #[test]
        fn no_variable_causes_a_panic(value in "\\PC{0,40}", except in "\\PC{0,40}", host in "\\PC{0,20}") {
            let _ = to(&[("https_proxy", &value), ("no_proxy", &except)], &host);
            let _ = decoded(&value);
        }
    }
}
