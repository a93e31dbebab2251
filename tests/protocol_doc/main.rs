//! docs/protocol.md says what the code does: every event, field, fault, close and limit is there, and none is invented. Every
//! example is what the code writes, or what it reads. To add an event, add its row, its section and an example there; this test
//! says what else is missing.

mod answers;
mod code;
mod document;
mod endings;
mod faults;
mod fields;
mod limits;
mod samples;
#[path = "../support/mod.rs"]
mod support;
mod vectors;
mod world;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use clap::CommandFactory;
use serde_json::Value;

use code::{Cli, Code, ConnectionId, Counters, Figures, native};
use document::{Document, Section, codes, compact};
use world::World;

/// Every variant of an enum. The match does not compile when one is missing.
macro_rules! all {
    ($type:ident: $($variant:ident),* $(,)?) => {{
        let _complete = |value: $type| match value { $($type::$variant => ()),* };
        [$($type::$variant),*]
    }};
}
use all;

const FROM_CLIENT: &str = "From the client";
const FROM_SERVER: &str = "From the server";

/// The names that a counter of the server knows beforehand.
fn counted(split: impl Iterator<Item = (&'static str, u64)>) -> BTreeSet<&'static str> {
    let names = split.map(|(name, _)| name);
    names.filter(|name| *name != "other").collect()
}

fn titles<'a>(sections: &[&'a Section]) -> Vec<&'a str> {
    sections
        .iter()
        .map(|section| section.title.as_str())
        .collect()
}

#[test]
fn events_are_those_of_the_code() {
    let document = Document::read();
    let counters = Counters::default();
    for (part, names) in [
        (FROM_CLIENT, counted(counters.received.counts())),
        (FROM_SERVER, counted(counters.sent.counts())),
    ] {
        let rows = document.section(part).table().column("event");
        assert_eq!(
            titles(&document.below(part)),
            rows,
            "a row and a section each"
        );
        let told: BTreeSet<_> = rows.iter().map(String::as_str).collect();
        assert_eq!((told.len(), told), (rows.len(), names), "{part}");
    }
    let sampled: BTreeSet<_> = samples::messages()
        .iter()
        .map(|sample| sample.name)
        .collect();
    assert_eq!(sampled, counted(counters.sent.counts()));
    for event in counted(counters.received.counts()) {
        let read = native::read(&format!(r#"{{"event":"{event}"}}"#));
        assert!(read.is_ok_and(|command| command.name() == event) || is_known(event));
    }
}

/// Whether the decoder knows an event that it refuses without a payload.
fn is_known(event: &str) -> bool {
    let read = native::read(&format!(r#"{{"event":"{event}"}}"#));
    read.is_err_and(|fault| fault.code != Code::UnknownEvent)
}

#[test]
fn fields_of_clients_are_what_the_decoder_reads() {
    for section in Document::read().below(FROM_CLIENT) {
        let commands = section.blocks("json").map(native::read);
        let commands: Result<Vec<_>, _> = commands.collect();
        let commands = commands.unwrap_or_else(|fault| panic!("an example is refused: {fault:?}"));
        assert!(!commands.is_empty(), "{} has no example", section.title);
        let mut held = BTreeSet::new();
        for command in &commands {
            assert_eq!(command.name(), section.title, "an example of another event");
            held.extend(fields::held(command).into_iter().map(str::to_owned));
        }
        assert_eq!(
            fields::named(section),
            held,
            "the fields of {}",
            section.title
        );
        fields::hold_read(section);
    }
}

#[test]
fn fields_of_the_server_are_what_the_encoder_writes() {
    let messages = samples::messages();
    for section in Document::read().below(FROM_SERVER) {
        fields::hold_written(section, &messages);
        let written = messages
            .iter()
            .filter(|message| message.name == section.title);
        let written: Vec<_> = written.map(native::write).collect();
        let examples: Vec<_> = section.blocks("json").map(compact).collect();
        assert!(!examples.is_empty(), "{} has no example", section.title);
        for example in examples {
            assert!(
                written.contains(&example),
                "{example}\nis none of\n{written:#?}"
            );
        }
    }
}

#[test]
fn the_state_of_the_server_has_these_fields() {
    let document = Document::read();
    let section = document.section("Addresses");
    let example: Value = serde_json::from_str(section.blocks("json").next().unwrap()).unwrap();
    let counts = serde_json::to_value(Figures::default().counts()).unwrap();
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let own = ["status", "service", "version", "instance"].map(str::to_owned);
    let expected: BTreeSet<_> = names(&counts).into_iter().chain(own).collect();
    assert_eq!(names(&example), expected);
}

/// The token in a text, if there is one.
fn token(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(r#""token":""#)?;
    rest.get(..32)
}

/// A text without the token, which is random.
fn masked(text: &str) -> String {
    token(text).map_or_else(|| text.to_owned(), |token| text.replace(token, "…"))
}

/// Somebody in the transcript.
struct Person<'a> {
    name: &'a str,
    connection: ConnectionId,
    /// What it has been told and the transcript has not said yet.
    owed: Vec<String>,
}

/// Everybody in the transcript, in a world of their own.
struct Play<'a> {
    world: World,
    people: Vec<Person<'a>>,
    connections: u64,
    /// The real token for each one in the transcript.
    tokens: HashMap<&'a str, String>,
}

impl<'a> Play<'a> {
    fn person(&mut self, name: &'a str) -> usize {
        let known = self.people.iter().position(|person| person.name == name);
        known.unwrap_or_else(|| {
            let connection = self.connect();
            self.people.push(Person {
                name,
                connection,
                owed: Vec::new(),
            });
            self.people.len() - 1
        })
    }

    fn connect(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }

    /// Plays one line, or holds it against what has been said.
    fn follow(&mut self, line: &'a str) {
        if let Some(seconds) = line.strip_suffix(" s pass") {
            let seconds = seconds.parse().expect("seconds");
            self.world.pass(Duration::from_secs(seconds));
        } else if let Some(name) = line.strip_suffix(" is cut off") {
            let who = self.person(name);
            self.world.cut(self.people[who].connection);
            self.people[who].connection = self.connect();
        } else if let Some((name, text)) = line.split_once('→') {
            let who = self.person(name.trim());
            let real = token(text).map(|said| text.replace(said, &self.tokens[said]));
            let command = native::read(real.as_deref().unwrap_or(text).trim());
            let by = self.people[who].connection;
            let refused = self.world.send(by, command.expect("an event"));
            assert_eq!(refused, None, "{line}");
        } else {
            let (name, text) = line.split_once('←').expect("an arrow");
            let who = self.person(name.trim());
            let owed = &mut self.people[who].owed;
            assert!(!owed.is_empty(), "the server does not say {line}");
            let real = owed.remove(0);
            assert_eq!(masked(text.trim()), masked(&real));
            if let (Some(said), Some(real)) = (token(text), token(&real)) {
                self.tokens.insert(said, real.to_owned());
            }
        }
        for person in &mut self.people {
            let told = self.world.told(person.connection);
            person.owed.extend(told.iter().map(native::write));
        }
    }
}

#[test]
fn the_session_is_what_the_game_says() {
    let document = Document::read();
    let section = document.section("A session, line by line");
    let lines = section.blocks("transcript").next().expect("a transcript");
    let mut play = Play {
        world: World::new(),
        people: Vec::new(),
        connections: 0,
        tokens: HashMap::new(),
    };
    for line in lines.lines() {
        play.follow(line);
    }
    for person in play.people {
        assert_eq!(person.owed.len(), 0, "not told: {:#?}", person.owed);
    }
}

#[test]
fn every_example_is_looked_at() {
    let document = Document::read();
    let events = [FROM_CLIENT, FROM_SERVER].map(|part| document.below(part));
    let events = events.into_iter().flatten();
    let tested = events
        .map(|section| section.blocks("json").count())
        .sum::<usize>();
    let state = document.section("Addresses").blocks("json").count();
    let all = document.sections.iter();
    let all: usize = all.map(|section| section.blocks("json").count()).sum();
    assert_eq!(
        (all, state),
        (tested + 1, 1),
        "JSON is an example of an event"
    );
}

#[test]
fn reserved_names_are_not_in_use() {
    let document = Document::read();
    for row in &document.section("Reserved").table().rows {
        let reserved = codes(&row["names"]);
        let used: BTreeSet<String> = match codes(&row["where"])[..] {
            [] => [FROM_CLIENT, FROM_SERVER]
                .into_iter()
                .flat_map(|part| document.section(part).table().column("event"))
                .collect(),
            ["fault"] => Code::NAMES.map(str::to_owned).into(),
            [event] => [FROM_CLIENT, FROM_SERVER]
                .into_iter()
                .flat_map(|part| document.below(part))
                .filter(|section| section.title == event)
                .flat_map(fields::named)
                .collect(),
            _ => panic!("{row:?}"),
        };
        for name in reserved {
            assert!(
                !used.contains(name),
                "{name} is in use: it is no longer reserved"
            );
        }
    }
}

#[test]
fn links_and_flags_lead_somewhere() {
    let document = Document::read();
    let anchor = |title: &str| -> String {
        let kept = title.to_lowercase().replace(' ', "-");
        kept.chars()
            .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect()
    };
    let anchors: Vec<_> = document
        .sections
        .iter()
        .map(|section| anchor(&section.title))
        .collect();
    for link in document.text.split("](#").skip(1) {
        let link = link.split(')').next().unwrap_or_default().to_owned();
        assert!(anchors.contains(&link), "#{link} is no heading");
    }
    let cli = Cli::command();
    let flags: Vec<_> = cli
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    for flag in document.text.split("`--").skip(1) {
        let flag = flag.split(['`', ' ']).next().unwrap_or_default();
        assert!(flags.contains(&flag), "--{flag} is no flag");
    }
}
