//! Settings from environment variables, in the forms in which containers, systemd and shells pass them on.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory;
use wulin::cli::Cli;

use crate::support::program::{Running, wulin};
use crate::support::write_pair;

/// Variables with their values.
type Environment<'a> = &'a [(&'a str, &'a str)];

/// Runs the program until it ends by itself, because of an error or of `--print-config`.
fn run(home: &Path, environment: &[(&str, &str)], flags: &[&str]) -> Output {
    let mut command = wulin(home);
    command.envs(environment.iter().copied()).args(flags);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The variables of a `docker --env-file`: all that follows the first `=` of a line is the value.
fn env_file(text: &str) -> Vec<(String, String)> {
    let lines = text.split('\n').filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn empty_variables_count_as_unset() {
    let home = tempfile::tempdir().unwrap();
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let names = serve.get_arguments().filter_map(clap::Arg::get_env);
    let mut program = wulin(home.path());
    for name in names {
        program.env(name, "");
    }
    // Variables that the program reads besides those of the flags.
    for name in [
        "NO_COLOR",
        "JOURNAL_STREAM",
        "NOTIFY_SOCKET",
        "LISTEN_FDNAMES",
        "RUNTIME_DIRECTORY",
        "STATE_DIRECTORY",
    ] {
        program.env(name, "");
    }
    program.args([
        "--port",
        "0",
        "--listen",
        "127.0.0.1",
        "--admin",
        "127.0.0.1:0",
    ]);
    let running = Running::start(program);
    assert!(running.said[1].contains("/applet/websocket"));
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn env_files_with_crlf_and_spaces_are_understood() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("certs")).unwrap();
    let file = |name: &str| home.path().join("certs").join(name);
    write_pair(
        &["game.example.com", "www.example.com"],
        &file("a.pem"),
        &file("a.key"),
    );
    let text = "# of Wulin\r\nWULIN_DOMAIN=game.example.com, www.example.com,\r\nWULIN_PORT= 0\r\nWULIN_HTTP_PORT=0\r\n\
                WULIN_LISTEN=127.0.0.1 \r\nWULIN_ACCESS_LOG=yes\r\nWULIN_LOG_ADDRESSES=No\r\nWULIN_SEATS=\r\nWULIN_ADMIN=off\r\n";
    let mut program = wulin(home.path());
    program.envs(env_file(text));
    let running = Running::start(program);
    assert!(
        running.said[0].contains("https://game.example.com:"),
        "{:?}",
        running.said
    );
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn quoted_values_are_refused_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    for text in [
        "WULIN_DOMAIN=\"game.example.com\"",
        "WULIN_DOMAIN='game.example.com'\r",
        "WULIN_DOMAIN=\"game.example.com,www.example.com\"",
    ] {
        let mut program = wulin(home.path());
        let output = program.envs(env_file(text)).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        for word in ["WULIN_DOMAIN=game.example.com", "quotation marks"] {
            assert!(
                stderr(&output).contains(word),
                "{text}: {}",
                stderr(&output)
            );
        }
    }
    // The message does not repeat a secret.
    let output = run(home.path(), &[("WULIN_ACME_EAB_KEY", "'c2VjcmV0'")], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("WULIN_ACME_EAB_KEY") && !stderr(&output).contains("c2VjcmV0")
    );
}

/// An invalid value: its variable, its flag, the value, the exit code, and a word of the message.
type Wrong<'a> = (&'a str, &'a str, &'a str, i32, &'a str);

const WRONG: &[Wrong<'static>] = &[
    ("WULIN_PORT", "--port", "x", 2, "invalid"),
    ("WULIN_PORT", "--port", "65536", 2, "65535"),
    ("WULIN_SEATS", "--seats", "1", 2, "2..=16"),
    ("WULIN_LISTEN", "--listen", "here", 2, "IP address"),
    ("WULIN_ADMIN", "--admin", "9643", 2, "127.0.0.1:9643"),
    ("WULIN_LOG", "--log", "loud", 2, "no level"),
    ("WULIN_LOG_FORMAT", "--log-format", "xml", 2, "journald"),
    (
        "WULIN_TRUSTED_PROXIES",
        "--trusted-proxies",
        "10.0.0.0/8, proxy",
        2,
        "network",
    ),
    ("WULIN_GAME_TIME", "--game-time", "soon", 2, "write a time"),
    ("WULIN_GAME_TIME", "--game-time", "1ms", 78, "100ms"),
    ("WULIN_NEARBY_KM", "--nearby-km", "-1", 78, "more than 0"),
    (
        "WULIN_IDLE_TIMEOUT",
        "--idle-timeout",
        "1s",
        78,
        "--ping-interval",
    ),
    (
        "WULIN_MAX_CONNECTIONS",
        "--max-connections",
        "0",
        78,
        "more than 0",
    ),
    (
        "WULIN_BASE_PATH",
        "--base-path",
        "oops",
        78,
        "/applet/websocket",
    ),
    (
        "WULIN_SOCKETIO_ALIAS",
        "--socketio-alias",
        "/healthz",
        78,
        "of its own",
    ),
    ("WULIN_TLS_CERT", "--tls-cert", "a.pem", 78, "--tls-key"),
    ("WULIN_TLS_DIR", "--tls-dir", "nowhere", 78, "nowhere"),
    (
        "WULIN_TLS_DIR",
        "--tls-dir",
        "empty",
        78,
        "holds no certificate",
    ),
    (
        "WULIN_ACME_EMAIL",
        "--acme-email",
        "a@b.example",
        78,
        "--acme",
    ),
    (
        "WULIN_DOMAIN",
        "--domain",
        "no domain",
        78,
        "no certificate can be made",
    ),
];

#[test]
fn invalid_values_name_their_flag_or_variable() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    for (variable, flag, value, code, word) in WRONG {
        let typed = format!("{flag}={value}");
        for (environment, flags, name) in [
            (&[(*variable, *value)][..], &[][..], *variable),
            (&[], &[&*typed], flag),
        ] {
            let served = run(home.path(), environment, &[&["serve"], flags].concat());
            let shown = run(
                home.path(),
                environment,
                &[&["--print-config"], flags].concat(),
            );
            for output in [&served, &shown] {
                assert_eq!(
                    output.status.code(),
                    Some(*code),
                    "{name}={value}: {output:?}"
                );
                for word in [name, word] {
                    assert!(
                        stderr(output).contains(word),
                        "{name}={value}: {}",
                        stderr(output)
                    );
                }
            }
        }
    }
}

#[test]
fn certificate_and_domain_errors_name_their_source() {
    let home = tempfile::tempdir().unwrap();
    let certs = home.path().join("mine");
    std::fs::create_dir(&certs).unwrap();
    write_pair(&["a.example"], &certs.join("a.pem"), &certs.join("a.key"));
    let pair = [
        ("WULIN_TLS_CERT", "mine/a.pem"),
        ("WULIN_TLS_KEY", "mine/b.key"),
    ];
    let output = run(home.path(), &pair, &[]);
    assert_eq!(output.status.code(), Some(78));
    assert!(
        stderr(&output).contains("WULIN_TLS_CERT, WULIN_TLS_KEY: mine/b.key"),
        "{}",
        stderr(&output)
    );
    let wrong = [("WULIN_TLS_DIR", "mine"), ("WULIN_DOMAIN", "b.example")];
    let output = run(home.path(), &wrong, &[]);
    assert!(
        stderr(&output).contains("WULIN_TLS_DIR, WULIN_DOMAIN: no certificate covers"),
        "{}",
        stderr(&output)
    );
    let output = run(home.path(), &wrong[1..], &["--tls-dir", "mine"]);
    assert!(
        stderr(&output).contains("--tls-dir, WULIN_DOMAIN: no certificate covers"),
        "{}",
        stderr(&output)
    );
    let output = run(home.path(), &[("WULIN_PROXY_PROTOCOL", "on")], &[]);
    assert!(
        stderr(&output).contains("--proxy-protocol (WULIN_PROXY_PROTOCOL) needs"),
        "{}",
        stderr(&output)
    );
    for domain in ["*.a.example", "10.0.0.1", "no domain"] {
        let acme = [("WULIN_ACME", "on"), ("WULIN_DOMAIN", domain)];
        let output = run(home.path(), &acme, &["--state-dir", "state"]);
        assert_eq!(output.status.code(), Some(78));
        assert!(
            stderr(&output).contains("--domain (WULIN_DOMAIN)"),
            "{}",
            stderr(&output)
        );
    }
    let output = run(home.path(), &[("WULIN_ACME", "on")], &[]);
    assert!(
        stderr(&output).contains("--acme (WULIN_ACME) needs"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn unavailable_ports_name_their_flag_or_variable() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let admin = format!("127.0.0.1:{port}");
    let here = ("WULIN_LISTEN", "127.0.0.1");
    let elsewhere = ("WULIN_LISTEN", "192.0.2.1");
    let cases: [(Environment, &[&str], &str); 7] = [
        (
            &[here, ("WULIN_PORT", &port)],
            &[],
            "another port with WULIN_PORT",
        ),
        (&[here], &["--port", &port], "another port with --port"),
        (
            &[here, ("WULIN_PORT", "0"), ("WULIN_HTTP_PORT", &port)],
            &[],
            "another port with WULIN_HTTP_PORT",
        ),
        (
            &[here, ("WULIN_PORT", "0"), ("WULIN_ADMIN", &admin)],
            &[],
            "another port with WULIN_ADMIN",
        ),
        (
            &[here],
            &["--port", "0", "--admin", &admin],
            "another port with --admin",
        ),
        (
            &[elsewhere],
            &[],
            "192.0.2.1 is no address of this machine (WULIN_LISTEN)",
        ),
        (
            &[],
            &["--listen", "192.0.2.1"],
            "192.0.2.1 is no address of this machine (--listen)",
        ),
    ];
    for (environment, flags, words) in cases {
        let output = run(home.path(), environment, flags);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(
            stderr(&output).contains(words),
            "{words}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn errors_of_other_commands_name_the_variable() {
    let home = tempfile::tempdir().unwrap();
    for (environment, line, code, word) in [
        (
            ("WULIN_BASE_PATH", "oops"),
            &["check", "a.example"][..],
            2,
            "WULIN_BASE_PATH",
        ),
        (
            ("WULIN_BASE_PATH", "oops"),
            &["play", "a.example"],
            2,
            "WULIN_BASE_PATH",
        ),
        (
            ("WULIN_HTTP_PORT", "x"),
            &["check", "a.example"],
            2,
            "WULIN_HTTP_PORT",
        ),
        (("WULIN_DOMAIN", "https://"), &["check"], 2, "WULIN_DOMAIN"),
        (
            ("WULIN_TLS_CERT", "a.pem"),
            &["check", "--offline"],
            2,
            "WULIN_TLS_CERT",
        ),
        (
            ("WULIN_DOMAIN", "no domain"),
            &["cert", "self-signed"],
            1,
            "WULIN_DOMAIN",
        ),
        (("WULIN_ADMIN", "nowhere"), &["status"], 2, "WULIN_ADMIN"),
        (("WULIN_PORT", "x"), &["health"], 2, "WULIN_PORT"),
    ] {
        let output = run(home.path(), &[environment], line);
        assert_eq!(output.status.code(), Some(code), "{line:?}: {output:?}");
        assert!(
            stderr(&output).contains(word),
            "{line:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn print_config_names_the_source_of_each_value() {
    let home = tempfile::tempdir().unwrap();
    let environment = [
        ("WULIN_SEATS", " 3\r"),
        ("WULIN_ROBOT_WAIT", ""),
        ("WULIN_ACCESS_LOG", "yes"),
        ("WULIN_ACME", "off"),
        ("WULIN_ACME_EAB_KEY", "secret"),
        ("WULIN_DOMIAN", "a.example"),
    ];
    let output = run(
        home.path(),
        &environment,
        &["--print-config", "--game-time", "7s"],
    );
    let table = String::from_utf8_lossy(&output.stdout);
    let row = |flag: &str| {
        let row = table
            .lines()
            .find(|line| line.split(' ').next() == Some(flag));
        row.unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(row("--seats"), "--seats 3 WULIN_SEATS");
    assert_eq!(row("--robot-wait"), "--robot-wait 1s default");
    assert_eq!(row("--game-time"), "--game-time 7s the command line");
    assert_eq!(row("--access-log"), "--access-log true WULIN_ACCESS_LOG");
    assert_eq!(row("--acme"), "--acme false default");
    assert_eq!(
        row("--acme-eab-key"),
        "--acme-eab-key (not shown) WULIN_ACME_EAB_KEY"
    );
    // A key without `--acme` is refused here as it is at the start.
    assert_eq!(output.status.code(), Some(78));

    let output = run(home.path(), &environment[5..], &["--print-config"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("WULIN_DOMIAN is set and means nothing here. Did you mean WULIN_DOMAIN?"),
        "{said}"
    );
}

#[test]
fn misspelt_variables_are_warned_about() {
    let home = tempfile::tempdir().unwrap();
    let mut program = wulin(home.path());
    program
        .env("WULIN_DOMIAN", "a.example")
        .args(["--port", "0", "--listen", "127.0.0.1", "--admin", "off"])
        .stderr(Stdio::piped());
    let mut running = Running::start(program);
    let mut log = running.child.stderr.take().unwrap();
    running.signal("TERM");
    let mut said = String::new();
    log.read_to_string(&mut said).unwrap();
    assert_eq!(running.exit_code(), Some(0));
    assert!(said.contains("Did you mean WULIN_DOMAIN?"), "{said}");
}

#[test]
fn print_config_to_a_closed_pipe_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wulin"))
        .arg("--print-config")
        .env_clear()
        .env("XDG_STATE_HOME", home.path())
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
