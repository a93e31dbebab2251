//! What a pair says: names, validity, chain, warnings.

use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};

use super::{Authority, Folder, days, now, says};
use crate::names::matches;
use crate::{Pair, Problem, check_domains, load_pair};

fn load(cert: &str, key: &str) -> Result<Pair, Problem> {
    let folder = Folder::new();
    load_pair(
        &folder.write("cert.pem", cert),
        &folder.write("key.pem", key),
        now(),
    )
}

#[test]
fn names_are_the_subject_alternative_names() {
    let issued =
        Authority::new().issue(&["Example.COM", "*.example.com", "192.0.2.7", "2001:db8::7"]);
    let pair = load(&issued.chain, &issued.key).unwrap();
    assert_eq!(
        pair.names,
        ["example.com", "*.example.com", "192.0.2.7", "2001:db8::7"]
    );
    assert_eq!(pair.not_before, now() - days(45));
    assert_eq!(pair.not_after, now() + days(45));
    assert!(!pair.self_signed);
}

#[test]
fn common_name_counts_only_alone_and_gives_a_warning() {
    let key = KeyPair::generate().unwrap();
    let with = |names: &[&str]| {
        let mut params =
            CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())
                .unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "old.example.com");
        load(
            &params.self_signed(&key).unwrap().pem(),
            &key.serialize_pem(),
        )
        .unwrap()
    };
    let alone = with(&[]);
    assert_eq!(alone.names, ["old.example.com"]);
    says(
        &&alone.warnings[0],
        &["cert.pem", "subject alternative name", "issued again"],
    );
    let both = with(&["new.example.com"]);
    assert_eq!(both.names, ["new.example.com"]);
    assert!(both.self_signed);
    assert!(both.warnings.is_empty());
}

#[test]
fn wildcard_stands_for_one_left_most_label() {
    assert!(matches("*.example.com", "a.example.com"));
    assert!(matches("*.Example.com", "A.EXAMPLE.COM."));
    assert!(matches("example.com", "example.com."));
    assert!(matches("2001:db8::7", "2001:0db8:0::7"));
    for other in [
        "example.com",
        "a.b.example.com",
        ".example.com",
        "a.example.org",
        "aexample.com",
        "",
    ] {
        assert!(!matches("*.example.com", other), "{other}");
    }
    assert!(!matches("*.com", "example.com"));
    assert!(!matches("w*.example.com", "www.example.com"));
    assert!(!matches("example.com", "www.example.com"));
    assert!(!matches("", ""));
    assert!(!matches("*.0.2.7", "192.0.2.7"));
}

#[test]
fn each_domain_must_be_covered() {
    let authority = Authority::new();
    let pairs = [&["example.com", "*.example.com"][..], &["example.org"]].map(|names| {
        let issued = authority.issue(names);
        load(&issued.chain, &issued.key).unwrap()
    });
    check_domains(&pairs, &["example.org", "Play.Example.com."]).unwrap();
    let problem = check_domains(&pairs, &["example.org", "a.b.example.com"]).unwrap_err();
    says(
        &problem,
        &[
            "a.b.example.com",
            "cert.pem is for example.com, *.example.com",
            "example.org",
            "--domain",
        ],
    );
    says(
        &check_domains(&[], &["example.org"]).unwrap_err(),
        &["example.org", "no certificate at all"],
    );
}

#[test]
fn near_end_is_a_warning() {
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let ends_in = |left: Duration| {
        let leaf =
            authority.certify_between(&key, &["a.example.com"], now() - days(60), now() + left);
        load(&(leaf + &authority.intermediate), &key.serialize_pem())
            .unwrap()
            .warnings
    };
    assert!(ends_in(days(14)).is_empty());
    let warnings = ends_in(days(13));
    assert_eq!(warnings.len(), 1);
    says(
        &&warnings[0],
        &[
            "cert.pem",
            "a.example.com",
            "in 13 days",
            "2027-01-28 08:00 UTC",
            "renew",
        ],
    );
}

#[test]
fn missing_intermediate_is_a_warning() {
    let issued = Authority::new().issue(&["a.example.com"]);
    let pair = load(&issued.leaf, &issued.key).unwrap();
    assert_eq!(pair.warnings.len(), 1);
    says(
        &&pair.warnings[0],
        &["cert.pem", "without the intermediate", "fullchain"],
    );
}

#[test]
fn reversed_chain_is_reordered_with_a_warning() {
    let authority = Authority::new();
    let issued = authority.issue(&["a.example.com"]);
    let right = load(&(issued.chain.clone() + &authority.root), &issued.key).unwrap();
    assert!(right.warnings.is_empty());
    assert_eq!(right.certified.cert.len(), 3);
    let reversed = authority.root + &authority.intermediate + &issued.leaf;
    let pair = load(&reversed, &issued.key).unwrap();
    assert_eq!(pair.certified.cert, right.certified.cert);
    assert_eq!(pair.warnings.len(), 1);
    says(&pair.warnings[0], &["cert.pem", "wrong order", "first"]);
}

#[test]
fn duplicates_and_unrelated_certificates_are_not_sent() {
    let (authority, stranger) = (Authority::new(), Authority::named("Stranger"));
    let issued = authority.issue(&["a.example.com"]);
    let pair = load(
        &(issued.leaf.clone() + &issued.chain + &stranger.root),
        &issued.key,
    )
    .unwrap();
    assert_eq!(pair.certified.cert.len(), 2);
    assert_eq!(pair.warnings.len(), 1);
    says(
        &&pair.warnings[0],
        &["2 of the 4", "cert.pem", "remove them"],
    );
}

#[test]
fn issuer_of_the_same_name_with_another_key_is_not_sent() {
    let (authority, namesake) = (Authority::new(), Authority::new());
    let issued = authority.issue(&["a.example.com"]);
    let pair = load(&(issued.leaf.clone() + &namesake.intermediate), &issued.key).unwrap();
    assert_eq!(pair.certified.cert.len(), 1);
    says(
        &pair.warnings.join("\n"),
        &["without the intermediate", "1 of the 2"],
    );
}

#[test]
fn matching_key_and_certificate_are_found_among_several() {
    let authority = Authority::new();
    let (one, two) = (
        authority.issue(&["one.example.com"]),
        authority.issue(&["two.example.com"]),
    );
    let pair = load(
        &(one.leaf + &two.chain),
        &(authority.issue(&["three.example.com"]).key + &two.key),
    )
    .unwrap();
    assert_eq!(pair.names, ["two.example.com"]);
}

#[test]
fn renewal_with_the_same_key_is_preferred_to_the_expired_one() {
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let old =
        authority.certify_between(&key, &["a.example.com"], now() - days(99), now() - days(9));
    let new = authority.certify(&key, &["a.example.com"]);
    let pair = load(
        &(old + &new + &authority.intermediate),
        &key.serialize_pem(),
    )
    .unwrap();
    assert_eq!(pair.not_after, now() + days(45));
}
