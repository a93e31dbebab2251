//! The cube of space that one cell of the octree covers.

use super::{Place, length2};

/// A cube whose side is a power of two and whose corners are multiples of the side: floating point represents them
/// exactly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cube {
    low: [f64; 3],
    pub(super) side: f64,
}

impl Cube {
    /// The cube around the earth.
    pub(super) const WHOLE: Self = Self {
        low: [-1.0; 3],
        side: 2.0,
    };

    /// One of the eight octants. Bit 0 of `octant` selects the upper half of the first axis, bit 1 of the second, bit 2
    /// of the third.
    pub(super) fn octant(self, octant: usize) -> Self {
        let side = self.side / 2.0;
        let low = |axis: usize| {
            let low = self.low[axis];
            if octant >> axis & 1 == 1 {
                low + side
            } else {
                low
            }
        };
        Self {
            low: [low(0), low(1), low(2)],
            side,
        }
    }

    /// The octant in which a place lies.
    pub(super) fn octant_of(self, at: Place) -> usize {
        let half = self.side / 2.0;
        let high = |axis: usize| usize::from(at.0[axis] >= self.low[axis] + half) << axis;
        high(0) | high(1) | high(2)
    }

    /// The squared chord to the nearest point of the cube. No entry in the cube is nearer, rounding included.
    pub(super) fn nearest2(self, from: Place) -> f64 {
        length2(
            self.gaps(from)
                .map(|(below, above)| larger(larger(below, above), 0.0)),
        )
    }

    /// The squared chord to the farthest corner. No entry in the cube is farther, rounding included.
    pub(super) fn farthest2(self, from: Place) -> f64 {
        length2(self.gaps(from).map(|(below, above)| larger(-below, -above)))
    }

    /// How far a place is below and above the cube on each axis; negative where it is not.
    fn gaps(self, from: Place) -> [(f64, f64); 3] {
        let gap = |axis: usize| {
            let (low, at) = (self.low[axis], from.0[axis]);
            (low - at, at - (low + self.side))
        };
        [gap(0), gap(1), gap(2)]
    }
}

/// As `f64::max`, with half the instructions, because it does not treat NaN specially.
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}
