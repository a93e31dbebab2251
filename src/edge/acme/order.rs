//! An account at the authority, and one order from its start to the certificate.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, Challenge, ChallengeType, Error,
    ExternalAccountKey, Identifier, NewAccount, NewOrder, Order, OrderStatus, Problem, RetryPolicy,
};
use tracing::warn;

use super::challenge::{Challenges, Offer, Way};
use super::failure::Failure;
use super::http::Client;
use super::settings::Settings;
use super::store::Kept;

/// How long an authority may take to validate or to issue. Those that look from many places take half a minute.
const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_mins(2));

/// Opens the kept account, or makes one and keeps it.
pub(super) async fn account(settings: &Settings, client: &Client) -> Result<Account, Failure> {
    match settings.store.account() {
        Some(kept) => open(settings, client, kept).await,
        None => create(settings, client).await,
    }
}

async fn open(settings: &Settings, client: &Client, kept: Kept) -> Result<Account, Failure> {
    let account = Account::builder_with_http(Box::new(client.clone()))
        .from_credentials(kept.credentials)
        .await?;
    if kept.email != settings.email {
        let contact = contact(settings);
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        match account.update_contacts(&contact).await {
            Ok(()) => keep_email(settings).await,
            // No reason to go without a certificate.
            Err(error) => warn!("The authority does not take the new --acme-email: {error}."),
        }
    }
    Ok(account)
}

async fn keep_email(settings: &Settings) {
    let Some(mut kept) = settings.store.account() else {
        return;
    };
    kept.email.clone_from(&settings.email);
    if let Err(error) = settings.store.keep_account(&kept).await {
        warn!("The new --acme-email could not be kept: {error}.");
    }
}

/// Makes a new account, whatever is kept.
pub(super) async fn create(settings: &Settings, client: &Client) -> Result<Account, Failure> {
    let binding = settings
        .binding
        .as_ref()
        .map(|binding| ExternalAccountKey::new(binding.id.clone(), binding.key.expose()));
    let contact = contact(settings);
    let contact: Vec<_> = contact.iter().map(String::as_str).collect();
    let (account, credentials) = Account::builder_with_http(Box::new(client.clone()))
        .create(
            &NewAccount {
                contact: &contact,
                terms_of_service_agreed: true,
                only_return_existing: false,
            },
            settings.directory.clone(),
            binding.as_ref(),
        )
        .await?;
    let kept = Kept {
        email: settings.email.clone(),
        credentials,
    };
    if let Err(error) = settings.store.keep_account(&kept).await {
        warn!("The ACME account could not be kept, so the next start makes another one: {error}.");
    }
    Ok(account)
}

fn contact(settings: &Settings) -> Option<String> {
    settings
        .email
        .as_ref()
        .map(|email| format!("mailto:{email}"))
}

/// What an order brought.
pub(super) struct Issued {
    /// The chain and its key, as PEM.
    pub(super) text: String,
    /// How the domain was proved; not at all if it had been, not long ago.
    pub(super) way: Option<Way>,
}

/// Orders a certificate for a domain, proved in the first of these `ways` that the authority offers.
pub(super) async fn order(
    account: &Account,
    challenges: &Arc<Challenges>,
    domain: &str,
    ways: &[Way],
    replaces: Option<CertificateIdentifier<'_>>,
) -> Result<Issued, Failure> {
    let identifiers = [Identifier::Dns(domain.to_owned())];
    let mut wanted = NewOrder::new(&identifiers);
    if let Some(replaces) = replaces {
        wanted = wanted.replaces(replaces);
    }
    let mut order = account.new_order(&wanted).await?;
    let proof = prove(&mut order, challenges, domain, ways).await?;
    let way = proof.as_ref().map(|(_, way)| *way);
    if order.state().status == OrderStatus::Pending {
        let ready = order.poll_ready(&PATIENCE).await;
        if !matches!(ready, Ok(OrderStatus::Ready)) {
            return Err(match refusal(&mut order).await {
                Some(problem) => Failure::Refused { problem, way },
                None => ready.err().unwrap_or(Error::Timeout(None)).into(),
            });
        }
    }
    // The authority has seen it.
    drop(proof);
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(Issued {
        text: chain + &key,
        way,
    })
}

/// Answers what the authority asks, if it does: for as long as the offer lives.
async fn prove(
    order: &mut Order,
    challenges: &Arc<Challenges>,
    domain: &str,
    ways: &[Way],
) -> Result<Option<(Offer, Way)>, Failure> {
    let mut authorizations = order.authorizations();
    // One domain, one authorization.
    let Some(authorization) = authorizations.next().await else {
        return Ok(None);
    };
    let mut authorization = authorization?;
    if authorization.status != AuthorizationStatus::Pending {
        return Ok(None);
    }
    let offered = |way: &&Way| {
        let mut challenges = authorization.challenges.iter();
        challenges.any(|challenge| challenge.r#type == way.kind())
    };
    let Some(way) = ways.iter().find(offered).copied() else {
        return Err(Failure::NoChallenge(kinds(&authorization.challenges)));
    };
    let Some(mut challenge) = authorization.challenge(way.kind()) else {
        return Ok(None);
    };
    let offer = challenges.offer(
        way,
        domain,
        &challenge.token,
        &challenge.key_authorization(),
    )?;
    match challenge.set_ready().await {
        Ok(()) => Ok(Some((offer, way))),
        Err(Error::Api(problem)) => Err(Failure::Refused {
            problem,
            way: Some(way),
        }),
        Err(error) => Err(error.into()),
    }
}

fn kinds(challenges: &[Challenge]) -> String {
    let kinds = challenges.iter().map(|challenge| match &challenge.r#type {
        ChallengeType::Dns01 => "dns-01",
        ChallengeType::Http01 => "http-01",
        ChallengeType::TlsAlpn01 => "tls-alpn-01",
        ChallengeType::Unknown(kind) => kind,
        _ => "another way",
    });
    kinds.collect::<Vec<_>>().join(" or ")
}

/// What the authority found wrong with the proof.
async fn refusal(order: &mut Order) -> Option<Problem> {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await?.ok()?;
    let state = authorization.refresh().await.ok()?;
    let mut challenges = state.challenges.iter();
    challenges.find_map(|challenge| challenge.error.clone())
}
