//! What several commands' lines have in common: values people write in one way everywhere, and the flags for them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// Where the admin listener is when no flag says.
pub const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9643);

/// Where metrics and the state of the server are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admin {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Admin::Off => f.write_str("off"),
            Admin::At(address) => address.fmt(f),
        }
    }
}

impl FromStr for Admin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Admin, Self::Err> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Admin::Off);
        }
        // As it is copied from a browser or a script.
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let bare = bare.trim_end_matches('/');
        let local = bare.strip_prefix("localhost:");
        let address = match local {
            Some(port) => port
                .parse()
                .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
                .map_err(|_| ()),
            None => bare.parse().map_err(|_| ()),
        };
        address
            .map(Admin::At)
            .map_err(|()| "write an address and a port, as 127.0.0.1:9643, or off")
    }
}

/// Reads a path from a slash on.
pub fn path(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("write a path, as /applet/websocket")
    }
}

/// Reads an address, be it in the brackets of a URL.
pub fn ip(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match (bare, text) {
        (_, "localhost") => Ok(Ipv4Addr::LOCALHOST.into()),
        (Some(bare), _) => bare.parse().map(IpAddr::V6).map_err(|_| ()),
        (None, text) => text.parse().map_err(|_| ()),
    }
    .map_err(|()| {
        "write one IP address of this machine, as 192.0.2.1 or ::1, or leave it out for all; ports have their own flags"
            .to_owned()
    })
}

/// Reads `5s`, `1m 30s`, `250ms`, or a bare number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let duration = match seconds {
        Some(duration) => duration,
        None => humantime::parse_duration(text).map_err(|_| {
            "write a time as 5s, 250ms, 1m 30s, or as a number of seconds".to_owned()
        })?,
    };
    // A day is longer than anything here can mean, and sums of such times cannot overflow a clock.
    if duration > Duration::from_hours(24) {
        Err("longer than a day".to_owned())
    } else {
        Ok(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["", "soon", "-1", "NaN", "25h", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
