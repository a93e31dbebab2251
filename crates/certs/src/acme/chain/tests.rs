//! Chains as authorities send them, and as they should not.

use proptest::prelude::*;
use rcgen::{CertificateParams, CertifiedIssuer};

use super::*;

const DOMAIN: &str = "game.example";

/// A chain for `names`, and its key.
fn issued(names: &[&str]) -> (String, KeyPair) {
    let issuer =
        CertifiedIssuer::self_signed(CertificateParams::default(), KeyPair::generate().unwrap())
            .unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let text = pem(leaf.der()) + &pem(issuer.as_ref().der());
    (text, key)
}

#[test]
fn odd_spellings_of_a_chain_are_read_and_encoded_anew() {
    let (text, key) = issued(&[DOMAIN]);
    let plain = IssuedChain::read(&text, &key, DOMAIN).unwrap();
    let (leaf, rest) = text.split_at(
        text.find("-----BEGIN C")
            .unwrap()
            .max(text[1..].find("-----BEGIN C").unwrap() + 1),
    );
    for odd in [
        text.trim_end().to_owned(),
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
        text.replace('\n', " \n\n"),
        text.replace("-----\n-----", "----------"),
        format!("\u{feff}{text}"),
        format!("subject=CN = {DOMAIN}\n{leaf}\nissuer=/CN=x\n{rest}\n\0"),
        format!("{rest}{leaf}"),
    ] {
        let read = IssuedChain::read(&odd, &key, DOMAIN);
        assert_eq!(read.as_ref(), Ok(&plain), "{odd}");
    }
    let written = plain.with_key(&key);
    assert_eq!(written, text + &key.serialize_pem());
    assert_eq!(rewritten(&written, DOMAIN), Some(written));
}

#[test]
fn unfit_chains_are_refused_with_their_reason() {
    let (text, key) = issued(&[DOMAIN]);
    let (other, stray) = issued(&[DOMAIN]);
    let (elsewhere, its_key) = issued(&["elsewhere.example", "*.game.example"]);
    let stray = stray.serialize_pem();
    let refused = |text: &str| IssuedChain::read(text, &key, DOMAIN).unwrap_err();
    for with_key in [
        format!("{text}{stray}"),
        format!("{stray}{other}{text}"),
        format!("{text}{}", stray.replace("BEGIN PRIVATE", "BEGIN  private")),
        format!("{text}{}", stray.replace("PRIVATE", "ENCRYPTED PRIVATE")),
        format!("{text}  {}", stray.replace("-----", "----")),
    ] {
        assert_eq!(refused(&with_key), Unfit::PrivateKey);
    }
    assert_eq!(refused(&other), Unfit::OtherKey);
    assert_eq!(refused(""), Unfit::Empty);
    assert_eq!(refused("\u{feff}\r\n "), Unfit::Empty);
    assert_eq!(refused("<!doctype html><title>502</title>"), Unfit::Page);
    assert_eq!(refused("{\"type\": \"about:blank\"}"), Unfit::NoCertificate);
    assert_eq!(refused(&text[..200]), Unfit::Damaged(1));
    assert_eq!(refused(&text[..text.len() - 40]), Unfit::Damaged(2));
    assert_eq!(refused(&text.repeat(MOST)), Unfit::TooMany);
    let labelled = text.replace("CERTIFICATE-----", "TRUSTED CERTIFICATE-----");
    assert_eq!(
        refused(&labelled),
        Unfit::Section("TRUSTED CERTIFICATE".to_owned())
    );
    let steering =
        format!("{text}-----BEGIN \x1b[2J\u{202e}-----\n-----END \x1b[2J\u{202e}-----\n");
    assert_eq!(refused(&steering), Unfit::Section("[2J".to_owned()));
    let names = IssuedChain::read(&elsewhere, &its_key, DOMAIN).unwrap_err();
    assert_eq!(
        names.to_string(),
        "its certificate is for elsewhere.example, *.game.example, not for game.example"
    );
    assert!(IssuedChain::read(&elsewhere, &its_key, "www.game.example").is_ok());
}

#[test]
fn older_files_are_rewritten_without_foreign_sections() {
    let (text, key) = issued(&[DOMAIN]);
    let (other, stray) = issued(&[DOMAIN]);
    let clean = Some(format!("{text}{}", key.serialize_pem()));
    let (stray, own) = (stray.serialize_pem(), key.serialize_pem());
    for kept in [
        format!("{text}{own}"),
        format!("{text}{stray}{own}"),
        format!("{stray}{other}{text}{own}")
            .replace(&other, "")
            .replace('\n', "\r\n"),
    ] {
        assert_eq!(rewritten(&kept, DOMAIN), clean, "{kept}");
    }
    // Another's key comes first, with a certificate for the same domain that is valid.
    let evil = rewritten(&format!("{stray}{other}{text}{own}"), DOMAIN).unwrap();
    assert!(evil.starts_with(&text[..100]) && evil.ends_with(&own));
    assert!(!evil.contains(&stray));
    for unfit in ["", "text", &text, &own, &format!("{other}{own}")] {
        assert_eq!(rewritten(unfit, DOMAIN), None, "{unfit}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_neither_panics_nor_is_accepted(
        text in "(-----(BEGIN|END) (CERTIFICATE|PRIVATE KEY|X)-----|[A-Za-z0-9+/=]{0,80}|\n|\r|\\PC){0,40}"
    ) {
        let key = KeyPair::generate().unwrap();
        prop_assert!(IssuedChain::read(&text, &key, DOMAIN).is_err());
        prop_assert_eq!(rewritten(&text, DOMAIN), None);
    }

    #[test]
    fn one_changed_character_gives_the_same_chain_or_none(at in 0_usize..1400, with in any::<char>()) {
        let (text, key) = issued(&[DOMAIN]);
        let plain = IssuedChain::read(&text, &key, DOMAIN).unwrap();
        let mut letters: Vec<char> = text.chars().collect();
        let at = at % letters.len();
        letters[at] = with;
        if let Ok(read) = IssuedChain::read(&letters.iter().collect::<String>(), &key, DOMAIN) {
            // Whatever else the changed letter did, names and key are those asked for.
            prop_assert!(is_for(&read.0[0], &key));
            prop_assert_eq!(read.0.len(), plain.0.len());
        }
    }
}
