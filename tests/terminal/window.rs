//! A pseudo-terminal with the program in it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::support::PATIENCE;

/// A pseudo-terminal with the program in it.
pub(crate) struct Window {
    pub(crate) child: Child,
    master: File,
    shown: Arc<Mutex<String>>,
    before: String,
}

impl Window {
    pub(crate) fn open(mut command: Command, columns: u16, rows: u16) -> Window {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let path = Path::new(path.to_str().unwrap()).to_owned();
        let side = || -> OwnedFd {
            let file = OpenOptions::new().read(true).write(true).open(&path);
            file.unwrap().into()
        };
        let before = settings(&tcgetattr(&master).unwrap());
        let child = command
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        let master = File::from(master);
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut reader, all) = (master.try_clone().unwrap(), shown.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            let mut pending = Vec::new();
            // Reading fails when the program has closed its side.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                pending.extend(&bytes[..count]);
                let whole = match std::str::from_utf8(&pending) {
                    Ok(text) => text.len(),
                    Err(error) => error.valid_up_to(),
                };
                let text: Vec<u8> = pending.drain(..whole).collect();
                all.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&text));
            }
        });
        let window = Window {
            child,
            master,
            shown,
            before,
        };
        window.resize(columns, rows);
        window
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.master, size).unwrap();
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `wanted` is printed, in what has come since the last match.
    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut shown = self.shown.lock().unwrap();
            if let Some(at) = shown.find(wanted) {
                shown.drain(..at);
                return;
            }
            assert!(Instant::now() < deadline, "{wanted:?} is not in {shown:?}");
            drop(shown);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the program ends, asserts that the terminal is as it was before, and returns the exit code.
    #[track_caller]
    pub(crate) fn end(mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(10));
        };
        self.wait_for("\x1b[?25h\x1b[?1049l");
        assert_eq!(settings(&tcgetattr(&self.master).unwrap()), self.before);
        status.code()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The settings of a terminal that raw mode changes.
fn settings(termios: &Termios) -> String {
    format!(
        "{:?} {:?} {:?}",
        termios.input_modes, termios.output_modes, termios.local_modes
    )
}
