//! The machine a figure was measured on. Figures of different machines cannot be compared.

use std::{env, fs, thread};

use serde::Serialize;

/// What is known of this machine. Some of it is read from `/proc`, which only Linux has.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    /// Processors that this program may use.
    pub(super) cores: usize,
    /// The processor's model.
    pub(super) cpu: Option<String>,
    /// Memory in bytes.
    pub(super) memory_bytes: Option<u64>,
    /// The operating system and the architecture.
    pub(super) system: String,
    /// The kernel's version.
    pub(super) kernel: Option<String>,
    /// The load average of the last minute when the run began. A high one means that other work disturbs the figures.
    pub(super) load: Option<f64>,
}

impl Machine {
    /// Reads what is known of this machine.
    pub(super) fn here() -> Machine {
        let read = |path| fs::read_to_string(path).ok();
        Machine {
            cores: thread::available_parallelism().map_or(1, usize::from),
            cpu: read("/proc/cpuinfo").and_then(|text| field(&text, "model name")),
            memory_bytes: read("/proc/meminfo")
                .and_then(|text| field(&text, "MemTotal"))
                .and_then(|text| text.strip_suffix(" kB")?.trim().parse().ok())
                .map(|kib: u64| kib * 1024),
            system: format!("{} {}", env::consts::OS, env::consts::ARCH),
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            load: read("/proc/loadavg")
                .and_then(|text| text.split_whitespace().next()?.parse().ok()),
        }
    }
}

/// The value of a line `name: value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_found_by_its_whole_name() {
        let text = "model\t\t: 1\nmodel name\t: A: B\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A: B"));
        assert_eq!(field(text, "name"), None);
    }

    #[test]
    fn machine_has_cores_and_a_system() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && !machine.system.trim().is_empty());
    }
}
