//! Packets of clients of both versions, and what they mean.

use super::*;
use crate::{Event, Face};

const SID: Sid = Sid::new([7; 16]);

fn read(version: Version, text: &str) -> Received {
    Dialogue::new(version, SID).read(text)
}

fn connected(text: &str) -> Received {
    let mut dialogue = Dialogue::new(Version::V4, SID);
    dialogue.read("40");
    dialogue.read(text)
}

fn request(text: &str) -> (Result<Command, Code>, Option<u64>) {
    match read(Version::V3, text) {
        Received::Request(Request { command, ack }) => (command.map_err(|fault| fault.code), ack),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn open_packet_states_id_upgrades_and_limits() {
    let handshake = |upgradable| Handshake {
        sid: SID,
        upgradable,
        ping_interval: Duration::from_secs(25),
        ping_timeout: Duration::from_secs(20),
        max_payload: 16384,
    };
    let sid = "07".repeat(16);
    assert_eq!(
        open(&handshake(false)),
        format!(
            r#"0{{"sid":"{sid}","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":16384}}"#
        )
    );
    assert!(open(&handshake(true)).contains(r#""upgrades":["websocket"]"#));
}

#[test]
fn session_ids_round_trip_and_debug_hides_them() {
    assert_eq!(Sid::parse(&SID.to_string()), Some(SID));
    for text in ["", "7", &"0".repeat(33), &"+".repeat(32), &"武".repeat(32)] {
        assert_eq!(Sid::parse(text), None, "{text}");
    }
    assert_eq!(format!("{SID:?}"), "Sid", "a secret");
}

#[test]
fn version_3_connects_at_once_and_version_4_on_request() {
    for text in ["40", r#"40{"auth":1}"#] {
        let mut dialogue = Dialogue::new(Version::V4, SID);
        assert!(!dialogue.is_connected());
        assert_eq!(
            dialogue.read(text),
            Received::Reply(format!(r#"40{{"sid":"{SID}"}}"#))
        );
        assert!(dialogue.is_connected());
        assert_eq!(read(Version::V3, text), Received::Nothing);
    }
}

#[test]
fn version_4_events_before_connect_break_the_connection() {
    let join = r#"42["join"]"#;
    assert_eq!(read(Version::V4, join), Received::Broken);
    assert!(matches!(connected(join), Received::Request(_)));
    assert!(matches!(read(Version::V3, join), Received::Request(_)));
}

#[test]
fn payload_and_acknowledgement_of_events_are_optional() {
    assert_eq!(request(r#"42["join"]"#), (Ok(Command::Join), None));
    assert_eq!(
        request(r#"427["face",{"face":1}]"#),
        (Ok(Command::Face(Face::Laughing)), Some(7))
    );
    assert_eq!(
        request(r#"42/,3["join",null,1]"#),
        (Ok(Command::Join), Some(3))
    );
}

#[test]
fn unknown_events_and_namespaces_are_faults() {
    for (text, code) in [
        (r#"42["nonsense"]"#, Code::UnknownEvent),
        (r#"42["choice",7]"#, Code::BadChoice),
        ("42[1]", Code::BadMessage),
        (r#"42/chat,["join"]"#, Code::UnknownNamespace),
    ] {
        assert_eq!(request(text).0, Err(code), "{text}");
    }
}

#[test]
fn malformed_packets_break_the_connection() {
    for text in [
        "",
        "x",
        "武",
        "7",
        "9",
        "b4AAAA",
        "4",
        "47",
        "4x",
        "42",
        "42[",
        "42[]",
        "42[null]",
        "42[{}]",
        "42{}",
        r#"42"join""#,
        r#"42["join""#,
        r#"42["join"]x"#,
        "42nonsense",
        "421",
        r#"42abc["join"]"#,
        r#"4299999999999999999999["join"]"#,
        "40{",
        "40/chat,{",
        "41{}",
        "43[",
        "43",
        "430{}",
        "40[]",
        "40null",
        "44{}",
        r#"451-["choice",{"_placeholder":true,"num":0}]"#,
        r#"460-["choice"]"#,
    ] {
        assert_eq!(connected(text), Received::Broken, "{text}");
        assert_eq!(read(Version::V3, text), Received::Broken, "{text}");
    }
}

#[test]
fn pings_are_answered() {
    for (text, answer) in [("2", "3"), ("2probe", "3probe"), ("2more", "3more")] {
        assert_eq!(
            read(Version::V3, text),
            Received::Reply(answer.to_owned()),
            "{text}"
        );
    }
    assert_eq!(read(Version::V4, "3"), Received::Nothing);
}

#[test]
fn unknown_namespaces_are_refused_in_the_form_of_each_version() {
    let reply = |version| read(version, "40/chat?a=1,");
    assert_eq!(
        reply(Version::V3),
        Received::Reply(r#"44/chat,"Invalid namespace""#.to_owned())
    );
    assert_eq!(
        reply(Version::V4),
        Received::Reply(r#"44/chat,{"message":"Invalid namespace"}"#.to_owned())
    );
}

#[test]
fn close_and_disconnect_packets_are_told_apart() {
    assert_eq!(read(Version::V3, "1"), Received::Close);
    assert_eq!(connected("41/chat,"), Received::Nothing);
    let mut dialogue = Dialogue::new(Version::V4, SID);
    for _ in 0..2 {
        dialogue.read("40");
        assert_eq!(dialogue.read("41"), Received::Disconnect);
        assert_eq!(dialogue.read("41"), Received::Disconnect, "twice is once");
        assert!(!dialogue.is_connected());
    }
    assert_eq!(dialogue.read(r#"42["join"]"#), Received::Broken);
}

#[test]
fn unexpected_acknowledgements_are_ignored() {
    for text in ["430[]", "437[1]", "43[]"] {
        assert_eq!(connected(text), Received::Nothing, "{text}");
        assert_eq!(
            read(Version::V4, text),
            Received::Broken,
            "{text}: too early"
        );
    }
}

#[test]
fn packets_for_2016_are_two_digits_and_one_line_of_json() {
    let text = write(&Message::from(&Event::Left {
        uid: "\u{2029}".into(),
    }));
    assert_eq!(text, r#"42["leave",{"uid":"\u2029"}]"#);
    assert_eq!(acknowledge(12, &event::accepted()), r#"4312[{"ok":true}]"#);
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_never_panics(texts in proptest::collection::vec("[0-6]{0,3}(/[a-z?]*,)?[0-9]{0,22}.{0,40}", 0..4)) {
        for version in [Version::V3, Version::V4] {
            let mut dialogue = Dialogue::new(version, SID);
            for text in &texts {
                let _ = dialogue.read(text);
            }
        }
    }
}
