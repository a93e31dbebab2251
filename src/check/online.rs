//! A running server, step by step. What depends on a step that failed is skipped and says so.

use std::net::SocketAddr;
use std::time::SystemTime;

use anyhow::bail;
use rustls::RootCertStore;
use tokio::time::Instant;

use super::chain::Judged;
use super::report::{Finding, Outcome, Report, Subject};
use super::tls::Door;
use super::{game, network, round, tls, web};
use crate::cli::Check;
use crate::client::address::Address;
use crate::client::tls::Recorder;

/// What needs TLS, in the order it is checked.
const BEHIND_TLS: [Subject; 9] = [
    Subject::Chain,
    Subject::Trust,
    Subject::Domain,
    Subject::Expiry,
    Subject::Status,
    Subject::WebSocket,
    Subject::SocketIo4,
    Subject::SocketIo3,
    Subject::Polling,
];
const ABOUT_TLS: [Subject; 3] = [Subject::Tls13, Subject::Tls12, Subject::CipherSuite];

/// Checks the server at an address.
pub(super) async fn run(
    flags: &Check,
    address: &Address,
    roots: RootCertStore,
    now: SystemTime,
    report: &mut Report,
) -> anyhow::Result<()> {
    let base_path = address.path.as_deref().unwrap_or(&flags.base_path);
    if !base_path.starts_with('/') {
        bail!("--base-path {base_path:?} is no path: write it as /applet/websocket.");
    }
    let started = Instant::now();
    let (ips, finding) = network::resolve(address, flags.address, flags.timeout).await;
    report.add(Subject::Name, finding, started.elapsed());
    let Some(first) = ips.first().copied() else {
        let because = "the name does not resolve";
        report.skip(&[Subject::Port, Subject::Redirect], because);
        skip_server(flags, report, because);
        return Ok(());
    };

    let started = Instant::now();
    let (target, finding) = network::knock(address, &ips, flags.timeout).await;
    report.add(Subject::Port, finding, started.elapsed());
    let ip = target.map_or(first, |target| target.ip());
    let started = Instant::now();
    let finding = if flags.http_port == 0 {
        Finding::skipped("--http-port 0")
    } else {
        let target = SocketAddr::from((ip, flags.http_port));
        web::redirect(address, target, flags.timeout).await
    };
    report.add(Subject::Redirect, finding, started.elapsed());
    let Some(target) = target else {
        skip_server(flags, report, "the port cannot be reached");
        return Ok(());
    };

    let door = Door {
        address: address.clone(),
        target,
        recorder: Recorder::new(),
        patience: flags.timeout,
    };
    if !versions(&door, report).await {
        report.skip(&BEHIND_TLS, "no TLS");
        skip_game(flags, report, "no TLS");
        return Ok(());
    }
    certificate(&door, &roots, now, report);
    // Boxed: it holds every connection it makes.
    Box::pin(service(&door, base_path, flags, report)).await;
    Ok(())
}

fn skip_server(flags: &Check, report: &mut Report, because: &str) {
    report.skip(&ABOUT_TLS, because);
    report.skip(&BEHIND_TLS, because);
    skip_game(flags, report, because);
}

fn skip_game(flags: &Check, report: &mut Report, because: &str) {
    report.skip(&[Subject::Hello], because);
    if flags.play {
        report.skip(&[Subject::Round], because);
    }
}

/// The versions of TLS; whether any is spoken.
async fn versions(door: &Door, report: &mut Report) -> bool {
    let started = Instant::now();
    let spoken = tls::speak(door).await;
    let took = started.elapsed() / 2;
    report.add(Subject::Tls13, spoken.newer, took);
    report.add(Subject::Tls12, spoken.older, took);
    let suite = spoken
        .suite
        .unwrap_or_else(|| Finding::skipped("no TLS 1.2"));
    report.add(Subject::CipherSuite, suite, took);
    spoken.any
}

/// The certificate the server has shown.
fn certificate(door: &Door, roots: &RootCertStore, now: SystemTime, report: &mut Report) {
    let started = Instant::now();
    let shown = door.recorder.shown();
    let Some(judged) = Judged::new(&shown.chain, roots, now) else {
        let finding = Finding::failed(
            "what the server shows is no certificate",
            "Have the certificate issued again by an authority phones know.",
        );
        report.add(Subject::Chain, finding, started.elapsed());
        let rest = [Subject::Trust, Subject::Domain, Subject::Expiry];
        report.skip(&rest, "no certificate that can be read");
        return;
    };
    let findings = [
        (Subject::Chain, judged.arrangement(shown.signed)),
        (
            Subject::Trust,
            judged
                .trust()
                .unwrap_or_else(|| Finding::skipped("the chain is incomplete")),
        ),
        (Subject::Domain, judged.domain(&door.address.host)),
        (Subject::Expiry, judged.expiry()),
    ];
    for (name, finding) in findings {
        report.add(name, finding, started.elapsed());
    }
}

/// What runs behind TLS: the base path, the transports, the game.
async fn service(door: &Door, base_path: &str, flags: &Check, report: &mut Report) {
    let started = Instant::now();
    let finding = web::status(door, base_path).await;
    report.add(Subject::Status, finding, started.elapsed());

    let started = Instant::now();
    let (socket, finding) = game::websocket(door, base_path).await;
    report.add(Subject::WebSocket, finding, started.elapsed());

    for (name, version) in [(Subject::SocketIo4, 4), (Subject::SocketIo3, 3)] {
        let started = Instant::now();
        let finding = game::socketio(door, base_path, version).await;
        report.add(name, finding, started.elapsed());
    }
    let started = Instant::now();
    let finding = game::polling(door, base_path).await;
    report.add(Subject::Polling, finding, started.elapsed());

    let Some(mut socket) = socket else {
        skip_game(flags, report, "the WebSocket does not open");
        return;
    };
    let started = Instant::now();
    let finding = game::hello(&mut socket, door.patience).await;
    let greeted = report.add(Subject::Hello, finding, started.elapsed());
    if !flags.play {
        socket.close().await;
    } else if greeted == Outcome::Ok {
        let started = Instant::now();
        let finding = round::play(socket, door.patience).await;
        report.add(Subject::Round, finding, started.elapsed());
    } else {
        report.skip(&[Subject::Round], "nobody says hi");
    }
}
