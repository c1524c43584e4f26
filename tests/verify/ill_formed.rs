//! Ill-formed values of every setting of [Socket]: each is told with its reason, and `ill_formed.txt` has all the words
//! (`ill_formed_own.txt` those about our own keys).
//! That the load state and the value that counts are systemd's is compared in tests/compliance/cases/socket-ill-formed,
//! with the same table of values.
#![allow(clippy::disallowed_methods)] // Reads the table.

use crate::support::socket;
use expect_test::expect_file;
use porterd::report::Severity;
use porterd::unit::LoadState;
use porterd::unit::directives::{Section, rows};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const TABLE: &str = "tests/compliance/cases/socket-ill-formed/table.txt";
/// The same for keys that systemd does not have.
const OWN: &str = "tests/verify/own_keys.txt";
const CLASSES: [&str; 7] = ["empty", "small", "large", "wrong", "garbage", "bytes", "long"];
const LONG: usize = 70_000;

/// Lists that nothing shows yet: that an empty value empties them cannot be seen here.
const HIDDEN_LISTS: [&str; 3] = ["XAttrEntryPoint", "XAttrListen", "XAttrAccept"];

/// One row of the table: its cells, repetitions not yet written out.
fn table(path: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect(path);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// `{x*3}` is `xxx`.
fn repeat(cell: &str) -> String {
    let cell = cell.replace("\\x7f", "\x7f");
    let Some((before, rest)) = cell.split_once('{') else { return cell };
    let (what, after) = rest.split_once('}').expect("a closing brace");
    let (unit, times) = what.split_once('*').expect("x*times");
    format!("{before}{}{after}", unit.repeat(times.parse().expect("a number")))
}

/// The values of a row by class, as bytes.
fn values(row: &[String]) -> Vec<(&'static str, Vec<u8>)> {
    let long = row[7].repeat(LONG / row[7].len());
    let [small, large, wrong, garbage] = [3, 4, 5, 6].map(|i| repeat(&row[i]).into_bytes());
    CLASSES
        .into_iter()
        .zip([Vec::new(), small, large, wrong, garbage, b"\xff\xfe".to_vec(), long.into_bytes()])
        .collect()
}

#[test]
fn every_setting_of_socket_has_a_row() {
    for (path, ours) in [(TABLE, false), (OWN, true)] {
        let table = table(path);
        let have: BTreeSet<&str> = table.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(have.len(), table.len(), "a setting has two rows");
        // What sockets share with services is in the case service-values.
        let those =
            rows().iter().filter(|row| row.sections().eq([Section::Socket]) && row.name.starts_with("X-") == ours);
        let wanted: BTreeSet<&str> = those.map(|row| row.name).collect();
        assert_eq!(have, wanted, "left: rows of {path}; right: settings of [Socket]");
        assert!(table.iter().all(|row| row.len() == 8), "a row has another number of cells");
    }
}

fn unit(base: &str, name: &str, values: &[&[u8]]) -> crate::support::Loaded {
    let mut text = format!("[Socket]\nListenStream=/run/base\n{base}\n").into_bytes();
    for value in values {
        text.extend_from_slice(format!("{name}=").as_bytes());
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    socket(text)
}

fn shown(loaded: &crate::support::Loaded) -> Vec<(&'static str, String)> {
    porterd::unit::show::properties(&loaded.unit)
}

/// At most so many characters, so that a reader can take it in.
fn brief(text: &str) -> String {
    const MOST: usize = 200;
    let mut out: String = text.chars().take(MOST).collect();
    if text.chars().count() > MOST {
        out.push_str(" [...]");
    }
    out.escape_default().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

#[test]
fn what_is_not_taken_is_told_with_its_reason() {
    expect_file!["ill_formed.txt"].assert_eq(&all_told(TABLE));
    expect_file!["ill_formed_own.txt"].assert_eq(&all_told(OWN));
}

/// What is said about every value of a table.
fn all_told(path: &str) -> String {
    let mut all = String::new();
    let mut silent = Vec::new();
    for row in table(path) {
        let (name, good) = (row[0].as_str(), repeat(&row[2]));
        let base = if path == OWN { row[1].as_str() } else { "" };
        let before = unit(base, name, &[good.as_bytes()]);
        assert_eq!(before.state(), LoadState::Loaded, "{name}={good}: {}", before.listing());
        for (class, value) in values(&row) {
            let after = unit(base, name, &[good.as_bytes(), &value]);
            let told: Vec<_> = after.diagnostics.iter().filter(|d| d.code != "not-yet-applied").collect();
            let changed = shown(&before) != shown(&after) || after.state() != LoadState::Loaded;
            let on_the_line = after.diagnostics.iter().any(|d| d.line_column().is_some_and(|(line, _)| line == 5));
            // A unit that cannot be used says why; it need not be this line alone.
            let refused = told.iter().any(|d| d.severity == Severity::Error);
            let reset = class == "empty" && HIDDEN_LISTS.contains(&name);
            if !changed && !on_the_line && !reset || after.state() != LoadState::Loaded && !refused {
                silent.push(format!("{name} {class}: {}", brief(&String::from_utf8_lossy(&value))));
            }
            let state = after.state();
            let outcome = match (state, changed) {
                (LoadState::Loaded, true) => "taken",
                (LoadState::Loaded, false) => "kept",
                (LoadState::BadSetting, _) => "bad-setting",
                (LoadState::Error, _) => "error",
                (other, _) => panic!("{name} {class}: {other:?}"),
            };
            writeln!(all, "{name} {class}: {outcome}").expect("a String takes everything");
            for d in told {
                writeln!(all, "    {}: {}", d.code, brief(&d.message)).expect("a String takes everything");
            }
        }
    }
    assert!(silent.is_empty(), "nothing is said about these:\n{}", silent.join("\n"));
    all
}
