//! Start and exit, nothing else.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use tokio::runtime::Runtime;
use tracing::{info, warn};
use wulin::bench;
use wulin::cert;
use wulin::check;
use wulin::cli::{Bench, Cert, Check, Cli, Command, Play, Serve, settings};
use wulin::config::{Config, Stage};
use wulin::edge::handed::Handed;
use wulin::ops::output::{complain, say};
use wulin::ops::signals::{Reload, Stop};
use wulin::ops::systemd::Manager;
use wulin::ops::{health, logs, status};
use wulin::pages;
use wulin::play;
use wulin::server::Server;

/// Gives memory back when people leave. How, is in `.cargo/config.toml`.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A configuration that cannot work; systemd is told not to try again.
const CONFIGURATION: u8 = 78;
/// Wrong usage, as clap has it.
const USAGE: u8 = 2;
/// How long calls into the system may take to return when everything else has ended; a file is written by then.
const LINGER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let Cli { command, serve } =
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // Before there are threads that might look at the environment, which the runtime brings; the allocator's does not.
    let handed = match command {
        None | Some(Command::Serve(_)) => Handed::take(),
        Some(_) => Ok(Handed::default()),
    };
    let handed = match handed {
        Ok(handed) => handed,
        Err(unusable) => {
            eprintln!("wulin: {unusable}");
            return ExitCode::from(CONFIGURATION);
        }
    };
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
        None => start(&runtime, &matches, &serve, handed),
        Some(Command::Serve(flags)) => start(&runtime, &matches, &flags, handed),
        Some(Command::Health(flags)) => runtime.block_on(report(health::ask(&flags))),
        Some(Command::Status(flags)) => runtime.block_on(report(status::show(&flags))),
        Some(Command::Log(flags)) => runtime.block_on(report(status::log(&flags))),
        Some(Command::Check(flags)) => runtime.block_on(look(&flags)),
        Some(Command::Play(flags)) => runtime.block_on(game(&flags)),
        Some(Command::Bench(flags)) => runtime.block_on(load(&flags)),
        Some(Command::Cert(command)) => certificates(&command),
        Some(Command::Completions { shell }) => {
            pages::completions(shell);
            ExitCode::SUCCESS
        }
        Some(Command::Man { out }) => said(pages::manual(out.as_deref())),
    };
    // Looking up a name can take half a minute and cannot be called off.
    runtime.shutdown_timeout(LINGER);
    code
}

fn start(runtime: &Runtime, matches: &ArgMatches, flags: &Serve, handed: Handed) -> ExitCode {
    if flags.print_config {
        print!("{}", settings::table(&settings::settings(matches)));
        match configure(flags) {
            Ok(config) => {
                print_certificates(&config);
                ExitCode::SUCCESS
            }
            Err(code) => code,
        }
    } else {
        runtime.block_on(run(flags, handed))
    }
}

/// What the settings led to.
fn print_certificates(config: &Config) {
    for warning in &config.warnings {
        println!("\n{warning}");
    }
    for pair in &config.certificates {
        println!(
            "\n{}: for {}, until {}",
            pair.cert_path.display(),
            pair.names.join(", "),
            humantime::format_rfc3339_seconds(pair.not_after)
        );
    }
}

async fn run(flags: &Serve, handed: Handed) -> ExitCode {
    if let Err(problem) = logs::start(&flags.log, flags.log_format) {
        eprintln!("wulin: {problem}");
        return ExitCode::from(USAGE);
    }
    let config = match configure(flags) {
        Ok(config) => config,
        Err(code) => return code,
    };
    for warning in &config.warnings {
        warn!("{warning}");
    }
    match serve(config, handed).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wulin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What was meant by the flags; or says what is wrong, and with which code to exit.
fn configure(flags: &Serve) -> Result<Config, ExitCode> {
    // As many connections as the system lets us have; the default of many is 1,024.
    let open_files = rlimit::increase_nofile_limit(u64::MAX)
        .or_else(|_| rlimit::Resource::NOFILE.get_soft())
        .unwrap_or(1024);
    let variable = |name: &str| std::env::var_os(name);
    Config::new(flags, open_files, variable, SystemTime::now()).map_err(|invalid| {
        eprintln!("wulin: {invalid}");
        ExitCode::from(CONFIGURATION)
    })
}

async fn serve(config: Config, handed: Handed) -> anyhow::Result<()> {
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
    let manager = Manager::from_environment();
    let server = Server::start_on(&config, handed)?;
    let port = match server.address().port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let admin = server
        .admin_address()
        .map_or_else(|| "off".to_owned(), |admin| admin.to_string());
    info!(address = %server.address(), %admin, connections, "listening");
    println!("Wulin is open at https://{host}{port}");
    println!("Mini Programs connect to wss://{host}{port}{base_path}");
    manager.ready(server.census().counts()).await;
    let _informed = manager.inform(server.census().clone(), server.lobby().clone());
    let signal = loop {
        tokio::select! {
            signal = stop.next() => break signal,
            () = reload.next() => {
                info!("SIGHUP: reading the certificates again, and logging what was logged at the start");
                logs::reset_level();
                manager.reloading().await;
                server.reload().await;
                manager.ready(server.census().counts()).await;
            }
        }
    };
    info!(signal, "stopping; a second signal ends at once");
    manager.stopping().await;
    tokio::select! {
        () = server.drain() => Ok(()),
        signal = stop.next() => anyhow::bail!("{signal} again: ended without waiting for rounds in progress"),
    }
}

/// Prints what came of a command.
async fn report(outcome: impl Future<Output = anyhow::Result<String>>) -> ExitCode {
    said(outcome.await.map(say))
}

async fn look(flags: &Check) -> ExitCode {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    judged(check::run(flags, no_color).await)
}

/// The exit code of what says itself whether all is well, or could not begin.
fn judged(verdict: anyhow::Result<bool>) -> ExitCode {
    match verdict {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::from(USAGE)
        }
    }
}

async fn load(flags: &Bench) -> ExitCode {
    judged(bench::run(flags).await)
}

async fn game(flags: &Play) -> ExitCode {
    said(play::run(flags, |name| std::env::var(name).ok()).await)
}

fn certificates(command: &Cert) -> ExitCode {
    let now = SystemTime::now();
    match command {
        Cert::Show(flags) => {
            let shown = cert::show(flags, now);
            say(&shown.text);
            if shown.sound {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Cert::SelfSigned(flags) => said(cert::self_signed(flags, now).map(|made| {
            let (certificate, key) = (made.certificate.display(), made.key.display());
            say(format!("wulin --tls-cert {certificate} --tls-key {key}"));
        })),
    }
}

/// The exit code of what has only failure to tell.
fn said(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
