//! Which certificates are sent: by signatures and key identifiers, without expired ones.

use std::time::SystemTime;

use rcgen::string::PrintableString;
use rcgen::{BasicConstraints, CertificateParams, DnType, DnValue, IsCa, Issuer, KeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::{Authority, Folder, days, now, says};
use crate::{Arrangement, Pair, arrangement, ends, load_pair};

/// An authority whose certificate can be made again and again, with the same key.
struct Signer {
    key: KeyPair,
    params: CertificateParams,
}

impl Signer {
    fn new(name: impl Into<DnValue>) -> Signer {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) =
            ((now() - days(900)).into(), (now() + days(900)).into());
        Signer {
            key: KeyPair::generate().unwrap(),
            params,
        }
    }

    fn own(&self) -> String {
        self.params.self_signed(&self.key).unwrap().pem()
    }

    fn under(&self, issuer: &Signer) -> String {
        self.until(issuer, now() + days(900))
    }

    fn until(&self, issuer: &Signer, end: SystemTime) -> String {
        let mut params = self.params.clone();
        params.not_after = end.into();
        let by = Issuer::from_params(&issuer.params, &issuer.key);
        params.signed_by(&self.key, &by).unwrap().pem()
    }

    fn leaf(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) =
            ((now() - days(45)).into(), (now() + days(45)).into());
        let by = Issuer::from_params(&self.params, &self.key);
        (
            params.signed_by(&key, &by).unwrap().pem(),
            key.serialize_pem(),
        )
    }
}

fn load(parts: &[&str], key: &str) -> Pair {
    let folder = Folder::new();
    let (cert, key) = (
        folder.write("cert.pem", parts.concat()),
        folder.write("key.pem", key),
    );
    load_pair(&cert, &key, now()).unwrap()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

#[track_caller]
fn sends(pair: &Pair, parts: &[&str]) {
    let expected: Vec<_> = parts.iter().map(|pem| der(pem)).collect();
    assert_eq!(pair.certified.cert, expected, "{:?}", pair.warnings);
}

#[test]
fn distinguished_names_are_compared_by_meaning() {
    let root = Signer::new("Trial Root");
    let intermediate = Signer::new("Trial Intermediate");
    let (leaf, key) = intermediate.leaf();
    for name in [
        DnValue::PrintableString(PrintableString::try_from("Trial Intermediate").unwrap()),
        DnValue::from("trial  INTERMEDIATE "),
        DnValue::BmpString("Trial Intermediate".try_into().unwrap()),
        DnValue::TeletexString("Trial Intermediate".try_into().unwrap()),
    ] {
        let mut other = Signer::new(name);
        other.key = KeyPair::from_pem(&intermediate.key.serialize_pem()).unwrap();
        let other = other.under(&root);
        let pair = load(&[&leaf, &other], &key);
        sends(&pair, &[&leaf, &other]);
        assert_eq!(pair.warnings, Vec::<String>::new());
        let chain = [der(&leaf), der(&other)];
        assert_eq!(arrangement(&chain, now()), Arrangement::InOrder);
        let known = anchors(&[&root.own()]);
        assert_eq!(ends(&chain, 0, &known, now()), ["Trial Root"]);
    }
}

#[test]
fn namesake_with_another_key_is_not_an_issuer() {
    let (real, mut namesake) = (Signer::new("Same"), Signer::new("Same"));
    let root = Signer::new("Root");
    let (leaf, key) = {
        let mut plain = Signer::new("Same");
        plain.key = KeyPair::from_pem(&real.key.serialize_pem()).unwrap();
        plain.params.use_authority_key_identifier_extension = false;
        plain.leaf()
    };
    namesake.params.use_authority_key_identifier_extension = false;
    let (good, bad) = (real.under(&root), namesake.under(&root));
    let pair = load(&[&leaf, &bad, &good], &key);
    sends(&pair, &[&leaf, &good]);
    says(&pair.warnings.join("\n"), &["1 of the 3"]);
}

#[test]
fn expired_cross_certificate_is_left_out_with_a_warning() {
    let (old, new, intermediate) = (
        Signer::new("Old Root"),
        Signer::new("New Root"),
        Signer::new("Intermediate"),
    );
    let (leaf, key) = intermediate.leaf();
    let above = intermediate.under(&new);
    let (cross, own) = (new.until(&old, now() - days(9)), new.own());
    let old_own = old.own();
    // With and without the new root in the file, in any order, and with the old root above the cross certificate.
    for (parts, sent) in [
        (&[&leaf, &above, &cross][..], &[&leaf, &above][..]),
        (&[&leaf, &above, &cross, &own], &[&leaf, &above, &own]),
        (&[&leaf, &cross, &own, &above], &[&leaf, &above, &own]),
        (&[&leaf, &above, &cross, &old_own], &[&leaf, &above]),
    ] {
        let parts: Vec<_> = parts.iter().map(|part| part.as_str()).collect();
        let sent: Vec<_> = sent.iter().map(|part| part.as_str()).collect();
        let pair = load(&parts, &key);
        sends(&pair, &sent);
        says(
            &pair.warnings.join("\n"),
            &[
                "“New Root”",
                "expired on 2027-01-06",
                "cert.pem",
                "not sent",
                "remove it",
            ],
        );
    }
    let chain = [&leaf, &above, &cross].map(|pem| der(pem));
    let Arrangement::Expired { who, .. } = arrangement(&chain, now()) else {
        panic!("{:?}", arrangement(&chain, now()));
    };
    assert_eq!(who, "New Root");
}

#[test]
fn path_without_expired_certificates_is_sent() {
    let (first, second, intermediate) = (
        Signer::new("First Root"),
        Signer::new("Second Root"),
        Signer::new("Intermediate"),
    );
    let (leaf, key) = intermediate.leaf();
    let expired = intermediate.until(&first, now() - days(1));
    let good = intermediate.under(&second);
    let pair = load(&[&leaf, &expired, &good], &key);
    sends(&pair, &[&leaf, &good]);
    assert_eq!(pair.warnings.len(), 1, "{:?}", pair.warnings);
    says(&pair.warnings[0], &["“Intermediate”", "expired"]);
    // The only path stays, since the leaf alone would hide what is wrong.
    let pair = load(&[&leaf, &expired], &key);
    sends(&pair, &[&leaf, &expired]);
    says(
        &pair.warnings.join("\n"),
        &["an intermediate certificate", "download the chain again"],
    );
    // Of two good paths, the first.
    let other = intermediate.under(&first);
    sends(&load(&[&leaf, &other, &good], &key), &[&leaf, &other]);
}

#[test]
fn cross_signed_authorities_do_not_loop() {
    let signers: Vec<_> = ["A", "B", "C", "D"].into_iter().map(Signer::new).collect();
    let (leaf, key) = signers[0].leaf();
    let mut parts = vec![leaf];
    for one in &signers {
        parts.extend(signers.iter().map(|other| one.under(other)));
    }
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let pair = load(&parts, &key);
    assert!((2..=10).contains(&pair.certified.cert.len()));
}

fn anchors(roots: &[&str]) -> Vec<TrustAnchor<'static>> {
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(der(root)).unwrap();
    }
    store.roots
}

#[test]
fn roots_that_clients_reach_are_listed() {
    let (old, new, intermediate) = (
        Signer::new("Old Root"),
        Signer::new("New Root"),
        Signer::new("Intermediate"),
    );
    let (leaf, _) = intermediate.leaf();
    let above = intermediate.under(&new);
    let cross = new.under(&old);
    let chain = [&leaf, &above, &cross].map(|pem| der(pem));
    let both = anchors(&[&new.own(), &old.own()]);
    assert_eq!(ends(&chain, 0, &both, now()), ["Old Root", "New Root"]);
    assert_eq!(
        ends(&chain, 0, &anchors(&[&new.own()]), now()),
        ["New Root"]
    );
    assert_eq!(ends(&chain[..2], 0, &both, now()), ["New Root"]);
    // The cross certificate has expired, so no client reaches the old root any more.
    let expired = [&leaf, &above, &new.until(&old, now() - days(1))].map(|pem| der(pem));
    assert_eq!(ends(&expired, 0, &both, now()), ["New Root"]);
    // A root that is sent is still the root; another with the name of a known root is not.
    let whole = [&leaf, &above, &new.own()].map(|pem| der(pem));
    assert_eq!(ends(&whole, 0, &both, now()), ["New Root"]);
    let namesake = Signer::new("New Root");
    assert_eq!(
        ends(&whole, 0, &anchors(&[&namesake.own()]), now()),
        Vec::<String>::new()
    );
}

#[test]
fn self_signed_development_root_is_served() {
    let folder = Folder::new();
    folder.openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout dev.key -out dev.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 9",
    );
    let pair = load_pair(
        &folder.at("dev.pem"),
        &folder.at("dev.key"),
        SystemTime::now(),
    )
    .unwrap();
    assert!(pair.self_signed);
    assert_eq!(pair.names, ["localhost"]);
}

#[test]
fn damaged_signature_breaks_the_chain() {
    let authority = Authority::new();
    let issued = authority.issue(&["a.example.com"]);
    let mut changed = der(&issued.leaf).to_vec();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let chain = [changed.into(), der(&authority.intermediate)];
    assert_eq!(arrangement(&chain, now()), Arrangement::Superfluous(1));
}
