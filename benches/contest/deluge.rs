//! 10,000 connects in two seconds at a door with the limits that everybody has who sets none: does it answer afterwards?
//!
//! systemd 252 closes the port for good (`trigger-limit-hit`). porterd rests, and is held to its longest rest.

use crate::Options;
use crate::contestant::{self, Kind};
use crate::stats::{Series, Table, bar};
use crate::tools::Tools;
use crate::units::Door;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, socket};
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const KINDS: &[Kind] = &[Kind::Systemd, Kind::Porterd];
const CONNECTS: u32 = 10_000;
const SPAN: Duration = Duration::from_secs(2);
/// Connections that the flood keeps open at most.
const HELD: usize = 500;
/// porterd's longest rest (`PAUSE_USEC_MAX`).
const BACK_OFF: Duration = Duration::from_secs(5);
/// How long the honest client tries: the longest rest, and one repetition of a lost SYN.
const PATIENCE: Duration = Duration::from_secs(7);

#[derive(Clone, Debug, Default)]
struct Cell {
    /// Connects that the contestant's kernel had taken, or would take later.
    begun: Series,
    /// Seconds from the end of the flood to an answer; nothing if none came.
    answered: Series,
    /// Rounds in which the port was closed at the end.
    closed: usize,
    rounds: usize,
}

/// Runs the contest.
pub(crate) fn run(tools: &Tools, options: &Options) -> Result<bool, String> {
    let kinds = Kind::present(tools, KINDS);
    let mut cells: BTreeMap<&str, Cell> = BTreeMap::new();
    for round in 0..options.rounds {
        for kind in &kinds {
            let port = 26_000 + u16::try_from(round % 100).unwrap_or(0) * 4 + u16::from(*kind == Kind::Systemd);
            let door = Door { as_shipped: true, ..Door::tcp(port, true, &tools.bin.join("child")) };
            let _running = contestant::open(tools, *kind, &[door])?;
            let cell = cells.entry(kind.name()).or_default();
            cell.rounds += 1;
            cell.begun.push(f64::from(flood(port)));
            match honest(port) {
                Ok(after) => cell.answered.push(after.as_secs_f64()),
                Err(refused) => cell.closed += usize::from(refused),
            }
        }
    }
    println!(
        "\n  {CONNECTS} connects in {} s, every limit as it is when nobody sets it; then one honest client",
        SPAN.as_secs()
    );
    let mut table = Table::new(&["contestant", "connects", "answers after s", "rounds", "port closed"]);
    for kind in &kinds {
        if let Some(c) = cells.get(kind.name()) {
            let (rounds, closed) = (c.rounds.to_string(), c.closed.to_string());
            table.row(vec![kind.name().to_owned(), c.begun.show(0), c.answered.show(2), rounds, closed]);
        }
    }
    print!("{}", table.text());
    let Some(ours) = cells.get(Kind::Porterd.name()) else {
        return Ok(true);
    };
    // A round without an answer is as bad as one that is too late.
    let slowest = if ours.answered.len() == ours.rounds { ours.answered.max() } else { Some(f64::INFINITY) };
    Ok(bar("porterd: slowest answer after the flood, s", slowest, BACK_OFF.as_secs_f64(), false))
}

/// Connects as fast as the span wants it, and leaves; how many were not refused at once.
fn flood(port: u16) -> u32 {
    let at = SockaddrIn::new(127, 0, 0, 1, port);
    let start = Instant::now();
    let (mut held, mut begun) = (VecDeque::new(), 0);
    for n in 0..CONNECTS {
        let Ok(fd) =
            socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
        else {
            continue;
        };
        if matches!(connect(fd.as_raw_fd(), &at), Ok(()) | Err(Errno::EINPROGRESS)) {
            begun += 1;
            held.push_back(fd);
        }
        if held.len() > HELD {
            held.pop_front();
        }
        std::thread::sleep((start + SPAN * n / CONNECTS).saturating_duration_since(Instant::now()));
    }
    begun
}

/// Time until somebody who keeps trying is answered; else whether the last try was refused.
fn honest(port: u16) -> Result<Duration, bool> {
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let start = Instant::now();
    let mut refused = false;
    while let Some(left) = PATIENCE.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        match TcpStream::connect_timeout(&at, left) {
            Ok(mut conn) => {
                refused = false;
                let mut answer = [0_u8; 3];
                if conn.set_read_timeout(Some(left)).is_ok() && conn.read_exact(&mut answer).is_ok() {
                    return Ok(start.elapsed());
                }
            }
            Err(error) => refused = error.kind() == ErrorKind::ConnectionRefused,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(refused)
}
