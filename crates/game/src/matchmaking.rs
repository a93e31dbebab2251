//! Who plays with whom: the nearest person who waits; the longer the wait, the further away; then anybody; then robots.
//!
//! People who wait sit at *tables*. Each table becomes one room. A table grows when people join it and when it merges
//! with another table within reach. It leaves the queue when it is full, or when it has waited so long that robots fill
//! it.

use std::array;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::ids::IdMap;
use crate::place::{Globe, Place};
use crate::player::{PlayerId, RoomId};

/// How many times further [`WaitStage::Far`] reaches than [`WaitStage::Near`].
const FAR: f64 = 10.0;

/// How long people wait, and for whom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// How long people wait until robots take the empty seats.
    pub robot_wait: Duration,
    /// How long a person waits for a rematch before it plays with anybody.
    pub rematch_wait: Duration,
    /// The radius in kilometres within which people are near.
    pub nearby_km: f64,
}

impl Patience {
    /// When a table that has waited since `since` leaves this stage.
    fn end_of(self, stage: WaitStage, since: Instant) -> Instant {
        since
            + match stage {
                WaitStage::Kept => self.rematch_wait,
                WaitStage::Near => self.robot_wait.mul_f64(0.5),
                WaitStage::Far => self.robot_wait.mul_f64(0.75),
                WaitStage::Anywhere => self.robot_wait,
            }
    }

    fn reach_km(self, stage: WaitStage) -> f64 {
        match stage {
            WaitStage::Kept => 0.0,
            WaitStage::Near => self.nearby_km,
            WaitStage::Far => self.nearby_km * FAR,
            WaitStage::Anywhere => f64::INFINITY,
        }
    }
}

/// How far a table looks for others. It goes through the stages in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum WaitStage {
    /// Only the players of the same last room may sit down.
    Kept,
    Near,
    Far,
    Anywhere,
}

/// The stages in which anybody may sit down, the nearest reach first.
const OPEN_STAGES: [WaitStage; 3] = [WaitStage::Near, WaitStage::Far, WaitStage::Anywhere];

/// A person who asks for a seat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seeker {
    /// Who.
    pub player: PlayerId,
    /// Its position, if known.
    pub place: Option<Place>,
    /// The room in which it has just played.
    pub last_room: Option<RoomId>,
    /// Whether other players of that room may still ask for a rematch, so that a new table is kept for them.
    pub keep: bool,
    /// Since when it has waited. For a person who returns to a held place this is in the past.
    pub since: Instant,
}

/// How a person who has left a table waited there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Since when.
    pub since: Instant,
    /// Whether the table was kept for the players of the last room.
    pub kept: bool,
}

/// What happened to a table when its stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Another table merged with it: more people sit here now.
    Grew(RoomId),
    /// It has waited long enough: robots take the empty seats.
    Ripe(RoomId),
}

#[derive(Debug)]
struct Table {
    people: Vec<PlayerId>,
    place: Option<Place>,
    /// Since when it has waited; for a table that was kept, since anybody may sit down.
    since: Instant,
    stage: WaitStage,
    /// When it leaves its stage.
    due: Instant,
    /// The room in which its first person has just played. Other players of that room are seated here.
    rematch: Option<RoomId>,
}

/// The tables open to anybody that have the same number of people, ordered by place and by wait.
#[derive(Debug)]
struct OpenTables {
    /// Tables with a place: one globe for each of [`OPEN_STAGES`].
    globes: [Globe<RoomId>; 3],
    /// All tables, the longest wait first.
    queue: BTreeSet<(Instant, RoomId)>,
    /// Tables without a place, the longest wait first.
    placeless: BTreeSet<(Instant, RoomId)>,
}

/// Everybody who waits.
#[derive(Debug)]
pub struct Matchmaking {
    patience: Patience,
    tables: IdMap<RoomId, Table>,
    /// Open tables by their number of people: `open[0]` has those with one person. A full table does not wait, so there
    /// is one entry fewer than a room has seats.
    open: Vec<OpenTables>,
    /// From a room that was just played to the table where its players meet again.
    rematches: IdMap<RoomId, RoomId>,
    /// When each table leaves its stage.
    timers: BTreeSet<(Instant, RoomId)>,
}

impl Matchmaking {
    /// An empty queue. `seats` is the size of a room, at least two.
    pub fn new(seats: usize, patience: Patience) -> Matchmaking {
        let no_tables = |_| OpenTables {
            globes: array::from_fn(|_| Globe::new()),
            queue: BTreeSet::new(),
            placeless: BTreeSet::new(),
        };
        Matchmaking {
            patience,
            tables: IdMap::default(),
            open: (1..seats).map(no_tables).collect(),
            rematches: IdMap::default(),
            timers: BTreeSet::new(),
        }
    }

    /// Seats a person at the table that suits it best, or at the new table `fresh` if none is within reach. Returns the
    /// table. O(log n) in the number of tables.
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
            None => self.within_reach(place, WaitStage::Near, 1),
        };
        if let Some((id, mut table)) = found.and_then(|id| Some((id, self.remove(id)?))) {
            table.people.push(player);
            self.insert(id, table);
            return id;
        }
        let stage = match place {
            _ if keep => WaitStage::Kept,
            Some(_) => WaitStage::Near,
            None => WaitStage::Anywhere,
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

    /// Takes a person from its table. The table is removed with its last person.
    pub fn leave(&mut self, player: PlayerId, id: RoomId) -> Option<Wait> {
        let mut table = self.remove(id)?;
        let wait = Wait {
            since: table.since,
            kept: table.stage == WaitStage::Kept,
        };
        table.people.retain(|other| *other != player);
        if !table.people.is_empty() {
            self.insert(id, table);
        }
        Some(wait)
    }

    /// The table where the players of this room meet again, if one of them waits.
    pub fn rematch(&self, room: RoomId) -> Option<RoomId> {
        self.rematches.get(&room).copied()
    }

    /// Whether a table is kept for the players of the last room.
    pub fn is_kept(&self, table: RoomId) -> bool {
        self.tables
            .get(&table)
            .is_some_and(|table| table.stage == WaitStage::Kept)
    }

    /// Opens a table that was kept for the players of the last room to anybody. It looks for others at the next
    /// [`advance`](Self::advance), which is due at once.
    pub fn release(&mut self, id: RoomId) {
        if self.is_kept(id)
            && let Some(mut table) = self.remove(id)
        {
            table.due = table.since;
            self.insert(id, table);
        }
    }

    /// The people at a table, in the order of arrival.
    pub fn people(&self, table: RoomId) -> &[PlayerId] {
        self.tables.get(&table).map_or(&[], |table| &table.people)
    }

    /// Whether every seat has a person.
    pub fn is_full(&self, table: RoomId) -> bool {
        self.people(table).len() > self.open.len()
    }

    /// Removes a table and returns its people.
    pub fn take(&mut self, table: RoomId) -> Vec<PlayerId> {
        self.remove(table)
            .map(|table| table.people)
            .unwrap_or_default()
    }

    /// How many people wait. O(seats).
    pub fn waiting(&self) -> usize {
        let open = self.open.iter().enumerate();
        open.map(|(index, tables)| (index + 1) * tables.queue.len())
            .sum()
    }

    /// Any one table, while there is one.
    pub fn any(&self) -> Option<RoomId> {
        self.tables.keys().next().copied()
    }

    /// When [`advance`](Self::advance) is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Moves tables whose stage has ended to the next stage, until one of them changes. `None` when nothing more is due
    /// at `now`; until then the caller calls it again.
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
            if table.stage == WaitStage::Kept {
                // Its time with its partners does not count: for everybody else the wait begins now.
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

    /// The open table with room for `people` more that suits best.
    ///
    /// With a place, that is the nearest table within the reach of either side, else the one that has waited longest
    /// among those without a place. Without a place, it is the one that has waited longest of all.
    fn within_reach(
        &self,
        place: Option<Place>,
        stage: WaitStage,
        people: usize,
    ) -> Option<RoomId> {
        let free = &self.open[..(self.open.len() + 1).saturating_sub(people)];
        let longest = |queues: &mut dyn Iterator<Item = &BTreeSet<(Instant, RoomId)>>| {
            queues.filter_map(BTreeSet::first).min().map(|(_, id)| *id)
        };
        let Some(place) = place else {
            return longest(&mut free.iter().map(|tables| &tables.queue));
        };
        let mine = self.patience.reach_km(stage);
        let mut best: Option<(RoomId, f64)> = None;
        for tables in free {
            for (globe, theirs) in tables.globes.iter().zip(OPEN_STAGES) {
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
            None => longest(&mut free.iter().map(|tables| &tables.placeless)),
        }
    }

    /// Merges two tables. The one that has waited longer stays.
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
        if let (Some(tables), Some(globe)) = (
            self.open.get_mut(table.people.len() - 1),
            globe(table.stage),
        ) {
            tables.queue.insert((table.since, id));
            match table.place {
                Some(place) => _ = tables.globes[globe].insert(id, place),
                None => _ = tables.placeless.insert((table.since, id)),
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
        if let (Some(tables), Some(globe)) = (
            self.open.get_mut(table.people.len() - 1),
            globe(table.stage),
        ) {
            tables.queue.remove(&(table.since, id));
            match table.place {
                Some(place) => _ = tables.globes[globe].remove(id, place),
                None => _ = tables.placeless.remove(&(table.since, id)),
            }
        }
        Some(table)
    }
}

/// The stage after this one; `None` after the last.
fn next(stage: WaitStage, place: Option<Place>) -> Option<WaitStage> {
    match (stage, place) {
        (WaitStage::Kept | WaitStage::Near | WaitStage::Far, None) | (WaitStage::Far, Some(_)) => {
            Some(WaitStage::Anywhere)
        }
        (WaitStage::Kept, Some(_)) => Some(WaitStage::Near),
        (WaitStage::Near, Some(_)) => Some(WaitStage::Far),
        (WaitStage::Anywhere, _) => None,
    }
}

/// Which of [`OpenTables::globes`] has the tables of a stage; `None` for tables that are kept.
fn globe(stage: WaitStage) -> Option<usize> {
    OPEN_STAGES.iter().position(|open| *open == stage)
}
