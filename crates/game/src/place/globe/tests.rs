//! The octree against a plain list, at the places that are hard on it, and how much work its answers take.

use std::cell;
use std::collections::BTreeSet;
use std::f64::consts;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

thread_local! {
    static LOOKED_AT: cell::Cell<usize> = const { cell::Cell::new(0) };
}

pub(super) fn looked_at(count: usize) {
    LOOKED_AT.set(LOOKED_AT.get() + count);
}

/// The answer of a query, and how many cells and entries it looked at.
fn work<R>(question: impl FnOnce() -> R) -> (R, usize) {
    LOOKED_AT.set(0);
    let answer = question();
    (answer, LOOKED_AT.get())
}

fn place(lat: f64, lng: f64) -> Place {
    Place::new(lat, lng).unwrap()
}

fn globe_of(places: impl IntoIterator<Item = Place>) -> Globe<u32> {
    let mut globe = Globe::new();
    for (id, at) in (0..).zip(places) {
        assert!(globe.insert(id, at));
    }
    globe
}

fn nodes<T>(cell: &Cell<T>) -> usize {
    match cell {
        Cell::Leaf(_) | Cell::Crowd(_) => 1,
        Cell::Branch { cells, .. } => 1 + cells.iter().map(nodes).sum::<usize>(),
    }
}

const CITY: (f64, f64) = (31.23, 121.47);
const MANY: usize = 100_000;

/// Places spread evenly over a disc of 20 km radius.
fn city() -> impl Iterator<Item = Place> {
    let mut rng = StdRng::seed_from_u64(1);
    (0..MANY).map(move |_| {
        let angle = rng.random_range(0.0..consts::TAU);
        let degrees = rng.random_range(0.0..1.0_f64).sqrt() * 20.0 / 111.195;
        let lng = degrees * angle.cos() / CITY.0.to_radians().cos();
        place(CITY.0 + degrees * angle.sin(), CITY.1 + lng)
    })
}

/// Places spread evenly over the earth.
fn world() -> impl Iterator<Item = Place> {
    let mut rng = StdRng::seed_from_u64(2);
    (0..MANY).map(move |_| {
        let lat = rng.random_range(-1.0..=1.0_f64).asin().to_degrees();
        place(lat, rng.random_range(-180.0..=180.0))
    })
}

#[test]
fn radius_zero_counts_entries_at_the_same_place() {
    let globe = globe_of((0..40).map(|_| place(39.9042, 116.4074)));
    assert_eq!(globe.count_within(place(39.9042, 116.4074), 0.0), 40);
    assert_eq!(globe.count_within(place(39.9043, 116.4074), 0.0), 0);
}

#[test]
fn radius_of_half_the_earth_counts_everybody() {
    let globe = globe_of(world().take(1000));
    for radius in [20_015.2, 1e9, f64::MAX, f64::INFINITY] {
        assert_eq!(globe.count_within(place(1.0, 2.0), radius), 1000);
    }
    for radius in [-1.0, f64::NEG_INFINITY, f64::NAN] {
        assert_eq!(globe.count_within(place(1.0, 2.0), radius), 0);
        assert_eq!(globe.nearest(place(1.0, 2.0), radius, |_| true), None);
    }
}

#[test]
fn neighbours_are_found_across_antimeridian_and_poles() {
    for (here, there) in [
        (place(0.0, 179.99), place(0.0, -179.99)),
        (place(89.99, 0.0), place(89.99, 180.0)),
        (place(-89.99, 90.0), place(-89.99, -90.0)),
    ] {
        let globe = globe_of([there]);
        assert_eq!(globe.count_within(here, 3.0), 1);
        let (id, km) = globe.nearest(here, 3.0, |_| true).unwrap();
        assert_eq!(id, 0);
        assert!((km - 2.2239).abs() < 1e-3, "{km} km");
        assert_eq!(globe.nearest(here, 2.0, |_| true), None);
    }
}

#[test]
fn smallest_id_wins_among_equally_near_entries() {
    let (here, there) = (place(0.0, 0.0), place(0.0, 0.01));
    let globe = globe_of((0..100).map(|i| if i < 50 { there } else { here }));
    assert_eq!(globe.nearest(here, 10.0, |_| true), Some((50, 0.0)));
    assert_eq!(globe.nearest(here, 10.0, |id| id > 70), Some((71, 0.0)));
    let (id, km) = globe.nearest(here, 10.0, |id| id < 50).unwrap();
    assert_eq!((id, km > 1.1 && km < 1.2), (0, true));
    assert_eq!(globe.nearest(here, 1.0, |id| id < 50), None);
}

#[test]
fn entries_are_found_by_id_and_place() {
    let (here, there) = (place(1.0, 1.0), place(2.0, 2.0));
    let mut globe = Globe::new();
    assert!(globe.is_empty());
    assert!(globe.insert(7, here));
    assert!(!globe.insert(7, here));
    assert!(!globe.remove(7, there));
    assert!(!globe.remove(8, here));
    assert_eq!(globe.len(), 1);
    assert!(globe.remove(7, here));
    assert!(!globe.remove(7, here));
    assert!(globe.is_empty());
}

#[test]
fn memory_is_freed_when_all_entries_are_removed() {
    let crowd = [place(CITY.0, CITY.1)].into_iter().cycle();
    let scenes: [Box<dyn Iterator<Item = Place>>; 3] =
        [Box::new(city()), Box::new(world()), Box::new(crowd)];
    for places in scenes {
        let places: Vec<_> = places.take(10_000).collect();
        let mut globe = globe_of(places.iter().copied());
        assert!(nodes(&globe.root) > 24);
        for (id, at) in (0..).zip(&places) {
            assert!(globe.remove(id, *at));
        }
        assert_eq!(nodes(&globe.root), 1);
        assert!(matches!(globe.root, Cell::Leaf(entries) if entries.capacity() == 0));
    }
}

#[test]
fn one_entry_coming_and_going_does_not_rebuild_cells() {
    let mut globe = globe_of(world().take(LEAF_CAPACITY + 1));
    let split = nodes(&globe.root);
    assert!(split > 1);
    let at = world().nth(3).unwrap();
    for _ in 0..3 {
        assert!(globe.remove(3, at));
        assert_eq!(nodes(&globe.root), split);
        assert!(globe.insert(3, at));
    }
}

#[test]
fn counting_in_a_city_looks_only_along_the_edge() {
    let globe = globe_of(city());
    for radius in [1.0, 5.0, 10.0, 15.0, 19.9] {
        let (count, work) = work(|| globe.count_within(place(CITY.0, CITY.1), radius));
        let share = radius * radius / 400.0;
        assert!((count as f64 / MANY as f64 - share).abs() < 0.01);
        assert!(work < 15_000, "{work} for {radius} km");
    }
    for at in city().step_by(997) {
        let (nearest, work) = work(|| globe.nearest(at, 10.0, |_| true));
        assert!(nearest.is_some_and(|(_, km)| km <= 0.0));
        assert!(work < 500, "{work}");
    }
}

#[test]
fn counting_and_searching_the_world_stay_cheap() {
    let globe = globe_of(world());
    for at in world().step_by(997) {
        let (count, counting) = work(|| globe.count_within(at, 10.0));
        assert!(count >= 1);
        assert!(counting < 1000, "{counting}");
        let elsewhere = place(CITY.0, CITY.1);
        let (nearest, searching) = work(|| globe.nearest(elsewhere, 10_000.0, |_| true));
        assert!(nearest.is_some());
        assert!(searching < 500, "{searching}");
    }
}

#[test]
fn many_entries_at_one_point_cost_as_much_as_one() {
    let here = place(CITY.0, CITY.1);
    let mut globe = globe_of((0..MANY).map(|_| here));
    // Radii whose edge is beyond the entries, exactly at them, and just before them.
    let from = place(CITY.0 + 0.05, CITY.1);
    let edge = from.distance_km(here);
    for (radius, expected) in [(10.0, MANY), (edge, MANY), (edge * 0.999_999_999, 0)] {
        let (count, work) = work(|| globe.count_within(from, radius));
        assert_eq!(count, expected);
        assert!(work < 100, "{work}");
    }
    let (nearest, searching) = work(|| globe.nearest(from, 10.0, |id| id >= 10));
    assert_eq!(nearest, Some((10, edge)));
    assert!(searching < 100, "{searching}");
    assert!(globe.insert(MANY as u32, here));
    assert!(globe.remove(5, here));
    assert_eq!(globe.len(), MANY);
}

#[test]
fn entries_within_the_finest_cell_are_distinguished() {
    let spots = || (0..100).map(|i| place(CITY.0 + f64::from(i) * 1e-9, CITY.1));
    let globe = globe_of(spots().chain(spots()));
    let from = place(CITY.0, CITY.1);
    for (nearer, at) in spots().enumerate() {
        let edge = from.distance_km(at);
        assert_eq!(globe.count_within(from, edge), 2 * nearer + 2);
        let beyond = |id: u32| id as usize % 100 >= nearer;
        assert_eq!(
            globe.nearest(from, 1.0, beyond),
            Some((nearer as u32, edge))
        );
    }
}

const SPOTS: [(f64, f64); 6] = [
    (0.0, 0.0),
    (90.0, 0.0),
    (-90.0, 0.0),
    (0.0, 180.0),
    (45.0, 45.0),
    CITY,
];

/// Places within some centimetres of one point, which share the smallest cells.
fn packed_place() -> impl Strategy<Value = Place> {
    (0..20_u8, 0..3_u8).prop_map(|(north, east)| {
        let step = |count| f64::from(count) * 1e-8;
        place(CITY.0 + step(north), CITY.1 + step(east))
    })
}

/// Places that are hard for an index: close together, identical, on an axis or an edge, and anywhere.
fn any_place() -> impl Strategy<Value = Place> {
    let around = (
        prop::sample::select(&SPOTS[..]),
        prop::sample::select(&[0.0, 1e-15, 1e-9, 1e-6, 1e-4, 0.05, 5.0][..]),
        (-1_i32..=1, -1_i32..=1),
        (-1.0..1.0, -1.0..1.0),
        any::<bool>(),
    );
    let clustered = around.prop_map(|((lat, lng), scale, step, offset, stepped)| {
        let (dlat, dlng) = if stepped {
            (f64::from(step.0), f64::from(step.1))
        } else {
            offset
        };
        let lng: f64 = lng + dlng * scale;
        let wrapped = if lng > 180.0 { lng - 360.0 } else { lng };
        place((lat + dlat * scale).clamp(-90.0, 90.0), wrapped)
    });
    let anywhere =
        (-90.0..=90.0, -180.0..=180.0).prop_map(|(lat, lng): (f64, f64)| place(lat, lng));
    prop_oneof![4 => clustered, 3 => packed_place(), 1 => anywhere]
}

fn any_radius() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(&[0.0, 1e-9, 1e-3, 0.1, 10.0, 1000.0, 2e4, f64::INFINITY][..]),
        0.0..20.0,
        0.0..20_100.0,
    ]
}

#[derive(Clone, Debug)]
enum GlobeStep {
    Insert(u8, Place),
    Remove(prop::sample::Index),
    Miss(u8, Place),
    Near(Place, f64),
    /// A circle that runs exactly through an entry.
    Through(Place, prop::sample::Index),
}

fn any_step() -> impl Strategy<Value = GlobeStep> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => (any::<u8>(), any_place()).prop_map(|(id, at)| GlobeStep::Insert(id, at)),
        3 => index().prop_map(GlobeStep::Remove),
        1 => (any::<u8>(), any_place()).prop_map(|(id, at)| GlobeStep::Miss(id, at)),
        2 => (any_place(), any_radius()).prop_map(|(at, km)| GlobeStep::Near(at, km)),
        1 => (any_place(), index()).prop_map(|(at, index)| GlobeStep::Through(at, index)),
    ]
}

fn agree(globe: &Globe<u8>, model: &BTreeSet<(Place, u8)>, center: Place, km: f64) {
    let reach = reach(km).unwrap();
    let near = || {
        let chords = model.iter().map(|(at, id)| (center.chord2(*at), *id, *at));
        chords.filter(|(chord2, ..)| *chord2 <= reach)
    };
    assert_eq!(globe.count_within(center, km), near().count());
    for accept in [|_| true, |id: u8| id.is_multiple_of(3)] {
        let by_distance =
            |a: &(f64, u8, Place), b: &(f64, u8, Place)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let best = near().filter(|(_, id, _)| accept(*id)).min_by(by_distance);
        let expected = best.map(|(_, id, at)| (id, center.distance_km(at)));
        let found = globe.nearest(center, km, accept);
        assert_eq!(found.map(|(id, _)| id), expected.map(|(id, _)| id));
        if let (Some((_, found)), Some((_, expected))) = (found, expected) {
            assert!((found - expected).abs() < 1e-9);
        }
    }
}

proptest! {
    #[test]
    fn globe_answers_like_a_plain_list(
        steps in prop::collection::vec(any_step(), 1..400),
    ) {
        let mut globe = Globe::new();
        let mut model = BTreeSet::new();
        let pick = |model: &BTreeSet<(Place, u8)>, index: prop::sample::Index| {
            model.iter().nth(index.index(model.len().max(1))).copied()
        };
        for step in steps {
            match step {
                GlobeStep::Insert(id, at) => {
                    prop_assert_eq!(globe.insert(id, at), model.insert((at, id)));
                }
                GlobeStep::Remove(index) => {
                    if let Some((at, id)) = pick(&model, index) {
                        model.remove(&(at, id));
                        prop_assert!(globe.remove(id, at));
                    }
                }
                GlobeStep::Miss(id, at) => {
                    prop_assert_eq!(globe.remove(id, at), model.remove(&(at, id)));
                }
                GlobeStep::Near(center, km) => agree(&globe, &model, center, km),
                GlobeStep::Through(center, index) => {
                    if let Some((at, _)) = pick(&model, index) {
                        agree(&globe, &model, center, center.distance_km(at));
                    }
                }
            }
            prop_assert_eq!(globe.len(), model.len());
        }
        for (at, id) in model {
            prop_assert!(globe.remove(id, at));
        }
        prop_assert_eq!(nodes(&globe.root), 1);
    }
}
