//! Conditions about paths.

use super::{Answer, read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// access(2) with `F_OK` follows links, so a dangling one does not exist.
pub(super) fn exists(path: &str) -> Answer {
    Ok(Path::new(path).exists())
}

pub(super) fn is_directory(path: &str) -> Answer {
    Ok(Path::new(path).is_dir())
}

pub(super) fn is_symbolic_link(path: &str) -> Answer {
    Ok(Path::new(path).is_symlink())
}

pub(super) fn is_socket(path: &str) -> Answer {
    Ok(std::fs::metadata(path).is_ok_and(|m| m.file_type().is_socket()))
}

pub(super) fn is_mount_point(path: &str) -> Answer {
    let Ok(real) = std::fs::canonicalize(path) else {
        return Ok(false);
    };
    let table = read("/proc/self/mountinfo")?;
    Ok(table.lines().filter_map(|line| line.split(' ').nth(4)).any(|at| Path::new(&unescape(at)) == real))
}

/// mountinfo writes blanks, tabs, newlines and backslashes as three octal digits.
fn unescape(field: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    codes.iter().fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

pub(super) fn is_read_write(path: &str) -> Answer {
    match nix::sys::statvfs::statvfs(path) {
        Ok(facts) => Ok(!facts.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY)),
        Err(nix::errno::Errno::ENOENT) => Ok(false),
        Err(e) => Err(e.to_string()),
    }
}

/// The block device below is a dm-crypt volume.
pub(super) fn is_encrypted(path: &str) -> Answer {
    let facts = std::fs::metadata(path).map_err(|e| e.to_string())?;
    let device = if facts.file_type().is_block_device() { facts.rdev() } else { facts.dev() };
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let uuid = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/dm/uuid"));
    Ok(uuid.is_ok_and(|u| u.starts_with("CRYPT-")))
}

pub(super) fn directory_not_empty(path: &str) -> Answer {
    Ok(std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()))
}

pub(super) fn file_not_empty(path: &str) -> Answer {
    Ok(std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() > 0))
}

pub(super) fn file_is_executable(path: &str) -> Answer {
    Ok(std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0))
}

/// `/usr` is newer than what `.updated` below the path says.
pub(super) fn needs_update(path: &str) -> Answer {
    if !is_read_write(path)? {
        return Ok(false);
    }
    let usr = std::fs::metadata("/usr").and_then(|m| m.modified()).map_err(|e| format!("/usr: {e}"))?;
    let stamp = std::fs::symlink_metadata(Path::new(path).join(".updated")).and_then(|m| m.modified());
    Ok(stamp.map_or(true, |stamp| usr > stamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_they_are() {
        assert_eq!(is_directory("/proc"), Ok(true));
        assert_eq!(is_mount_point("/proc"), Ok(true));
        assert_eq!(is_mount_point("/proc/self/fd"), Ok(false));
        assert_eq!(is_symbolic_link("/proc/self"), Ok(true));
        assert_eq!(file_is_executable("/bin/sh"), Ok(true));
        assert_eq!(file_not_empty("/no/such"), Ok(false));
        assert_eq!(is_read_write("/no/such"), Ok(false));
        assert_eq!(directory_not_empty("/proc"), Ok(true));
        assert_eq!(unescape("a\\040b"), "a b");
    }
}
