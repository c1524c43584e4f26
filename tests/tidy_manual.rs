//! The manual says what the code does: every directive, flag, verb, option and code is in its page,
//! and nothing is there that does not exist.
#![allow(clippy::disallowed_methods, reason = "this test reads the manual and runs mandoc")]

use expect_test::expect_file;
use porterd::config::Config;
use porterd::report::Severity;
use porterd::report::codes::{CODES, Code, NOTES};
use porterd::unit::directives::{Row, Section, Support, rows};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Headings of porterd-units(5) and the sections whose directives stand below them.
const HEADINGS: [(&str, &[Section]); 5] = [
    ("[UNIT] SECTION", &[Section::Unit]),
    ("CONDITIONS AND ASSERTIONS", &[Section::Unit]),
    ("[SOCKET] SECTION", &[Section::Socket]),
    ("[SERVICE] SECTION", &[Section::Service]),
    ("OPTIONS OF [SOCKET] AND [SERVICE]", &[Section::Socket, Section::Service]),
];
const INSTALL: (&str, &[Section]) = ("[INSTALL] SECTION", &[Section::Install]);
const WITHOUT: &str = "OPTIONS WITHOUT EFFECT";
const PAGES: [&str; 5] = ["porterd.8", "porterctl.1", "porterd.toml.5", "porterd-units.5", "porterd-diagnostics.7"];

fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(page)
}

fn page(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("man/{name}: {e}"))
}

/// Top-level sections of a page: heading and lines.
fn sections(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix(".Sh "), found.last_mut()) {
            (Some(heading), _) => found.push((heading, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    found
}

/// Names behind a macro at the start of a line, such as `.It Ic `.
fn names<'a>(lines: &[&'a str], start: &str) -> BTreeSet<&'a str> {
    let behind = lines.iter().filter_map(|line| line.strip_prefix(start));
    behind.filter_map(|rest| rest.split(' ').next()).collect()
}

/// Directives that have an entry, with the sections in which the manual says they stand.
fn documented(text: &str) -> Vec<(String, &'static [Section])> {
    let mut found = Vec::new();
    for (heading, lines) in sections(text) {
        let Some((_, stands_in)) = HEADINGS.iter().chain([&INSTALL]).find(|(name, _)| *name == heading) else {
            continue;
        };
        for name in names(&lines, ".It Ic ") {
            // One entry for both forms of a test.
            if let Some(test) = name.strip_prefix("Condition") {
                found.push((format!("Assert{test}"), *stands_in));
            }
            found.push((name.to_owned(), *stands_in));
        }
    }
    found
}

fn stands_in(row: &Row, sections: &[Section]) -> bool {
    sections.iter().all(|section| row.belongs_to(*section))
}

#[test]
fn every_directive_that_is_carried_out_has_an_entry_and_no_other() {
    let text = page("porterd-units.5");
    let documented = documented(&text);
    let mut wrong = Vec::new();
    for row in rows().iter().filter(|row| row.support == Support::Full) {
        if !documented.iter().any(|(name, sections)| name == row.name && stands_in(row, sections)) {
            let sections: Vec<&str> = row.sections().map(Section::as_str).collect();
            wrong.push(format!("{}= of {sections:?} is carried out and has no entry `.It Ic`", row.name));
        }
    }
    for (name, sections) in &documented {
        let exists = |row: &&&Row| row.name == name && row.support == Support::Full && stands_in(row, sections);
        if !rows().iter().any(|row| exists(&row)) {
            wrong.push(format!("{name}= has an entry and is not carried out in {sections:?}"));
        }
    }
    assert!(wrong.is_empty(), "man/porterd-units.5:\n{}", wrong.join("\n"));
}

#[test]
fn every_directive_without_effect_is_listed_as_such_and_no_other() {
    let text = page("porterd-units.5");
    let (_, lines) = sections(&text).into_iter().find(|(heading, _)| *heading == WITHOUT).unwrap();
    let listed = names(&lines, ".Ic ");
    let idle = |row: &&&Row| row.support != Support::Full;
    let expected: BTreeSet<&str> = rows().iter().filter(idle).map(|row| row.name).collect();
    let missing: Vec<_> = expected.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&expected).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "man/porterd-units.5, {WITHOUT}: missing {missing:?}, to remove {stale:?}"
    );
}

/// Long options and one-letter options of a command, `--help` and `--version` too.
fn flags(command: &clap::Command) -> BTreeSet<String> {
    let shown = command.get_arguments().filter(|arg| !arg.is_positional());
    let both = shown.flat_map(|arg| {
        let long = arg.get_long().map(|name| format!("-{name}"));
        long.into_iter().chain(arg.get_short().map(|c| c.to_string()))
    });
    both.chain(["-help", "-version", "h", "V"].map(str::to_owned)).collect()
}

/// Options that have an entry: `.It Fl l , Fl -long Ns = Ns Ar VALUE`.
fn documented_flags(text: &str) -> BTreeSet<String> {
    let entries = text.lines().filter_map(|line| line.strip_prefix(".It Fl "));
    let words =
        entries.flat_map(|line| line.split(" , Fl ").map(|part| part.split(' ').next().unwrap_or("").to_owned()));
    words.collect()
}

fn compare_flags(name: &str, command: &clap::Command) {
    let text = page(name);
    let (flags, documented) = (flags(command), documented_flags(&text));
    let missing: Vec<_> = flags.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&flags).collect();
    assert!(missing.is_empty() && stale.is_empty(), "man/{name}: missing {missing:?}, to remove {stale:?}");
}

#[test]
fn every_option_of_porterd_has_an_entry_and_no_other() {
    compare_flags("porterd.8", &<porterd::runtime::CommandLine as clap::CommandFactory>::command());
}

#[test]
fn every_option_and_verb_of_porterctl_has_an_entry_and_no_other() {
    let command = porterd::ctl::command_line();
    let mut all = command.clone();
    for verb in command.get_subcommands() {
        all = all.args(verb.get_arguments().filter(|arg| !arg.is_positional()).cloned());
    }
    compare_flags("porterctl.1", &all);
    let text = page("porterctl.1");
    let lines: Vec<&str> = text.lines().collect();
    let documented = names(&lines, ".It Cm ");
    let verbs: BTreeSet<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(documented, verbs);
}

#[test]
fn every_key_of_the_configuration_has_an_entry_and_no_other() {
    // A wrong key is answered with the list of right ones.
    let refusal = Config::parse("no_such_key = 1\n", Path::new("x")).unwrap_err().to_string();
    let known = refusal.split("expected one of").nth(1).expect("a list of keys");
    let keys: BTreeSet<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(keys.contains("strict_systemd"), "{refusal}");
    let text = page("porterd.toml.5");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(names(&lines, ".It Ic "), keys);
}

/// Text for mdoc: what it would take for a request or an escape is protected.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

fn entries(codes: &[Code], out: &mut String) {
    let mut sorted: Vec<&Code> = codes.iter().collect();
    sorted.sort_by_key(|code| code.name);
    out.push_str(".Bl -tag -width Ds\n");
    for code in sorted {
        let severity = match code.severity {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        out.push_str(&format!(".It Li {} Pq {severity}\n", code.name));
        // mdoc wants a line per sentence.
        for sentence in code.explanation.replace(". ", ".\n").lines() {
            out.push_str(&escaped(sentence));
            out.push('\n');
        }
    }
    out.push_str(".El\n");
}

/// `UPDATE_EXPECT=1 cargo test --test tidy_manual` writes the page anew.
#[test]
fn the_page_of_diagnostics_is_the_table_of_codes() {
    let mut text = String::from(
        ".\\\" Made from src/report/codes.rs: UPDATE_EXPECT=1 cargo test --test tidy_manual\n\
         .Dd November 22, 2026\n.Dt PORTERD-DIAGNOSTICS 7\n.Os\n.Sh NAME\n.Nm porterd-diagnostics\n\
         .Nd findings and events that porterd reports\n.Sh DESCRIPTION\n\
         Everything that\n.Xr porterd 8\nand\n.Xr porterctl 1\nreport has one of these names.\nThey do not change, so scripts may rely on them.\n\
         .Ql porterctl explain NAME\nprints the same text.\n.Sh FINDINGS ABOUT UNIT FILES\n\
         An error means that the unit cannot be started or that a whole file is lost, a warning that something written has no effect.\n",
    );
    entries(CODES, &mut text);
    text.push_str(".Sh EVENTS\nThey are in the log, as the field\n.Ql CODE .\n");
    entries(NOTES, &mut text);
    text.push_str(".Sh SEE ALSO\n.Xr porterctl 1 ,\n.Xr porterd-units 5 ,\n.Xr porterd 8\n");
    expect_file![path("porterd-diagnostics.7")].assert_eq(&text);
}

#[test]
fn mandoc_finds_nothing_to_warn_about() {
    let mut complaints = String::new();
    for page in PAGES {
        let Ok(output) = Command::new("mandoc").args(["-Tlint", "-W", "warning"]).arg(path(page)).output() else {
            eprintln!("skipped: there is no mandoc (Debian: apt-get install mandoc)");
            return;
        };
        complaints.push_str(&String::from_utf8_lossy(&output.stdout));
        complaints.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn the_comparison_sees_what_it_looks_for() {
    let text = ".Sh [SOCKET] SECTION\n.It Ic Accept Ns = Ns Ar BOOL\n.Sh OTHER\n.It Ic Nonsense Ns =\n";
    assert_eq!(documented(text), [("Accept".to_owned(), &[Section::Socket][..])]);
    let text = ".It Fl t , Fl -type Ns = Ns Ar TYPE\n.It Fl -all\n";
    assert_eq!(documented_flags(text).into_iter().collect::<Vec<_>>(), ["-all", "-type", "t"]);
    assert_eq!(escaped("a\\b"), "a\\eb");
}
