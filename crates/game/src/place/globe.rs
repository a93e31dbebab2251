//! Who is where on earth: an octree that answers "how many are near" and "who is nearest".

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::cube::Cube;
use super::{Place, reach};

/// A leaf is split when one more than this comes. Larger leaves count faster and search slower; past
/// this size a count gains little.
const LEAF_CAPACITY: usize = 32;

/// A cell grown beyond a leaf is one again at this size: well below the capacity, so that nobody
/// stepping in and out makes it split and merge each time.
const MERGE_AT: usize = LEAF_CAPACITY / 2;

/// The side of the smallest cells in earth radii: 76 cm, 24 halvings of the whole cube.
const FINEST: f64 = 1.0 / (1 << 23) as f64;

/// An index of entries by place.
///
/// It is an octree over the cube around the earth: a leaf holds a handful of entries, a crowded one
/// becomes a branch of eight, and a branch knows how many are below it. Only cells on the surface
/// are ever filled. A cell of the finest size (76 cm) that is still crowded sorts its entries by
/// exact place instead, so any number of people may stand at one and the same point.
///
/// An entry is an id and its place, and the caller remembers both: the index can not find where an
/// id was put. The depth is at most 24, which is the "log n" below. Memory follows the entries and
/// is given back as they leave.
#[derive(Debug)]
pub struct Globe<T> {
    root: Cell<T>,
}

impl<T> Default for Globe<T> {
    fn default() -> Self {
        Self {
            root: Cell::default(),
        }
    }
}

impl<T: Copy + Ord> Globe<T> {
    /// An empty globe. It allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are, in O(1).
    pub fn len(&self) -> usize {
        self.root.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an id at a place, in O(log n). False if it already was at that very place.
    pub fn insert(&mut self, id: T, at: Place) -> bool {
        self.root.insert(Cube::WHOLE, id, at)
    }

    /// Takes an id from the place it was put at, in O(log n). False if it was not there.
    pub fn remove(&mut self, id: T, at: Place) -> bool {
        self.root.remove(Cube::WHOLE, id, at)
    }

    /// How many entries are within a great-circle radius in kilometres of a place, exactly.
    ///
    /// The edge belongs to the circle, and at radius 0 those at the very place count. From half the
    /// earth's circumference on it is everybody; for a negative radius or NaN nobody.
    ///
    /// Cells wholly inside are summed, not entered, so the work grows with the entries along the
    /// circle's edge, about √n in an evenly filled city. Many at one point of the edge cost as one;
    /// only where many lie along the edge, each at a point of its own, is each looked at.
    pub fn count_within(&self, center: Place, radius_km: f64) -> usize {
        reach(radius_km).map_or(0, |reach| self.root.count(Cube::WHOLE, center, reach))
    }

    /// The nearest entry within a great-circle radius in kilometres that is accepted, and its
    /// distance in kilometres. Among equally near ones the smallest id wins.
    ///
    /// Only those who would be the best so far are offered to `accept`, each at most once and in no
    /// particular order. The work is O(log n) and grows with how many near ones are refused.
    pub fn nearest(
        &self,
        center: Place,
        within_km: f64,
        accept: impl FnMut(T) -> bool,
    ) -> Option<(T, f64)> {
        let mut search = NearestSearch {
            center,
            reach: reach(within_km)?,
            best: None,
            accept,
        };
        self.root.search(Cube::WHOLE, &mut search);
        search.best.map(|(id, at)| (id, center.distance_km(at)))
    }
}

/// A part of the tree. Which part of space it is, is known from the way down to it.
#[derive(Debug)]
enum Cell<T> {
    Leaf(Vec<(T, Place)>),
    Branch {
        len: usize,
        cells: Box<[Cell<T>; 8]>,
    },
    Crowd(Box<CrowdedCell<T>>),
}

/// More than a leaf holds, in a cell too small to split.
#[derive(Debug)]
struct CrowdedCell<T> {
    len: usize,
    spots: BTreeMap<Place, BTreeSet<T>>,
}

impl<T> Default for Cell<T> {
    fn default() -> Self {
        Self::Leaf(Vec::new())
    }
}

impl<T> Cell<T> {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Branch { len, .. } => *len,
            Self::Crowd(crowd) => crowd.len,
        }
    }
}

impl<T: Copy + Ord> Cell<T> {
    fn insert(&mut self, cube: Cube, id: T, at: Place) -> bool {
        match self {
            Self::Leaf(entries) => {
                if entries.contains(&(id, at)) {
                    return false;
                }
                if entries.len() == LEAF_CAPACITY {
                    *self = Self::split(mem::take(entries), cube);
                    return self.insert(cube, id, at);
                }
                entries.push((id, at));
                true
            }
            Self::Branch { len, cells } => {
                let octant = cube.octant_of(at);
                let added = cells[octant].insert(cube.octant(octant), id, at);
                *len += usize::from(added);
                added
            }
            Self::Crowd(crowd) => {
                let added = crowd.spots.entry(at).or_default().insert(id);
                crowd.len += usize::from(added);
                added
            }
        }
    }

    fn split(entries: Vec<(T, Place)>, cube: Cube) -> Self {
        let mut cell = if cube.side <= FINEST {
            Self::Crowd(Box::new(CrowdedCell {
                len: 0,
                spots: BTreeMap::new(),
            }))
        } else {
            Self::Branch {
                len: 0,
                cells: Box::default(),
            }
        };
        for (id, at) in entries {
            cell.insert(cube, id, at);
        }
        cell
    }

    fn remove(&mut self, cube: Cube, id: T, at: Place) -> bool {
        let removed = match self {
            Self::Leaf(entries) => {
                let Some(index) = entries.iter().position(|entry| *entry == (id, at)) else {
                    return false;
                };
                entries.swap_remove(index);
                if entries.is_empty() {
                    *entries = Vec::new();
                }
                return true;
            }
            Self::Branch { len, cells } => {
                let octant = cube.octant_of(at);
                let removed = cells[octant].remove(cube.octant(octant), id, at);
                *len -= usize::from(removed);
                removed
            }
            Self::Crowd(crowd) => crowd.remove(&id, at),
        };
        if removed && self.len() <= MERGE_AT {
            let mut entries = Vec::with_capacity(self.len());
            self.drain_into(&mut entries);
            *self = Self::Leaf(entries);
        }
        removed
    }

    fn drain_into(&mut self, into: &mut Vec<(T, Place)>) {
        match self {
            Self::Leaf(entries) => into.append(entries),
            Self::Branch { cells, .. } => {
                for cell in cells.iter_mut() {
                    cell.drain_into(into);
                }
            }
            Self::Crowd(crowd) => {
                for (at, ids) in &crowd.spots {
                    into.extend(ids.iter().map(|id| (*id, *at)));
                }
            }
        }
    }

    fn count(&self, cube: Cube, center: Place, reach: f64) -> usize {
        looked_at(1);
        if cube.nearest2(center) > reach {
            return 0;
        }
        if cube.farthest2(center) <= reach {
            return self.len();
        }
        match self {
            Self::Leaf(entries) => {
                looked_at(entries.len());
                let near = |(_, at): &&(T, Place)| center.chord2(*at) <= reach;
                entries.iter().filter(near).count()
            }
            Self::Branch { cells, .. } => (0..8)
                .filter(|&octant| cells[octant].len() > 0)
                .map(|octant| cells[octant].count(cube.octant(octant), center, reach))
                .sum(),
            Self::Crowd(crowd) => {
                looked_at(crowd.spots.len());
                let near = |(at, _): &(&Place, _)| center.chord2(**at) <= reach;
                let spots = crowd.spots.iter().filter(near);
                spots.map(|(_, ids)| ids.len()).sum()
            }
        }
    }

    fn search<F: FnMut(T) -> bool>(&self, cube: Cube, search: &mut NearestSearch<T, F>) {
        looked_at(1);
        match self {
            Self::Leaf(entries) => {
                for (id, at) in entries {
                    search.offer(*at, [*id]);
                }
            }
            Self::Branch { cells, .. } => {
                let mut order = [(f64::INFINITY, 0); 8];
                let mut filled = 0;
                for (octant, cell) in cells.iter().enumerate() {
                    if cell.len() > 0 {
                        order[filled] = (cube.octant(octant).nearest2(search.center), octant);
                        filled += 1;
                    }
                }
                let order = &mut order[..filled];
                order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                for &(distance2, octant) in &*order {
                    // An equally near cell may still hold a smaller id.
                    if distance2 > search.reach {
                        break;
                    }
                    cells[octant].search(cube.octant(octant), search);
                }
            }
            Self::Crowd(crowd) => {
                for (at, ids) in &crowd.spots {
                    search.offer(*at, ids.iter().copied());
                }
            }
        }
    }
}

impl<T: Ord> CrowdedCell<T> {
    fn remove(&mut self, id: &T, at: Place) -> bool {
        let Some(ids) = self.spots.get_mut(&at) else {
            return false;
        };
        let removed = ids.remove(id);
        if ids.is_empty() {
            self.spots.remove(&at);
        }
        self.len -= usize::from(removed);
        removed
    }
}

/// A search for the nearest: the best so far, whose distance is all the reach that is left.
struct NearestSearch<T, F> {
    center: Place,
    reach: f64,
    best: Option<(T, Place)>,
    accept: F,
}

impl<T: Copy + Ord, F: FnMut(T) -> bool> NearestSearch<T, F> {
    /// Considers those at one place, ids ascending: the first accepted is the best of them.
    fn offer(&mut self, at: Place, ids: impl IntoIterator<Item = T>) {
        let distance2 = self.center.chord2(at);
        for id in ids {
            looked_at(1);
            let better = distance2 < self.reach
                || distance2 <= self.reach && self.best.is_none_or(|(best, _)| id < best);
            if !better {
                return;
            }
            if (self.accept)(id) {
                self.best = Some((id, at));
                self.reach = distance2;
                return;
            }
        }
    }
}

/// Tallies the cells and entries a question touched, for the tests that bound its work.
#[cfg(not(test))]
fn looked_at(_count: usize) {}

#[cfg(test)]
use tests::looked_at;

#[cfg(test)]
mod tests;
