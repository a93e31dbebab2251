//! Warns in the log that clients are turned away: at once, and then once a minute for each reason, with how many there
//! were.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::field::display;
use tracing::warn;

/// How long nothing more is logged for a reason.
const QUIET: Duration = Duration::from_mins(1);

/// Why clients are turned away, as far as the operator can change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There are as many connections as allowed.
    Connections,
    /// There are as many from one address as allowed.
    Address,
    /// Polling sessions begin faster at one address than allowed.
    Sessions,
    /// A trusted proxy's connection does not begin with a PROXY header.
    HeaderMissing,
    /// It begins with a malformed one.
    HeaderBad,
    /// A connection begins with a PROXY header that is not expected.
    HeaderUnexpected,
}

impl Reason {
    const ALL: [Reason; 6] = [
        Reason::Connections,
        Reason::Address,
        Reason::Sessions,
        Reason::HeaderMissing,
        Reason::HeaderBad,
        Reason::HeaderUnexpected,
    ];

    fn sentence(self) -> &'static str {
        match self {
            Reason::Connections => {
                "Connections are turned away: there are as many as --max-connections and the limit for open files \
                 (LimitNOFILE= in the systemd unit, ulimit -n) allow."
            }
            Reason::Address => {
                "Connections are turned away: there are as many from one address as --max-connections-per-ip allows. Phones \
                 behind one carrier share an address. Everybody seems to come from one behind a proxy, which \
                 --trusted-proxies names, and in a container whose network hides addresses, as Podman's may: there, raise \
                 the limit."
            }
            Reason::Sessions => {
                "Sessions that poll are turned away: more begin in a second at one address than --sessions-per-second allows. \
                 Everybody seems to come from one behind a proxy, which --trusted-proxies names."
            }
            Reason::HeaderMissing => {
                "Connections are turned away: they come from --trusted-proxies and do not begin with a PROXY header, which \
                 --proxy-protocol asks for. Switch it on in the proxy, or leave --proxy-protocol out. Whoever connects \
                 without the proxy must not be in those networks."
            }
            Reason::HeaderBad => {
                "Connections are turned away: they come from --trusted-proxies and begin with a PROXY header that cannot be \
                 read. The proxy must speak version 1 or 2 of the protocol, or --proxy-protocol be left out."
            }
            Reason::HeaderUnexpected => {
                "Connections are turned away: they begin with a PROXY header, which is not expected from their address. If \
                 it is a proxy's, name it with --trusted-proxies and give --proxy-protocol, or switch the header off in the \
                 proxy."
            }
        }
    }
}

/// Collects who is turned away, and logs it.
///
/// The log is bounded by time and not by clients: a warning for each connection would let a flood fill the disk.
#[derive(Debug)]
pub struct TurnedAway {
    ledger: Mutex<Ledger>,
    /// Wakes the task that logs when the deadline has changed.
    changed: Notify,
    /// Whether addresses may be logged, which are personal data.
    addresses: bool,
}

impl TurnedAway {
    /// Nobody has been turned away yet. `addresses` says whether the last address may be logged.
    pub fn new(addresses: bool) -> Arc<TurnedAway> {
        Arc::new(TurnedAway {
            ledger: Mutex::default(),
            changed: Notify::new(),
            addresses,
        })
    }

    /// Records one more client, with its address.
    pub fn add(&self, reason: Reason, address: IpAddr) {
        if self.ledger().add(reason, address) {
            self.changed.notify_one();
        }
    }

    /// Logs until told to stop, and then what is left.
    pub async fn log(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let deadline = self.ledger().deadline();
            let due = async {
                match deadline {
                    Some(Due::Now) => {}
                    Some(Due::At(deadline)) => time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = due => self.log_due(false),
                () = self.changed.notified() => {}
            }
        }
        self.log_due(true);
    }

    fn log_due(&self, everything: bool) {
        let rows = self.ledger().take(everything, Instant::now());
        for Row {
            reason,
            count,
            last,
        } in rows
        {
            let last = last.filter(|_| self.addresses).map(display);
            warn!(count, last, "{}", reason.sentence());
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has not been logged yet, by reason.
#[derive(Debug, Default)]
struct Ledger([Account; Reason::ALL.len()]);

#[derive(Debug, Default, Clone, Copy)]
struct Account {
    count: u64,
    last: Option<IpAddr>,
    quiet_until: Option<Instant>,
}

/// When something is to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Now,
    At(Instant),
}

/// What is logged for one reason.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    reason: Reason,
    /// How many since the last row.
    count: u64,
    last: Option<IpAddr>,
}

impl Ledger {
    /// Records one more. Returns whether it is the first that is not logged yet, because that changes the deadline.
    fn add(&mut self, reason: Reason, address: IpAddr) -> bool {
        let account = &mut self.0[reason as usize];
        account.count += 1;
        account.last = Some(address.to_canonical());
        account.count == 1
    }

    /// When to log; none if there is nothing to log.
    fn deadline(&self) -> Option<Due> {
        let owed = self.0.iter().filter(|account| account.count > 0);
        owed.map(|account| account.quiet_until.map_or(Due::Now, Due::At))
            .min()
    }

    /// What is due now, or everything that is left. Its reasons are quiet for a while after that.
    fn take(&mut self, everything: bool, now: Instant) -> Vec<Row> {
        let mut rows = Vec::new();
        for reason in Reason::ALL {
            let account = &mut self.0[reason as usize];
            let quiet = account.quiet_until.is_some_and(|until| now < until);
            if account.count == 0 || (quiet && !everything) {
                continue;
            }
            rows.push(Row {
                reason,
                count: account.count,
                last: account.last,
            });
            *account = Account {
                quiet_until: Some(now + QUIET),
                ..Account::default()
            };
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn row(reason: Reason, count: u64, last: &str) -> Row {
        let last = Some(ip(last));
        Row {
            reason,
            count,
            last,
        }
    }

    #[test]
    fn first_refusal_is_logged_at_once_and_the_rest_each_minute() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        assert_eq!(ledger.deadline(), None);
        assert!(ledger.add(Reason::Address, ip("192.0.2.1")));
        assert_eq!(ledger.deadline(), Some(Due::Now));
        let first = [row(Reason::Address, 1, "192.0.2.1")];
        assert_eq!(ledger.take(false, start), first);
        assert_eq!(ledger.deadline(), None);

        assert!(ledger.add(Reason::Address, ip("192.0.2.2")));
        assert!(!ledger.add(Reason::Address, ip("::ffff:192.0.2.3")));
        assert_eq!(ledger.deadline(), Some(Due::At(start + QUIET)));
        let early = start + QUIET.checked_sub(Duration::from_nanos(1)).unwrap();
        assert_eq!(ledger.take(false, early), []);
        let later = [row(Reason::Address, 2, "192.0.2.3")];
        assert_eq!(ledger.take(false, start + QUIET), later);

        // After a quiet hour, the next one is logged at once.
        let hour = start + Duration::from_hours(1);
        assert_eq!(ledger.take(false, hour), []);
        ledger.add(Reason::Address, ip("192.0.2.4"));
        assert!(ledger.deadline() <= Some(Due::At(hour)));
        let again = [row(Reason::Address, 1, "192.0.2.4")];
        assert_eq!(ledger.take(false, hour), again);
    }

    #[test]
    fn each_reason_is_quiet_for_its_own_minute() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        ledger.add(Reason::Address, ip("192.0.2.1"));
        ledger.take(false, start);
        ledger.add(Reason::Address, ip("192.0.2.1"));
        ledger.add(Reason::HeaderBad, ip("192.0.2.9"));
        assert_eq!(ledger.deadline(), Some(Due::Now));
        let bad = [row(Reason::HeaderBad, 1, "192.0.2.9")];
        assert_eq!(ledger.take(false, start), bad);
        // At the end everything is logged.
        let rest = [row(Reason::Address, 1, "192.0.2.1")];
        assert_eq!(ledger.take(true, start), rest);
        assert_eq!(ledger.deadline(), None);
    }

    #[test]
    fn each_sentence_names_its_flag() {
        for (reason, flag) in Reason::ALL.into_iter().zip([
            "--max-connections ",
            "--max-connections-per-ip ",
            "--sessions-per-second ",
            "--proxy-protocol",
            "--proxy-protocol",
            "--trusted-proxies",
        ]) {
            assert!(reason.sentence().contains(flag), "{}", reason.sentence());
        }
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
