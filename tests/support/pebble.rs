//! A local authority: pebble with a DNS server whose answers a test sets, and the program that gets its certificates
//! there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::PATIENCE;
use super::port::Port;
use super::program::signal;
use super::server::{Tls, trusting};

/// A process that is killed when the test ends.
struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    fn start(command: &mut Command, log: PathBuf) -> Running {
        let file = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; see tests/setup.sh"));
        Running { child, log }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log contains `words`, and returns the log. Panics with the log if it does not.
    async fn hear(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.said();
            if said.contains(words) {
                return said;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "waited for {words:?} in vain ({ended:?}):\n{said}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The settings of an authority.
pub struct Habits {
    /// How many valid nonces of a hundred it refuses.
    pub nonces_refused: u8,
    /// How long its certificates are valid.
    pub validity: Duration,
    /// External accounts that it knows: their names, and their keys as base64url.
    pub accounts: Vec<(&'static str, &'static str)>,
    /// Domains for which it issues no certificate.
    pub blocked: Vec<&'static str>,
    /// Whether it validates tls-alpn-01 at a port where nothing listens.
    pub misses_https: bool,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            nonces_refused: 0,
            validity: Duration::from_hours(90 * 24),
            accounts: Vec::new(),
            blocked: Vec::new(),
            misses_https: false,
        }
    }
}

/// The folder and the ports of a test, and the processes it starts.
pub struct Stage {
    home: TempDir,
    https: Port,
    http: Port,
    pub acme: Port,
    management: Port,
    dns: Port,
    dns_management: Port,
    nobody: Port,
    habits: Habits,
}

impl Stage {
    pub fn set(habits: Habits) -> Stage {
        let home = tempfile::tempdir().unwrap();
        write_authority_pair(home.path());
        Stage {
            home,
            https: Port::free(),
            http: Port::free(),
            acme: Port::free(),
            management: Port::free(),
            dns: Port::free(),
            dns_management: Port::free(),
            nobody: Port::free(),
            habits,
        }
    }

    /// A file in the folder of this test.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The server's state folder.
    pub fn state(&self) -> PathBuf {
        self.file("state")
    }

    /// Where the server stores accounts and certificates of this authority.
    pub fn store(&self) -> PathBuf {
        self.store_of(&self.acme)
    }

    /// Where the server stores accounts and certificates of an authority at this port.
    pub fn store_of(&self, authority: &Port) -> PathBuf {
        let name = format!("127.0.0.1_{}_dir", authority.number);
        self.state().join("acme").join(name)
    }

    /// Listens at the authority's port in its place.
    pub fn listen_as_authority(&self) -> std::net::TcpListener {
        self.acme.listen()
    }

    /// The body of the authority's answer to a GET.
    async fn get(&self, port: &Port, path: &str) -> String {
        let stream = TcpStream::connect(("127.0.0.1", port.number))
            .await
            .unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = self
            .trusting_authority()
            .connect(name, stream)
            .await
            .unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = exchange(&mut tls, &request).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }

    /// A TLS client that trusts the authority's own server.
    pub fn trusting_authority(&self) -> TlsConnector {
        let root = CertificateDer::from_pem_file(self.file("root.pem")).unwrap();
        trusting([root], &[])
    }

    /// Starts the authority.
    pub async fn authority(&self) -> Authority {
        let local = |port: &Port| format!("127.0.0.1:{}", port.number);
        let dns = Running::start(
            Command::new("pebble-challtestsrv")
                .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
                .args(["-defaultIPv6", "", "-dns01", &local(&self.dns)])
                .args(["-management", &local(&self.dns_management)]),
            self.file("dns.log"),
        );
        let https = if self.habits.misses_https {
            &self.nobody
        } else {
            &self.https
        };
        let accounts = self.habits.accounts.iter();
        let config = json!({"pebble": {
            "listenAddress": local(&self.acme),
            "managementListenAddress": local(&self.management),
            "certificate": self.file("authority.pem"),
            "privateKey": self.file("authority.key"),
            "httpPort": self.http.number,
            "tlsPort": https.number,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": !self.habits.accounts.is_empty(),
            "externalAccountMACKeys": accounts.copied().collect::<std::collections::HashMap<_, _>>(),
            "domainBlocklist": self.habits.blocked,
            "certificateValidityPeriod": self.habits.validity.as_secs(),
        }});
        fs::write(self.file("pebble.json"), config.to_string()).unwrap();
        let pebble = Running::start(
            Command::new("pebble")
                .args(["-strict", "-dnsserver", &local(&self.dns)])
                .arg("-config")
                .arg(self.file("pebble.json"))
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_AUTHZREUSE", "0")
                .env(
                    "PEBBLE_WFE_NONCEREJECT",
                    self.habits.nonces_refused.to_string(),
                ),
            self.file("pebble.log"),
        );
        for port in [&self.acme, &self.management, &self.dns_management] {
            listening(port.number).await;
        }
        let root = self.get(&self.management, "/roots/0").await;
        Authority {
            pebble,
            _dns: dns,
            dns_management: self.dns_management.number,
            root: CertificateDer::from_pem_slice(root.as_bytes()).unwrap(),
        }
    }

    /// The program with `--acme`, these domains and these flags.
    pub fn server(&self, domains: &[&str], flags: &[&str]) -> Program {
        self.server_by(&self.acme, domains, flags)
    }

    /// The same with an authority at this port.
    pub fn server_by(&self, authority: &Port, domains: &[&str], flags: &[&str]) -> Program {
        self.run(&mut self.command_by(authority, domains, flags))
    }

    /// The command that starts it.
    pub fn command_by(&self, authority: &Port, domains: &[&str], flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
        command
            .env_clear()
            .current_dir(self.home.path())
            .args(["--acme", "--listen", "127.0.0.1", "--admin", "off"])
            .args(["--log-format", "human"])
            .args(["--port", &self.https.number.to_string()])
            .args(["--http-port", &self.http.number.to_string()])
            .arg("--state-dir")
            .arg(self.state())
            .arg("--acme-ca-file")
            .arg(self.file("root.pem"))
            .arg("--acme-directory")
            .arg(format!("https://127.0.0.1:{}/dir", authority.number))
            .args(flags);
        for domain in domains {
            command.args(["--domain", domain]);
        }
        command
    }

    /// Starts the program by this command.
    pub fn run(&self, command: &mut Command) -> Program {
        Program {
            running: Running::start(command, self.file("wulin.log")),
            port: self.https.number,
        }
    }
}

/// A running authority.
pub struct Authority {
    pebble: Running,
    _dns: Running,
    dns_management: u16,
    /// The root of the certificates it issues. It is new at each start.
    pub root: CertificateDer<'static>,
}

impl Authority {
    /// How many orders it has received.
    pub fn orders(&self) -> usize {
        self.pebble.said().matches("POST /order-plz").count()
    }

    /// How many accounts it has made.
    pub fn accounts(&self) -> usize {
        self.pebble.said().matches("accounts in memory").count()
    }

    /// Sets the address that a domain resolves to.
    pub async fn point(&self, domain: &str, address: &str) {
        self.tell("/clear-a", &json!({"host": domain})).await;
        let body = json!({"host": domain, "addresses": [address]});
        self.tell("/add-a", &body).await;
    }

    /// Sends a command to the DNS server.
    async fn tell(&self, path: &str, body: &Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.dns_management))
            .await
            .unwrap();
        let body = body.to_string();
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close");
        let request = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        let answer = exchange(&mut stream, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// A running server.
pub struct Program {
    running: Running,
    pub port: u16,
}

impl Program {
    pub fn said(&self) -> String {
        self.running.said()
    }

    /// Waits until its log contains `words`, and returns the log.
    pub async fn hear(&mut self, words: &str) -> String {
        self.running.hear(words).await
    }

    /// Connects to `domain`, trusting this root alone.
    pub async fn connect(
        &self,
        domain: &str,
        root: &CertificateDer<'static>,
    ) -> std::io::Result<Tls> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(domain.to_owned()).unwrap();
        trusting([root.clone()], &["http/1.1"])
            .connect(name, stream)
            .await
    }

    /// Waits until clients that trust this root are served, with another certificate than `old`.
    pub async fn served(
        &self,
        domain: &str,
        root: &CertificateDer<'static>,
        old: Option<&CertificateDer<'static>>,
    ) -> CertificateDer<'static> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(tls) = self.connect(domain, root).await {
                let shown = tls.get_ref().1.peer_certificates().unwrap()[0].clone();
                if Some(&shown) != old {
                    return shown;
                }
            }
            assert!(
                Instant::now() < deadline,
                "no new certificate is served:\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The answer to a request for this path over HTTPS.
    pub async fn get(&self, domain: &str, root: &CertificateDer<'static>, path: &str) -> String {
        let mut tls = self.connect(domain, root).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {domain}\r\nConnection: close\r\n\r\n");
        exchange(&mut tls, &request).await
    }

    pub fn signal(&self, name: &str) {
        signal(&self.running.child, name);
    }

    /// Ends it as systemd does, by SIGTERM. Returns its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.running.child.wait().unwrap().code()
    }
}

/// Writes the certificate of the authority's own server, and the root that issued it.
fn write_authority_pair(home: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    fs::write(home.join("root.pem"), root.pem()).unwrap();
    fs::write(home.join("authority.pem"), server.pem()).unwrap();
    fs::write(home.join("authority.key"), key.serialize_pem()).unwrap();
}

async fn listening(port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < deadline, "nobody listens on {port}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends a request and reads until the connection ends.
pub async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// When a certificate expires.
pub fn ends(certificate: &CertificateDer<'_>) -> SystemTime {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let end = certificate.validity().not_after.timestamp();
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(end).unwrap())
}
