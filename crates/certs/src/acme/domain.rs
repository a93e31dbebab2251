//! What is known about one domain: its certificates, its open order, and when there is more to do.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::failure::Failure;
use super::schedule;
use super::store::{Store, StoredOrder};
use crate::Pair;

/// The state of one domain.
pub(super) struct DomainState {
    pub(super) domain: String,
    pub(super) pair: Option<Pair>,
    /// The next certificate, which is not valid yet.
    pub(super) next_pair: Option<Pair>,
    /// The open order.
    pub(super) pending: Option<StoredOrder>,
    /// When there is something to do next.
    pub(super) next: Instant,
    /// When the certificate was fetched, if by this process.
    pub(super) fetched: Option<Instant>,
    /// When the certificate is to be renewed.
    pub(super) planned: Option<SystemTime>,
    /// Whether the authority gave advice on that (RFC 9773).
    pub(super) advised: bool,
    /// How many orders have failed in a row.
    pub(super) failures: u32,
}

/// The window in which the authority suggests to renew, and how long until it is to be asked again.
pub(super) type Advice = ((SystemTime, SystemTime), Duration);

impl DomainState {
    /// Starts from what `store` has: the certificate for later, and the order that an earlier process began.
    pub(super) fn new(
        domain: &str,
        pair: Option<&Pair>,
        store: &Store,
        now: SystemTime,
    ) -> DomainState {
        DomainState {
            domain: domain.to_owned(),
            pair: pair.cloned(),
            next_pair: store.next(domain, now),
            // An order whose certificate is served is finished, even if it is still stored.
            pending: store
                .pending(domain)
                .filter(|pending| !pair.is_some_and(|pair| pending.brought(pair))),
            next: Instant::now(),
            fetched: None,
            planned: None,
            advised: false,
            failures: 0,
        }
    }

    /// Logs that a certificate is kept for later, if there is one.
    pub(super) fn announce(&self) {
        let Some(next) = &self.next_pair else {
            return;
        };
        if let Ok(left) = next.not_before.duration_since(SystemTime::now()) {
            warn!(
                "The certificate for {} is valid only from {}, which is in {} by this machine's clock. It is kept and served \
                 from then on; no other one is ordered. If the clock is wrong, set it.",
                self.domain,
                moment(next.not_before),
                schedule::in_words(left)
            );
        }
    }

    /// Plans the renewal of a certificate. Whether that is in the future.
    pub(super) fn plan(&mut self, pair: &Pair, advice: Option<Advice>) -> bool {
        let (now, chance) = (SystemTime::now(), chance());
        let time = (pair.not_before, pair.not_after);
        let planned = match advice {
            Some((window, _)) => schedule::advised(window, self.planned, time, chance),
            None => self
                .planned
                .unwrap_or_else(|| schedule::renewal(time.0, time.1, chance)),
        };
        self.planned = Some(planned);
        self.advised = advice.is_some();
        // With a wrong clock every new certificate may look due; this rest keeps it from being ordered again and again.
        let rest = self.fetched.map_or(Duration::ZERO, |fetched| {
            schedule::rest(time.0, time.1).saturating_sub(fetched.elapsed())
        });
        let left = planned.duration_since(now).unwrap_or_default().max(rest);
        // The plan is looked at again before long, as the clock may be set meanwhile.
        let look = schedule::next_look(advice.map(|(_, good)| good));
        let wait = left.min(look);
        self.next = Instant::now() + wait;
        let at = moment(planned);
        debug!(domain = self.domain, %at, look = ?wait, "renewal planned");
        !left.is_zero()
    }

    /// Keeps a certificate until it is valid.
    pub(super) fn keep_for_later(&mut self, pair: Pair) {
        self.next_pair = Some(pair);
        self.failures = 0;
        self.next = Instant::now();
        self.announce();
    }

    /// Logs what went wrong, and sets when it is tried again.
    pub(super) fn put_off(&mut self, failure: &Failure, asked: Option<Duration>, authority: &str) {
        self.failures = self.failures.saturating_add(1);
        let asked = failure.asked().or(asked);
        let wait = schedule::retry(failure.cause(), self.failures, asked, chance());
        self.next = Instant::now() + wait;
        let domain = &self.domain;
        let (ended, old) = match &self.pair {
            None => (false, String::new()),
            Some(pair) => {
                let until = moment(pair.not_after);
                if pair.not_after > SystemTime::now() {
                    let good = format!(" The old one is served and good until {until}.");
                    (false, good)
                } else {
                    let bad = format!(" The old one ended at {until}: clients refuse it.");
                    (true, bad)
                }
            }
        };
        let sentence = format!(
            "No new certificate for {domain}: {}{old} It is tried again in {}, or at once on SIGHUP.",
            failure.sentence(domain, authority),
            humantime::format_duration(Duration::from_secs(wait.as_secs())),
        );
        if ended {
            error!("{sentence}");
        } else {
            warn!("{sentence}");
        }
    }
}

/// A moment for people. A certificate may have any date; one before 1970 cannot be written and is shown as 1970.
pub(super) fn moment(at: SystemTime) -> impl Display {
    humantime::format_rfc3339_seconds(at.max(SystemTime::UNIX_EPOCH))
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness it is always 0: nothing is spread, but the moment is still a good one.
    let _ = aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
