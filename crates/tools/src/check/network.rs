//! Checks of the network: that the name resolves, and that the port can be reached.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use wulin_client::address::{Address, HTTPS};

use super::finding::Finding;

/// `EAFNOSUPPORT`: the error of Linux if IPv6 or IPv4 is switched off.
const NO_FAMILY: i32 = 97;

/// Resolves a name, IPv4 addresses first. `instead` is what `--address` gives. The finding warns of more than `most`
/// addresses.
pub(super) async fn resolve(
    address: &Address,
    instead: &[IpAddr],
    most: usize,
    patience: Duration,
) -> (Vec<IpAddr>, Finding) {
    if !instead.is_empty() {
        let mut ips = instead.to_vec();
        ips.sort_by_key(|ip| (ip.is_ipv6(), *ip));
        ips.dedup();
        let finding = Finding::ok(format!("not asked: --address gives {}", listed(&ips)));
        return (ips, finding);
    }
    if let Some(ip) = address.ip() {
        let finding = Finding::warning(
            format!("{ip} is an address and no name"),
            "Mini Programs connect to domains only. Check the domain: wulin check game.example.com",
        );
        return (vec![ip], finding);
    }
    let host = &address.host;
    let mut ips: Vec<IpAddr> = match timeout(patience, lookup_host((&**host, address.port))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(error)) => {
            let finding = Finding::failed(
                format!("{host} does not resolve: {}", words(&error)),
                format!(
                    "Add an A record for {host} with the machine's public address in the domain's DNS console. A new one \
                     can take minutes."
                ),
            );
            return (Vec::new(), finding);
        }
        Err(_) => {
            let finding = Finding::failed(
                format!("no answer about {host} from the DNS within {patience:?}"),
                "Check this machine's network and /etc/resolv.conf, or give the address with --address.",
            );
            return (Vec::new(), finding);
        }
    };
    ips.sort_by_key(|ip| (ip.is_ipv6(), *ip));
    ips.dedup();
    let finding = judge_name(host, &ips, most);
    (ips, finding)
}

fn judge_name(host: &str, ips: &[IpAddr], most: usize) -> Finding {
    let said = format!("{host} is {}", listed(ips));
    let near: Vec<_> = ips.iter().copied().filter(|ip| !is_public(*ip)).collect();
    if ips.len() > most {
        return Finding::warning(
            format!(
                "{host} has {} addresses, of which {most} are asked",
                ips.len()
            ),
            "Give those to ask with --address.",
        );
    }
    if near.is_empty() {
        return Finding::ok(said);
    }
    Finding::warning(
        if near.len() == ips.len() {
            format!("{said}, known only near this machine")
        } else {
            let (near, verb) = (listed(&near), if near.len() == 1 { "is" } else { "are" });
            format!("{said}; {near} {verb} known only near this machine")
        },
        "For phones elsewhere the domain must lead to public addresses, and to no others.",
    )
}

fn listed(ips: &[IpAddr]) -> String {
    let texts: Vec<_> = ips.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}

/// Whether an address can be reached from the internet, judged by its network.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // 100.64.0.0/10 is within one carrier's network (RFC 6598).
            let carrier = first == 100 && (64..128).contains(&second);
            !(ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || carrier
                || first == 0)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

/// Whether this machine has a route to an address. Nothing is sent.
pub(super) fn has_route(ip: IpAddr) -> bool {
    let any: SocketAddr = match ip {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // Connecting a datagram socket only looks up the route.
    let asked = UdpSocket::bind(any).and_then(|socket| socket.connect((ip, 9)));
    match asked {
        Ok(()) => true,
        Err(error) => {
            let kinds = [ErrorKind::NetworkUnreachable, ErrorKind::AddrNotAvailable];
            let missing = kinds.contains(&error.kind()) || error.raw_os_error() == Some(NO_FAMILY);
            !missing
        }
    }
}

/// Connects to one address; returns whether that worked, and the finding.
pub(super) async fn reach(peer: SocketAddr, patience: Duration) -> (bool, Finding) {
    let (ip, port) = (peer.ip(), peer.port());
    let started = Instant::now();
    match connect(peer, patience).await {
        Ok(_) => {
            let said = format!("{ip} answers at {port}, in {}", millis(started.elapsed()));
            let finding = if port == HTTPS {
                Finding::ok(said)
            } else {
                Finding::warning(
                    said,
                    "Mini Programs need port 443, as WeChat wants no port in the address; browsers do not mind.",
                )
            };
            (true, finding)
        }
        Err(error) => (false, unreachable_port(port, &error)),
    }
}

/// Connects within `patience`.
pub(super) async fn connect(peer: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    match timeout(patience, TcpStream::connect(peer)).await {
        Ok(done) => done,
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}

fn unreachable_port(port: u16, error: &io::Error) -> Finding {
    match error.kind() {
        ErrorKind::ConnectionRefused => Finding::failed(
            format!("nothing listens on port {port}: the connection is refused"),
            "Start the server, or look why it ended: `systemctl status wulin`, `journalctl -u wulin`.",
        ),
        ErrorKind::TimedOut => Finding::failed(
            format!("no answer at port {port}"),
            format!(
                "Open port {port} for TCP in the cloud's security group, and in the machine's firewall; and check that \
                 the address is this server's."
            ),
        ),
        _ => Finding::failed(
            format!("port {port} cannot be reached: {}", words(error)),
            "Check this machine's network; then whether the address is the server's.",
        ),
    }
}

/// A time in milliseconds for people, with a decimal below 10 ms.
pub(super) fn millis(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        format!("{millis:.1} ms")
    } else {
        format!("{millis:.0} ms")
    }
}

/// The system's text for an error, without its number.
pub(super) fn words(error: &io::Error) -> String {
    if error.kind() == ErrorKind::TimedOut {
        return "no answer".to_owned();
    }
    let text = error.to_string();
    let text = text.trim_start_matches("failed to lookup address information: ");
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut letters = text[..end].chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Severity;

    #[test]
    fn private_addresses_are_not_public() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["203.0.113.5", "2001:db8::1", "172.32.0.1"] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn each_connection_error_has_its_own_remedy() {
        let remedy = |kind: ErrorKind| unreachable_port(443, &kind.into()).remedy.unwrap();
        assert!(remedy(ErrorKind::ConnectionRefused).contains("systemctl status"));
        assert!(remedy(ErrorKind::TimedOut).contains("security group"));
    }

    fn judged(ips: &[&str]) -> Finding {
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        judge_name("a.example", &ips, 16)
    }

    #[test]
    fn private_addresses_of_a_name_are_listed() {
        let public = ["203.0.113.7", "2001:db8::1"];
        assert_eq!(judged(&public).outcome, Severity::Ok);
        for near in [
            "127.0.0.1",
            "10.0.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            let finding = judged(&[public[0], near]);
            assert_eq!(finding.outcome, Severity::Warning, "{near}");
            assert!(
                finding
                    .detail
                    .contains(&format!("{near} is known only near"))
            );
        }
        let finding = judged(&["10.0.0.1", "203.0.113.7", "fe80::1"]);
        assert!(
            finding
                .detail
                .contains("; 10.0.0.1 and fe80::1 are known only near")
        );
        assert!(judged(&["100.128.0.1"]).outcome == Severity::Ok);
    }

    #[test]
    fn name_with_many_addresses_says_how_many_are_asked() {
        let many: Vec<String> = (1..=20).map(|last| format!("203.0.113.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let finding = judged(&many);
        assert_eq!(finding.outcome, Severity::Warning);
        assert!(
            finding.detail.contains("20 addresses, of which 16"),
            "{}",
            finding.detail
        );
    }

    #[test]
    fn loopback_has_a_route() {
        assert!(has_route(Ipv4Addr::LOCALHOST.into()));
    }
}
