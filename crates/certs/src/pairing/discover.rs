//! Finding the pairs in a folder by what is in the files, whatever they are called.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::beside::open;
use super::key::Key;
use super::pair::{Candidate, Pair};
use crate::names::listed;
use crate::problem::Problem;
use crate::reading::file::list;
use crate::reading::pem::Contents;
use crate::x509::certificate::Certificate;

/// How many levels of folders are searched. certbot has `live/DOMAIN/`, a cloud's archive `DOMAIN/Nginx/`; one level is
/// to spare.
pub(crate) const DEEPEST: usize = 3;

/// The most entries that are looked at: a folder with more is not one for certificates.
pub(crate) const MOST_ENTRIES: usize = 1_000;

/// Extensions of files that are not opened: documents, which may quote PEM, and requests, which are of no use to a
/// server.
const PASSED_OVER: [&str; 4] = ["csr", "html", "md", "rst"];

/// What is in a folder.
#[derive(Debug, Default)]
pub struct Found {
    /// The pairs that can be served, ordered by file name; none when the folder has no PEM files at all.
    pub pairs: Vec<Pair>,
    /// What was left out and why, as sentences.
    pub warnings: Vec<String>,
}

/// Finds the certificates in a folder that come with their private key, and the best one for each set of names.
pub fn discover(dir: &Path, now: SystemTime) -> Result<Found, Problem> {
    let mut scan = Scan::default();
    match scan.folder(dir, 0) {
        // What was found until then may be enough.
        Err(problem @ Problem::TooMany { .. }) => scan.problems.push(problem),
        done => done?,
    }
    let Scan {
        files,
        mut problems,
        mut unread,
        ..
    } = scan;
    let keys = keys(&files, &mut problems);
    let (pairs, unusable) = best_pairs(&files, &keys, now);
    let unpaired = unpaired(&files, &keys, &pairs);
    let mut problems = unusable.into_iter().chain(problems);
    if !pairs.is_empty() {
        let mut warnings: Vec<_> = problems
            .map(|problem| format!("left out: {problem}"))
            .collect();
        warnings.extend(unpaired.map(|detail| format!("left out in {}: {detail}.", dir.display())));
        return Ok(Found { pairs, warnings });
    }
    let half = unpaired.map(|detail| Problem::Unpaired {
        dir: dir.to_owned(),
        detail,
    });
    if let Some(problem) = problems.next() {
        return Err(problem);
    }
    // The other half of a pair may be in a format that can be converted, so converting it is the first thing to do.
    let convertible = unread.iter().position(Problem::has_command);
    if let (Some(at), true) = (convertible, half.is_some()) {
        return Err(unread.swap_remove(at));
    }
    match half.or_else(|| authority(&files)) {
        Some(problem) => Err(problem),
        None => Ok(Found {
            pairs,
            warnings: unread.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// A PEM file in the folder.
#[derive(Debug)]
struct PemFile {
    path: PathBuf,
    is_link: bool,
    contents: Contents,
}

/// What a walk through the folder has found.
#[derive(Debug, Default)]
struct Scan {
    files: Vec<PemFile>,
    /// Files that are meant to be used but cannot be.
    problems: Vec<Problem>,
    /// Files in a format other than PEM, to be mentioned if there is nothing else.
    unread: Vec<Problem>,
    entries: usize,
    /// Every file and folder by its canonical path; for a file with its index in `files`. A link and its target count
    /// as one file, and links that lead in a circle end.
    seen: HashMap<PathBuf, Option<usize>>,
}

impl Scan {
    fn folder(&mut self, dir: &Path, depth: usize) -> Result<(), Problem> {
        for path in list(dir)? {
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(Problem::TooMany {
                    dir: dir.to_owned(),
                    most: MOST_ENTRIES,
                });
            }
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if path.is_dir() {
                if depth < DEEPEST && self.seen.insert(real, None).is_none() {
                    match self.folder(&path, depth + 1) {
                        Err(problem @ Problem::TooMany { .. }) => return Err(problem),
                        inside => self.problems.extend(inside.err()),
                    }
                }
            } else if !is_passed_over(&path) {
                self.file(path, real);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, real: PathBuf) {
        let is_link = path.is_symlink();
        match self.seen.get(&real) {
            // A link is preferred: its name stays when a renewal brings a new file.
            Some(Some(at)) if is_link && !self.files[*at].is_link => {
                let known = &mut self.files[*at];
                (known.path, known.is_link) = (path, true);
                return;
            }
            Some(_) => return,
            None => {}
        }
        match open(&path) {
            Ok(Some(contents)) => {
                self.seen.insert(real, Some(self.files.len()));
                self.files.push(PemFile {
                    path,
                    is_link,
                    contents,
                });
            }
            Ok(None) => {}
            Err(problem @ Problem::OtherFormat { .. }) => self.unread.push(problem),
            Err(problem) => self.problems.push(problem),
        }
    }
}

fn is_passed_over(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        PASSED_OVER
            .iter()
            .any(|one| extension.eq_ignore_ascii_case(one))
    })
}

/// A private key and the files it is in.
#[derive(Debug)]
struct FoundKey<'a> {
    key: Key,
    files: Vec<&'a Path>,
}

impl FoundKey<'_> {
    /// The file to name for this key: the certificate's own, else one in the same folder, else the first.
    fn nearest(&self, certificate: &Path) -> &Path {
        let beside = |file: &&&Path| file.parent() == certificate.parent();
        let same = self.files.iter().find(|file| **file == certificate);
        same.or_else(|| self.files.iter().find(beside))
            .unwrap_or(&self.files[0])
    }
}

/// The keys in these files, each once. What no server can use goes to `problems`.
fn keys<'a>(files: &'a [PemFile], problems: &mut Vec<Problem>) -> Vec<FoundKey<'a>> {
    let mut found: Vec<FoundKey<'a>> = Vec::new();
    for PemFile { path, contents, .. } in files {
        if contents.encrypted_key {
            problems.push(Problem::EncryptedKey { file: path.clone() });
        }
        if let Some(foreign) = contents.foreign_key {
            problems.push(foreign.problem(path));
        }
        for der in &contents.keys {
            match Key::load(path, der) {
                Ok(key) => match found
                    .iter_mut()
                    .find(|known| known.key.public_key == key.public_key)
                {
                    Some(known) => known.files.push(path),
                    None => found.push(FoundKey {
                        key,
                        files: vec![path],
                    }),
                },
                Err(problem) => problems.push(problem),
            }
        }
    }
    found
}

/// The best pair for each set of names and kind of key, by file name; then why the others cannot be served.
fn best_pairs(
    files: &[PemFile],
    keys: &[FoundKey<'_>],
    now: SystemTime,
) -> (Vec<Pair>, Vec<Problem>) {
    let mut best: BTreeMap<_, (Candidate<'_>, &FoundKey<'_>)> = BTreeMap::new();
    for key in keys {
        let Some(candidate) = best_candidate(files, &key.key, now) else {
            continue;
        };
        let mut names = candidate.chain[0].names.clone();
        names.sort();
        let group = (names, format!("{:?}", key.key.algorithm()));
        if best
            .get(&group)
            .is_none_or(|(rival, _)| candidate.is_better_than(rival))
        {
            best.insert(group, (candidate, key));
        }
    }

    let mut pairs = Vec::new();
    let mut unusable = Vec::new();
    for (candidate, key) in best.into_values() {
        let key_path = key.nearest(candidate.file);
        match candidate.assemble(&key.key, key_path, now) {
            Ok(mut pair) => {
                let used = files
                    .iter()
                    .filter(|file| [candidate.file, key_path].contains(&file.path.as_path()));
                pair.warnings
                    .extend(used.flat_map(|file| file.contents.notes.clone()));
                pairs.push(pair);
            }
            Err(problem) => unusable.push(problem),
        }
    }
    pairs.sort_by(|a, b| a.cert_path.cmp(&b.cert_path));
    (pairs, unusable)
}

/// The best certificate for a key. Its intermediates may be in another file of the same folder (`cert.pem` and
/// `chain.pem`).
fn best_candidate<'a>(files: &'a [PemFile], key: &Key, now: SystemTime) -> Option<Candidate<'a>> {
    let candidates = files.iter().flat_map(|file| {
        let own = &file.contents.certificates;
        let beside = files
            .iter()
            .filter(|other| other.path != file.path && other.path.parent() == file.path.parent());
        let others = beside.flat_map(|other| &other.contents.certificates);
        let pool: Vec<&Certificate> = own.iter().chain(others).collect();
        let leaves = own
            .iter()
            .filter(|leaf| leaf.public_key == key.public_key && !leaf.is_authority());
        leaves
            .map(move |leaf| Candidate::new(&file.path, own, leaf, &pool, now))
            .collect::<Vec<_>>()
    });
    Candidate::best(candidates)
}

/// The problem that there is only an authority's certificate, if there is one.
fn authority(files: &[PemFile]) -> Option<Problem> {
    files.iter().find_map(|PemFile { path, contents, .. }| {
        let own = contents
            .certificates
            .iter()
            .find(|one| one.is_authority())?;
        Some(Problem::Authority {
            file: path.clone(),
            who: own.subject.short.clone(),
            instead: None,
        })
    })
}

/// The keys without certificate and certificates without key, as the detail of a sentence.
fn unpaired(files: &[PemFile], keys: &[FoundKey<'_>], pairs: &[Pair]) -> Option<String> {
    let certificates = || {
        files.iter().flat_map(|file| {
            file.contents
                .certificates
                .iter()
                .map(move |one| (file, one))
        })
    };
    let mut lone = Vec::new();
    for key in keys {
        if !certificates().any(|(_, certificate)| certificate.public_key == key.key.public_key) {
            lone.push(format!(
                "{} is a private key without its certificate",
                key.files[0].display()
            ));
        }
    }
    for (file, certificate) in certificates() {
        let has_key = keys
            .iter()
            .any(|key| key.key.public_key == certificate.public_key);
        let is_replaced = pairs.iter().any(|pair| pair.names == certificate.names);
        // The key of an authority is elsewhere, as it should be.
        if !(has_key || is_replaced || certificate.is_authority()) {
            let (file, names) = (file.path.display(), listed(&certificate.names));
            lone.push(format!(
                "{file} is a certificate for {names} without its private key"
            ));
        }
    }
    lone.dedup();
    (!lone.is_empty()).then(|| lone.join("; "))
}
