//! Why there is no certificate, in words for the person who deploys: what the authority said, and the remedy.

use std::time::Duration;

use instant_acme::{Error, Problem};

use super::chain::Unfit;
use super::challenge::ValidationMethod;
use super::http::{NoAnswer, Strange};
use super::quote::quoted;
use super::schedule::Cause;

/// Why an order failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The authority refused.
    Refused {
        problem: Problem,
        /// The validation method that was tried.
        method: Option<ValidationMethod>,
    },
    /// The authority could not be reached.
    Unreachable(String),
    /// It offers only validation methods that are not supported here; their names.
    NoChallenge(String),
    /// The order is not finished, and will be continued.
    Unfinished {
        /// What the authority is doing, as a clause.
        what: &'static str,
        /// How long the authority asked to wait, if this failure knows.
        asked: Option<Duration>,
    },
    /// The authority ended the order, and gave no reason.
    Ended(Option<ValidationMethod>),
    /// The chain that came cannot be served.
    Unfit {
        why: Unfit,
        /// Whether the order is given up because of it.
        given_up: bool,
    },
    /// The authority breaks ACME; a clause.
    Strange(String),
    /// Something that should not happen.
    Other(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Api(problem) => Failure::Refused {
                problem,
                method: None,
            },
            Error::Json(error) => {
                Failure::Strange(format!("its answer is of another form: {error}"))
            }
            Error::Str(missing) => Failure::Strange(missing.to_owned()),
            Error::Other(error) => match error.downcast::<NoAnswer>() {
                Ok(no_answer) => Failure::Unreachable(no_answer.to_string()),
                Err(error) => match error.downcast::<Strange>() {
                    Ok(strange) => Failure::Strange(strange.to_string()),
                    Err(error) => Failure::Other(error.to_string()),
                },
            },
            other => Failure::Other(other.to_string()),
        }
    }
}

impl From<Unfit> for Failure {
    fn from(why: Unfit) -> Failure {
        Failure::Unfit {
            why,
            given_up: false,
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
            Failure::Unfinished { .. } => Cause::Unfinished,
            Failure::Unfit { given_up, .. } => match given_up {
                false => Cause::Unfit,
                // A certificate was issued, and counts against the authority's limits.
                true => Cause::Limited,
            },
            Failure::NoChallenge(_)
            | Failure::Ended(_)
            | Failure::Strange(_)
            | Failure::Other(_) => Cause::Refused,
        }
    }

    /// How long the authority asked to wait, if this failure knows.
    pub(super) fn asked(&self) -> Option<Duration> {
        match self {
            Failure::Unfinished { asked, .. } => *asked,
            _ => None,
        }
    }

    /// Whether validation failed in a way that another method may not.
    pub(super) fn is_failed_validation(&self) -> bool {
        let no = self.cause() == Cause::Refused && self.method().is_some();
        no && !matches!(self, Failure::Refused { problem, .. } if kind(problem) == "caa")
    }

    /// The validation method that was tried.
    pub(super) fn method(&self) -> Option<ValidationMethod> {
        match self {
            Failure::Refused { method, .. } | Failure::Ended(method) => *method,
            _ => None,
        }
    }

    /// Whether the authority does not know what it was asked for.
    pub(super) fn is_unknown_order(&self) -> bool {
        let Failure::Refused { problem, .. } = self else {
            return false;
        };
        matches!(problem.status, Some(404 | 410))
            || matches!(kind(problem), "malformed" | "unauthorized")
    }

    /// Whether the authority no longer knows the account.
    pub(super) fn is_unknown_account(&self) -> bool {
        matches!(self, Failure::Refused { problem, .. } if kind(problem) == "accountDoesNotExist")
    }

    /// What happened and what to do, as sentences.
    pub(super) fn sentence(&self, domain: &str, authority: &str) -> String {
        match self {
            Failure::Refused { problem, method } => {
                let said = problem.detail.as_deref();
                let said = quoted(said.unwrap_or("nothing about the reason"));
                let remedy = remedy(kind(problem), *method, domain);
                let refused = match method {
                    Some(method) => format!("could not prove {domain} by {}", method.name()),
                    None => "refused".to_owned(),
                };
                format!("{authority} {refused} and said: \"{said}\". {remedy}")
            }
            Failure::Unreachable(why) => format!(
                "{authority} cannot be reached: {}. This machine must be able to look up names and to open connections \
                 to port 443.",
                quoted(why)
            ),
            Failure::NoChallenge(offered) => format!(
                "{authority} wants the domain proved by {}, which this server cannot do; it proves by tls-alpn-01, \
                 and by http-01 where it has the HTTP port. See --http-port.",
                quoted(offered)
            ),
            Failure::Unfinished { what, .. } => format!(
                "{authority} {what}. The order is kept and taken up again, also after a restart; no other one is made."
            ),
            Failure::Ended(method) => {
                let tried = method.map_or(String::new(), |method| {
                    format!(" after {domain} was to be proved by {}", method.name())
                });
                format!("{authority} ended the order{tried} and gave no reason.")
            }
            Failure::Unfit { why, given_up } => {
                let next = if *given_up {
                    "The order is given up after so many tries."
                } else {
                    "It is downloaded again; no other one is ordered."
                };
                format!("The chain that {authority} sent cannot be served: {why}. {next}")
            }
            Failure::Strange(what) => format!(
                "{authority} does not keep to ACME: {}. If --acme-directory is right, the trouble is on its side.",
                quoted(what)
            ),
            Failure::Other(what) => {
                format!("Ordering from {authority} went wrong: {}.", quoted(what))
            }
        }
    }
}

/// The end of a problem's type (RFC 8555, 6.7).
fn kind(problem: &Problem) -> &str {
    let urn = problem.r#type.as_deref().unwrap_or_default();
    urn.strip_prefix("urn:ietf:params:acme:error:")
        .unwrap_or(urn)
}

fn remedy(kind: &str, method: Option<ValidationMethod>, domain: &str) -> String {
    let port = method.map_or("443 or 80".to_owned(), |method| method.port().to_string());
    match kind {
        "dns" => format!("Give {domain} an A or AAAA record with this machine's public address."),
        "connection" => format!(
            "From outside, port {port} of {domain} must lead here: look at its A and AAAA records, the cloud's security \
             group and the firewall."
        ),
        "unauthorized" | "incorrectResponse" | "tls" if method.is_some() => format!(
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

    fn refused(kind: &str, method: Option<ValidationMethod>) -> Failure {
        let problem = serde_json::json!({
            "type": format!("urn:ietf:params:acme:error:{kind}"),
            "detail": "what the authority says",
        });
        Failure::Refused {
            problem: serde_json::from_value(problem).unwrap(),
            method,
        }
    }

    fn sentence(kind: &str, method: Option<ValidationMethod>) -> String {
        refused(kind, method).sentence("game.example", "acme.example")
    }

    #[test]
    fn refusal_quotes_the_authority_and_names_a_remedy() {
        for (kind, method, words) in [
            ("dns", Some(ValidationMethod::Http), "an A or AAAA record"),
            (
                "connection",
                Some(ValidationMethod::TlsAlpn),
                "port 443 of game.example",
            ),
            (
                "connection",
                Some(ValidationMethod::Http),
                "port 80 of game.example",
            ),
            (
                "unauthorized",
                Some(ValidationMethod::Http),
                "port 80 of game.example",
            ),
            ("tls", Some(ValidationMethod::TlsAlpn), "proxies in front"),
            ("caa", Some(ValidationMethod::TlsAlpn), "CAA record"),
            ("rateLimited", None, "waiting is the remedy"),
            ("rejectedIdentifier", None, "--domain"),
            ("externalAccountRequired", None, "--acme-eab-kid"),
            ("unauthorized", None, "--acme-eab-key"),
            ("invalidContact", None, "--acme-email"),
            ("somethingNew", None, "documentation"),
        ] {
            let sentence = sentence(kind, method);
            for word in [words, "acme.example", "\"what the authority says\""] {
                assert!(sentence.contains(word), "{word:?} is not in {sentence:?}");
            }
        }
        assert!(
            sentence("connection", Some(ValidationMethod::Http)).contains("by http-01 and said")
        );
    }

    #[test]
    fn refusals_wait_longer_than_passing_failures() {
        assert_eq!(refused("badNonce", None).cause(), Cause::Passing);
        assert_eq!(refused("rateLimited", None).cause(), Cause::Limited);
        assert_eq!(
            refused("dns", Some(ValidationMethod::Http)).cause(),
            Cause::Refused
        );
        assert_eq!(Failure::Unreachable(String::new()).cause(), Cause::Passing);
    }

    #[test]
    fn another_method_is_tried_only_if_it_can_help() {
        assert!(refused("connection", Some(ValidationMethod::TlsAlpn)).is_failed_validation());
        assert!(!refused("caa", Some(ValidationMethod::TlsAlpn)).is_failed_validation());
        assert!(!refused("badNonce", Some(ValidationMethod::TlsAlpn)).is_failed_validation());
        assert!(!refused("rejectedIdentifier", None).is_failed_validation());
        assert!(Failure::Ended(Some(ValidationMethod::TlsAlpn)).is_failed_validation());
        assert!(!Failure::Ended(None).is_failed_validation());
    }

    #[test]
    fn sentences_are_short_and_free_of_control_characters() {
        let evil = format!("\u{1b}]0;x\u{7}\u{202e}\r\n\"{}", "x".repeat(1_000_000));
        let problem = serde_json::from_value(serde_json::json!({"detail": evil})).unwrap();
        for failure in [
            Failure::Refused {
                problem,
                method: None,
            },
            Failure::Unreachable(evil.clone()),
            Failure::NoChallenge(evil.clone()),
            Failure::Strange(evil.clone()),
            Failure::Other(evil.clone()),
            Error::Other(evil.clone().into()).into(),
        ] {
            let sentence = failure.sentence("game.example", "acme.example");
            assert!(sentence.len() < 1200, "{}", sentence.len());
            assert!(
                !sentence.contains(|c: char| c.is_control() || c == '\u{202e}'),
                "{sentence}"
            );
        }
        assert_eq!(quoted("a \"b\""), "a 'b'");
        assert_eq!(quoted(&"ü".repeat(500)), "ü".repeat(500));
        assert_eq!(quoted(&"ü".repeat(501)), "ü".repeat(500) + "…");
    }
}
