//! The task that orders and renews, one domain after the other.

use std::time::{Duration, SystemTime};

use instant_acme::{Account, CertificateIdentifier};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::AcmeRenewal;
use super::chain::Unfit;
use super::challenge::ValidationMethod;
use super::domain::{Advice, DomainState, moment};
use super::failure::Failure;
use super::order::{self, Issued, OpenOrder};
use super::quote::quoted;
use super::store::StoredOrder;
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

impl<'a> Caretaker<'a> {
    /// Starts from what is stored: certificates, and orders that an earlier process began.
    pub(super) fn new(acme: &'a AcmeRenewal, methods: Vec<ValidationMethod>) -> Caretaker<'a> {
        let settings = &acme.settings;
        let now = SystemTime::now();
        let domains = settings.domains.iter().zip(&settings.stored);
        let domains = domains.map(|(domain, pair)| {
            let state = DomainState::new(domain, pair.as_ref(), &settings.store, now);
            state.announce();
            state
        });
        Caretaker {
            acme,
            methods,
            domains: domains.collect(),
            account: None,
            account_is_lost: false,
        }
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
            if self.domains[index].plan(&pair, advice) {
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
                self.domains[index].keep_for_later(pair);
            }
            Ok((pair, method)) => self.take(index, pair, method),
            Err(failure) => {
                if failure.is_unknown_account() {
                    self.account = None;
                    self.account_is_lost = true;
                }
                let authority = self.authority();
                self.domains[index].put_off(&failure, asked, &authority);
            }
        }
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

    /// The authority by its host, for sentences.
    fn authority(&self) -> String {
        let directory = &self.acme.settings.directory;
        let address = directory
            .split_once("://")
            .map_or(directory.as_str(), |(_, rest)| rest);
        address.split('/').next().unwrap_or(address).to_owned()
    }
}
