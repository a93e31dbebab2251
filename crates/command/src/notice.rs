//! The notice of a running server: a small file with its addresses and its instance. `wulin health`, `status` and `log`
//! on the same machine read it, so they find the server whatever flags it was started with.
//!
//! The file is in the state folder. If that cannot be written, as in a container without a volume, it is in another
//! folder of this user. The server holds a lock on the file while it runs. The kernel releases the lock however the
//! process ends, so a file without a lock is of a server that is gone. A command trusts a notice only if the server at
//! that address tells the same instance.

mod folders;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::bail;
use serde::{Deserialize, Serialize};

use folders::{FOLDER, common, make};
pub use folders::{settled, usual};

/// The longest notice that is read, in bytes, and the most files of a folder that are looked at.
const LONGEST: u64 = 64 * 1024;
const MOST: usize = 256;
/// The state folder of the service in the Debian package, and in the shipped unit.
const SERVICE: &str = "/var/lib/wulin";

/// What a server says of itself in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// A random name that the server takes at each start. `/healthz` tells the same.
    pub instance: String,
    /// Its process id.
    pub pid: u32,
    /// The address of the HTTPS listener.
    pub https: SocketAddr,
    /// The address of the admin listener, if there is one.
    pub admin: Option<SocketAddr>,
    /// The addresses and networks from which it expects the PROXY protocol.
    pub proxies: Vec<String>,
    /// Its state folder.
    pub state_dir: Option<PathBuf>,
    /// The state folder it would have without `--state-dir`. A command without flags looks for this one.
    pub usual: Option<PathBuf>,
    /// Its network namespace. A container has its own, in which the same IP address means another machine.
    pub network: Option<String>,
}

/// The files of a notice, which are removed when this is dropped.
#[derive(Debug)]
pub struct Posted(Vec<(PathBuf, File)>);

impl Drop for Posted {
    fn drop(&mut self) {
        for (file, _lock) in &self.0 {
            // If this fails, the file stays without a lock, and the next server or command removes it.
            let _ = fs::remove_file(file);
        }
    }
}

/// Which server a command looks for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The state folder that was typed.
    pub state_dir: Option<PathBuf>,
    /// The HTTPS port that was typed.
    pub port: Option<u16>,
    /// The address that was typed.
    pub listen: Option<IpAddr>,
    /// The HTTPS port of a flag or variable. It only decides between several servers: a server's flag may override its
    /// variable.
    pub likely_port: Option<u16>,
}

impl Wanted {
    /// Whether a listener at `address` is where the typed port and address say.
    fn listens_there(&self, address: SocketAddr) -> bool {
        let port = self
            .port
            .is_none_or(|port| port == 0 || port == address.port());
        let ip = address.ip();
        let listen = self
            .listen
            .is_none_or(|wanted| wanted.is_unspecified() || ip.is_unspecified() || wanted == ip);
        port && listen
    }
}

impl Notice {
    /// The addresses by which this machine reaches a listener at `address`, the likeliest first.
    pub fn targets(address: SocketAddr) -> Vec<SocketAddr> {
        let port = address.port();
        let (four, six) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
        let ips: Vec<IpAddr> = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => vec![four],
            // A socket on `::` may take IPv4 connections as well, or IPv6 only.
            IpAddr::V6(ip) if ip.is_unspecified() => vec![four, six],
            ip => vec![ip],
        };
        ips.into_iter()
            .map(|ip| SocketAddr::from((ip, port)))
            .collect()
    }
}

/// The network namespace of this process, if the system has them.
pub fn network() -> Option<String> {
    let link = fs::read_link("/proc/self/ns/net").ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// Writes a notice: into the state folder, and also where a command without flags looks, if that is elsewhere.
pub fn post(notice: &Notice, variable: &impl Fn(&str) -> Option<OsString>) -> io::Result<Posted> {
    let mut posted = Posted(Vec::new());
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    if let Some(folder) = &notice.state_dir {
        match write(notice, &folder.join(FOLDER)) {
            Ok(up) => posted.0.push(up),
            Err(error) => failure = error,
        }
    }
    if posted.0.is_empty() || notice.state_dir != notice.usual {
        for place in common(notice.usual.as_deref(), variable) {
            match place.make().and_then(|folder| write(notice, folder)) {
                Ok(up) => {
                    posted.0.push(up);
                    break;
                }
                Err(error) => failure = error,
            }
        }
    }
    if posted.0.is_empty() {
        return Err(failure);
    }
    Ok(posted)
}

/// Finds the one running server that a command means. None if none runs; an error if there are several.
pub fn find(
    wanted: &Wanted,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<Option<Notice>> {
    let usual = usual(variable);
    let named = wanted.state_dir.as_deref().map(settled);
    let mut found = by_folder(named.as_deref(), usual.as_deref(), variable);
    // Containers can share a volume and each have a network of its own, so a server in our network is preferred. It is
    // not required: a service that has its sockets from systemd can be in another network namespace and still be
    // reached.
    let network = network();
    prefer(&mut found, |notice| notice.network == network);
    let before = addresses(&found);
    found.retain(|notice| wanted.listens_there(notice.https));
    if found.is_empty() && !before.is_empty() {
        bail!("the server that runs here is at {before}, and not where --port and --listen say");
    }
    if let Some(port) = wanted.likely_port {
        prefer(&mut found, |notice| notice.https.port() == port);
    }
    if found.len() > 1 {
        bail!(
            "several servers share this state folder: {}. Give each its own --state-dir, or say which one: `wulin health` \
             takes --port, `wulin status` and `wulin log` take --admin",
            addresses(&found)
        );
    }
    Ok(found.pop())
}

/// The running servers with the state folder that was named; without one, those with the usual state folder.
fn by_folder(
    named: Option<&Path>,
    usual: Option<&Path>,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Vec<Notice> {
    let mut found = Vec::new();
    for folder in [named, usual].into_iter().flatten() {
        read_all(&folder.join(FOLDER), &mut found);
    }
    for place in common(usual, variable) {
        if place.is_ours() {
            read_all(&place.folder, &mut found);
        }
    }
    let is_in = |notice: &Notice, folder: Option<&Path>| {
        folder.is_some() && notice.state_dir.as_deref() == folder
    };
    if named.is_some() {
        found.retain(|notice| is_in(notice, named));
    } else {
        // Without the flag, a server that was started without it is preferred to one with `--state-dir`.
        found.retain(|notice| is_in(notice, usual) || notice.usual.as_deref() == usual);
        prefer(&mut found, |notice| is_in(notice, usual));
    }
    let says = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let told = ["WULIN_STATE_DIR", "STATE_DIRECTORY", "XDG_STATE_HOME"];
    let told = named.is_some() || told.into_iter().any(says);
    if found.is_empty() && !told && rustix::process::geteuid().is_root() {
        // Root without a state folder of its own means the service, which runs as another user.
        read_all(&Path::new(SERVICE).join(FOLDER), &mut found);
    }
    found
}

/// Keeps only the notices that meet a condition, if there are any.
fn prefer(notices: &mut Vec<Notice>, so: impl Fn(&Notice) -> bool) {
    if notices.iter().any(&so) {
        notices.retain(so);
    }
}

fn addresses(notices: &[Notice]) -> String {
    let mut all: Vec<_> = notices
        .iter()
        .map(|notice| notice.https.to_string())
        .collect();
    all.sort();
    all.join(", ")
}

/// Writes a notice under another name and renames it, so that a reader sees it whole and locked or not at all.
fn write(notice: &Notice, folder: &Path) -> io::Result<(PathBuf, File)> {
    make(folder)?;
    // This removes the notices of servers that were killed.
    read_all(folder, &mut Vec::new());
    let file = folder.join(format!("{}.json", notice.instance));
    let unfinished = folder.join(format!(".{}", notice.instance));
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    let written = serde_json::to_vec_pretty(notice)
        .map_err(io::Error::other)
        .and_then(|json| {
            open.write_all(&json)?;
            // Some file systems have no locks. Then only the instance tells whether the server runs.
            let _ = open.try_lock();
            fs::rename(&unfinished, &file)
        });
    match written {
        Ok(()) => Ok((file, open)),
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

/// Adds the notices in a folder whose servers run, and removes the others.
fn read_all(folder: &Path, found: &mut Vec<Notice>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.take(MOST) {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let Ok(file) = File::open(&path) else {
            continue;
        };
        if let Ok(()) = file.try_lock_shared() {
            // No process holds the lock: the server is gone.
            let _ = fs::remove_file(&path);
            continue;
        }
        let mut text = String::new();
        let read = file.take(LONGEST).read_to_string(&mut text);
        if let (Ok(_), Ok(notice)) = (read, serde_json::from_str::<Notice>(&text))
            && !found.iter().any(|known| known.instance == notice.instance)
        {
            found.push(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn notice(instance: &str, port: u16, state_dir: &Path, usual: &Path) -> Notice {
        Notice {
            instance: instance.to_owned(),
            pid: std::process::id(),
            https: SocketAddr::from(([127, 0, 0, 1], port)),
            admin: None,
            proxies: Vec::new(),
            state_dir: Some(settled(state_dir)),
            usual: Some(settled(usual)),
            network: network(),
        }
    }

    /// An environment whose state folder and folder for temporary files are in `home`.
    fn environment(home: &Path) -> impl Fn(&str) -> Option<OsString> + use<> {
        let home = home.to_owned();
        move |name| match name {
            "STATE_DIRECTORY" => Some(home.clone().into()),
            "TMPDIR" => Some(home.join("tmp").into()),
            _ => None,
        }
    }

    #[test]
    fn notice_is_found_only_while_its_server_runs() {
        let home = tempfile::tempdir().unwrap();
        let variable = environment(home.path());
        let ours = notice("one", 1, home.path(), home.path());
        let find = || find(&Wanted::default(), &variable).unwrap();
        assert_eq!(find(), None);
        let posted = post(&ours, &variable).unwrap();
        assert_eq!(find(), Some(ours));
        let mode = |file: &Path| fs::metadata(file).unwrap().mode() & 0o777;
        assert_eq!(mode(&home.path().join("running/one.json")), 0o600);
        drop(posted);
        assert_eq!(find(), None);
        assert_eq!(
            fs::read_dir(home.path().join("running")).unwrap().count(),
            0
        );
    }

    #[test]
    fn notice_of_a_killed_server_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let variable = environment(home.path());
        let file = home.path().join("running/dead.json");
        fs::create_dir(home.path().join("running")).unwrap();
        let dead = notice("dead", 1, home.path(), home.path());
        fs::write(&file, serde_json::to_vec(&dead).unwrap()).unwrap();
        assert_eq!(find(&Wanted::default(), &variable).unwrap(), None);
        assert!(!file.exists());
    }

    #[test]
    fn server_with_a_state_dir_is_found_with_and_without_it() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (home.path().join("one"), home.path().join("other"));
        fs::create_dir_all(&one).unwrap();
        fs::create_dir_all(&other).unwrap();
        let variable = environment(home.path());
        let named = |folder: &Path| Wanted {
            state_dir: Some(folder.to_owned()),
            ..Wanted::default()
        };
        let first = notice("first", 1, &one, home.path());
        let _first = post(&first, &variable).unwrap();
        assert_eq!(
            find(&Wanted::default(), &variable).unwrap().as_ref(),
            Some(&first)
        );
        let second = notice("second", 2, &other, home.path());
        let _second = post(&second, &variable).unwrap();
        for (folder, expected) in [(&one, &first), (&other, &second)] {
            let found = find(&named(folder), &variable).unwrap();
            assert_eq!(found.as_ref(), Some(expected));
        }
        // Without a flag it is not known which of the two is meant.
        let sentence = find(&Wanted::default(), &variable).unwrap_err().to_string();
        assert!(sentence.contains("127.0.0.1:1, 127.0.0.1:2"), "{sentence}");
        let by = |port| Wanted {
            port: Some(port),
            ..Wanted::default()
        };
        assert_eq!(find(&by(2), &variable).unwrap(), Some(second.clone()));
        assert!(find(&by(3), &variable).is_err());
        let likely = Wanted {
            likely_port: Some(2),
            ..Wanted::default()
        };
        assert_eq!(find(&likely, &variable).unwrap(), Some(second));
    }

    #[test]
    fn server_without_a_state_dir_is_preferred() {
        let home = tempfile::tempdir().unwrap();
        let other = home.path().join("other");
        fs::create_dir(&other).unwrap();
        let variable = environment(home.path());
        let flagged = notice("flagged", 1, &other, home.path());
        let plain = notice("plain", 2, home.path(), home.path());
        let _flagged = post(&flagged, &variable).unwrap();
        let _plain = post(&plain, &variable).unwrap();
        assert_eq!(find(&Wanted::default(), &variable).unwrap(), Some(plain));
    }

    #[test]
    fn containers_sharing_a_volume_find_their_own_server() {
        let home = tempfile::tempdir().unwrap();
        let variable = environment(home.path());
        let ours = notice("ours", 443, home.path(), home.path());
        let theirs = Notice {
            instance: "theirs".to_owned(),
            network: Some("net:[1]".to_owned()),
            ..ours.clone()
        };
        let _theirs = post(&theirs, &variable).unwrap();
        {
            let _ours = post(&ours, &variable).unwrap();
            assert_eq!(find(&Wanted::default(), &variable).unwrap(), Some(ours));
        }
        // A server in another network namespace is found if it is the only one.
        assert_eq!(find(&Wanted::default(), &variable).unwrap(), Some(theirs));
    }

    #[test]
    fn state_dir_variables_are_read_like_the_server_reads_them() {
        let variable = |name: &str| (name == "WULIN_STATE_DIR").then(|| " /srv/wulin\r".into());
        assert_eq!(usual(&variable), Some("/srv/wulin".into()));
        let variable = |name: &str| match name {
            "WULIN_STATE_DIR" => Some("".into()),
            "STATE_DIRECTORY" => Some("/var/lib/x:/y".into()),
            _ => None,
        };
        assert_eq!(usual(&variable), Some("/var/lib/x".into()));
    }

    #[test]
    fn notice_is_found_with_an_unwritable_state_folder() {
        let home = tempfile::tempdir().unwrap();
        // A file is where the folder would be, so not even root can write there.
        let taken = home.path().join("taken");
        fs::write(&taken, "").unwrap();
        fs::create_dir(home.path().join("tmp")).unwrap();
        let base = home.path().to_owned();
        let variable = move |name: &str| match name {
            "STATE_DIRECTORY" => Some(base.join("taken").into()),
            "TMPDIR" => Some(base.join("tmp").into()),
            _ => None,
        };
        let ours = notice("one", 1, &taken, &taken);
        let posted = post(&ours, &variable).unwrap();
        assert!(posted.0[0].0.starts_with(home.path().join("tmp")));
        assert_eq!(find(&Wanted::default(), &variable).unwrap(), Some(ours));
        // A shared folder that others can write to is not trusted.
        let folder = posted.0[0].0.parent().unwrap();
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert_eq!(find(&Wanted::default(), &variable).unwrap(), None);
    }

    #[test]
    fn unspecified_addresses_become_loopback() {
        let targets = |text: &str| Notice::targets(text.parse().unwrap());
        assert_eq!(targets("0.0.0.0:1"), ["127.0.0.1:1".parse().unwrap()]);
        assert_eq!(targets("[::]:1").len(), 2);
        assert_eq!(targets("[::1]:1"), ["[::1]:1".parse().unwrap()]);
        assert_eq!(targets("192.0.2.1:1"), ["192.0.2.1:1".parse().unwrap()]);
    }
}
