//! Start and exit, nothing else.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Parser;
use tracing::{info, warn};
use wulin::cli::{Cli, Command, Health, Serve};
use wulin::config::{Config, Stage};
use wulin::ops::signals::{Reload, Stop};
use wulin::ops::{health, logs};
use wulin::server::Server;

/// A configuration that cannot work; systemd is told not to try again.
const CONFIGURATION: u8 = 78;
/// Wrong usage, as clap has it.
const USAGE: u8 = 2;
/// How long calls into the system may take to return when everything else has ended; a file is written by then.
const LINGER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let Cli { command, serve } = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("wulin: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match command {
        None => runtime.block_on(run(&serve)),
        Some(Command::Serve(flags)) => runtime.block_on(run(&flags)),
        Some(Command::Health(flags)) => runtime.block_on(ask(flags)),
    };
    // Looking up a name can take half a minute and cannot be called off.
    runtime.shutdown_timeout(LINGER);
    code
}

async fn run(flags: &Serve) -> ExitCode {
    if let Err(problem) = logs::start(&flags.log) {
        eprintln!("wulin: {problem}");
        return ExitCode::from(USAGE);
    }
    // As many connections as the system lets us have; the default of many is 1,024.
    let open_files = rlimit::increase_nofile_limit(u64::MAX)
        .or_else(|_| rlimit::Resource::NOFILE.get_soft())
        .unwrap_or(1024);
    let config = match Config::new(
        flags,
        open_files,
        |name| std::env::var_os(name),
        SystemTime::now(),
    ) {
        Ok(config) => config,
        Err(invalid) => {
            eprintln!("wulin: {invalid}");
            return ExitCode::from(CONFIGURATION);
        }
    };
    for warning in &config.warnings {
        warn!("{warning}");
    }
    match serve(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wulin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let mut reload = Reload::new()?;
    let host = match (config.stage, config.domains.first()) {
        (_, Some(domain)) if config.acme.is_some() => domain.clone(),
        (Stage::Production, Some(domain)) => domain.clone(),
        (Stage::Production, None) => config.certificates[0]
            .names
            .first()
            .cloned()
            .unwrap_or_default(),
        (Stage::Development, _) => "localhost".to_owned(),
    };
    let base_path = config.base_path.clone();
    let connections = config.gate.connections;
    let server = Server::start(&config)?;
    let port = match server.address().port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    info!(address = %server.address(), connections, "listening");
    println!("Wulin is open at https://{host}{port}");
    println!("Mini Programs connect to wss://{host}{port}{base_path}");
    let signal = loop {
        tokio::select! {
            signal = stop.next() => break signal,
            () = reload.next() => {
                info!("SIGHUP: reading the certificates again");
                server.reload().await;
            }
        }
    };
    info!(signal, "stopping; a second signal ends at once");
    tokio::select! {
        () = server.drain() => Ok(()),
        signal = stop.next() => anyhow::bail!("{signal} again: ended without waiting for rounds in progress"),
    }
}

async fn ask(flags: Health) -> ExitCode {
    match health::ask(&flags).await {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("wulin: {error:#}");
            ExitCode::FAILURE
        }
    }
}
