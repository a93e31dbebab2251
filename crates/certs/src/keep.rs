//! Files that only this user may read, written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// Writes `bytes` so that a reader sees the old file or the new one, whole, and nobody else sees either. Folders on the way
/// are made, closed to others as well.
pub fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // A process has one clock, and its number is no other one's as long as it runs.
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
        // The new name is on the disk only when the folder is; not every file system can say when that is.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    };
    let done = write();
    if done.is_err() {
        // Best effort: the reason worth telling is the first one.
        let _ = fs::remove_file(&unfinished);
    }
    done
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_kept_file_is_whole_and_ours_alone() {
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
    fn what_cannot_be_kept_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("taken");
        fs::create_dir(&file).unwrap();
        assert!(keep(&file, b"text").is_err());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
