//! Starts the server in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wulin::cli::Cli;
use wulin_server::config::Config;
use wulin_server::edge::handed::Handed;
use wulin_server::prepared::Prepared;
use wulin_server::runtime::Gauge;
use wulin_server::server::Server;

use super::PATIENCE;

pub type Tls = TlsStream<TcpStream>;

/// A server of one test.
pub struct TestServer {
    server: Server,
    certificate: CertificateDer<'static>,
}

impl TestServer {
    /// A server with these flags beside those every test needs. Rounds are short, yet long enough for a busy machine.
    pub fn start(flags: &[&str]) -> TestServer {
        let base = [
            "wulin",
            "--listen",
            "127.0.0.1",
            "--port",
            "0",
            "--game-time",
            "3s",
            "--messages-per-second",
            "0",
            "--admin",
            "off",
        ];
        // Later flags win, so a test can have its own rounds and limits.
        let flags = Cli::try_parse_from(merge(&base, flags)).unwrap().serve;
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
        let config = Config::new(&flags, files, |_| None).unwrap();
        let prepared = Prepared::load(&config, SystemTime::now()).unwrap();
        let certificate = prepared.certificates.pairs[0].certified.cert[0].clone();
        let server = Server::start(&config, prepared, Handed::default()).unwrap();
        TestServer {
            server,
            certificate,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn http_address(&self) -> Option<SocketAddr> {
        self.server.http_address()
    }

    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.server.admin_address()
    }

    /// A client's side of TLS that trusts this server and nobody else.
    pub fn tls(&self, protocols: &[&str]) -> TlsConnector {
        trusting([self.certificate.clone()], protocols)
    }

    /// Reads the certificates again, as SIGHUP would.
    pub async fn reload(&self) {
        self.server.reload().await;
    }

    /// Connects, TLS included.
    pub async fn connect(&self) -> Tls {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        self.secure(stream).await
    }

    /// TLS over a connection of one's own.
    pub async fn secure(&self, stream: TcpStream) -> Tls {
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        self.tls(&["http/1.1"]).connect(name, stream).await.unwrap()
    }

    pub fn count(&self, gauge: Gauge) -> usize {
        self.server.figures().count(gauge)
    }

    /// Waits until there are so many, and fails with what there are.
    pub async fn wait_for(&self, gauge: Gauge, count: usize) {
        self.wait_until(PATIENCE, &format!("{count} of {gauge:?}"), || {
            self.count(gauge) == count
        })
        .await;
    }

    /// Waits until nobody and nothing is left of any client.
    pub async fn wait_until_empty(&self) {
        let kinds = [
            Gauge::Connection,
            Gauge::Native,
            Gauge::EngineIo3,
            Gauge::EngineIo4,
            Gauge::Polling,
            Gauge::Person,
            Gauge::Room,
        ];
        self.wait_until(PATIENCE, "an empty server", || {
            kinds.iter().all(|gauge| self.count(*gauge) == 0)
        })
        .await;
    }

    async fn wait_until(&self, patience: Duration, what: &str, holds: impl Fn() -> bool) {
        let deadline = time::Instant::now() + patience;
        while !holds() {
            assert!(
                time::Instant::now() < deadline,
                "waited for {what} in vain: {:?}",
                self.server.figures().counts()
            );
            time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it as SIGTERM would.
    pub async fn drain(self) {
        self.server.drain().await;
    }
}

/// The flags of a test over the base: a flag given twice counts as the test has it.
fn merge<'a>(base: &[&'a str], own: &[&'a str]) -> Vec<&'a str> {
    let mut flags = vec![base[0]];
    for pair in base[1..].chunks(2) {
        if !own.contains(&pair[0]) {
            flags.extend(pair);
        }
    }
    flags.extend(own);
    flags
}

/// A client's side of TLS that trusts these certificates and nobody else.
pub fn trusting(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    protocols: &[&str],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    Arc::new(config).into()
}
