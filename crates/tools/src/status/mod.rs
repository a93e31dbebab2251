//! `wulin status` and `wulin log`: ask the admin listener of a running server, and print its answer as a page or as
//! JSON.

pub mod flags;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::net::TcpStream;
use tokio::time;
use wulin_command::flags::{ADMIN, AdminAddress};
use wulin_command::notice::{self, Notice, Wanted};
use wulin_command::process::Cost;
use wulin_command::state::{CertificateState, ServerState};
use wulin_http::exchange as http;
use wulin_text::{harmless, harmless_lines};

use flags::RunningServer;
pub use flags::{Log, Status};

/// How long the server may take to answer, from connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(4);
/// The longest answer that is read, in bytes. A server on that port need not be a Wulin.
const LONGEST: usize = 256 * 1024;
/// A certificate with fewer days left than this is marked.
const SOON: f64 = 14.0;
/// Moves the cursor to the top left and clears the screen below it.
const CLEAR: &str = "\x1b[H\x1b[J";

/// The most certificates that are shown, and the most names of each: a certificate can have hundreds of names.
const CERTIFICATES: usize = 100;
const NAMES: usize = 20;

/// The state of the server, as a page or as JSON. With `--watch` it prints until the server is gone.
pub async fn show(
    flags: &Status,
    variable: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<String> {
    let admin = find(&flags.server, variable).await?;
    if flags.output.json {
        return get(admin, "/status").await;
    }
    let Some(interval) = flags.watch else {
        return Ok(page(&read(admin).await?));
    };
    let mut ticks = time::interval(interval.max(Duration::from_millis(100)));
    loop {
        ticks.tick().await;
        let page = page(&read(admin).await?);
        let mut stdout = io::stdout();
        if stdout.is_terminal() {
            write!(stdout, "{CLEAR}")?;
        }
        writeln!(stdout, "{page}")?;
        stdout.flush()?;
    }
}

/// The log level of the server. If the flags name a new one, it is set first.
pub async fn log(
    flags: &Log,
    variable: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<String> {
    let admin = find(&flags.server, variable).await?;
    let answer = match &flags.level {
        None => get(admin, "/log").await?,
        Some(level) => exchange(admin, "PUT", "/log", level).await?,
    };
    Ok(answer)
}

/// Finds the admin listener to ask. The first of these decides: the typed flag, the notice of the running server, the
/// variable, the default.
async fn find(
    server: &RunningServer,
    variable: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<SocketAddr> {
    let typed = server.origins.typed("--admin");
    let told = match server.admin.admin {
        // Port 0 makes the server take a free port. Only its notice says which.
        Some(AdminAddress::At(address)) if typed && address.port() != 0 => return Ok(address),
        Some(AdminAddress::Off) if typed => bail!("--admin off: there is nobody to ask"),
        told => told,
    };
    let wanted = Wanted {
        state_dir: (server.state.state_dir.clone()).filter(|_| server.origins.typed("--state-dir")),
        ..Wanted::default()
    };
    let Some(notice) = notice::find(&wanted, &variable)? else {
        return match told {
            Some(AdminAddress::At(address)) => Ok(address),
            Some(AdminAddress::Off) => bail!("--admin off: there is nobody to ask"),
            None => Ok(ADMIN),
        };
    };
    let Some(admin) = notice.admin else {
        bail!(
            "the server at {} has no admin listener: it was started with --admin off, or the port was taken",
            notice.https
        );
    };
    let mut result = Err(anyhow!("no address to ask"));
    for target in Notice::targets(admin) {
        result = read(target).await.and_then(|state| {
            if state.instance == notice.instance {
                Ok(target)
            } else {
                bail!(
                    "what answers at {target} is another server than the one that said it is there"
                )
            }
        });
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Reads the state from an admin listener.
pub async fn read(admin: SocketAddr) -> anyhow::Result<ServerState> {
    let answer = get(admin, "/status").await?;
    serde_json::from_str(&answer)
        .with_context(|| format!("{admin} answers, but not as a server of this version does"))
}

/// The answer to a GET, without control characters: another program may be listening there.
async fn get(admin: SocketAddr, path: &str) -> anyhow::Result<String> {
    exchange(admin, "GET", path, "").await
}

async fn exchange(
    admin: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> anyhow::Result<String> {
    let exchange = async {
        let stream = TcpStream::connect(admin).await.with_context(|| {
            format!(
                "no server can be reached at {admin}. Is it running on this machine? --admin says where it listens"
            )
        })?;
        let request = http::request(method, path, &admin.to_string(), body)?;
        let answer = http::exchange(stream, request, LONGEST).await;
        answer.with_context(|| format!("asking {admin}"))
    };
    let answer = time::timeout(PATIENCE, exchange)
        .await
        .with_context(|| format!("{admin} does not answer"))??;
    let body = harmless_lines(answer.text().trim());
    if answer.status == 200 {
        Ok(body)
    } else {
        bail!("{body}")
    }
}

/// The state as lines for people.
fn page(state: &ServerState) -> String {
    let mut rows = summary(state);
    rows.extend(state.process.as_ref().map(process));
    let certificates = state.certificates.iter().take(CERTIFICATES);
    rows.extend(certificates.map(certificate));
    let lines = rows
        .iter()
        .map(|(name, text)| format!("{name:<14}{}", harmless(text)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A line of the page: its name and its text.
type StatusRow = (&'static str, String);

/// The lines on the server, its people and its connections.
fn summary(state: &ServerState) -> Vec<StatusRow> {
    let ServerState {
        counts,
        totals,
        rates,
        ..
    } = state;
    let uptime = Duration::from_secs(state.uptime_seconds as u64);
    let uptime = humantime::format_duration(uptime);
    let http = state.http.map(|http| format!(", redirect at {http}"));
    vec![
        (
            "wulin",
            format!("{}, {} for {uptime}", state.version, state.status),
        ),
        (
            "address",
            format!("{}{}", state.https, http.unwrap_or_default()),
        ),
        (
            "people",
            format!(
                "{} online, {} waiting, {} in memory",
                counts.people, counts.waiting, counts.memories
            ),
        ),
        (
            "rooms",
            format!(
                "{} with {} robots; {} rounds, {:.1}/s",
                counts.rooms, counts.robots, totals.rounds, rates.rounds
            ),
        ),
        (
            "clients",
            format!(
                "{} native, {} Engine.IO 3, {} Engine.IO 4, {} polling or upgraded; {:.1}/s new",
                counts.native, counts.engineio3, counts.engineio4, counts.polling, rates.clients
            ),
        ),
        (
            "connections",
            format!(
                "{}; {} handshakes, {} turned away or come to nothing",
                counts.connections, totals.handshakes, totals.connections_refused
            ),
        ),
        (
            "messages",
            format!(
                "{} in, {:.1}/s; {} out, {:.1}/s; {} refused",
                totals.messages_received,
                rates.messages_received,
                totals.messages_sent,
                rates.messages_sent,
                totals.messages_refused
            ),
        ),
    ]
}

fn process(cost: &Cost) -> StatusRow {
    let text = format!(
        "{:.1} MiB, {:.1} s of CPU, {} of {} files",
        cost.resident_bytes as f64 / f64::from(1 << 20),
        cost.cpu_seconds,
        cost.open_files,
        cost.max_files
    );
    ("process", text)
}

fn certificate(state: &CertificateState) -> StatusRow {
    let days = state.days_left;
    let verdict = match days {
        days if days < 0.0 => " (EXPIRED)",
        days if days < SOON => " (SOON)",
        _ => "",
    };
    let names = names(&state.names);
    let text = format!(
        "{names}, until {}, {:.0} days{verdict}",
        state.until,
        days.floor()
    );
    ("certificate", text)
}

/// The first [`NAMES`] names, and how many more there are.
fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMES).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
