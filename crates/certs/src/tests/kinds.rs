//! Kinds of keys: each that cannot be served, in a certificate and alone.

use std::time::SystemTime;

use super::{Folder, good, now, problem_of, says};
use crate::inspect::Holdings;
use crate::x509::{der, kind};
use crate::{Problem, inspect, load_pair};

/// How to make a key of a kind, its name in a sentence, and its name in a listing.
const KINDS: [(&str, &str, &str); 16] = [
    (
        "ecparam -name prime256v1 -genkey -noout -param_enc explicit",
        "explicit parameters",
        "ECDSA with explicit parameters",
    ),
    (
        "ecparam -name secp384r1 -genkey -noout -param_enc explicit",
        "explicit parameters",
        "ECDSA with explicit parameters",
    ),
    (
        "ecparam -name secp256k1 -genkey -noout -param_enc explicit",
        "explicit parameters",
        "ECDSA with explicit parameters",
    ),
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
        "explicit parameters",
        "ECDSA with explicit parameters",
    ),
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
        "brainpoolP256r1",
        "ECDSA brainpoolP256r1",
    ),
    (
        "ecparam -name brainpoolP384t1 -genkey -noout",
        "brainpoolP384t1",
        "ECDSA brainpoolP384t1",
    ),
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP512r1",
        "brainpoolP512r1",
        "ECDSA brainpoolP512r1",
    ),
    (
        "ecparam -name secp256k1 -genkey -noout",
        "secp256k1",
        "ECDSA secp256k1",
    ),
    (
        "ecparam -name secp224r1 -genkey -noout",
        "P-224",
        "ECDSA P-224",
    ),
    (
        "ecparam -name sect571r1 -genkey -noout",
        "1.3.132.0.39",
        "ECDSA 1.3.132.0.39",
    ),
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2",
        "SM2",
        "SM2",
    ),
    (
        "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
        "RSA-PSS",
        "RSA-PSS",
    ),
    (
        "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256",
        "RSA-PSS",
        "RSA-PSS",
    ),
    (
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
        "only 1024 bits",
        "RSA 1024",
    ),
    ("genrsa -traditional 1024", "only 1024 bits", "RSA 1024"),
    ("genpkey -algorithm ED448", "Ed448", "Ed448"),
];

#[test]
fn unsupported_kinds_come_with_a_command_for_a_good_key() {
    let folder = Folder::new();
    for (number, (make, kind, listed)) in KINDS.into_iter().enumerate() {
        let (key, cert) = (format!("{number}.key"), format!("{number}.crt"));
        let out = if make.starts_with("genrsa") {
            make.replace("genrsa", &format!("genrsa -out {key}"))
        } else {
            format!("{make} -out {key}")
        };
        folder.openssl(&out);
        folder.openssl(&format!(
            "req -x509 -new -key {key} -subj /CN=a.example.com -addext subjectAltName=DNS:a.example.com -days 9 -out {cert}"
        ));
        let (cert, key) = (folder.at(&cert), folder.at(&key));
        let problem = load_pair(&cert, &key, SystemTime::now()).unwrap_err();
        assert!(
            matches!(problem, Problem::UnsupportedKey { .. }),
            "{make}: {problem:?}"
        );
        says(&problem, &[&format!("/{number}.crt"), kind, "P-256"]);
        folder.obey(&problem.to_string());
        folder.openssl(&format!("req -in {number}.new.csr -verify -noout"));

        let shown = Holdings::read(&cert).unwrap();
        assert_eq!(
            inspect(&shown.certificates[0]).unwrap().key,
            listed,
            "{make}"
        );
    }
}

#[test]
fn unsupported_key_is_named_without_its_certificate() {
    let (folder, _) = good();
    for (number, (make, kind, _)) in KINDS.into_iter().enumerate() {
        // Explicit parameters of a known curve are read.
        if kind.contains("explicit") {
            continue;
        }
        let key = format!("{number}.key");
        folder.openssl(&make.replacen(' ', &format!(" -out {key} "), 1));
        let problem = problem_of(&folder, "cert.pem", &key);
        assert!(
            matches!(problem, Problem::UnsupportedKey { .. }),
            "{make}: {problem:?}"
        );
        says(&problem, &[&key, kind]);
    }
    for (make, kind) in [
        ("genpkey -algorithm X25519 -out x.key", "X25519"),
        ("genpkey -algorithm X448 -out x.key", "X448"),
        ("dsaparam -genkey -noout -out x.key 1024", "DSA"),
        (
            "genpkey -algorithm DH -pkeyopt group:ffdhe2048 -out x.key",
            "Diffie-Hellman",
        ),
        (
            "ecparam -name secp256k1 -genkey -noout -param_enc explicit -out x.key",
            "explicit parameters",
        ),
    ] {
        folder.openssl(make);
        let problem = problem_of(&folder, "cert.pem", "x.key");
        assert!(
            matches!(problem, Problem::UnsupportedKey { .. }),
            "{make}: {problem:?}"
        );
        says(&problem, &["x.key", kind]);
        folder.obey(&problem.to_string());
    }
}

#[test]
fn explicit_parameters_are_accepted_or_can_be_converted() {
    let (folder, _) = good();
    folder.openssl("ec -in key.pem -param_enc explicit -out explicit.sec1.key");
    folder.openssl("pkey -in key.pem -ec_param_enc explicit -out explicit.pkcs8.key");
    for name in ["explicit.sec1.key", "explicit.pkcs8.key"] {
        match load_pair(&folder.at("cert.pem"), &folder.at(name), now()) {
            Ok(pair) => pair.certified.keys_match().unwrap(),
            Err(problem) => {
                says(&problem, &[name, "explicit parameters"]);
                folder.obey(&problem.to_string());
                let named = folder.at(name).with_extension("named.key");
                load_pair(&folder.at("cert.pem"), &named, now()).unwrap();
            }
        }
    }
}

#[test]
fn ssh_keys_are_named_and_can_be_converted() {
    let (folder, _) = good();
    folder.write(
        "login.key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    expect!(
        problem_of(&folder, "cert.pem", "login.key"),
        UnsupportedKey,
        "login.key",
        "an SSH key",
        "ssh-keygen -p -N '' -m PKCS8"
    );
}

#[test]
fn compressed_points_match_their_key() {
    let folder = Folder::new();
    folder.openssl("ecparam -name prime256v1 -genkey -noout -out plain.key");
    folder.openssl("ec -in plain.key -conv_form compressed -out short.key");
    folder.openssl(
        "req -x509 -new -key short.key -subj /CN=a.example.com -addext subjectAltName=DNS:a.example.com -days 9 -out short.crt",
    );
    for key in ["plain.key", "short.key"] {
        load_pair(&folder.at("short.crt"), &folder.at(key), SystemTime::now()).unwrap();
    }
}

#[test]
fn rsa_keys_beyond_8192_bits_are_unsupported() {
    // Put together from parts: finding a key of this size takes minutes.
    let info = der::sequence(
        &[
            &der::sequence(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00")[..],
            &[0x03, 0x82, 0x04, 0x13, 0x00],
            &der::sequence(
                &[
                    &[0x02, 0x82, 0x04, 0x05, 0x01][..],
                    &[0xff; 1028],
                    &[0x02, 0x03, 1, 0, 1],
                ]
                .concat(),
            ),
        ]
        .concat(),
    );
    let kind = kind::of_public(&info);
    assert_eq!(kind.name, "RSA 8225");
    says(&kind.unfit.unwrap(), &["8225 bits", "8192"]);
}
