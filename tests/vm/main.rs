//! porterd on a machine of its own: what the kernel under a test machine cannot do or must not be asked.
//!
//! One program for everything that happens inside: it is the first process of the machine that
//! `tests/vm/run` boots, it tests, and it is what the units under test run (`serve …`) and who asks
//! them (`client …`). Run in any other way it says so and does nothing.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test, in a world of its own"
)]

mod client;
mod machine;
mod pid1;
mod protocols;
mod serve;
mod smack;
mod usb;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use world::World;

/// Why a test was not done.
pub(crate) struct Skip(pub(crate) String);

pub(crate) type Outcome = Result<(), Skip>;

/// A test: its name, and what it does in a world of its own.
pub(crate) type Test = (&'static str, fn(&mut World) -> Outcome);

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        _ if std::process::id() == 1 => machine::first_process(),
        ["serve", what, rest @ ..] => serve::serve(what, rest),
        ["client", label, address, rest @ ..] => return client::main(label, address, rest),
        ["tests"] => return all(),
        _ => eprintln!("skipped: vm: needs a machine of its own, which tests/vm/run boots"),
    }
    std::process::ExitCode::SUCCESS
}

/// Every test whose name contains one of the words of `VM_ONLY`.
fn all() -> std::process::ExitCode {
    std::panic::set_hook(Box::new(say_why));
    let only = std::env::var("VM_ONLY").unwrap_or_default();
    let machine = std::env::var("VM_NAME").unwrap_or_default();
    let wanted = |name: &str| only.is_empty() || only.split(',').any(|word| name.contains(word));
    for (name, test) in [smack::TESTS, protocols::TESTS, usb::TESTS].concat() {
        if wanted(name) {
            one(&format!("{machine}: {name}"), test);
        }
    }
    std::process::ExitCode::SUCCESS
}

/// The first of what is printed about a failed test.
fn say_why(why: &std::panic::PanicHookInfo<'_>) {
    for line in why.to_string().lines() {
        println!("    {line}");
    }
}

fn one(name: &str, test: fn(&mut World) -> Outcome) {
    let mut world = World::new();
    match catch_unwind(AssertUnwindSafe(|| {
        let outcome = test(&mut world);
        world.end();
        outcome
    })) {
        Ok(Ok(())) => println!("pass  {name}"),
        Ok(Err(Skip(why))) => println!("skip  {name}: {why}"),
        Err(_) => {
            println!("FAIL  {name}");
            for line in world.log().lines() {
                println!("    {line}");
            }
        }
    }
}
