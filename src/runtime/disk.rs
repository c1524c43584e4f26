//! The trait `Files` of the loader on the real file system.
#![allow(clippy::disallowed_methods, reason = "this is the loader's view of the disk")]

use crate::bounds::FILE_BYTES_MAX;
use crate::unit::load::{Entry, EntryKind, FileError, Files};
use std::fs::{File, FileType};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

/// What is read of a file at first.
const USUAL_BYTES: usize = 2048;

/// The file system porterd sees.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Disk;

fn open(path: &str, flags: i32) -> std::io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | flags).open(path)
}

fn refused(error: &std::io::Error) -> FileError {
    match error.kind() {
        ErrorKind::NotFound => FileError::NotFound,
        ErrorKind::IsADirectory => FileError::Unreadable("it is a directory".to_owned()),
        ErrorKind::PermissionDenied => FileError::Unreadable("permission denied".to_owned()),
        _ => FileError::Unreadable(error.to_string()),
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        // Opening a device may have effects. In a directory of units only a link can lead to one (the list of names
        // leaves other nodes out), so links alone are looked through first, and what a setting names below /dev. A FIFO
        // does not keep us waiting.
        let device = path.starts_with("/dev/") && !path.starts_with("/dev/shm/");
        let opened = match device {
            true => Err(std::io::Error::from_raw_os_error(libc::ELOOP)),
            false => open(path, libc::O_NOFOLLOW),
        };
        let mut file = match opened {
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                let facts = std::fs::metadata(path).map_err(|error| refused(&error))?;
                match facts.is_file() {
                    true => open(path, 0),
                    false if facts.is_dir() => Err(ErrorKind::IsADirectory.into()),
                    false => return Ok(Vec::new()),
                }
            }
            result => result,
        }
        .map_err(|error| refused(&error))?;
        // Most files of units fit in here, and a file that gives something and then its end need not be asked what it
        // is: devices have no end.
        let mut first = [0; USUAL_BYTES];
        let mut got = 0;
        let mut at_end = false;
        while got < USUAL_BYTES && !at_end {
            let Ok(more) = file.read(&mut first[got..]) else { break };
            (got, at_end) = (got + more, more == 0);
        }
        let mut content = first[..got].to_vec();
        if got == 0 || !at_end {
            let facts = file.metadata().map_err(|error| refused(&error))?;
            if facts.is_dir() {
                return Err(FileError::Unreadable("it is a directory".to_owned()));
            }
            if !facts.is_file() {
                return Ok(Vec::new());
            }
            let rest = (FILE_BYTES_MAX + 1).saturating_sub(got) as u64;
            file.take(rest).read_to_end(&mut content).map_err(|error| refused(&error))?;
        }
        if content.len() > FILE_BYTES_MAX {
            return Err(FileError::Unreadable(format!("longer than {} MiB", FILE_BYTES_MAX >> 20)));
        }
        Ok(content)
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>, FileError> {
        let entries = std::fs::read_dir(directory).map_err(|error| refused(&error))?;
        let named = entries.flatten().filter_map(|entry| {
            // A name that is not UTF-8 is no unit name.
            let name = entry.file_name().into_string().ok()?;
            Some(Entry { name, kind: kind(entry.file_type().ok()?) })
        });
        Ok(named.collect())
    }

    fn link(&self, path: &str) -> Option<String> {
        std::fs::read_link(path).ok()?.into_os_string().into_string().ok()
    }
}

fn kind(of: FileType) -> EntryKind {
    if of.is_symlink() {
        EntryKind::Link
    } else if of.is_dir() {
        EntryKind::Directory
    } else if of.is_file() {
        EntryKind::File
    } else {
        EntryKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_seen_as_it_is() {
        let dir = std::env::temp_dir().join(format!("porterd-disk-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("sub")).unwrap();
        std::fs::write(dir.join("a"), "x").unwrap();
        std::os::unix::fs::symlink("a", dir.join("b")).unwrap();
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        assert_eq!(Disk.read(&path("b")), Ok(b"x".to_vec()));
        assert_eq!(Disk.read(&path("none")), Err(FileError::NotFound));
        assert_eq!(Disk.read("/dev/zero"), Ok(Vec::new()));
        assert!(matches!(Disk.read(&path("sub")), Err(FileError::Unreadable(_))));
        assert_eq!(Disk.link(&path("b")).as_deref(), Some("a"));
        let mut names = Disk.list(dir.to_str().unwrap()).unwrap();
        names.sort();
        let kinds: Vec<EntryKind> = names.iter().map(|e| e.kind).collect();
        assert_eq!(kinds, [EntryKind::File, EntryKind::Link, EntryKind::Directory]);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
