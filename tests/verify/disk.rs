//! Real directories as `Files`, below a root of their own.
#![allow(clippy::disallowed_methods)] // Reading real files is what these tests are for.

use porterd::unit::load::{Entry, EntryKind, FileError, Files};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// A directory that stands for `/`.
pub(crate) struct Disk {
    pub(crate) root: PathBuf,
}

impl Disk {
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

fn error(e: std::io::Error) -> FileError {
    match e.kind() {
        ErrorKind::NotFound => FileError::NotFound,
        _ => FileError::Unreadable(e.to_string()),
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        fs::read(self.at(path)).map_err(error)
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>, FileError> {
        let entries = fs::read_dir(self.at(directory)).map_err(error)?;
        let entries = entries.filter_map(Result::ok).filter_map(|entry| {
            let kind = match entry.file_type().ok()? {
                t if t.is_symlink() => EntryKind::Link,
                t if t.is_dir() => EntryKind::Directory,
                t if t.is_file() => EntryKind::File,
                _ => EntryKind::Other,
            };
            Some(Entry { name: entry.file_name().into_string().ok()?, kind })
        });
        Ok(entries.collect())
    }

    fn link(&self, path: &str) -> Option<String> {
        fs::read_link(self.at(path)).ok()?.to_str().map(str::to_owned)
    }
}
