//! What the service manager is told ([`sd_notify(3)`]): that the server answers, how many play, that it reads its
//! certificates again, that it stops, and that it is alive. Silent where nobody asked, that is without `NOTIFY_SOCKET`.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

use std::env;
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::UnixDatagram;
use tokio::time::{self, MissedTickBehavior};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::runtime::{Figures, LobbyHandle};
use wulin_command::state::Counts;

/// How often the status is renewed, if it has changed.
const STATUS: Duration = Duration::from_secs(5);
/// How long the manager may take to read what it is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// The service manager, if it listens; cheap to clone.
#[derive(Debug, Clone)]
pub struct Manager {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The manager that started this process, within a tokio runtime. One that cannot be reached is a warning in the log.
    pub fn from_environment() -> Manager {
        let address = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty());
        let socket = address.and_then(|address| match connect(&address) {
            Ok(socket) => Some(Arc::new(socket)),
            Err(error) => {
                warn!(%error, "NOTIFY_SOCKET cannot be reached: the service manager hears nothing");
                None
            }
        });
        let watchdog = sd_notify::watchdog_enabled().filter(|interval| !interval.is_zero());
        Manager { socket, watchdog }
    }

    /// The server answers, or does so again after [`Manager::reloading`].
    pub async fn ready(&self, counts: Counts) {
        let status = status(counts);
        self.tell(&[NotifyState::Ready, NotifyState::Status(&status)])
            .await;
    }

    /// The server reads again what is on the disk.
    pub async fn reloading(&self) {
        let mut states = vec![NotifyState::Reloading];
        // systemd wants it to tell this reload from an earlier one.
        states.extend(NotifyState::monotonic_usec_now().ok());
        self.tell(&states).await;
    }

    /// The server finishes the rounds in progress and ends.
    pub async fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]).await;
    }

    /// Keeps the manager informed until the handle is dropped: of how many play, and that the lobby answers. A lobby that
    /// does not, or a runtime that runs no tasks, is what the manager ends the process for.
    pub fn inform(&self, figures: Arc<Figures>, lobby: LobbyHandle) -> AbortOnDropHandle<()> {
        let manager = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            if manager.socket.is_some() {
                tokio::join!(manager.count(&figures), manager.watch(|| lobby.answers()));
            }
        }))
    }

    async fn count(&self, figures: &Figures) {
        let mut ticks = ticks(STATUS);
        let mut said = String::new();
        loop {
            ticks.tick().await;
            let status = status(figures.counts());
            if status != said {
                self.tell(&[NotifyState::Status(&status)]).await;
                said = status;
            }
        }
    }

    async fn watch<F: Future<Output = bool>>(&self, answers: impl Fn() -> F) {
        let Some(interval) = self.watchdog else {
            return;
        };
        // Half the interval, as the manual advises; the lobby has half of that to answer, so that a slow answer is still
        // in time.
        let mut ticks = ticks(interval / 2);
        loop {
            ticks.tick().await;
            let answer = time::timeout(interval / 4, answers()).await;
            if answer.unwrap_or(false) {
                self.tell(&[NotifyState::Watchdog]).await;
            } else {
                warn!(
                    "the lobby does not answer: the service manager is not told that we are alive"
                );
            }
        }
    }

    async fn tell(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let mut message = String::new();
        for state in states {
            // Writing to a string cannot fail.
            let _ = writeln!(message, "{state}");
        }
        match time::timeout(PATIENCE, socket.send(message.as_bytes())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => warn!(%error, "the service manager cannot be told anything"),
            Err(_) => warn!("the service manager does not read what it is told"),
        }
    }
}

/// A socket to the manager at a path, or at an abstract address, which is written with an @.
fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = StdUnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

fn ticks(interval: Duration) -> time::Interval {
    let mut ticks = time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One line for `systemctl status`.
fn status(counts: Counts) -> String {
    let many = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {more}"),
    };
    format!(
        "{} online, {}",
        many(counts.people, "person", "people"),
        many(counts.rooms, "round", "rounds")
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::runtime::Gauge;

    #[test]
    fn the_status_is_a_line_people_can_read() {
        let figures = Arc::new(Figures::default());
        assert_eq!(status(figures.counts()), "0 people online, 0 rounds");
        figures.set(Gauge::Person, 1);
        let _room = figures.enter(Gauge::Room, 1);
        assert_eq!(status(figures.counts()), "1 person online, 1 round");
    }

    #[tokio::test]
    async fn a_lobby_that_hangs_is_not_called_alive() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let interval = Duration::from_millis(200);
        let manager = Manager {
            socket: Some(Arc::new(ours)),
            watchdog: Some(interval),
        };
        let asked = Cell::new(0);
        let watching = manager.watch(|| {
            asked.set(asked.get() + 1);
            let alive = asked.get() <= 3;
            async move {
                if alive {
                    true
                } else {
                    std::future::pending().await
                }
            }
        });
        // Long enough for it to ask well beyond the third time.
        let _ = time::timeout(interval * 10, watching).await;
        assert!(asked.get() > 4, "asked {} times", asked.get());
        let mut said = 0;
        let mut message = [0; 64];
        while let Ok(length) = theirs.try_recv(&mut message) {
            assert_eq!(&message[..length], b"WATCHDOG=1\n");
            said += 1;
        }
        assert_eq!(said, 3);
    }
}
