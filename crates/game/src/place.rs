//! Where people are: a [`Place`] on earth, and the [`Globe`], an index that finds who is near a place.

mod cube;
mod globe;

pub use globe::Globe;

use std::cmp::Ordering;
use std::f64::consts;
use std::fmt;

/// The earth's mean radius in kilometres.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// The relative amount by which a radius is rounded up. It is far below the precision of any position and above the
/// rounding errors of the arithmetic, so that a place is always within its own [`Place::distance_km`].
const ROUNDING: f64 = 1e-14;

/// A position on earth.
///
/// It is stored as a point on the unit sphere. There the poles and the ±180° meridian are ordinary points: all
/// longitudes of a pole are one place, and +180° and -180° are one meridian.
///
/// The order is total, for use as a key, and means nothing on a map.
#[derive(Clone, Copy, PartialEq)]
pub struct Place([f64; 3]);

/// Hides the position, which is personal data, so that it cannot get into a log.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place(..)")
    }
}

impl Place {
    /// The place at a latitude and a longitude in degrees.
    ///
    /// `None` unless both are finite, the latitude within ±90 and the longitude within ±180.
    pub fn new(lat: f64, lng: f64) -> Option<Self> {
        // NaN is in no range either.
        if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lng) {
            return None;
        }
        if lat.abs() >= 90.0 {
            return Some(Self([0.0, 0.0, lat.signum()]));
        }
        let lng = if lng <= -180.0 { 180.0 } else { lng };
        let (north, ring) = lat.to_radians().sin_cos();
        let (east, prime) = lng.to_radians().sin_cos();
        // Adding zero turns -0 into 0. Equal places then have equal bits, which `Ord` relies on.
        Some(Self(
            [ring * prime, ring * east, north].map(|axis| axis + 0.0),
        ))
    }

    /// The great-circle distance in kilometres on a spherical earth, within 0.6 % of the real distance.
    pub fn distance_km(&self, other: Self) -> f64 {
        let far_side = other.0.map(|axis| -axis);
        // Half the angle by its tangent: unlike an arc sine, this is precise for near and for far places.
        let half_angle = self
            .chord2(other)
            .sqrt()
            .atan2(squared(self.0, far_side).sqrt());
        2.0 * half_angle * EARTH_RADIUS_KM
    }

    /// The squared length of the straight line through the earth, in squared earth radii. It orders places by distance
    /// without a square root.
    fn chord2(&self, other: Self) -> f64 {
        squared(self.0, other.0)
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let axis = |i: usize| self.0[i].total_cmp(&other.0[i]);
        axis(0).then_with(|| axis(1)).then_with(|| axis(2))
    }
}

/// The longest squared chord within a great-circle radius: infinite from half the circumference on, `None` for a
/// negative radius or NaN.
fn reach(radius_km: f64) -> Option<f64> {
    let angle = radius_km / EARTH_RADIUS_KM;
    if angle.is_nan() || angle < 0.0 {
        return None;
    }
    if angle >= consts::PI {
        return Some(f64::INFINITY);
    }
    let chord = 2.0 * (angle / 2.0).sin();
    Some(chord * chord * (1.0 + ROUNDING))
}

fn squared(a: [f64; 3], b: [f64; 3]) -> f64 {
    length2([a[0] - b[0], a[1] - b[1], a[2] - b[2]])
}

/// All distances are summed here, in the same order of terms. Rounding then never changes which of two sums is larger,
/// so the bounds of a cell hold exactly for the entries in it.
fn length2([x, y, z]: [f64; 3]) -> f64 {
    x * x + y * y + z * z
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(lat: f64, lng: f64) -> Place {
        Place::new(lat, lng).unwrap()
    }

    fn apart(a: (f64, f64), b: (f64, f64)) -> f64 {
        place(a.0, a.1).distance_km(place(b.0, b.1))
    }

    #[track_caller]
    fn assert_km(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual} km");
    }

    #[test]
    fn degrees_outside_the_earth_are_no_place() {
        for (lat, lng) in [
            (90.1, 0.0),
            (-90.1, 0.0),
            (0.0, 180.1),
            (0.0, -180.1),
            (f64::NAN, 0.0),
            (0.0, f64::NAN),
            (f64::INFINITY, 0.0),
            (0.0, f64::NEG_INFINITY),
        ] {
            assert_eq!(Place::new(lat, lng), None, "{lat}, {lng}");
        }
        assert!(Place::new(90.0, 180.0).is_some());
        assert!(Place::new(-90.0, -180.0).is_some());
    }

    #[test]
    fn known_distances_hold() {
        let (beijing, shanghai) = ((39.9042, 116.4074), (31.2304, 121.4737));
        assert_km(apart(beijing, shanghai), 1067.0, 1.0);
        let (london, sydney) = ((51.5074, -0.1278), (-33.8688, 151.2093));
        assert_km(apart(london, sydney), 16994.0, 5.0);
        let degree = EARTH_RADIUS_KM.to_radians();
        assert_km(apart((0.0, 0.0), (1.0, 0.0)), degree, 1e-9);
        assert_km(apart((0.0, 0.0), (0.0, 180.0)), degree * 180.0, 1e-9);
        assert_km(apart((30.0, 40.0), (-30.0, -140.0)), degree * 180.0, 1e-9);
    }

    #[test]
    fn distances_across_the_antimeridian_are_short() {
        assert_eq!(place(12.0, 180.0), place(12.0, -180.0));
        assert_km(
            apart((0.0, 179.5), (0.0, -179.5)),
            EARTH_RADIUS_KM.to_radians(),
            1e-9,
        );
    }

    #[test]
    fn all_longitudes_of_a_pole_are_one_place() {
        assert_eq!(place(90.0, 12.0), place(90.0, -170.0));
        assert_eq!(place(-90.0, 0.0), place(-90.0, 180.0));
        let degree = EARTH_RADIUS_KM.to_radians();
        assert_km(apart((89.5, 0.0), (89.5, 180.0)), degree, 1e-9);
        assert_km(apart((90.0, 0.0), (-90.0, 77.0)), degree * 180.0, 1e-9);
    }

    #[test]
    fn zeros_of_either_sign_are_one_place() {
        let zeros = [(0.0, 0.0), (-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0)];
        for (lat, lng) in zeros {
            assert_eq!(
                place(lat, lng).cmp(&place(0.0, 0.0)),
                Ordering::Equal,
                "{lat}, {lng}"
            );
        }
    }

    #[test]
    fn negative_radius_or_nan_reaches_nothing() {
        assert_eq!(reach(-0.1), None);
        assert_eq!(reach(f64::NAN), None);
        assert_eq!(reach(0.0), Some(0.0));
        assert_eq!(reach(20_016.0), Some(f64::INFINITY));
        assert_eq!(reach(f64::INFINITY), Some(f64::INFINITY));
    }

    proptest! {
        #[test]
        fn places_are_within_their_own_distance(
            lat in -90.0..=90.0_f64,
            lng in -180.0..=180.0_f64,
            scale in 0..16,
            to in (-1.0..1.0_f64, -1.0..1.0_f64),
        ) {
            let here = place(lat, lng);
            let step = 180.0 / 10_f64.powi(scale);
            let there = place(
                (lat + to.0 * step).clamp(-90.0, 90.0),
                (lng + to.1 * step).clamp(-180.0, 180.0),
            );
            let distance = here.distance_km(there);
            prop_assert!(here.chord2(there) <= reach(distance).unwrap());
            prop_assert_eq!(distance.to_bits(), there.distance_km(here).to_bits());
        }
    }
}
