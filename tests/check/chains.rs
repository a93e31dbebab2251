//! `wulin check` on certificate chains: the root they end at, expired certificates among them, and whose they are.

use std::time::SystemTime;

use rcgen::string::PrintableString;
use rcgen::{BasicConstraints, CertificateParams, DnType, DnValue, IsCa, Issuer, KeyPair};

use crate::scene::{BOTH, DOMAIN, Found, Scene, TlsFront};
use crate::support::authority::{Issued, days, ders};

/// An authority's key, for which several certificates can be made.
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
        params.not_before = (SystemTime::now() - days(900)).into();
        params.not_after = (SystemTime::now() + days(900)).into();
        Signer {
            key: KeyPair::generate().unwrap(),
            params,
        }
    }

    fn own(&self) -> String {
        self.params.self_signed(&self.key).unwrap().pem()
    }

    fn until(&self, issuer: &Signer, end: SystemTime) -> String {
        let mut params = self.params.clone();
        params.not_after = end.into();
        let by = Issuer::from_params(&issuer.params, &issuer.key);
        params.signed_by(&self.key, &by).unwrap().pem()
    }

    fn under(&self, issuer: &Signer) -> String {
        self.until(issuer, SystemTime::now() + days(900))
    }

    fn issue(&self) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![DOMAIN.to_owned()]).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.not_before = (SystemTime::now() - days(1)).into();
        params.not_after = (SystemTime::now() + days(89)).into();
        let by = Issuer::from_params(&self.params, &self.key);
        let leaf = params.signed_by(&key, &by).unwrap().pem();
        Issued { leaf, key }
    }
}

/// Two roots and an intermediate.
fn signers() -> [Signer; 3] {
    ["Old Root", "New Root", "Between"].map(Signer::new)
}

/// The report on a server that sends these certificates, from a client that trusts these roots.
async fn shown(scene: &Scene, chain: &[&str], issued: &Issued, roots: &[&Signer]) -> Found {
    let known: String = roots.iter().map(|root| root.own()).collect();
    std::fs::write(scene.home.path().join("root.pem"), known).unwrap();
    let server = scene.server(&[]);
    let front = TlsFront::start(ders(chain), issued, BOTH, Some(server.address())).await;
    scene.check(front.address, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_that_phones_use_is_named() {
    let scene = Scene::new();
    let [old, new, between] = signers();
    let issued = between.issue();
    let (leaf, above) = (&*issued.leaf, &*between.under(&new));
    let (cross, own) = (&*new.under(&old), &*new.own());

    let found = shown(&scene, &[leaf, above, cross], &issued, &[&new]).await;
    found.is("ok", &["chain", "trust"]);
    found.says("trust", &["under the root “New Root”"]);
    let found = shown(&scene, &[leaf, above, cross], &issued, &[&new, &old]).await;
    found.says("trust", &["under the root “Old Root”", "“New Root”"]);
    let found = shown(&scene, &[leaf, above, own], &issued, &[&new]).await;
    found.is("ok", &["chain", "trust"]);
    found.says("trust", &["under the root “New Root”"]);
    let stranger = Signer::new("New Root");
    let found = shown(&scene, &[leaf, above], &issued, &[&stranger]).await;
    found.is("failed", &["trust"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_unneeded_certificate_is_a_warning() {
    let scene = Scene::new();
    let [old, new, between] = signers();
    let issued = between.issue();
    let (leaf, above) = (&*issued.leaf, &*between.under(&new));
    let cross = &*new.until(&old, SystemTime::now() - days(30));
    let found = shown(&scene, &[leaf, above, cross], &issued, &[&new, &old]).await;
    found.is("warning", &["chain"]);
    found.says("chain", &["“New Root”", "expired on", "not needed"]);
    found.is("ok", &["trust", "expiry"]);
    found.says("trust", &["under the root “New Root”"]);
    assert!(!found.check("trust").to_string().contains("Old Root"));

    // It fails when the expired certificate is the only path to a root.
    let ended = &*between.until(&new, SystemTime::now() - days(30));
    let found = shown(&scene, &[leaf, ended], &issued, &[&new]).await;
    found.is("failed", &["trust"]);
    found.says("trust", &["expired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_match_across_string_types() {
    let scene = Scene::new();
    let (root, between) = (Signer::new("Trial Root"), Signer::new("Trial Intermediate"));
    let printable = PrintableString::try_from("Trial Intermediate").unwrap();
    let mut again = Signer::new(DnValue::PrintableString(printable));
    again.key = KeyPair::from_pem(&between.key.serialize_pem()).unwrap();
    let issued = between.issue();
    let above = &*again.under(&root);
    let found = shown(&scene, &[&issued.leaf, above], &issued, &[&root]).await;
    found.is("ok", &["chain", "trust"]);
    found.says("trust", &["Trial Root"]);
    // An intermediate of the same name with another key does not match.
    let namesake = &*Signer::new("Trial Intermediate").under(&root);
    let found = shown(&scene, &[&issued.leaf, namesake], &issued, &[&root]).await;
    found.is("failed", &["trust"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_certificate_as_the_leaf_is_found() {
    let scene = Scene::new();
    let (root, between) = (Signer::new("Trial Root"), Signer::new("Trial Intermediate"));
    let leaf = between.under(&root);
    let issued = Issued {
        key: KeyPair::from_pem(&between.key.serialize_pem()).unwrap(),
        leaf,
    };
    let found = shown(&scene, &[&issued.leaf], &issued, &[&root]).await;
    found.is("failed", &["chain"]);
    found.says(
        "chain",
        &["of an authority", "Trial Intermediate", "own certificate"],
    );
    found.is("skipped", &["trust"]);
}
