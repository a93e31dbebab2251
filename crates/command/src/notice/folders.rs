//! The folders where notices can be.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::given::trimmed;
use crate::state_dir::state_dir;

/// The folder for notices within the state folder.
pub(super) const FOLDER: &str = "running";
/// The permission bits of the group and of all others in a file's mode.
const OTHERS: u32 = 0o077;

/// The absolute path of a folder without symbolic links, so that two processes compare the same path.
pub fn settled(folder: &Path) -> PathBuf {
    let whole = fs::canonicalize(folder);
    whole.unwrap_or_else(|_| std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()))
}

/// The state folder that the environment gives: that of a server or a command without `--state-dir`.
pub fn usual(variable: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = variable("WULIN_STATE_DIR").and_then(|named| {
        let named = trimmed(named.to_str()?).to_owned();
        (!named.is_empty()).then(|| PathBuf::from(named))
    });
    let folder = named.or_else(|| state_dir(variable));
    folder.map(|folder| settled(&folder))
}

/// A folder for notices that does not depend on flags.
pub(super) struct NoticeFolder {
    /// Its path.
    pub(super) folder: PathBuf,
    /// Whether it is in a folder where all users may create files, so that its owner must be checked.
    shared: bool,
}

/// The folders for notices that do not depend on flags, the best first.
pub(super) fn common(
    usual: Option<&Path>,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Vec<NoticeFolder> {
    let folder = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        // systemd separates several folders with colons.
        env::split_paths(&value).find(|path| path.is_absolute())
    };
    let own = [
        folder("RUNTIME_DIRECTORY").map(|folder| folder.join(FOLDER)),
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("wulin")),
        usual.map(|folder| folder.join(FOLDER)),
    ];
    let own = own.into_iter().flatten().map(|folder| NoticeFolder {
        folder,
        shared: false,
    });
    let mine = format!("wulin-{}", rustix::process::geteuid().as_raw());
    // In a container with a read-only root file system, only `/dev/shm` can be written.
    let shared = [
        folder("TMPDIR").unwrap_or_else(|| "/tmp".into()),
        "/dev/shm".into(),
    ];
    let shared = shared.into_iter().map(|folder| NoticeFolder {
        folder: folder.join(&mine),
        shared: true,
    });
    own.chain(shared).collect()
}

impl NoticeFolder {
    /// Makes it, and returns its path. An error if another user could write there.
    pub(super) fn make(&self) -> io::Result<&Path> {
        make(&self.folder)?;
        if self.is_ours() {
            Ok(&self.folder)
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    /// Whether no other user can write there.
    pub(super) fn is_ours(&self) -> bool {
        !self.shared
            || fs::symlink_metadata(&self.folder).is_ok_and(|metadata| {
                metadata.is_dir()
                    && metadata.uid() == rustix::process::geteuid().as_raw()
                    && metadata.mode() & OTHERS == 0
            })
    }
}

/// Makes a folder that only this user can read.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
