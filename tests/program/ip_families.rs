//! IPv4 and IPv6: a handed socket of one family is warned about, and the server runs on machines without IPv6.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use socket2::{Domain, Socket, Type};

use crate::support::handed::{Service, handed, wulin};

/// Python that starts a program under a seccomp filter: creating an IPv6 socket fails with `EAFNOSUPPORT`, as on a
/// kernel with `ipv6.disable=1`.
const WITHOUT_IPV6: &str = r#"
import ctypes, os, platform, struct, sys
architectures = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
if platform.machine() not in architectures:
    sys.exit(77)
architecture, socket = architectures[platform.machine()]
filter = [
    (0x20, 0, 0, 4), (0x15, 0, 4, architecture),
    (0x20, 0, 0, 0), (0x15, 0, 2, socket),
    (0x20, 0, 0, 16), (0x15, 1, 0, 10),
    (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | 97),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in filter))
program = struct.pack("@HP", len(filter), ctypes.addressof(code))
prctl = ctypes.CDLL(None, use_errno=True).prctl
if prctl(38, 1, 0, 0, 0) != 0 or prctl(22, 2, ctypes.create_string_buffer(program), 0, 0) != 0:
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
"#;
/// A shell script for a network namespace in which IPv6 addresses are disabled, but sockets are not. It starts the
/// program, asks for its health, and ends it.
const WITHOUT_ADDRESSES: &str = r#"
ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 || exit 77
"$0" --port 8443 --http-port 0 --admin off &
until "$0" health --port 8443; do
    kill -0 $! || exit 1
    sleep 0.05
done
kill $!
wait $!
"#;

/// A listening socket. For an IPv6 address, `only_v6` says whether it takes IPv6 alone or both families. `None` where
/// the machine does not allow it.
fn listener(address: &str, only_v6: bool) -> Option<TcpListener> {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).ok()?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6).ok()?;
    }
    socket.bind(&address.into()).ok()?;
    socket.listen(16).ok()?;
    Some(socket.into())
}

#[test]
fn single_family_sockets_are_warned_about_at_start() {
    for (address, only_v6, takes) in [
        ("0.0.0.0:0", false, Some("IPv4 only")),
        ("127.0.0.1:0", false, Some("IPv4 only")),
        ("[::]:0", true, Some("IPv6 only")),
        ("[::1]:0", false, Some("IPv6 only")),
        ("[::]:0", false, None),
    ] {
        let Some(socket) = listener(address, only_v6) else {
            println!("SKIPPED: {address}, this machine has no IPv6");
            continue;
        };
        if takes == Some("IPv4 only") && listener("[::]:0", false).is_none() {
            println!("SKIPPED: {address}, this machine has nothing else");
            continue;
        }
        let home = tempfile::tempdir().unwrap();
        let mut command = handed(home.path(), "https", [Some(socket.into()), None]);
        command.args(["--admin", "off", "--log-format", "journald"]);
        command.stderr(Stdio::piped());
        let mut running = Service::start(command);
        // `handed` leads standard output there too.
        let mut log = BufReader::new(running.0.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        while said
            .last()
            .is_none_or(|line: &String| !line.contains("Wulin is open"))
        {
            said.push(log.next().expect("it has ended").unwrap());
        }
        running.signal("TERM");
        assert_eq!(running.exit_code(), Some(0));
        let warning = said.iter().find(|line| line.contains("BindIPv6Only=both"));
        match takes {
            Some(takes) => {
                let warning = warning.unwrap_or_else(|| panic!("{address}: {said:?}"));
                assert!(
                    warning.starts_with("<4>")
                        && warning.contains(takes)
                        && warning.contains("\"https\""),
                    "{address}: {warning}"
                );
            }
            None => assert_eq!(warning, None, "{address}"),
        }
    }
}

/// The program under a filter that denies IPv6 sockets, or `None` where this machine allows no such filter.
fn without_ipv6(home: &Path, flags: &[&str]) -> Option<Command> {
    let mut command = Command::new("python3");
    let program = wulin(home);
    command
        .args(["-c", WITHOUT_IPV6])
        .arg(program.get_program());
    let tried = command.arg("--version").output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        println!("SKIPPED: this machine has no python3, or no filters of system calls");
        return None;
    }
    let mut command = Command::new("python3");
    command
        .args(["-c", WITHOUT_IPV6])
        .arg(program.get_program())
        .args(flags)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("XDG_STATE_HOME", home)
        .current_dir(home);
    Some(command)
}

#[test]
fn without_ipv6_sockets_the_server_uses_ipv4() {
    let home = tempfile::tempdir().unwrap();
    let flags = [
        "--port",
        "0",
        "--http-port",
        "0",
        "--admin",
        "off",
        "--log-format",
        "json",
    ];
    let Some(mut command) = without_ipv6(home.path(), &flags) else {
        return;
    };
    // The log goes to a pipe, and standard output is not needed.
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = Service::start(command);
    let mut log = BufReader::new(running.0.stderr.take().unwrap()).lines();
    let line = log.find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        (line["message"] == "listening").then_some(line)
    });
    let address: SocketAddr = line.unwrap()["address"].as_str().unwrap().parse().unwrap();
    assert!(
        address.is_ipv4() && address.ip().is_unspecified(),
        "{address}"
    );
    let port = address.port().to_string();
    let health = wulin(home.path())
        .args(["health", "--port", &port])
        .output()
        .unwrap();
    assert!(health.status.success(), "{health:?}");
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));

    // An explicit IPv6 address is an error that says what is missing.
    let Output { status, stderr, .. } =
        without_ipv6(home.path(), &["--listen", "::", "--port", "0"])
            .unwrap()
            .output()
            .unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(
        !status.success() && said.contains("this machine has no IPv6"),
        "{said}"
    );
}

#[test]
fn the_server_starts_without_ipv6_addresses() {
    let home = tempfile::tempdir().unwrap();
    let program = wulin(home.path());
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", WITHOUT_ADDRESSES])
        .arg(program.get_program())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("XDG_STATE_HOME", home.path())
        .current_dir(home.path())
        .output();
    let output = output.ok().filter(|output| {
        // 77 is the script's own exit code; the message comes from unshare when it may not make a namespace.
        let refused = String::from_utf8_lossy(&output.stderr).contains("unshare:");
        output.status.code() != Some(77) && !refused
    });
    match output {
        Some(output) => assert!(output.status.success(), "{output:?}"),
        None => println!("SKIPPED: this machine gives nobody a network of one's own"),
    }
}
