//! Files that exist but cannot be used: each problem, by the file it names and the remedy.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use rcgen::KeyPair;

use super::{Authority, Folder, days, good, now, problem_of, says};
use crate::{Problem, discover, load_pair};

#[test]
fn empty_large_and_foreign_files_are_problems() {
    let (folder, _) = good();
    folder.write("empty", "\r\n");
    folder.write("large", vec![b'A'; (1 << 20) + 1]);
    folder.write("letter", "Dear customer,\n");
    expect!(
        problem_of(&folder, "empty", "key.pem"),
        Empty,
        "empty is empty",
        "certificate"
    );
    expect!(
        problem_of(&folder, "cert.pem", "large"),
        TooLarge,
        "large is larger than 1 MiB"
    );
    expect!(
        problem_of(&folder, "cert.pem", "letter"),
        NotPem,
        "letter",
        "-----BEGIN",
        "private key",
        "Nginx"
    );
}

#[test]
fn binary_formats_are_named_with_their_conversion_command() {
    let (folder, _) = good();
    folder.openssl("x509 -in cert.pem -outform der -out cert.der");
    folder.openssl("pkey -in key.pem -outform der -out key.der");
    folder.openssl("ec -in key.pem -outform der -out sec1.der");
    folder.openssl("pkcs12 -export -in cert.pem -inkey key.pem -passout pass: -out pair.pfx");
    folder.openssl("crl2pkcs7 -nocrl -certfile cert.pem -outform der -out cert.p7b");
    folder.openssl("req -new -key key.pem -subj /CN=a -outform der -out request.der");
    folder.write("store.jks", b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01");
    for (file, words) in [
        (
            "cert.der",
            [
                "a certificate in binary",
                "openssl x509 -inform der -in",
                "cert.crt.pem",
            ],
        ),
        (
            "pair.pfx",
            ["PKCS#12", "openssl pkcs12 -nodes -in", "pair.pfx.pem"],
        ),
        (
            "cert.p7b",
            [
                "PKCS#7",
                "openssl pkcs7 -inform der -print_certs -in",
                "cert.p7b.pem",
            ],
        ),
        ("request.der", ["request (CSR)", "authority", "sent back"]),
        ("store.jks", ["Java key store", "Nginx", "PEM"]),
    ] {
        let problem = problem_of(&folder, file, "key.pem");
        assert!(
            matches!(problem, Problem::OtherFormat { .. }),
            "{file}: {problem:?}"
        );
        says(&problem, &[file]);
        says(&problem, &words);
    }
    for file in ["key.der", "sec1.der"] {
        expect!(
            problem_of(&folder, "cert.pem", file),
            OtherFormat,
            file,
            "private key in binary",
            "openssl pkey -inform der -in"
        );
    }
}

#[test]
fn conversion_commands_work_as_printed() {
    let (folder, issued) = good();
    let dir = folder.at("it's a \"bundle\"");
    fs::create_dir(&dir).unwrap();
    folder.openssl("x509 -in cert.pem -outform der -out cert.der");
    folder.openssl("pkcs8 -topk8 -in key.pem -passout pass:secret -out encrypted.key");
    fs::rename(folder.at("cert.der"), dir.join("cert.der")).unwrap();
    let utf16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(issued.chain.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(dir.join("wide.pem"), utf16).unwrap();
    for (file, result) in [("cert.der", "cert.crt.pem"), ("wide.pem", "wide.utf8.pem")] {
        let text = load_pair(&dir.join(file), &folder.at("key.pem"), now())
            .unwrap_err()
            .to_string();
        let command = text.split('`').nth(1).unwrap();
        let status = Command::new("sh").args(["-c", command]).status().unwrap();
        assert!(status.success(), "{command}");
        load_pair(&dir.join(result), &folder.at("key.pem"), now())
            .unwrap_or_else(|problem| panic!("{command}: {problem}"));
    }
}

#[test]
fn utf16_is_a_problem_with_a_conversion() {
    let (folder, issued) = good();
    for (mark, order) in [("\u{feff}", ""), ("", "LE")] {
        let little = format!("{mark}{}", issued.key)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>();
        folder.write("wide.pem", little);
        expect!(
            problem_of(&folder, "cert.pem", "wide.pem"),
            Utf16,
            "wide.pem",
            "UTF-16",
            &format!("iconv -f UTF-16{order} -t")
        );
    }
    folder.write(
        "wide.pem",
        issued
            .key
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect::<Vec<_>>(),
    );
    expect!(
        problem_of(&folder, "cert.pem", "wide.pem"),
        Utf16,
        "wide.pem",
        "iconv -f UTF-16BE"
    );
}

#[test]
fn encrypted_keys_of_both_forms_are_problems() {
    let (folder, _) = good();
    folder.openssl("pkcs8 -topk8 -in key.pem -passout pass:secret -out new.key");
    folder.openssl("ec -in key.pem -aes256 -passout pass:secret -out old.key");
    assert!(
        folder
            .read("new.key")
            .contains("BEGIN ENCRYPTED PRIVATE KEY")
    );
    assert!(folder.read("old.key").contains("Proc-Type: 4,ENCRYPTED"));
    for file in ["new.key", "old.key"] {
        expect!(
            problem_of(&folder, "cert.pem", file),
            EncryptedKey,
            file,
            "encrypted",
            "openssl pkey -in",
            "decrypted.key"
        );
        expect!(
            problem_of(&folder, file, "cert.pem"),
            Swapped,
            file,
            "swapped"
        );
        let alone = Folder::new();
        alone.write(file, folder.read(file));
        assert!(matches!(
            discover(alone.path(), now()),
            Err(Problem::EncryptedKey { .. })
        ));
    }
}

#[test]
fn files_with_the_wrong_contents_say_what_they_hold() {
    let (folder, _) = good();
    folder.openssl("req -new -key key.pem -subj /CN=a -out request.csr");
    folder.openssl("pkey -in key.pem -pubout -out public.pem");
    expect!(
        problem_of(&folder, "request.csr", "key.pem"),
        Request,
        "request.csr",
        "CSR",
        "sent back"
    );
    expect!(
        problem_of(&folder, "key.pem", "key.pem"),
        NoCertificate,
        "key.pem holds no certificate",
        "`PRIVATE KEY`",
        "BEGIN CERTIFICATE"
    );
    expect!(
        problem_of(&folder, "cert.pem", "cert.pem"),
        NoKey,
        "cert.pem holds no private key",
        "`CERTIFICATE`",
        ".key"
    );
    expect!(
        problem_of(&folder, "cert.pem", "public.pem"),
        NoKey,
        "public.pem",
        "`PUBLIC KEY`"
    );
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.at(name).display().to_string());
    let command = format!("--tls-cert {cert} --tls-key {key}");
    expect!(
        problem_of(&folder, "key.pem", "cert.pem"),
        Swapped,
        "swapped",
        &command
    );
}

#[test]
fn mismatched_key_names_the_right_one_in_the_same_folder() {
    let (folder, issued) = good();
    folder.write(
        "keys/other.pem",
        Authority::new().issue(&["other.example.com"]).key,
    );
    let right = folder.at("key.pem").display().to_string();
    expect!(
        problem_of(&folder, "cert.pem", "keys/other.pem"),
        KeyMismatch,
        "keys/other.pem",
        "cert.pem",
        "play.example.com",
        "does not belong",
        &format!("use `--tls-key {right}`")
    );
    fs::remove_file(folder.at("key.pem")).unwrap();
    expect!(
        problem_of(&folder, "cert.pem", "keys/other.pem"),
        KeyMismatch,
        "play.example.com",
        "issued again"
    );
    folder.write("keys/deeper.pem", &issued.key);
    expect!(
        problem_of(&folder, "cert.pem", "keys/other.pem"),
        KeyMismatch,
        "keys/deeper.pem"
    );
}

#[test]
fn expired_and_future_certificates_are_problems() {
    let (folder, _) = good();
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    folder.write("key.pem", key.serialize_pem());
    let put = |from, to| {
        folder.write(
            "cert.pem",
            authority.certify_between(&key, &["play.example.com"], from, to),
        )
    };
    put(now() - days(93), now() - days(3));
    expect!(
        problem_of(&folder, "cert.pem", "key.pem"),
        Expired,
        "cert.pem",
        "play.example.com",
        "expired on 2027-01-12 08:00 UTC",
        "3 days ago",
        "Renew"
    );
    put(now() + days(1), now() + days(91));
    expect!(
        problem_of(&folder, "cert.pem", "key.pem"),
        NotYetValid,
        "cert.pem",
        "play.example.com",
        "2027-01-16 08:00 UTC",
        "1 day",
        "clock",
        "2027-01-15 08:00 UTC"
    );
}

#[test]
fn unsupported_keys_are_named() {
    let folder = Folder::new();
    folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa.key");
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out sm2.key");
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out k1.key");
    folder.openssl("genpkey -algorithm ED448 -out ed448.key");
    folder.openssl("dsaparam -genkey -noout -out dsa.key 2048");
    for (name, kind) in [
        ("rsa", "only 1024 bits"),
        ("sm2", "SM2"),
        ("k1", "secp256k1"),
        ("ed448", "Ed448"),
        ("dsa", "DSA"),
    ] {
        folder.openssl(&format!(
            "req -x509 -new -key {name}.key -subj /CN=a.example.com -days 9 -out {name}.crt"
        ));
        let (cert, key) = (
            folder.at(&format!("{name}.crt")),
            folder.at(&format!("{name}.key")),
        );
        let problem = load_pair(&cert, &key, SystemTime::now()).unwrap_err();
        assert!(
            matches!(problem, Problem::UnsupportedKey { .. }),
            "{name}: {problem:?}"
        );
        says(&problem, &[&format!("/{name}."), kind, "P-256"]);
    }
    folder.write(
        "ssh.key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    expect!(
        problem_of(&folder, "rsa.crt", "ssh.key"),
        UnsupportedKey,
        "ssh.key",
        "an SSH key"
    );
}

#[test]
fn damage_is_named_with_its_line() {
    let (folder, issued) = good();
    let lines: Vec<_> = issued.leaf.lines().collect();
    let (half, nearly) = (
        lines[..lines.len() / 2].join("\n"),
        lines[..lines.len() - 1].join("\n"),
    );
    for (text, words) in [
        (half, "begins on line 1 has no END line"),
        (
            nearly + "\n" + &issued.chain,
            "begins on line 1 has no END line",
        ),
        (issued.leaf.replacen("MII", "M!I", 1), "not base64"),
        (
            issued.leaf.replacen("MII", "MIJ", 1),
            "not a certificate inside",
        ),
        (
            issued.leaf.replacen("-----BEGIN CERTIFICATE-----\n", "", 1),
            "which has not begun",
        ),
        (
            issued
                .leaf
                .replacen("CERTIFICATE-----", "CERTIFICATE---", 1),
            "five dashes",
        ),
    ] {
        folder.write("cert.pem", &text);
        expect!(
            problem_of(&folder, "cert.pem", "key.pem"),
            Corrupt,
            "cert.pem is damaged",
            words,
            "Copy it again"
        );
    }
    folder.write("cert.pem", &issued.chain);
    folder.write(
        "bad.key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    expect!(
        problem_of(&folder, "cert.pem", "bad.key"),
        Corrupt,
        "bad.key is damaged"
    );
}
