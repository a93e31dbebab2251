//! Vectors: text, and what the codec and the rules make of it.

use std::time::Duration;

use crate::code::{
    Code, Command, ConnectionId, Dialogue, Event, Fault, Hand, Handshake, Message, Movement,
    Packets, Received, Shown, Sid, Standing, Version, accepted, acknowledge, balances, encode,
    native, refused, socketio,
};
use crate::document::{Document, Row, bare, codes};
use crate::world::World;

const SID: Sid = Sid::new([0x11; 16]);
const SOCKETIO_SID: Sid = Sid::new([0x22; 16]);

fn outcome(command: Result<Command, Fault>) -> String {
    match command {
        Ok(Command::Choice(hand)) => format!("choice {}", hand.number()),
        Ok(Command::Lock(hand)) => format!("choice {}, locked", hand.number()),
        Ok(Command::JoinRobot) => "join, with a robot".to_owned(),
        Ok(Command::Face(face)) => format!("face {}", face.number()),
        Ok(command) => command.name().to_owned(),
        Err(fault) => format!("fault {}", fault.code.name()),
    }
}

fn version(row: &Row) -> Version {
    match row["EIO"].as_str() {
        "3" => Version::V3,
        "4" => Version::V4,
        other => panic!("EIO={other}"),
    }
}

#[test]
fn native_messages_are_read_so() {
    let document = Document::read();
    let table = document.section("Messages to a native server").table();
    for (text, result) in table.pairs("text", "result") {
        assert_eq!(outcome(native::read(&text)), result, "{text}");
    }
}

#[test]
fn packets_are_read_so() {
    let document = Document::read();
    for row in &document
        .section("Packets to a Socket.IO server")
        .table()
        .rows
    {
        let mut dialogue = Dialogue::new(version(row), SOCKETIO_SID);
        for packet in codes(&row["before"]) {
            dialogue.read(packet);
        }
        let result = match dialogue.read(bare(&row["packet"])) {
            Received::Request(request) => match request.ack {
                Some(id) => format!("{}, acknowledgement {id}", outcome(request.command)),
                None => outcome(request.command),
            },
            Received::Reply(text) => format!("answer {text}"),
            Received::Close => "close 1000".to_owned(),
            Received::Broken => "close 1002".to_owned(),
            Received::Disconnect => "is gone".to_owned(),
            Received::Nothing => "nothing".to_owned(),
        };
        assert_eq!(bare(&row["result"]), result, "{row:?}");
    }
}

/// Without the secrets, which are random.
fn masked(text: &str) -> String {
    let is_secret = |word: &&str| word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text
        .split('"')
        .map(|word| if is_secret(&word) { "…" } else { word });
    words.collect::<Vec<_>>().join("\"")
}

#[test]
fn a_session_of_socketio_goes_so() {
    let document = Document::read();
    let block = document.section("Socket.IO").blocks("text").next();
    let mut dialogue = Dialogue::new(Version::V4, SOCKETIO_SID);
    let mut world = World::new();
    let mut said = vec![open(false)];
    for line in block.expect("a session").lines() {
        let (who, packet) = line.split_once("  ").expect("who and what");
        match (who, packet) {
            // By the clock, see `tests/conformance/heartbeat.rs`.
            ("server", socketio::PING) => {}
            ("server", packet) => assert_eq!(packet, masked(&said.remove(0))),
            ("client", packet) => match dialogue.read(packet) {
                Received::Request(request) => {
                    let me = ConnectionId(1);
                    assert_eq!(world.send(me, request.command.expect("sound")), None);
                    said.extend(world.told(me).iter().map(socketio::write));
                }
                Received::Reply(text) => said.push(text),
                Received::Nothing => assert_eq!(packet, "3"),
                other => panic!("{packet} is {other:?}"),
            },
            (who, _) => panic!("who is {who}?"),
        }
    }
    assert_eq!(said.len(), 0, "left out: {said:?}");
}

fn open(upgradable: bool) -> String {
    socketio::open(&Handshake {
        sid: SID,
        upgradable,
        ping_interval: Duration::from_secs(25),
        ping_timeout: Duration::from_secs(20),
        max_payload: 16 * 1024,
    })
}

#[test]
fn frames_of_the_server_are_written_so() {
    let movement = Message::from(&Event::Moved {
        uid: "han".into(),
        movement: Movement::Choice,
    });
    let separated = Message::from(&Event::Left {
        uid: "a\u{2028}b".into(),
    });
    let frames = [
        ("an event, native", native::write(&movement)),
        ("an event, Socket.IO", socketio::write(&movement)),
        ("U+2028 in a uid", native::write(&separated)),
        ("open, over a WebSocket", open(false)),
        ("open, over polling", open(true)),
    ];
    let frames = frames.map(|(frame, text)| (frame.to_owned(), text));
    let document = Document::read();
    let table = document.section("Frames of the server").table();
    assert_eq!(table.pairs("frame", "text"), frames);
}

#[test]
fn acknowledgements_are_written_so() {
    let acknowledgements = [
        ("done", acknowledge(1, &accepted())),
        ("refused", acknowledge(1, &refused(Code::NoRound))),
    ];
    let expected = acknowledgements.map(|(outcome, text)| (outcome.to_owned(), text));
    let document = Document::read();
    let tables = document.tables(&["outcome", "acknowledgement"]);
    let told = tables
        .iter()
        .flat_map(|table| table.pairs("outcome", "acknowledgement"));
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn bodies_of_polling_are_written_and_read_so() {
    let document = Document::read();
    for row in &document.section("Bodies of polling").table().rows {
        let packets = codes(&row["packets"]);
        let body = bare(&row["body"]).replace('␞', "\u{1e}");
        assert_eq!(encode(version(row), &packets), body);
        let mut taken = Packets::new(version(row), &body);
        let meant = |packet: &str| {
            let json = packet.trim_start_matches(|c: char| c.is_ascii_digit());
            serde_json::from_str::<serde_json::Value>(json).ok()
        };
        for packet in packets {
            let read = taken.next_packet().expect("a packet").expect("sound");
            assert_eq!(meant(&read), meant(packet), "{body}");
            assert_eq!(read.chars().next(), packet.chars().next(), "{body}");
        }
        assert!(taken.next_packet().is_none(), "{body}");
    }
}

#[test]
fn names_are_shown_and_refused_so() {
    let document = Document::read();
    for row in &document.section("Names").table().rows {
        let (field, json) = (bare(&row["field"]), bare(&row["JSON"]));
        let user = ["uid", "uname", "uavatar"].map(|name| {
            let json = if name == field { json } else { r#""me""# };
            format!(r#""{name}":{json}"#)
        });
        let text = format!(
            r#"{{"event":"hello","data":{{"user":{{{}}}}}}}"#,
            user.join(",")
        );
        let shown = |command: Command| {
            let Command::Hello(hello) = &command else {
                panic!("{text}");
            };
            let profile = hello.profile.clone();
            match World::new().send(ConnectionId(1), command) {
                Some(code) => Err(code),
                None => Ok(match field {
                    "uid" => profile.uid,
                    "uname" => profile.name,
                    _ => profile.picture,
                }),
            }
        };
        let read = native::read(&text)
            .map_err(|fault| fault.code)
            .and_then(shown);
        match read {
            Ok(shown) => {
                let result: String = serde_json::from_str(bare(&row["result"])).expect("JSON");
                assert_eq!(*shown, *result, "{row:?}");
            }
            Err(code) => assert_eq!(bare(&row["result"]), code.name(), "{row:?}"),
        }
    }
}

#[test]
fn rounds_count_so() {
    let document = Document::read();
    let rows = &document.section("How a round counts").table().rows;
    for round in rows.chunk_by(|one, other| one["round"] == other["round"]) {
        let hands: Vec<_> = round.iter().map(|row| hand(&row["hand"])).collect();
        for (row, balance) in round.iter().zip(balances(&hands)) {
            let number = |column: &str| row[column].parse::<u64>().expect("a number");
            let before = Standing {
                total: number("total before"),
                streak: number("streak before") as u32,
                ..Standing::default()
            };
            let (after, scored) = before.after(balance);
            assert_eq!(row["wins minus losses"], balance.to_string(), "{row:?}");
            assert_eq!(number("roundScore"), scored, "{row:?}");
            assert_eq!(number("totalScore"), after.total, "{row:?}");
            assert_eq!(number("winStreak"), u64::from(after.streak), "{row:?}");
        }
    }
}

fn hand(word: &str) -> Shown {
    match word {
        "scissors" => Shown::Hand(Hand::Scissors),
        "rock" => Shown::Hand(Hand::Rock),
        "paper" => Shown::Hand(Hand::Paper),
        "none" => Shown::Nothing,
        "left" => Shown::Left,
        other => panic!("{other:?} is no hand"),
    }
}
