//! Metrics, in the text formats Prometheus reads.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::exposition::Format;
use crate::runtime::counters::Split;
use crate::runtime::{Figures, Gauge};
use wulin_certs::Resolver;
use wulin_command::process::{Cost, Start};

/// Everything that is told.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Metrics {
    /// Metrics of a server that has begun at `start`.
    pub fn new(figures: Arc<Figures>, certificates: Arc<Resolver>, start: Start) -> Metrics {
        let mut registry = Registry::default();
        registry.register_with_unit(
            "wulin_movement_latency",
            "From the arrival of a choice until the others' movement is written",
            Unit::Seconds,
            figures.counters.movement.clone(),
        );
        registry.register_with_unit(
            "wulin_result_lateness",
            "From the end of a round until its result is written",
            Unit::Seconds,
            figures.counters.lateness.clone(),
        );
        registry.register_collector(Box::new(Sources {
            figures,
            certificates,
            start,
        }));
        Metrics(registry)
    }

    /// All of them as they are now.
    pub fn text(&self, format: Format) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(format.write(text))
    }
}

#[derive(Debug)]
struct Sources {
    figures: Arc<Figures>,
    certificates: Arc<Resolver>,
    start: Start,
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.present(&mut page)?;
        self.past(&mut page)?;
        self.certificates(&mut page)?;
        self.process(&mut page)
    }
}

impl Sources {
    /// How many there are.
    fn present(&self, page: &mut Page<'_>) -> fmt::Result {
        let count = |kind| self.figures.count(kind) as f64;
        page.gauge("wulin_people", "People online", count(Gauge::Person))?;
        page.gauge(
            "wulin_waiting",
            "People who wait for somebody to play with",
            count(Gauge::Waiting),
        )?;
        page.gauge(
            "wulin_rooms",
            "Rooms in which a round is running",
            count(Gauge::Room),
        )?;
        page.gauge("wulin_robots", "Robots in those rooms", count(Gauge::Robot))?;
        page.gauge(
            "wulin_memories",
            "Scores kept for people who are offline",
            count(Gauge::Memory),
        )?;
        page.gauge(
            "wulin_connections",
            "TCP connections, TLS handshakes in progress included",
            count(Gauge::Connection),
        )?;
        let transports = [
            Gauge::Native,
            Gauge::EngineIo3,
            Gauge::EngineIo4,
            Gauge::Polling,
        ];
        page.gauges(
            "wulin_clients",
            "Clients by transport",
            "transport",
            transports.map(|kind| (kind.name().to_owned(), count(kind))),
        )
    }

    /// What has happened.
    fn past(&self, page: &mut Page<'_>) -> fmt::Result {
        let counters = &self.figures.counters;
        let splits = [
            (
                "wulin_clients_opened",
                "Clients that have connected",
                "transport",
                &counters.clients,
            ),
            (
                "wulin_handshakes",
                "TLS handshakes",
                "version",
                &counters.handshakes,
            ),
            (
                "wulin_connections_refused",
                "Connections that were turned away or came to nothing",
                "reason",
                &counters.refusals,
            ),
            (
                "wulin_messages_received",
                "Messages of clients",
                "event",
                &counters.received,
            ),
            (
                "wulin_messages_sent",
                "Messages to clients",
                "event",
                &counters.sent,
            ),
            (
                "wulin_messages_refused",
                "Messages that were refused",
                "code",
                &counters.faults,
            ),
            (
                "wulin_certificate_reloads",
                "Certificates read again, by what came of it",
                "outcome",
                &counters.certificates,
            ),
        ];
        for (name, help, label, split) in splits {
            page.split(name, help, label, split)?;
        }
        let counts = [
            ("wulin_rounds", "Rounds that have begun", &counters.rounds),
            (
                "wulin_robots_seated",
                "Robots that took a seat",
                &counters.robots,
            ),
            (
                "wulin_outbox_overflows",
                "Clients let go because they did not read",
                &counters.overflows,
            ),
            (
                "wulin_movements_dropped",
                "Movements not sent because their reader was behind",
                &counters.dropped,
            ),
        ];
        for (name, help, count) in counts {
            page.counter(name, help, count.sum() as f64)?;
        }
        Ok(())
    }

    fn certificates(&self, page: &mut Page<'_>) -> fmt::Result {
        let served = self.certificates.served();
        page.gauges(
            "wulin_certificate_expiry_timestamp_seconds",
            "When a certificate is good for the last time, in seconds since 1970",
            "names",
            served.iter().map(|served| {
                let until = served.not_after.duration_since(UNIX_EPOCH);
                (
                    served.names.join(","),
                    until.unwrap_or_default().as_secs_f64(),
                )
            }),
        )
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauges(
            "wulin_build_info",
            "The version of the server",
            "version",
            [(env!("CARGO_PKG_VERSION").to_owned(), 1.0)],
        )?;
        let since = self
            .start
            .date
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        page.gauge(
            "process_start_time_seconds",
            "When the server was started, in seconds since 1970",
            since.as_secs_f64(),
        )?;
        let Some(cost) = Cost::now() else {
            return Ok(());
        };
        page.counter(
            "process_cpu_seconds",
            "CPU time in user and kernel mode",
            cost.cpu_seconds,
        )?;
        page.gauge(
            "process_resident_memory_bytes",
            "Resident memory",
            cost.resident_bytes as f64,
        )?;
        page.gauge(
            "process_open_fds",
            "Open files, sockets included",
            cost.open_files as f64,
        )?;
        page.gauge(
            "process_max_fds",
            "How many it may have",
            cost.max_files as f64,
        )
    }
}

/// Where metrics are written.
struct Page<'a>(DescriptorEncoder<'a>);

type NoLabels = [(&'static str, &'static str); 0];

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (String, f64)>,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (value, gauge) in values {
            metric
                .encode_family(&[(label, value)])?
                .encode_gauge(&gauge)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter(&value, None::<&Exemplar<NoLabels, f64>>)
    }

    fn split(&mut self, name: &str, help: &str, label: &'static str, split: &Split) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (value, count) in split.counts() {
            metric
                .encode_family(&[(label, value)])?
                .encode_counter(&count, None::<&Exemplar<NoLabels, f64>>)?;
        }
        Ok(())
    }
}
