//! The game without a network or a clock: the lobby, its rooms, and what each client is told.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::code::{
    Arrival, Code, Command, ConnectionId, Fault, Format, Lobby, LobbyOutput, Message, Patience,
    PlayerId, Rejected, Room, RoomCommand, RoomId, RoomOutput, Rules,
};

/// Everybody, and the time.
pub(crate) struct World {
    lobby: Lobby,
    rooms: Vec<Room>,
    seats: HashMap<PlayerId, RoomId>,
    players: HashMap<PlayerId, ConnectionId>,
    told: HashMap<ConnectionId, VecDeque<Message>>,
    now: Instant,
}

impl World {
    /// Nobody is online. People wait for people alone.
    pub(crate) fn new() -> World {
        let rules = Rules {
            format: Format {
                seats: 2,
                round_time: Duration::from_secs(5),
            },
            patience: Patience {
                robot_wait: Duration::from_mins(1),
                rematch_wait: Duration::from_secs(8),
                nearby_km: 10.0,
            },
            memory: Duration::from_mins(1),
            memories: 8,
        };
        World {
            lobby: Lobby::new(rules, [7; 32]),
            rooms: Vec::new(),
            seats: HashMap::new(),
            players: HashMap::new(),
            told: HashMap::new(),
            now: Instant::now(),
        }
    }

    /// What this connection has been told since it was last asked.
    pub(crate) fn told(&mut self, connection: ConnectionId) -> Vec<Message> {
        self.told.remove(&connection).unwrap_or_default().into()
    }

    /// No more rounds.
    pub(crate) fn close(&mut self) {
        self.lobby.close();
        self.carry_out();
    }

    /// A connection is lost.
    pub(crate) fn cut(&mut self, connection: ConnectionId) {
        self.players.retain(|_, own| *own != connection);
        self.lobby.disconnect(connection, self.now);
        self.carry_out();
    }

    /// A connection sends a command. Returns why it was refused, which it has also been told.
    pub(crate) fn send(&mut self, by: ConnectionId, command: Command) -> Option<Code> {
        let event = command.name();
        let player = self
            .players
            .iter()
            .find(|(_, connection)| **connection == by);
        let player = player.map(|(player, _)| *player);
        let seat = player.and_then(|player| Some((player, *self.seats.get(&player)?)));
        let to_room = match &command {
            Command::Choice(hand) => Some(RoomCommand::Choose(*hand)),
            Command::Lock(hand) => Some(RoomCommand::Lock(*hand)),
            Command::Face(face) => Some(RoomCommand::Pull(*face)),
            Command::Leave => Some(RoomCommand::Leave),
            Command::Hello(_) | Command::Join | Command::JoinRobot => None,
        };
        let outcome = if let (Some((player, room)), Some(to_room)) = (seat, to_room) {
            self.ask(room, player, to_room)
        } else {
            match command {
                Command::Hello(hello) => {
                    let arrival = Arrival {
                        profile: hello.profile,
                        place: hello.place,
                        token: hello.token,
                        legacy: false,
                        origin: None,
                    };
                    self.lobby.hello(by, arrival, self.now)
                }
                Command::Join => self.lobby.join(by, self.now),
                Command::JoinRobot => self.lobby.join_robot(by, self.now),
                Command::Leave => self.lobby.leave(by),
                Command::Choice(_) | Command::Lock(_) => self.lobby.choose(by),
                Command::Face(face) => self.lobby.pull(by, face),
            }
        };
        let refused = outcome.err().map(Code::from);
        if let Some(code) = refused {
            self.tell(by, Message::from(&Fault::new(event, code)));
        }
        self.carry_out();
        refused
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let rooms = self.rooms.iter().filter_map(Room::deadline);
            let next = rooms.chain(self.lobby.deadline()).min();
            self.now = next.map_or(end, |next| next.min(end));
            self.lobby.handle_timeout(self.now);
            for room in &mut self.rooms {
                room.handle_timeout(self.now);
            }
            self.carry_out();
            if next.is_none_or(|next| next > end) {
                return;
            }
        }
    }

    fn ask(
        &mut self,
        room: RoomId,
        player: PlayerId,
        command: RoomCommand,
    ) -> Result<(), Rejected> {
        let room = self.rooms.iter_mut().find(|own| own.id() == room);
        let room = room.expect("a seat is in a room");
        room.handle(player, command, self.now)
    }

    fn tell(&mut self, connection: ConnectionId, message: Message) {
        self.told.entry(connection).or_default().push_back(message);
    }

    fn tell_player(&mut self, player: PlayerId, message: Message) {
        if let Some(connection) = self.players.get(&player) {
            self.tell(*connection, message);
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.lobby.poll_effect() {
            match output {
                LobbyOutput::Attached(player, connection) => {
                    self.players.insert(player, connection);
                }
                LobbyOutput::Replaced(player) => {
                    let fault = Fault::new("hello", Code::Replaced);
                    self.tell_player(player, Message::from(&fault));
                }
                LobbyOutput::Send(player, event) => {
                    self.tell_player(player, Message::from(&event));
                }
                LobbyOutput::Opened(room, people) => {
                    let seats = people.into_iter().map(|player| (player, room.id()));
                    self.seats.extend(seats);
                    self.rooms.push(room);
                }
                LobbyOutput::Gone(player) => _ = self.players.remove(&player),
                LobbyOutput::Resumed(player, room) => {
                    let back = RoomCommand::Return { legacy: false };
                    self.ask(room, player, back).expect("it has a seat");
                }
                LobbyOutput::Abandoned(player, _, room) => {
                    let gone = RoomCommand::Disconnect;
                    self.ask(room, player, gone).expect("it has a seat");
                }
            }
        }
        for at in 0..self.rooms.len() {
            while let Some(output) = self.rooms[at].poll_effect() {
                let room = self.rooms[at].id();
                match output {
                    RoomOutput::Send(recipient, event) => {
                        let people: Vec<_> = self.rooms[at].audience(recipient).collect();
                        for player in people {
                            self.tell_player(player, Message::from(&event));
                        }
                    }
                    RoomOutput::Left(player) => {
                        self.seats.remove(&player);
                        self.lobby.left_room(player, room, self.now);
                    }
                    RoomOutput::Settled(standings, settlements) => {
                        self.seats.retain(|_, seat| *seat != room);
                        self.lobby.settled(room, &standings, &settlements, self.now);
                    }
                }
            }
        }
        self.rooms.retain(|room| room.deadline().is_some());
    }
}
