//! An account at the authority, and one order from its start to the certificate.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, Challenge, ChallengeStatus, ChallengeType,
    Error, ExternalAccountKey, Identifier, NewAccount, NewOrder, Order, OrderStatus, Problem,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tokio::time::sleep;
use tracing::warn;

use super::answer::is_base64url;
use super::chain::{IssuedChain, Unfit};
use super::challenge::{Challenges, Offer, ValidationMethod};
use super::failure::Failure;
use super::http::AuthorityClient;
use super::quote::quoted;
use super::schedule::Polls;
use super::settings::Settings;
use super::store::{StoredAccount, StoredOrder};

/// Opens the stored account, or makes one and stores it.
pub(super) async fn account(
    settings: &Settings,
    client: &AuthorityClient,
) -> Result<Account, Failure> {
    match settings.store.account() {
        Some(kept) => open(settings, client, kept).await,
        None => create(settings, client).await,
    }
}

async fn open(
    settings: &Settings,
    client: &AuthorityClient,
    kept: StoredAccount,
) -> Result<Account, Failure> {
    let account = Account::builder_with_http(Box::new(client.clone()))
        .from_credentials(kept.credentials)
        .await?;
    if kept.email != settings.email {
        let contact = contact(settings);
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        match account.update_contacts(&contact).await {
            Ok(()) => keep_email(settings).await,
            // This is no reason to go without a certificate.
            Err(error) => {
                let why = quoted(&error.to_string());
                warn!("The authority does not take the new --acme-email: {why}.");
            }
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

/// Makes a new account, whatever is stored.
pub(super) async fn create(
    settings: &Settings,
    client: &AuthorityClient,
) -> Result<Account, Failure> {
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
    let kept = StoredAccount {
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

/// The result of an order.
pub(super) struct Issued {
    pub(super) chain: IssuedChain,
    /// The method that validated the domain; none if an earlier validation still counts.
    pub(super) method: Option<ValidationMethod>,
}

/// An open order, with the key it is for.
pub(super) struct OpenOrder {
    order: Order,
    pub(super) key: KeyPair,
}

/// Orders a certificate for a domain, with a new key. Also returns what is to be stored of the order.
pub(super) async fn begin(
    account: &Account,
    domain: &str,
    replaces: Option<CertificateIdentifier<'_>>,
) -> Result<(OpenOrder, StoredOrder), Failure> {
    let key = KeyPair::generate().context("making a key")?;
    let identifiers = [Identifier::Dns(domain.to_owned())];
    let mut wanted = NewOrder::new(&identifiers);
    if let Some(replaces) = replaces {
        wanted = wanted.replaces(replaces);
    }
    let order = account.new_order(&wanted).await?;
    let pending = StoredOrder::new(account.id(), order.url(), &key, SystemTime::now());
    Ok((OpenOrder { order, key }, pending))
}

/// Continues a stored order; none if it is over or unknown.
pub(super) async fn resume(
    account: &Account,
    client: &AuthorityClient,
    pending: &StoredOrder,
) -> Result<Option<OpenOrder>, Failure> {
    let now = SystemTime::now();
    let Some(key) = pending.key() else {
        return Ok(None);
    };
    if !pending.is_of(account.id()) || pending.is_over(now) {
        return Ok(None);
    }
    let mut order = match account.order(pending.order().to_owned()).await {
        Ok(order) => order,
        Err(error) => {
            let failure = Failure::from(error);
            return if failure.is_unknown_order() {
                Ok(None)
            } else {
                Err(failure)
            };
        }
    };
    let ended = client.noted().expires.is_some_and(|end| end <= now);
    Ok(match order.state().status {
        OrderStatus::Invalid => None,
        // An issued certificate can be downloaded after its order has expired.
        OrderStatus::Valid => Some(OpenOrder { order, key }),
        OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing => {
            (!ended).then_some(OpenOrder { order, key })
        }
    })
}

/// Takes an order from whatever status it has to its certificate. The domain is validated by the first of `methods`
/// that the authority offers.
pub(super) async fn finish(
    client: &AuthorityClient,
    open_order: &mut OpenOrder,
    challenges: &Arc<Challenges>,
    domain: &str,
    methods: &[ValidationMethod],
) -> Result<Issued, Failure> {
    let OpenOrder { order, key } = open_order;
    let mut method = None;
    if order.state().status == OrderStatus::Pending {
        let proof = prove(order, challenges, domain, methods).await?;
        method = proof.as_ref().map(|(_, method)| *method);
        follow(
            client,
            order,
            method,
            "still calls the order pending",
            |status| status != OrderStatus::Pending,
        )
        .await?;
        // The authority has validated the domain and does not ask again.
        drop(proof);
    }
    if order.state().status == OrderStatus::Ready {
        order.finalize_csr(&request(domain, key)?).await?;
    }
    if !matches!(order.state().status, OrderStatus::Valid) {
        follow(
            client,
            order,
            None,
            "still works on the certificate",
            |status| status == OrderStatus::Valid,
        )
        .await?;
    }
    let text = match order.certificate().await {
        Ok(text) => text.ok_or(Failure::Strange(
            "it has no certificate where it says".to_owned(),
        ))?,
        Err(error) => {
            return Err(match error.into() {
                Failure::Strange(why) | Failure::Other(why) => Unfit::Other(quoted(&why)).into(),
                failure if failure.is_unknown_order() => {
                    Unfit::Other("it is not where the order says".to_owned()).into()
                }
                failure => failure,
            });
        }
    };
    let chain = IssuedChain::read(&text, key, domain)?;
    Ok(Issued { chain, method })
}

/// Polls an order until its status is `wanted`, or it has ended.
async fn follow(
    client: &AuthorityClient,
    order: &mut Order,
    method: Option<ValidationMethod>,
    what: &'static str,
    wanted: fn(OrderStatus) -> bool,
) -> Result<(), Failure> {
    let mut polls = Polls::new();
    let mut asked = None;
    loop {
        match order.state().status {
            OrderStatus::Invalid => {
                return Err(match refusal(order).await {
                    Some(problem) => Failure::Refused { problem, method },
                    None => Failure::Ended(method),
                });
            }
            status if wanted(status) => return Ok(()),
            OrderStatus::Pending
            | OrderStatus::Ready
            | OrderStatus::Processing
            | OrderStatus::Valid => {}
        }
        let Some(wait) = polls.next(asked) else {
            return Err(Failure::Unfinished { what, asked });
        };
        sleep(wait).await;
        order.refresh().await?;
        asked = client.noted().wait;
    }
}

/// The certificate request (CSR), as DER.
fn request(domain: &str, key: &KeyPair) -> anyhow::Result<Vec<u8>> {
    let mut params =
        CertificateParams::new([domain.to_owned()]).context("writing a certificate request")?;
    params.distinguished_name = DistinguishedName::new();
    let request = params
        .serialize_request(key)
        .context("signing a certificate request")?;
    Ok(request.der().to_vec())
}

/// Answers the challenge of an order for as long as the returned offer lives; none if the authority asks for no proof.
async fn prove(
    order: &mut Order,
    challenges: &Arc<Challenges>,
    domain: &str,
    methods: &[ValidationMethod],
) -> Result<Option<(Offer, ValidationMethod)>, Failure> {
    let count = order.state().authorizations.len();
    if count != 1 {
        return Err(Failure::Strange(format!(
            "it wants {count} proofs for one domain"
        )));
    }
    let mut authorizations = order.authorizations();
    let Some(authorization) = authorizations.next().await else {
        return Ok(None);
    };
    let mut authorization = authorization?;
    match authorization.status {
        AuthorizationStatus::Pending => {}
        AuthorizationStatus::Valid => return Ok(None),
        // An order ends with its authorization.
        AuthorizationStatus::Invalid
        | AuthorizationStatus::Revoked
        | AuthorizationStatus::Expired
        | AuthorizationStatus::Deactivated => return Err(Failure::Ended(None)),
    }
    let offered = |method: &&ValidationMethod| {
        let mut challenges = authorization.challenges.iter();
        challenges.any(|challenge| challenge.r#type == method.kind())
    };
    let Some(method) = methods.iter().find(offered).copied() else {
        return Err(Failure::NoChallenge(kinds(&authorization.challenges)));
    };
    let Some(mut challenge) = authorization.challenge(method.kind()) else {
        return Ok(None);
    };
    // The token becomes part of a path (RFC 8555, 8.3).
    if !is_base64url(challenge.token.as_bytes()) {
        return Err(Failure::Strange(format!(
            "the token '{}' of its challenge is not base64url",
            quoted(&challenge.token)
        )));
    }
    let offer = challenges.offer(
        method,
        domain,
        &challenge.token,
        &challenge.key_authorization(),
    )?;
    if challenge.status != ChallengeStatus::Pending {
        // The authority was told before, and is validating.
        return Ok(Some((offer, method)));
    }
    match challenge.set_ready().await {
        Ok(()) => Ok(Some((offer, method))),
        Err(Error::Api(problem)) => Err(Failure::Refused {
            problem,
            method: Some(method),
        }),
        Err(error) => Err(error.into()),
    }
}

/// The methods that the authority offers, in words.
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

/// Why an order has ended: what the authority found wrong in its validation, or with the order itself.
async fn refusal(order: &mut Order) -> Option<Problem> {
    let own = order.state().error.clone();
    let count = order.state().authorizations.len();
    let mut authorizations = order.authorizations();
    if count == 1
        && let Some(Ok(mut authorization)) = authorizations.next().await
        && let Ok(state) = authorization.refresh().await
    {
        let mut challenges = state.challenges.iter();
        let found = challenges.find_map(|challenge| challenge.error.clone());
        return found.or(own);
    }
    own
}
