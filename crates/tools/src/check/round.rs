//! A whole round, as somebody plays it.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::finding::Finding;
use super::game::within;
use wulin_client::websocket::Socket;
use wulin_client::wire::{Event, Line, Start};
use wulin_game::Hand;

/// How long somebody may have to wait for a seat, beside the patience for one answer.
const WAIT: Duration = Duration::from_secs(20);
/// No round is longer than this one wants to wait for.
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
    let lines = within(length + patience, until_result(socket))
        .await
        .context("the round had no result")?;
    story(&start, &lines, hand)
}

async fn until_start(socket: &mut Socket) -> anyhow::Result<Start> {
    loop {
        match socket.next().await? {
            Event::Start(start) => return Ok(start),
            Event::Fault(fault) => bail!("refused: {} ({})", fault.message, fault.code),
            _ => {}
        }
    }
}

async fn until_result(socket: &mut Socket) -> anyhow::Result<Vec<Line>> {
    loop {
        match socket.next().await? {
            Event::Result(lines) => return Ok(lines),
            Event::Fault(fault) => bail!("refused: {} ({})", fault.message, fault.code),
            _ => {}
        }
    }
}

/// The round in a sentence, if it is what was played.
fn story(start: &Start, lines: &[Line], hand: Hand) -> anyhow::Result<String> {
    let user = |line: &Line| start.room_users.iter().find(|user| user.uid == line.uid);
    let ours = |line: &&Line| line.uid.starts_with("check-") && line.hand() == Some(hand);
    let mine = lines
        .iter()
        .find(ours)
        .context("our hand is not in the result")?;
    let others: Vec<_> = lines
        .iter()
        .filter(|line| line.uid != mine.uid)
        .map(|line| {
            let name = match user(line) {
                Some(user) if user.robot => format!("the robot {}", user.uname),
                Some(_) => "somebody".to_owned(),
                None => "a stranger".to_owned(),
            };
            format!("{} of {name}", word(line.hand()))
        })
        .collect();
    if others.is_empty() {
        bail!("nobody else is in the result");
    }
    let equal = |line: &Line| line.hand() == Some(hand);
    let end = match mine.round_score {
        0 if lines.iter().all(equal) => "a draw".to_owned(),
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
