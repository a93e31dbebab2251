//! The queue of what is to be written to one connection. It is bounded, and writers never wait for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use wulin_game::RoomId;
use wulin_game::protocol::event::Care;
use wulin_game::protocol::{Code, Fault, Message};

use super::seat::SeatHandle;
use super::{Figures, Owed};

/// Something for one connection.
#[derive(Debug)]
pub enum Delivery {
    /// Write this event.
    Message(Message),
    /// Write this event, and record how late it is written.
    Owed(Message, Owed),
    /// Answer this acknowledgement.
    Acknowledge(u64, Result<(), Code>),
    /// The player sits in this running room.
    Seated {
        /// The handle to the room.
        seat: SeatHandle,
        /// Whether the player has sat there before, on another connection: then the room must tell again how the round
        /// stands.
        returned: bool,
    },
    /// The player has left this room, or its round is over.
    Unseated(RoomId),
    /// Another connection speaks for the player now: this one is to be closed.
    Replaced,
}

impl Delivery {
    fn is_volatile(&self) -> bool {
        match self {
            Delivery::Message(message) | Delivery::Owed(message, _) => {
                message.care == Care::Volatile
            }
            Delivery::Acknowledge(..)
            | Delivery::Seated { .. }
            | Delivery::Unseated(_)
            | Delivery::Replaced => false,
        }
    }
}

/// The reader was too slow: the outbox has been emptied and takes nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client does not read what it is sent")]
pub struct Overflowed;

/// A bounded queue with many writers and one reader. Pushing never waits, because rooms and the lobby must not depend
/// on a slow client: a full queue ends the connection instead.
///
/// It is no tokio channel, since a writer must see how full the queue is to drop a movement, and must be able to empty
/// it when the reader is too slow. The lock is a `std::sync::Mutex` and not tokio's: it is held for a few lines and
/// never across an `.await`, so `push` need not be async.
#[derive(Debug)]
pub struct Outbox {
    capacity: usize,
    state: Mutex<State>,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct State {
    // Grows with what is pushed. The reader takes the whole queue, so an empty one holds no memory.
    queue: VecDeque<Delivery>,
    overflowed: bool,
    reader: Option<Waker>,
    /// The room whose result the client is known to have received last.
    received: Option<RoomId>,
}

impl Outbox {
    /// An outbox for at most `capacity` deliveries. Volatile messages are dropped from half of that on; any other
    /// message that finds it full ends the connection.
    pub fn new(capacity: usize, figures: Arc<Figures>) -> Outbox {
        Outbox {
            capacity,
            state: Mutex::default(),
            figures,
        }
    }

    /// Pushes a delivery, and wakes the reader.
    pub fn push(&self, delivery: Delivery) {
        let reader = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.overflowed {
                return;
            }
            if delivery.is_volatile() && state.queue.len() >= self.capacity / 2 {
                self.figures.counters.dropped.add(1);
                return;
            }
            if state.queue.len() >= self.capacity {
                self.figures.counters.overflows.add(1);
                state.overflowed = true;
                state.queue = VecDeque::new();
            } else {
                state.queue.push_back(delivery);
            }
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Closes the outbox because its connection is gone: what waits is dropped, and so is all that is pushed later.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.overflowed = true;
        state.queue = VecDeque::new();
    }

    /// Notes that the client has received the result of this room.
    pub fn confirm(&self, room: RoomId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received = Some(room);
    }

    /// The room whose result the client is known to have received last.
    pub fn received(&self) -> Option<RoomId> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received
    }

    /// Tells the client whether a command was carried out: by a fault if it was refused, and by an acknowledgement if
    /// the client asked for one.
    pub fn report(&self, event: &str, ack: Option<u64>, outcome: Result<(), Code>) {
        if let Err(code) = outcome {
            self.figures.counters.faults.add(code.name());
            self.push(Delivery::Message(Message::from(&Fault::new(event, code))));
        }
        if let Some(id) = ack {
            self.push(Delivery::Acknowledge(id, outcome));
        }
    }

    /// Waits until there is something, and takes all of it in order. Only one task may wait: there is room for one
    /// waker.
    ///
    /// Cancel safe: nothing is taken before it returns.
    pub async fn take(&self) -> Result<VecDeque<Delivery>, Overflowed> {
        poll_fn(|context| {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.overflowed {
                return Poll::Ready(Err(Overflowed));
            }
            if state.queue.is_empty() {
                match &mut state.reader {
                    Some(reader) => reader.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                return Poll::Pending;
            }
            Poll::Ready(Ok(std::mem::take(&mut state.queue)))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use wulin_game::{Event, Movement};

    use super::*;

    fn movement() -> Delivery {
        let event = Event::Moved {
            uid: "a".into(),
            movement: Movement::Choice,
        };
        Delivery::Message(Message::from(&event))
    }

    #[tokio::test]
    async fn reader_gets_every_delivery_in_order() {
        let outbox = Arc::new(Outbox::new(8, Arc::default()));
        let reader = tokio::spawn({
            let outbox = outbox.clone();
            async move {
                let mut rooms = Vec::new();
                while rooms.len() < 5 {
                    for delivery in outbox.take().await.unwrap() {
                        let Delivery::Unseated(RoomId(room)) = delivery else {
                            panic!("{delivery:?}")
                        };
                        rooms.push(room);
                    }
                }
                rooms
            }
        });
        for room in 0..5 {
            outbox.push(Delivery::Unseated(RoomId(room)));
            tokio::task::yield_now().await;
        }
        assert_eq!(reader.await.unwrap(), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn movements_are_dropped_before_other_messages() {
        let outbox = Outbox::new(8, Arc::default());
        for _ in 0..100 {
            outbox.push(movement());
        }
        outbox.push(Delivery::Replaced);
        assert_eq!(outbox.take().await.unwrap().len(), 5);
        assert_eq!(outbox.figures.counters.dropped.sum(), 96);
    }

    #[tokio::test]
    async fn full_outbox_is_emptied_and_closed() {
        let outbox = Outbox::new(8, Arc::default());
        for room in 0..9 {
            outbox.push(Delivery::Unseated(RoomId(room)));
        }
        assert_eq!(outbox.take().await.unwrap_err(), Overflowed);
        outbox.push(Delivery::Replaced);
        assert_eq!(outbox.figures.counters.overflows.sum(), 1);
        assert_eq!(outbox.state.lock().unwrap().queue.capacity(), 0);
        assert_eq!(outbox.take().await.unwrap_err(), Overflowed);
    }
}
