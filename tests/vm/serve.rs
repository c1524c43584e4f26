//! What units under test run.

use nix::errno::Errno;
use porterd::linux::raw;
use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Attributes that the tests set, beside what a kernel may have by itself.
const ATTRIBUTES: [&str; 6] =
    ["security.SMACK64", "security.SMACK64IPIN", "security.SMACK64IPOUT", "user.listen", "user.entry", "user.accept"];
const SO_PEERSEC: i32 = 31;

/// Descriptors that were passed, in order.
pub(crate) fn passed() -> Vec<OwnedFd> {
    let count: i32 = std::env::var("LISTEN_FDS").map_or(0, |count| count.parse().unwrap());
    (3..3 + count).map(|number| raw::take_fd(number).unwrap()).collect()
}

pub(crate) fn serve(what: &str, rest: &[&str]) {
    match (what, rest) {
        ("report", [file]) => report(file),
        ("answer", []) => answer(),
        ("echo", []) => echo(),
        ("first", [part]) => crate::pid1::serve(part),
        ("messages", [file]) => messages(file),
        ("usb", [file]) => crate::usb::serve(file),
        ("runaway", [file]) => run_away(file),
        ("left-alone", [file]) => left_alone(file),
        ("limits", [file]) => limits(file),
        other => panic!("{other:?}: no such service"),
    }
}

/// One attribute of what is open, in words.
pub(crate) fn attribute(fd: BorrowedFd<'_>, name: &str) -> String {
    let mut value = [0; 256];
    match raw::fgetxattr(fd, &CString::new(name).unwrap(), &mut value) {
        Ok(length) => String::from_utf8_lossy(&value[..length]).into_owned(),
        Err(errno) => format!("{errno:?}"),
    }
}

fn attributes(fd: BorrowedFd<'_>) -> String {
    ATTRIBUTES.map(|name| format!("{}={}", name.rsplit('.').next().unwrap(), attribute(fd, name))).join(" ")
}

/// Whole at once: who waits for the file sees its last line only when all of it is there.
pub(crate) fn write(file: &str, text: &str) {
    std::fs::write(format!("{file}.new"), format!("{text}end\n")).unwrap();
    std::fs::rename(format!("{file}.new"), file).unwrap();
}

/// One line per descriptor into a file, then waits to be stopped.
fn report(file: &str) {
    let fds = passed();
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let line = |(fd, name): (&OwnedFd, &str)| {
        let option = |name| raw::get_option_int(fd.as_fd(), libc::SOL_SOCKET, name).ok();
        let link = std::fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(fd))).unwrap();
        let [domain, kind, protocol] =
            [libc::SO_DOMAIN, libc::SO_TYPE, libc::SO_PROTOCOL].map(|o| option(o).unwrap_or(-1));
        format!("{name} {} {domain}/{kind}/{protocol} {}\n", link.display(), attributes(fd.as_fd()))
    };
    let lines: String = fds.iter().zip(names.split(':')).map(line).collect();
    write(file, &lines);
    wait_for_the_end();
}

/// Starts somebody in a session of their own.
fn run_away(file: &str) {
    drop(std::process::Command::new("/init").args(["serve", "left-alone", file]).spawn().unwrap());
    wait_for_the_end();
}

fn left_alone(file: &str) {
    nix::unistd::setsid().unwrap();
    let group = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    write(file, &format!("{} {group}", std::process::id()));
    wait_for_the_end();
}

/// What the process may, as the kernel tells it.
fn limits(file: &str) {
    let table = std::fs::read_to_string("/proc/self/limits").unwrap();
    let of = |name: &str| {
        let words = table.lines().find_map(|line| line.strip_prefix(name)).unwrap().split_whitespace();
        words.take(2).collect::<Vec<&str>>().join(" ")
    };
    let oom = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let nice = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().to_owned();
    let (memlock, nice_limit, core) = (of("Max locked memory"), of("Max nice priority"), of("Max core file size"));
    let text = format!("memlock {memlock}, nice {nice_limit}, core {core}, oom {}, priority {nice}\n", oom.trim());
    write(file, &text);
    wait_for_the_end();
}

fn wait_for_the_end() {
    loop {
        nix::unistd::pause();
    }
}

fn peer_label(fd: BorrowedFd<'_>) -> String {
    let mut label = [0; 256];
    match raw::get_option(fd, libc::SOL_SOCKET, SO_PEERSEC, &mut label) {
        Ok(length) => String::from_utf8_lossy(&label[..length]).trim_end_matches('\0').to_owned(),
        Err(errno) => format!("{errno:?}"),
    }
}

/// Tells a connection what it is; for `Accept=yes`.
fn answer() {
    let [connection] = &passed()[..] else { panic!("one connection is served") };
    let fd = connection.as_fd();
    let variable = |name| std::env::var(name).unwrap_or_default();
    let text = format!(
        "peer={} remote={}:{} instance={} {}\n",
        peer_label(fd),
        variable("REMOTE_ADDR"),
        variable("REMOTE_PORT"),
        variable("INSTANCE"),
        attributes(fd),
    );
    nix::unistd::write(connection, text.as_bytes()).unwrap();
}

/// Reads once and sends it back in capitals; for connections on standard input.
fn echo() {
    let mut buffer = [0; 4096];
    let length = std::io::stdin().read(&mut buffer).unwrap();
    let text = String::from_utf8_lossy(&buffer[..length]).to_uppercase();
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

/// Takes what is there from every socket or queue, answers senders in capitals, and writes it down.
fn messages(file: &str) {
    let mut text = String::new();
    for fd in passed() {
        text.push_str(&message(&fd));
        text.push('\n');
    }
    write(file, &text);
    wait_for_the_end();
}

fn message(fd: &OwnedFd) -> String {
    use nix::sys::socket::{MsgFlags, SockaddrStorage, recvfrom, sendto};
    use std::os::fd::AsRawFd;
    let mut buffer = vec![0; 65536];
    let received = recvfrom::<SockaddrStorage>(fd.as_raw_fd(), &mut buffer);
    let length = match received {
        Ok((length, from)) => {
            let answer = String::from_utf8_lossy(&buffer[..length]).to_uppercase();
            if let Some(from) = from {
                sendto(fd.as_raw_fd(), answer.as_bytes(), &from, MsgFlags::empty()).ok();
            }
            length
        }
        Err(Errno::ENOTSOCK) => match raw::mq_receive(fd.as_fd(), &mut buffer) {
            Ok(length) => length,
            Err(_) => nix::unistd::read(fd, &mut buffer).unwrap_or(0),
        },
        Err(errno) => return format!("{errno:?}"),
    };
    String::from_utf8_lossy(&buffer[..length]).replace('\0', " ")
}
