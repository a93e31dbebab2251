//! Logs: lines for people on a terminal, for programs elsewhere. The level can change while the server runs.
//!
//! A level is for what this program says of itself. The libraries below it log whole packets at `debug` and `trace`, with the
//! tokens and places in them, so they are heard from `warn` on, unless they are named one by one.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, Layer, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer as _, reload};
use wulin_text::harmless;

use crate::flags::LogFormat;

/// The most that is heard of libraries that nobody named.
const OTHERS: LevelFilter = LevelFilter::WARN;
/// What is our own: the targets of `tracing` are the paths of modules, and the access log's is a word.
const OURS: [&str; 2] = ["wulin", "access"];

/// The log of this process, of which there is one.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    /// The level it was started with.
    first: String,
    /// What was asked for last.
    asked: Mutex<String>,
    filter: reload::Handle<Targets, Registry>,
}

/// Starts logging to standard error. `filter` is a level or a list of them, as `--log` takes it.
pub fn start(filter: &str, format: LogFormat) -> Result<(), String> {
    let asked = read(filter)?;
    let (layer, handle) = reload::Layer::new(quiet(&asked));
    let stderr = Layer::new().with_writer(LineWriters).with_target(false);
    let terminal = io::stderr().is_terminal();
    let lines = match choose(
        format,
        terminal,
        env::var_os("JOURNAL_STREAM").is_some_and(|stream| !stream.is_empty()),
    ) {
        LogFormat::Json => stderr.with_target(true).json().flatten_event(true).boxed(),
        LogFormat::Journald => stderr
            .event_format(Prioritized(
                Format::default()
                    .without_time()
                    .with_target(false)
                    .with_level(false),
            ))
            .with_ansi(false)
            .boxed(),
        LogFormat::Auto | LogFormat::Human => stderr.with_ansi(terminal).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer)
        .with(lines)
        .try_init()
        .map_err(|error| error.to_string())?;
    let log = Log {
        first: filter.to_owned(),
        asked: Mutex::new(asked.to_string()),
        filter: handle,
    };
    LOG.set(log)
        .map_err(|_| "the log was started before".to_owned())
}

/// Whether `--log` can be read.
pub fn check(filter: &str) -> Result<(), String> {
    read(filter).map(|_| ())
}

fn choose(format: LogFormat, terminal: bool, journal: bool) -> LogFormat {
    match format {
        LogFormat::Auto if terminal => LogFormat::Human,
        LogFormat::Auto if journal => LogFormat::Journald,
        LogFormat::Auto => LogFormat::Json,
        LogFormat::Human | LogFormat::Json | LogFormat::Journald => format,
    }
}

/// What is logged now, as it was asked for; empty where nothing is.
pub fn level() -> String {
    let asked = |log: &Log| {
        let asked = log.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    };
    LOG.get().map(asked).unwrap_or_default()
}

/// Changes what is logged.
pub fn set_level(filter: &str) -> Result<(), String> {
    let log = LOG.get().ok_or("nothing is logged by this process")?;
    let asked = read(filter)?;
    // Held over both, so that two who change it at once do not leave one's level and the other's words.
    let mut now = log.asked.lock().unwrap_or_else(PoisonError::into_inner);
    log.filter
        .reload(quiet(&asked))
        .map_err(|error| error.to_string())?;
    *now = asked.to_string();
    Ok(())
}

/// Logs again what was logged at the start. Does nothing where no log was started.
pub fn reset_level() {
    if let Some(log) = LOG.get() {
        // It could be read at the start.
        let _ = set_level(&log.first);
    }
}

fn read(filter: &str) -> Result<Targets, String> {
    let advice = "Write a level such as info, or a list such as info,wulin=debug.";
    // A word that is no level would be taken for a module, and nothing be logged.
    let bare = filter.split(',');
    if let Some(word) = bare
        .filter(|part| !part.contains('='))
        .find(|word| !is_level(word))
    {
        return Err(format!(
            "--log {filter:?} cannot be read: {word:?} is no level. {advice}"
        ));
    }
    filter
        .parse()
        .map_err(|error: ParseError| format!("--log {filter:?} cannot be read ({error}). {advice}"))
}

/// What was asked for, with libraries held back that were not named.
fn quiet(asked: &Targets) -> Targets {
    let Some(level) = asked.default_level() else {
        return asked.clone();
    };
    let named = |name: &str| asked.iter().any(|(target, _)| target == name);
    let ours = OURS.into_iter().filter(|name| !named(name));
    let targets = asked.clone().with_default(level.min(OTHERS));
    targets.with_targets(ours.map(|name| (name, level)))
}

fn is_level(word: &str) -> bool {
    !word.is_empty() && word.parse::<LevelFilter>().is_ok()
}

/// Where lines go: to standard error, without what steers a terminal or turns the direction of writing, whoever it came
/// from. Where our own code names a stranger's text, it has made it harmless already; this is for what libraries say.
struct LineWriters;

impl MakeWriter<'_> for LineWriters {
    type Writer = LineWriter<io::Stderr>;

    fn make_writer(&self) -> Self::Writer {
        LineWriter(io::stderr())
    }
}

/// Writes whole lines, as the subscriber hands them over.
struct LineWriter<W>(W);

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text).replace('\n', " ");
        // What is left of escapes are the subscriber's own colours: it writes those of others out.
        let pieces = text.split('\u{1b}').map(harmless);
        let text = pieces.collect::<Vec<_>>().join("\u{1b}") + "\n";
        self.0.write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Lines with their priority in front, as sd-daemon(3) has it. The journal knows the time by itself.
struct Prioritized(Format<Full, ()>);

impl<S, N> FormatEvent<S, N> for Prioritized
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_levels_are_refused() {
        for filter in ["info", "debug,hyper=info", "off", "warn,wulin=trace"] {
            assert!(read(filter).is_ok(), "{filter}");
        }
        for filter in ["loud", "", "info,wulin", "info,wulin=loud"] {
            assert!(
                read(filter).unwrap_err().contains("Write a level"),
                "{filter}"
            );
        }
    }

    #[test]
    fn log_line_holds_no_line_breaks_or_control_characters() {
        let mut line = LineWriter(Vec::new());
        let text = "<6>\u{1b}[32mfound\u{1b}[0m /a\u{9b}2J\u{202e}b\r\nc 武\n";
        line.write_all(text.as_bytes()).unwrap();
        let text = String::from_utf8(line.0).unwrap();
        assert_eq!(text, "<6>\u{1b}[32mfound\u{1b}[0m /a2Jb c 武\n");
    }

    #[test]
    fn level_applies_to_libraries_only_when_they_are_named() {
        let hears = |filter: &str, target: &str, level| {
            quiet(&read(filter).unwrap()).would_enable(target, &level)
        };
        let libraries = [
            "tungstenite::protocol",
            "tokio_tungstenite::compat",
            "hyper::proto::h1::io",
            "hyper_util::server",
            "h2::codec::framed_read",
            "rustls::server::hs",
            "axum::rejection",
            "a_library_of_tomorrow",
        ];
        for filter in ["debug", "trace", "trace,wulin=debug", "trace,tower=info"] {
            for target in libraries {
                assert!(hears(filter, target, Level::WARN), "{filter} {target}");
                assert!(!hears(filter, target, Level::INFO), "{filter} {target}");
            }
        }
        for target in ["wulin", "wulin_server::transport::session", "access"] {
            assert!(hears("trace", target, Level::TRACE), "{target}");
            assert!(!hears("info", target, Level::DEBUG), "{target}");
        }
        assert!(hears("debug,hyper=trace", "hyper::proto", Level::TRACE));
        assert!(!hears("debug,hyper=trace", "h2::codec", Level::INFO));
        assert!(hears(
            "info,wulin=trace",
            "wulin_server::runtime",
            Level::TRACE
        ));
        assert!(hears("wulin=debug", "wulin_server::runtime", Level::DEBUG));
        // What is not even to warn does not.
        for filter in ["error", "off"] {
            assert!(!hears(filter, "rustls::server", Level::WARN), "{filter}");
            assert!(!hears(filter, "wulin", Level::WARN), "{filter}");
        }
    }

    #[test]
    fn auto_format_follows_terminal_and_journal() {
        assert_eq!(choose(LogFormat::Auto, true, true), LogFormat::Human);
        assert_eq!(choose(LogFormat::Auto, false, true), LogFormat::Journald);
        assert_eq!(choose(LogFormat::Auto, false, false), LogFormat::Json);
        assert_eq!(choose(LogFormat::Human, false, true), LogFormat::Human);
    }
}
