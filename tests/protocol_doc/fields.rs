//! The fields of payloads: what the document says of each, held against what the code writes and reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::code::{Command, Hand, Hello, Message, PICTURE_CHARS, Profile, Token, native};
use crate::document::{Section, Table, bare, codes};

/// One row of a table of fields.
struct Field {
    /// Where it is: `user.uid`, `roomUsers[].uid`.
    path: String,
    kind: String,
    range: Range,
    /// Whether it is there whenever what it is part of is there.
    always: bool,
}

/// What a value may be.
enum Range {
    /// Anything of its type.
    Any,
    /// A number from the one to the other.
    Between(f64, f64),
    /// A number that is no less.
    AtLeast(f64),
    /// Text of so many characters.
    Characters(usize, usize),
    /// Text of so many hexadecimal digits.
    Digits(usize),
    /// One of these.
    OneOf(Vec<Value>),
    /// The address of a picture, or nothing.
    Picture,
}

impl Range {
    fn read(cell: &str) -> Range {
        let words: Vec<_> = cell.split(' ').collect();
        let number = |word: &str| {
            let number = word.parse::<f64>();
            number.unwrap_or_else(|_| panic!("{cell:?} is no range that the test knows"))
        };
        match words[..] {
            ["any"] => Range::Any,
            ["address", "or", "empty"] => Range::Picture,
            [least, "to", most] => Range::Between(number(least), number(most)),
            [least, "or", "more"] => Range::AtLeast(number(least)),
            [least, "to", most, "characters"] => {
                Range::Characters(number(least) as usize, number(most) as usize)
            }
            [digits, "hex", "digits"] => Range::Digits(number(digits) as usize),
            _ if cell.starts_with('`') => {
                let values = codes(cell).into_iter().map(serde_json::from_str);
                Range::OneOf(values.collect::<Result<_, _>>().expect("JSON values"))
            }
            _ => panic!("{cell:?} is no range that the test knows"),
        }
    }

    fn holds(&self, value: &Value) -> bool {
        let number = value.as_f64();
        let characters = value.as_str().map(|text| text.chars().count());
        match self {
            Range::Any => true,
            Range::Between(least, most) => number.is_none_or(|n| (*least..=*most).contains(&n)),
            Range::AtLeast(least) => number.is_none_or(|n| n >= *least),
            Range::Characters(least, most) => {
                characters.is_some_and(|n| (*least..=*most).contains(&n))
            }
            Range::Digits(digits) => {
                let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
                characters == Some(*digits) && value.as_str().is_some_and(is_hex)
            }
            Range::OneOf(values) => values.contains(value),
            Range::Picture => value.as_str().is_some_and(|text| {
                text.is_empty() || text.starts_with("https://") || text.starts_with("http://")
            }),
        }
    }
}

fn fields(section: &Section) -> Vec<Field> {
    let rows = section.tables.iter().flat_map(|table: &Table| &table.rows);
    let field = |row: &BTreeMap<String, String>| Field {
        path: bare(&row["field"]).to_owned(),
        kind: row["type"].clone(),
        range: Range::read(&row["range"]),
        always: match row["given"].as_str() {
            "always" => true,
            "optional" => false,
            other => panic!("{other:?} is neither always nor optional"),
        },
    };
    rows.map(field).collect()
}

fn is_of(kind: &str, value: &Value) -> bool {
    kind.split(" or ").any(|kind| match kind {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("{other:?} is no type of JSON"),
    })
}

/// What is known of one field from what was written.
#[derive(Default)]
struct Seen {
    values: Vec<Value>,
    /// How often that was there which it is part of.
    parents: usize,
}

fn look(value: &Value, path: &str, seen: &mut BTreeMap<String, Seen>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                look(value, &path, seen);
                seen.entry(path).or_default().values.push(value.clone());
            }
        }
        Value::Array(elements) => {
            let path = format!("{path}[]");
            for element in elements {
                look(element, &path, seen);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// How many objects there are at a path.
fn objects(value: &Value, path: &str) -> usize {
    match path.split_once('.') {
        _ if path.is_empty() => usize::from(value.is_object()),
        Some((first, rest)) => part(value, first)
            .iter()
            .map(|value| objects(value, rest))
            .sum(),
        None => part(value, path)
            .iter()
            .map(|value| objects(value, ""))
            .sum(),
    }
}

fn part<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match name.strip_suffix("[]") {
        Some(name) => value[name].as_array().into_iter().flatten().collect(),
        None => value.get(name).into_iter().collect(),
    }
}

/// Holds what is said of one event of the server against everything the code writes of it.
pub(crate) fn hold_written(section: &Section, messages: &[Message]) {
    let event = &section.title;
    let payloads = messages.iter().filter(|message| message.name == *event);
    let payloads: Vec<Value> = payloads
        .map(|message| serde_json::from_str(&message.json).expect("JSON"))
        .collect();
    let mut seen = BTreeMap::new();
    for payload in &payloads {
        look(payload, "", &mut seen);
    }
    for (path, seen) in &mut seen {
        let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
        seen.parents = payloads
            .iter()
            .map(|payload| objects(payload, parent))
            .sum();
    }
    let fields = fields(section);
    let told: BTreeSet<_> = fields.iter().map(|field| &field.path).collect();
    assert_eq!(told, seen.keys().collect(), "the fields of {event}");
    for Field {
        path,
        kind,
        range,
        always,
    } in &fields
    {
        let seen = &seen[path];
        let is_always = seen.values.len() == seen.parents;
        assert_eq!(*always, is_always, "{event}: is {path} always there");
        for value in &seen.values {
            assert!(is_of(kind, value), "{event}: {path} is {value}");
            assert!(range.holds(value), "{event}: {path} is {value}");
        }
        if kind.ends_with(" or null") {
            assert!(seen.values.contains(&Value::Null), "{event}: {path}");
        }
        if let Range::OneOf(values) = range {
            let missing = values.iter().find(|value| !seen.values.contains(value));
            assert_eq!(missing, None, "{event}: {path}");
        }
    }
}

/// Whether the decoder takes this payload.
fn is_accepted(event: &str, payload: &Value) -> bool {
    native::read(&json!({"event": event, "data": payload}).to_string()).is_ok()
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

/// Holds what is said of one event of a client against the decoder: each field changes whether a payload is accepted, as its
/// type, its range and its absence demand. So none is invented.
pub(crate) fn hold_read(section: &Section) {
    let event = &section.title;
    let examples: Vec<Value> = section
        .blocks("json")
        .map(|example| serde_json::from_str::<Value>(example).expect("JSON")["data"].clone())
        .collect();
    for field in fields(section) {
        let Field {
            path,
            kind,
            range,
            always,
        } = &field;
        let at = pointer(path);
        let example = examples
            .iter()
            .find(|example| example.pointer(&at).is_some());
        let example = example.unwrap_or_else(|| panic!("{event}: no example has {path}"));
        let with = |value: Value| {
            let mut changed = example.clone();
            *changed.pointer_mut(&at).expect("it is there") = value;
            is_accepted(event, &changed)
        };
        let own = example.pointer(&at).expect("it is there").clone();
        assert!(
            is_of(kind, &own) && range.holds(&own),
            "{event}: {path} is {own}"
        );
        assert!(with(own), "{event}: {path}");
        for other in [json!("2"), json!(2.5), json!([]), json!({}), json!(true)] {
            if !is_of(kind, &other) {
                assert!(!with(other.clone()), "{event}: {path} is {other}");
            }
        }
        assert_eq!(with(Value::Null), !always, "{event}: {path} is null");
        assert_eq!(without(event, example, path), !always, "{event}: no {path}");
        let letters = |count: usize| json!("x".repeat(count));
        match range {
            Range::Any => {}
            Range::Between(least, most) => {
                let step = if kind == "integer" { 1.0 } else { 0.001 };
                assert!(with(json!(least)) && with(json!(most)), "{event}: {path}");
                assert!(!with(json!(least - step)), "{event}: {path}");
                assert!(!with(json!(most + step)), "{event}: {path}");
            }
            Range::Characters(least, most) => {
                assert!(with(letters(*least)) && with(letters(*most)), "{path}");
                assert!(!with(letters(least - 1)), "{event}: {path}");
                assert!(!with(letters(most + 1)), "{event}: {path}");
            }
            Range::Digits(digits) => {
                let is_token = |count| Token::parse(&"a".repeat(count)).is_some();
                assert!(is_token(*digits) && !is_token(digits + 1), "{path}");
            }
            Range::Picture => hold_picture(section, example, &at),
            Range::AtLeast(_) | Range::OneOf(_) => panic!("{event}: {path}: the test cannot tell"),
        }
    }
}

fn without(event: &str, example: &Value, path: &str) -> bool {
    let mut changed = example.clone();
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = if parent.is_empty() {
        String::new()
    } else {
        pointer(parent)
    };
    let object = changed.pointer_mut(&parent).and_then(Value::as_object_mut);
    object.expect("fields are part of objects").remove(name);
    is_accepted(event, &changed)
}

/// A picture that others cannot see is none, and nothing is refused.
fn hold_picture(section: &Section, example: &Value, at: &str) {
    let kept = |address: &str| {
        let mut changed = example.clone();
        *changed.pointer_mut(at).expect("it is there") = json!(address);
        let text = json!({"event": section.title, "data": changed}).to_string();
        let Ok(Command::Hello(hello)) = native::read(&text) else {
            panic!("{text}");
        };
        hello.profile.picture.to_string()
    };
    let address = |chars: usize| format!("https://{}", "a".repeat(chars - "https://".len()));
    assert_eq!(kept(""), "");
    assert_eq!(kept(&address(PICTURE_CHARS)), address(PICTURE_CHARS));
    assert_eq!(kept(&address(PICTURE_CHARS + 1)), "");
    assert_eq!(kept("ftp://example.com/me.png"), "");
}

/// The names on the wire of everything a command holds. It is taken apart without `..`: whatever is new does not compile until
/// its name is here.
pub(crate) fn held(command: &Command) -> Vec<&'static str> {
    match command {
        Command::Hello(hello) => {
            let Hello {
                profile:
                    Profile {
                        uid: _,
                        name: _,
                        picture: _,
                    },
                place: _,
                token: _,
            } = &**hello;
            let place = ["cordinate", "cordinate.lat", "cordinate.lng"];
            // The same with the other spelling.
            let same = ["coordinate", "coordinate.lat", "coordinate.lng"];
            let user = ["user", "user.uid", "user.uname", "user.uavatar"];
            user.into_iter()
                .chain(place)
                .chain(same)
                .chain(["token"])
                .collect()
        }
        Command::Join | Command::Leave => Vec::new(),
        Command::JoinRobot => vec!["robot"],
        Command::Choice(Hand::Scissors | Hand::Rock | Hand::Paper) => vec!["choice"],
        Command::Lock(_) => vec!["choice", "lock"],
        Command::Face(_) => vec!["face"],
    }
}

/// The fields that the document names for one event.
pub(crate) fn named(section: &Section) -> BTreeSet<String> {
    fields(section)
        .into_iter()
        .map(|field| field.path)
        .collect()
}
