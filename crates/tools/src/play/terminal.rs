//! The terminal: in raw mode during the game, and restored afterwards, even after a panic.

use std::io::{self, Read, Write};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;
use wulin_game::{Face, Hand};

use super::news::Key;

/// Escape sequences. `ENTER` and `LEAVE` switch to the alternate screen and back, and hide the cursor. `BEGIN` and
/// `END` enclose a picture with synchronised output, so that no half of it is seen; other terminals ignore that.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";

/// Sets the panic hook, once for the process.
static HOOK: Once = Once::new();
/// The settings of the terminal before the game; none when it is not taken. It is a static so that the panic hook,
/// which has no other way to the terminal, can restore it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal in raw mode. It is restored when this is dropped, and by a panic before the panic's message is printed.
#[derive(Debug)]
pub(super) struct Terminal {
    shown: String,
}

impl Terminal {
    /// Switches the terminal to raw mode and the alternate screen.
    pub(super) fn take() -> io::Result<Terminal> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        *lock() = Some(before);
        let terminal = Terminal {
            shown: String::new(),
        };
        HOOK.call_once(|| {
            let said = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                said(panic);
            }));
        });
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        write(ENTER)?;
        Ok(terminal)
    }

    /// The size of the terminal in columns and rows; 80 by 24 if it does not say.
    pub(super) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            Ok(_) | Err(_) => (80, 24),
        }
    }

    /// Shows these lines from the top of the screen. Nothing is written if they are the same as before.
    pub(super) fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let body = lines.join("\x1b[K\r\n");
        if body == self.shown {
            return Ok(());
        }
        write(&format!("{BEGIN}{body}\x1b[K{END}"))?;
        self.shown = body;
        Ok(())
    }

    /// Makes the next [`Terminal::show`] write all lines again.
    pub(super) fn forget(&mut self) {
        self.shown.clear();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Restores the terminal. Only the first call after [`Terminal::take`] does something.
fn give_back() {
    if let Some(before) = lock().take() {
        let _ = write(LEAVE);
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// The keys that are pressed. They are read in a thread, since a blocking read cannot be cancelled; it ends with the
/// program. The channel closes when the terminal is gone.
pub(super) fn keys() -> mpsc::Receiver<Key> {
    let (send, keys) = mpsc::channel(16);
    thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = io::stdin().lock().read(&mut bytes) {
            for key in read(&bytes[..count]) {
                if send.blocking_send(key).is_err() {
                    return;
                }
            }
        }
    });
    keys
}

/// The keys in some bytes that were read at once. Escape alone means to leave. Escape with more bytes is a key such as
/// an arrow, and is ignored.
fn read(bytes: &[u8]) -> Vec<Key> {
    if bytes == [0x1b] {
        return vec![Key::Quit];
    }
    let plain = bytes.split(|byte| *byte == 0x1b).next();
    plain
        .unwrap_or_default()
        .iter()
        .filter_map(|byte| {
            Some(match byte {
                b'1' => Key::Hand(Hand::Scissors),
                b'2' => Key::Hand(Hand::Rock),
                b'3' => Key::Hand(Hand::Paper),
                b'a' => Key::Face(Face::Laughing),
                b's' => Key::Face(Face::Crying),
                b'd' => Key::Face(Face::Angry),
                b'f' => Key::Face(Face::Smirking),
                b'\r' | b'\n' | b' ' => Key::Enter,
                b'r' => Key::Robot,
                b'n' => Key::Anybody,
                // 3 and 4 are Ctrl-C and Ctrl-D, which raw mode passes on as bytes.
                b'q' | b'Q' | 3 | 4 => Key::Quit,
                _ => return None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_escape_sequences_ignored() {
        assert_eq!(read(b"2"), [Key::Hand(Hand::Rock)]);
        assert_eq!(read(b"1\r"), [Key::Hand(Hand::Scissors), Key::Enter]);
        assert_eq!(read(b"\x1b"), [Key::Quit]);
        assert_eq!(read(b"\x03"), [Key::Quit]);
        assert_eq!(read(b"rn"), [Key::Robot, Key::Anybody]);
        for other in [&b"\x1b[A"[..], b"\x1bOP", b"x", b"9", "武".as_bytes()] {
            assert_eq!(read(other), [], "{other:?}");
        }
    }
}
