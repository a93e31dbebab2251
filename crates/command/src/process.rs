//! The CPU time, memory and open files of a process, read from `/proc`. Only Linux has these files.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// Clock ticks in a second, the unit of `/proc/PID/stat`: `USER_HZ`, which is 100 on every architecture Rust supports.
const TICKS: f64 = 100.0;
/// Bytes in a kibibyte, the unit of `/proc/PID/status`.
const KIB: u64 = 1024;

/// What a process costs at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// CPU time in seconds, in user and kernel mode.
    pub cpu_seconds: f64,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Open files, sockets included.
    pub open_files: u64,
    /// The limit of open files.
    pub max_files: u64,
}

impl Cost {
    /// The cost of this process now. None if the system does not tell it.
    pub fn now() -> Option<Cost> {
        let (max_files, _) = rlimit::Resource::NOFILE.get().ok()?;
        let mut cost = Cost::read(Path::new("/proc/self"), max_files)?;
        // Reading the folder `fd` opens it, which counts as one.
        cost.open_files = cost.open_files.saturating_sub(1);
        Some(cost)
    }

    /// The cost of another process now. None if the system does not tell it, or not to this user.
    pub fn of(pid: u32) -> Option<Cost> {
        let folder = format!("/proc/{pid}");
        let folder = Path::new(&folder);
        let max_files = max_files(&fs::read_to_string(folder.join("limits")).ok()?)?;
        Cost::read(folder, max_files)
    }

    fn read(folder: &Path, max_files: u64) -> Option<Cost> {
        Some(Cost {
            cpu_seconds: cpu_seconds(&fs::read_to_string(folder.join("stat")).ok()?)?,
            resident_bytes: resident_bytes(&fs::read_to_string(folder.join("status")).ok()?)?,
            open_files: fs::read_dir(folder.join("fd")).ok()?.count() as u64,
            max_files,
        })
    }
}

/// The sum of `utime` and `stime`, fields 14 and 15 (proc(5)). Field 2 is a name in brackets that may hold spaces and
/// brackets, so the fields are counted from the last bracket.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let user: f64 = ticks.next()?.parse().ok()?;
    let system: f64 = ticks.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * KIB)
}

/// The soft limit; `u64::MAX` for `unlimited`.
fn max_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    if soft == "unlimited" {
        return Some(u64::MAX);
    }
    soft.parse().ok()
}

/// When something began, by two clocks: the date for people, and the monotonic clock for durations.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The date.
    pub date: SystemTime,
    instant: Instant,
}

impl Start {
    /// Now.
    pub fn now() -> Start {
        Start {
            date: SystemTime::now(),
            instant: Instant::now(),
        }
    }

    /// The time since then, by the monotonic clock.
    pub fn elapsed(self) -> Duration {
        self.instant.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_parsed() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 3 0 9 10 11";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(
            resident_bytes("Name:\twulin\nVmRSS:\t    8192 kB\n"),
            Some(8 << 20)
        );
        assert_eq!((cpu_seconds(""), resident_bytes("VmRSS:")), (None, None));
        let limits = |soft| {
            format!("Limit   Soft   Hard   Units\nMax open files   {soft}   20000   files\n")
        };
        assert_eq!(max_files(&limits("1024")), Some(1024));
        assert_eq!(max_files(&limits("unlimited")), Some(u64::MAX));
    }

    #[test]
    fn cost_of_this_process_is_plausible() {
        let cost = Cost::now().unwrap();
        assert!(cost.resident_bytes > 100_000 && cost.resident_bytes < 10 << 30);
        assert!(cost.open_files >= 3 && cost.open_files <= cost.max_files);
        let same = Cost::of(std::process::id()).unwrap();
        assert_eq!(same.max_files, cost.max_files);
        assert_eq!(Cost::of(u32::MAX), None);
    }
}
