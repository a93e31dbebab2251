//! Reads files and folders. If that fails, finds the exact component of the path that is in the way.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use crate::problem::{Problem, shell};

/// The most bytes read from a file, 1 MiB. Certificates and keys have a few KiB, but a folder may hold anything.
pub(crate) const LARGEST_FILE: u64 = 1 << 20;

/// How many symbolic links a path may go through, as in the kernel.
const MOST_LINKS: usize = 40;

/// Reads a whole file of at most [`LARGEST_FILE`] bytes; `wanted` names what it should hold, for error messages.
pub(crate) fn read(file: &Path, wanted: &'static str) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let done =
        File::open(file).and_then(|open| open.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    match done {
        Err(error) if error.kind() == ErrorKind::IsADirectory => Err(Problem::IsDirectory {
            file: file.to_owned(),
            wanted,
        }),
        Err(error) => Err(explain(file, error)),
        Ok(_) if bytes.len() as u64 > LARGEST_FILE => Err(Problem::TooLarge {
            file: file.to_owned(),
        }),
        Ok(_) => Ok(bytes),
    }
}

/// The paths in a folder, sorted. Hidden ones are left out: they belong to version control, or to the way a container
/// mounts files.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut paths = fs::read_dir(dir)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(|error| explain(dir, error))?;
    paths.retain(|path| {
        !path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    });
    paths.sort();
    Ok(paths)
}

/// Turns a failure to open `path` into the problem that names the component it is about.
pub(crate) fn explain(path: &Path, error: io::Error) -> Problem {
    let obstacle = match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory => walk(path),
        _ => {
            return Problem::Io {
                file: path.to_owned(),
                source: error,
            };
        }
    };
    let file = path.to_owned();
    match obstacle {
        Obstacle::Missing { part, link: Some(link) } => Problem::NotFound {
            because: Some(format!(
                ": {} is a link to {}, which is not there",
                link.display(),
                part.display()
            )),
            hint: "a copy or a container's mount needs the files that links lead to as well (`cp -rL`)".to_owned(),
            file,
        },
        Obstacle::Missing { part, link: None } => Problem::NotFound {
            because: (part != absolute(&file)).then(|| format!(": there is no {}", part.display())),
            hint: neighbours(&part),
            file,
        },
        Obstacle::Closed(folder) => Problem::FolderClosed {
            access: access(&folder),
            file,
            folder,
        },
        Obstacle::NotAFolder(part) => Problem::NotADirectory {
            path: file,
            file: part,
        },
        Obstacle::None(metadata) if error.kind() == ErrorKind::PermissionDenied => {
            Problem::NotReadable {
                access: access(&file),
                folder: metadata.is_dir(),
                file,
            }
        }
        Obstacle::None(metadata)
            if metadata.is_file() && error.kind() == ErrorKind::NotADirectory =>
        {
            Problem::NotADirectory {
                path: file.clone(),
                file,
            }
        }
        Obstacle::None(_) => Problem::Io {
            file,
            source: error,
        },
    }
}

/// What is in the way to a file.
enum Obstacle {
    Missing {
        part: PathBuf,
        link: Option<PathBuf>,
    },
    Closed(PathBuf),
    NotAFolder(PathBuf),
    None(Metadata),
}

/// Goes to `path` one component at a time, through links, and stops where it cannot go on.
fn walk(path: &Path) -> Obstacle {
    let mut ahead = components(&absolute(path));
    let mut here = PathBuf::from("/");
    // The last link, and how much of the path was still ahead after it.
    let mut followed: Option<(PathBuf, usize)> = None;
    let mut links = 0;
    while let Some(component) = ahead.pop() {
        if component == Path::new("..") {
            here.pop();
            continue;
        }
        let next = here.join(&component);
        let metadata = match next.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::PermissionDenied => Obstacle::Closed(here),
                    ErrorKind::NotADirectory => Obstacle::NotAFolder(here),
                    _ => Obstacle::Missing {
                        part: next,
                        // Only if the target of the link is missing, and not a component after it.
                        link: followed
                            .filter(|(_, rest)| ahead.len() >= *rest)
                            .map(|(link, _)| link),
                    },
                };
            }
        };
        if metadata.is_symlink() && links < MOST_LINKS {
            links += 1;
            followed = Some((next.clone(), ahead.len()));
            let target = fs::read_link(&next).unwrap_or_default();
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            ahead.extend(components(&target));
        } else {
            here = next;
        }
    }
    match here.metadata() {
        Ok(metadata) => Obstacle::None(metadata),
        Err(_) => Obstacle::Missing {
            part: here,
            link: None,
        },
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The components of a path, last first, so that the next one is popped.
fn components(path: &Path) -> Vec<PathBuf> {
    let named = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    named
        .rev()
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

/// The certificate files beside a missing file: the usual cause is a typo.
fn neighbours(missing: &Path) -> String {
    const MOST: usize = 6;
    let folder = missing.parent().unwrap_or(missing);
    let paths = list(folder).unwrap_or_default();
    let likely = |path: &&PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|one| ["pem", "crt", "cer", "key"].contains(&one))
    };
    let names = paths
        .iter()
        .filter(likely)
        .filter_map(|path| path.file_name());
    let mut names: Vec<_> = names.map(|name| name.display().to_string()).collect();
    if names.is_empty() {
        return format!("`ls -l {}` shows what is there", shell(folder));
    }
    if names.len() > MOST {
        names.truncate(MOST);
        names.push("...".to_owned());
    }
    format!("{} has {}", folder.display(), names.join(", "))
}

/// Mode and owner of a path and the user of this process, for error messages.
fn access(path: &Path) -> String {
    let theirs = match path.metadata() {
        Ok(found) => format!(
            "mode {:04o}, owner uid {}",
            found.permissions().mode() & 0o7777,
            found.uid()
        ),
        Err(_) => "mode unknown".to_owned(),
    };
    // /proc/self belongs to the user of this process; asking libc for it would need `unsafe`.
    match fs::metadata("/proc/self") {
        Ok(me) => format!("{theirs}, this process is uid {}", me.uid()),
        Err(_) => theirs,
    }
}
