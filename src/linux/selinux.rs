//! SELinux: labels of the own process, of peers and of files, and what the policy makes of them. Without
//! SELinux in the kernel nothing here is called.

use crate::linux::raw;
use std::ffi::CStr;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Where the kernel's policy is asked.
const FILE_SYSTEM: &str = "/sys/fs/selinux";
/// Longest label that is taken.
const LABEL_BYTES_MAX: usize = 4096;

type Answer = nix::Result<Vec<u8>>;

/// Whether the kernel runs SELinux and the machine is set up for it: without the file there is no policy.
pub fn is_enabled() -> bool {
    Path::new(FILE_SYSTEM).join("enforce").exists() && Path::new("/etc/selinux/config").exists()
}

/// The label of porterd.
pub fn own() -> Answer {
    read(Path::new("/proc/self/attr/current"))
}

/// The label of whoever is at the other end (`SO_PEERSEC`).
pub fn of_peer(connection: impl AsFd) -> Answer {
    let mut bytes = vec![0; LABEL_BYTES_MAX];
    let length = raw::get_option(connection.as_fd(), libc::SOL_SOCKET, libc::SO_PEERSEC, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// The label of a file; links are followed.
pub fn of_file(path: &CStr) -> Answer {
    let path = Path::new(std::ffi::OsStr::from_bytes(path.to_bytes()));
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(errno)?;
    let mut bytes = vec![0; LABEL_BYTES_MAX];
    let length = raw::fgetxattr(file.as_fd(), c"security.selinux", &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// The number of the class `process` in the loaded policy.
pub fn class_of_processes() -> nix::Result<u16> {
    let bytes = read(&Path::new(FILE_SYSTEM).join("class/process/index"))?;
    std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()).ok_or(nix::Error::EINVAL)
}

/// Asks the policy which label a new process gets (see `plan::selinux`).
pub fn create(question: &str) -> Answer {
    let path = Path::new(FILE_SYSTEM).join("create");
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(errno)?;
    file.write_all(question.as_bytes()).map_err(errno)?;
    let mut bytes = vec![0; LABEL_BYTES_MAX];
    let length = file.read(&mut bytes).map_err(errno)?;
    bytes.truncate(length);
    Ok(bytes)
}

fn read(path: &Path) -> Answer {
    let mut bytes = Vec::new();
    let file = OpenOptions::new().read(true).open(path).map_err(errno)?;
    file.take(LABEL_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(errno)?;
    Ok(bytes)
}

fn errno(error: std::io::Error) -> nix::Error {
    nix::Error::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}
