//! Somebody who asks: `client LABEL KIND:ADDRESS [TEXT]`. Ends with the errno of what was refused.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, setresuid};
use porterd::linux::{address, raw};
use porterd::unit::socket::Address;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// A connection that a label keeps out may just hang; nobody else's does, however slow the machine.
fn patience_msec() -> u16 {
    if Uid::current().is_root() { 20_000 } else { 4000 }
}

pub(crate) fn main(label: &str, address: &str, words: &[&str]) -> ExitCode {
    match ask(label, address, words.first().copied().unwrap_or_default()) {
        Ok(answer) => {
            std::io::stdout().write_all(&answer).unwrap();
            ExitCode::SUCCESS
        }
        Err(errno) => ExitCode::from(errno as u8),
    }
}

/// Takes a label on, and gives up what would let one override labels.
fn become_labelled(label: &str) {
    if label.is_empty() {
        return;
    }
    std::fs::write("/proc/self/attr/current", label).unwrap();
    let nobody = Uid::from_raw(65534);
    setresuid(nobody, nobody, nobody).unwrap();
}

fn ask(label: &str, whole: &str, text: &str) -> Result<Vec<u8>, Errno> {
    become_labelled(label);
    let (kind, place) = whole.split_once(':').expect("KIND:ADDRESS");
    if kind == "open" {
        // Opened as a writer opens it, and written to.
        let node = open(place, OFlag::O_WRONLY | OFlag::O_NONBLOCK, Mode::empty())?;
        if !text.is_empty() {
            nix::unistd::write(&node, text.as_bytes())?;
        }
        return Ok(Vec::new());
    }
    if kind == "sctp-many?" {
        return associate(place, text);
    }
    let socket = connect(kind, place)?;
    if !text.is_empty() {
        ready(&socket, PollFlags::POLLOUT)?;
        nix::unistd::write(&socket, text.as_bytes())?;
    }
    let mut answer = Vec::new();
    // A datagram has been sent; nobody answers. A message that wants an answer gets one.
    if kind.contains("dgram") && !kind.ends_with('?') {
        return Ok(answer);
    }
    loop {
        ready(&socket, PollFlags::POLLIN)?;
        let mut buffer = [0; 4096];
        match nix::unistd::read(&socket, &mut buffer)? {
            0 => return Ok(answer),
            n => answer.extend(&buffer[..n]),
        }
        if kind.ends_with('?') {
            return Ok(answer);
        }
    }
}

/// One-to-many sockets have associations, which a message makes, and no connections.
fn associate(place: &str, text: &str) -> Result<Vec<u8>, Errno> {
    use nix::sys::socket::{MsgFlags, SockaddrStorage, recv, sendto};
    use std::os::fd::AsRawFd;
    let to: std::net::SocketAddr = place.parse().unwrap();
    let socket = raw::socket(libc::AF_INET, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP)?;
    sendto(socket.as_raw_fd(), text.as_bytes(), &SockaddrStorage::from(to), MsgFlags::empty())?;
    ready(&socket, PollFlags::POLLIN)?;
    let mut answer = vec![0; 4096];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    answer.truncate(length);
    Ok(answer)
}

/// Families and types by the words of this program; `?` behind one reads a single message.
fn connect(kind: &str, place: &str) -> Result<OwnedFd, Errno> {
    let (stream, dgram, packet) = (libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET);
    let (number, protocol) = match kind.trim_end_matches('?') {
        "stream" => (stream, 0),
        "dgram" => (dgram, 0),
        "packet" => (packet, 0),
        "sctp" => (stream, libc::IPPROTO_SCTP),
        "udplite-dgram" => (dgram, libc::IPPROTO_UDPLITE),
        "mptcp" => (stream, libc::IPPROTO_MPTCP),
        other => panic!("{other}: no such kind"),
    };
    let address = parse(place);
    let domain = match &address {
        Address::V4(..) => libc::AF_INET,
        Address::V6(..) => libc::AF_INET6,
        Address::Path(_) | Address::Abstract(_) => libc::AF_UNIX,
        Address::Vsock(..) => libc::AF_VSOCK,
    };
    let socket = raw::socket(domain, number, protocol)?;
    match raw::connect(socket.as_fd(), &address::encode(&address)?) {
        Ok(()) => return Ok(socket),
        Err(Errno::EINPROGRESS) => {}
        Err(errno) => return Err(errno),
    }
    ready(&socket, PollFlags::POLLOUT)?;
    match raw::get_option_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(socket),
        errno => Err(Errno::from_raw(errno)),
    }
}

fn parse(place: &str) -> Address {
    if let Some(rest) = place.strip_prefix("vsock:") {
        let (cid, port) = rest.split_once(':').unwrap();
        return Address::Vsock(cid.parse().unwrap(), port.parse().unwrap());
    }
    if let Some(name) = place.strip_prefix('@') {
        return Address::Abstract(name.into());
    }
    match place.parse() {
        Ok(std::net::SocketAddr::V4(at)) => Address::V4(*at.ip(), at.port()),
        Ok(std::net::SocketAddr::V6(at)) => Address::V6(*at.ip(), at.port(), 0),
        Err(_) => Address::Path(place.into()),
    }
}

fn ready(fd: &OwnedFd, flags: PollFlags) -> Result<(), Errno> {
    match poll(&mut [PollFd::new(fd.as_fd(), flags)], patience_msec())? {
        0 => Err(Errno::ETIMEDOUT),
        _ => Ok(()),
    }
}
