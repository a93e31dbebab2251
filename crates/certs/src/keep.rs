//! Files that only this user may read, written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// Writes a file atomically, for this user alone (mode 0600): a reader sees the whole old file or the whole new one.
/// Missing folders are made with mode 0700.
///
/// The bytes go to a temporary file in the same folder, which is synced and then renamed: a rename is atomic only
/// within one file system.
pub fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // Process id and time make the name unique among all who write at the same moment.
    let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let unique = format!(
        "{}-{}",
        std::process::id(),
        moment.unwrap_or_default().as_nanos()
    );
    let unfinished = folder.join(format!(".{}.{unique}", name.to_string_lossy()));
    let write = || {
        let mut open = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        open.write_all(bytes)?;
        open.sync_all()?;
        fs::rename(&unfinished, file)?;
        // The rename is on the disk only when the folder is synced. Some file systems cannot do that, so a failure is
        // no error.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    };
    let done = write();
    if done.is_err() {
        // If this fails too, the first error is the one worth reporting.
        let _ = fs::remove_file(&unfinished);
    }
    done
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn file_is_written_whole_and_private() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        let file = folder.join("secret");
        for text in ["first", "second"] {
            keep(&file, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&file), mode(&folder), mode(folder.parent().unwrap())),
            (0o600, 0o700, 0o700)
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn failed_write_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("taken");
        fs::create_dir(&file).unwrap();
        assert!(keep(&file, b"text").is_err());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
