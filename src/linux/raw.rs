//! System calls that nix lacks, or that it can only do with raw descriptors: each one a small safe
//! function over one call. Knows no recipe, no program, no unit.
#![allow(unsafe_code)]

use nix::{Result, errno::Errno};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

// ---- sockets ---------------------------------------------------------------------------------

/// A socket address as the kernel has it; `linux::address` reads and writes the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawAddress {
    /// `struct sockaddr_storage`; only the first `length` bytes mean something.
    pub bytes: [u8; 128],
    /// Bytes in use.
    pub length: usize,
}

impl RawAddress {
    /// No address at all.
    pub const EMPTY: RawAddress = RawAddress { bytes: [0; 128], length: 0 };

    /// The bytes in use.
    pub fn used(&self) -> &[u8] {
        &self.bytes[..self.length.min(self.bytes.len())]
    }
}

impl std::fmt::Debug for RawAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawAddress({:?})", self.used())
    }
}

/// Which name of a socket [`socket_name`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// getsockname(2)
    Local,
    /// getpeername(2)
    Remote,
}

/// Takes over a descriptor that a system call has just returned.
fn own_new_descriptor(fd: libc::c_int) -> Result<OwnedFd> {
    let fd = Errno::result(fd)?;
    // SAFETY: callers pass the result of a call that returns a new descriptor; errors (-1) were
    // taken out above, and nobody else knows the number yet.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// socket(2), always close-on-exec and non-blocking.
pub fn socket(domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes integers only.
    own_new_descriptor(unsafe { libc::socket(domain, kind, protocol) })
}

/// bind(2)
pub fn bind(fd: BorrowedFd<'_>, address: &RawAddress) -> Result<()> {
    let used = address.used();
    // SAFETY: the pointer and length describe `used`, which outlives the call; the kernel only
    // reads it, and does not ask for alignment.
    let result = unsafe { libc::bind(fd.as_raw_fd(), used.as_ptr().cast(), used.len() as libc::socklen_t) };
    Errno::result(result).map(drop)
}

/// connect(2)
pub fn connect(fd: BorrowedFd<'_>, address: &RawAddress) -> Result<()> {
    let used = address.used();
    // SAFETY: as in `bind`.
    let result = unsafe { libc::connect(fd.as_raw_fd(), used.as_ptr().cast(), used.len() as libc::socklen_t) };
    Errno::result(result).map(drop)
}

/// listen(2); nix refuses backlogs above 4096, the kernel just caps them.
pub fn listen(fd: BorrowedFd<'_>, backlog: i32) -> Result<()> {
    // SAFETY: takes integers only.
    Errno::result(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(drop)
}

/// accept4(2), close-on-exec; blocking, as services want it: we never read from a connection.
pub fn accept(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = libc::SOCK_CLOEXEC;
    // SAFETY: null pointers say that the peer's address is not wanted.
    let new = unsafe { libc::accept4(fd.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), flags) };
    own_new_descriptor(new)
}

/// getsockname(2) or getpeername(2)
pub fn socket_name(fd: BorrowedFd<'_>, end: End) -> Result<RawAddress> {
    let mut address = RawAddress::EMPTY;
    let mut length = address.bytes.len() as libc::socklen_t;
    let (fd, bytes) = (fd.as_raw_fd(), address.bytes.as_mut_ptr());
    // SAFETY: `bytes` points at 128 writable bytes, which `length` says; the kernel writes no more.
    let result = unsafe {
        match end {
            End::Local => libc::getsockname(fd, bytes.cast(), &mut length),
            End::Remote => libc::getpeername(fd, bytes.cast(), &mut length),
        }
    };
    Errno::result(result)?;
    address.length = (length as usize).min(address.bytes.len());
    Ok(address)
}

/// setsockopt(2) with any level, name and value.
pub fn set_option(fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let (pointer, length) = (value.as_ptr().cast(), value.len() as libc::socklen_t);
    // SAFETY: pointer and length describe `value`, which the kernel only reads.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, length) };
    Errno::result(result).map(drop)
}

/// getsockopt(2) with any level and name; tells how many bytes of `value` were filled.
pub fn get_option(fd: BorrowedFd<'_>, level: i32, name: i32, value: &mut [u8]) -> Result<usize> {
    let mut length = value.len() as libc::socklen_t;
    let pointer = value.as_mut_ptr().cast();
    // SAFETY: `pointer` leads to `length` writable bytes; the kernel writes no more.
    let result = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, pointer, &mut length) };
    Errno::result(result)?;
    Ok((length as usize).min(value.len()))
}

/// setsockopt(2) with an integer.
pub fn set_option_int(fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> Result<()> {
    set_option(fd, level, name, &value.to_ne_bytes())
}

/// getsockopt(2) with an integer.
pub fn get_option_int(fd: BorrowedFd<'_>, level: i32, name: i32) -> Result<i32> {
    let mut value = [0u8; 4];
    get_option(fd, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// fsetxattr(2)
pub fn set_xattr(fd: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> Result<()> {
    let (name, pointer) = (name.as_ptr(), value.as_ptr().cast());
    // SAFETY: `name` ends with NUL, pointer and length describe `value`; both are only read.
    let result = unsafe { libc::fsetxattr(fd.as_raw_fd(), name, pointer, value.len(), 0) };
    Errno::result(result).map(drop)
}

/// What [`receive`] got besides the text.
#[derive(Debug)]
pub struct Received {
    /// Bytes of text in the buffer.
    pub length: usize,
    /// `MSG_TRUNC`: the datagram was longer than the buffer.
    pub truncated: bool,
    /// `MSG_CTRUNC`: there was more control data than room.
    pub control_truncated: bool,
    /// `SCM_CREDENTIALS`: pid, uid, gid.
    pub credentials: Option<(i32, u32, u32)>,
    /// `SCM_RIGHTS`, close-on-exec.
    pub fds: Vec<OwnedFd>,
}

/// Room for the control data of one datagram: the most descriptors the kernel sends (253) and
/// credentials, and some to spare. Aligned for `cmsghdr`.
#[repr(C, align(8))]
struct ControlRoom([u8; 2048]);

/// recvmsg(2) of one datagram with credentials and descriptors. Never blocks.
///
/// Our own and not nix's, because nix loses the descriptors of a message whose control data was
/// truncated: nobody could close them.
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Received> {
    let mut room = ControlRoom([0; 2048]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is plain data for which all zeros is valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = room.0.as_mut_ptr().cast();
    header.msg_controllen = room.0.len() as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: `header` describes one writable part and writable control room, both alive.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut header, flags) };
    let length = Errno::result(length)? as usize;
    let mut received = Received {
        length,
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        control_truncated: header.msg_flags & libc::MSG_CTRUNC != 0,
        credentials: None,
        fds: Vec::new(),
    };
    // SAFETY: the kernel filled `header`, and the control room it points at is alive and aligned.
    unsafe { take_control(&header, &mut received) };
    Ok(received)
}

/// Reads the control messages of a received `header`.
///
/// # Safety
/// `header` must have been filled by recvmsg(2), its control room be alive and aligned, and its
/// descriptors not be taken yet.
unsafe fn take_control(header: &libc::msghdr, received: &mut Received) {
    // SAFETY: the caller's promise; the CMSG functions stay within `msg_controllen`.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: not null, so CMSG_FIRSTHDR/NXTHDR found a whole header within the room.
        let (head, data) = unsafe { (std::ptr::read_unaligned(message), libc::CMSG_DATA(message)) };
        // SAFETY: a constant computation.
        let overhead = unsafe { libc::CMSG_LEN(0) } as usize;
        #[allow(clippy::unnecessary_cast)] // a u32 in some C libraries
        let size = (head.cmsg_len as usize).saturating_sub(overhead);
        match (head.cmsg_level, head.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                for i in 0..size / size_of::<libc::c_int>() {
                    // SAFETY: the kernel wrote `size` bytes of new descriptors here; each is taken
                    // once.
                    received.fds.push(unsafe {
                        let fd = std::ptr::read_unaligned(data.cast::<libc::c_int>().add(i));
                        OwnedFd::from_raw_fd(fd)
                    });
                }
            }
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if size >= size_of::<libc::ucred>() => {
                // SAFETY: the kernel wrote a whole ucred here; any bytes are a valid one.
                let who = unsafe { std::ptr::read_unaligned(data.cast::<libc::ucred>()) };
                received.credentials = Some((who.pid, who.uid, who.gid));
            }
            _ => {}
        }
        // SAFETY: as for CMSG_FIRSTHDR; `message` lies in the room of `header`.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
}

/// mq_open(3) for reading, made if missing; close-on-exec and non-blocking. On Linux a queue
/// descriptor is a file descriptor. `attributes`: most messages, bytes per message.
pub fn mq_open(name: &CStr, mode: u32, attributes: Option<(i64, i64)>) -> Result<OwnedFd> {
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CREAT | libc::O_CLOEXEC;
    // SAFETY: mq_attr is plain data for which all zeros is valid.
    let mut wanted: libc::mq_attr = unsafe { std::mem::zeroed() };
    let mut pointer: *mut libc::mq_attr = std::ptr::null_mut();
    if let Some((messages, bytes)) = attributes {
        wanted.mq_maxmsg = messages as _;
        wanted.mq_msgsize = bytes as _;
        pointer = &mut wanted;
    }
    // SAFETY: `name` ends with NUL; `pointer` is null or leads to `wanted`, alive during the call.
    own_new_descriptor(unsafe { libc::mq_open(name.as_ptr(), flags, mode as libc::mode_t, pointer) })
}

/// mq_getattr(3): bytes of the longest message of a queue.
pub fn mq_message_bytes(fd: BorrowedFd<'_>) -> Result<usize> {
    // SAFETY: mq_attr is plain data for which all zeros is valid.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    // SAFETY: `attributes` is writable and alive during the call.
    Errno::result(unsafe { libc::mq_getattr(fd.as_raw_fd(), &mut attributes) })?;
    Ok(usize::try_from(attributes.mq_msgsize).unwrap_or(0))
}

/// mq_receive(3) into a buffer of at least [`mq_message_bytes`].
pub fn mq_receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    let (pointer, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: pointer and length describe `buffer`; a null priority is not written.
    let result = unsafe { libc::mq_receive(fd.as_raw_fd(), pointer, length, std::ptr::null_mut()) };
    Errno::result(result).map(|n| n as usize)
}

// ---- processes and files ---------------------------------------------------------------------

/// Takes over a descriptor that came from outside the program: inherited, or out of a control
/// message. Fails with `EBADF` if there is none of this number. The caller says that nobody else in
/// the program owns it.
pub fn take_fd(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: F_GETFD takes no pointer and changes nothing.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_GETFD) })?;
    // SAFETY: the descriptor exists, and by the contract of this function nobody else closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A descriptor for a process (pidfd_open(2)); close-on-exec.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: two integers.
    own_new_descriptor(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) } as RawFd)
}

/// Sends a signal (pidfd_send_signal(2)); 0 only asks whether that would be allowed.
pub fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<()> {
    let (fd, usual) = (pidfd.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
    // SAFETY: integers, and a null siginfo, which asks for the usual one.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, usual, 0) };
    Errno::result(result).map(drop)
}

/// Sends a signal to a child that nobody has waited for, so that the pid is still its own (kill(2)).
pub(super) fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: integers only.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// What waitid(2) is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whom<'a> {
    /// Any child.
    Any,
    Pid(i32),
    Pidfd(BorrowedFd<'a>),
}

/// A child that ended, as waitid(2) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) pid: i32,
    /// `CLD_EXITED`, `CLD_KILLED`, `CLD_DUMPED`
    pub(super) code: i32,
    pub(super) status: i32,
}

/// waitid(2), never blocking.
pub(super) fn wait(whom: Whom<'_>) -> Result<Option<Ended>> {
    let (kind, id) = match whom {
        Whom::Any => (libc::P_ALL, 0),
        Whom::Pid(pid) => (libc::P_PID, pid as libc::id_t),
        Whom::Pidfd(fd) => (libc::P_PIDFD, fd.as_raw_fd() as libc::id_t),
    };
    let options = libc::WEXITED | libc::WNOHANG;
    // SAFETY: siginfo_t is plain data for which zero is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: `info` is ours and large enough.
        match Errno::result(unsafe { libc::waitid(kind, id, &mut info, options) }) {
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
            Ok(_) => break,
        }
    }
    // SAFETY: waitid fills the fields of SIGCHLD, or leaves the zeros.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok((pid != 0).then_some(Ended { pid, code: info.si_code, status }))
}

/// Whether two descriptors of ours are one open file description (kcmp(2) `KCMP_FILE`). `None` if
/// the kernel does not say.
pub fn same_open_file(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> Option<bool> {
    const KCMP_FILE: libc::c_int = 0;
    let (me, a, b) = (std::process::id(), a.as_raw_fd(), b.as_raw_fd());
    // SAFETY: integers only.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, me, me, KCMP_FILE, a, b) };
    Errno::result(order).ok().map(|order| order == 0)
}

/// setxattr(2), replacing what is there; follows symbolic links.
pub fn setxattr(path: &CStr, name: &CStr, value: &[u8]) -> Result<()> {
    // SAFETY: two C strings and a slice with its length.
    Errno::result(unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) })
        .map(drop)
}

/// lsetxattr(2), replacing what is there; of a symbolic link itself.
pub fn lsetxattr(path: &CStr, name: &CStr, value: &[u8]) -> Result<()> {
    // SAFETY: as in `setxattr`.
    Errno::result(unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) })
        .map(drop)
}

/// lgetxattr(2), as [`fgetxattr`] of a path; of a symbolic link itself.
pub fn lgetxattr(path: &CStr, name: &CStr, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: two C strings and a buffer with its length.
    let n = unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(n).map_err(|_| Errno::last())
}

/// fgetxattr(2): the bytes written into `buffer`; `ERANGE` if it is too small.
pub fn fgetxattr(fd: BorrowedFd<'_>, name: &CStr, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: a C string and a slice with its length.
    let n = unsafe { libc::fgetxattr(fd.as_raw_fd(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(n).map_err(|_| Errno::last())
}

/// The kernel's own number of a socket, unique while the machine runs (`SO_COOKIE`).
pub fn socket_cookie(fd: BorrowedFd<'_>) -> Result<u64> {
    let mut value = [0; 8];
    get_option(fd, libc::SOL_SOCKET, libc::SO_COOKIE, &mut value)?;
    Ok(u64::from_ne_bytes(value))
}

/// The index of a network interface by its name (or alternative name) in the network namespace of a
/// socket (ioctl(2) `SIOCGIFINDEX`). ENODEV: there is none.
pub fn interface_of(fd: BorrowedFd<'_>, name: &str) -> Result<u32> {
    // SAFETY: ifreq is plain data for which all zeros is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(Errno::ENODEV);
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: this request reads the name, which ends with NUL, and writes the index into `request`.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCGIFINDEX as libc::Ioctl, &mut request) })?;
    // SAFETY: the kernel has just filled this member.
    Ok(unsafe { request.ifr_ifru.ifru_ifindex }.cast_unsigned())
}

/// Which network namespace a socket belongs to: a number, unique while the machine runs. Kernels
/// before 5.14 do not say.
pub fn network_cookie(fd: BorrowedFd<'_>) -> Result<u64> {
    const SO_NETNS_COOKIE: libc::c_int = 71;
    let mut value = [0; 8];
    get_option(fd, libc::SOL_SOCKET, SO_NETNS_COOKIE, &mut value)?;
    Ok(u64::from_ne_bytes(value))
}

/// The network namespace of a socket (ioctl(2) `SIOCGSKNS`), close-on-exec. Needs CAP_NET_ADMIN.
pub fn network_of(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    const SIOCGSKNS: libc::Ioctl = 0x894c;
    // SAFETY: this request takes no argument and returns a new descriptor.
    own_new_descriptor(unsafe { libc::ioctl(fd.as_raw_fd(), SIOCGSKNS) })
}

/// Brings an interface of the present network namespace up (ioctl(2) `SIOCSIFFLAGS`).
pub fn interface_up(name: &CStr) -> Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // SAFETY: plain data, for which zeros are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.to_bytes_with_nul()) {
        *to = *from as libc::c_char;
    }
    // SAFETY: an ifreq with a name, into which the kernel writes flags.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as libc::Ioctl, &mut request) })?;
    // SAFETY: the call above wrote the flags.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: an ifreq with name and flags, which the kernel only reads.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as libc::Ioctl, &request) }).map(drop)
}

/// Puts every signal back to its default action; only SIGPIPE is ignored, so that a peer that is
/// gone is an error and not our end. For the start of a program: its parent may have left anything.
pub fn default_signals() {
    // The Rust runtime tells a stack overflow with its own handlers of these.
    let kept = [libc::SIGSEGV, libc::SIGBUS];
    for number in (1..=64).filter(|number| !kept.contains(number)) {
        let action = if number == libc::SIGPIPE { libc::SIG_IGN } else { libc::SIG_DFL };
        // SAFETY: neither action runs code of ours; numbers that cannot be changed are refused.
        unsafe { libc::signal(number, action) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_copy_is_the_same_open_file_and_a_second_one_is_not() {
        let (a, b) = nix::unistd::pipe().unwrap();
        let copy = a.try_clone().unwrap();
        assert_ne!(same_open_file(a.as_fd(), copy.as_fd()), Some(false));
        assert_ne!(same_open_file(a.as_fd(), b.as_fd()), Some(true));
    }

    #[test]
    fn sockets_have_numbers_of_their_own() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_ne!(socket_cookie(socket.as_fd()).unwrap(), socket_cookie(other.as_fd()).unwrap());
    }

    #[test]
    fn a_number_without_descriptor_is_refused() {
        assert_eq!(take_fd(9_999_999).unwrap_err(), Errno::EBADF);
        assert_eq!(pidfd_open(-1).unwrap_err(), Errno::EINVAL);
    }
}
