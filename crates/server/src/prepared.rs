//! What was meant by the configuration, loaded: certificates that can be served, and the ports that depend on them.
//!
//! Typed, meant, loaded: [`crate::flags`] is what somebody typed, [`crate::config`] what that means, and this is the only step
//! that reads key files or makes a certificate.

use std::path::Path;
use std::time::SystemTime;

use wulin_certs::upkeep::Loaded;
use wulin_certs::{DEFAULT_FOLDER, Source, Unclear, acme, self_signed};

use crate::config::acme::unusual_ports;
use crate::config::{Config, HttpPort, Invalid};

/// What a server begins with.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The certificates and what keeps them good.
    pub certificates: Loaded,
    /// The HTTPS port.
    pub port: u16,
    /// The port that redirects.
    pub http_port: Option<HttpPort>,
    /// The host that people are shown.
    pub host: String,
    /// What works but deserves attention, as sentences.
    pub warnings: Vec<String>,
}

impl Prepared {
    /// Reads what the configuration names, or makes a certificate where it names nothing.
    pub fn load(config: &Config, now: SystemTime) -> Result<Prepared, Invalid> {
        let fetched = match (&config.acme, &config.state_dir) {
            (Some(acme), Some(state_dir)) => Some(acme.load(state_dir, now)?),
            (Some(_), None) | (None, _) => None,
        };
        let (certificates, mut warnings) = match fetched {
            Some(settings) => beside(config, settings, now)?,
            None => alone(config, now)?,
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

/// The host that people are shown: a domain that was named, else one of the certificate's.
fn host(config: &Config, certificates: &Loaded) -> String {
    if !certificates.trusted && certificates.acme.is_none() {
        return "localhost".to_owned();
    }
    let named = config.domains.first();
    let own = || certificates.pairs.first()?.names.first();
    named.or_else(own).cloned().unwrap_or_default()
}

/// Certificates that are found, or one that the server makes for itself.
fn alone(config: &Config, now: SystemTime) -> Result<(Loaded, Vec<String>), Invalid> {
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
        pairs: vec![own(config, now)?],
        source: None,
        covered,
        trusted: false,
        acme: None,
    };
    let warning = "No certificate was given, so this server made one for itself: browsers will warn, and phones will not \
                   connect. For a real one use --acme, --tls-cert and --tls-key, or --tls-dir.";
    Ok((loaded, vec![warning.to_owned()]))
}

/// What is served beside the fetched certificates, and until they are there: the pairs given by flag if they can be used,
/// else one the server makes for itself.
fn beside(
    config: &Config,
    settings: acme::Settings,
    now: SystemTime,
) -> Result<(Loaded, Vec<String>), Invalid> {
    let mut warnings = Vec::new();
    // The shipped unit always names a folder, which need not be there.
    let source = config.certificates.clone().filter(|source| match source {
        Source::Folder(folder) => folder.exists(),
        Source::Files(_) => true,
    });
    // Any domain will do: the others are being fetched.
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
        pairs: vec![own(config, now)?],
        source,
        covered: Vec::new(),
        trusted: missing.is_empty(),
        acme: Some(settings),
    };
    Ok((loaded, warnings))
}

/// A certificate that the server makes for itself, or has made before.
fn own(config: &Config, now: SystemTime) -> Result<wulin_certs::Pair, Invalid> {
    self_signed(config.state_dir.as_deref(), &config.domains, now)
        .map_err(|problem| Invalid::certificate(problem, &config.origins))
}
