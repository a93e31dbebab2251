//! Where the certificates come from, and whether the files there have changed.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::discover::{DEEPEST, Found, MOST_ENTRIES, discover};
use super::pair::{check_domains, load_pair};
use crate::problem::Problem;
use crate::reading::file::list;

/// The folder in which certificates are looked for if no flag names one.
pub const DEFAULT_FOLDER: &str = "certs";

/// Why the flags do not say where the certificates are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// `--tls-cert` and `--tls-key` are not equal in number.
    #[error(
        "There are {certs} --tls-cert and {keys} --tls-key. Give each certificate its key, in the same order, or put all of \
         them into one folder and name it with --tls-dir."
    )]
    Unpaired {
        /// Certificates given.
        certs: usize,
        /// Keys given.
        keys: usize,
    },
    /// Both files and a folder are given.
    #[error("Certificates are given twice. Use either --tls-cert with --tls-key, or --tls-dir.")]
    FilesAndFolder,
    /// `--tls-dir` has nothing in it.
    #[error("--tls-dir {} holds no certificate. Put the unpacked bundle of the certificate authority there.", .0.display())]
    EmptyFolder(PathBuf),
}

/// Where the certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Certificate and key files, in pairs.
    Files(Vec<(PathBuf, PathBuf)>),
    /// A folder, whatever the files in it are called.
    Folder(PathBuf),
}

/// What a source looked like at one moment: the path of each file with what changes when it is written or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint(Vec<(PathBuf, Option<Mark>)>);

/// Device, inode, size in bytes, and the time of the last write in seconds and nanoseconds.
type Mark = (u64, u64, u64, i64, i64);

impl Source {
    /// The source that `--tls-cert` with `--tls-key`, or `--tls-dir`, name; none if they name nothing.
    pub fn named(
        certs: &[PathBuf],
        keys: &[PathBuf],
        folder: Option<&Path>,
    ) -> Result<Option<Source>, Unclear> {
        if certs.len() != keys.len() {
            return Err(Unclear::Unpaired {
                certs: certs.len(),
                keys: keys.len(),
            });
        }
        match folder {
            Some(_) if !certs.is_empty() => Err(Unclear::FilesAndFolder),
            Some(folder) => Ok(Some(Source::Folder(folder.to_owned()))),
            None if certs.is_empty() => Ok(None),
            None => {
                let pairs = certs.iter().cloned().zip(keys.iter().cloned());
                Ok(Some(Source::Files(pairs.collect())))
            }
        }
    }

    /// Reads what is there and checks that a server for these domains can use it at `now`. A folder may have no pair at
    /// all.
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

    /// What the source looks like now. Links are followed, so a link to another file is a change. A missing file has an
    /// entry too.
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
