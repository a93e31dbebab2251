//! Why a configuration cannot work: sentences with the flag and the remedy.

use wulin_certs::{Problem, Unclear};
use wulin_command::Origins;

use super::acme::InvalidAcme;

/// Why the configuration cannot work. The process ends with exit code 78: starting it again will not help.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// A problem with a certificate or key.
    #[error("{}{problem}", prefix(given))]
    Certificate {
        /// The flags that named it; empty if none did.
        given: Vec<String>,
        /// What is wrong.
        problem: Problem,
    },
    /// No certificate could be found.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// A problem with a flag of `--acme`.
    #[error(transparent)]
    Acme(#[from] InvalidAcme),
    /// Not a path that can be served.
    #[error(
        "{flag} {path:?} cannot be a path here. Write it as /applet/websocket: from a slash, with no slash at its end."
    )]
    Path {
        /// The flag.
        flag: &'static str,
        /// Its value.
        path: String,
    },
    /// A path that the server uses itself.
    #[error(
        "{flag} {path:?} cannot be a path here: the server has pages of its own there. Take another, such as \
         /applet/websocket."
    )]
    TakenPath {
        /// The flag.
        flag: &'static str,
        /// Its value.
        path: String,
    },
    /// A value out of range.
    #[error("{flag} {problem}.")]
    Value {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Invalid {
    /// The sentence. Flags that were set by a variable are named together with it.
    pub fn sentence(&self, origins: &Origins) -> String {
        match self {
            // It names the flags by itself; other flags in it belong to commands to type.
            Invalid::Certificate { .. } => self.to_string(),
            _ => origins.told(&self.to_string()),
        }
    }

    /// A problem with the certificates, with the flags that named them.
    pub(crate) fn certificate(problem: Problem, origins: &Origins) -> Invalid {
        let mut named = vec!["--tls-cert", "--tls-key", "--tls-dir"];
        match problem {
            Problem::WrongDomain { .. } => named.push("--domain"),
            Problem::BadName { .. } => named = vec!["--domain"],
            _ => {}
        }
        Invalid::Certificate {
            given: origins.names(&named),
            problem,
        }
    }
}

/// The flags before a problem with a certificate.
fn prefix(given: &[String]) -> String {
    match given {
        [] => String::new(),
        given => given.join(", ") + ": ",
    }
}
