//! House rules that the compiler does not hold: who may use whom, where `unsafe` may stand, how long
//! a file and a function may be, and that every code that is told is explained.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "this test reads the source")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a module may use beside itself, `ids`, `bounds` and `outside`. The longest prefix that fits counts.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("ids", &[]),
    ("bounds", &[]),
    ("outside", &[]),
    ("report", &[]),
    ("syntax", &["report"]),
    ("unit", &["syntax", "report"]),
    ("engine", &["unit", "report::codes"]),
    ("plan", &["unit"]),
    ("control", &[]),
    ("control::server", &["control", "linux::poll", "linux::raw"]),
    ("control::client", &["control", "linux::poll"]),
    ("linux", &["plan::bind", "plan::live", "plan::program", "unit::socket"]),
    ("rehearse", &["engine", "plan", "unit", "report"]),
    ("config", &[]),
    ("log", &["config"]),
    ("runtime", &["engine", "plan", "unit", "syntax", "report", "linux", "control", "config", "log"]),
    ("ctl", &["unit", "plan", "syntax", "report", "rehearse", "control", "config"]),
    // `verify` and `rehearse` look at real files with the eyes of the daemon.
    ("ctl::files", &["unit", "syntax", "report", "config"]),
    ("lib", &[]),
    ("bin", &["runtime", "ctl"]),
];

/// The only places with `unsafe` (R3): two files, and a directory.
const UNSAFE: [&str; 3] = ["src/linux/raw.rs", "src/linux/clone/", "src/linux/child.rs"];

/// Files that are tables and may be longer.
const TABLES: [&str; 4] = ["src/unit/directives", "src/report/codes", "src/unit/show", "src/plan/seccomp"];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 80;

struct Source {
    /// Relative to the package.
    path: String,
    /// `a::b`
    module: String,
    /// Without its unit tests.
    code: String,
    /// Lines with them.
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let module =
            path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        Source { lines: text.lines().count(), code: without_tests(&text), path, module }
    };
    files.into_iter().map(read).collect()
}

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, out),
            false if path.extension().is_some_and(|e| e == "rs") => out.push(path),
            false => {}
        }
    }
}

/// Code without comments, text in quotes left as it is, and without `#[cfg(test)]` modules.
fn without_tests(text: &str) -> String {
    let body = text.find("#[cfg(test)]\nmod ").map_or(text, |start| &text[..start]);
    let code = |line: &&str| !line.trim_start().starts_with("//");
    body.lines().filter(code).map(|line| format!("{line}\n")).collect()
}

/// Paths after `crate::` (also inside braces), at most two segments deep.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 1;
                let end = list.find(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    depth == 0
                });
                let list = &list[..end.unwrap_or(list.len())];
                let mut level = 0;
                let top = list.split(|c| {
                    level += i32::from(c == '{') - i32::from(c == '}');
                    c == ',' && level == 0
                });
                found.extend(top.map(str::trim).filter(|p| !p.is_empty()).map(two_segments));
            }
            None => {
                found.insert(two_segments(rest));
            }
        }
    }
    found
}

fn two_segments(path: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = path;
    while parts.len() < 2 {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        parts.push(&rest[..end]);
        match rest[end..].strip_prefix("::") {
            Some(next) => rest = next,
            None => break,
        }
    }
    parts.join("::")
}

fn is_below(path: &str, module: &str) -> bool {
    path == module || path.strip_prefix(module).is_some_and(|rest| rest.starts_with("::"))
}

#[test]
fn modules_use_only_what_their_row_names() {
    let mut wrong = Vec::new();
    for source in sources() {
        let rows = MAY_USE.iter().filter(|(module, _)| is_below(&source.module, module));
        let Some((_, allowed)) = rows.max_by_key(|(module, _)| module.len()) else {
            wrong.push(format!("{}: no row for this module in tests/tidy.rs", source.path));
            continue;
        };
        let own = source.module.split("::").next().unwrap();
        for used in uses(&source.code) {
            let free = ["ids", "bounds", "outside", own].iter().any(|m| is_below(&used, m));
            if !free && !allowed.iter().any(|m| is_below(&used, m)) {
                wrong.push(format!("{}: may not use crate::{used}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stays_where_it_may_be() {
    let word = |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe");
    let outside = |s: &Source| {
        !UNSAFE.iter().any(|place| s.path.starts_with(place))
            && s.code.lines().any(|l| word(l.split('"').next().unwrap()))
    };
    let wrong: Vec<String> = sources().iter().filter(|s| outside(s)).map(|s| s.path.clone()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn there_is_one_thread() {
    let starts = ["thread::spawn", "thread::scope", "thread::Builder"];
    let threaded = |s: &Source| starts.iter().any(|word| s.code.contains(word));
    let wrong: Vec<String> = sources().into_iter().filter(threaded).map(|s| s.path).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn files_and_functions_can_be_seen_as_a_whole() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.lines > FILE_LINES_MAX && !TABLES.iter().any(|t| source.path.starts_with(t)) {
            wrong.push(format!("{}: {} lines", source.path, source.lines));
        }
        for (line, length) in functions(&source.code) {
            if length > FUNCTION_LINES_MAX {
                wrong.push(format!("{}: {length} lines: {}", source.path, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// First line and length of each function: from `fn` to the closing brace at the same indentation.
fn functions(code: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().take_while(|w| !w.contains('(')).collect();
        let begins =
            line.trim_start().starts_with("fn ") || words.first() == Some(&"pub(super)") || words.contains(&"fn");
        if !begins || !line.contains("fn ") || line.trim_end().ends_with([';', '}']) {
            continue;
        }
        let end = lines[start..].iter().position(|l| l.trim() == "}" && indent(l) == indent(line));
        found.extend(end.map(|length| (*line, length + 1)));
    }
    found
}

#[test]
fn every_code_that_is_told_is_explained() {
    let sources = sources();
    let table = sources.iter().find(|s| s.path == "src/report/codes.rs").unwrap();
    let known: BTreeSet<&str> = quoted(&table.code).collect();
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|s| !s.path.starts_with("src/report")) {
        for marker in ["Diagnostic::new(", "code: "] {
            for (at, _) in source.code.match_indices(marker) {
                let rest = source.code[at + marker.len()..].trim_start();
                let Some(code) = rest.strip_prefix('"').and_then(|r| r.split('"').next()) else {
                    continue;
                };
                if !known.contains(code) {
                    wrong.push(format!("{}: `{code}` is not in report/codes.rs", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn quoted(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').skip(1).step_by(2)
}

#[test]
fn the_rules_see_what_they_look_for() {
    let code = "use crate::{ids::X, a::{b, c}};\nlet x = crate::runtime::clock::now();\n";
    assert_eq!(uses(code).into_iter().collect::<Vec<_>>(), ["a", "ids::X", "runtime::clock"]);
    assert_eq!(functions("fn a() {\n    x\n}\nfn b() {}\n"), [("fn a() {", 3)]);
    assert_eq!(without_tests("// unsafe\nx\n#[cfg(test)]\nmod tests {}\n"), "x\n");
}
