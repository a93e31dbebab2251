//! What the commands print that are not the server.

use std::fmt::Display;
use std::io::{self, Write};

use wulin_text::harmless_lines;

/// Writes a text and a line's end. Whoever reads it may have had enough and closed the pipe, which is no failure.
pub fn say(text: impl AsRef<str>) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush());
}

/// Writes why a command failed to standard error. Some of it may be what a server said.
pub fn complain(problem: impl Display) {
    let mut stderr = io::stderr().lock();
    // Nobody is left to tell when this fails.
    let _ = writeln!(stderr, "wulin: {}", harmless_lines(&problem.to_string()));
}
