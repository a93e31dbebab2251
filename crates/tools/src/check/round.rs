//! Plays a whole round on the server.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use wulin_client::websocket::Socket;
use wulin_client::wire::{ResultRow, ServerEvent, StartPayload};
use wulin_game::Hand;

use super::finding::Finding;
use super::game::within;

/// How long to wait for a seat, beside `--timeout`: the robots of a server may be slow to come.
const WAIT: Duration = Duration::from_secs(20);
/// The longest round to wait for; a server can announce any length.
const LONGEST: Duration = Duration::from_mins(2);

/// Plays a round over a socket that has said hello.
pub(super) async fn play(mut socket: Socket, patience: Duration) -> Finding {
    let played = round(&mut socket, patience).await;
    socket.close().await;
    match played {
        Ok(story) => Finding::ok(story),
        Err(error) => Finding::failed(
            format!("{error:#}"),
            "The connection works and the game does not: look into the server's log.",
        ),
    }
}

async fn round(socket: &mut Socket, patience: Duration) -> anyhow::Result<String> {
    socket.say("join", Value::Null).await?;
    let start = within(patience + WAIT, until_start(socket))
        .await
        .context("no round began")?;
    let hand = Hand::Rock;
    socket
        .say("choice", json!({ "choice": hand.number() }))
        .await?;
    let length = Duration::try_from_secs_f64(start.game_time)
        .unwrap_or(LONGEST)
        .min(LONGEST);
    let rows = within(length + patience, until_result(socket))
        .await
        .context("the round had no result")?;
    story(&start, &rows, hand)
}

async fn until_start(socket: &mut Socket) -> anyhow::Result<StartPayload> {
    loop {
        match socket.next().await? {
            ServerEvent::Start(start) => return Ok(start),
            ServerEvent::Fault(fault) => bail!("refused: {} ({})", fault.message, fault.code),
            _ => {}
        }
    }
}

async fn until_result(socket: &mut Socket) -> anyhow::Result<Vec<ResultRow>> {
    loop {
        match socket.next().await? {
            ServerEvent::Result(rows) => return Ok(rows),
            ServerEvent::Fault(fault) => bail!("refused: {} ({})", fault.message, fault.code),
            _ => {}
        }
    }
}

/// The round in a sentence. An error if the result is not of the round that was played.
fn story(start: &StartPayload, rows: &[ResultRow], hand: Hand) -> anyhow::Result<String> {
    let user = |row: &ResultRow| start.room_users.iter().find(|user| user.uid == row.uid);
    let ours = |row: &&ResultRow| row.uid.starts_with("check-") && row.hand() == Some(hand);
    let mine = rows
        .iter()
        .find(ours)
        .context("our hand is not in the result")?;
    let others: Vec<_> = rows
        .iter()
        .filter(|row| row.uid != mine.uid)
        .map(|row| {
            let name = match user(row) {
                Some(user) if user.robot => format!("the robot {}", user.uname),
                Some(_) => "somebody".to_owned(),
                None => "a stranger".to_owned(),
            };
            format!("{} of {name}", word(row.hand()))
        })
        .collect();
    if others.is_empty() {
        bail!("nobody else is in the result");
    }
    let equal = |row: &ResultRow| row.hand() == Some(hand);
    let end = match mine.round_score {
        0 if rows.iter().all(equal) => "a draw".to_owned(),
        0 => "no points".to_owned(),
        1 => "won, 1 point".to_owned(),
        more => format!("won, {more} points"),
    };
    Ok(format!(
        "our {} against {}: {end}",
        word(Some(hand)),
        others.join(" and "),
    ))
}

fn word(hand: Option<Hand>) -> &'static str {
    match hand {
        Some(Hand::Scissors) => "scissors",
        Some(Hand::Rock) => "rock",
        Some(Hand::Paper) => "paper",
        None => "no hand",
    }
}
