//! Any datagram is a notification or is dropped with a reason: nothing panics, every word stands in
//! the text, and what was understood can be sent again.
#![cfg_attr(fuzzing, no_main)]
#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]

use porterd::bounds::NOTIFY_BYTES_MAX;
use porterd::linux::notify::{Why, parse};
use std::collections::BTreeSet;

#[cfg(not(fuzzing))]
#[path = "replay.rs"]
mod replay;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    const WORDS: [&str; 20] = [
        "\n",
        "\r",
        "\0",
        "=",
        "\n\n",
        "READY=1",
        "STOPPING=1",
        "STATUS=",
        "MAINPID=",
        "WATCHDOG=1",
        "FDSTORE=1",
        "FDNAME=",
        "BARRIER=1",
        "ERRNO=",
        "EXTEND_TIMEOUT_USEC=",
        "18446744073709551616",
        "-1",
        "ä",
        "\u{1b}",
        "READY=1\nREADY=0",
    ];
    replay::run("notify", &WORDS, check);
}

fn check(bytes: &[u8]) {
    // One byte of room for the NUL that some senders add.
    let inner_nul = bytes.iter().rev().skip(1).any(|b| *b == 0);
    let (words, lines) = match parse(bytes) {
        Ok(parsed) => parsed,
        Err(Why::TooLong) => return assert!(bytes.len() > NOTIFY_BYTES_MAX),
        Err(Why::InnerNul) => return assert!(inner_nul),
        Err(why) => panic!("{why:?} is no matter of the text"),
    };
    assert!(bytes.len() <= NOTIFY_BYTES_MAX && !inner_nul);
    let text = String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes));
    assert_eq!(lines, text.split(['\n', '\r']).filter(|line| !line.is_empty()).count());
    assert!(words.len() <= lines);
    let keys: BTreeSet<&str> = words.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys.len(), words.len(), "a key is there twice");
    for (key, value) in &words {
        assert!(!key.is_empty() && !key.contains(['=', '\n', '\r', '\0']) && !value.contains(['\n', '\r', '\0']));
        let first = text.split(['\n', '\r']).find_map(|line| line.strip_prefix(key.as_str())?.strip_prefix('='));
        assert_eq!(first, Some(value.as_str()), "not the first {key}");
    }
    let again: String = words.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    // A replaced byte becomes three.
    if again.len() <= NOTIFY_BYTES_MAX {
        assert_eq!(parse(again.as_bytes()), Ok((words.clone(), words.len())));
    }
}
