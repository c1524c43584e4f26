//! porterd against its rivals and against the floor: what the same work costs when nobody supervises it.
//!
//! Every contest alternates all contestants within a round, repeats the round, and prints the median with the smallest
//! and the largest value; ratios are taken within a round, so that a machine which is slow for a minute is slow for all.
//! Loopback only; bounded in connections and in time. `benches/README.md` says how to install the rivals.
#![allow(
    clippy::disallowed_methods,
    reason = "a bench starts programs, reads files, takes times and uses client threads"
)]
#![allow(clippy::print_stdout, reason = "its output is its result")]

mod accept_yes;
mod boot;
mod contestant;
mod deluge;
mod flood;
mod load;
mod rest;
mod stats;
mod tools;
mod units;
mod wake;

use std::process::ExitCode;
use tools::Tools;

const USAGE: &str = "cargo bench --bench contest -- [accept-yes|wake|boot|rest|flood]... [--rounds N] [--quick] [--porterd DIR] [--only NAME,NAME...]

  --rounds N      rounds of each contest (default 5)
  --quick         2 short rounds, to see that everything runs; no figures to quote
  --porterd DIR   directory of the porterd binary (default: the one cargo has just built)
  --only NAMES    only these contestants: floor tcpserver xinetd inetd systemd porterd porterd+cg
  --pinned        clients on the first processor, contestants on the others (default: all on all, as the kernel likes)
  --contestants-on LIST  the same with these processors for the contestants, as taskset -c takes them
  --bars          exit 1 if a bar is missed";

/// What the command line asked for.
#[derive(Debug)]
pub(crate) struct Options {
    contests: Vec<String>,
    rounds: usize,
    quick: bool,
    bars: bool,
    porterd: Option<String>,
    only: Vec<String>,
    pinned: bool,
    contestants_on: Option<String>,
}

fn parse(args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut o = Options {
        contests: Vec::new(),
        rounds: 0,
        quick: false,
        bars: false,
        porterd: None,
        only: Vec::new(),
        pinned: false,
        contestants_on: None,
    };
    let mut called_by_cargo_bench = false;
    let mut args = args.skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--bench" => called_by_cargo_bench = true,
            "--help" => return Ok(None),
            "--quick" => o.quick = true,
            "--bars" => o.bars = true,
            "--pinned" => o.pinned = true,
            "--rounds" => o.rounds = value()?.parse().map_err(|_| "--rounds wants a number".to_owned())?,
            "--porterd" => o.porterd = Some(value()?),
            "--contestants-on" => o.contestants_on = Some(value()?),
            "--only" => o.only = value()?.split(',').map(str::to_owned).collect(),
            name if CONTESTS.iter().any(|c| c.0 == name) => o.contests.push(arg),
            _ => return Err(format!("unknown word {arg:?}\n\nusage: {USAGE}")),
        }
    }
    if o.rounds == 0 {
        o.rounds = if o.quick { 2 } else { 5 };
    }
    if !called_by_cargo_bench && o.contests.is_empty() {
        return Ok(None); // `cargo test --all-targets` runs this program too
    }
    Ok(Some(o))
}

type Contest = fn(&Tools, &Options) -> Result<bool, String>;

const CONTESTS: &[(&str, Contest)] = &[
    ("accept-yes", accept_yes::run),
    ("wake", wake::run),
    ("boot", boot::run),
    ("rest", rest::run),
    ("flood", flood::run),
];

fn contest(options: &Options) -> Result<bool, String> {
    let tools = Tools::prepare(options)?;
    println!("{}", tools.describe());
    let mut met = true;
    for (name, run) in CONTESTS {
        if options.contests.is_empty() || options.contests.iter().any(|c| c == name) {
            println!("\n== {name}, {} rounds", options.rounds);
            met &= run(&tools, options)?;
        }
    }
    Ok(met)
}

fn main() -> ExitCode {
    let options = match parse(std::env::args()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("contest: nothing to do; usage: {USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("contest: {message}");
            return ExitCode::from(64);
        }
    };
    match contest(&options) {
        Ok(met) if met || !options.bars => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("contest: {message}");
            ExitCode::FAILURE
        }
    }
}
