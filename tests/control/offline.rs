//! `verify` and `explain`: without a daemon, on unit files in a directory.

use std::path::{Path, PathBuf};
use std::process::Command;

struct Units(PathBuf);

impl Units {
    fn new(name: &str, files: &[(&str, &str)]) -> Units {
        let directory = std::env::temp_dir().join(format!("porterd-offline-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&directory));
        std::fs::create_dir_all(&directory).unwrap();
        for (file, text) in files {
            std::fs::write(directory.join(file), text).unwrap();
        }
        Units(directory)
    }
}

impl Drop for Units {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn run(unit_path: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_porterctl"))
        .args(["--runtime-dir", "/nonexistent", "--unit-path"])
        .arg(unit_path)
        .args(words)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

const GOOD: [(&str, &str); 2] = [
    ("a.socket", "[Unit]\nDescription=A socket\n[Socket]\nListenStream=127.0.0.1:7001\n"),
    ("a.service", "[Service]\nExecStart=/bin/cat\n"),
];

#[test]
fn clean_units_are_clean() {
    let units = Units::new("clean", &GOOD);
    assert_eq!(run(&units.0, &["verify", "a.socket"]).0, 0);
    let (code, out, _) = run(&units.0, &["verify"]);
    assert_eq!((code, out.lines().last()), (0, Some("2 units checked: 0 errors, 0 warnings, 0 notices")), "{out}");
    assert_eq!(run(&units.0, &["verify", "-q"]).1, "");
}

#[test]
fn warnings_are_shown_and_errors_fail() {
    let units = Units::new(
        "bad",
        &[
            ("a.socket", "[Socket]\nListenStream=127.0.0.1:7001\nListenStreem=1\n"),
            ("a.service", "[Service]\nExecStart=/bin/cat\n"),
            ("bad.service", "[Service]\nType=simple\n"),
        ],
    );
    let (code, out, _) = run(&units.0, &["verify", "a.socket"]);
    assert!(code == 0 && out.contains("[unknown-key]") && out.contains("a.socket:3:1"), "{code} {out}");
    let (code, out, _) = run(&units.0, &["verify", "a.service", "bad.service"]);
    assert!(code == 1 && out.contains("error[") && !out.contains("unknown-key"), "{code} {out}");
    // A path needs no search path, and a pipe gets one object per line.
    let path = units.0.join("a.socket");
    let (code, out, _) = run(Path::new("/nonexistent"), &["verify", "--json", path.to_str().unwrap()]);
    assert_eq!(code, 0);
    let lines: Vec<serde_json::Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.iter().any(|l| l["code"] == "unknown-key" && l["line"] == 3), "{out}");
}

#[test]
fn what_is_not_there_is_said() {
    let units = Units::new("absent", &GOOD);
    for verb in ["verify", "explain"] {
        let (code, _, err) = run(&units.0, &[verb, "nope"]);
        assert!(code == 4 && err.contains("nope"), "{verb} {code} {err}");
        let (code, _, err) = run(&units.0, &[verb, "/nonexistent/a.socket"]);
        assert!(code == 2 && err.contains("/nonexistent"), "{verb} {code} {err}");
    }
}

/// Whether these texts occur in this order.
fn in_order(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn a_socket_is_explained_with_what_it_starts() {
    let units = Units::new("explain", &GOOD);
    let (code, out, err) = run(&units.0, &["explain", "a.socket"]);
    let parts = [
        "a.socket - A socket",
        "a.socket",
        "127.0.0.1:7001 (Stream)",
        "socket(AF_INET",
        "bind(127.0.0.1:7001",
        "listen(",
        "a.service",
        "execve(\"/bin/cat\")",
        "LISTEN_FDS=1",
        "LISTEN_FDNAMES=a.socket",
    ];
    assert!(code == 0 && in_order(&out, &parts), "{code} {out} {err}");
    let (_, out, _) = run(&units.0, &["explain", "a.service"]);
    assert!(in_order(&out, &["ExecStart=/bin/cat", "LISTEN_FDS=1"]), "a service gets what its socket passes: {out}");
}

#[test]
fn connections_and_templates_are_explained() {
    let units = Units::new(
        "accept",
        &[
            ("e.socket", "[Socket]\nListenStream=7002\nAccept=yes\nKeepAlive=yes\n"),
            ("e@.service", "[Service]\nExecStart=/bin/cat %i\nStandardInput=socket\n"),
        ],
    );
    let (code, out, _) = run(&units.0, &["explain", "e.socket"]);
    assert!(
        code == 0 && in_order(&out, &["on each connection", "SO_KEEPALIVE", "for each connection: e@", "execve("]),
        "{out}"
    );
    assert_eq!(run(&units.0, &["verify", "e.socket"]).0, 0);
    let (code, out, _) = run(&units.0, &["explain", "e@.service"]);
    assert!(code == 0 && out.contains("no socket is passed"), "{out}");
}

#[test]
fn diagnostics_are_explained() {
    let (code, out, _) = run(Path::new("/nonexistent"), &["explain", "unknown-key"]);
    assert!(code == 0 && out.starts_with("unknown-key (warning)\n  "), "{out}");
    assert!(out.lines().all(|l| l.chars().count() <= 80));
}
