//! Why a configuration cannot work, in sentences with the flag and the remedy.

use wulin_certs::{Problem, Unclear};
use wulin_command::Origins;

use super::acme::InvalidAcme;

/// Why the configuration cannot work. Exit code 78: starting again will not help.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Something about a certificate or key.
    #[error("{}{problem}", prefix(given))]
    Certificate {
        /// What named it, as it was given; nothing where it was found or made without being named.
        given: Vec<String>,
        /// What is wrong.
        problem: Problem,
    },
    /// Nothing says where the certificates are.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// Something about `--acme`.
    #[error(transparent)]
    Acme(#[from] InvalidAcme),
    /// Not a path that can be served.
    #[error(
        "{flag} {path:?} cannot be a path here. Write it as /applet/websocket: from a slash, with no slash at its end."
    )]
    Path {
        /// The flag.
        flag: &'static str,
        /// What it says.
        path: String,
    },
    /// A path where something else is.
    #[error(
        "{flag} {path:?} cannot be a path here: the server has pages of its own there. Take another, such as \
         /applet/websocket."
    )]
    TakenPath {
        /// The flag.
        flag: &'static str,
        /// What it says.
        path: String,
    },
    /// A value outside what makes sense.
    #[error("{flag} {problem}.")]
    Value {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Invalid {
    /// The sentence, with the variables beside the flags that came by one.
    pub fn sentence(&self, origins: &Origins) -> String {
        match self {
            // It says so itself. The flags in it are in commands to type.
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

/// What named a file, before what is wrong with it.
fn prefix(given: &[String]) -> String {
    match given {
        [] => String::new(),
        given => given.join(", ") + ": ",
    }
}
