//! `wulin check --offline`, and the printed report.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::scene::{DOMAIN, Scene, run};
use crate::support;
use crate::support::authority::days;

#[test]
fn files_are_checked_without_a_server() {
    let scene = Scene::new();
    let pair = ["--tls-cert", "chain.pem", "--tls-key", "key.pem"];
    let found = scene.offline(&[&pair[..], &["--domain", DOMAIN]].concat());
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    found.is("ok", &["pair", "expiry", "chain", "trust", "domain"]);
    assert_eq!(found.report["verdict"], "A server can use these files.");

    let found = scene.offline(&[&pair[..], &["--domain", "other.example"]].concat());
    assert_eq!(found.code, Some(1));
    found.is("failed", &["domain"]);
    found.says("domain", &["other.example", DOMAIN]);
}

#[test]
fn each_fault_of_files_is_named_with_its_remedy() {
    let scene = Scene::new();
    let Scene {
        authority, issued, ..
    } = &scene;
    let write = |name: &str, text: &str| {
        std::fs::write(scene.home.path().join(name), text).unwrap();
    };
    let now = SystemTime::now();
    let intermediate = authority.intermediate();
    let expired = authority.issue_between(&[DOMAIN], now - days(90), now - days(1));
    write("expired.pem", &(expired.leaf + &intermediate));
    write("expired.key", &expired.key.serialize_pem());
    write("leaf.pem", &issued.leaf);
    write("half.pem", &issued.leaf[..issued.leaf.len() - 99]);
    write(
        "encrypted.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let fails = |cert: &str, key: &str, name: &str, words: &[&str]| {
        let found = scene.offline(&["--tls-cert", cert, "--tls-key", key]);
        found.is("failed", &[name]);
        found.says(name, words);
        assert_eq!(found.code, Some(1), "{cert}: {:#}", found.report);
    };
    fails(
        "expired.pem",
        "expired.key",
        "pair",
        &["expired on", "Renew it"],
    );
    fails(
        "chain.pem",
        "expired.key",
        "pair",
        &["does not belong", "key.pem"],
    );
    fails("half.pem", "key.pem", "pair", &["no END line", "Copy it"]);
    fails(
        "chain.pem",
        "encrypted.key",
        "pair",
        &["passphrase", "openssl pkey"],
    );
    fails("nowhere/chain.pem", "key.pem", "pair", &["nowhere"]);
    fails("key.pem", "chain.pem", "pair", &["swapped", "--tls-cert"]);
    fails(
        "leaf.pem",
        "key.pem",
        "chain",
        &["Test Intermediate", "whole chain"],
    );
    // Two broken pairs are both reported.
    let found = scene.offline(&[
        "--tls-cert",
        "half.pem",
        "--tls-key",
        "key.pem",
        "--tls-cert",
        "chain.pem",
        "--tls-key",
        "expired.key",
    ]);
    let told = found.all("pair");
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|pair| pair["outcome"] == "failed"));
}

#[test]
fn faults_the_server_corrects_are_warnings() {
    let scene = Scene::new();
    let reversed = scene.authority.intermediate() + &scene.issued.leaf;
    std::fs::write(scene.home.path().join("reversed.pem"), reversed).unwrap();
    let found = scene.offline(&["--tls-cert", "reversed.pem", "--tls-key", "key.pem"]);
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    found.is("ok", &["chain", "trust", "expiry"]);
    let told = found.all("pair");
    let outcomes: Vec<_> = told.iter().map(|pair| &pair["outcome"]).collect();
    assert_eq!(outcomes, ["ok", "warning"]);
    assert!(
        told[1]["detail"].to_string().contains("wrong order"),
        "{told:?}"
    );
}

#[test]
fn a_byte_order_mark_is_a_warning_with_a_remedy() {
    let scene = Scene::new();
    let intermediate = scene.authority.intermediate();
    let marked = format!("\u{feff}{}\u{feff}{intermediate}", scene.issued.leaf);
    std::fs::write(scene.home.path().join("marked.pem"), marked).unwrap();
    let found = scene.offline(&["--tls-cert", "marked.pem", "--tls-key", "key.pem"]);
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    found.is("ok", &["chain", "trust"]);
    let told = found.all("pair")[1].to_string();
    for words in ["warning", "marked.pem", "byte order mark", "tr -cd"] {
        assert!(told.contains(words), "{words:?}: {told}");
    }
}

#[test]
fn a_folder_is_read_as_the_server_reads_it() {
    let scene = Scene::new();
    let found = scene.offline(&["--tls-dir", "."]);
    found.is("ok", &["folder", "pair", "chain", "trust", "expiry"]);
    assert_eq!(found.code, Some(0));
    let found = scene.offline(&["--tls-dir", "missing"]);
    found.is("failed", &["folder"]);
    found.is("skipped", &["domain"]);
    assert_eq!(found.code, Some(1));
    // A self-signed certificate is recognized.
    let folder: PathBuf = scene.home.path().join("own");
    std::fs::create_dir(&folder).unwrap();
    support::write_pair(&[DOMAIN], &folder.join("a.pem"), &folder.join("a.key"));
    let found = scene.offline(&["--tls-dir", "own"]);
    found.is("failed", &["trust"]);
    found.says("trust", &["vouches only for itself"]);
}

#[test]
fn the_report_is_readable_and_usage_errors_exit_with_2() {
    let scene = Scene::new();
    let home = scene.home.path();
    let run = |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        run(home, &arguments)
    };
    let output = run(&[
        "--offline",
        "--tls-cert",
        "chain.pem",
        "--tls-key",
        "key.pem",
    ]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains('\x1b'), "no colours into a file: {text}");
    assert!(text.contains("FAILED   Trust"), "{text}");
    assert!(text.ends_with('\n'));
    for arguments in [
        &[][..],
        &["http://a.example"],
        &["a.example:99999"],
        &["--offline", "--tls-cert", "chain.pem"],
        &["--offline", "--ca-file", "missing.pem"],
        &["--no-such-flag"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
