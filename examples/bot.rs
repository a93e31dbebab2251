//! A bot that plays some rounds of Wulin and prints the result of each.
//!
//! `cargo run --example bot -- [wss://localhost:8443/applet/websocket] [3]`

use std::env;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use wulin_certs::trusted_roots;
use wulin_client::address::{Address, HTTPS};
use wulin_client::dialer::Dialer;
use wulin_client::random_uid;
use wulin_client::websocket::Identity;
use wulin_client::wire::{ResultRow, ServerEvent};
use wulin_game::Hand;
use wulin_http::tls::Trust;

const SERVER: &str = "wss://localhost:8443/applet/websocket";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| SERVER.to_owned());
    let rounds = arguments.next().unwrap_or_else(|| "3".to_owned());
    let rounds = rounds.parse::<u32>().context("the number of rounds")?;

    let address = Address::parse(&address, HTTPS)?;
    // Trusts the public authorities, and those in the file that this variable names.
    let file = env::var_os("SSL_CERT_FILE");
    let roots = trusted_roots(file.as_deref().map(Path::new))?;
    let path = address.path.clone();
    let dialer = Dialer {
        path: path.unwrap_or_else(|| "/applet/websocket".to_owned()),
        address,
        trust: Trust::Roots(Arc::new(roots)),
    };
    let me = Identity {
        uid: random_uid("bot")?,
        name: "Rust bot".to_owned(),
        token: None,
    };
    let mut socket = dialer.dial(&me).await.context("no connection")?;
    let mut hand = Hand::Rock;
    let mut round = 1;
    while round <= rounds {
        match socket.next().await? {
            ServerEvent::Hi(_) => socket.say("join", Value::Null).await?,
            ServerEvent::Start(_) => {
                let choice = json!({ "choice": hand.number() });
                socket.say("choice", choice).await?;
            }
            ServerEvent::Result(rows) => {
                let mine = rows.iter().find(|row| row.uid == me.uid);
                let mine = mine.context("a result without us")?;
                let theirs = rows.iter().find(|row| row.uid != me.uid);
                let theirs = theirs.context("a result with us alone")?;
                println!(
                    "round {round}: {} against {} scores {}, {} in all",
                    shown(mine),
                    shown(theirs),
                    mine.round_score,
                    mine.total_score
                );
                // The next hand is the one that beats the other player's last: many people repeat themselves.
                if let Some(last) = theirs.hand() {
                    hand = Hand::ALL
                        .into_iter()
                        .find(|hand| hand.beats(last))
                        .unwrap_or(hand);
                }
                round += 1;
                if round <= rounds {
                    socket.say("join", Value::Null).await?;
                }
            }
            ServerEvent::Fault(fault) => bail!("refused: {} ({})", fault.message, fault.code),
            // Events about the other players, and those of a newer server.
            _ => {}
        }
    }
    socket.close().await;
    Ok(())
}

fn shown(row: &ResultRow) -> &'static str {
    match row.hand() {
        Some(Hand::Scissors) => "scissors",
        Some(Hand::Rock) => "rock",
        Some(Hand::Paper) => "paper",
        None => "nothing",
    }
}
