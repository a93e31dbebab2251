//! The program as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A command that starts the program without the environment of this machine, and with its state in `home`.
pub fn wulin(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
    command
        .env_clear()
        .env("XDG_STATE_HOME", home)
        .current_dir(home);
    command
}

/// A running program, the first two lines it printed, and its port.
pub struct Running {
    pub child: Child,
    pub said: Vec<String>,
    pub port: u16,
}

impl Running {
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said: Vec<String> = (0..2).map_while(|_| lines.next()?.ok()).collect();
        let port = said
            .first()
            .and_then(|line| line.rsplit(':').next()?.parse().ok());
        let Some(port) = port else {
            let _ = child.kill();
            panic!("said no port: {said:?}");
        };
        Running { child, said, port }
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// A TLS client of the program, which sends what is written to its standard input.
    pub fn openssl_client(&self) -> Child {
        Command::new("openssl")
            .args(["s_client", "-quiet", "-connect"])
            .arg(format!("127.0.0.1:{}", self.port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

/// Sends a signal to a process, by the `kill` command: safe Rust has no other way.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
