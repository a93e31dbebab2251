//! Connections that are lost and come back: what they cost, which is nothing.

use std::time::Duration;

use wulin_game::lobby::Hello;
use wulin_game::room::Action;
use wulin_game::{ConnectionId, Event, Hand, Missed, Profile, Rejected};

use super::stories::{choose, company, hello, join, return_as};
use super::world::{ROUND_TIME, World};

const NOBODY: [&str; 0] = [];

/// Two people in a round, the first with connection 1.
fn playing(legacy: bool) -> World {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", None, legacy);
    hello(&mut world, 2, "b", None, false);
    join(&mut world, 1);
    join(&mut world, 2);
    assert_eq!(company(&world, 1), ["a", "b"]);
    world.told.clear();
    world
}

fn cut(world: &mut World, who: u64) {
    world.disconnect(ConnectionId(who));
}

fn command(world: &mut World, who: u64, command: Action) -> Result<(), Rejected> {
    let player = world.player(ConnectionId(who)).unwrap();
    let room = world.seats[&player];
    world.command(player, room, command)
}

/// What this uid has been told since the last call, by whatever connection.
fn told(world: &mut World, uid: &str) -> Vec<Event> {
    let uids = world.uids.clone();
    let heard = world
        .told
        .extract_if(.., |(player, _)| *uids[player] == *uid);
    heard.map(|(_, event)| event).collect()
}

/// The missed result in the welcome that this uid has just got.
fn missed(world: &mut World, uid: &str) -> Option<Missed> {
    let welcomes = told(world, uid);
    let mut welcomes = welcomes.into_iter().filter_map(|event| match event {
        Event::Welcomed { missed, .. } => Some(missed),
        _ => None,
    });
    let missed = welcomes.next().expect("a welcome");
    assert_eq!(welcomes.next(), None, "one welcome");
    missed
}

fn scored(missed: Option<Missed>, uid: &str) -> u64 {
    let missed = missed.expect("a missed result");
    let mut lines = missed.standings.iter();
    lines.find(|line| &*line.uid == uid).unwrap().round_score
}

#[test]
fn seat_and_hand_stay_and_the_other_is_told() {
    let mut world = playing(false);
    choose(&mut world, 1, Hand::Rock);
    choose(&mut world, 2, Hand::Scissors);
    told(&mut world, "b");
    world.wait(Duration::from_secs(1));
    cut(&mut world, 1);
    assert_eq!(told(&mut world, "b"), [Event::WentAway { uid: "a".into() }]);
    world.wait(Duration::from_secs(1));
    told(&mut world, "a");
    return_as(&mut world, 20, "a");
    assert_eq!(told(&mut world, "b"), [Event::CameBack { uid: "a".into() }]);
    let heard = told(&mut world, "a");
    let Some(Event::RoundStarted {
        round_time,
        own: Some(own),
        ..
    }) = heard.last()
    else {
        panic!("{heard:?}")
    };
    assert_eq!(*round_time + Duration::from_secs(2), ROUND_TIME);
    assert_eq!((own.hand, own.locked), (Hand::Rock, false));
    world.wait(ROUND_TIME);
    let heard = told(&mut world, "a");
    let Some(Event::RoundEnded { standings, .. }) = heard.last() else {
        panic!("{heard:?}")
    };
    assert_eq!(standings[0].standing.streak, 1, "nothing was lost");
}

#[test]
fn who_comes_after_the_end_is_told_what_was_missed_until_it_has_arrived() {
    let mut world = playing(false);
    choose(&mut world, 1, Hand::Rock);
    choose(&mut world, 2, Hand::Scissors);
    cut(&mut world, 1);
    world.wait(ROUND_TIME + Duration::from_secs(9));
    told(&mut world, "a");
    // The answer to the first of these never arrives.
    for who in [20, 21] {
        return_as(&mut world, who, "a");
        assert_eq!(scored(missed(&mut world, "a"), "a"), 1);
        cut(&mut world, who);
    }
    return_as(&mut world, 22, "a");
    let missed_last = missed(&mut world, "a").expect("a missed result");
    // Said again over the same connection, hello changes a name and tells nothing twice.
    return_as(&mut world, 22, "a");
    assert_eq!(missed(&mut world, "a"), None);
    let player = world.player(ConnectionId(22)).unwrap();
    world.receive(player, missed_last.room);
    cut(&mut world, 22);
    return_as(&mut world, 23, "a");
    assert_eq!(missed(&mut world, "a"), None, "told once");
}

#[test]
fn a_result_that_was_written_into_the_void_is_told_again() {
    for arrives in [false, true] {
        let mut world = playing(false);
        choose(&mut world, 1, Hand::Rock);
        world.wait(ROUND_TIME);
        let player = world.player(ConnectionId(1)).unwrap();
        let room = world.unheard.get("a").map(|missed| missed.room);
        if let Some(room) = room.filter(|_| arrives) {
            world.receive(player, room);
        }
        told(&mut world, "a");
        // The server has not noticed that the first connection is gone.
        return_as(&mut world, 20, "a");
        let expected = (room.is_some() && !arrives).then_some(1);
        let missed = missed(&mut world, "a");
        assert_eq!(missed.map(|missed| scored(Some(missed), "a")), expected);
    }
}

#[test]
fn the_next_start_makes_an_older_result_old() {
    let mut world = playing(false);
    cut(&mut world, 1);
    world.wait(ROUND_TIME);
    return_as(&mut world, 20, "a");
    world.lobby.join_robot(ConnectionId(20), world.now).unwrap();
    world.carry_out();
    told(&mut world, "a");
    return_as(&mut world, 21, "a");
    assert_eq!(missed(&mut world, "a"), None);
}

#[test]
fn a_hand_that_is_locked_stays_and_two_end_the_round() {
    let mut world = playing(false);
    assert_eq!(command(&mut world, 1, Action::Lock(Hand::Rock)), Ok(()));
    assert_eq!(
        command(&mut world, 1, Action::Choose(Hand::Paper)),
        Err(Rejected::HandLocked)
    );
    assert_eq!(command(&mut world, 1, Action::Choose(Hand::Rock)), Ok(()));
    cut(&mut world, 1);
    assert_eq!(command(&mut world, 2, Action::Lock(Hand::Paper)), Ok(()));
    assert_eq!(world.rounds.len(), 0, "nobody is waited for");
    told(&mut world, "a");
    return_as(&mut world, 20, "a");
    assert_eq!(scored(missed(&mut world, "a"), "a"), 0);
}

#[test]
fn who_is_away_without_a_hand_is_waited_for() {
    let mut world = playing(false);
    cut(&mut world, 1);
    command(&mut world, 2, Action::Lock(Hand::Paper)).unwrap();
    assert_eq!(world.rounds.len(), 1);
    return_as(&mut world, 20, "a");
    command(&mut world, 20, Action::Lock(Hand::Scissors)).unwrap();
    assert_eq!(world.rounds.len(), 0);
}

#[test]
fn a_round_with_a_client_from_2016_lasts_its_whole_time() {
    let mut world = playing(true);
    command(&mut world, 1, Action::Lock(Hand::Rock)).unwrap();
    command(&mut world, 2, Action::Lock(Hand::Paper)).unwrap();
    assert_eq!(world.rounds.len(), 1);
    command(&mut world, 2, Action::Leave).unwrap();
    assert_eq!(world.rounds.len(), 1, "though it is alone");
    world.wait(ROUND_TIME);
    assert_eq!(world.rounds.len(), 0);
}

#[test]
fn a_round_that_waited_for_a_client_from_2016_ends_when_another_client_takes_over() {
    let mut world = playing(true);
    command(&mut world, 1, Action::Lock(Hand::Rock)).unwrap();
    command(&mut world, 2, Action::Lock(Hand::Paper)).unwrap();
    return_as(&mut world, 20, "a");
    assert_eq!(world.rounds.len(), 0);
}

#[test]
fn a_robot_shows_a_hand_however_quick_the_person_is() {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", None, false);
    world.lobby.join_robot(ConnectionId(1), world.now).unwrap();
    world.carry_out();
    command(&mut world, 1, Action::Lock(Hand::Rock)).unwrap();
    let heard = told(&mut world, "a");
    let Some(Event::RoundEnded { standings, .. }) = heard.last() else {
        panic!("{heard:?}")
    };
    assert!(standings[1].hand.is_some());
}

#[test]
fn a_place_in_the_queue_is_kept_for_five_seconds() {
    for (away, is_kept) in [(4_999, true), (5_001, false)] {
        let mut world = World::new(3);
        hello(&mut world, 1, "a", None, false);
        join(&mut world, 1);
        world.wait(Duration::from_millis(500));
        cut(&mut world, 1);
        world.wait(Duration::from_millis(away));
        assert_eq!(world.rounds.len(), 0, "nobody plays unseen");
        return_as(&mut world, 20, "a");
        world.wait(Duration::ZERO);
        // It has waited long enough, so that robots come at once.
        assert_eq!(company(&world, 20).len(), if is_kept { 3 } else { 0 });
    }
}

#[test]
fn who_is_cut_off_while_it_waits_is_met_by_nobody_until_it_is_back() {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", None, false);
    hello(&mut world, 2, "b", None, false);
    join(&mut world, 1);
    cut(&mut world, 1);
    join(&mut world, 2);
    assert_eq!(company(&world, 2), NOBODY);
    world.wait(Duration::from_millis(900));
    return_as(&mut world, 20, "a");
    assert_eq!(company(&world, 20), ["a", "b"]);
    // Its client asks again, since it cannot know.
    assert_eq!(
        world.lobby.join(ConnectionId(20), world.now),
        Err(Rejected::AlreadySeated)
    );
}

#[test]
fn nobody_without_the_token_takes_the_place_of_who_is_away() {
    let stranger = |world: &mut World, who| {
        let hello = Hello {
            profile: Profile {
                uid: "a".into(),
                name: "stranger".into(),
                picture: "".into(),
            },
            place: None,
            token: None,
            legacy: false,
            origin: None,
        };
        world.hello(ConnectionId(who), hello)
    };
    let mut world = playing(false);
    choose(&mut world, 1, Hand::Rock);
    cut(&mut world, 1);
    assert_eq!(stranger(&mut world, 30), Err(Rejected::UidTaken));
    return_as(&mut world, 20, "a");
    world.wait(ROUND_TIME);
    let player = world.player(ConnectionId(20)).unwrap();

    // In the queue there is nothing to lose but the place: the score is there for the token.
    world.asked.insert(player);
    join(&mut world, 20);
    cut(&mut world, 20);
    let mine = world.tokens["a"];
    stranger(&mut world, 31).unwrap();
    world.tokens.insert("a".into(), mine);
    told(&mut world, "a");
    return_as(&mut world, 21, "a");
    let welcome = told(&mut world, "a");
    assert!(
        welcome
            .iter()
            .any(|event| matches!(event, Event::Welcomed { standing, .. } if standing.total == 1)),
        "{welcome:?}"
    );

    // A client from 2016 has no token, and is back at once as it always was.
    let mut world = playing(true);
    cut(&mut world, 1);
    hello(&mut world, 20, "a", None, true);
    join(&mut world, 20);
    world.wait(ROUND_TIME);
}

#[test]
fn the_number_of_people_near_is_kept() {
    let mut world = World::new(2);
    let near = |number: f64| Some((39.9, 116.4 + number / 100.0));
    hello(&mut world, 1, "a", None, false);
    hello(&mut world, 2, "b", near(0.0), false);
    hello(&mut world, 3, "c", near(1.0), false);
    hello(&mut world, 4, "old", near(2.0), true);
    world.told.clear();
    world.wait(Duration::from_secs(3));
    let nearby = |nearby| vec![Event::NearbyChanged { nearby }];
    assert_eq!(told(&mut world, "a"), nearby(3));
    assert_eq!(told(&mut world, "b"), nearby(2));
    assert_eq!(told(&mut world, "c"), nearby(2));
    assert_eq!(told(&mut world, "old"), []);
    world.wait(Duration::from_mins(1));
    assert_eq!(world.told, [], "nothing changes");
    cut(&mut world, 1);
    cut(&mut world, 4);
    world.wait(Duration::from_secs(3));
    assert_eq!(told(&mut world, "b"), nearby(1));
    assert_eq!(told(&mut world, "c"), nearby(1));
}
