//! Who is where on earth: an octree that answers "how many are near?" and "who is nearest?".

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::cube::Cube;
use super::{Place, reach};

/// A leaf with more entries than this is split. Larger leaves make counting faster and searching slower; beyond this
/// size counting gains little.
const LEAF_CAPACITY: usize = 32;

/// A split cell becomes a leaf again at this size. That is well below the capacity, so that one entry that comes and
/// goes does not split and merge a cell each time.
const MERGE_AT: usize = LEAF_CAPACITY / 2;

/// The side of the smallest cells in earth radii: 76 cm, which is 24 halvings of the whole cube.
const FINEST: f64 = 1.0 / (1 << 23) as f64;

/// An index of entries by place.
///
/// It is an octree over the cube around the earth. A leaf holds up to 32 entries; one with more becomes a branch of
/// eight cells, and a branch knows how many entries are below it. Only cells at the earth's surface are ever filled. A
/// cell of the finest size (76 cm) with too many entries sorts them by their exact place instead, so any number of
/// people may be at one and the same point.
///
/// An entry is an id and its place. The caller remembers both, since the index cannot look up where an id was put. The
/// depth is at most 24, which is the "log n" below. Memory grows with the entries and is given back as they are
/// removed.
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
    /// An empty globe, which allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are, in O(1).
    pub fn len(&self) -> usize {
        self.root.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an id at a place, in O(log n). `false` if it was already at exactly that place.
    pub fn insert(&mut self, id: T, at: Place) -> bool {
        self.root.insert(Cube::WHOLE, id, at)
    }

    /// Removes an id from the place where it was put, in O(log n). `false` if it was not there.
    pub fn remove(&mut self, id: T, at: Place) -> bool {
        self.root.remove(Cube::WHOLE, id, at)
    }

    /// The exact number of entries within a great-circle radius in kilometres of a place.
    ///
    /// The edge belongs to the circle; at radius 0 the entries at exactly this place count. From half the earth's
    /// circumference on, all entries count; for a negative radius or NaN, none.
    ///
    /// Cells that lie wholly inside are added up without being entered. So the work grows with the entries along the
    /// edge of the circle, about √n in an evenly filled city. Many entries at one point of the edge cost as much as
    /// one.
    pub fn count_within(&self, center: Place, radius_km: f64) -> usize {
        reach(radius_km).map_or(0, |reach| self.root.count(Cube::WHOLE, center, reach))
    }

    /// The nearest accepted entry within a great-circle radius in kilometres, and its distance in kilometres. Among
    /// equally near entries the smallest id wins.
    ///
    /// `accept` is asked only about entries that would be the best so far, about each at most once, and in no
    /// particular order. The work is O(log n) and grows with the number of near entries that are refused.
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

/// A cell of the tree. It does not store which cube it covers: every walk from the root derives that on the way down.
#[derive(Debug)]
enum Cell<T> {
    Leaf(Vec<(T, Place)>),
    Branch {
        len: usize,
        cells: Box<[Cell<T>; 8]>,
    },
    Crowd(Box<CrowdedCell<T>>),
}

/// More entries than a leaf holds, in a cell of the finest size, which is not split. Boxed, so that a cell stays small.
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

/// The state of a search for the nearest entry. `reach` shrinks to the distance of the best entry so far.
struct NearestSearch<T, F> {
    center: Place,
    reach: f64,
    best: Option<(T, Place)>,
    accept: F,
}

impl<T: Copy + Ord, F: FnMut(T) -> bool> NearestSearch<T, F> {
    /// Considers the entries at one place. `ids` ascend, so the first accepted one is the best of them.
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

/// Counts the cells and entries that a query looks at. Tests bound them; elsewhere it does nothing.
#[cfg(not(test))]
fn looked_at(_count: usize) {}

#[cfg(test)]
use tests::looked_at;

#[cfg(test)]
mod tests;
