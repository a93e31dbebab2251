//! Every fault: its example is refused with this code and no other.

use std::time::Duration;

use tokio::time::Instant;

use crate::all;
use crate::code::{
    Code, Command, ConnectionId, Dialogue, Fault, Limiter, Received, Sid, Verdict, Version, native,
};
use crate::document::{Document, bare};
use crate::samples::TOKEN;
use crate::world::World;

const ME: ConnectionId = ConnectionId(1);
const OTHER: ConnectionId = ConnectionId(2);

const HELLO: &str = r#"{"event":"hello","data":{"user":{"uid":"li","uname":"Li"}}}"#;
const JOIN: &str = r#"{"event":"join"}"#;

/// What one frame of a client says, native or of Socket.IO.
fn read(text: &str) -> Result<Command, Fault> {
    if !text.starts_with('4') {
        return native::read(text);
    }
    let mut dialogue = Dialogue::new(Version::V3, Sid::new([0; 16]));
    match dialogue.read(text) {
        Received::Request(request) => request.command,
        other => panic!("{text} is {other:?}"),
    }
}

/// Sends these, which are all done, and then the example.
fn after(sent: &[(ConnectionId, &str)], example: &str) -> Option<Code> {
    let mut world = World::new();
    for (by, text) in sent {
        assert_eq!(world.send(*by, read(text).expect("sound")), None, "{text}");
    }
    world.send(ME, read(example).expect("a message that can be read"))
}

/// What the example of a code is refused with; none if it is not refused.
fn provoked(code: Code, example: &str) -> Option<Code> {
    match code {
        Code::BadJson
        | Code::BadMessage
        | Code::UnknownNamespace
        | Code::UnknownEvent
        | Code::BadHello
        | Code::BadUid
        | Code::BadName
        | Code::BadPicture
        | Code::BadPlace
        | Code::BadToken
        | Code::BadJoin
        | Code::BadChoice
        | Code::BadFace => read(example).err().map(|fault| fault.code),
        // No text is one; tests/abuse.rs sends some.
        Code::BinaryMessage => Some(Code::BinaryMessage).filter(|_| example == "any bytes"),
        Code::TooFast => {
            let now = Instant::now();
            let mut limiter = Limiter::new(20, now);
            let mut verdicts = (0..=40).map(|_| limiter.admit(now));
            let dropped = verdicts.by_ref().last() == Some(Verdict::Dropped);
            (dropped && read(example).is_ok()).then_some(Code::TooFast)
        }
        Code::HelloFirst | Code::UidReserved | Code::NameReserved => after(&[], example),
        Code::UidTaken => after(&[(OTHER, HELLO)], example),
        Code::UidFixed | Code::NotSeated => after(&[(ME, HELLO)], example),
        Code::AlreadySeated | Code::NoRound => after(&[(ME, HELLO), (ME, JOIN)], example),
        Code::HandLocked => {
            let other = HELLO.replace("li", "han");
            let both = [(ME, HELLO), (OTHER, &other), (ME, JOIN), (OTHER, JOIN)];
            let lock = [(ME, r#"{"event":"choice","data":{"choice":1,"lock":true}}"#)];
            after(&[&both[..], &lock].concat(), example)
        }
        Code::Closing => {
            let mut world = World::new();
            assert_eq!(world.send(ME, read(HELLO).expect("sound")), None);
            world.close();
            world.send(ME, read(example).expect("sound"))
        }
        Code::Replaced => replaced(example),
    }
}

/// Comes again over another connection, and returns what the first one is told.
fn replaced(example: &str) -> Option<Code> {
    let mut world = World::new();
    assert_eq!(world.send(OTHER, read(HELLO).expect("sound")), None);
    let hi: serde_json::Value = serde_json::from_str(&world.told(OTHER)[0].json).unwrap();
    let token = hi["token"].as_str().expect("hi brings a token");
    let example = example.replace(TOKEN, token);
    assert_eq!(world.send(ME, read(&example).expect("sound")), None);
    let told = world.told(OTHER);
    let fault = told.iter().find(|message| message.name == "fault")?;
    let fault: serde_json::Value = serde_json::from_str(&fault.json).unwrap();
    (fault["code"] == Code::Replaced.name()).then_some(Code::Replaced)
}

#[test]
fn faults_are_those_of_the_code_and_their_examples_are_refused_so() {
    let document = Document::read();
    let table = document.section("Faults").table();
    let codes = all![Code:
        BadJson,
        BadMessage,
        BinaryMessage,
        UnknownNamespace,
        UnknownEvent,
        BadHello,
        BadUid,
        BadName,
        BadPicture,
        BadPlace,
        BadToken,
        BadJoin,
        BadChoice,
        BadFace,
        TooFast,
        HelloFirst,
        UidTaken,
        UidReserved,
        NameReserved,
        UidFixed,
        AlreadySeated,
        NotSeated,
        HandLocked,
        NoRound,
        Closing,
        Replaced,
    ];
    assert_eq!(table.column("code"), codes.map(Code::name));
    assert_eq!(Code::NAMES, codes.map(Code::name));
    for (code, row) in codes.into_iter().zip(&table.rows) {
        let example = bare(&row["example"]);
        assert_eq!(provoked(code, example), Some(code), "{example}");
    }
}

#[test]
fn no_round_is_refused_after_the_result_too() {
    let mut world = World::new();
    let other = HELLO.replace("li", "han");
    for (by, text) in [(ME, HELLO), (OTHER, &other), (ME, JOIN), (OTHER, JOIN)] {
        assert_eq!(world.send(by, read(text).expect("sound")), None);
    }
    let choice = read(r#"{"event":"choice","data":{"choice":2}}"#).expect("sound");
    assert_eq!(world.send(ME, choice.clone()), None);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.send(ME, choice), Some(Code::NoRound));
}
