//! What commands print to standard output and standard error.

use std::fmt::Display;
use std::io::{self, Write};

use wulin_text::harmless_lines;

/// Prints a text and a newline. An error is ignored: it means that the reader has closed the pipe.
pub fn say(text: impl AsRef<str>) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush());
}

/// Prints why a command failed to standard error, without the control characters that a server's answer may hold.
pub fn complain(problem: impl Display) {
    let mut stderr = io::stderr().lock();
    // If this fails, there is no place left to report it.
    let _ = writeln!(stderr, "wulin: {}", harmless_lines(&problem.to_string()));
}
