//! The name and the port: what lies between a phone and the machine.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::report::Finding;
use crate::client::address::{Address, HTTPS};

/// Where a name leads to, IPv4 first.
pub(super) async fn resolve(
    address: &Address,
    instead: Option<IpAddr>,
    patience: Duration,
) -> (Vec<IpAddr>, Finding) {
    if let Some(ip) = instead {
        let finding = Finding::ok(format!("not asked: {ip} was given with --address"));
        return (vec![ip], finding);
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
    let listed: Vec<_> = ips.iter().map(ToString::to_string).collect();
    let said = format!("{host} is {}", listed.join(" and "));
    let finding = match ips.iter().find(|ip| !is_public(**ip)) {
        None => Finding::ok(said),
        Some(ip) => Finding::warning(
            if ips.len() == 1 {
                format!("{said}, which is known only near this machine")
            } else {
                format!("{said}; {ip} is known only near this machine")
            },
            "For phones elsewhere the domain must lead to a public address.",
        ),
    };
    (ips, finding)
}

/// Whether somebody elsewhere can mean this address.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified())
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

/// Knocks at each address, and returns the first that answers.
pub(super) async fn knock(
    address: &Address,
    ips: &[IpAddr],
    patience: Duration,
) -> (Option<SocketAddr>, Finding) {
    let port = address.port;
    let mut knocks = JoinSet::new();
    for (at, ip) in ips.iter().enumerate() {
        let target = SocketAddr::from((*ip, port));
        knocks.spawn(async move {
            let started = Instant::now();
            let done = connect(target, patience).await;
            (at, target, done.map(|_| started.elapsed()))
        });
    }
    let mut answers = knocks.join_all().await;
    answers.sort_by_key(|(at, ..)| *at);
    let open: Vec<_> = answers
        .iter()
        .filter_map(|(_, target, done)| Some((*target, *done.as_ref().ok()?)))
        .collect();
    let closed: Vec<_> = answers
        .iter()
        .filter_map(|(_, target, done)| Some((target.ip(), done.as_ref().err()?)))
        .collect();
    let Some((target, took)) = open.first().copied() else {
        let finding = match closed.first() {
            Some((_, error)) => unreachable_port(port, error),
            None => Finding::failed("there is no address to knock at", "Check the DNS."),
        };
        return (None, finding);
    };
    let answering: Vec<_> = open
        .iter()
        .map(|(target, _)| target.ip().to_string())
        .collect();
    let said = format!(
        "{} {} at {port}, in {}",
        answering.join(" and "),
        if open.len() == 1 { "answers" } else { "answer" },
        millis(took)
    );
    let finding = if let Some((ip, error)) = closed.first() {
        Finding::warning(
            format!("{said}, but {ip} does not: {}", words(error)),
            "Remove that record from the DNS, or let the server be reached there: some phones try it first. If this \
             machine has no IPv6, look from another one.",
        )
    } else if port != HTTPS {
        Finding::warning(
            said,
            "Mini Programs need port 443, as WeChat wants no port in the address; browsers do not mind.",
        )
    } else {
        Finding::ok(said)
    };
    (Some(target), finding)
}

/// Connects, in bounded time.
pub(super) async fn connect(target: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    match timeout(patience, TcpStream::connect(target)).await {
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

/// A time as people read it.
pub(super) fn millis(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        format!("{millis:.1} ms")
    } else {
        format!("{millis:.0} ms")
    }
}

/// What the system says, without its number.
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

    #[test]
    fn addresses_of_a_home_or_a_machine_are_not_public() {
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
    fn each_way_to_fail_has_its_own_remedy() {
        let remedy = |kind: ErrorKind| unreachable_port(443, &kind.into()).remedy.unwrap();
        assert!(remedy(ErrorKind::ConnectionRefused).contains("systemctl status"));
        assert!(remedy(ErrorKind::TimedOut).contains("security group"));
    }
}
