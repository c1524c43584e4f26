//! socket-unit.md 7.1: file parsing. Numbers are those of the list.

use crate::support::{load_from, socket, socket_of, socket_with};
use porterd::unit::LoadState::{BadSetting, Error, Masked};
use porterd::unit::load::MemoryFiles;

// socket-unit #1
#[test]
fn n01_crlf() {
    let x = socket("[Unit]\r\nDescription=a b\r\n[Socket]\r\nListenStream=80\r\n");
    assert_eq!(x.silent().description(), "a b");
    assert_eq!(x.ports(), ["[::]:80"]);
}

// socket-unit #2
#[test]
fn n02_lone_cr() {
    assert_eq!(socket("[Socket]\rListenStream=80\rListenStream=81\r").silent().ports(), ["[::]:80", "[::]:81"]);
}

// socket-unit #3
#[test]
fn n03_nul_ends_a_line() {
    assert_eq!(socket("[Socket]\nListenStream=80\0ListenStream=81\n").ports(), ["[::]:80", "[::]:81"]);
}

// socket-unit #4
#[test]
fn n04_byte_order_mark() {
    assert_eq!(socket("\u{feff}[Socket]\nListenStream=80\n").silent().ports(), ["[::]:80"]);
    let x = socket("\u{feff}# comment\n[Socket]\nListenStream=80\n");
    assert_eq!(x.ports(), ["[::]:80"]);
    assert_eq!(x.diagnostics.len(), 1, "{}", x.listing());
}

// socket-unit #5
#[test]
fn n05_no_final_newline() {
    assert_eq!(socket("[Socket]\nListenStream=80").silent().ports(), ["[::]:80"]);
}

// socket-unit #6
#[test]
fn n06_no_comments_behind_values() {
    let x = socket_of("ListenStream=80 # web");
    assert_eq!(x.is(BadSetting).diagnostics.len(), 2, "{}", x.listing());
}

// socket-unit #7
#[test]
fn n07_continuation_puts_a_blank() {
    socket_of("ListenStream=8\\\n0").is(BadSetting);
}

// socket-unit #8
#[test]
fn n08_blank_line_ends_a_continuation() {
    let x = socket("[Socket]\nListenStream=80\\\n\nBacklog=5\n");
    assert_eq!((x.ports(), x.socket().backlog), (vec!["[::]:80".to_owned()], 5));
}

// socket-unit #9
#[test]
fn n09_comments_inside_a_continuation() {
    let x = socket("[Unit]\nDescription=a\\\n# c\n;c\n  b\n[Socket]\nListenStream=80\n");
    assert_eq!(x.silent().description(), "a   b");
}

// socket-unit #10
#[test]
fn n10_backslash_and_blank() {
    let x = socket("[Unit]\nDescription=a \\ \n[Socket]\nListenStream=80\n");
    assert_eq!(x.description(), "a \\");
    assert_eq!(x.ports(), ["[::]:80"]);
}

// socket-unit #11
#[test]
fn n11_two_backslashes() {
    let x = socket("[Unit]\nDescription=a\\\\\n[Socket]\nListenStream=80\n");
    assert_eq!(x.description(), "a\\\\");
    assert_eq!(x.ports(), ["[::]:80"]);
}

// socket-unit #12
#[test]
fn n12_case_of_sections() {
    let x = socket("[socket]\nListenStream=80\n");
    assert_eq!(x.is(BadSetting).codes()[0], "unknown-section");
    assert!(x.diagnostics[0].help.as_deref().unwrap().contains("[Socket]"));
}

// socket-unit #13
#[test]
fn n13_case_of_keys() {
    let x = socket_with("listenstream=80");
    x.found(&["unknown-key"]);
    assert!(x.diagnostics[0].help.as_deref().unwrap().contains("ListenStream="), "{:?}", x.diagnostics[0].help);
    assert_eq!(x.diagnostics[0].line_column(), Some((3, 1)));
}

// socket-unit #14
#[test]
fn n14_repeated_sections() {
    let x = socket("[Socket]\nListenStream=80\n[Unit]\n[Socket]\nListenStream=81\n");
    assert_eq!(x.silent().ports(), ["[::]:80", "[::]:81"]);
}

// socket-unit #15 #16
#[test]
fn n15_n16_broken_headers() {
    socket("[Socket]\nListenStream=80\n[Foo\n").is(Error);
    socket("[Socket\t]\nListenStream=80\n").is(Error);
}

// socket-unit #17
#[test]
fn n17_empty_header() {
    let x = socket("[]\nA=1\n[Socket]\nListenStream=80\n");
    assert_eq!(x.found(&["unknown-section"]).ports().len(), 1);
}

// socket-unit #18
#[test]
fn n18_vendor_sections_and_keys() {
    assert_eq!(socket("[X-Vendor]\nA=1\n[Socket]\nX-Key=1\nListenStream=80\n").silent().ports().len(), 1);
}

// socket-unit #19
#[test]
fn n19_section_of_another_kind() {
    let x = socket("[Service]\nExecStart=/bin/true\n[Socket]\nListenStream=80\n");
    assert_eq!(x.found(&["unknown-section"]).ports().len(), 1);
}

// socket-unit #20 #21
#[test]
fn n20_n21_lines_without_meaning() {
    let x = socket("A=1\n[Socket]\nListenStream=80\nnoequals\n=foo\n");
    assert_eq!(x.ports().len(), 1);
    assert_eq!(x.diagnostics.len(), 3, "{}", x.listing());
}

// socket-unit #22 #23
#[test]
fn n22_n23_invalid_utf8() {
    socket(b"[Unit]\nDescription=\xff\xfe\n[Socket]\nListenStream=80\n").is(Error);
    assert_eq!(socket(b"# \xff\xfe\n[Socket]\nListenStream=80\n").silent().ports().len(), 1);
}

// socket-unit #24
#[test]
fn n24_empty_files() {
    socket("").is(Masked);
    socket("\n").is(BadSetting);
}

// socket-unit #25
#[test]
fn n25_long_lines() {
    let long = format!("[Socket]\nListenStream=80\nX-A={}\n", "a".repeat(1 << 20));
    socket(long).is(Error);
    let fits = format!("[Socket]\nListenStream=80\nX-A={}\n", "a".repeat((1 << 20) - 8));
    assert_eq!(socket(fits).silent().ports().len(), 1);
}

// socket-unit #26
#[test]
fn n26_empty_resets_a_string() {
    let x = socket("[Unit]\nDescription=a\nDescription=\n[Socket]\nListenStream=80\n");
    assert_eq!(x.silent().description(), "x.socket");
}

// socket-unit #27 #28
#[test]
fn n27_n28_scalars_keep_the_last_valid_value() {
    let x = socket_with("Backlog=10\nBacklog=x");
    assert_eq!(x.found(&["invalid-value"]).socket().backlog, 10);
    let x = socket_with("Backlog=");
    assert_eq!(x.found(&["invalid-value"]).socket().backlog, i32::MAX as u32);
    assert_eq!(socket_with("Backlog=4294967295").silent().socket().backlog, u32::MAX);
    let x = socket_with("Backlog=-1");
    assert_eq!(x.found(&["invalid-value"]).socket().backlog, i32::MAX as u32);
}

#[test]
fn install_keys_are_known_and_others_warn() {
    let x = socket("[Socket]\nListenStream=80\n[Install]\nWantedBy=sockets.target\nWantedBi=a\n");
    x.found(&["unknown-key"]);
    assert_eq!(&*x.unit.common.install.as_ref().unwrap().wanted_by[0], "sockets.target");
}

#[test]
fn an_unreadable_alias_is_not_found() {
    let mut files = MemoryFiles::new();
    files.symlink("/etc/units/x.socket", "nowhere.socket");
    load_from(&files, "x.socket").is(porterd::unit::LoadState::NotFound);
}
