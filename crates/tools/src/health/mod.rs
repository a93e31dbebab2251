//! `wulin health`: asks the server on this machine whether it works. It needs no other program, so a container can use
//! it.

pub mod flags;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use ipnet::IpNet;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;
use wulin_command::notice::{self, Notice, Wanted};
use wulin_http::exchange::{exchange, request};
use wulin_http::tls::{ANY_VERSION, Recorder, Trust, connector, handshake};
use wulin_text::harmless_lines;

pub use flags::Health;

/// How long the server may take to answer at one address, from connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(4);

/// The longest answer that is read, in bytes. A server on that port need not be a Wulin.
const LONGEST: usize = 64 * 1024;

/// The PROXY protocol header (version 1) of a connection that forwards nobody.
const OWN: &[u8] = b"PROXY UNKNOWN\r\n";

/// Asks the server, and returns its answer. `variable` reads the environment.
pub async fn ask(
    flags: &Health,
    variable: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<String> {
    // Only a typed flag selects a server. A variable may be the server's own, and its flags may have overridden it.
    let typed = |flag: &str| flags.origins.typed(flag);
    let wanted = Wanted {
        state_dir: flags
            .state
            .state_dir
            .clone()
            .filter(|_| typed("--state-dir")),
        port: flags.listening.port.filter(|_| typed("--port")),
        listen: flags.listening.listen.filter(|_| typed("--listen")),
        likely_port: flags.listening.port,
    };
    let Some(notice) = notice::find(&wanted, &variable)? else {
        let folder = flags
            .state
            .state_dir
            .clone()
            .or_else(|| notice::usual(&variable));
        let folder = folder.map_or_else(
            || "no state folder".to_owned(),
            |folder| folder.display().to_string(),
        );
        bail!(
            "no server of this user runs with {folder}. Ask as the user it runs as, or name its --state-dir; `wulin check` \
             asks any server"
        );
    };
    let mut result = Err(anyhow::anyhow!("no address to ask"));
    for target in Notice::targets(notice.https) {
        result = time::timeout(PATIENCE, ask_at(target, &notice))
            .await
            .unwrap_or_else(|_| bail!("{target} does not answer"));
        if result.is_ok() {
            break;
        }
    }
    result
}

async fn ask_at(target: SocketAddr, notice: &Notice) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(target)
        .await
        .with_context(|| format!("no server can be reached at {target}"))?;
    let own = stream.local_addr()?.ip().to_canonical();
    let trusted = |network: &String| network.parse::<IpNet>().is_ok_and(|net| net.contains(&own));
    if notice.proxies.iter().any(trusted) {
        stream.write_all(OWN).await?;
    }
    // No certificate covers a loopback address, so none is checked. The instance tells that it is the right server.
    let connector = connector(&Trust::Anybody(Recorder::new()), ANY_VERSION)?;
    let stream = handshake(&connector, ServerName::from(target.ip()), stream)
        .await
        .with_context(|| format!("no TLS is spoken at {target}"))?;
    let request = request("GET", "/healthz", "localhost", "")?;
    let answer = exchange(stream, request, LONGEST).await?;
    let text = answer.text();
    let told: Option<Value> = serde_json::from_str(text.trim()).ok();
    if told.is_none_or(|told| told["instance"] != *notice.instance) {
        bail!("what answers at {target} is another server than the one that said it is there");
    }
    let body = harmless_lines(text.trim());
    if answer.status == 200 {
        Ok(body)
    } else {
        bail!("not well: {body}")
    }
}
