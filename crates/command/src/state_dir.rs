//! The default of `--state-dir`.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The state folder of a server without `--state-dir`: systemd's `STATE_DIRECTORY`, else the folder of the XDG Base
/// Directory Specification. `variable` reads the environment.
pub fn state_dir(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    // systemd separates several directories with colons, in the order of the unit file.
    let systemd = variable("STATE_DIRECTORY")
        .and_then(|all| env::split_paths(&all).find(|p| !p.as_os_str().is_empty()));
    systemd
        // The specification says to ignore relative paths.
        .or_else(|| {
            path("XDG_STATE_HOME")
                .filter(|base| base.is_absolute())
                .map(|base| base.join("wulin"))
        })
        .or_else(|| path("HOME").map(|home| home.join(".local/state/wulin")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_directory_is_systemds_then_xdgs_then_homes() {
        let of = |variables: &[(&str, &str)]| {
            let find = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| OsString::from(value))
            };
            state_dir(find)
        };
        let (systemd, xdg, home) = (
            ("STATE_DIRECTORY", "/var/lib/wulin"),
            ("XDG_STATE_HOME", "/x"),
            ("HOME", "/home/li"),
        );
        assert_eq!(
            of(&[systemd, xdg, home]),
            Some(PathBuf::from("/var/lib/wulin"))
        );
        assert_eq!(
            of(&[("STATE_DIRECTORY", "/a:/b")]),
            Some(PathBuf::from("/a"))
        );
        assert_eq!(of(&[xdg, home]), Some(PathBuf::from("/x/wulin")));
        assert_eq!(
            of(&[("XDG_STATE_HOME", "relative"), home]),
            Some(PathBuf::from("/home/li/.local/state/wulin"))
        );
        assert_eq!(
            of(&[
                ("STATE_DIRECTORY", ""),
                ("XDG_STATE_HOME", ""),
                ("HOME", "")
            ]),
            None
        );
    }
}
