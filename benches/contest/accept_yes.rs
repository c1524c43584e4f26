//! One process per connection: connections per second and latency at 1, 16 and 64 clients.

use crate::Options;
use crate::contestant::{self, Kind};
use crate::load;
use crate::stats::{Series, Table, bar, percentile};
use crate::tools::Tools;
use crate::units::Door;
use std::collections::BTreeMap;
use std::time::Duration;

const CLIENTS: &[usize] = &[1, 16, 64];
/// Share of the floor's rate that porterd has to reach, without and with a group per instance; and its share of p99.
const BAR: f64 = 0.9;
const BAR_WITH_GROUPS: f64 = 0.75;
const BAR_P99: f64 = 1.3;

#[derive(Clone, Debug, Default)]
struct Cell {
    rate: Series,
    p50: Series,
    p99: Series,
    rate_ratio: Series,
    p99_ratio: Series,
    errors: usize,
}

/// Runs the contest; whether every bar is met.
pub(crate) fn run(tools: &Tools, options: &Options) -> Result<bool, String> {
    let kinds = Kind::present(tools, Kind::ALL);
    let time = Duration::from_millis(if options.quick { 200 } else { 800 });
    let mut cells: BTreeMap<(usize, &str), Cell> = BTreeMap::new();
    for round in 0..options.rounds {
        let mut floor: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for kind in &kinds {
            let port = 20_000
                + u16::try_from(round % 100).unwrap_or(0) * 10
                + u16::try_from(kind.name().len() % 10).unwrap_or(0);
            let _door = contestant::open(tools, *kind, &[Door::tcp(port, true, &tools.bin.join("child"))])?;
            for &clients in CLIENTS {
                load::run(port, clients, Duration::from_millis(50)); // warm
                std::thread::sleep(Duration::from_millis(50));
                let seen = load::run(port, clients, time);
                std::thread::sleep(Duration::from_millis(50));
                let p99 = load::micros(percentile(&seen.micros, 990));
                if *kind == Kind::Floor {
                    floor.insert(clients, (seen.rate, p99));
                }
                let cell = cells.entry((clients, kind.name())).or_default();
                cell.rate.push(seen.rate);
                cell.p50.push(load::micros(percentile(&seen.micros, 500)));
                cell.p99.push(p99);
                cell.errors += seen.errors;
                if let Some((rate, tail)) = floor.get(&clients) {
                    cell.rate_ratio.push(seen.rate / rate);
                    cell.p99_ratio.push(p99 / tail);
                }
            }
        }
    }
    report(&kinds, &cells);
    Ok(judge(&cells))
}

fn report(kinds: &[Kind], cells: &BTreeMap<(usize, &str), Cell>) {
    for &clients in CLIENTS {
        println!("\n {clients} client{}", if clients == 1 { "" } else { "s" });
        let mut table = Table::new(&[
            "contestant",
            "connections/s",
            "of the floor's",
            "p50 µs",
            "p99 µs",
            "p99 : floor's",
            "errors",
        ]);
        for kind in kinds {
            let Some(c) = cells.get(&(clients, kind.name())) else {
                continue;
            };
            table.row(vec![
                kind.name().to_owned(),
                c.rate.show(0),
                c.rate_ratio.show(2),
                c.p50.show(0),
                c.p99.show(0),
                c.p99_ratio.show(2),
                c.errors.to_string(),
            ]);
        }
        print!("{}", table.text());
    }
}

fn judge(cells: &BTreeMap<(usize, &str), Cell>) -> bool {
    let mut met = true;
    println!();
    for &clients in CLIENTS {
        for (name, bound) in [("porterd", BAR), ("porterd+cg", BAR_WITH_GROUPS)] {
            let Some(cell) = cells.get(&(clients, name)) else {
                continue;
            };
            met &=
                bar(&format!("{name}, rate of the floor's, {clients} clients"), cell.rate_ratio.median(), bound, true);
            if name == "porterd" {
                met &= bar(
                    &format!("{name}, p99 of the floor's, {clients} clients"),
                    cell.p99_ratio.median(),
                    BAR_P99,
                    false,
                );
            }
        }
    }
    met
}
