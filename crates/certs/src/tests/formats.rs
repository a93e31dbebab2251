//! Every kind of key, and files as tools write them.

use rcgen::KeyPair;
use rustls::SignatureAlgorithm;

use super::{Authority, Folder, RSA, now};
use crate::load_pair;

/// Converts `pkcs8` with `convert` (an `openssl` command), certifies the key and loads both.
fn load_as(pkcs8: &str, convert: Option<&str>) -> (SignatureAlgorithm, String) {
    let folder = Folder::new();
    let mut key = folder.write("pkcs8.key", pkcs8);
    if let Some(convert) = convert {
        folder.openssl(&format!("{convert} -in pkcs8.key -out other.key"));
        key = folder.at("other.key");
    }
    let authority = Authority::new();
    let leaf = authority.certify(&KeyPair::from_pem(pkcs8).unwrap(), &["play.example.com"]);
    let cert = folder.write("cert.pem", leaf + &authority.intermediate);
    let pair = load_pair(&cert, &key, now()).unwrap();
    assert_eq!(pair.names, ["play.example.com"]);
    assert_eq!(pair.certified.cert.len(), 2);
    assert_eq!(pair.warnings, Vec::<String>::new());
    pair.certified.keys_match().unwrap();
    (
        pair.certified.key.algorithm(),
        std::fs::read_to_string(key).unwrap(),
    )
}

fn generate(arguments: &str) -> String {
    let folder = Folder::new();
    folder.openssl(&format!("genpkey {arguments} -out key.pem"));
    folder.read("key.pem")
}

#[test]
fn rsa_pkcs8_loads() {
    let (algorithm, text) = load_as(&RSA, None);
    assert_eq!(algorithm, SignatureAlgorithm::RSA);
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn rsa_pkcs1_loads() {
    let (algorithm, text) = load_as(&RSA, Some("rsa -traditional"));
    assert_eq!(algorithm, SignatureAlgorithm::RSA);
    assert!(text.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
}

#[test]
fn ecdsa_loads_as_pkcs8_and_as_sec1() {
    for curve in ["P-256", "P-384", "P-521"] {
        let pkcs8 = generate(&format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"));
        assert_eq!(load_as(&pkcs8, None).0, SignatureAlgorithm::ECDSA);
        let (algorithm, text) = load_as(&pkcs8, Some("ec"));
        assert_eq!(algorithm, SignatureAlgorithm::ECDSA);
        assert!(text.starts_with("-----BEGIN EC PRIVATE KEY-----"));
    }
}

#[test]
fn ed25519_loads() {
    assert_eq!(
        load_as(&generate("-algorithm ED25519"), None).0,
        SignatureAlgorithm::ED25519
    );
}

#[test]
fn ec_parameters_before_the_key_are_accepted() {
    let folder = Folder::new();
    folder.openssl("ecparam -name prime256v1 -genkey -out ec.key");
    folder.openssl("pkcs8 -topk8 -nocrypt -in ec.key -out pkcs8.key");
    assert!(
        folder
            .read("ec.key")
            .starts_with("-----BEGIN EC PARAMETERS-----")
    );
    let key = KeyPair::from_pem(&folder.read("pkcs8.key")).unwrap();
    let authority = Authority::new();
    let cert = folder.write(
        "cert.pem",
        authority.certify(&key, &["a.example.com"]) + &authority.intermediate,
    );
    load_pair(&cert, &folder.at("ec.key"), now()).unwrap();
}

#[test]
fn windows_line_ends_and_foreign_encodings_are_accepted() {
    let folder = Folder::new();
    let issued = Authority::new().issue(&["a.example.com"]);
    // "friendlyName: 证书" as GBK, as a bundle made on a Chinese Windows has it.
    let mut text = b"Bag Attributes\r\n    friendlyName: \xd6\xa4\xca\xe9\r\n".to_vec();
    text.extend(
        issued
            .chain
            .replace("\r\n", "\n")
            .replace('\n', "\r\n")
            .bytes(),
    );
    let cert = folder.write("cert.pem", text);
    let key = folder.write("key.pem", issued.key.trim_end());
    let pair = load_pair(&cert, &key, now()).unwrap();
    assert_eq!(pair.certified.cert.len(), 2);
}

#[test]
fn one_file_can_hold_both() {
    let folder = Folder::new();
    let issued = Authority::new().issue(&["a.example.com"]);
    let both = folder.write("both.pem", issued.key + &issued.chain);
    let pair = load_pair(&both, &both, now()).unwrap();
    assert_eq!((pair.cert_path, pair.key_path), (both.clone(), both));
}
