//! Clients: as many threads as clients, each connecting, reading to the end, and again, for a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// No connection may take longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the clients of one cell saw.
#[derive(Debug)]
pub(crate) struct Load {
    /// Answered connections per second.
    pub(crate) rate: f64,
    /// Sorted latencies from connect to end of file, microseconds.
    pub(crate) micros: Vec<u64>,
    /// Connections that were refused, reset, timed out or answered wrongly.
    pub(crate) errors: usize,
}

/// One connection that should say `ok`: its latency, or `None` if it went wrong.
pub(crate) fn visit(at: SocketAddr, say: &[u8]) -> Option<Duration> {
    let start = Instant::now();
    let mut conn = TcpStream::connect_timeout(&at, PATIENCE).ok()?;
    conn.set_read_timeout(Some(PATIENCE)).ok()?;
    if !say.is_empty() {
        conn.write_all(say).ok()?;
    }
    let mut answer = [0_u8; 16];
    let mut got = 0;
    while got < answer.len() {
        match conn.read(&mut answer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(_) => return None,
        }
    }
    (answer[..got] == *b"ok\n").then(|| start.elapsed())
}

/// Lets `clients` visit port `port` of 127.0.0.1 for `time`.
pub(crate) fn run(port: u16, clients: usize, time: Duration) -> Load {
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let gate = Arc::new(Barrier::new(clients + 1));
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || {
                let mut micros = Vec::new();
                let mut errors = 0;
                gate.wait();
                let end = Instant::now() + time;
                while Instant::now() < end {
                    match visit(at, b"") {
                        Some(t) => micros.push(u64::try_from(t.as_micros()).unwrap_or(u64::MAX)),
                        None => errors += 1,
                    }
                }
                (micros, errors)
            })
        })
        .collect();
    gate.wait();
    let start = Instant::now();
    let mut load = Load { rate: 0.0, micros: Vec::new(), errors: 0 };
    for thread in threads {
        match thread.join() {
            Ok((micros, errors)) => {
                load.micros.extend(micros);
                load.errors += errors;
            }
            Err(_) => load.errors += 1,
        }
    }
    load.rate = count(load.micros.len()) / start.elapsed().as_secs_f64();
    load.micros.sort_unstable();
    load
}

/// A count as a number that can be divided.
pub(crate) fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::INFINITY, f64::from)
}

/// Microseconds as a number that can be divided.
pub(crate) fn micros(n: u64) -> f64 {
    u32::try_from(n).map_or(f64::INFINITY, f64::from)
}
