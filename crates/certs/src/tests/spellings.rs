//! PEM as editors, consoles and people write it: what is read nevertheless, and what is refused by name.

use super::{Authority, Folder, good, now, problem_of, says};
use crate::{Pair, Problem, load_pair};

/// Loads a certificate file of these bytes, which must give the leaf with its intermediate.
#[track_caller]
fn load(folder: &Folder, bytes: &[u8]) -> Pair {
    let cert = folder.write("spelt.pem", bytes);
    let pair = load_pair(&cert, &folder.at("key.pem"), now())
        .unwrap_or_else(|problem| panic!("{problem}: {}", String::from_utf8_lossy(bytes)));
    assert_eq!(pair.names, ["play.example.com"]);
    assert_eq!(pair.certified.cert.len(), 2, "{:?}", pair.warnings);
    pair
}

#[test]
fn unambiguous_spellings_are_read() {
    let (folder, issued) = good();
    let plain = issued.chain.replace("\r\n", "\n");
    let intermediate = plain
        .strip_prefix(&issued.leaf.replace("\r\n", "\n"))
        .unwrap();
    let indented = plain.replace('\n', "\n \t ");
    let wide = plain.replace("-----BEGIN", "\u{a0}\u{3000} -----BEGIN");
    for text in [
        plain.trim_end().to_owned(),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\r"),
        plain.replace('\n', "\n\n"),
        plain.replace('\n', " \n"),
        plain.replace("CERTIFICATE-----", "CERTIFICATE-----  "),
        indented,
        wide,
        // Folded into one line, as in YAML, and quoted.
        plain.replace('\n', " "),
        format!("  '{plain}'\n"),
        plain.replace("CERTIFICATE", "X509 CERTIFICATE"),
        plain.replace("=\n", "\n"),
        plain.replace(
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nX-Made-By: hand\n and foot\n\n",
        ),
        format!("# -----BEGIN CERTIFICATE-----\n# is how it begins\n{plain}"),
        format!(
            "subject=CN = play.example.com\n{}\n{intermediate}-- the end --\n",
            issued.leaf
        ),
    ] {
        let pair = load(&folder, text.as_bytes());
        assert_eq!(pair.warnings, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn risky_spellings_are_read_with_a_warning_and_a_command() {
    let (folder, issued) = good();
    let plain = issued.chain.replace("\r\n", "\n");
    let before_each = |unseen: &str| plain.replace("-----BEGIN", &format!("{unseen}-----BEGIN"));
    let before_second = |unseen: &[u8]| {
        let at = plain.rfind("-----BEGIN").unwrap();
        [&plain.as_bytes()[..at], unseen, &plain.as_bytes()[at..]].concat()
    };
    let line_of_second = plain[..plain.rfind("-----BEGIN").unwrap()].lines().count() + 1;
    let line = format!("line {line_of_second},");
    for (bytes, words, file) in [
        (
            before_each("\u{feff}").into_bytes(),
            &["byte order mark", "line 1,"][..],
            "spelt.clean.pem",
        ),
        (
            before_second("\u{feff}".as_bytes()),
            &["byte order mark", &line],
            "spelt.clean.pem",
        ),
        (
            before_each("\u{200b}\u{2060}").into_bytes(),
            &["U+200B"],
            "spelt.clean.pem",
        ),
        (
            before_each("\u{feff}\u{a0}").into_bytes(),
            &["byte order mark"],
            "spelt.clean.pem",
        ),
        (before_second(b"\0"), &["U+0000", &line], "spelt.clean.pem"),
        // A no-break space in Latin-1.
        (
            before_second(b"\xa0"),
            &["no text", &line],
            "spelt.clean.pem",
        ),
        (
            plain.replacen("MII", "\u{ad}M\u{200d}II", 1).into_bytes(),
            &["U+00AD", "line 2,"],
            "spelt.clean.pem",
        ),
        (
            plain.replace("-----END", "\u{feff}-----END").into_bytes(),
            &["byte order mark"],
            "spelt.clean.pem",
        ),
        // What `cat` makes of files without a line end at their end.
        (
            plain.replace("-----\n-----", "----------").into_bytes(),
            &["END and a BEGIN"],
            "spelt.parted.pem",
        ),
        (
            plain.replace('\n', "\\n").into_bytes(),
            &[r"`\n`"],
            "spelt.lines.pem",
        ),
        (
            plain.replace('\n', "\\r\\n").into_bytes(),
            &[r"`\n`"],
            "spelt.lines.pem",
        ),
    ] {
        let pair = load(&folder, &bytes);
        assert_eq!(pair.warnings.len(), 1, "{:?}", pair.warnings);
        says(&pair.warnings[0], words);
        says(&pair.warnings[0], &["spelt.pem", "; "]);
        folder.obey(&pair.warnings[0]);
        let repaired = std::fs::read(folder.at(file)).unwrap();
        assert_eq!(load(&folder, &repaired).warnings, Vec::<String>::new());
        folder.openssl(&format!("x509 -in {file} -noout"));
    }
    // The file of the key counts as well.
    let key = folder.write("marked.key", format!("\u{feff}{}", issued.key));
    let pair = load_pair(&folder.at("cert.pem"), &key, now()).unwrap();
    says(
        &pair.warnings.join("\n"),
        &["marked.key", "byte order mark"],
    );
}

#[test]
fn trusted_certificates_are_read() {
    let (folder, issued) = good();
    folder.write("leaf.pem", &issued.leaf);
    folder.openssl("x509 -in leaf.pem -trustout -addtrust serverAuth -setalias a -out trusted.pem");
    let trusted = folder.read("trusted.pem");
    assert!(trusted.contains("BEGIN TRUSTED CERTIFICATE"));
    let intermediate = &issued.chain[issued.leaf.len()..];
    let pair = load(&folder, (trusted + intermediate).as_bytes());
    // OpenSSL's trust settings are not sent.
    let plain = load_pair(&folder.at("cert.pem"), &folder.at("key.pem"), now()).unwrap();
    assert_eq!(pair.certified.cert, plain.certified.cert);
}

#[test]
fn text_between_sections_is_ignored() {
    let (folder, issued) = good();
    let intermediate = folder.write("int.pem", &issued.chain[issued.leaf.len()..]);
    folder.write("leaf.pem", &issued.leaf);
    folder.openssl("x509 -in leaf.pem -text -out leaf.text.pem");
    folder.openssl("x509 -in int.pem -text -out int.text.pem");
    let both = folder.read("leaf.text.pem") + &folder.read("int.text.pem");
    load(&folder, both.as_bytes());
    let _ = intermediate;
    folder.openssl(
        "pkcs12 -export -in cert.pem -inkey key.pem -name spiel -passout pass:x -out pair.pfx",
    );
    folder.openssl("pkcs12 -in pair.pfx -passin pass:x -nodes -out bag.pem");
    let bag = folder.read("bag.pem");
    assert!(bag.contains("Bag Attributes") && bag.contains("PRIVATE KEY"));
    load(&folder, bag.as_bytes());
}

#[test]
fn wrong_labels_are_ignored() {
    let (folder, issued) = good();
    folder.openssl("ec -in key.pem -out sec1.key");
    let load = |name: &str, text: &str| {
        let key = folder.write(name, text);
        load_pair(&folder.at("cert.pem"), &key, now()).unwrap_or_else(|problem| panic!("{problem}"))
    };
    load(
        "a.key",
        &folder.read("sec1.key").replace("EC PRIVATE", "PRIVATE"),
    );
    load("b.key", &issued.key.replace("PRIVATE", "RSA PRIVATE"));
    folder.openssl("req -new -key key.pem -subj /CN=a -out request.csr");
    let request = folder
        .read("request.csr")
        .replace("CERTIFICATE REQUEST", "CERTIFICATE");
    folder.write("request.pem", request);
    expect!(
        problem_of(&folder, "request.pem", "key.pem"),
        Request,
        "request.pem",
        "CSR"
    );
    folder.openssl("pkcs8 -topk8 -in key.pem -passout pass:secret -out locked.key");
    let locked = folder
        .read("locked.key")
        .replace("ENCRYPTED PRIVATE", "PRIVATE");
    folder.write("locked.key", locked);
    expect!(
        problem_of(&folder, "cert.pem", "locked.key"),
        EncryptedKey,
        "locked.key",
        "openssl pkey"
    );
}

#[test]
fn misspelt_boundaries_are_named_with_their_line() {
    let (folder, issued) = good();
    let plain = issued.chain.replace("\r\n", "\n");
    for (text, words) in [
        (
            plain.replace("-----", "——-"),
            &["line 1 ", "word processor", "—"][..],
        ),
        (
            plain.replace("-----", "–––––"),
            &["line 1 ", "word processor", "–"],
        ),
        (plain.replacen("-----END", "—–END", 1), &["word processor"]),
        (
            plain.replacen("-----BEGIN", "----BEGIN", 1),
            &["line 1 ", "five dashes"],
        ),
        (
            plain.replacen("-----BEGIN", "------BEGIN", 1),
            &["line 1 ", "five dashes"],
        ),
        (
            plain.replacen("CERTIFICATE-----", "CERTIFICATE------", 1),
            &["line 1 ", "five dashes"],
        ),
        (
            plain.replacen("-----END CERTIFICATE-----", "-----END CERTIFICATE----", 1),
            &["five dashes"],
        ),
        (
            plain.replacen("BEGIN CERTIFICATE", "begin certificate", 1),
            &["line 1 ", "capital letters"],
        ),
        (
            format!("> {}", plain.replace('\n', "\n> ")),
            &["line 1 ", "other text before BEGIN"],
        ),
        (
            plain.replacen("-----BEGIN", "x -----BEGIN", 1),
            &["has not begun", "on line 1"],
        ),
        (
            plain.replacen("MII", "MI!I", 1),
            &["`!` on line 2", "not base64"],
        ),
        (
            plain.replacen("MII", "M=II", 1),
            &["lost some of its base64"],
        ),
        (
            plain.replacen("-----END CERTIFICATE-----", "-----END PRIVATE KEY-----", 1),
            &["ends `PRIVATE KEY`"],
        ),
    ] {
        folder.write("spelt.pem", &text);
        let problem = problem_of(&folder, "spelt.pem", "key.pem");
        assert!(matches!(problem, Problem::Corrupt { .. }), "{problem:?}");
        says(&problem, &["spelt.pem"]);
        says(&problem, words);
    }
}

#[test]
fn other_formats_in_text_are_named_and_their_commands_work() {
    let (folder, issued) = good();
    folder.openssl("crl2pkcs7 -nocrl -certfile cert.pem -out bundle.p7b");
    let bundle = folder.read("bundle.p7b");
    assert!(bundle.contains("BEGIN PKCS7"));
    let encode = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let bare: String = issued.chain[..issued.leaf.len()]
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect::<Vec<_>>()
        .join("\n");
    for (name, text, words, made, certificates) in [
        ("a.pem", bundle.clone(), "PKCS#7", "a.p7b.pem", 2),
        (
            "b.pem",
            bundle.replace("PKCS7", "CERTIFICATE"),
            "PKCS#7",
            "b.p7b.pem",
            2,
        ),
        (
            "c.pem",
            bundle.replace("PKCS7", "PKCS #7 SIGNED DATA"),
            "PKCS#7",
            "c.p7b.pem",
            2,
        ),
        (
            "d.pem",
            bundle.replace("PKCS7", "CMS"),
            "PKCS#7",
            "d.p7b.pem",
            2,
        ),
        (
            "e.pem",
            encode(&issued.chain),
            "base64 once more",
            "e.decoded.pem",
            2,
        ),
        ("f.pem", bare, "without its BEGIN", "f.crt.pem", 1),
    ] {
        folder.write(name, text);
        let problem = problem_of(&folder, name, "key.pem");
        assert!(
            matches!(problem, Problem::OtherFormat { .. }),
            "{name}: {problem:?}"
        );
        says(&problem, &[name, words]);
        folder.obey(&problem.to_string());
        let pair = load_pair(&folder.at(made), &folder.at("key.pem"), now()).unwrap();
        assert_eq!(pair.certified.cert.len(), certificates, "{name}");
    }
    for (name, text, words) in [
        ("page.pem", "\n<!DOCTYPE html><html><pre>", "web page"),
        (
            "error.pem",
            "\u{feff}<?xml version='1.0'?><Error/>",
            "web page",
        ),
        ("login.ppk", "PuTTY-User-Key-File-3: ssh-rsa\n", "PuTTY"),
        ("login.pub", "ssh-ed25519 AAAAC3Nz me@here\n", "SSH key"),
        ("bundle.zip", "PK\u{3}\u{4}", "ZIP"),
    ] {
        folder.write(name, text);
        expect!(
            problem_of(&folder, "cert.pem", name),
            OtherFormat,
            name,
            words
        );
    }
    folder.openssl("pkcs8 -topk8 -in key.pem -passout pass:secret -outform der -out locked.der");
    folder.openssl("pkey -in key.pem -pubout -outform der -out public.der");
    expect!(
        problem_of(&folder, "cert.pem", "locked.der"),
        OtherFormat,
        "encrypted",
        "openssl pkey -inform der"
    );
    expect!(
        problem_of(&folder, "cert.pem", "public.der"),
        OtherFormat,
        "public key",
        "private key"
    );
}

#[test]
fn mixed_encodings_are_named_and_can_be_converted() {
    let (folder, issued) = good();
    let intermediate = &issued.chain[issued.leaf.len()..];
    let little = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    let big = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect::<Vec<_>>()
    };
    let (leaf, mark) = (&*issued.leaf, "\u{feff}");
    for bytes in [
        // What `>>` in PowerShell appends to another program's file, after an odd and an even number of bytes.
        [leaf.as_bytes(), &little(intermediate)].concat(),
        [leaf.as_bytes(), b"\n", &little(intermediate)].concat(),
        [leaf.as_bytes(), &little(&format!("{mark}{intermediate}"))].concat(),
        [&little(&format!("{mark}{leaf}")), intermediate.as_bytes()].concat(),
        [&little(leaf), intermediate.as_bytes()].concat(),
        [&big(&format!("{mark}{leaf}")), intermediate.as_bytes()].concat(),
        [
            &little(&format!("{mark}{leaf}")),
            &*big(&format!("{mark}{intermediate}")),
        ]
        .concat(),
    ] {
        folder.write("both.pem", bytes);
        let problem = problem_of(&folder, "both.pem", "key.pem");
        assert!(
            matches!(problem, Problem::MixedEncodings { .. }),
            "{problem:?}"
        );
        says(&problem, &["both.pem", "two encodings", "UTF-16"]);
        assert!(!problem.to_string().contains("iconv"), "{problem}");
        folder.obey(&problem.to_string());
        let pair = load_pair(&folder.at("both.joined.pem"), &folder.at("key.pem"), now()).unwrap();
        assert_eq!(pair.certified.cert.len(), 2);
    }
    // A file with Chinese comments that is UTF-16 throughout is one encoding.
    folder.write("wide.pem", little(&format!("{mark}证书\n{}", issued.chain)));
    let problem = problem_of(&folder, "wide.pem", "key.pem");
    assert!(matches!(problem, Problem::Utf16 { .. }), "{problem:?}");
    folder.obey(&problem.to_string());
    load_pair(&folder.at("wide.utf8.pem"), &folder.at("key.pem"), now()).unwrap();
    folder.write("letter", little("\u{feff}Dear customer,"));
    expect!(problem_of(&folder, "letter", "key.pem"), NotPem, "letter");
}

#[test]
fn a_remedy_never_names_the_key_of_an_authority() {
    let authority = Authority::new();
    let issued = authority.issue(&["play.example.com"]);
    let folder = Folder::new();
    folder.write("int.crt", &authority.intermediate);
    folder.write("int.key", authority.issuer.key().serialize_pem());
    folder.write("root.crt", &authority.root);
    folder.write("leaf.key", &issued.key);
    for (cert, key) in [
        ("int.crt", "leaf.key"),
        ("int.crt", "int.key"),
        ("root.crt", "leaf.key"),
    ] {
        let problem = problem_of(&folder, cert, key);
        assert!(matches!(problem, Problem::Authority { .. }), "{problem:?}");
        says(&problem, &[cert, "authority", "fullchain.pem"]);
        assert!(!problem.to_string().contains(".key"), "{problem}");
    }
    folder.write("chain.crt", &issued.chain);
    says(
        &problem_of(&folder, "int.crt", "leaf.key"),
        &[&format!(
            "use `--tls-cert {}`",
            folder.at("chain.crt").display()
        )],
    );
}

#[test]
fn any_file_is_read_or_refused_in_one_sentence() {
    use proptest::prelude::*;

    use crate::read_pair;

    let (folder, issued) = good();
    let good = issued.chain + &issued.key;
    let pieces = [
        "-----BEGIN ",
        "-----END ",
        "CERTIFICATE-----",
        "PRIVATE KEY-----",
        "\n",
        "\\n",
        "—",
        "\u{feff}",
        "\0",
        "MIIB",
        "0\u{80}",
        "> ",
        "=",
        ":",
    ];
    let change = (any::<prop::sample::Index>(), 0..40_usize, 0..pieces.len());
    proptest!(|(changes in prop::collection::vec(change, 1..6))| {
        let mut text = good.clone();
        for (at, length, piece) in changes {
            let mut letters: Vec<char> = text.chars().collect();
            let start = at.index(letters.len());
            let end = (start + length).min(letters.len());
            letters.splice(start..end, pieces[piece].chars());
            text = letters.into_iter().collect();
        }
        let file = folder.at("any.pem");
        if let Err(problem) = read_pair(&file, &text, now()) {
            prop_assert!(problem.to_string().contains("any.pem"), "{problem}");
        }
    });
}
