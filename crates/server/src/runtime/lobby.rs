//! Drives the lobby: the only code where it meets the runtime.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::line::{Line, Peer};
use super::lobby_handle::{Ask, Ended, LobbyHandle, LobbyLetter};
use super::outbox::Delivery;
use super::room;
use super::seat::{self, RoomLetter};
use super::{Figures, Gauge, now};
use wulin_game::ids::shrink;
use wulin_game::lobby::{Lobby, LobbyEffect};
use wulin_game::protocol::{Code, Fault, Message};
use wulin_game::room::{Action, Room};
use wulin_game::{ConnectionId, PlayerId, RoomId};

/// Letters the lobby can be behind before connections are slowed down.
const MAILBOX: usize = 1024;
/// Letters taken before what came of them is carried out; keeps a flood from starving deadlines.
const BATCH: usize = 64;

/// Starts the lobby's task. It ends when nobody holds the handle any more.
pub fn spawn(lobby: Lobby, figures: Arc<Figures>, tasks: &TaskTracker) -> LobbyHandle {
    let (sender, mailbox) = mpsc::channel(MAILBOX);
    let handle = LobbyHandle(sender);
    let host = Host {
        lobby,
        lines: HashMap::new(),
        arriving: None,
        rooms: HashMap::new(),
        weak: handle.0.downgrade(),
        figures,
        tasks: tasks.clone(),
    };
    tasks.spawn(host.run(mailbox));
    handle
}

/// The lobby and the ways to everybody in it.
struct Host {
    lobby: Lobby,
    lines: HashMap<PlayerId, Arc<Line>>,
    /// The connection whose hello is being carried out.
    arriving: Option<Peer>,
    rooms: HashMap<RoomId, mpsc::Sender<RoomLetter>>,
    /// Weak, so that the lobby does not keep itself alive.
    weak: mpsc::WeakSender<LobbyLetter>,
    figures: Arc<Figures>,
    tasks: TaskTracker,
}

impl Host {
    async fn run(mut self, mut mailbox: mpsc::Receiver<LobbyLetter>) {
        let mut letters = Vec::with_capacity(BATCH);
        // Set anew only when the deadline has changed: timers are kept behind a lock.
        let mut alarm = pin!(time::sleep_until(now().into()));
        loop {
            let deadline = self.lobby.deadline();
            if let Some(deadline) = deadline.map(Into::into)
                && alarm.deadline() != deadline
            {
                alarm.as_mut().reset(deadline);
            }
            tokio::select! {
                biased; // a flood of letters must not hold a deadline back
                () = &mut alarm, if deadline.is_some() => {
                    self.lobby.handle_timeout(now());
                    self.carry_out();
                }
                taken = mailbox.recv_many(&mut letters, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                    for letter in letters.drain(..) {
                        self.open(letter);
                        self.carry_out();
                    }
                }
            }
            self.figures.set(Gauge::Person, self.lobby.online());
            self.figures.set(Gauge::Waiting, self.lobby.waiting());
            self.figures.set(Gauge::Memory, self.lobby.remembered());
        }
    }

    fn open(&mut self, letter: LobbyLetter) {
        match letter {
            LobbyLetter::Ask {
                by,
                ask,
                event,
                ack,
            } => self.answer(by, ask, event, ack),
            LobbyLetter::Disconnected(connection) => {
                self.note_receipt(self.lobby.speaker(connection));
                self.lobby.disconnect(connection, now());
            }
            LobbyLetter::LeftRoom(player, room) => self.lobby.left_room(player, room, now()),
            LobbyLetter::Settled(ended) => {
                let Ended {
                    room,
                    standings,
                    settlements,
                } = *ended;
                self.rooms.remove(&room);
                self.lobby.settled(room, &standings, &settlements, now());
            }
            LobbyLetter::Close => self.lobby.close(),
            LobbyLetter::Ping(pong) => _ = pong.send(()),
        }
    }

    fn answer(&mut self, by: Peer, ask: Ask, event: &'static str, ack: Option<u64>) {
        let outcome = match ask {
            Ask::Hello(hello) => {
                self.note_receipt(self.lobby.holder(&hello.profile.uid));
                self.lobby.hello(by.id, *hello, now())
            }
            Ask::JoinRobot => self.lobby.join_robot(by.id, now()),
            Ask::Join => self.lobby.join(by.id, now()),
            Ask::Leave => self.lobby.leave(by.id),
            Ask::Choose => self.lobby.choose(by.id),
            Ask::Pull(face) => self.lobby.pull(by.id, face),
        };
        // Before what comes of it, so that an acknowledged `join` is acknowledged before its `room`.
        by.outbox.report(event, ack, outcome.map_err(Code::from));
        self.arriving = Some(by);
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.lobby.poll_effect() {
            match effect {
                LobbyEffect::Attached(player, connection) => self.attach(player, connection),
                LobbyEffect::Replaced(player) => {
                    let fault = Message::from(&Fault::new("hello", Code::Replaced));
                    self.tell(player, Delivery::Message(fault));
                    self.tell(player, Delivery::Replaced);
                }
                LobbyEffect::Send(player, event) => {
                    let message = Message::from(&event);
                    if let (Some(room), Some(line)) = (message.result_of(), self.lines.get(&player))
                    {
                        line.told(room);
                    }
                    self.tell(player, Delivery::Message(message));
                }
                LobbyEffect::Resumed(player, room) => {
                    if let Some(mailbox) = self.rooms.get(&room) {
                        let seat = seat::seat(room, player, mailbox);
                        self.tell(
                            player,
                            Delivery::Seated {
                                seat,
                                returned: true,
                            },
                        );
                    }
                }
                LobbyEffect::Abandoned(player, connection, room) => {
                    self.abandon(player, connection, room);
                }
                LobbyEffect::Opened(room, people) => self.open_room(room, &people),
                LobbyEffect::Gone(player) => {
                    self.lines.remove(&player);
                    shrink(&mut self.lines);
                }
            }
        }
        self.arriving = None;
    }

    fn attach(&mut self, player: PlayerId, connection: ConnectionId) {
        // Only the connection that is saying hello can be attached.
        let Some(peer) = self.arriving.clone().filter(|peer| peer.id == connection) else {
            return;
        };
        debug!(%player, %connection, "person is online");
        match self.lines.get(&player) {
            Some(line) => line.switch(peer),
            None => _ = self.lines.insert(player, Arc::new(Line::new(peer))),
        }
    }

    /// Lets the lobby know which result a player's connection has received, before it is another's turn to speak.
    fn note_receipt(&mut self, player: Option<PlayerId>) {
        if let Some(player) = player
            && let Some(line) = self.lines.get(&player)
            && let Some(room) = line.received()
        {
            self.lobby.heard(player, room);
        }
    }

    /// Tells a room on behalf of a connection that is gone. The lobby does, not the connection: it alone knows for certain
    /// where the player sits.
    fn abandon(&self, player: PlayerId, connection: ConnectionId, room: RoomId) {
        let Some(mailbox) = self.rooms.get(&room) else {
            return;
        };
        let seat = seat::seat(room, player, mailbox);
        // A task of its own: the lobby waits for no room.
        self.tasks.spawn(async move {
            seat.send(connection, Action::Disconnect, "leave", None)
                .await
        });
    }

    fn open_room(&mut self, room: Room, people: &[PlayerId]) {
        let Some(sender) = self.weak.upgrade() else {
            return;
        };
        let (mailbox, letters) = seat::mailbox();
        let lines: room::Lines = people
            .iter()
            .filter_map(|player| Some((*player, self.lines.get(player)?.clone())))
            .collect();
        for (player, line) in &lines {
            line.send(Delivery::Seated {
                seat: seat::seat(room.id(), *player, &mailbox),
                returned: false,
            });
        }
        self.rooms.insert(room.id(), mailbox);
        self.tasks.spawn(room::run(
            room,
            letters,
            lines,
            LobbyHandle(sender),
            self.figures.clone(),
        ));
    }

    fn tell(&self, player: PlayerId, delivery: Delivery) {
        if let Some(line) = self.lines.get(&player) {
            line.send(delivery);
        }
    }
}
