//! Folders as clouds and tools deliver them.

use std::fs;

use rcgen::KeyPair;

use super::{Authority, Folder, days, example, now, only_pair, says};
use crate::{Problem, discover};

#[test]
fn tencent_cloud_archive_is_read() {
    let (folder, _, issued) = example();
    folder.write("example.com_bundle.crt", &issued.chain);
    folder.write("example.com_bundle.pem", &issued.chain);
    folder.write("example.com.key", &issued.key);
    folder.openssl("req -new -key example.com.key -subj /CN=example.com -out example.com.csr");
    let (names, cert, key) = only_pair(&folder);
    assert_eq!(names, ["example.com", "www.example.com"]);
    assert_eq!(
        (cert.as_str(), key.as_str()),
        ("example.com_bundle.crt", "example.com.key")
    );
}

#[test]
fn tencent_cloud_archive_with_folders_per_server_is_read() {
    let (folder, authority, issued) = example();
    folder.write("Nginx/1_example.com_bundle.crt", &issued.chain);
    folder.write("Nginx/2_example.com.key", &issued.key);
    folder.write("Apache/1_root_bundle.crt", &authority.intermediate);
    folder.write("Apache/2_example.com.crt", &issued.leaf);
    folder.write("Apache/3_example.com.key", &issued.key);
    folder.write("Tomcat/example.com.jks", b"\xfe\xed\xfe\xed\0\0\0\x02");
    folder.write("Tomcat/keystorePass.txt", "secret");
    folder.write(
        "example.com.csr",
        "-----BEGIN CERTIFICATE REQUEST-----\nnot for us",
    );
    let (_, cert, key) = only_pair(&folder);
    assert_eq!(
        (cert.as_str(), key.as_str()),
        ("Nginx/1_example.com_bundle.crt", "Nginx/2_example.com.key")
    );
}

#[test]
fn apache_layout_is_joined_from_its_parts() {
    let (folder, authority, issued) = example();
    folder.write("1_root_bundle.crt", &authority.intermediate);
    folder.write("2_example.com.crt", &issued.leaf);
    folder.write("3_example.com.key", &issued.key);
    assert_eq!(only_pair(&folder).1, "2_example.com.crt");
}

#[test]
fn aliyun_archive_is_read() {
    let (folder, _, issued) = example();
    folder.write("7654321_example.com.pem", &issued.chain);
    folder.write("7654321_example.com.key", &issued.key);
    let (_, cert, key) = only_pair(&folder);
    assert_eq!(
        (cert.as_str(), key.as_str()),
        ("7654321_example.com.pem", "7654321_example.com.key")
    );
}

/// `/etc/letsencrypt` after one renewal.
fn certbot(folder: &Folder, authority: &Authority) {
    let old_key = KeyPair::generate().unwrap();
    let old = authority.certify_between(
        &old_key,
        &["example.com"],
        now() - days(100),
        now() - days(10),
    );
    let new = authority.issue(&["example.com"]);
    folder.write(
        "live/README",
        "This directory contains your keys and certificates.",
    );
    folder.write("live/example.com/README", "`cert.pem` is -----BEGIN-less.");
    for (number, leaf, key) in [
        (1, &old, &old_key.serialize_pem()),
        (2, &new.leaf, &new.key),
    ] {
        folder.write(&format!("archive/example.com/cert{number}.pem"), leaf);
        folder.write(
            &format!("archive/example.com/chain{number}.pem"),
            &authority.intermediate,
        );
        folder.write(
            &format!("archive/example.com/fullchain{number}.pem"),
            leaf.clone() + &authority.intermediate,
        );
        folder.write(&format!("archive/example.com/privkey{number}.pem"), key);
    }
    for name in ["cert", "chain", "fullchain", "privkey"] {
        folder.link(
            &format!("live/example.com/{name}.pem"),
            &format!("../../archive/example.com/{name}2.pem"),
        );
    }
}

#[test]
fn certbot_live_folder_is_read() {
    let (folder, authority, _) = example();
    certbot(&folder, &authority);
    let pairs = discover(&folder.at("live"), now()).unwrap().pairs;
    assert_eq!(pairs.len(), 1);
    assert_eq!(
        pairs[0].cert_path,
        folder.at("live/example.com/fullchain.pem")
    );
    assert_eq!(pairs[0].key_path, folder.at("live/example.com/privkey.pem"));
    assert_eq!(pairs[0].certified.cert.len(), 2);
}

#[test]
fn certbot_links_are_preferred_to_its_archive() {
    let (folder, authority, _) = example();
    certbot(&folder, &authority);
    let (_, cert, key) = only_pair(&folder);
    assert_eq!(
        (cert.as_str(), key.as_str()),
        (
            "live/example.com/fullchain.pem",
            "live/example.com/privkey.pem"
        )
    );
}

#[test]
fn certbot_folder_copied_without_its_archive_is_a_problem() {
    let (folder, authority, _) = example();
    certbot(&folder, &authority);
    fs::remove_dir_all(folder.at("archive")).unwrap();
    let problem = discover(folder.path(), now()).unwrap_err();
    assert!(matches!(problem, Problem::NotFound { .. }), "{problem:?}");
    says(
        &problem,
        &[
            "live/example.com/cert.pem",
            "is a link to",
            "archive",
            "cp -rL",
        ],
    );
}

#[test]
fn acme_sh_folder_is_read() {
    let (folder, authority, issued) = example();
    folder.write("example.com_ecc/fullchain.cer", &issued.chain);
    folder.write("example.com_ecc/example.com.cer", &issued.leaf);
    folder.write("example.com_ecc/ca.cer", &authority.intermediate);
    folder.write("example.com_ecc/example.com.key", &issued.key);
    folder.write(
        "example.com_ecc/example.com.conf",
        "Le_Domain='example.com'\n",
    );
    folder.write(
        "example.com_ecc/example.com.csr.conf",
        "[ req_distinguished_name ]\n",
    );
    assert_eq!(only_pair(&folder).1, "example.com_ecc/fullchain.cer");
}

#[test]
fn one_file_with_certificate_and_key_is_read() {
    let (folder, _, issued) = example();
    folder.write("haproxy.pem", issued.chain + &issued.key);
    let (_, cert, key) = only_pair(&folder);
    assert_eq!(
        (cert.as_str(), key.as_str()),
        ("haproxy.pem", "haproxy.pem")
    );
}

#[test]
fn mounted_kubernetes_secret_is_read() {
    let (folder, _, issued) = example();
    folder.write("..2027_01_15/tls.crt", &issued.chain);
    folder.write("..2027_01_15/tls.key", &issued.key);
    folder.link("..data", "..2027_01_15");
    folder.link("tls.crt", "..data/tls.crt");
    folder.link("tls.key", "..data/tls.key");
    let (_, cert, key) = only_pair(&folder);
    assert_eq!((cert.as_str(), key.as_str()), ("tls.crt", "tls.key"));
}
