//! Checks a running server, step by step, at each address of its name. A step that depends on a failed one is skipped.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use wulin_client::address::Address;
use wulin_http::tls::Recorder;

use super::alike::{self, Facts};
use super::chain::Judged;
use super::finding::{Finding, Severity, Subject};
use super::report::Report;
use super::tls::Target;
use super::{game, network, round, tls, web};
use crate::check::flags::Check;

/// How many addresses of a name are checked, and how many at a time. Only large networks have names with more.
const MOST: usize = 16;
const AT_ONCE: usize = 4;

/// The checks that need TLS, in their order.
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

/// What to check at each address.
struct Errand {
    address: Address,
    base_path: String,
    http_port: u16,
    play: bool,
    roots: RootCertStore,
    now: SystemTime,
    patience: Duration,
}

/// Sends the findings at one address to the report. Every address has findings on the same subjects in the same order.
struct AddressSheet {
    at: usize,
    // Unbounded, since it never holds more findings than there are subjects.
    findings: mpsc::UnboundedSender<(usize, SheetRow)>,
}

type SheetRow = (Subject, Finding, Duration);

impl AddressSheet {
    fn add(&self, name: Subject, finding: Finding, took: Duration) -> Severity {
        let outcome = finding.outcome;
        // It fails only if `run` was cancelled.
        let _ = self.findings.send((self.at, (name, finding, took)));
        outcome
    }

    fn skip(&self, names: &[Subject], because: &str) {
        for name in names {
            self.add(*name, Finding::skipped(because), Duration::ZERO);
        }
    }
}

/// Checks a server at each IP address of its name.
pub(super) async fn run(
    flags: &Check,
    address: &Address,
    roots: RootCertStore,
    now: SystemTime,
    report: &mut Report,
) {
    let started = Instant::now();
    let (mut ips, finding) = network::resolve(address, &flags.address, MOST, flags.timeout).await;
    report.add(Subject::Name, finding, started.elapsed());
    if ips.is_empty() {
        let because = "the name does not resolve";
        report.skip(&[Subject::Port, Subject::Redirect], because);
        report.skip(&ABOUT_TLS, because);
        report.skip(&BEHIND_TLS, because);
        report.skip(in_the_game(flags.play), because);
        return;
    }
    ips.truncate(MOST);
    let errand = Errand {
        address: address.clone(),
        base_path: address
            .path
            .as_ref()
            .unwrap_or(&flags.reach.base.base_path)
            .clone(),
        http_port: flags.redirect.http_port.unwrap_or(80),
        play: flags.play,
        roots,
        now,
        patience: flags.timeout,
    };
    let facts = visit_all(errand, &ips, report).await;
    if let Some(finding) = alike::compare(&ips, &facts) {
        report.add(Subject::Addresses, finding, Duration::ZERO);
    }
}

/// Checks the server at each IP address, [`AT_ONCE`] at a time, and adds the findings to the report as they come.
async fn visit_all(errand: Errand, ips: &[IpAddr], report: &mut Report) -> Vec<Facts> {
    let errand = Arc::new(errand);
    // Without a route, say to IPv6, an address says nothing about the server. It is skipped, unless no address has a
    // route.
    let routed: Vec<bool> = ips.iter().map(|ip| network::has_route(*ip)).collect();
    let anywhere = routed.contains(&true);
    let (findings, mut found) = mpsc::unbounded_channel();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut visits = JoinSet::new();
    for (at, (ip, routed)) in ips.iter().copied().zip(routed).enumerate() {
        let sheet = AddressSheet {
            at,
            findings: findings.clone(),
        };
        let (errand, turns) = (errand.clone(), turns.clone());
        visits.spawn(async move {
            if anywhere && !routed {
                return (at, not_asked(ip, errand.play, &sheet));
            }
            let _turn = turns.acquire().await;
            (at, visit(&errand, ip, &sheet).await)
        });
    }
    drop(findings);
    let mut rows: Vec<VecDeque<SheetRow>> = ips.iter().map(|_| VecDeque::new()).collect();
    while let Some((at, row)) = found.recv().await {
        rows[at].push_back(row);
        // A subject is printed once all addresses have a finding on it.
        if rows.iter().all(|rows| !rows.is_empty()) {
            let row = rows.iter_mut().zip(ips).filter_map(|(rows, ip)| {
                let (name, finding, took) = rows.pop_front()?;
                Some((name, *ip, finding, took))
            });
            report.add_row(row.collect());
        }
    }
    let mut facts = visits.join_all().await;
    facts.sort_by_key(|(at, _)| *at);
    facts.into_iter().map(|(_, facts)| facts).collect()
}

fn not_asked(ip: IpAddr, play: bool, report: &AddressSheet) -> Facts {
    let family = if ip.is_ipv6() { "IPv6" } else { "IPv4" };
    let because = format!("not asked: this machine has no way to {family} addresses");
    report.skip(&[Subject::Port, Subject::Redirect], &because);
    skip_server(play, report, &because);
    Facts::default()
}

/// Checks the server at one IP address.
async fn visit(errand: &Errand, ip: IpAddr, report: &AddressSheet) -> Facts {
    let Errand {
        address, patience, ..
    } = errand;
    let peer = SocketAddr::from((ip, address.port));
    let started = Instant::now();
    let (open, finding) = network::reach(peer, *patience).await;
    report.add(Subject::Port, finding, started.elapsed());
    let started = Instant::now();
    let finding = if errand.http_port == 0 {
        Finding::skipped("--http-port 0")
    } else {
        let peer = SocketAddr::from((ip, errand.http_port));
        web::redirect(address, peer, *patience).await
    };
    report.add(Subject::Redirect, finding, started.elapsed());
    if !open {
        skip_server(errand.play, report, "the port cannot be reached");
        return Facts::default();
    }

    let target = Target {
        address: address.clone(),
        peer,
        recorder: Recorder::new(),
        patience: *patience,
    };
    if !versions(&target, report).await {
        report.skip(&BEHIND_TLS, "no TLS");
        report.skip(in_the_game(errand.play), "no TLS");
        return Facts::default();
    }
    certificate(&target, &errand.roots, errand.now, report);
    let certificate = target.recorder.shown().chain.first().cloned();
    // Boxed: its future is large, since it holds each connection it makes.
    let told = Box::pin(service(&target, errand, report)).await;
    Facts { certificate, told }
}

fn skip_server(play: bool, report: &AddressSheet, because: &str) {
    report.skip(&ABOUT_TLS, because);
    report.skip(&BEHIND_TLS, because);
    report.skip(in_the_game(play), because);
}

/// The checks of the game itself.
fn in_the_game(play: bool) -> &'static [Subject] {
    if play {
        &[Subject::Hello, Subject::Round]
    } else {
        &[Subject::Hello]
    }
}

/// Checks the versions of TLS; returns whether any is spoken.
async fn versions(target: &Target, report: &AddressSheet) -> bool {
    let started = Instant::now();
    let spoken = tls::speak(target).await;
    let took = started.elapsed() / 2;
    report.add(Subject::Tls13, spoken.newer, took);
    report.add(Subject::Tls12, spoken.older, took);
    let suite = spoken
        .suite
        .unwrap_or_else(|| Finding::skipped("no TLS 1.2"));
    report.add(Subject::CipherSuite, suite, took);
    spoken.any
}

/// Checks the certificate chain that the server has sent.
fn certificate(target: &Target, roots: &RootCertStore, now: SystemTime, report: &AddressSheet) {
    let started = Instant::now();
    let shown = target.recorder.shown();
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
        (Subject::Domain, judged.domain(&target.address.host)),
        (Subject::Expiry, judged.expiry()),
    ];
    for (name, finding) in findings {
        report.add(name, finding, started.elapsed());
    }
}

/// Checks what runs over TLS: the base path, the transports, the game. Returns what the server says of itself.
async fn service(target: &Target, errand: &Errand, report: &AddressSheet) -> Option<web::Told> {
    let base_path = &errand.base_path;
    let started = Instant::now();
    let (told, finding) = web::status(target, base_path).await;
    report.add(Subject::Status, finding, started.elapsed());

    let started = Instant::now();
    let (socket, finding) = game::websocket(target, base_path).await;
    report.add(Subject::WebSocket, finding, started.elapsed());

    for (name, version) in [(Subject::SocketIo4, 4), (Subject::SocketIo3, 3)] {
        let started = Instant::now();
        let finding = game::socketio(target, base_path, version).await;
        report.add(name, finding, started.elapsed());
    }
    let started = Instant::now();
    let finding = game::polling(target, base_path).await;
    report.add(Subject::Polling, finding, started.elapsed());

    let Some(mut socket) = socket else {
        report.skip(in_the_game(errand.play), "the WebSocket does not open");
        return told;
    };
    let started = Instant::now();
    let finding = game::hello(&mut socket, target.patience).await;
    let greeted = report.add(Subject::Hello, finding, started.elapsed());
    if !errand.play {
        socket.close().await;
    } else if greeted == Severity::Ok {
        let started = Instant::now();
        let finding = round::play(socket, target.patience).await;
        report.add(Subject::Round, finding, started.elapsed());
    } else {
        report.skip(&[Subject::Round], "nobody says hi");
    }
    told
}
