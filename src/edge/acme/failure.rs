//! Why there is no certificate, in words for the person who deploys: what the authority said, and the remedy.

use instant_acme::{Error, Problem};

use super::challenge::Way;
use super::http::Unreachable;
use super::schedule::Cause;
use crate::edge::certificates;

/// Why an order came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The authority said no.
    Refused {
        problem: Problem,
        /// How the domain was being proved.
        way: Option<Way>,
    },
    /// The authority was not to be spoken to.
    Unreachable(String),
    /// It asks for proofs that are not made here, which are these.
    NoChallenge(String),
    /// It took longer than anybody waits.
    TimedOut,
    /// What came is no certificate that can be served.
    Unusable(certificates::Problem),
    /// Something that should not happen.
    Other(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Api(problem) => Failure::Refused { problem, way: None },
            Error::Timeout(_) => Failure::TimedOut,
            Error::Other(error) => match error.downcast::<Unreachable>() {
                Ok(unreachable) => Failure::Unreachable(unreachable.to_string()),
                Err(error) => Failure::Other(error.to_string()),
            },
            other => Failure::Other(other.to_string()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(format!("{error:#}"))
    }
}

impl Failure {
    /// What it means for the next try.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Failure::Refused { problem, .. } => match kind(problem) {
                "badNonce" | "serverInternal" | "accountDoesNotExist" | "alreadyReplaced" => {
                    Cause::Passing
                }
                "rateLimited" => Cause::Limited,
                _ => Cause::Refused,
            },
            Failure::Unreachable(_) => Cause::Passing,
            // It was issued, and counts.
            Failure::Unusable(_) => Cause::Limited,
            Failure::NoChallenge(_) | Failure::TimedOut | Failure::Other(_) => Cause::Refused,
        }
    }

    /// Whether the domain could not be proved, so that another way may do.
    pub(super) fn is_of_proof(&self) -> bool {
        let no = self.cause() == Cause::Refused && self.way().is_some();
        no && !matches!(self, Failure::Refused { problem, .. } if kind(problem) == "caa")
    }

    /// How the domain was being proved.
    pub(super) fn way(&self) -> Option<Way> {
        match self {
            Failure::Refused { way, .. } => *way,
            _ => None,
        }
    }

    /// Whether the authority knows the account no more.
    pub(super) fn is_of_account(&self) -> bool {
        matches!(self, Failure::Refused { problem, .. } if kind(problem) == "accountDoesNotExist")
    }

    /// What happened and what to do, as sentences.
    pub(super) fn sentence(&self, domain: &str, authority: &str) -> String {
        match self {
            Failure::Refused { problem, way } => {
                let said = problem
                    .detail
                    .as_deref()
                    .unwrap_or("nothing about the reason")
                    .replace('"', "'");
                let remedy = remedy(kind(problem), *way, domain);
                let refused = match way {
                    Some(way) => format!("could not prove {domain} by {}", way.name()),
                    None => "refused".to_owned(),
                };
                format!("{authority} {refused} and said: \"{said}\". {remedy}")
            }
            Failure::Unreachable(why) => format!(
                "{authority} cannot be reached: {why}. This machine must be able to look up names and to open connections \
                 to port 443."
            ),
            Failure::NoChallenge(offered) => format!(
                "{authority} wants the domain proved by {offered}, which this server cannot do; it proves by tls-alpn-01, \
                 and by http-01 where it has the HTTP port. See --http-port."
            ),
            Failure::TimedOut => format!("{authority} did not make up its mind in time."),
            Failure::Unusable(problem) => {
                format!("What {authority} sent cannot be served: {problem}")
            }
            Failure::Other(what) => format!("Ordering from {authority} went wrong: {what}."),
        }
    }
}

/// The end of a problem's type (RFC 8555, 6.7).
fn kind(problem: &Problem) -> &str {
    let urn = problem.r#type.as_deref().unwrap_or_default();
    urn.strip_prefix("urn:ietf:params:acme:error:")
        .unwrap_or(urn)
}

fn remedy(kind: &str, way: Option<Way>, domain: &str) -> String {
    let port = way.map_or("443 or 80".to_owned(), |way| way.port().to_string());
    match kind {
        "dns" => format!("Give {domain} an A or AAAA record with this machine's public address."),
        "connection" => format!(
            "From outside, port {port} of {domain} must lead here: look at its A and AAAA records, the cloud's security \
             group and the firewall."
        ),
        "unauthorized" | "incorrectResponse" | "tls" if way.is_some() => format!(
            "From outside, port {port} of {domain} must lead here: look at its A and AAAA records, at firewalls, and at \
             proxies in front of this server."
        ),
        "caa" => format!(
            "The CAA record of {domain}, or of a domain above it, names other authorities: add this one, or remove the \
             record."
        ),
        "rateLimited" => {
            "Too much was asked of it; waiting is the remedy. For trials take the authority's test server with \
             --acme-directory."
                .to_owned()
        }
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            format!("It gives no certificate for {domain}: check how --domain is written.")
        }
        "externalAccountRequired" => {
            "It wants an account it knows already: give --acme-eab-kid and --acme-eab-key as it shows them."
                .to_owned()
        }
        "invalidContact" | "unsupportedContact" => "Check --acme-email.".to_owned(),
        "unauthorized" | "malformed" => {
            "If --acme-eab-kid and --acme-eab-key are given, check them; the key is one of that authority.".to_owned()
        }
        "userActionRequired" => "Its terms have changed: agree to them at its site.".to_owned(),
        "badNonce" | "serverInternal" => "The trouble is on its side and should pass.".to_owned(),
        _ => "Its documentation says what to do about this.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: &str, way: Option<Way>) -> Failure {
        let problem = serde_json::json!({
            "type": format!("urn:ietf:params:acme:error:{kind}"),
            "detail": "what the authority says",
        });
        Failure::Refused {
            problem: serde_json::from_value(problem).unwrap(),
            way,
        }
    }

    fn sentence(kind: &str, way: Option<Way>) -> String {
        refused(kind, way).sentence("game.example", "acme.example")
    }

    #[test]
    fn a_refusal_has_the_authoritys_words_and_a_remedy() {
        for (kind, way, words) in [
            ("dns", Some(Way::Http), "an A or AAAA record"),
            ("connection", Some(Way::TlsAlpn), "port 443 of game.example"),
            ("connection", Some(Way::Http), "port 80 of game.example"),
            ("unauthorized", Some(Way::Http), "port 80 of game.example"),
            ("tls", Some(Way::TlsAlpn), "proxies in front"),
            ("caa", Some(Way::TlsAlpn), "CAA record"),
            ("rateLimited", None, "waiting is the remedy"),
            ("rejectedIdentifier", None, "--domain"),
            ("externalAccountRequired", None, "--acme-eab-kid"),
            ("unauthorized", None, "--acme-eab-key"),
            ("invalidContact", None, "--acme-email"),
            ("somethingNew", None, "documentation"),
        ] {
            let sentence = sentence(kind, way);
            for word in [words, "acme.example", "\"what the authority says\""] {
                assert!(sentence.contains(word), "{word:?} is not in {sentence:?}");
            }
        }
        assert!(sentence("connection", Some(Way::Http)).contains("by http-01 and said"));
    }

    #[test]
    fn what_somebody_must_change_is_not_tried_again_at_once() {
        assert_eq!(refused("badNonce", None).cause(), Cause::Passing);
        assert_eq!(refused("rateLimited", None).cause(), Cause::Limited);
        assert_eq!(refused("dns", Some(Way::Http)).cause(), Cause::Refused);
        assert_eq!(Failure::Unreachable(String::new()).cause(), Cause::Passing);
    }

    #[test]
    fn another_way_is_tried_only_where_it_can_help() {
        assert!(refused("connection", Some(Way::TlsAlpn)).is_of_proof());
        assert!(!refused("caa", Some(Way::TlsAlpn)).is_of_proof());
        assert!(!refused("badNonce", Some(Way::TlsAlpn)).is_of_proof());
        assert!(!refused("rejectedIdentifier", None).is_of_proof());
        assert!(!Failure::TimedOut.is_of_proof());
    }
}
