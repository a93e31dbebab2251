//! A configuration with its files loaded: the certificates to serve, and the ports that depend on them.
//!
//! Flags pass three steps. [`crate::flags`] holds what was typed, [`crate::config`] what it means once checked, and
//! this module reads key files and makes a certificate if there is none. No other step does so.

use std::path::Path;
use std::time::SystemTime;

use wulin_certs::upkeep::Loaded;
use wulin_certs::{DEFAULT_FOLDER, Source, Unclear, acme, self_signed};

use crate::config::acme::unusual_ports;
use crate::config::{Config, HttpPort, Invalid};

/// What a server starts with.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The certificates, and where newer ones come from.
    pub certificates: Loaded,
    /// The HTTPS port.
    pub port: u16,
    /// The port that redirects to HTTPS, if there is to be one.
    pub http_port: Option<HttpPort>,
    /// The host in the addresses that are shown to people.
    pub host: String,
    /// Sentences about what works but deserves attention.
    pub warnings: Vec<String>,
}

impl Prepared {
    /// Reads the files the configuration names. Makes a self-signed certificate if it names none.
    pub fn load(config: &Config, now: SystemTime) -> Result<Prepared, Invalid> {
        let fetched = match (&config.acme, &config.state_dir) {
            (Some(acme), Some(state_dir)) => Some(acme.load(state_dir, now)?),
            (Some(_), None) | (None, _) => None,
        };
        let (certificates, mut warnings) = match fetched {
            Some(settings) => with_acme(config, settings, now)?,
            None => without_acme(config, now)?,
        };
        for pair in &certificates.pairs {
            warnings.extend(pair.warnings.iter().cloned());
        }
        let production = certificates.trusted || certificates.acme.is_some();
        let (port, http_port) = (
            config.https_port(production),
            config.redirect_port(production),
        );
        if certificates.acme.is_some() {
            warnings.extend(unusual_ports(port, http_port.map(|http| http.port)));
        }
        Ok(Prepared {
            host: host(config, &certificates),
            certificates,
            port,
            http_port,
            warnings,
        })
    }
}

/// The host that is shown to people: the first domain of the configuration, else the first of the certificate.
fn host(config: &Config, certificates: &Loaded) -> String {
    if !certificates.trusted && certificates.acme.is_none() {
        return "localhost".to_owned();
    }
    let named = config.domains.first();
    let own = || certificates.pairs.first()?.names.first();
    named.or_else(own).cloned().unwrap_or_default()
}

/// Without ACME: the certificates that are found, or a self-signed one.
fn without_acme(config: &Config, now: SystemTime) -> Result<(Loaded, Vec<String>), Invalid> {
    let covered = config.domains.clone();
    let default = Path::new(DEFAULT_FOLDER);
    let unasked = || default.exists().then(|| Source::Folder(default.to_owned()));
    if let Some(source) = config.certificates.clone().or_else(unasked) {
        let found = source
            .load(&covered, now)
            .map_err(|problem| Invalid::certificate(problem, &config.origins))?;
        if !found.pairs.is_empty() {
            let loaded = Loaded {
                pairs: found.pairs,
                source: Some(source),
                covered,
                trusted: true,
                acme: None,
            };
            return Ok((loaded, found.warnings));
        }
        if let Some(Source::Folder(folder)) = &config.certificates {
            return Err(Unclear::EmptyFolder(folder.clone()).into());
        }
    }
    let loaded = Loaded {
        pairs: vec![self_made(config, now)?],
        source: None,
        covered,
        trusted: false,
        acme: None,
    };
    let warning = "No certificate was given, so this server made one for itself: browsers will warn, and phones will not \
                   connect. For a real one use --acme, --tls-cert and --tls-key, or --tls-dir.";
    Ok((loaded, vec![warning.to_owned()]))
}

/// With ACME: what is served beside the fetched certificates, and until they are there. That is the pairs given by flag
/// if they can be used, else a self-signed one.
fn with_acme(
    config: &Config,
    settings: acme::Settings,
    now: SystemTime,
) -> Result<(Loaded, Vec<String>), Invalid> {
    let mut warnings = Vec::new();
    // The systemd unit in the package always names a folder, which need not exist.
    let source = config.certificates.clone().filter(|source| match source {
        Source::Folder(folder) => folder.exists(),
        Source::Files(_) => true,
    });
    // The pairs need not cover all domains: certificates for the others are being fetched.
    let found = source.as_ref().map(|source| source.load(&[], now));
    match found {
        Some(Ok(found)) if !found.pairs.is_empty() => {
            let loaded = Loaded {
                pairs: found.pairs,
                source,
                covered: Vec::new(),
                trusted: true,
                acme: Some(settings),
            };
            return Ok((loaded, found.warnings));
        }
        Some(Err(problem)) => {
            let problem = Invalid::certificate(problem, &config.origins);
            warnings.push(format!(
                "The certificate given beside --acme cannot be used: {problem}"
            ));
        }
        Some(Ok(_)) | None => {}
    }
    let missing = settings.missing();
    if !missing.is_empty() {
        warnings.push(format!(
            "There is no certificate for {} yet: until it is fetched, clients are shown one that this server made for \
             itself.",
            missing.join(", ")
        ));
    }
    let loaded = Loaded {
        pairs: vec![self_made(config, now)?],
        source,
        covered: Vec::new(),
        trusted: missing.is_empty(),
        acme: Some(settings),
    };
    Ok((loaded, warnings))
}

/// A self-signed certificate, made now or by an earlier start.
fn self_made(config: &Config, now: SystemTime) -> Result<wulin_certs::Pair, Invalid> {
    self_signed(config.state_dir.as_deref(), &config.domains, now)
        .map_err(|problem| Invalid::certificate(problem, &config.origins))
}
