//! The task that orders and renews, one domain after the other.

use std::time::{Duration, SystemTime};

use instant_acme::{Account, CertificateIdentifier};
use rustls::crypto::aws_lc_rs;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use super::Acme;
use super::challenge::Way;
use super::failure::Failure;
use super::order::{self, Issued};
use super::schedule;
use crate::edge::certificates::{Pair, check_domains, read_pair};

/// Owns what is known about each domain.
pub(super) struct Caretaker<'a> {
    acme: &'a Acme,
    /// How domains are proved, the preferred way first.
    ways: Vec<Way>,
    charges: Vec<Charge>,
    account: Option<Account>,
    /// The authority does not know the kept account any more.
    account_is_lost: bool,
}

/// A domain that is looked after.
struct Charge {
    domain: String,
    pair: Option<Pair>,
    /// When there is something to do.
    next: Instant,
    /// When it was fetched, if by this process.
    fetched: Option<Instant>,
    /// When it is to be renewed.
    planned: Option<SystemTime>,
    /// Whether the authority gave advice on that.
    advised: bool,
    /// How often ordering has failed since it last worked.
    failures: u32,
}

/// When an authority suggests to renew, and how long its advice is good.
type Advice = ((SystemTime, SystemTime), Duration);

impl<'a> Caretaker<'a> {
    /// Looks after what `acme` has.
    pub(super) fn new(acme: &'a Acme, ways: Vec<Way>) -> Caretaker<'a> {
        let settings = &acme.settings;
        let charges = settings.domains.iter().zip(&settings.stored);
        Caretaker {
            acme,
            ways,
            charges: charges
                .map(|(domain, pair)| Charge {
                    domain: domain.clone(),
                    pair: pair.clone(),
                    next: Instant::now(),
                    fetched: None,
                    planned: None,
                    advised: false,
                    failures: 0,
                })
                .collect(),
            account: None,
            account_is_lost: false,
        }
    }

    /// Never ends by itself.
    pub(super) async fn run(mut self) {
        loop {
            let charges = self.charges.iter().enumerate();
            let Some((index, charge)) = charges.min_by_key(|(_, charge)| charge.next) else {
                return;
            };
            tokio::select! {
                biased;
                () = sleep_until(charge.next) => self.attend(index).await,
                () = self.acme.woken.notified() => {
                    let failing = self.charges.iter_mut().filter(|charge| charge.failures > 0);
                    for charge in failing {
                        charge.next = Instant::now();
                    }
                }
            }
        }
    }

    /// Does what is due for a domain, and says when there is more to do.
    async fn attend(&mut self, index: usize) {
        if self.charges[index].failures == 0
            && let Some(pair) = self.charges[index].pair.clone()
        {
            let advice = self.advice(&pair).await;
            if self.plan(index, &pair, advice) {
                return;
            }
        }
        // What it asked for before is not about this order.
        let _ = self.acme.client.asked_to_wait();
        let fetched = self.fetch(index).await;
        let asked = self.acme.client.asked_to_wait();
        match fetched {
            Ok((pair, way)) => self.take(index, pair, way),
            Err(failure) => self.put_off(index, &failure, asked),
        }
    }

    /// Whether a renewal has time; it is put down for later then.
    fn plan(&mut self, index: usize, pair: &Pair, advice: Option<Advice>) -> bool {
        let charge = &mut self.charges[index];
        let (now, chance) = (SystemTime::now(), chance());
        let time = (pair.not_before, pair.not_after);
        let planned = match advice {
            Some((window, _)) => schedule::advised(window, charge.planned, time, chance),
            None => charge
                .planned
                .unwrap_or_else(|| schedule::renewal(time.0, time.1, chance)),
        };
        charge.planned = Some(planned);
        charge.advised = advice.is_some();
        // A clock that is wrong must not order one certificate after the other.
        let rest = charge.fetched.map_or(Duration::ZERO, |fetched| {
            schedule::rest(time.0, time.1).saturating_sub(fetched.elapsed())
        });
        let left = planned.duration_since(now).unwrap_or_default().max(rest);
        // Looked at again before long, so that one that is set matters little.
        let look = schedule::next_look(advice.map(|(_, good)| good));
        let wait = left.min(look);
        charge.next = Instant::now() + wait;
        let at = humantime::format_rfc3339_seconds(planned);
        debug!(domain = charge.domain, %at, look = ?wait, "renewal planned");
        !left.is_zero()
    }

    /// What the authority says about the renewal of a certificate, if it gives such advice (RFC 9773).
    async fn advice(&mut self, pair: &Pair) -> Option<Advice> {
        let id = CertificateIdentifier::try_from(&pair.certified.cert[0]).ok()?;
        let account = match self.account().await {
            Ok(account) => account,
            Err(failure) => {
                debug!(?failure, "no advice on renewal");
                return None;
            }
        };
        match account.renewal_info(&id).await {
            Ok((info, good)) => {
                if let Some(why) = info.explanation_url {
                    info!(
                        why,
                        "the authority explains when it wants certificates renewed"
                    );
                }
                let window = info.suggested_window;
                Some(((window.start.into(), window.end.into()), good))
            }
            Err(error) => {
                debug!(%error, "no advice on renewal");
                None
            }
        }
    }

    /// Orders a certificate and keeps it.
    async fn fetch(&mut self, index: usize) -> Result<(Pair, Option<Way>), Failure> {
        let account = self.account().await?;
        let charge = &self.charges[index];
        let domain = charge.domain.clone();
        // An authority that gives advice wants to know what is being replaced (RFC 9773, 5). Once that came to nothing it
        // is left out, since it may be the reason.
        let old = charge
            .pair
            .clone()
            .filter(|_| charge.advised && charge.failures == 0);
        let replaces = old
            .as_ref()
            .and_then(|pair| CertificateIdentifier::try_from(&pair.certified.cert[0]).ok());
        let issued = self.order(&account, &domain, replaces).await?;
        let settings = &self.acme.settings;
        let file = settings.store.file(&domain);
        let pair = read_pair(&file, &issued.text, SystemTime::now()).map_err(Failure::Unusable)?;
        check_domains(std::slice::from_ref(&pair), &[&domain]).map_err(Failure::Unusable)?;
        if let Err(error) = settings.store.keep_pair(&domain, issued.text).await {
            warn!(
                "The certificate for {domain} is served, but could not be kept in {}, so the next start orders another \
                 one: {error}.",
                file.display()
            );
        }
        Ok((pair, issued.way))
    }

    /// Orders in one way after the other.
    async fn order(
        &mut self,
        account: &Account,
        domain: &str,
        replaces: Option<CertificateIdentifier<'_>>,
    ) -> Result<Issued, Failure> {
        let mut left = self.ways.clone();
        loop {
            let challenges = &self.acme.challenges;
            let ordered = order::order(account, challenges, domain, &left, replaces.clone()).await;
            match ordered {
                Ok(issued) => {
                    // What works is tried first the next time.
                    self.ways.sort_by_key(|way| Some(*way) != issued.way);
                    return Ok(issued);
                }
                Err(failure) if failure.is_of_proof() => {
                    let tried = failure.way();
                    left = left
                        .iter()
                        .skip_while(|way| Some(**way) != tried)
                        .skip(1)
                        .copied()
                        .collect();
                    let Some(next) = left.first() else {
                        return Err(failure);
                    };
                    let sentence = failure.sentence(domain, &self.authority());
                    warn!("{sentence} Now it is tried by {}.", next.name());
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The account, opened when it is needed first.
    async fn account(&mut self) -> Result<Account, Failure> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let (settings, client) = (&self.acme.settings, &self.acme.client);
        let account = if self.account_is_lost {
            order::create(settings, client).await?
        } else {
            order::account(settings, client).await?
        };
        self.account_is_lost = false;
        self.account = Some(account.clone());
        Ok(account)
    }

    /// Serves a new certificate.
    fn take(&mut self, index: usize, pair: Pair, way: Option<Way>) {
        let charge = &mut self.charges[index];
        let domain = charge.domain.clone();
        let until = humantime::format_rfc3339_seconds(pair.not_after);
        charge.pair = Some(pair.clone());
        charge.fetched = Some(Instant::now());
        charge.planned = None;
        charge.failures = 0;
        // When to renew it is asked next.
        charge.next = Instant::now();
        let complete = self.charges.iter().all(|charge| charge.pair.is_some());
        self.acme.serve(&domain, pair, complete);
        let by = way.map_or("an earlier proof", Way::name);
        info!(domain, %until, by, "a new certificate is served");
    }

    /// Says what went wrong, and when it is tried again.
    fn put_off(&mut self, index: usize, failure: &Failure, asked: Option<Duration>) {
        if failure.is_of_account() {
            self.account = None;
            self.account_is_lost = true;
        }
        let authority = self.authority();
        let charge = &mut self.charges[index];
        charge.failures = charge.failures.saturating_add(1);
        let wait = schedule::retry(failure.cause(), charge.failures, asked, chance());
        charge.next = Instant::now() + wait;
        let domain = &charge.domain;
        let (ended, old) = match &charge.pair {
            None => (false, String::new()),
            Some(pair) => {
                let until = humantime::format_rfc3339_seconds(pair.not_after);
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
            failure.sentence(domain, &authority),
            humantime::format_duration(Duration::from_secs(wait.as_secs())),
        );
        if ended {
            error!("{sentence}");
        } else {
            warn!("{sentence}");
        }
    }

    /// The authority by its host, for sentences.
    fn authority(&self) -> String {
        let directory = &self.acme.settings.directory;
        let address = directory
            .split_once("://")
            .map_or(directory.as_str(), |(_, rest)| rest);
        address.split('/').next().unwrap_or(address).to_owned()
    }
}

/// From 0 to 1, evenly.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness it is always the same moment, which is still a good one.
    let _ = aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
