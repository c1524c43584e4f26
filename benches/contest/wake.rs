//! A sleeping service (`Accept=no`): from connect to the first line it answers.

use crate::Options;
use crate::contestant::{self, Kind};
use crate::load;
use crate::stats::{Series, Table, bar, percentile};
use crate::tools::Tools;
use crate::units::Door;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const KINDS: &[Kind] = &[Kind::Floor, Kind::Systemd, Kind::Porterd, Kind::PorterdCgroup];
/// porterd's wake-up time over that of a bare fork and exec.
const BAR: f64 = 1.25;
/// Between two knocks: the service has ended and its supervisor watches the socket again.
const PAUSE: Duration = Duration::from_millis(15);

#[derive(Clone, Debug, Default)]
struct Cell {
    p50: Series,
    p99: Series,
    ratio: Series,
    errors: usize,
}

/// Runs the contest; whether the bar is met.
pub(crate) fn run(tools: &Tools, options: &Options) -> Result<bool, String> {
    let kinds = Kind::present(tools, KINDS);
    let knocks = if options.quick { 20 } else { 150 };
    let mut cells: BTreeMap<&str, Cell> = BTreeMap::new();
    for round in 0..options.rounds {
        let mut floor = None;
        for kind in &kinds {
            let port = 22_000
                + u16::try_from(round % 100).unwrap_or(0) * 10
                + u16::try_from(kind.name().len() % 10).unwrap_or(0);
            let _door = contestant::open(tools, *kind, &[Door::tcp(port, false, &tools.bin.join("sleeper"))])?;
            let at = SocketAddr::from(([127, 0, 0, 1], port));
            let mut micros = Vec::new();
            let cell = cells.entry(kind.name()).or_default();
            for _ in 0..knocks {
                match load::visit(at, b"x") {
                    Some(t) => micros.push(u64::try_from(t.as_micros()).unwrap_or(u64::MAX)),
                    None => cell.errors += 1,
                }
                std::thread::sleep(PAUSE);
            }
            micros.sort_unstable();
            let p50 = load::micros(percentile(&micros, 500));
            if *kind == Kind::Floor {
                floor = Some(p50);
            }
            cell.p50.push(p50);
            cell.p99.push(load::micros(percentile(&micros, 990)));
            if let Some(floor) = floor {
                cell.ratio.push(p50 / floor);
            }
        }
    }
    let mut table = Table::new(&["contestant", "p50 µs", "p99 µs", "p50 : floor's", "errors"]);
    for kind in &kinds {
        let Some(c) = cells.get(kind.name()) else {
            continue;
        };
        table.row(vec![kind.name().to_owned(), c.p50.show(0), c.p99.show(0), c.ratio.show(2), c.errors.to_string()]);
    }
    print!("{}", table.text());
    Ok(cells.get("porterd").is_none_or(|c| bar("porterd, wake-up over fork and exec", c.ratio.median(), BAR, false)))
}
