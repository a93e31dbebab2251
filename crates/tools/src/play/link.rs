//! The connection of a player, which comes back by itself.

use std::time::Duration;

use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{self, Instant, timeout};

use super::table::{News, Say};
use wulin_client::dialer::Dialer;
use wulin_client::websocket::{Identity, Socket};
use wulin_client::wire::{self, ServerEvent};
use wulin_text::harmless;

/// How long a connection may take to open, and a message to be sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the server is asked whether it is still there: hello and hi serve as ping and pong.
const BEAT: Duration = Duration::from_secs(15);
/// How long it may say nothing.
const SILENCE: Duration = Duration::from_secs(40);
/// The first pause before a lost connection is opened again; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Messages that may wait in either direction; a player has a handful.
const QUEUE: usize = 64;
/// Messages between two beats that are too many: a room of 16 says a third of it when all of them hammer their keys.
const FLOOD: u32 = 15_000;

/// Refusals after which trying again would only repeat them.
const FINAL: [&str; 7] = [
    "replaced",
    "uid_taken",
    "uid_reserved",
    "uid_fixed",
    "bad_uid",
    "bad_name",
    "name_reserved",
];

/// The two ends of a connection that is kept open by a task.
#[derive(Debug)]
pub struct PlayerLink {
    says: mpsc::Sender<Say>,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

impl PlayerLink {
    /// Keeps the connection up from an open socket on.
    pub fn keep(dialer: Dialer, identity: Identity, socket: Socket) -> PlayerLink {
        let (says, heard) = mpsc::channel(QUEUE);
        let (tell, news) = mpsc::channel(QUEUE);
        let task = tokio::spawn(keep(dialer, identity, socket, heard, tell));
        PlayerLink { says, news, task }
    }

    /// What is new. Safe to cancel.
    pub async fn news(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => News::Gone("the connection ended".to_owned()),
        }
    }

    /// Says something, if there is a connection; what is lost with it is said again by whoever keeps the game.
    pub fn say(&self, say: Say) {
        // Full only when the server reads nothing, and then the connection is about to be given up.
        let _ = self.says.try_send(say);
    }

    /// Closes in good order, or soon.
    pub async fn close(self) {
        let PlayerLink { says, task, .. } = self;
        drop(says);
        let abort = task.abort_handle();
        if timeout(Duration::from_secs(1), task).await.is_err() {
            abort.abort();
        }
    }
}

/// Why a conversation ended.
enum TalkEnd {
    /// We have nothing more to say.
    Done,
    /// It broke.
    Lost(anyhow::Error),
    /// The server does not want us.
    Refused(String),
}

async fn keep(
    dialer: Dialer,
    mut identity: Identity,
    mut socket: Socket,
    mut says: mpsc::Receiver<Say>,
    news: mpsc::Sender<News>,
) {
    loop {
        if news.send(News::Up).await.is_err() {
            return;
        }
        let error = match talk(&mut socket, &mut identity, &mut says, &news).await {
            TalkEnd::Done => {
                // Whether the goodbye arrives does not matter, that we leave does.
                let _ = timeout(Duration::from_millis(500), socket.close()).await;
                return;
            }
            TalkEnd::Refused(why) => {
                let _ = news.send(News::Gone(why)).await;
                return;
            }
            TalkEnd::Lost(error) => error,
        };
        let Some(again) = reopen(&dialer, &identity, error, &mut says, &news).await else {
            return;
        };
        socket = again;
    }
}

/// Opens the connection again and again; none if nobody wants it any more.
async fn reopen(
    dialer: &Dialer,
    identity: &Identity,
    mut error: anyhow::Error,
    says: &mut mpsc::Receiver<Say>,
    news: &mpsc::Sender<News>,
) -> Option<Socket> {
    let mut pause = SHORTEST_PAUSE;
    loop {
        news.send(News::Down(harmless(&format!("{error:#}"))))
            .await
            .ok()?;
        let attempt = async move {
            time::sleep(pause).await;
            dialer.dial(identity).await
        };
        tokio::pin!(attempt);
        let outcome = loop {
            tokio::select! {
                outcome = &mut attempt => break outcome,
                // Nothing can be said now.
                say = says.recv() => {
                    if matches!(say, None | Some(Say::Leave)) {
                        return None;
                    }
                }
            }
        };
        match outcome {
            Ok(socket) => return Some(socket),
            Err(failed) => error = failed,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn talk(
    socket: &mut Socket,
    identity: &mut Identity,
    says: &mut mpsc::Receiver<Say>,
    news: &mpsc::Sender<News>,
) -> TalkEnd {
    let mut beat = time::interval_at(Instant::now() + BEAT, BEAT);
    let mut silent_since = Instant::now();
    let mut heard = 0;
    loop {
        let done = tokio::select! {
            text = socket.next_text() => {
                silent_since = Instant::now();
                heard += 1;
                match text {
                    Ok(_) if heard > FLOOD => {
                        Err(TalkEnd::Lost(anyhow!("the server says too much")))
                    }
                    Ok(text) => hear(&text, identity, news).await,
                    Err(error) => Err(TalkEnd::Lost(error)),
                }
            }
            say = says.recv() => match say {
                Some(say) => tell(socket, say).await.map_err(TalkEnd::Lost),
                None => Err(TalkEnd::Done),
            },
            _ = beat.tick() => {
                heard = 0;
                greet(socket, identity).await.map_err(TalkEnd::Lost)
            }
            () = time::sleep_until(silent_since + SILENCE) => {
                Err(TalkEnd::Lost(anyhow!("the server has fallen silent")))
            }
        };
        if let Err(end) = done {
            return end;
        }
    }
}

/// Takes note of what the server said. What this program does not understand is for newer ones.
async fn hear(
    text: &str,
    identity: &mut Identity,
    news: &mpsc::Sender<News>,
) -> Result<(), TalkEnd> {
    let Ok(event) = wire::read(text) else {
        return Ok(());
    };
    if let ServerEvent::Hi(hi) = &event {
        identity.token.clone_from(&hi.token);
    }
    if let ServerEvent::Fault(fault) = &event
        && FINAL.contains(&&*fault.code)
    {
        return Err(TalkEnd::Refused(harmless(&format!(
            "{} ({})",
            fault.message, fault.code
        ))));
    }
    news.send(News::Said(event))
        .await
        .map_err(|_| TalkEnd::Done)
}

async fn greet(socket: &mut Socket, identity: &Identity) -> anyhow::Result<()> {
    in_time(socket.hello(identity)).await
}

async fn tell(socket: &mut Socket, say: Say) -> anyhow::Result<()> {
    let (event, data) = match say {
        Say::Join => ("join", Value::Null),
        Say::Choice(hand) => ("choice", json!({ "choice": hand.number() })),
        Say::Face(face) => ("face", json!({ "face": face.number() })),
        Say::Leave => ("leave", Value::Null),
    };
    in_time(socket.say(event, data)).await
}

async fn in_time(sent: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    match timeout(PATIENCE, sent).await {
        Ok(done) => done,
        Err(_) => bail!("the server reads nothing"),
    }
}
