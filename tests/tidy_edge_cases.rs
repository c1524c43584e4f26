//! Every numbered edge case of socket units (systemd's behaviour, observed or read) has a test, or a reason why not.
//!
//! A test says which ones it proves with a comment: `socket-unit #42`, or several: `socket-unit #42 #43`.
//! `cargo test --test tidy_edge_cases -- --nocapture` prints where each number is tested.
#![allow(clippy::disallowed_methods, reason = "this test reads the tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The list has this many.
const NUMBERS: u16 = 177;

const MARK: &str = "socket-unit #";

/// Numbers without a test, and why. One that has a test must not be here.
const UNTESTED: &[(u16, &str)] = &[];

/// All files below a directory with these endings, or with none.
fn collect(dir: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, endings, out);
        } else if path.extension().and_then(|e| e.to_str()).is_none_or(|e| endings.contains(&e)) {
            out.push(path);
        }
    }
}

/// The numbers that a line says it tests.
fn numbers(line: &str) -> impl Iterator<Item = u16> + '_ {
    let list = line.split_once(MARK).map_or("", |(_, list)| list);
    let words = list.split([' ', ',', ')', '.', ':']).take_while(|word| !word.is_empty());
    words.map_while(|word| word.trim_start_matches('#').parse().ok())
}

/// Number → files with a test of it, as `path:line`.
fn tested() -> BTreeMap<u16, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("tests"), &["rs", "py"], &mut files);
    collect(&root.join("src"), &["rs"], &mut files);
    files.sort();
    let mut found: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for file in files.iter().filter(|f| !f.ends_with("tidy_edge_cases.rs")) {
        let text = String::from_utf8_lossy(&std::fs::read(file).expect("a readable file")).into_owned();
        let path = file.strip_prefix(root).expect("below the root").display().to_string();
        for (line, content) in text.lines().enumerate() {
            for number in numbers(content) {
                found.entry(number).or_default().push(format!("{path}:{}", line + 1));
            }
        }
    }
    found
}

#[test]
fn every_edge_case_has_a_test_or_a_reason() {
    let tested = tested();
    let mut wrong = Vec::new();
    for number in 1..=NUMBERS {
        let reason = UNTESTED.iter().find(|(n, _)| *n == number);
        match (tested.get(&number), reason) {
            (Some(places), None) => eprintln!("#{number:<4} {}", places.join(" ")),
            (None, Some((_, why))) => eprintln!("#{number:<4} no test: {why}"),
            (None, None) => wrong.push(format!("#{number} has no test; mark the one that proves it: {MARK}{number}")),
            (Some(places), Some(_)) => {
                wrong.push(format!("#{number} is tested in {}; take it out of UNTESTED", places.join(" ")));
            }
        }
    }
    wrong.extend(tested.keys().filter(|n| !(1..=NUMBERS).contains(*n)).map(|n| format!("#{n} is not in the list")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_mark_is_read_as_it_is_written() {
    let read = |line: &str| numbers(line).collect::<Vec<_>>();
    assert_eq!(read("// socket-unit #7"), [7]);
    assert_eq!(read("# (socket-unit #7 #177)."), [7, 177]);
    assert_eq!(read("# socket-unit 7"), [] as [u16; 0]);
}
