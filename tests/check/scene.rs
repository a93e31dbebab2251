//! What the tests of `wulin check` share: a folder with certificates, servers with faults, and the program's report.
#![allow(unreachable_pub)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::client::TlsStream;
use wulin_http::tls::{ANY_VERSION, Recorder, Trust, connector, handshake};

use crate::support::authority::{Authority, Issued};
use crate::support::server::TestServer;

pub const DOMAIN: &str = "game.example.com";
pub const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// The checks of a server, in order.
pub const NAMES: [&str; 16] = [
    "name",
    "port",
    "redirect",
    "tls_1_3",
    "tls_1_2",
    "cipher_suite",
    "chain",
    "trust",
    "domain",
    "expiry",
    "status",
    "websocket",
    "socketio_4",
    "socketio_3",
    "polling",
    "hello",
];

/// Runs `wulin check` without the environment of this machine.
pub fn run(home: &Path, arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wulin"))
        .arg("check")
        .args(arguments)
        .env_clear()
        .current_dir(home)
        .output()
        .unwrap()
}

/// The program's exit code and report.
pub struct Found {
    pub code: Option<i32>,
    pub report: Value,
}

impl Found {
    pub fn read(output: &Output) -> Found {
        let text = String::from_utf8_lossy(&output.stdout);
        let report = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text} {output:?}"));
        Found {
            code: output.status.code(),
            report,
        }
    }

    /// The check of this name at this address.
    #[track_caller]
    pub fn at(&self, address: &str, name: &str) -> &Value {
        let all = self.all(name);
        let mut there = all.iter().filter(|check| check["address"] == address);
        let found = there.next().map(|check| &**check);
        assert!(there.next().is_none(), "{name} twice at {address}");
        found.unwrap_or_else(|| panic!("no {name} at {address}: {:#}", self.report))
    }

    pub fn all(&self, name: &str) -> Vec<&Value> {
        let checks = self.report["checks"].as_array().unwrap();
        checks
            .iter()
            .filter(|check| check["name"] == name)
            .collect()
    }

    pub fn check(&self, name: &str) -> &Value {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {:#}", self.report);
        all[0]
    }

    #[track_caller]
    pub fn is(&self, outcome: &str, names: &[&str]) {
        for name in names {
            let check = self.check(name);
            assert_eq!(check["outcome"], outcome, "{name}: {:#}", self.report);
            // Each warning and each failure has a remedy.
            let has_remedy = check["remedy"]
                .as_str()
                .is_some_and(|remedy| remedy.len() > 10);
            assert_eq!(
                has_remedy,
                ["warning", "failed"].contains(&outcome),
                "{check:#}"
            );
        }
    }

    #[track_caller]
    pub fn says(&self, name: &str, words: &[&str]) {
        let check = self.check(name).to_string();
        for word in words {
            assert!(check.contains(word), "{word:?} is not in {check}");
        }
    }
}

/// A folder with a root, a chain and a key.
pub struct Scene {
    pub home: tempfile::TempDir,
    pub authority: Authority,
    pub issued: Issued,
}

impl Scene {
    pub fn new() -> Scene {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let issued = authority.issue(&[DOMAIN]);
        authority.write(&issued, home.path());
        Scene {
            home,
            authority,
            issued,
        }
    }

    fn at(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    /// A real server with the good chain.
    pub fn server(&self, flags: &[&str]) -> TestServer {
        let (chain, key) = (self.at("chain.pem"), self.at("key.pem"));
        let own = ["--tls-cert", &chain, "--tls-key", &key, "--domain", DOMAIN];
        TestServer::start(&[&own[..], flags].concat())
    }

    /// Checks what is at `address` as `game.example.com`, trusting the root.
    pub async fn check(&self, address: SocketAddr, more: &[&str]) -> Found {
        let mut arguments: Vec<String> = vec![
            format!("{DOMAIN}:{}", address.port()),
            "--address".into(),
            address.ip().to_string(),
            "--ca-file".into(),
            "root.pem".into(),
            "--json".into(),
        ];
        // Port 80 is not asked, since another program of this machine may be there.
        if !more.contains(&"--http-port") {
            arguments.extend(["--http-port".into(), "0".into()]);
        }
        arguments.extend(more.iter().map(ToString::to_string));
        let home = self.home.path().to_owned();
        let output = spawn_blocking(move || run(&home, &arguments))
            .await
            .unwrap();
        Found::read(&output)
    }

    pub fn offline(&self, more: &[&str]) -> Found {
        let arguments = ["--offline", "--json", "--ca-file", "root.pem"];
        let arguments = arguments.iter().chain(more).map(ToString::to_string);
        Found::read(&run(self.home.path(), &arguments.collect::<Vec<_>>()))
    }
}

/// A TLS server with its own chain and versions, in front of a real server or of a page that is not Wulin.
pub struct TlsFront {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsFront {
    pub async fn start(
        chain: Vec<CertificateDer<'static>>,
        issued: &Issued,
        versions: &[&'static SupportedProtocolVersion],
        behind: Option<SocketAddr>,
    ) -> TlsFront {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        TlsFront::start_at(anywhere, chain, issued, versions, behind).await
    }

    pub async fn start_at(
        address: SocketAddr,
        chain: Vec<CertificateDer<'static>>,
        issued: &Issued,
        versions: &[&'static SupportedProtocolVersion],
        behind: Option<SocketAddr>,
    ) -> TlsFront {
        let key = PrivateKeyDer::try_from(issued.key.serialize_der()).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let resolver = rustls::sign::SingleCertAndKey::from(CertifiedKey::new(chain, key));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    if let Some(behind) = behind {
                        let mut inner = through(behind).await;
                        let _ = copy_bidirectional(&mut stream, &mut inner).await;
                    } else {
                        let _ = stream.read(&mut [0; 4096]).await;
                        let _ = stream.write_all(WELCOME).await;
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        TlsFront { address, task }
    }
}

pub const WELCOME: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n<h1>Welcome to nginx</h1>";

/// A TLS connection to the real server that accepts any certificate.
async fn through(address: SocketAddr) -> TlsStream<TcpStream> {
    let connector = connector(&Trust::Anybody(Recorder::new()), ANY_VERSION).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    handshake(&connector, DOMAIN.try_into().unwrap(), stream)
        .await
        .unwrap()
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
