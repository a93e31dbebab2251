//! Who plays with whom: the nearest person who waits, further away the longer the wait, then anybody, then robots.
//!
//! People who wait sit at *tables*, one table per room to be. A table grows by people who join it and by other tables that
//! come within reach, and is taken away when it is full or has waited long enough for robots to fill it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::ids::IdMap;
use super::place::{Globe, Place};
use super::player::{PlayerId, RoomId};

/// How much further the second stage of a wait reaches than the first.
const FAR: f64 = 10.0;

/// How long people wait for whom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// After this wait robots take the empty seats.
    pub robot_wait: Duration,
    /// How long who has just played a person waits for that person before anybody else.
    pub rematch_wait: Duration,
    /// Radius in km within which somebody is near.
    pub nearby_km: f64,
}

impl Patience {
    /// When a table that has been in the stages of its kind since `since` leaves this one.
    fn end_of(self, stage: Stage, since: Instant) -> Instant {
        since
            + match stage {
                Stage::Kept => self.rematch_wait,
                Stage::Near => self.robot_wait.mul_f64(0.5),
                Stage::Far => self.robot_wait.mul_f64(0.75),
                Stage::Anywhere => self.robot_wait,
            }
    }

    fn reach_km(self, stage: Stage) -> f64 {
        match stage {
            Stage::Kept => 0.0,
            Stage::Near => self.nearby_km,
            Stage::Far => self.nearby_km * FAR,
            Stage::Anywhere => f64::INFINITY,
        }
    }
}

/// How far a table looks by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    /// Only for those who were in the same room a moment ago.
    Kept,
    Near,
    Far,
    Anywhere,
}

/// The stages in which strangers may sit down, nearest first.
const OPEN_STAGES: [Stage; 3] = [Stage::Near, Stage::Far, Stage::Anywhere];

/// Somebody who asks for a seat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seeker {
    /// Who.
    pub player: PlayerId,
    /// Where, if known.
    pub place: Option<Place>,
    /// The room it has just played in.
    pub last_room: Option<RoomId>,
    /// Whether others of that room may ask again any moment, so that it pays to keep a table for them.
    pub keep: bool,
    /// Since when it has waited: the past, for whoever lost the connection meanwhile.
    pub since: Instant,
}

/// How somebody waited that has left a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Since when.
    pub since: Instant,
    /// Whether the table was kept for the people of the last room.
    pub kept: bool,
}

/// What the time changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// More people sit here now.
    Grew(RoomId),
    /// Waited long enough: robots take the empty seats.
    Ripe(RoomId),
}

#[derive(Debug)]
struct Table {
    people: Vec<PlayerId>,
    place: Option<Place>,
    /// When it was opened; for one that was kept, when it was opened to anybody.
    since: Instant,
    stage: Stage,
    /// When it leaves the stage.
    due: Instant,
    /// The room its first person has just played in: whoever else was there is sent here.
    rematch: Option<RoomId>,
}

/// The open tables with one number of people, found by place and by wait.
#[derive(Debug)]
struct Shelf {
    /// Tables with a place, one globe per open stage.
    globes: [Globe<RoomId>; 3],
    /// All of them, the longest wait first.
    queue: BTreeSet<(Instant, RoomId)>,
    /// Those without a place, the longest wait first.
    placeless: BTreeSet<(Instant, RoomId)>,
}

/// Everybody who waits.
#[derive(Debug)]
pub struct Matchmaking {
    patience: Patience,
    tables: IdMap<RoomId, Table>,
    /// By people at the table: `shelves[0]` has the tables with one person. One fewer than a room has seats.
    shelves: Vec<Shelf>,
    /// The table where the people of a room that was just played meet again.
    rematches: IdMap<RoomId, RoomId>,
    timers: BTreeSet<(Instant, RoomId)>,
}

impl Matchmaking {
    /// Nobody waits yet. `seats` is at least two.
    pub fn new(seats: usize, patience: Patience) -> Matchmaking {
        let shelf = |_| Shelf {
            globes: std::array::from_fn(|_| Globe::new()),
            queue: BTreeSet::new(),
            placeless: BTreeSet::new(),
        };
        Matchmaking {
            patience,
            tables: IdMap::default(),
            shelves: (1..seats).map(shelf).collect(),
            rematches: IdMap::default(),
            timers: BTreeSet::new(),
        }
    }

    /// Sits somebody down, at `fresh` if no table is within reach. Returns the table. O(log n).
    pub fn join(&mut self, seeker: Seeker, fresh: RoomId) -> RoomId {
        let Seeker {
            player,
            place,
            last_room,
            keep,
            since,
        } = seeker;
        let rematch = last_room.and_then(|room| self.rematch(room));
        let found = match rematch {
            Some(table) => Some(table),
            None if keep => None,
            None => self.within_reach(place, Stage::Near, 1),
        };
        if let Some((id, mut table)) = found.and_then(|id| Some((id, self.remove(id)?))) {
            table.people.push(player);
            self.insert(id, table);
            return id;
        }
        let stage = match place {
            _ if keep => Stage::Kept,
            Some(_) => Stage::Near,
            None => Stage::Anywhere,
        };
        self.insert(
            fresh,
            Table {
                people: vec![player],
                place,
                since,
                stage,
                due: self.patience.end_of(stage, since),
                rematch: last_room,
            },
        );
        fresh
    }

    /// Somebody no longer waits. The table goes with its last person.
    pub fn leave(&mut self, player: PlayerId, id: RoomId) -> Option<Wait> {
        let mut table = self.remove(id)?;
        let wait = Wait {
            since: table.since,
            kept: table.stage == Stage::Kept,
        };
        table.people.retain(|other| *other != player);
        if !table.people.is_empty() {
            self.insert(id, table);
        }
        Some(wait)
    }

    /// The table where the people of this room meet again, if one of them waits.
    pub fn rematch(&self, room: RoomId) -> Option<RoomId> {
        self.rematches.get(&room).copied()
    }

    /// Whether a table is kept for the people of the last room.
    pub fn is_kept(&self, table: RoomId) -> bool {
        self.tables
            .get(&table)
            .is_some_and(|table| table.stage == Stage::Kept)
    }

    /// Opens a table to anybody that was kept for the people of the last room. It looks around at the next
    /// [`advance`](Self::advance), which is due.
    pub fn release(&mut self, id: RoomId) {
        if self.is_kept(id)
            && let Some(mut table) = self.remove(id)
        {
            table.due = table.since;
            self.insert(id, table);
        }
    }

    /// The people at a table, in the order they came.
    pub fn people(&self, table: RoomId) -> &[PlayerId] {
        self.tables.get(&table).map_or(&[], |table| &table.people)
    }

    /// Whether every seat has a person.
    pub fn is_full(&self, table: RoomId) -> bool {
        self.people(table).len() > self.shelves.len()
    }

    /// Takes a table away, and its people with it.
    pub fn take(&mut self, table: RoomId) -> Vec<PlayerId> {
        self.remove(table)
            .map(|table| table.people)
            .unwrap_or_default()
    }

    /// Everybody who waits. O(seats).
    pub fn waiting(&self) -> usize {
        let shelves = self.shelves.iter().enumerate();
        shelves
            .map(|(index, shelf)| (index + 1) * shelf.queue.len())
            .sum()
    }

    /// Some table, while there is one.
    pub fn any(&self) -> Option<RoomId> {
        self.tables.keys().next().copied()
    }

    /// When [`advance`](Self::advance) is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Lets the tables that are due look further, until one grows or ripens. `None` when nothing is due at `now` any more.
    pub fn advance(&mut self, now: Instant) -> Option<Change> {
        loop {
            let (_, id) = self
                .timers
                .first()
                .copied()
                .filter(|(due, _)| *due <= now)?;
            let Some(stage) = self
                .tables
                .get(&id)
                .and_then(|table| next(table.stage, table.place))
            else {
                return Some(Change::Ripe(id));
            };
            let mut table = self.remove(id)?;
            if table.stage == Stage::Kept {
                // It has waited for some; for the others it has just come.
                table.since = now;
            }
            table.stage = stage;
            table.due = self.patience.end_of(stage, table.since);
            match self.within_reach(table.place, stage, table.people.len()) {
                Some(other) => return Some(Change::Grew(self.merge((id, table), other))),
                None => self.insert(id, table),
            }
        }
    }

    /// The open table for so many more people that suits best: the nearest within reach of either side, else the one that
    /// has waited longest of those without a place. Whoever has no place plays with whoever has waited longest.
    fn within_reach(&self, place: Option<Place>, stage: Stage, people: usize) -> Option<RoomId> {
        let free = &self.shelves[..(self.shelves.len() + 1).saturating_sub(people)];
        let longest = |queues: &mut dyn Iterator<Item = &BTreeSet<(Instant, RoomId)>>| {
            queues.filter_map(BTreeSet::first).min().map(|(_, id)| *id)
        };
        let Some(place) = place else {
            return longest(&mut free.iter().map(|shelf| &shelf.queue));
        };
        let mine = self.patience.reach_km(stage);
        let mut best: Option<(RoomId, f64)> = None;
        for shelf in free {
            for (globe, theirs) in shelf.globes.iter().zip(OPEN_STAGES) {
                let closer_than = best.map_or(f64::INFINITY, |(_, km)| km);
                let reach = mine.max(self.patience.reach_km(theirs)).min(closer_than);
                if let Some(found) = globe.nearest(place, reach, |_| true)
                    && found.1 < closer_than
                {
                    best = Some(found);
                }
            }
        }
        match best {
            Some((id, _)) => Some(id),
            None => longest(&mut free.iter().map(|shelf| &shelf.placeless)),
        }
    }

    /// Makes one table of two; the one that has waited longer stays.
    fn merge(&mut self, (id, table): (RoomId, Table), other_id: RoomId) -> RoomId {
        let Some(other) = self.remove(other_id) else {
            self.insert(id, table);
            return id;
        };
        let (stays, mut longer, shorter) = if table.since <= other.since {
            (id, table, other)
        } else {
            (other_id, other, table)
        };
        longer.people.extend(shorter.people);
        longer.rematch = longer.rematch.or(shorter.rematch);
        self.insert(stays, longer);
        stays
    }

    fn insert(&mut self, id: RoomId, table: Table) {
        self.timers.insert((table.due, id));
        if let Some(room) = table.rematch {
            self.rematches.insert(room, id);
        }
        if let (Some(shelf), Some(globe)) = (
            self.shelves.get_mut(table.people.len() - 1),
            globe(table.stage),
        ) {
            shelf.queue.insert((table.since, id));
            match table.place {
                Some(place) => _ = shelf.globes[globe].insert(id, place),
                None => _ = shelf.placeless.insert((table.since, id)),
            }
        }
        self.tables.insert(id, table);
    }

    fn remove(&mut self, id: RoomId) -> Option<Table> {
        let table = self.tables.remove(&id)?;
        self.timers.remove(&(table.due, id));
        if let Some(room) = table.rematch
            && self.rematches.get(&room) == Some(&id)
        {
            self.rematches.remove(&room);
        }
        if let (Some(shelf), Some(globe)) = (
            self.shelves.get_mut(table.people.len() - 1),
            globe(table.stage),
        ) {
            shelf.queue.remove(&(table.since, id));
            match table.place {
                Some(place) => _ = shelf.globes[globe].remove(id, place),
                None => _ = shelf.placeless.remove(&(table.since, id)),
            }
        }
        Some(table)
    }
}

/// The stage after this one; `None` after the last.
fn next(stage: Stage, place: Option<Place>) -> Option<Stage> {
    match (stage, place) {
        (Stage::Kept | Stage::Near | Stage::Far, None) | (Stage::Far, Some(_)) => {
            Some(Stage::Anywhere)
        }
        (Stage::Kept, Some(_)) => Some(Stage::Near),
        (Stage::Near, Some(_)) => Some(Stage::Far),
        (Stage::Anywhere, _) => None,
    }
}

/// Which globe of a shelf holds the tables of a stage; none those that are kept.
fn globe(stage: Stage) -> Option<usize> {
    OPEN_STAGES.iter().position(|open| *open == stage)
}
