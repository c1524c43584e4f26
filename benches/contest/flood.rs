//! A flood at one door: does the next door still answer, and does the flooded one answer others?
//!
//! 127.0.0.2 opens connections to a door with a limit per source as fast as it can and never leaves. Meanwhile a bystander
//! visits another door, and an honest client (127.0.0.1) the flooded one. No bar: the table shows what each contestant does.
//! The second half is in `deluge`.

use crate::Options;
use crate::contestant::{self, Kind};
use crate::load;
use crate::stats::{Series, Table, percentile};
use crate::tools::Tools;
use crate::units::Door;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const KINDS: &[Kind] = &[Kind::Xinetd, Kind::Systemd, Kind::Porterd];
const PER_SOURCE: u32 = 8;
/// Connections that the flooder keeps open at most; then it drops all and starts again.
const HELD: usize = 256;

#[derive(Clone, Debug, Default)]
struct Cell {
    calm: Series,
    flooded: Series,
    honest: Series,
    attempts: Series,
    errors: usize,
}

/// Runs the contest.
pub(crate) fn run(tools: &Tools, options: &Options) -> Result<bool, String> {
    let kinds = Kind::present(tools, KINDS);
    let time = Duration::from_millis(if options.quick { 300 } else { 1500 });
    let mut cells: BTreeMap<&str, Cell> = BTreeMap::new();
    for round in 0..options.rounds {
        for kind in &kinds {
            let port = 25_000
                + u16::try_from(round % 100).unwrap_or(0) * 10
                + u16::try_from(kind.name().len() % 5).unwrap_or(0) * 2;
            let child = tools.bin.join("child");
            let flooded =
                Door { per_source: PER_SOURCE, program: tools.bin.join("sitter"), ..Door::tcp(port, true, &child) };
            let _running = contestant::open(tools, *kind, &[flooded, Door::tcp(port + 1, true, &child)])?;
            let cell = cells.entry(kind.name()).or_default();
            let calm = load::run(port + 1, 1, time / 3);
            cell.calm.push(load::micros(percentile(&calm.micros, 990)));
            let stop = Arc::new(AtomicBool::new(false));
            let attempts = Arc::new(AtomicUsize::new(0));
            let flooder = {
                let (stop, attempts) = (Arc::clone(&stop), Arc::clone(&attempts));
                std::thread::spawn(move || flood(port, &stop, &attempts))
            };
            let start = Instant::now();
            let busy = load::run(port + 1, 1, time);
            cell.errors += busy.errors;
            cell.flooded.push(load::micros(percentile(&busy.micros, 990)));
            match greeting(port) {
                Some(t) => cell.honest.push(t.as_secs_f64() * 1e6),
                None => cell.errors += 1,
            }
            stop.store(true, Ordering::Relaxed);
            _ = flooder.join();
            cell.attempts.push(load::count(attempts.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64());
        }
    }
    println!("  door A: MaxConnectionsPerSource={PER_SOURCE}, flooded from 127.0.0.2; door B: the bystander");
    let mut table = Table::new(&[
        "contestant",
        "B p99 µs, calm",
        "B p99 µs, flooded",
        "A, honest client µs",
        "flood connections/s",
        "errors",
    ]);
    for kind in &kinds {
        let Some(c) = cells.get(kind.name()) else {
            continue;
        };
        table.row(vec![
            kind.name().to_owned(),
            c.calm.show(0),
            c.flooded.show(0),
            c.honest.show(0),
            c.attempts.show(0),
            c.errors.to_string(),
        ]);
    }
    print!("{}", table.text());
    crate::deluge::run(tools, options)
}

/// Time until the flooded door's program greets a client from another source.
fn greeting(port: u16) -> Option<Duration> {
    let start = Instant::now();
    let conn = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(5)).ok()?;
    conn.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut answer = [0_u8; 3];
    std::io::Read::read_exact(&mut &conn, &mut answer).ok()?;
    Some(start.elapsed())
}

fn flood(port: u16, stop: &AtomicBool, attempts: &AtomicUsize) {
    let mut held = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(fd) = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) else {
            continue;
        };
        let from = SockaddrIn::new(127, 0, 0, 2, 0);
        if bind(fd.as_raw_fd(), &from).is_ok() && connect(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).is_ok()
        {
            attempts.fetch_add(1, Ordering::Relaxed);
            held.push(fd);
        }
        if held.len() >= HELD {
            held.clear();
        }
    }
}
