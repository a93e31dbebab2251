//! Drives the lobby: the only code where it meets the runtime.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::line::{Line, Peer};
use super::outbox::Delivery;
use super::room::{self, Letter as RoomLetter};
use super::{Census, Kind, now};
use wulin_game::ids::shrink;
use wulin_game::lobby::{Hello, Lobby, Output};
use wulin_game::protocol::{Code, Fault, Message};
use wulin_game::room::{Command, Room, Settlement};
use wulin_game::{ConnectionId, Face, PlayerId, RoomId, RoundStanding};

/// Letters the lobby can be behind before connections are slowed down.
const MAILBOX: usize = 1024;
/// Letters taken before what came of them is carried out; keeps a flood from starving deadlines.
const BATCH: usize = 64;

/// What somebody who sits in no running room asks.
#[derive(Debug)]
pub enum Ask {
    /// Who I am.
    Hello(Box<Hello>),
    /// A seat.
    Join,
    /// A seat with a robot.
    JoinRobot,
    /// Not to wait any longer.
    Leave,
    /// A hand, though no round is running.
    Choose,
    /// A face at whoever waits along.
    Pull(Face),
}

impl Ask {
    /// The event's name on the wire.
    fn event(&self) -> &'static str {
        match self {
            Ask::Hello(_) => "hello",
            Ask::Join | Ask::JoinRobot => "join",
            Ask::Leave => "leave",
            Ask::Choose => "choice",
            Ask::Pull(_) => "face",
        }
    }
}

#[derive(Debug)]
enum Letter {
    Ask {
        by: Peer,
        ask: Ask,
        ack: Option<u64>,
    },
    Disconnected(ConnectionId),
    LeftRoom(PlayerId, RoomId),
    // In a box, since every connection that sends has room for the largest letter.
    Settled(Box<Ended>),
    Close,
    Ping(oneshot::Sender<()>),
}

/// What came of a room.
#[derive(Debug)]
struct Ended {
    room: RoomId,
    standings: Arc<[RoundStanding]>,
    settlements: Vec<Settlement>,
}

/// The way to the lobby. Every send waits while the lobby is behind.
#[derive(Debug, Clone)]
pub struct LobbyHandle(mpsc::Sender<Letter>);

impl LobbyHandle {
    /// Asks on behalf of a connection; the answer comes by its outbox.
    pub async fn ask(&self, by: Peer, ask: Ask, ack: Option<u64>) {
        self.send(Letter::Ask { by, ask, ack }).await;
    }

    /// A connection is gone.
    pub async fn disconnected(&self, connection: ConnectionId) {
        self.send(Letter::Disconnected(connection)).await;
    }

    /// No more rounds from now on.
    pub async fn close(&self) {
        self.send(Letter::Close).await;
    }

    /// Whether the lobby answers. Waits for as long as it takes.
    pub async fn answers(&self) -> bool {
        let (pong, answer) = oneshot::channel();
        self.send(Letter::Ping(pong)).await;
        answer.await.is_ok()
    }

    pub(super) async fn left_room(&self, player: PlayerId, room: RoomId) {
        self.send(Letter::LeftRoom(player, room)).await;
    }

    pub(super) async fn settled(
        &self,
        room: RoomId,
        standings: Arc<[RoundStanding]>,
        settlements: Vec<Settlement>,
    ) {
        let ended = Box::new(Ended {
            room,
            standings,
            settlements,
        });
        self.send(Letter::Settled(ended)).await;
    }

    async fn send(&self, letter: Letter) {
        // The lobby ends with the process, after everybody who could send to it; there is nobody to tell.
        let _ = self.0.send(letter).await;
    }
}

/// Starts the lobby's task. It ends when nobody holds the handle any more.
pub fn spawn(lobby: Lobby, census: Arc<Census>, tasks: &TaskTracker) -> LobbyHandle {
    let (sender, mailbox) = mpsc::channel(MAILBOX);
    let handle = LobbyHandle(sender);
    let host = Host {
        lobby,
        lines: HashMap::new(),
        arriving: None,
        rooms: HashMap::new(),
        weak: handle.0.downgrade(),
        census,
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
    weak: mpsc::WeakSender<Letter>,
    census: Arc<Census>,
    tasks: TaskTracker,
}

impl Host {
    async fn run(mut self, mut mailbox: mpsc::Receiver<Letter>) {
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
            self.census.set(Kind::Person, self.lobby.online());
            self.census.set(Kind::Waiting, self.lobby.waiting());
            self.census.set(Kind::Memory, self.lobby.remembered());
        }
    }

    fn open(&mut self, letter: Letter) {
        match letter {
            Letter::Ask { by, ask, ack } => self.answer(by, ask, ack),
            Letter::Disconnected(connection) => {
                self.note_receipt(self.lobby.speaker(connection));
                self.lobby.disconnect(connection, now());
            }
            Letter::LeftRoom(player, room) => self.lobby.left_room(player, room, now()),
            Letter::Settled(ended) => {
                let Ended {
                    room,
                    standings,
                    settlements,
                } = *ended;
                self.rooms.remove(&room);
                self.lobby.settled(room, &standings, &settlements, now());
            }
            Letter::Close => self.lobby.close(),
            Letter::Ping(pong) => _ = pong.send(()),
        }
    }

    fn answer(&mut self, by: Peer, ask: Ask, ack: Option<u64>) {
        let event = ask.event();
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
        while let Some(output) = self.lobby.poll_output() {
            match output {
                Output::Attached(player, connection) => self.attach(player, connection),
                Output::Replaced(player) => {
                    let fault = Message::from(&Fault::new("hello", Code::Replaced));
                    self.tell(player, Delivery::Message(fault));
                    self.tell(player, Delivery::Replaced);
                }
                Output::Send(player, event) => {
                    let message = Message::from(&event);
                    if let (Some(room), Some(line)) = (message.result_of(), self.lines.get(&player))
                    {
                        line.told(room);
                    }
                    self.tell(player, Delivery::Message(message));
                }
                Output::Resumed(player, room) => {
                    if let Some(mailbox) = self.rooms.get(&room) {
                        let seat = room::seat(room, player, mailbox);
                        self.tell(
                            player,
                            Delivery::Seated {
                                seat,
                                returned: true,
                            },
                        );
                    }
                }
                Output::Abandoned(player, connection, room) => {
                    self.abandon(player, connection, room);
                }
                Output::Opened(room, people) => self.open_room(room, &people),
                Output::Gone(player) => {
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
        let seat = room::seat(room, player, mailbox);
        // A task of its own: the lobby waits for no room.
        self.tasks.spawn(async move {
            seat.send(connection, Command::Disconnect, "leave", None)
                .await
        });
    }

    fn open_room(&mut self, room: Room, people: &[PlayerId]) {
        let Some(sender) = self.weak.upgrade() else {
            return;
        };
        let (mailbox, letters) = room::mailbox();
        let lines: room::Lines = people
            .iter()
            .filter_map(|player| Some((*player, self.lines.get(player)?.clone())))
            .collect();
        for (player, line) in &lines {
            line.send(Delivery::Seated {
                seat: room::seat(room.id(), *player, &mailbox),
                returned: false,
            });
        }
        self.rooms.insert(room.id(), mailbox);
        self.tasks.spawn(room::run(
            room,
            letters,
            lines,
            LobbyHandle(sender),
            self.census.clone(),
        ));
    }

    fn tell(&self, player: PlayerId, delivery: Delivery) {
        if let Some(line) = self.lines.get(&player) {
            line.send(delivery);
        }
    }
}
