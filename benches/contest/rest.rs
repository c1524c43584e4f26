//! At rest: resident memory with 20 and with 10,000 idle sockets and with 1,000 live connections; wake-ups while idle.

use crate::contestant::{self, Kind};
use crate::load::count;
use crate::stats::{Series, Table, bar};
use crate::tools::Tools;
use crate::units::Door;
use crate::{Options, boot};
use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

const KINDS: &[Kind] = &[Kind::Floor, Kind::Systemd, Kind::Porterd];
const FEW: usize = 20;
const MANY: usize = 10_000;
const LIVE: usize = 1_000;
/// Resident MB with 20 sockets; KB for each further socket with its service.
const BAR_MB: f64 = 5.0;
const BAR_KB_EACH: f64 = 4.0;

#[derive(Clone, Debug, Default)]
struct Cell {
    few_mb: Series,
    many_mb: Series,
    each_kb: Series,
    live_mb: Series,
    wakeups: Series,
    gave_up: bool,
}

/// Runs the contest; whether the bars are met.
pub(crate) fn run(tools: &Tools, options: &Options) -> Result<bool, String> {
    let kinds = Kind::present(tools, KINDS);
    let idle = Duration::from_secs(if options.quick { 1 } else { 4 });
    let mut cells: BTreeMap<&str, Cell> = BTreeMap::new();
    for _ in 0..options.rounds {
        for kind in &kinds {
            let cell = cells.entry(kind.name()).or_default();
            let (few, wakeups) = idle_sockets(tools, *kind, FEW, idle)?;
            cell.few_mb.push(few / 1024.0);
            cell.wakeups.push(wakeups);
            let many = (!cell.gave_up).then(|| idle_sockets(tools, *kind, MANY, idle));
            match many {
                None => {}
                Some(Ok((many, wakeups))) => {
                    cell.many_mb.push(many / 1024.0);
                    cell.each_kb.push((many - few) / count(MANY - FEW));
                    cell.wakeups.push(wakeups);
                }
                Some(Err(why)) if *kind == Kind::Systemd => {
                    println!("  {why}; not asked again");
                    cell.gave_up = true;
                }
                Some(Err(why)) => return Err(why),
            }
            cell.live_mb.push(live_connections(tools, *kind)? / 1024.0);
        }
    }
    println!("  resident set; of the floor only the doors' own memory counts (it remembers nothing)");
    let mut table = Table::new(&[
        "contestant",
        "MB, 20 sockets",
        "MB, 10,000 sockets",
        "KB each further",
        "MB, 1,000 live",
        "wake-ups, idle",
    ]);
    for kind in &kinds {
        let Some(c) = cells.get(kind.name()) else {
            continue;
        };
        table.row(vec![
            kind.name().to_owned(),
            c.few_mb.show(1),
            c.many_mb.show(1),
            c.each_kb.show(2),
            c.live_mb.show(1),
            c.wakeups.show(0),
        ]);
    }
    print!("{}", table.text());
    let Some(cell) = cells.get("porterd") else {
        return Ok(true);
    };
    let mut met = bar("porterd, MB with 20 sockets", cell.few_mb.median(), BAR_MB, false);
    met &= bar("porterd, KB for each further socket", cell.each_kb.median(), BAR_KB_EACH, false);
    met &= bar("porterd, wake-ups while idle", cell.wakeups.median(), 0.0, false);
    Ok(met)
}

/// Resident KB with `size` idle sockets, and how often the daemon woke within `idle`.
fn idle_sockets(tools: &Tools, kind: Kind, size: usize, idle: Duration) -> Result<(f64, f64), String> {
    let scratch = tools.dir(kind.name())?;
    let sockets = tools.dir("sockets")?;
    let doors = boot::doors(size, &sockets, &tools.bin.join("sleeper"));
    contestant::prepare(kind, &scratch, &doors)?;
    let running = contestant::start(tools, kind, &scratch, &doors)?;
    running.ready(boot::PATIENCE).map_err(|e| format!("{}, {size} sockets: {e}", kind.name()))?;
    std::thread::sleep(Duration::from_secs(1));
    let pid = running.daemon();
    let before = status(pid, "voluntary_ctxt_switches")?;
    std::thread::sleep(idle);
    let after = status(pid, "voluntary_ctxt_switches")?;
    Ok((status(pid, "VmRSS")?, after - before))
}

/// Resident KB while 1,000 connections are open, each with its own process.
fn live_connections(tools: &Tools, kind: Kind) -> Result<f64, String> {
    let port = 24_001;
    let running = contestant::open(tools, kind, &[Door::tcp(port, true, &tools.bin.join("sitter"))])?;
    let mut held = Vec::new();
    for n in 0..LIVE {
        let mut conn =
            TcpStream::connect(("127.0.0.1", port)).map_err(|e| format!("{}, connection {n}: {e}", kind.name()))?;
        conn.set_read_timeout(Some(Duration::from_secs(10))).map_err(|e| e.to_string())?;
        let mut answer = [0_u8; 3];
        conn.read_exact(&mut answer).map_err(|e| format!("{}, connection {n}: {e}", kind.name()))?;
        held.push(conn);
    }
    status(running.daemon(), "VmRSS")
}

/// A number from `/proc/PID/status`.
fn status(pid: u32, field: &str) -> Result<f64, String> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    let line = text.lines().find_map(|l| l.strip_prefix(field)).ok_or(format!("{path} has no {field}"))?;
    line.trim_start_matches(':')
        .split_whitespace()
        .next()
        .and_then(|w| w.parse().ok())
        .ok_or(format!("{path}: {field} is no number"))
}
