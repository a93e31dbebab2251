//! The connection of a player, which is opened again when it is lost.

use std::time::Duration;

use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{self, Instant, timeout};
use wulin_client::dialer::Dialer;
use wulin_client::websocket::{Identity, Socket};
use wulin_client::wire::{self, ServerEvent};
use wulin_text::harmless;

use super::news::{News, Say};

/// How long a message may take to be sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often `hello` is sent as a heartbeat, which the server answers with `hi`. It also brings the number of people
/// online.
const BEAT: Duration = Duration::from_secs(15);
/// How long the server may send nothing, before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(40);
/// The pause before a second attempt to open a lost connection again. It doubles with each attempt, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A connection that is lost before this time is not opened again at once.
const SHORT_LIVED: Duration = Duration::from_secs(1);
/// The longest pause that a server may ask for before it restarts.
const RESTART: Duration = Duration::from_mins(1);
/// Messages that may wait in either direction; a player has a few at most.
const QUEUE: usize = 64;
/// The most messages between two heartbeats; more means that the server is broken or hostile. A room of 16 players who
/// all send as fast as a server allows causes a third of it.
const FLOOD: u32 = 15_000;

/// Fault codes after which reconnecting is of no use, since the server would refuse again.
const FINAL: [&str; 7] = [
    "replaced",
    "uid_taken",
    "uid_reserved",
    "uid_fixed",
    "bad_uid",
    "bad_name",
    "name_reserved",
];

/// A connection that a task keeps open, by its two queues.
#[derive(Debug)]
pub struct PlayerLink {
    says: mpsc::Sender<Say>,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

impl PlayerLink {
    /// Starts the task with an open socket.
    pub fn keep(dialer: Dialer, identity: Identity, socket: Socket) -> PlayerLink {
        let (says, heard) = mpsc::channel(QUEUE);
        let (tell, news) = mpsc::channel(QUEUE);
        let task = tokio::spawn(keep(dialer, identity, socket, heard, tell));
        PlayerLink { says, news, task }
    }

    /// Waits for the next news. Safe to cancel.
    pub async fn news(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => News::Gone("the connection ended".to_owned()),
        }
    }

    /// Sends a message, if there is a connection. One that is lost with the connection is not repeated here: the table
    /// sends what still matters when the connection is back.
    pub fn say(&self, say: Say) {
        // The queue is full only if the server reads nothing, and then the connection is lost soon.
        let _ = self.says.try_send(say);
    }

    /// Closes the connection with a close frame, or aborts it after a second.
    pub async fn close(self) {
        let PlayerLink { says, task, .. } = self;
        drop(says);
        let abort = task.abort_handle();
        if timeout(Duration::from_secs(1), task).await.is_err() {
            abort.abort();
        }
    }
}

/// Why a connection ended.
enum TalkEnd {
    /// The player has left.
    Done,
    /// It was lost, and can be opened again.
    Lost(anyhow::Error),
    /// The server refuses this player for good.
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
        let since = Instant::now();
        let mut restart = None;
        let talked = talk(&mut socket, &mut identity, &mut says, &news, &mut restart).await;
        let error = match talked {
            TalkEnd::Done => {
                // The close frame is a courtesy: the program must not wait for a server that does not read it.
                let _ = timeout(Duration::from_millis(500), socket.close()).await;
                return;
            }
            TalkEnd::Refused(why) => {
                let _ = news.send(News::Gone(why)).await;
                return;
            }
            TalkEnd::Lost(error) => error,
        };
        // A round lasts seconds, so the first try is made at once; but not if the server hangs up on each.
        let pause = match restart {
            Some(pause) => pause,
            None if since.elapsed() < SHORT_LIVED => SHORTEST_PAUSE,
            None => Duration::ZERO,
        };
        let Some(again) = reopen(&dialer, &identity, (error, pause), &mut says, &news).await else {
            return;
        };
        socket = again;
    }
}

/// Tries to open the connection until it succeeds. None if the player leaves meanwhile.
async fn reopen(
    dialer: &Dialer,
    identity: &Identity,
    (mut error, mut pause): (anyhow::Error, Duration),
    says: &mut mpsc::Receiver<Say>,
    news: &mpsc::Sender<News>,
) -> Option<Socket> {
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
                // Without a connection all other messages are dropped.
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
        pause = (pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    }
}

async fn talk(
    socket: &mut Socket,
    identity: &mut Identity,
    says: &mut mpsc::Receiver<Say>,
    news: &mpsc::Sender<News>,
    restart: &mut Option<Duration>,
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
                    Ok(text) => hear(&text, identity, news, restart).await,
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

/// Passes on an event of the server. A frame that cannot be read is ignored: it may be for a newer client.
async fn hear(
    text: &str,
    identity: &mut Identity,
    news: &mpsc::Sender<News>,
    restart: &mut Option<Duration>,
) -> Result<(), TalkEnd> {
    let Ok(event) = wire::read(text) else {
        return Ok(());
    };
    if let ServerEvent::Hi(hi) = &event {
        identity.token.clone_from(&hi.token);
    }
    if let ServerEvent::Restart(delay) = &event {
        *restart = Some(Duration::from_millis(*delay).min(RESTART));
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
        Say::JoinRobot => ("join", json!({ "robot": true })),
        Say::Choice(hand) => ("choice", json!({ "choice": hand.number() })),
        Say::Lock(hand) => ("choice", json!({ "choice": hand.number(), "lock": true })),
        Say::Face(face) => ("face", json!({ "face": face.number() })),
        Say::Leave => ("leave", Value::Null),
        Say::Redial => bail!("no result came"),
    };
    in_time(socket.say(event, data)).await
}

async fn in_time(sent: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    match timeout(PATIENCE, sent).await {
        Ok(done) => done,
        Err(_) => bail!("the server reads nothing"),
    }
}
