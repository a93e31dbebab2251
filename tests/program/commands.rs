//! The commands `cert`, `completions` and `man`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn wulin(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wulin"))
        .args(arguments)
        .env_clear()
        .current_dir(home)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn cert_self_signed_overwrites_only_when_forced() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| wulin(home.path(), arguments);
    let arguments = [
        "cert",
        "self-signed",
        "--domain",
        "a.example",
        "--out",
        "dev",
    ];
    let made = run(&arguments);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    // It prints the command line that uses the new files.
    assert_eq!(
        said(&made),
        "wulin --tls-cert dev/a.example.pem --tls-key dev/a.example.key\n"
    );
    assert_eq!(run(&arguments).status.code(), Some(1));
    assert_eq!(
        run(&[&arguments[..], &["--force"]].concat()).status.code(),
        Some(0)
    );
    let shown = run(&["cert", "show", "dev/a.example.pem", "dev/a.example.key"]);
    assert_eq!(shown.status.code(), Some(0));
    assert!(said(&shown).contains("of the certificate for a.example"));
    assert_eq!(run(&["cert", "show", "missing.pem"]).status.code(), Some(1));
    assert_eq!(run(&["cert", "show"]).status.code(), Some(2));
}

#[test]
fn completions_and_man_pages_are_written() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| wulin(home.path(), arguments);
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(&["completions", shell]);
        assert_eq!(completions.status.code(), Some(0));
        for word in ["check", "--tls-cert", "self-signed"] {
            assert!(said(&completions).contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "cmd"]).status.code(), Some(2));
    assert!(said(&run(&["man"])).contains(".TH wulin 1"));
    assert_eq!(run(&["man", "--out", "man"]).status.code(), Some(0));
    for page in [
        "wulin",
        "wulin-serve",
        "wulin-check",
        "wulin-play",
        "wulin-cert-show",
    ] {
        let page = home.path().join(format!("man/{page}.1"));
        assert!(page.is_file(), "{page:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wulin"))
        .args(["completions", "bash"])
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
