//! Looks for the other half of a pair in the folder of the first, so that an error message can name it.

use std::path::{Path, PathBuf};

use super::key::Key;
use crate::problem::Problem;
use crate::reading::file::{LARGEST_FILE, explain, list, read};
use crate::reading::pem::{self, Contents};

/// A file in the folder of one of `beside` that holds the private key for `public_key`.
pub(crate) fn key_beside(beside: &[&Path], public_key: &[u8]) -> Option<PathBuf> {
    file_beside(beside, |file, contents| {
        let keys = contents
            .keys
            .iter()
            .filter_map(|der| Key::load(file, der).ok());
        keys.into_iter().any(|key| key.public_key == public_key)
    })
}

/// A file in the folder of one of `beside` that holds a domain's certificate for `public_key`.
pub(crate) fn certificate_beside(beside: &[&Path], public_key: &[u8]) -> Option<PathBuf> {
    file_beside(beside, |_, contents| {
        let mut certificates = contents.certificates.iter();
        certificates.any(|one| one.public_key == public_key && !one.is_authority())
    })
}

/// The first file in the folders of `beside` that fits.
fn file_beside(beside: &[&Path], fits: impl Fn(&Path, &Contents) -> bool) -> Option<PathBuf> {
    let folders = beside.iter().map(|path| {
        path.parent()
            .filter(|p| *p != Path::new(""))
            .unwrap_or(Path::new("."))
    });
    let mut files = folders.flat_map(|folder| list(folder).unwrap_or_default());
    files.find(|file| matches!(open(file), Ok(Some(contents)) if fits(file, &contents)))
}

/// What a PEM file holds; none if it is no file, larger than any certificate, or has no PEM in it.
pub(crate) fn open(file: &Path) -> Result<Option<Contents>, Problem> {
    let metadata = file.metadata().map_err(|error| explain(file, error))?;
    if !metadata.is_file() || metadata.len() > LARGEST_FILE {
        return Ok(None);
    }
    let bytes = read(file, "certificate")?;
    match pem::parse(file, &bytes, "certificate") {
        Ok(contents) => Ok(Some(contents)),
        // Other files may lie in the folder too.
        Err(Problem::Empty { .. } | Problem::NotPem { .. }) => Ok(None),
        Err(problem) => Err(problem),
    }
}
