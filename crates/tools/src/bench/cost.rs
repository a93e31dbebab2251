//! CPU time and memory of the server and of this program, read at the end of each stage of a run.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use tokio::time::{self, Instant};
use wulin_command::flags::AdminAddress;
use wulin_command::process::Cost;

use crate::bench::flags::Bench;
use crate::status;

/// How long the server may take to close all connections after the people have left.
const CLOSING: Duration = Duration::from_secs(10);
/// How long it then has to give memory back to the system, which allocators do with a delay.
const SETTLING: Duration = Duration::from_secs(2);
/// How often to look whether the server has closed them.
const LOOK: Duration = Duration::from_millis(50);

/// Where the cost of the server is read.
#[derive(Debug)]
pub(super) enum CostSource {
    /// In `/proc`: the sum of these processes.
    Processes(Vec<u32>),
    /// At the admin listener.
    Admin(SocketAddr),
    /// It is not read, for this reason.
    Nowhere(String),
}

impl CostSource {
    /// Finds the source for the server at `peer`: `--pid`, else the admin listener.
    pub(super) async fn find(flags: &Bench, peer: SocketAddr) -> anyhow::Result<CostSource> {
        if !flags.pid.is_empty() {
            if let Some(pid) = flags.pid.iter().find(|pid| Cost::of(**pid).is_none()) {
                bail!(
                    "/proc says nothing of process {pid}. Is it running, on Linux, and does it belong to you? pgrep wulin says \
                     which there are."
                );
            }
            return Ok(CostSource::Processes(flags.pid.clone()));
        }
        let AdminAddress::At(admin) = flags.admin.or_default() else {
            return Ok(CostSource::Nowhere(
                "neither --pid nor --admin says where".to_owned(),
            ));
        };
        Ok(match status::read(admin).await {
            Ok(state) if state.https.port() != peer.port() => CostSource::Nowhere(format!(
                "the server that {admin} belongs to is at port {}, not {}",
                state.https.port(),
                peer.port()
            )),
            Ok(state) if state.process.is_none() => {
                CostSource::Nowhere(format!("{admin} does not know"))
            }
            Ok(_) => CostSource::Admin(admin),
            Err(error) => CostSource::Nowhere(format!("{error:#}")),
        })
    }

    /// The cost now.
    async fn read(&self) -> Option<Cost> {
        match self {
            CostSource::Processes(pids) => {
                pids.iter().map(|pid| Cost::of(*pid)).reduce(|sum, one| {
                    let (sum, one) = (sum?, one?);
                    Some(Cost {
                        cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
                        resident_bytes: sum.resident_bytes + one.resident_bytes,
                        open_files: sum.open_files + one.open_files,
                        max_files: sum.max_files.saturating_add(one.max_files),
                    })
                })?
            }
            CostSource::Admin(admin) => status::read(*admin).await.ok()?.process,
            CostSource::Nowhere(_) => None,
        }
    }
}

/// A stage of a run, and what it cost.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RunStage {
    /// Its name, such as `arrival`.
    pub(super) name: &'static str,
    /// How long it took.
    pub(super) seconds: f64,
    /// The server's CPU time in it.
    pub(super) server_cpu_seconds: Option<f64>,
    /// The server's resident memory at its end.
    pub(super) server_resident_bytes: Option<u64>,
    /// The CPU time of this program in it.
    pub(super) own_cpu_seconds: Option<f64>,
    /// The resident memory of this program at its end.
    pub(super) own_resident_bytes: Option<u64>,
}

/// Measures each stage of a run.
pub(super) struct Meter {
    source: CostSource,
    /// The server's cost before the first person connected.
    first: Option<Cost>,
    at: Instant,
    server: Option<Cost>,
    own: Option<Cost>,
    stages: Vec<RunStage>,
}

impl Meter {
    /// Reads the costs before the first person connects.
    pub(super) async fn start(source: CostSource) -> Meter {
        let first = source.read().await;
        Meter {
            source,
            first,
            at: Instant::now(),
            server: first,
            own: Cost::now(),
            stages: Vec::new(),
        }
    }

    /// Ends a stage: its cost is the difference to the end of the stage before.
    pub(super) async fn stage(&mut self, name: &'static str) {
        let now = Instant::now();
        let (server, own) = (self.source.read().await, Cost::now());
        let spent = |before: Option<Cost>, after: Option<Cost>| {
            Some((after?.cpu_seconds - before?.cpu_seconds).max(0.0))
        };
        self.stages.push(RunStage {
            name,
            seconds: (now - self.at).as_secs_f64(),
            server_cpu_seconds: spent(self.server, server),
            server_resident_bytes: server.map(|cost| cost.resident_bytes),
            own_cpu_seconds: spent(self.own, own),
            own_resident_bytes: own.map(|cost| cost.resident_bytes),
        });
        (self.at, self.server, self.own) = (now, server, own);
    }

    /// Waits until the server has no more files open than at the start, at most [`CLOSING`]; then waits [`SETTLING`].
    pub(super) async fn settle(&self) {
        let Some(first) = self.first else { return };
        let deadline = Instant::now() + CLOSING;
        loop {
            let open = self.source.read().await.map(|cost| cost.open_files);
            let closed = open.is_none_or(|open| open <= first.open_files);
            if closed || Instant::now() >= deadline {
                break;
            }
            time::sleep(LOOK).await;
        }
        time::sleep(SETTLING).await;
    }

    /// The server's resident memory at the start, the stages, and the reason if the server's cost is unknown.
    pub(super) fn finish(self) -> (Option<u64>, Vec<RunStage>, Option<String>) {
        let why = match self.source {
            CostSource::Nowhere(why) => Some(why),
            CostSource::Processes(_) | CostSource::Admin(_) => None,
        };
        (self.first.map(|cost| cost.resident_bytes), self.stages, why)
    }
}
