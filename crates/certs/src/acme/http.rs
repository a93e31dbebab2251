//! The HTTP client that instant-acme speaks to the authority with. Each answer is checked before instant-acme sees it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::RootCertStore;
use wulin_http::client::{Client, Unreachable};
use wulin_http::proxy::OutgoingProxies;

use super::answer::{AnswerError, Noted, examine};
use super::schedule::in_words;

/// A client of one authority; cheap to clone.
#[derive(Clone)]
pub(super) struct AuthorityClient {
    https: Client,
    /// Shared by the clones, of which instant-acme has one. std's Mutex: held for a line or two, never across an
    /// `.await`.
    heard: Arc<Mutex<Heard>>,
}

/// What the answers said that instant-acme does not pass on.
#[derive(Default)]
struct Heard {
    /// Of the last answer.
    last: Noted,
    /// How long the last refusal asked to wait.
    refused: Option<Duration>,
}

/// Why there was no answer, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoAnswer(String);

/// How an authority breaks ACME, as a clause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Strange(pub(super) String);

impl AuthorityClient {
    /// Trusts servers whose certificate `roots` vouch for, and connects through `proxies`.
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        proxies: OutgoingProxies,
    ) -> Result<AuthorityClient, rustls::Error> {
        Ok(AuthorityClient {
            https: Client::new(roots, proxies)?,
            heard: Arc::default(),
        })
    }

    /// How long the authority asked to wait (`Retry-After`) when it last refused something. The second call returns
    /// none.
    pub(super) fn asked_to_wait(&self) -> Option<Duration> {
        self.heard().refused.take()
    }

    /// What the last answer said.
    pub(super) fn noted(&self) -> Noted {
        self.heard().last.clone()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let uri = request.uri().clone();
        let answer = self.https.ask(request).await;
        let (parts, body) = answer
            .map_err(|why| boxed(NoAnswer::from(why)))?
            .into_parts();
        let failed = parts.status.is_client_error() || parts.status.is_server_error();
        let (noted, passed) = examine(&uri, parts, body, SystemTime::now());
        {
            let mut heard = self.heard();
            if failed {
                heard.refused = noted.wait;
            }
            heard.last = noted;
        }
        let (parts, body) = passed?;
        Ok(Response::from_parts(parts, Full::from(body)))
    }
}

impl From<Unreachable> for NoAnswer {
    fn from(why: Unreachable) -> NoAnswer {
        NoAnswer(match why {
            Unreachable::Untrusted(_) => {
                format!("{why}; for a private authority name its root with --acme-ca-file")
            }
            Unreachable::Slow(limit) => format!("it did not answer within {}", in_words(limit)),
            Unreachable::Other(why) => why,
        })
    }
}

/// instant-acme returns these errors to its caller, where `Failure` takes them apart again.
impl From<AnswerError> for Error {
    fn from(refusal: AnswerError) -> Error {
        match refusal {
            AnswerError::Problem(problem) => Error::Api(problem),
            AnswerError::Other(why) => boxed(NoAnswer(why)),
            AnswerError::Strange(why) => boxed(Strange(why)),
        }
    }
}

impl HttpClient for AuthorityClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move { client.ask(request).await.map(BytesResponse::from) })
    }
}

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}
