//! What waits to be written to one connection: bounded, never waited for.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use super::seat::SeatHandle;
use super::{Figures, Owed};
use wulin_game::RoomId;
use wulin_game::protocol::event::Care;
use wulin_game::protocol::{Code, Fault, Message};

/// Something for one connection.
#[derive(Debug)]
pub enum Delivery {
    /// Write this event.
    Message(Message),
    /// Write this event, and count how late it is.
    Owed(Message, Owed),
    /// Answer this acknowledgement.
    Acknowledge(u64, Result<(), Code>),
    /// You sit in this running room; `returned` if another connection of yours sat down.
    Seated {
        /// The way to the room.
        seat: SeatHandle,
        /// Whether the room has to say again where it stands.
        returned: bool,
    },
    /// You sit in this room no longer.
    Unseated(RoomId),
    /// Another connection speaks for your player: say so and go.
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

/// A queue with many writers and one reader. Writing never waits; when it is full its connection is let go.
#[derive(Debug)]
pub struct Outbox {
    capacity: usize,
    state: Mutex<State>,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct State {
    // Grows from nothing and shrinks to nothing: most connections are idle most of the time.
    queue: VecDeque<Delivery>,
    overflowed: bool,
    reader: Option<Waker>,
    /// The room whose result the client is known to have received last.
    received: Option<RoomId>,
}

impl Outbox {
    /// An outbox for so many deliveries. Volatile messages are dropped when it is half full, all others at the very end.
    pub fn new(capacity: usize, figures: Arc<Figures>) -> Outbox {
        Outbox {
            capacity,
            state: Mutex::default(),
            figures,
        }
    }

    /// Puts something in.
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

    /// The connection is gone: what waits is thrown away, and what comes.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.overflowed = true;
        state.queue = VecDeque::new();
    }

    /// The client is known to have received the result of this room.
    pub fn confirm(&self, room: RoomId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received = Some(room);
    }

    /// The room whose result the client is known to have received last.
    pub fn received(&self) -> Option<RoomId> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received
    }

    /// Says what became of a command: a fault if it was refused, and the acknowledgement that was asked for.
    pub fn report(&self, event: &str, ack: Option<u64>, outcome: Result<(), Code>) {
        if let Err(code) = outcome {
            self.figures.counters.faults.add(code.name());
            self.push(Delivery::Message(Message::from(&Fault::new(event, code))));
        }
        if let Some(id) = ack {
            self.push(Delivery::Acknowledge(id, outcome));
        }
    }

    /// Waits until something is there and takes all of it, in order. Only one task may wait.
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
    use super::*;
    use wulin_game::{Event, Movement};

    fn movement() -> Delivery {
        let event = Event::Moved {
            uid: "a".into(),
            movement: Movement::Choice,
        };
        Delivery::Message(Message::from(&event))
    }

    #[tokio::test]
    async fn the_reader_gets_everything_in_order() {
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
    async fn movements_are_dropped_before_anything_else_is_lost() {
        let outbox = Outbox::new(8, Arc::default());
        for _ in 0..100 {
            outbox.push(movement());
        }
        outbox.push(Delivery::Replaced);
        assert_eq!(outbox.take().await.unwrap().len(), 5);
        assert_eq!(outbox.figures.counters.dropped.sum(), 96);
    }

    #[tokio::test]
    async fn a_full_outbox_keeps_nothing_and_says_so() {
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
