//! Folders with more or less in them than one pair.

use std::fs;

use rcgen::KeyPair;
use rustls::SignatureAlgorithm;

use super::{Folder, RSA, days, example, now, only_pair, says};
use crate::{Problem, discover};

#[test]
fn file_names_do_not_matter() {
    let (folder, authority, issued) = example();
    let other = authority.issue(&["other.example.com"]);
    folder.write("a.crt", &issued.key);
    folder.write("a.key", &other.chain);
    folder.write("b.crt", &other.key);
    folder.write("b.key", &issued.chain);
    let found = discover(folder.path(), now()).unwrap();
    let files: Vec<_> = found
        .pairs
        .iter()
        .map(|pair| (pair.cert_path.clone(), pair.key_path.clone()))
        .collect();
    assert_eq!(
        files,
        [
            (folder.at("a.key"), folder.at("b.crt")),
            (folder.at("b.key"), folder.at("a.crt"))
        ]
    );
}

#[test]
fn rsa_and_ecdsa_for_the_same_names_are_both_kept() {
    let (folder, authority, issued) = example();
    let rsa = KeyPair::from_pem(&RSA).unwrap();
    folder.write("ecdsa.pem", issued.chain + &issued.key);
    let leaf = authority.certify(&rsa, &["example.com", "www.example.com"]);
    folder.write("rsa.pem", leaf + &authority.intermediate + &RSA);
    let pairs = discover(folder.path(), now()).unwrap().pairs;
    let algorithms: Vec<_> = pairs
        .iter()
        .map(|pair| pair.certified.key.algorithm())
        .collect();
    assert_eq!(
        algorithms,
        [SignatureAlgorithm::ECDSA, SignatureAlgorithm::RSA]
    );
}

#[test]
fn newest_certificate_with_its_chain_wins() {
    let (folder, authority, _) = example();
    let put = |name: &str, left: u64, whole: bool| {
        let key = KeyPair::generate().unwrap();
        let leaf =
            authority.certify_between(&key, &["example.com"], now() - days(30), now() + days(left));
        let above = if whole {
            authority.intermediate.as_str()
        } else {
            ""
        };
        folder.write(
            &format!("{name}/pair.pem"),
            leaf + above + &key.serialize_pem(),
        );
    };
    put("earlier", 40, true);
    put("later", 60, true);
    put("latest-but-lonely", 80, false);
    assert_eq!(only_pair(&folder).1, "later/pair.pem");
}

#[test]
fn certificate_of_an_authority_wins_over_a_self_signed_one() {
    let (folder, _, issued) = example();
    let own = rcgen::generate_simple_self_signed([
        "example.com".to_owned(),
        "www.example.com".to_owned(),
    ])
    .unwrap();
    folder.write("a.pem", own.cert.pem() + &own.signing_key.serialize_pem());
    folder.write("b.pem", issued.chain + &issued.key);
    assert_eq!(only_pair(&folder).1, "b.pem");
}

#[test]
fn empty_folder_is_no_problem() {
    let folder = Folder::new();
    let found = discover(folder.path(), now()).unwrap();
    assert!(found.pairs.is_empty() && found.warnings.is_empty());
    folder.write(
        "README.md",
        "-----BEGIN CERTIFICATE-----\nis how a certificate begins\n",
    );
    folder.write(".gitignore", "*\n");
    folder.write(".hidden/key.pem", "-----BEGIN PRIVATE KEY-----\n");
    folder.write("notes.txt", "\u{feff}put certificates here");
    folder.write("large.pem", vec![b'-'; 2 << 20]);
    folder.write("a/b/c/d/key.pem", "-----BEGIN PRIVATE KEY-----\n");
    let found = discover(folder.path(), now()).unwrap();
    assert!(
        found.pairs.is_empty() && found.warnings.is_empty(),
        "{found:?}"
    );
}

#[test]
fn folders_linked_in_a_circle_are_searched_once() {
    let (folder, _, issued) = example();
    folder.write("certs/pair.pem", issued.chain + &issued.key);
    folder.link("certs/again", "..");
    assert_eq!(only_pair(&folder).1, "certs/pair.pem");
}

#[test]
fn other_formats_are_mentioned_if_nothing_else_is_there() {
    let (folder, _, issued) = example();
    folder.write("pair.pem", issued.chain + &issued.key);
    folder.openssl("pkcs12 -export -in pair.pem -passout pass:x -out example.pfx");
    fs::remove_file(folder.at("pair.pem")).unwrap();
    let found = discover(folder.path(), now()).unwrap();
    assert!(found.pairs.is_empty());
    says(
        &&found.warnings[0],
        &["example.pfx", "PKCS#12", "openssl pkcs12"],
    );
}

#[test]
fn half_a_pair_is_a_warning_beside_a_whole_one() {
    let (folder, authority, issued) = example();
    folder.write("lonely.crt", &issued.chain);
    let problem = discover(folder.path(), now()).unwrap_err();
    assert!(matches!(problem, Problem::Unpaired { .. }));
    assert!(!problem.to_string().contains("intermediate"), "{problem}");
    says(
        &problem,
        &[
            "lonely.crt",
            "example.com, www.example.com",
            "without its private key",
            "both files",
        ],
    );

    folder.write("stray.key", authority.issue(&["x.example.com"]).key);
    says(
        &discover(folder.path(), now()).unwrap_err(),
        &["lonely.crt", "stray.key", "without its certificate"],
    );

    let whole = authority.issue(&["whole.example.com"]);
    folder.write("whole.pem", whole.chain + &whole.key);
    let found = discover(folder.path(), now()).unwrap();
    assert_eq!(found.pairs.len(), 1);
    says(
        &found.warnings.join("\n"),
        &["lonely.crt", "stray.key", "left out"],
    );
}

#[test]
fn expired_pair_is_a_warning_beside_a_good_one() {
    let (folder, authority, issued) = example();
    let key = KeyPair::generate().unwrap();
    let old = authority.certify_between(
        &key,
        &["old.example.com"],
        now() - days(99),
        now() - days(9),
    );
    folder.write(
        "old.pem",
        old + &authority.intermediate + &key.serialize_pem(),
    );
    assert!(matches!(
        discover(folder.path(), now()),
        Err(Problem::Expired { .. })
    ));
    folder.write("good.pem", issued.chain + &issued.key);
    let found = discover(folder.path(), now()).unwrap();
    assert_eq!(found.pairs.len(), 1);
    says(
        &&found.warnings[0],
        &["old.pem", "old.example.com", "expired", "9 days ago"],
    );
}

#[test]
fn damaged_file_is_named_before_the_unpaired_rest() {
    let (folder, _, issued) = example();
    folder.write("chain.pem", &issued.chain[..issued.chain.len() - 99]);
    folder.write("example.key", &issued.key);
    let problem = discover(folder.path(), now()).unwrap_err();
    assert!(matches!(problem, Problem::Corrupt { .. }), "{problem:?}");
}

#[test]
fn missing_folder_and_file_as_folder_are_problems() {
    let folder = Folder::new();
    let missing = discover(&folder.at("certs"), now()).unwrap_err();
    assert!(matches!(missing, Problem::NotFound { .. }));
    says(&missing, &["certs does not exist"]);
    let file = folder.write("cert.pem", "");
    let problem = discover(&file, now()).unwrap_err();
    assert!(
        matches!(problem, Problem::NotADirectory { .. }),
        "{problem:?}"
    );
    says(&problem, &["cert.pem is a file, not a folder"]);
}

#[test]
fn search_of_a_crowded_folder_is_bounded() {
    let (folder, _, issued) = example();
    for number in 0..1_001 {
        folder.write(&format!("folder/file-{number:04}"), "");
    }
    let problem = discover(folder.path(), now()).unwrap_err();
    assert!(matches!(problem, Problem::TooMany { .. }), "{problem:?}");
    says(&problem, &["first 1000 entries", "folder of their own"]);
    folder.write("a.pem", issued.chain + &issued.key);
    let found = discover(folder.path(), now()).unwrap();
    assert_eq!((found.pairs.len(), found.warnings.len()), (1, 1));
}

#[test]
fn convertible_file_is_named_before_the_unpaired_key() {
    let (folder, _, issued) = example();
    folder.write("example.key", &issued.key);
    folder.write("chain.pem", &issued.chain);
    folder.openssl("crl2pkcs7 -nocrl -certfile chain.pem -out chain.p7b");
    fs::remove_file(folder.at("chain.pem")).unwrap();
    let problem = discover(folder.path(), now()).unwrap_err();
    says(
        &problem,
        &["chain.p7b", "PKCS#7", "openssl pkcs7 -print_certs"],
    );
}

#[test]
fn authority_files_are_not_a_pair() {
    let (folder, authority, issued) = example();
    folder.write("int.crt", &authority.intermediate);
    folder.write("int.key", authority.issuer.key().serialize_pem());
    let problem = discover(folder.path(), now()).unwrap_err();
    assert!(matches!(problem, Problem::Authority { .. }), "{problem:?}");
    says(
        &problem,
        &["int.crt", "Test Intermediate", "own certificate"],
    );
    assert!(!problem.to_string().contains("int.key"), "{problem}");

    folder.write("leaf.crt", &issued.leaf);
    folder.write("leaf.key", &issued.key);
    let (_, cert, key) = only_pair(&folder);
    assert_eq!((cert.as_str(), key.as_str()), ("leaf.crt", "leaf.key"));
}

#[test]
fn risky_spellings_in_a_folder_are_warnings() {
    let (folder, _, issued) = example();
    folder.write("chain.pem", "\u{feff}".to_owned() + &issued.chain);
    folder.write("example.key", &issued.key);
    let pairs = discover(folder.path(), now()).unwrap().pairs;
    assert_eq!(pairs[0].certified.cert.len(), 2);
    says(
        &pairs[0].warnings.join("\n"),
        &["chain.pem", "byte order mark"],
    );
}
