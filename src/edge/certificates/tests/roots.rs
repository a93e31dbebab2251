//! Files of authorities.

use super::super::read_roots;
use super::*;

#[test]
fn authorities_are_read_in_every_spelling_of_certificates() {
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
