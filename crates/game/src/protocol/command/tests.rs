//! What every payload of a client is read as, or refused with.

use super::*;

fn read(event: &str, payload: &str) -> Result<Command, Code> {
    let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
    Command::read(event, Some(&payload)).map_err(|fault| fault.code)
}

fn hello_with(user: &str, rest: &str) -> Result<Command, Code> {
    read("hello", &format!(r#"{{"user":{user}{rest}}}"#))
}

#[test]
fn hands_and_faces_are_whole_numbers_in_their_range() {
    assert_eq!(
        read("choice", r#"{"choice":3}"#),
        Ok(Command::Choice(Hand::Paper))
    );
    assert_eq!(
        read("face", r#"{"face":4,"extra":[]}"#),
        Ok(Command::Face(Face::Smirking))
    );
    for two in ["2", "2.0", "2e0", "0.2E1"] {
        let payload = format!(r#"{{"choice":{two},"face":{two}}}"#);
        assert_eq!(read("choice", &payload), Ok(Command::Choice(Hand::Rock)));
        assert_eq!(read("face", &payload), Ok(Command::Face(Face::Crying)));
    }
    for payload in [
        "null",
        "{}",
        r#"{"choice":null}"#,
        r#"{"choice":99}"#,
        r#"{"choice":"2"}"#,
        r#"{"choice":-1}"#,
        r#"{"choice":{}}"#,
        r#"{"choice":0}"#,
        r#"{"choice":1.5}"#,
        r#"{"choice":"2.0"}"#,
        r#"{"choice":true}"#,
        r#"{"choice":[2]}"#,
        r#"{"choice":2,"choice":2}"#,
        r#"{"choice":1e999}"#,
        "2",
        "[]",
        "[2]",
        "[[2]]",
        r#"{"choice":99999999999999999999}"#,
    ] {
        assert_eq!(read("choice", payload), Err(Code::BadChoice), "{payload}");
        assert_eq!(
            read("face", &payload.replace("choice", "face")),
            Err(Code::BadFace),
            "{payload}"
        );
    }
    assert_eq!(
        Command::read("choice", None).map_err(|fault| fault.code),
        Err(Code::BadChoice)
    );
}

#[test]
fn join_and_leave_ignore_any_payload() {
    assert_eq!(Command::read("join", None), Ok(Command::Join));
    assert_eq!(read("leave", r"[1,2]"), Ok(Command::Leave));
}

#[test]
fn join_may_ask_for_a_robot() {
    for payload in [
        "null",
        "{}",
        "7",
        "[true]",
        r#"{"robot":false}"#,
        r#"{"robot":null}"#,
    ] {
        assert_eq!(read("join", payload), Ok(Command::Join), "{payload}");
    }
    assert_eq!(read("join", r#"{"robot":true}"#), Ok(Command::JoinRobot));
    for robot in ["1", r#""true""#, "[]", "[true]", "{}"] {
        let payload = format!(r#"{{"robot":{robot}}}"#);
        assert_eq!(read("join", &payload), Err(Code::BadJoin), "{payload}");
    }
    for twice in [
        r#"{"robot":true,"robot":true}"#,
        r#"{"robot":false,"robot":true}"#,
    ] {
        assert_eq!(read("join", twice), Err(Code::BadJoin), "{twice}");
    }
}

#[test]
fn choice_may_lock_the_hand() {
    let rock = |lock| format!(r#"{{"choice":2,"lock":{lock}}}"#);
    assert_eq!(read("choice", &rock("true")), Ok(Command::Lock(Hand::Rock)));
    for lock in ["false", "null"] {
        assert_eq!(read("choice", &rock(lock)), Ok(Command::Choice(Hand::Rock)));
    }
    for lock in ["1", r#""true""#, "[]", "{}"] {
        assert_eq!(read("choice", &rock(lock)), Err(Code::BadChoice), "{lock}");
    }
    assert_eq!(
        read("choice", r#"{"choice":4,"lock":true}"#),
        Err(Code::BadChoice)
    );
}

#[test]
fn unknown_events_are_repeated_shortened() {
    assert_eq!(
        Command::read("error", None),
        Err(Fault::new("error", Code::UnknownEvent))
    );
    let fault = Command::read(&"長".repeat(1000), None).unwrap_err();
    assert_eq!(fault.event.chars().count(), 64);
}

#[test]
fn hello_accepts_both_spellings_of_coordinate() {
    let user = r#"{"uid":"a","uname":"阿","uavatar":"https://example.com/a.png"}"#;
    for spelling in ["cordinate", "coordinate"] {
        let Ok(Command::Hello(hello)) = hello_with(
            user,
            &format!(r#","{spelling}":{{"lat":39.9,"lng":116.4}}"#),
        ) else {
            panic!("{spelling}");
        };
        assert_eq!(hello.place, Place::new(39.9, 116.4));
        assert_eq!(&*hello.profile.name, "阿");
    }
    assert!(hello_with(user, r#","cordinate":null"#).is_ok());
    for bad in [
        r#"{"lat":91,"lng":0}"#,
        r#"{"lat":0,"lng":-180.5}"#,
        r#"{"lat":"1","lng":0}"#,
        r#"{"lat":1}"#,
        r#"{"lat":1,"lng":0,"lng":0}"#,
        "[]",
        "[1,2]",
        "1",
        "{}",
    ] {
        assert_eq!(
            hello_with(user, &format!(r#","cordinate":{bad}"#)),
            Err(Code::BadPlace),
            "{bad}"
        );
    }
}

#[test]
fn invalid_hello_fields_each_have_their_code() {
    assert_eq!(
        Command::read("hello", None).map_err(|fault| fault.code),
        Err(Code::BadHello)
    );
    for payload in [
        "null",
        "7",
        "[]",
        r#"[{"uid":"u","uname":"n"}]"#,
        r#"{"user":7}"#,
        r#"{"user":null}"#,
        r#"{"user":["u","n"]}"#,
        r#"{"user":{"uid":"u","uname":"n","uname":"m"}}"#,
        r#"{"user":{"uid":"u","uname":"n"},"user":{"uid":"v","uname":"n"}}"#,
    ] {
        assert_eq!(read("hello", payload), Err(Code::BadHello), "{payload}");
    }
    let long = "x".repeat(65);
    for uid in [
        "null",
        "7",
        r#"["u"]"#,
        r#""""#,
        r#""  ""#,
        r#""\u0007\n""#,
        r#""\u200b\ufeff""#,
        r#""\u0301""#,
        "\"\u{2800}\u{3164}\"",
        &format!("\"{long}\""),
    ] {
        assert_eq!(
            hello_with(&format!(r#"{{"uid":{uid},"uname":"n"}}"#), ""),
            Err(Code::BadUid),
            "{uid}"
        );
        assert_eq!(
            hello_with(&format!(r#"{{"uid":"u","uname":{uid}}}"#), ""),
            Err(Code::BadName),
            "{uid}"
        );
    }
    for picture in ["7", "true", "[]", "{}", r#"["https://a.b/c.png"]"#] {
        let user = format!(r#"{{"uid":"u","uname":"n","uavatar":{picture}}}"#);
        assert_eq!(hello_with(&user, ""), Err(Code::BadPicture), "{picture}");
    }
    assert_eq!(
        hello_with(r#"{"uid":"u","uname":"n"}"#, r#","token":7"#),
        Err(Code::BadToken)
    );
}

fn greeted(user: &str) -> Profile {
    match hello_with(user, "") {
        Ok(Command::Hello(hello)) => hello.profile,
        other => panic!("{user}: {other:?}"),
    }
}

#[test]
fn pictures_that_others_cannot_load_are_dropped() {
    let shown = |picture: &str| {
        let user = format!(r#"{{"uid":"u","uname":"n","uavatar":{picture}}}"#);
        greeted(&user).picture
    };
    let far = format!(r#""https://a.b/{}""#, "x".repeat(501));
    for picture in [
        "null",
        r#""""#,
        r#""javascript:alert(1)""#,
        r#""ftp://a.b""#,
        r#""https://""#,
        r#""https://:443/x""#,
        r#""http:///x""#,
        r#""https://a.b/\"c""#,
        r#""https://a.b/\u202f""#,
        r#""wxfile://tmp_0f3a.jpg""#,
        r#""http://tmp/0f3a.jpeg""#,
        r#""HTTP://TMP/0f3a.jpeg""#,
        r#""http://usr/0f3a.jpeg""#,
        r#""http://store/0f3a.jpeg""#,
        r#""http://127.0.0.1:45931/__tmp__/0f3a.jpeg""#,
        r#""http://localhost:45931/__usr__/0f3a.jpeg""#,
        r#""data:image/png;base64,AAAA""#,
        r#""cloud://prod-1.7072/avatar.png""#,
        r#""blob:https://a.b/0f3a""#,
        r#""//a.b/c.png""#,
        r#""/images/me.png""#,
        r#""me.png""#,
        r#""\ud800""#,
        &far,
    ] {
        assert_eq!(&*shown(picture), "", "{picture}");
    }
    for picture in [
        "http://a.b/c?d=e",
        "HTTPS://A",
        "https://thirdwx.qlogo.cn/mmopen/vi_32/x/132",
        "https://127.0.0.1:8443/avatars/fox.svg",
        "https://localhost/avatars/fox.svg",
        "http://[2001:db8::1]:80/x.png",
        &far[1..513],
    ] {
        assert_eq!(&*shown(&format!("\"{picture}\"")), picture);
    }
}

#[test]
fn names_lose_invisible_characters_and_uids_keep_them() {
    for (typed, kept) in [
        (r"\u0007Li\u0000 Lei\u009b\n", "Li Lei"),
        (r"\u202eLi\u200b Lei\ufeff", "Li Lei"),
        (r"Li\u2028Lei", "Li\u{2028}Lei"),
        (r"\ud800", "\u{fffd}"),
        ("👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩\u{200d}👧"),
    ] {
        let user = format!(r#"{{"uid":"{typed}","uname":"{typed}"}}"#);
        let profile = greeted(&user);
        assert_eq!(&*profile.name, kept, "{typed}");
        let uid: String = serde_json::from_str(&mended(&format!("\"{typed}\""))).unwrap();
        assert_eq!(*profile.uid, *uid, "a client finds itself by it");
    }
}

#[test]
fn unpaired_surrogates_become_replacement_characters() {
    let hello = r#"{"user":{"uid":"\ud83d","uname":"\udc04x"},"token":"\ud800","\ud800":1}"#;
    let Ok(Command::Hello(hello)) = read("hello", hello) else {
        panic!("refused");
    };
    assert_eq!(
        (&*hello.profile.uid, &*hello.profile.name),
        ("\u{fffd}", "\u{fffd}x")
    );
    assert_eq!(hello.token, None);
}
