//! Which certificate a client gets, up to a real handshake.

use std::sync::Arc;

use rcgen::KeyPair;
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    SignatureAlgorithm,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use super::{Authority, Folder, RSA, now};
use crate::{Pair, Resolver, load_pair, self_signed};

fn pair(authority: &Authority, key: &KeyPair, names: &[&str]) -> Pair {
    let folder = Folder::new();
    let text = authority.certify(key, names) + &authority.intermediate + &key.serialize_pem();
    let file = folder.write("pair.pem", text);
    load_pair(&file, &file, now()).unwrap()
}

fn ecdsa(authority: &Authority, names: &[&str]) -> Pair {
    pair(authority, &KeyPair::generate().unwrap(), names)
}

const ALL: &[rustls::SignatureScheme] = &[
    rustls::SignatureScheme::RSA_PSS_SHA256,
    rustls::SignatureScheme::ECDSA_NISTP256_SHA256,
];

fn given(resolver: &Resolver, name: Option<&str>) -> Arc<CertifiedKey> {
    resolver.pick(name, ALL).unwrap()
}

#[test]
fn exact_name_wins_over_wildcard_over_default() {
    let authority = Authority::new();
    let first = ecdsa(&authority, &["example.com"]);
    let wild = ecdsa(&authority, &["*.example.com", "Example.ORG"]);
    let exact = ecdsa(&authority, &["play.example.com"]);
    let resolver = Resolver::new(&[first.clone(), wild.clone(), exact.clone()]);
    for (name, expected) in [
        (Some("example.com"), &first),
        (Some("play.example.com"), &exact),
        (Some("PLAY.Example.com."), &exact),
        (Some("other.example.com"), &wild),
        (Some("example.org"), &wild),
        (Some("a.b.example.com"), &first),
        (Some("stranger.test"), &first),
        (None, &first),
    ] {
        assert!(
            Arc::ptr_eq(&given(&resolver, name), &expected.certified),
            "{name:?}"
        );
    }
}

#[test]
fn fetched_pair_takes_precedence_over_given_ones() {
    let authority = Authority::new();
    let given = ecdsa(&authority, &["play.example.com", "other.example.com"]);
    let resolver = Resolver::new(std::slice::from_ref(&given));
    let (old, new) = (
        ecdsa(&authority, &["play.example.com"]),
        ecdsa(&authority, &["play.example.com"]),
    );
    resolver.put_fetched("play.example.com", old);
    resolver.put_fetched("play.example.com", new.clone());
    // New files do not change that.
    resolver.replace(std::slice::from_ref(&given));
    for (name, expected) in [
        (Some("play.example.com"), &new),
        (Some("other.example.com"), &given),
        (None, &new),
    ] {
        assert!(
            Arc::ptr_eq(&self::given(&resolver, name), &expected.certified),
            "{name:?}"
        );
    }
}

#[test]
fn ecdsa_is_preferred_and_rsa_is_the_fallback() {
    let authority = Authority::new();
    let rsa = pair(
        &authority,
        &KeyPair::from_pem(&RSA).unwrap(),
        &["example.com"],
    );
    let resolver = Resolver::new(&[rsa, ecdsa(&authority, &["example.com"])]);
    for name in [Some("example.com"), None, Some("stranger.test")] {
        let kind = |schemes| resolver.pick(name, schemes).unwrap().key.algorithm();
        assert_eq!(kind(ALL), SignatureAlgorithm::ECDSA);
        assert_eq!(kind(&ALL[..1]), SignatureAlgorithm::RSA);
        assert_eq!(kind(&ALL[1..]), SignatureAlgorithm::ECDSA);
    }
}

#[test]
fn replaced_pairs_are_served_at_once() {
    let authority = Authority::new();
    let (old, new) = (
        ecdsa(&authority, &["example.com"]),
        ecdsa(&authority, &["example.com"]),
    );
    let resolver = Resolver::new(std::slice::from_ref(&old));
    assert!(Arc::ptr_eq(
        &given(&resolver, Some("example.com")),
        &old.certified
    ));
    resolver.replace(std::slice::from_ref(&new));
    assert!(Arc::ptr_eq(
        &given(&resolver, Some("example.com")),
        &new.certified
    ));
    assert!(Arc::ptr_eq(&given(&resolver, None), &new.certified));
    resolver.replace(&[]);
    assert!(resolver.pick(None, ALL).is_none());
}

/// Does a handshake in memory and returns the certificate that the client accepted.
fn handshake(
    resolver: Arc<Resolver>,
    root: &str,
    name: &str,
) -> Result<CertificateDer<'static>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let server = server.with_no_client_auth().with_cert_resolver(resolver);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap())?;
    let client =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let mut server = ServerConnection::new(Arc::new(server))?;
    let mut client = ClientConnection::new(
        Arc::new(client),
        ServerName::try_from(name.to_owned()).unwrap(),
    )?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(client.peer_certificates().unwrap()[0].clone().into_owned())
}

#[test]
fn real_client_accepts_the_chain_for_its_name() {
    // The client checks against the real clock.
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let real = std::time::SystemTime::now();
    let leaf = authority.certify_between(
        &key,
        &["play.example.com"],
        real - super::days(1),
        real + super::days(60),
    );
    let folder = Folder::new();
    // In the wrong order on purpose: what is sent must be in the right one.
    let file = folder.write(
        "pair.pem",
        authority.intermediate.clone() + &leaf + &key.serialize_pem(),
    );
    let signed = load_pair(&file, &file, real).unwrap();
    let own = self_signed(None, &[], real).unwrap();
    let resolver = Arc::new(Resolver::new(&[own.clone(), signed.clone()]));
    let accepted = handshake(Arc::clone(&resolver), &authority.root, "play.example.com").unwrap();
    assert_eq!(accepted, signed.certified.cert[0]);
    // An unknown name gets the first pair, which this client does not trust.
    handshake(resolver, &authority.root, "localhost").unwrap_err();
}
