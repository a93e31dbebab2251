//! Connections that are lost and come back: seat, hand, place in the queue and result survive.

use std::time::Duration;

use wulin_game::lobby::Arrival;
use wulin_game::room::Action;
use wulin_game::{ConnectionId, Event, Hand, Missed, Profile, Rejected};

use super::stories::{choose, company, hello, join, return_as};
use super::world::{ROUND_TIME, World};

const NOBODY: [&str; 0] = [];

/// Two people in a round, with connections 1 and 2.
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

fn act(world: &mut World, who: u64, action: Action) -> Result<(), Rejected> {
    let player = world.player(ConnectionId(who)).unwrap();
    let room = world.seats[&player];
    world.act(player, room, action)
}

/// What this uid has been told since the last call, over any connection.
fn told(world: &mut World, uid: &str) -> Vec<Event> {
    let uids = world.uids.clone();
    let heard = world
        .told
        .extract_if(.., |(player, _)| *uids[player] == *uid);
    heard.map(|(_, event)| event).collect()
}

/// The missed result in the only welcome that this uid has just been sent.
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
fn seat_and_hand_survive_a_lost_connection() {
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
    assert_eq!(
        *round_time,
        ROUND_TIME.saturating_sub(Duration::from_secs(2))
    );
    assert_eq!((own.hand, own.locked), (Hand::Rock, false));
    world.wait(ROUND_TIME);
    let heard = told(&mut world, "a");
    let Some(Event::RoundEnded { standings, .. }) = heard.last() else {
        panic!("{heard:?}")
    };
    assert_eq!(standings[0].standing.streak, 1, "nothing was lost");
}

#[test]
fn missed_results_are_told_until_they_arrive() {
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
    // A second hello over the same connection does not tell the result again.
    return_as(&mut world, 22, "a");
    assert_eq!(missed(&mut world, "a"), None);
    let player = world.player(ConnectionId(22)).unwrap();
    world.receive(player, missed_last.room);
    cut(&mut world, 22);
    return_as(&mut world, 23, "a");
    assert_eq!(missed(&mut world, "a"), None, "told once");
}

#[test]
fn results_that_did_not_arrive_are_told_again() {
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
fn the_next_start_drops_a_missed_result() {
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
fn locked_hands_stay_and_end_the_round_when_all_lock() {
    let mut world = playing(false);
    assert_eq!(act(&mut world, 1, Action::Lock(Hand::Rock)), Ok(()));
    assert_eq!(
        act(&mut world, 1, Action::Choose(Hand::Paper)),
        Err(Rejected::HandLocked)
    );
    assert_eq!(act(&mut world, 1, Action::Choose(Hand::Rock)), Ok(()));
    cut(&mut world, 1);
    assert_eq!(act(&mut world, 2, Action::Lock(Hand::Paper)), Ok(()));
    assert_eq!(world.rounds.len(), 0, "nobody is waited for");
    told(&mut world, "a");
    return_as(&mut world, 20, "a");
    assert_eq!(scored(missed(&mut world, "a"), "a"), 0);
}

#[test]
fn players_away_without_a_hand_are_waited_for() {
    let mut world = playing(false);
    cut(&mut world, 1);
    act(&mut world, 2, Action::Lock(Hand::Paper)).unwrap();
    assert_eq!(world.rounds.len(), 1);
    return_as(&mut world, 20, "a");
    act(&mut world, 20, Action::Lock(Hand::Scissors)).unwrap();
    assert_eq!(world.rounds.len(), 0);
}

#[test]
fn rounds_with_a_client_from_2016_last_their_full_time() {
    let mut world = playing(true);
    act(&mut world, 1, Action::Lock(Hand::Rock)).unwrap();
    act(&mut world, 2, Action::Lock(Hand::Paper)).unwrap();
    assert_eq!(world.rounds.len(), 1);
    act(&mut world, 2, Action::Leave).unwrap();
    assert_eq!(world.rounds.len(), 1, "though it is alone");
    world.wait(ROUND_TIME);
    assert_eq!(world.rounds.len(), 0);
}

#[test]
fn rounds_held_by_a_2016_client_end_when_another_client_takes_over() {
    let mut world = playing(true);
    act(&mut world, 1, Action::Lock(Hand::Rock)).unwrap();
    act(&mut world, 2, Action::Lock(Hand::Paper)).unwrap();
    return_as(&mut world, 20, "a");
    assert_eq!(world.rounds.len(), 0);
}

#[test]
fn robots_show_a_hand_when_a_round_ends_early() {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", None, false);
    world.lobby.join_robot(ConnectionId(1), world.now).unwrap();
    world.carry_out();
    act(&mut world, 1, Action::Lock(Hand::Rock)).unwrap();
    let heard = told(&mut world, "a");
    let Some(Event::RoundEnded { standings, .. }) = heard.last() else {
        panic!("{heard:?}")
    };
    assert!(standings[1].hand.is_some());
}

#[test]
fn queue_places_are_held_for_five_seconds() {
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
        // Its wait went on meanwhile, so robots come at once.
        assert_eq!(company(&world, 20).len(), if is_kept { 3 } else { 0 });
    }
}

#[test]
fn disconnected_waiters_are_not_matched_until_they_return() {
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
    // Its client asks again, because it does not know that its place was held.
    assert_eq!(
        world.lobby.join(ConnectionId(20), world.now),
        Err(Rejected::AlreadySeated)
    );
}

#[test]
fn only_the_token_gives_back_an_absent_players_seat() {
    let stranger = |world: &mut World, who| {
        let hello = Arrival {
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

    // A place in the queue does not protect the uid, but the score still needs the token.
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

    // A client from 2016 has no token, and gets its uid back without one.
    let mut world = playing(true);
    cut(&mut world, 1);
    hello(&mut world, 20, "a", None, true);
    join(&mut world, 20);
    world.wait(ROUND_TIME);
}

#[test]
fn changes_of_the_number_nearby_are_told() {
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
