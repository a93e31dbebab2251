//! Tests of the flags of `--acme`.

use clap::Parser;

use super::super::tests::TestArgs;
use super::super::{Config, HttpPort, Invalid};
use super::*;
use crate::prepared::Prepared;

fn loaded(flags: &Serve) -> Result<Prepared, Invalid> {
    Prepared::load(&Config::new(flags, 1024, |_| None)?, SystemTime::now())
}

fn prepared(state_dir: &Path, arguments: &[&str]) -> Result<Prepared, Invalid> {
    let own = ["wulin", "--state-dir", state_dir.to_str().unwrap()];
    let arguments = own.iter().chain(arguments);
    let flags = TestArgs::try_parse_from(arguments).unwrap().serve;
    loaded(&flags)
}

fn sentence(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    prepared(home.path(), arguments)
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

#[test]
fn acme_needs_only_a_domain() {
    let home = tempfile::tempdir().unwrap();
    let prepared = prepared(
        home.path(),
        &[
            "--acme",
            "--domain",
            "Game.Example.com.",
            "--domain",
            "game.example.com",
        ],
    )
    .unwrap();
    assert!(!prepared.certificates.trusted);
    assert_eq!(prepared.port, 443);
    assert_eq!(
        prepared.http_port,
        Some(HttpPort {
            port: 80,
            required: false
        })
    );
    assert!(prepared.certificates.pairs[0].self_signed);
    assert!(
        prepared
            .warnings
            .iter()
            .any(|w| w.contains("game.example.com yet"))
    );
    let acme = prepared.certificates.acme.unwrap();
    assert_eq!(acme.domains, ["game.example.com"]);
    assert_eq!(acme.directory, LETS_ENCRYPT);
    assert!(acme.roots.len() > 50, "the public roots");
    assert!(acme.binding.is_none() && acme.stored[0].is_none());
}

#[test]
fn unfetchable_domains_are_refused_in_a_sentence() {
    for (arguments, words) in [
        (&["--acme"][..], "--domain game.example.com"),
        (
            &["--acme", "--domain", "*.example.com"],
            "*.example.com is a wildcard",
        ),
        (
            &["--acme", "--domain", "203.0.113.7"],
            "203.0.113.7 is nothing",
        ),
        (
            &["--acme", "--domain", "2001:db8::1"],
            "2001:db8::1 is nothing",
        ),
        (&["--acme", "--domain", "localhost"], "localhost is nothing"),
        (
            &["--acme", "--domain", "my.localhost"],
            "my.localhost is nothing",
        ),
        (
            &["--acme", "--domain", "example"],
            "\"example\" cannot be a domain",
        ),
        (&["--acme", "--domain", "武.example"], "xn--"),
        (&["--acme", "--domain", "a..example"], "cannot be a domain"),
        (
            &["--acme", "--domain", "https://a.example"],
            "cannot be a domain",
        ),
        (
            &["--acme-email", "me@example.com"],
            "--acme-email means nothing without --acme",
        ),
    ] {
        let sentence = sentence(arguments);
        assert!(sentence.contains(words), "{words:?} is not in {sentence:?}");
    }
}

#[test]
fn incomplete_or_unreadable_flags_are_refused_in_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "nothing of use").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, words) in [
        (&["--acme-eab-kid", "me"][..], "belong together"),
        (&["--acme-eab-key", "AAAA"], "belong together"),
        (
            &[
                "--acme-eab-kid",
                "me",
                "--acme-eab-key",
                "AAAA",
                "--acme-eab-key-file",
                file,
            ],
            "twice",
        ),
        (&["--acme-eab-kid", "me", "--acme-eab-key", "!"], "is none"),
        (
            &[
                "--acme-eab-kid",
                "me",
                "--acme-eab-key-file",
                "/nonexistent",
            ],
            "/nonexistent",
        ),
        (&["--acme-ca-file", file], "holds no certificate"),
        (&["--acme-ca-file", "/nonexistent"], "/nonexistent"),
        (
            &["--acme-directory", "http://acme.example/"],
            "--acme-directory",
        ),
        (&["--acme-email", "nobody"], "--acme-email"),
        (&["--state-dir", file], "cannot be kept in"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut flags = vec!["wulin", "--acme", "--domain", "game.example.com"];
        flags.extend(arguments);
        if !arguments.contains(&"--state-dir") {
            flags.extend(["--state-dir", home.path().to_str().unwrap()]);
        }
        let flags = TestArgs::try_parse_from(flags).unwrap().serve;
        let refused = loaded(&flags).map(|_| ());
        let sentence = refused.unwrap_err().to_string();
        assert!(sentence.contains(words), "{words:?} is not in {sentence:?}");
    }
    let flags = ["wulin", "--acme", "--domain", "game.example.com"];
    let flags = TestArgs::try_parse_from(flags).unwrap().serve;
    let refused = loaded(&flags).map(|_| ());
    assert!(refused.unwrap_err().to_string().contains("--state-dir"));
}

#[test]
fn external_account_key_is_read_and_never_printed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("key");
    fs::write(&file, "AQID_w==\n").unwrap();
    for key in [
        ["--acme-eab-key", "AQID_w"],
        ["--acme-eab-key-file", file.to_str().unwrap()],
    ] {
        let flags = [
            "--acme",
            "--domain",
            "game.example.com",
            "--acme-eab-kid",
            "me",
        ];
        let prepared = prepared(home.path(), &[&flags[..], &key].concat()).unwrap();
        let shown = format!("{prepared:?}");
        let binding = prepared.certificates.acme.unwrap().binding.unwrap();
        assert_eq!(binding.id, "me");
        assert_eq!(binding.key.expose(), [1, 2, 3, 255]);
        assert!(shown.contains("a secret") && !shown.contains("[1, 2, 3, 255]"));
    }
}

#[test]
fn given_pair_is_served_until_acme_has_fetched() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("certs");
    let flags = ["--acme", "--domain", "game.example.com", "--tls-dir"];
    let flags = [&flags[..], &[folder.to_str().unwrap()]].concat();
    let missing = prepared(home.path(), &flags).unwrap();
    assert!(missing.certificates.source.is_none() && missing.certificates.pairs[0].self_signed);
    fs::create_dir(&folder).unwrap();
    let kept = home.path().join("self-signed.pem");
    fs::copy(kept, folder.join("pair.pem")).unwrap();
    let given = prepared(home.path(), &flags).unwrap();
    assert!(given.certificates.trusted);
    assert!(given.certificates.pairs[0].cert_path.starts_with(&folder));
    assert!(given.certificates.source.is_some());
    assert!(
        given.certificates.covered.is_empty(),
        "the others are being fetched"
    );
    fs::write(folder.join("pair.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
    let broken = prepared(home.path(), &flags).unwrap();
    assert!(
        broken.certificates.pairs[0]
            .cert_path
            .starts_with(home.path())
    );
    assert!(broken.warnings.iter().any(|w| w.contains("cannot be used")));
}
