//! The task that orders and renews, one domain after the other.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use instant_acme::{Account, CertificateIdentifier};
use rustls::crypto::aws_lc_rs;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use super::chain::Unfit;
use super::challenge::ValidationMethod;
use super::failure::Failure;
use super::order::{self, Issued, OpenOrder};
use super::quote::quoted;
use super::store::StoredOrder;
use super::{AcmeRenewal, schedule};
use crate::Pair;

/// How often to check whether a certificate has become valid: in a longer sleep a change of the clock would go
/// unnoticed.
const LOOK: Duration = Duration::from_secs(20);

/// The state of the task. One task owns all domains and handles one after the other, so no lock is needed, and no more
/// than one challenge is open at a time.
pub(super) struct Caretaker<'a> {
    acme: &'a AcmeRenewal,
    /// The validation methods, the preferred one first.
    methods: Vec<ValidationMethod>,
    domains: Vec<DomainState>,
    account: Option<Account>,
    /// Whether the authority no longer knows the stored account.
    account_is_lost: bool,
}

/// The state of one domain.
struct DomainState {
    domain: String,
    pair: Option<Pair>,
    /// The next certificate, which is not valid yet.
    next_pair: Option<Pair>,
    /// The open order.
    pending: Option<StoredOrder>,
    /// When there is something to do next.
    next: Instant,
    /// When the certificate was fetched, if by this process.
    fetched: Option<Instant>,
    /// When the certificate is to be renewed.
    planned: Option<SystemTime>,
    /// Whether the authority gave advice on that (RFC 9773).
    advised: bool,
    /// How many orders have failed in a row.
    failures: u32,
}

/// The window in which the authority suggests to renew, and how long until it is to be asked again.
type Advice = ((SystemTime, SystemTime), Duration);

impl DomainState {
    /// Logs that a certificate is kept for later, if there is one.
    fn announce(&self) {
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
}

impl<'a> Caretaker<'a> {
    /// Starts from what is stored: certificates, and orders that an earlier process began.
    pub(super) fn new(acme: &'a AcmeRenewal, methods: Vec<ValidationMethod>) -> Caretaker<'a> {
        let settings = &acme.settings;
        let now = SystemTime::now();
        let domains = settings.domains.iter().zip(&settings.stored);
        let domains = domains.map(|(domain, pair)| DomainState {
            domain: domain.clone(),
            pair: pair.clone(),
            next_pair: settings.store.next(domain, now),
            // An order whose certificate is served is finished, even if it is still stored.
            pending: settings
                .store
                .pending(domain)
                .filter(|pending| !pair.as_ref().is_some_and(|pair| pending.brought(pair))),
            next: Instant::now(),
            fetched: None,
            planned: None,
            advised: false,
            failures: 0,
        });
        let mut caretaker = Caretaker {
            acme,
            methods,
            domains: domains.collect(),
            account: None,
            account_is_lost: false,
        };
        for state in &mut caretaker.domains {
            state.announce();
        }
        caretaker
    }

    /// Never ends by itself.
    pub(super) async fn run(mut self) {
        loop {
            let domains = self.domains.iter().enumerate();
            let Some((index, state)) = domains.min_by_key(|(_, state)| state.next) else {
                return;
            };
            tokio::select! {
                // What is due comes first; `Notify` keeps a wake-up until the next turn.
                biased;
                () = sleep_until(state.next) => self.attend(index).await,
                () = self.acme.woken.notified() => {
                    let failing = self.domains.iter_mut().filter(|state| state.failures > 0);
                    for state in failing {
                        state.next = Instant::now();
                    }
                }
            }
        }
    }

    /// Does what is due for a domain, and sets when there is more to do.
    async fn attend(&mut self, index: usize) {
        if let Some(next) = &self.domains[index].next_pair {
            match next.not_before.duration_since(SystemTime::now()) {
                Ok(left) if !left.is_zero() => {
                    self.domains[index].next = Instant::now() + left.min(LOOK);
                }
                _ => self.advance(index).await,
            }
            return;
        }
        if self.domains[index].failures == 0
            && let Some(pair) = self.domains[index].pair.clone()
        {
            let advice = self.advice(&pair).await;
            if self.plan(index, &pair, advice) {
                return;
            }
        }
        // Forgets what the authority asked for before this order.
        let _ = self.acme.client.asked_to_wait();
        let fetched = self.fetch(index).await;
        let asked = self.acme.client.asked_to_wait();
        match fetched {
            Ok((pair, method)) if pair.not_before > SystemTime::now() => {
                let by = method.map_or("an earlier proof", ValidationMethod::name);
                debug!(
                    domain = self.domains[index].domain,
                    by, "a certificate for later"
                );
                self.wait_for(index, pair);
            }
            Ok((pair, method)) => self.take(index, pair, method),
            Err(failure) => self.put_off(index, &failure, asked),
        }
    }

    /// Plans the renewal of a certificate. Whether that is in the future.
    fn plan(&mut self, index: usize, pair: &Pair, advice: Option<Advice>) -> bool {
        let state = &mut self.domains[index];
        let (now, chance) = (SystemTime::now(), chance());
        let time = (pair.not_before, pair.not_after);
        let planned = match advice {
            Some((window, _)) => schedule::advised(window, state.planned, time, chance),
            None => state
                .planned
                .unwrap_or_else(|| schedule::renewal(time.0, time.1, chance)),
        };
        state.planned = Some(planned);
        state.advised = advice.is_some();
        // With a wrong clock every new certificate may look due; this rest keeps it from being ordered again and again.
        let rest = state.fetched.map_or(Duration::ZERO, |fetched| {
            schedule::rest(time.0, time.1).saturating_sub(fetched.elapsed())
        });
        let left = planned.duration_since(now).unwrap_or_default().max(rest);
        // The plan is looked at again before long, as the clock may be set meanwhile.
        let look = schedule::next_look(advice.map(|(_, good)| good));
        let wait = left.min(look);
        state.next = Instant::now() + wait;
        let at = moment(planned);
        debug!(domain = state.domain, %at, look = ?wait, "renewal planned");
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
                    let why = quoted(&why);
                    info!(
                        why,
                        "the authority explains when it wants certificates renewed"
                    );
                }
                let window = info.suggested_window;
                Some(((window.start.into(), window.end.into()), good))
            }
            Err(error) => {
                let error = quoted(&error.to_string());
                debug!(error, "no advice on renewal");
                None
            }
        }
    }

    /// Gets a certificate and stores it, by one validation method after the other. An open order is continued first.
    async fn fetch(&mut self, index: usize) -> Result<(Pair, Option<ValidationMethod>), Failure> {
        let account = self.account().await?;
        let domain = self.domains[index].domain.clone();
        let mut left = self.methods.clone();
        loop {
            let (acme, mut open_order) = (self.acme, self.open_order(index, &account).await?);
            let (client, challenges) = (&acme.client, &acme.challenges);
            let finished = order::finish(client, &mut open_order, challenges, &domain, &left).await;
            let failure = match finished {
                Ok(issued) => {
                    // The method that worked is tried first the next time.
                    self.methods
                        .sort_by_key(|method| Some(*method) != issued.method);
                    match self.keep(index, &open_order, &issued).await {
                        Ok(pair) => return Ok((pair, issued.method)),
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            if !failure.is_failed_validation() {
                return Err(self.settle(index, failure).await);
            }
            self.forget(index).await;
            let tried = failure.method();
            left = left
                .iter()
                .skip_while(|method| Some(**method) != tried)
                .skip(1)
                .copied()
                .collect();
            let Some(next) = left.first() else {
                return Err(failure);
            };
            let sentence = failure.sentence(&domain, &self.authority());
            warn!("{sentence} Now it is tried by {}.", next.name());
        }
    }

    /// The stored order if it is still open, else a new one.
    async fn open_order(&mut self, index: usize, account: &Account) -> Result<OpenOrder, Failure> {
        let (acme, state) = (self.acme, &self.domains[index]);
        let domain = state.domain.clone();
        if let Some(pending) = &state.pending {
            if let Some(open_order) = order::resume(account, &acme.client, pending).await? {
                info!(domain, "an order is taken up again");
                return Ok(open_order);
            }
            info!(domain, "the order that was under way is none any more");
            self.forget(index).await;
        }
        let state = &mut self.domains[index];
        // An authority that gives advice wants to know which certificate is being replaced (RFC 9773, 5). After a
        // failure that is left out, since it may be the reason.
        let old = state
            .pair
            .clone()
            .filter(|_| state.advised && state.failures == 0);
        let replaces = old
            .as_ref()
            .and_then(|pair| CertificateIdentifier::try_from(&pair.certified.cert[0]).ok());
        let (open_order, pending) = order::begin(account, &domain, replaces).await?;
        state.pending = Some(pending.clone());
        self.keep_pending(&domain, &pending).await;
        Ok(open_order)
    }

    /// Stores an open order. If that fails, only a restart is worse off.
    async fn keep_pending(&self, domain: &str, pending: &StoredOrder) {
        let kept = self.acme.settings.store.keep_pending(domain, pending).await;
        if let Err(error) = kept {
            warn!(
                "The order for {domain} could not be kept, so a restart makes another one: {error}."
            );
        }
    }

    /// Stores the certificate of an order, and forgets the order.
    async fn keep(
        &mut self,
        index: usize,
        open_order: &OpenOrder,
        issued: &Issued,
    ) -> Result<Pair, Failure> {
        let (store, now) = (&self.acme.settings.store, SystemTime::now());
        let domain = self.domains[index].domain.clone();
        let (chain, key) = (&issued.chain, &open_order.key);
        let pair = store
            .make_pair(&domain, chain, key, now)
            .map_err(|problem| Unfit::Other(quoted(problem.to_string().trim_end_matches('.'))))?;
        let later = pair.not_before > now;
        match store.keep_pair(&domain, chain, key, later).await {
            Ok(()) => self.forget(index).await,
            Err(error) => {
                // The stored order stays, so that the next start can download from it.
                self.domains[index].pending = None;
                let file = store.file(&domain);
                warn!(
                    "The certificate for {domain} is served, but could not be kept in {}, so the next start fetches it \
                     again: {error}.",
                    file.display()
                );
            }
        }
        Ok(pair)
    }

    /// Forgets the open order.
    async fn forget(&mut self, index: usize) {
        let state = &mut self.domains[index];
        state.pending = None;
        self.acme.settings.store.forget_pending(&state.domain).await;
    }

    /// Forgets the order if this failure ends it: the authority has ended it, or its chain was unfit too often.
    async fn settle(&mut self, index: usize, failure: Failure) -> Failure {
        match failure {
            Failure::Unfit { why, .. } => {
                let state = &mut self.domains[index];
                let domain = state.domain.clone();
                let given_up = state.pending.as_mut().is_none_or(StoredOrder::count_unfit);
                match state.pending.clone() {
                    Some(pending) if !given_up => self.keep_pending(&domain, &pending).await,
                    _ => self.forget(index).await,
                }
                Failure::Unfit { why, given_up }
            }
            Failure::Ended(_) => {
                self.forget(index).await;
                failure
            }
            other => other,
        }
    }

    /// The account, opened at its first use.
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

    /// Keeps a certificate until it is valid.
    fn wait_for(&mut self, index: usize, pair: Pair) {
        let state = &mut self.domains[index];
        state.next_pair = Some(pair);
        state.failures = 0;
        state.next = Instant::now();
        state.announce();
    }

    /// Serves the certificate that has become valid.
    async fn advance(&mut self, index: usize) {
        let state = &mut self.domains[index];
        let Some(pair) = state.next_pair.take() else {
            return;
        };
        let (store, domain) = (&self.acme.settings.store, state.domain.clone());
        if pair.not_after <= SystemTime::now() {
            // It has expired before it was served, for example while the machine slept.
            store.forget_next(&domain).await;
            return;
        }
        if let Err(error) = store.advance(&domain).await {
            warn!(
                "The certificate for {domain} could not be put in the place of the old one: {error}."
            );
        }
        self.take(index, pair, None);
    }

    /// Serves a new certificate.
    fn take(&mut self, index: usize, pair: Pair, method: Option<ValidationMethod>) {
        let state = &mut self.domains[index];
        let domain = state.domain.clone();
        let until = moment(pair.not_after);
        state.pair = Some(pair.clone());
        state.fetched = Some(Instant::now());
        state.planned = None;
        state.failures = 0;
        // Its renewal is planned next.
        state.next = Instant::now();
        let complete = self.domains.iter().all(|state| state.pair.is_some());
        self.acme.serve(&domain, pair, complete);
        let by = method.map_or("an earlier proof", ValidationMethod::name);
        info!(domain, %until, by, "a new certificate is served");
    }

    /// Logs what went wrong, and sets when it is tried again.
    fn put_off(&mut self, index: usize, failure: &Failure, asked: Option<Duration>) {
        if failure.is_unknown_account() {
            self.account = None;
            self.account_is_lost = true;
        }
        let authority = self.authority();
        let state = &mut self.domains[index];
        state.failures = state.failures.saturating_add(1);
        let asked = failure.asked().or(asked);
        let wait = schedule::retry(failure.cause(), state.failures, asked, chance());
        state.next = Instant::now() + wait;
        let domain = &state.domain;
        let (ended, old) = match &state.pair {
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

/// A moment for people. A certificate may have any date; one before 1970 cannot be written and is shown as 1970.
fn moment(at: SystemTime) -> impl Display {
    humantime::format_rfc3339_seconds(at.max(SystemTime::UNIX_EPOCH))
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness it is always 0: nothing is spread, but the moment is still a good one.
    let _ = aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
