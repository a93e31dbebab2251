//! Drives one room to its end: the only code where a room meets the runtime.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time;
use tracing::debug;

use super::line::Line;
use super::lobby_handle::LobbyHandle;
use super::outbox::Delivery;
use super::seat::RoomLetter;
use super::{Figures, Gauge, Owed, now};
use wulin_game::protocol::{Code, Message};
use wulin_game::room::{Action, Recipient, Room, RoomEffect};
use wulin_game::{Event, Movement, PlayerId};

/// Everybody in a room and the way to them.
pub(super) type Lines = Vec<(PlayerId, Arc<Line>)>;

/// Runs a room until its round is settled or everybody has left.
pub(super) async fn run(
    mut room: Room,
    mut mailbox: mpsc::Receiver<RoomLetter>,
    lines: Lines,
    lobby: LobbyHandle,
    figures: Arc<Figures>,
) {
    let _room = figures.enter(Gauge::Room, 1);
    let _robots = figures.enter(Gauge::Robot, room.robots());
    debug!(room = %room.id(), people = lines.len(), robots = room.robots(), "round started");
    figures.counters.rounds.add(1);
    figures.counters.robots.add(room.robots());
    let mut owed = None;
    // Set anew only when the deadline has changed, which most letters do not do: timers are kept behind a lock.
    let mut alarm = pin!(time::sleep_until(now().into()));
    loop {
        carry_out(&mut room, &lines, &lobby, owed).await;
        let Some(deadline) = room.deadline() else {
            break;
        };
        if alarm.deadline() != deadline.into() {
            alarm.as_mut().reset(deadline.into());
        }
        tokio::select! {
            biased; // a flood of commands must not hold a deadline back
            () = &mut alarm => {
                owed = Some(Owed::Result(deadline));
                room.handle_timeout(now());
            }
            letter = mailbox.recv() => {
                let Some(letter) = letter else { break };
                owed = Some(Owed::Choice(letter.sent));
                answer(&mut room, &lines, &letter);
            }
        }
    }
    for player in room.audience(Recipient::All) {
        tell(&lines, player, || Delivery::Unseated(room.id()));
    }
    debug!(room = %room.id(), "room closed");
    // What was sent meanwhile is refused, not lost.
    mailbox.close();
    while let Some(letter) = mailbox.recv().await {
        answer(&mut room, &lines, &letter);
    }
}

fn answer(room: &mut Room, lines: &Lines, letter: &RoomLetter) {
    let RoomLetter {
        player,
        connection,
        command,
        event,
        ack,
        sent: _,
    } = *letter;
    let Some((_, line)) = lines.iter().find(|(other, _)| *other == player) else {
        return;
    };
    // A connection that was replaced has no say any more.
    if !line.leads_to(connection) {
        return;
    }
    let outcome = room.handle(player, command, now());
    // The client has asked for nothing: it is gone, or has said hello and the round has ended meanwhile.
    if matches!(command, Action::Disconnect | Action::Return { .. }) {
        return;
    }
    line.report(event, ack, outcome.map_err(Code::from));
}

/// Tells everybody what has happened. `owed` says by what, and since when they could know.
async fn carry_out(room: &mut Room, lines: &Lines, lobby: &LobbyHandle, owed: Option<Owed>) {
    while let Some(effect) = room.poll_effect() {
        match effect {
            RoomEffect::Send(recipient, event) => {
                let message = Message::from(&event);
                let owed = owed.filter(|owed| is_about(&event, *owed));
                for player in room.audience(recipient) {
                    let Some((_, line)) = lines.iter().find(|(other, _)| *other == player) else {
                        continue;
                    };
                    let message = message.clone();
                    let result_of = message.result_of();
                    let delivery = match owed {
                        Some(owed) => Delivery::Owed(message, owed),
                        None => Delivery::Message(message),
                    };
                    match result_of {
                        Some(result_of) => line.send_result(result_of, delivery),
                        None => line.send(delivery),
                    }
                }
            }
            // The lobby first: whoever asks for a seat next is free by then.
            RoomEffect::Left(player) => {
                lobby.left_room(player, room.id()).await;
                tell(lines, player, || Delivery::Unseated(room.id()));
            }
            RoomEffect::Settled(standings, settlements) => {
                lobby.settled(room.id(), standings, settlements).await;
            }
        }
    }
}

/// Whether an event is what somebody waits for since then.
fn is_about(event: &Event, owed: Owed) -> bool {
    match owed {
        Owed::Choice(_) => matches!(
            event,
            Event::Moved {
                movement: Movement::Choice | Movement::Locked,
                ..
            }
        ),
        Owed::Result(_) => matches!(event, Event::RoundEnded { .. }),
    }
}

fn tell(lines: &Lines, player: PlayerId, delivery: impl FnOnce() -> Delivery) {
    if let Some((_, line)) = lines.iter().find(|(other, _)| *other == player) {
        line.send(delivery());
    }
}
