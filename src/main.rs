//! Starts the command that was typed, and exits with its code.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::CommandFactory;
use tokio::runtime::Runtime;
use tracing::{info, warn};
use wulin::cli::strangers::strangers;
use wulin::cli::{self, Cli, Verb, settings};
use wulin_certs::Problem;
use wulin_command::Origins;
use wulin_command::given::Given;
use wulin_command::notice::{self, Notice, Posted};
use wulin_command::output::{complain, say};
use wulin_command::signals::{Reload, Stop};
use wulin_server::config::{Config, Invalid};
use wulin_server::edge::handed::Handed;
use wulin_server::flags::Serve;
use wulin_server::ops::logs;
use wulin_server::ops::systemd::ServiceManager;
use wulin_server::prepared::Prepared;
use wulin_server::server::Server;
use wulin_tools::cert::Cert;
use wulin_tools::check::Check;
use wulin_tools::play::Play;
use wulin_tools::{bench, cert, check, health, man, play, status};

/// jemalloc gives memory back to the system when people leave. Its settings are in `.cargo/config.toml`.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The exit code for a configuration that cannot work (`EX_CONFIG` of sysexits.h). The systemd unit does not restart
/// after it.
const CONFIGURATION: u8 = 78;
/// The exit code for wrong usage, the same as clap's.
const USAGE: u8 = 2;
/// How long blocking system calls may take to return after everything else has ended. A file is written by then.
const LINGER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let given = cli::read(env::args_os(), variable).unwrap_or_else(|error| error.exit());
    let Given {
        cli: Cli { command, serve },
        matches,
        origins,
    } = given;
    // Taking the sockets of systemd changes the environment, which is safe only before other threads read it. So it
    // comes before the runtime starts its threads; the thread of the allocator reads no environment.
    let handed = match command {
        None | Some(Verb::Serve(_)) => Handed::take(),
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
        Some(Verb::Serve(flags)) => start(&runtime, &matches, &flags, handed),
        Some(Verb::Health(flags)) => said(
            runtime.block_on(health::ask(&flags, variable)).map(say),
            &origins,
        ),
        Some(Verb::Status(flags)) => said(
            runtime.block_on(status::show(&flags, variable)).map(say),
            &origins,
        ),
        Some(Verb::Log(flags)) => said(
            runtime.block_on(status::log(&flags, variable)).map(say),
            &origins,
        ),
        Some(Verb::Check(flags)) => judged(runtime.block_on(look(&flags)), &origins),
        Some(Verb::Play(flags)) => said(runtime.block_on(game(&flags)), &origins),
        Some(Verb::Bench(flags)) => judged(runtime.block_on(bench::run(&flags)), &origins),
        Some(Verb::Cert(command)) => certificates(&command, &origins),
        Some(Verb::Completions { shell }) => {
            man::completions(Cli::command(), shell);
            ExitCode::SUCCESS
        }
        Some(Verb::Man { out }) => said(man::manual(Cli::command(), out.as_deref()), &origins),
    };
    // A DNS lookup can block a thread for half a minute and cannot be cancelled.
    runtime.shutdown_timeout(LINGER);
    code
}

/// Reads a variable of the environment.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}

fn start(runtime: &Runtime, matches: &clap::ArgMatches, flags: &Serve, handed: Handed) -> ExitCode {
    if flags.print_config {
        let settings = settings::settings(matches, &flags.origins);
        say(settings::table(&settings).trim_end());
        let checked = logs::check(&flags.log).map_err(|problem| unusable(&problem, flags));
        match checked.and_then(|()| configure(flags)) {
            Ok((config, prepared)) => {
                print_certificates(&config, &prepared);
                ExitCode::SUCCESS
            }
            Err(code) => code,
        }
    } else {
        runtime.block_on(run(flags, handed))
    }
}

/// Prints why `--log` cannot be used.
fn unusable(problem: &str, flags: &Serve) -> ExitCode {
    eprintln!("wulin: {}", flags.origins.told(problem));
    ExitCode::from(USAGE)
}

/// Prints the warnings and the certificates that the settings lead to.
fn print_certificates(config: &Config, prepared: &Prepared) {
    for warning in config.warnings.iter().chain(&prepared.warnings) {
        say(format!("\n{warning}"));
    }
    for pair in &prepared.certificates.pairs {
        say(format!(
            "\n{}: for {}, until {}",
            pair.cert_path.display(),
            pair.names.join(", "),
            humantime::format_rfc3339_seconds(pair.not_after)
        ));
    }
}

async fn run(flags: &Serve, handed: Handed) -> ExitCode {
    if let Err(problem) = logs::start(&flags.log, flags.log_format) {
        return unusable(&problem, flags);
    }
    let (config, prepared) = match configure(flags) {
        Ok(configured) => configured,
        Err(code) => return code,
    };
    for warning in config.warnings.iter().chain(&prepared.warnings) {
        warn!("{warning}");
    }
    match serve(&config, prepared, handed).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wulin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The checked configuration, and what was loaded for it. Otherwise prints what is wrong, and returns the exit code.
fn configure(flags: &Serve) -> Result<(Config, Prepared), ExitCode> {
    // Each connection needs an open file. The soft limit is often 1,024, so it is raised as far as the system allows.
    let open_files = rlimit::increase_nofile_limit(u64::MAX)
        .or_else(|_| rlimit::Resource::NOFILE.get_soft())
        .unwrap_or(1024);
    let refuse = |invalid: Invalid| {
        eprintln!("wulin: {}", invalid.sentence(&flags.origins));
        ExitCode::from(CONFIGURATION)
    };
    let config = Config::new(flags, open_files, variable).map_err(refuse)?;
    let mut prepared = Prepared::load(&config, SystemTime::now()).map_err(refuse)?;
    prepared
        .warnings
        .extend(strangers(env::vars_os().map(|(name, _)| name)));
    Ok((config, prepared))
}

/// Writes the notice by which commands on this machine find the server.
fn post(config: &Config, server: &Server) -> Option<Posted> {
    let proxies = &config.gate.proxies;
    let introduced = proxies.networks.iter().filter(|_| proxies.introduce);
    let notice = Notice {
        instance: server.instance().to_owned(),
        pid: std::process::id(),
        https: server.address(),
        admin: server.admin_address(),
        proxies: introduced.map(ToString::to_string).collect(),
        state_dir: config.state_dir.as_deref().map(notice::settled),
        usual: notice::usual(&variable),
        network: notice::network(),
    };
    match notice::post(&notice, &variable) {
        Ok(posted) => Some(posted),
        Err(error) => {
            warn!(
                "wulin health cannot find this server, since there is no place for its notice ({error}). Name a folder it \
                 can write to with --state-dir."
            );
            None
        }
    }
}

async fn serve(config: &Config, prepared: Prepared, handed: Handed) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let mut reload = Reload::new()?;
    let manager = ServiceManager::from_environment();
    let server = Server::start(config, prepared, handed)?;
    let admin = server
        .admin_address()
        .map_or_else(|| "off".to_owned(), |admin| admin.to_string());
    // The notice is removed when this is dropped.
    let _posted = post(config, &server);
    let connections = config.gate.connections;
    info!(address = %server.address(), %admin, connections, "listening");
    say(format!("Wulin is open at {}", server.shown().page));
    say(format!(
        "Mini Programs connect to {}",
        server.shown().websocket
    ));
    manager.ready(server.figures().counts()).await;
    let _informed = manager.inform(server.figures().clone(), server.lobby().clone());
    let signal = loop {
        tokio::select! {
            signal = stop.next() => break signal,
            () = reload.next() => {
                info!("SIGHUP: reading the certificates again, and logging what was logged at the start");
                logs::reset_level();
                manager.reloading().await;
                server.reload().await;
                manager.ready(server.figures().counts()).await;
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

async fn look(flags: &Check) -> anyhow::Result<bool> {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    check::run(flags, no_color).await
}

/// The exit code of a command that prints a report: whether all is well, or why it could not begin.
fn judged(verdict: anyhow::Result<bool>, origins: &Origins) -> ExitCode {
    match verdict {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain_of(&error, origins);
            ExitCode::from(USAGE)
        }
    }
}

/// Prints an error, with the variables that gave the values it names.
fn complain_of(error: &anyhow::Error, origins: &Origins) {
    // The sentence on a bad name names no flag, so it is put in front.
    let from = match error.downcast_ref() {
        Some(Problem::BadName { .. }) => origins.names(&["--domain"]),
        _ => Vec::new(),
    };
    let from = from.first().map(|name| format!("{name}: "));
    let sentence = origins.told(&format!("{error:#}"));
    complain(format_args!("{}{sentence}", from.unwrap_or_default()));
}

async fn game(flags: &Play) -> anyhow::Result<()> {
    play::run(flags, |name| env::var(name).ok()).await
}

fn certificates(command: &Cert, origins: &Origins) -> ExitCode {
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
        Cert::SelfSigned(flags) => {
            let made = cert::self_signed(flags, now).map(|made| {
                let (certificate, key) = (made.certificate.display(), made.key.display());
                say(format!("wulin --tls-cert {certificate} --tls-key {key}"));
            });
            said(made, origins)
        }
    }
}

/// The exit code of a command that either succeeds or fails.
fn said(done: anyhow::Result<()>, origins: &Origins) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain_of(&error, origins);
            ExitCode::FAILURE
        }
    }
}
