//! The flags of `cert`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use wulin_command::flags::{Domains, only};

/// The commands of `wulin cert`.
#[derive(Debug, Clone, Subcommand)]
pub enum Cert {
    /// Show what is in certificate and key files, and whether they belong together
    Show(Show),
    /// Make a certificate for development, which nobody trusts by itself
    SelfSigned(SelfSigned),
}

/// The flags of `cert show`.
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// PEM files: certificates, keys, or both
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// The flags of `cert self-signed`.
#[derive(Debug, Clone, Args)]
#[command(mut_args(only("domain", |flag| flag.help(
    "A domain or IP address it is for. Can be repeated [default: every name of this machine itself]"
))))]
pub struct SelfSigned {
    /// The names it is for.
    #[command(flatten)]
    pub domains: Domains,
    /// Where the two files go; the folder is made if it is missing
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub out: PathBuf,
    /// Overwrite files that are there
    #[arg(long)]
    pub force: bool,
}
