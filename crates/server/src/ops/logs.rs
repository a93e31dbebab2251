//! Logs: lines for people on a terminal, for programs elsewhere. The level can change while the server runs.
//!
//! A level applies to this program alone. The libraries below it log whole packets at `debug` and `trace`, with the
//! tokens and places in them, so only their warnings are logged, unless the filter names a library.

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

/// The lowest level that is logged of libraries the filter does not name.
const OTHERS: LevelFilter = LevelFilter::WARN;
/// The targets of our own events: module paths for all of them, and a plain word for the access log.
const OURS: [&str; 2] = ["wulin", "access"];

/// The log of this process. There is only one.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    /// The filter it was started with.
    first: String,
    /// The filter that was asked for last.
    asked: Mutex<String>,
    filter: reload::Handle<Targets, Registry>,
}

/// Starts to log to standard error. `filter` is a level or a list of them, as `--log` takes it.
pub fn start(filter: &str, format: LogFormat) -> Result<(), String> {
    let asked = read(filter)?;
    let (layer, handle) = reload::Layer::new(hold_libraries_back(&asked));
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

/// Checks that `--log` can be read.
pub fn check(filter: &str) -> Result<(), String> {
    read(filter).map(|_| ())
}

/// The filter in force, as it was asked for; empty if this process does not log.
pub fn level() -> String {
    let asked = |log: &Log| {
        let asked = log.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    };
    LOG.get().map(asked).unwrap_or_default()
}

/// Changes the filter.
pub fn set_level(filter: &str) -> Result<(), String> {
    let log = LOG.get().ok_or("nothing is logged by this process")?;
    let asked = read(filter)?;
    // Locked over both changes, so that two requests at once cannot leave the filter of one with the text of the other.
    let mut now = log.asked.lock().unwrap_or_else(PoisonError::into_inner);
    log.filter
        .reload(hold_libraries_back(&asked))
        .map_err(|error| error.to_string())?;
    *now = asked.to_string();
    Ok(())
}

/// Restores the filter of the start. Does nothing if this process does not log.
pub fn reset_level() {
    if let Some(log) = LOG.get() {
        // This cannot fail: the same text was read at the start.
        let _ = set_level(&log.first);
    }
}

fn choose(format: LogFormat, terminal: bool, journal: bool) -> LogFormat {
    match format {
        LogFormat::Auto if terminal => LogFormat::Human,
        LogFormat::Auto if journal => LogFormat::Journald,
        LogFormat::Auto => LogFormat::Json,
        LogFormat::Human | LogFormat::Json | LogFormat::Journald => format,
    }
}

fn read(filter: &str) -> Result<Targets, String> {
    let advice = "Write a level such as info, or a list such as info,wulin=debug.";
    // `tracing` would take a word that is no level for a module, and log nothing.
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

/// The filter that was asked for, with libraries that it does not name held back.
fn hold_libraries_back(asked: &Targets) -> Targets {
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

/// Makes the writers of log lines, each to standard error. Control characters, and characters that turn the direction
/// of writing, are removed from every line. Our own code does that where it logs a stranger's text; this also covers
/// what libraries log.
struct LineWriters;

impl MakeWriter<'_> for LineWriters {
    type Writer = LineWriter<io::Stderr>;

    fn make_writer(&self) -> Self::Writer {
        LineWriter(io::stderr())
    }
}

/// Writes whole lines, as the subscriber passes them.
struct LineWriter<W>(W);

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text).replace('\n', " ");
        // The escapes that are left are the subscriber's own colours: it escapes those in the values it writes.
        let pieces = text.split('\u{1b}').map(harmless);
        let text = pieces.collect::<Vec<_>>().join("\u{1b}") + "\n";
        self.0.write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A format whose lines begin with their priority, as sd-daemon(3) describes it. The time is left out, since the
/// journal adds it.
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
            hold_libraries_back(&read(filter).unwrap()).would_enable(target, &level)
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
        // A filter stricter than `warn` applies to libraries as well.
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
