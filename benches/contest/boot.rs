//! From unit files to bound sockets: 1,000 and 10,000 units, half TCP on 127.x, half AF_UNIX, against a loop that only
//! opens, reads and binds.

use crate::Options;
use crate::contestant::{self, Kind};
use crate::load::count;
use crate::stats::{Series, Table, bar};
use crate::tools::Tools;
use crate::units::Door;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const KINDS: &[Kind] = &[Kind::Floor, Kind::Systemd, Kind::Porterd];
const SIZES: &[usize] = &[1_000, 10_000];
/// porterd's time over the loop's.
const BAR: f64 = 3.0;
/// Time per unit at the large size over that at the small size: linear means about one.
const BAR_LINEAR: f64 = 1.5;

/// A boot that takes longer is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `n` doors, even ones TCP on addresses of 127.0.0.0/8, odd ones AF_UNIX below `dir`.
pub(crate) fn doors(n: usize, dir: &Path, program: &Path) -> Vec<Door> {
    let door = |i: usize| Door {
        listen: if i.is_multiple_of(2) {
            format!("127.9.{}.{}:{}", i / 2 / 200 % 200 + 1, i / 2 % 200 + 1, 23_000 + i / 2 / 40_000)
        } else {
            format!("{}/s{i}", dir.display())
        },
        accept: false,
        program: program.to_path_buf(),
        per_source: 0,
        as_shipped: false,
    };
    (0..n).map(door).collect()
}

/// Runs the contest; whether the bars are met.
pub(crate) fn run(tools: &Tools, options: &Options) -> Result<bool, String> {
    let kinds = Kind::present(tools, KINDS);
    let mut millis: BTreeMap<(usize, &str), Series> = BTreeMap::new();
    let mut ratios: BTreeMap<(usize, &str), Series> = BTreeMap::new();
    let mut gave_up: Vec<(usize, &str)> = Vec::new();
    for &size in SIZES {
        one(tools, Kind::Floor, size)?; // what the kernel allocates once is allocated now
    }
    for _ in 0..options.rounds {
        for &size in SIZES {
            let mut floor = None;
            for kind in &kinds {
                if gave_up.contains(&(size, kind.name())) {
                    continue;
                }
                let time = match one(tools, *kind, size) {
                    Ok(time) => time.as_secs_f64() * 1000.0,
                    Err(why) if *kind == Kind::Systemd => {
                        println!("  {why}; not asked again");
                        gave_up.push((size, kind.name()));
                        continue;
                    }
                    Err(why) => return Err(why),
                };
                if *kind == Kind::Floor {
                    floor = Some(time);
                }
                millis.entry((size, kind.name())).or_default().push(time);
                if let Some(floor) = floor {
                    ratios.entry((size, kind.name())).or_default().push(time / floor);
                }
            }
        }
    }
    let mut table = Table::new(&["contestant", "units", "ms", "of the loop's", "µs per unit"]);
    let per_unit =
        |size: usize, name| millis.get(&(size, name)).and_then(Series::median).map(|ms| ms * 1000.0 / count(size));
    for &size in SIZES {
        for kind in &kinds {
            let key = (size, kind.name());
            let (Some(ms), Some(ratio)) = (millis.get(&key), ratios.get(&key)) else {
                continue;
            };
            let each = per_unit(size, kind.name()).map_or_else(String::new, |us| format!("{us:.0}"));
            table.row(vec![kind.name().to_owned(), size.to_string(), ms.show(0), ratio.show(2), each]);
        }
    }
    print!("{}", table.text());
    let mut met = true;
    for &size in SIZES {
        if let Some(ratio) = ratios.get(&(size, "porterd")) {
            met &= bar(&format!("porterd, {size} units, time over the loop's"), ratio.median(), BAR, false);
        }
    }
    if let (Some(small), Some(large)) = (per_unit(SIZES[0], "porterd"), per_unit(SIZES[1], "porterd")) {
        met &= bar("porterd, time per unit, 10,000 over 1,000", Some(large / small), BAR_LINEAR, false);
    }
    Ok(met)
}

fn one(tools: &Tools, kind: Kind, size: usize) -> Result<Duration, String> {
    let scratch = tools.dir(kind.name())?;
    let sockets = tools.dir("sockets")?;
    let doors = doors(size, &sockets, &tools.bin.join("sleeper"));
    contestant::prepare(kind, &scratch, &doors)?;
    let running = contestant::start(tools, kind, &scratch, &doors)?;
    let time = running.ready(PATIENCE).map_err(|e| format!("{}, {size} units: {e}", kind.name()))?;
    let made = std::fs::read_dir(&sockets).map_err(|e| e.to_string())?.count();
    if made < size / 2 {
        return Err(format!("{} says it is ready with {made} of {} AF_UNIX sockets", kind.name(), size / 2));
    }
    Ok(time)
}
