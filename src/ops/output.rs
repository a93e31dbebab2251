//! Standard output of the commands that are not the server.

use std::io::{self, Write};

/// Writes a text and a line's end. Whoever reads it may have had enough and closed the pipe, which is no failure.
pub fn say(text: impl AsRef<str>) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush());
}
