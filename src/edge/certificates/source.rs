//! Where the certificates come from, and whether what is there has changed.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::discover::{DEEPEST, Found, MOST_ENTRIES, discover};
use super::names::check_domains;
use super::pair::load_pair;
use super::problem::Problem;
use super::reading::list;

/// Where the certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Certificate and key, in pairs.
    Files(Vec<(PathBuf, PathBuf)>),
    /// A folder, under whatever names.
    Folder(PathBuf),
}

/// What a source looked like at one moment: each file in it by its path, with what changes when it is written or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint(Vec<(PathBuf, Option<Mark>)>);

/// Device, inode, size in bytes, and the time of the last write in seconds and nanoseconds.
type Mark = (u64, u64, u64, i64, i64);

impl Source {
    /// Reads what is there and checks that a server for these domains can use it at `now`. A folder may have no pair at all.
    pub fn load(&self, domains: &[String], now: SystemTime) -> Result<Found, Problem> {
        let found = match self {
            Source::Files(files) => Found {
                pairs: files
                    .iter()
                    .map(|(cert, key)| load_pair(cert, key, now))
                    .collect::<Result<_, _>>()?,
                warnings: Vec::new(),
            },
            Source::Folder(folder) => discover(folder, now)?,
        };
        if !found.pairs.is_empty() {
            check_domains(&found.pairs, domains)?;
        }
        Ok(found)
    }

    /// What it looks like now. Links are followed, so a link that leads elsewhere is a change; what is missing is part of
    /// it as well.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut marks = Vec::new();
        match self {
            Source::Files(files) => {
                let paths = files.iter().flat_map(|(cert, key)| [cert, key]);
                marks.extend(paths.map(|path| (path.clone(), mark(path))));
            }
            Source::Folder(folder) => walk(folder, 0, &mut marks),
        }
        Fingerprint(marks)
    }
}

fn walk(folder: &Path, depth: usize, marks: &mut Vec<(PathBuf, Option<Mark>)>) {
    for path in list(folder).unwrap_or_default() {
        if marks.len() >= MOST_ENTRIES {
            return;
        }
        marks.push((path.clone(), mark(&path)));
        if depth < DEEPEST && path.is_dir() {
            walk(&path, depth + 1, marks);
        }
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let of = |metadata: Metadata| {
        (
            metadata.dev(),
            metadata.ino(),
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec(),
        )
    };
    fs::metadata(path).ok().map(of)
}
