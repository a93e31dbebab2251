//! Files of root certificates.

use rustls::RootCertStore;

use super::super::{read_roots, trusted_roots};
use super::*;

#[test]
fn roots_are_read_in_every_spelling_of_pem() {
    let file = Path::new("ca.pem");
    let authority = Authority::new();
    let (root, intermediate) = (&authority.root, &authority.intermediate);
    let trusted = root.replace(" CERTIFICATE", " TRUSTED CERTIFICATE");
    let x509 = root.replace(" CERTIFICATE", " X509 CERTIFICATE");
    for (text, count) in [
        (format!("{root}{intermediate}"), 2),
        (format!("\u{feff}{root}"), 1),
        (format!("{root}\u{feff}{intermediate}"), 2),
        (format!("  {root}"), 1),
        (root.replace('\n', "\r"), 1),
        (trusted, 1),
        (x509, 1),
        (format!("The root of our office\n{root}"), 1),
        ("No root at all\n".to_owned(), 0),
    ] {
        let read = read_roots(file, text.as_bytes()).unwrap();
        assert_eq!(read.len(), count, "{text}");
    }
    let half = &root[..root.len() / 2];
    let problem = read_roots(file, half.as_bytes()).unwrap_err();
    assert!(problem.to_string().contains("ca.pem"), "{problem}");
}

/// Whether there is a root whose name has these words.
fn knows(roots: &RootCertStore, name: &str) -> bool {
    roots.roots.iter().any(|root| {
        let subject = String::from_utf8_lossy(root.subject.as_ref());
        subject.contains(name)
    })
}

#[test]
fn trusted_roots_include_those_of_clouds_and_certbot() {
    let roots = trusted_roots(None).unwrap();
    for name in [
        "ISRG Root X1",
        "DigiCert Global Root G2",
        "GlobalSign",
        "Sectigo",
    ] {
        assert!(knows(&roots, name), "{name}");
    }
}

#[test]
fn extra_file_adds_a_root_and_must_hold_one() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("root.pem");
    let sentence = || format!("{:#}", trusted_roots(Some(&file)).unwrap_err());
    assert!(sentence().contains("cannot be read"));
    fs::write(&file, "nothing").unwrap();
    assert!(sentence().contains("holds no certificate"));
    let root = rcgen::generate_simple_self_signed(["root.example".to_owned()]).unwrap();
    fs::write(&file, root.cert.pem()).unwrap();
    let added = trusted_roots(Some(&file)).unwrap().len();
    assert_eq!(added, trusted_roots(None).unwrap().len() + 1);
}
