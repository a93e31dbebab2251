//! Compares the addresses of a name: each must lead to the same certificate and the same version of Wulin.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;

use super::finding::Finding;
use super::web::Told;

/// What is known of the server at one address.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Its leaf certificate.
    pub(super) certificate: Option<CertificateDer<'static>>,
    /// What it says of itself, if it is Wulin.
    pub(super) told: Option<Told>,
}

/// Compares all addresses with the first that leads to Wulin. None if there is nothing to compare.
pub(super) fn compare(ips: &[IpAddr], facts: &[Facts]) -> Option<Finding> {
    let mut seen = ips.iter().zip(facts);
    let (model_ip, model) = seen.find(|(_, facts)| facts.told.is_some())?;
    let others: Vec<_> = ips
        .iter()
        .zip(facts)
        .filter(|(ip, facts)| *ip != model_ip && facts.certificate.is_some())
        .collect();
    if others.is_empty() {
        return None;
    }
    let mut differences = Vec::new();
    for (ip, facts) in &others {
        if facts.certificate != model.certificate {
            differences.push(format!("{ip} shows another certificate than {model_ip}"));
        }
        match (&facts.told, &model.told) {
            (Some(told), Some(model)) if told.version != model.version => {
                let (own, first) = (&told.version, &model.version);
                differences.push(format!("{ip} runs Wulin {own}, and {model_ip} {first}"));
            }
            (None, Some(_)) => differences.push(format!("{ip} is not Wulin, as {model_ip} is")),
            _ => {}
        }
    }
    if !differences.is_empty() {
        return Some(Finding::warning(
            differences.join("; "),
            "Phones take any of the addresses: each must lead to the same. Correct the machine, or take its record out of \
             the DNS.",
        ));
    }
    let instances = others.iter().map(|(_, facts)| facts).chain([&model]);
    let mut instances: Vec<_> = instances
        .filter_map(|facts| facts.told.as_ref()?.instance.as_deref())
        .collect();
    instances.sort_unstable();
    instances.dedup();
    Some(Finding::ok(match instances.len() {
        0 => "all lead to the same certificate and version".to_owned(),
        1 => "all lead to one server".to_owned(),
        more => format!("all lead to the same certificate and version, on {more} servers"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Severity;

    fn facts(certificate: &'static [u8], version: &str, instance: &str) -> Facts {
        Facts {
            certificate: Some(certificate.into()),
            told: Some(Told {
                version: version.to_owned(),
                instance: Some(instance.to_owned()),
            }),
        }
    }

    #[test]
    fn differing_addresses_are_named() {
        let ips = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let compared = |one, other| compare(&ips, &[one, other]).unwrap();
        let model = || facts(b"a", "1.0.0", "x");
        let same = compared(model(), model());
        assert_eq!(
            (same.outcome, &*same.detail),
            (Severity::Ok, "all lead to one server")
        );
        let two = compared(model(), facts(b"a", "1.0.0", "y"));
        assert!(two.outcome == Severity::Ok && two.detail.contains("2 servers"));
        for (other, word) in [
            (
                facts(b"b", "1.0.0", "x"),
                "192.0.2.2 shows another certificate",
            ),
            (facts(b"a", "0.9.0", "x"), "192.0.2.2 runs Wulin 0.9.0"),
            (
                Facts {
                    told: None,
                    ..model()
                },
                "192.0.2.2 is not Wulin",
            ),
        ] {
            let found = compared(model(), other);
            assert_eq!(found.outcome, Severity::Warning);
            assert!(found.detail.contains(word), "{}", found.detail);
        }
    }

    #[test]
    fn single_address_is_not_compared() {
        let ips = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let one = || facts(b"a", "1", "x");
        assert_eq!(compare(&ips[..1], &[one()]), None);
        // The other address was not asked, or does not answer.
        assert_eq!(compare(&ips, &[one(), Facts::default()]), None);
    }
}
