//! A self-signed certificate for development, made here and kept between starts, so that browsers recognise it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::pair::{Pair, load_pair, read_pair};
use crate::keep::keep;
use crate::names::matches;
use crate::problem::Problem;

/// Browsers refuse certificates for more than 398 days, even those they were told to trust.
const LIFETIME: Duration = Duration::from_hours(365 * 24);

/// How far back the validity begins: the clocks of a machine and of the phone beside it differ.
const CLOCK_TOLERANCE: Duration = Duration::from_hours(24);

/// A kept certificate with less time left is replaced, so that it does not expire while the server runs.
const RENEW_BEFORE: Duration = Duration::from_hours(7 * 24);

/// One file for certificate and key, so that a reader never gets the certificate of one start with the key of another.
const FILE: &str = "self-signed.pem";

/// The names that this machine has for itself.
pub const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate for localhost and `extra_names`: the one in `state_dir` if it will do, else a new one. That is stored
/// there if possible; otherwise it lives in memory, with a warning.
pub fn self_signed(
    state_dir: Option<&Path>,
    extra_names: &[String],
    now: SystemTime,
) -> Result<Pair, Problem> {
    let mut names: Vec<String> = LOCAL_NAMES.iter().map(ToString::to_string).collect();
    for name in extra_names {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let file = state_dir.unwrap_or(Path::new("")).join(FILE);
    if state_dir.is_some() {
        // A kept pair that is broken, expired or missing is simply replaced.
        if let Some(kept) = load_pair(&file, &file, now)
            .ok()
            .filter(|kept| will_do(kept, &names, now))
        {
            return Ok(kept);
        }
    }
    let (certificate, key) = make_self_signed(&names, now)?;
    let text = certificate + &key;
    let mut pair = read_pair(&file, &text, now)?;
    let kept = match state_dir {
        Some(dir) => {
            keep(&file, text.as_bytes()).map_err(|error| format!("in {}: {error}", dir.display()))
        }
        None => Err("anywhere: set XDG_STATE_HOME or HOME".to_owned()),
    };
    if let Err(reason) = kept {
        pair.warnings.push(format!(
            "the self-signed certificate could not be kept {reason}; a new one is made at each start, which browsers will \
             not know again."
        ));
    }
    Ok(pair)
}

fn will_do(kept: &Pair, names: &[String], now: SystemTime) -> bool {
    // By name and not by `covers`, because a wildcard that was asked for covers nothing as a domain.
    let covers = |name: &String| {
        kept.names
            .iter()
            .any(|kept| kept == name || matches(kept, name))
    };
    kept.self_signed && kept.not_after > now + RENEW_BEFORE && names.iter().all(covers)
}

/// A new certificate for these names and its key, as PEM.
pub fn make_self_signed(names: &[String], now: SystemTime) -> Result<(String, String), Problem> {
    let bad = |name: &str, detail: String| Problem::BadName {
        name: name.to_owned(),
        detail,
    };
    for name in names {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.*:".contains(c);
        if name.is_empty() || name.len() > 253 || !name.chars().all(fits) {
            return Err(bad(
                name,
                "it is not a domain name or an IP address".to_owned(),
            ));
        }
    }
    let failed = |error: rcgen::Error| bad(&names.join(", "), error.to_string());
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Wulin, self-signed");
    params.not_before = (now - CLOCK_TOLERANCE).into();
    params.not_after = (now + LIFETIME).into();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
