//! The program as a service manager starts it: with sockets that are handed over.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::pair::leaf;
use super::program::signal;
use super::server::{Tls, trusting};
use super::write_pair;

/// A command that starts the program without the environment of this machine, and with a certificate in `home/certs`.
pub fn wulin(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
    prepare(&mut command, home);
    command
}

fn prepare(command: &mut Command, home: &Path) {
    let certs = home.join("certs");
    if !certs.exists() {
        std::fs::create_dir(&certs).unwrap();
        write_pair(&["localhost"], &certs.join("a.pem"), &certs.join("a.key"));
    }
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("XDG_STATE_HOME", home)
        .current_dir(home);
}

/// A command that hands sockets to the program as systemd does, as descriptors 3 and 4. A shell sets `LISTEN_PID` to
/// its own id and then becomes the program by `exec`.
pub fn handed(home: &Path, names: &str, sockets: [Option<OwnedFd>; 2]) -> Command {
    let count = sockets.iter().flatten().count();
    let mut command = Command::new("sh");
    prepare(&mut command, home);
    let [first, second] = sockets.map(|socket| socket.map_or_else(Stdio::null, Stdio::from));
    command
        .args([
            "-c",
            "exec 3<&0 4<&1 0</dev/null 1>&2; LISTEN_PID=$$ exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_wulin"),
        ])
        .env("LISTEN_FDS", count.to_string())
        .env("LISTEN_FDNAMES", names)
        .stdin(first)
        .stdout(second);
    command
}

/// TLS over an open TCP connection, trusting the certificate in `home/certs` alone.
pub async fn secure(home: &Path, stream: TcpStream) -> std::io::Result<Tls> {
    let name = ServerName::try_from("localhost").unwrap();
    trusting([leaf(&home.join("certs/a.pem"))], &["http/1.1"])
        .connect(name, stream)
        .await
}

/// A listening socket at any port, and its address.
pub fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A running program, which is killed when the test ends.
pub struct Service(pub Child);

impl Service {
    pub fn start(mut command: Command) -> Service {
        Service(command.spawn().unwrap())
    }

    pub fn signal(&self, name: &str) {
        signal(&self.0, name);
    }

    pub fn exit_code(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
