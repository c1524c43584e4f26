//! Conversations of every release, replayed: what an old client says must still be understood, and
//! what it was told must still be in the answer (fields may have been added).

use super::daemon::{Daemon, fixture};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

/// Every field of `old` is in `new` with the same value.
fn kept(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(o), Value::Object(n)) => o.iter().all(|(k, v)| n.get(k).is_some_and(|w| kept(v, w))),
        (Value::Array(o), Value::Array(n)) => o.len() == n.len() && o.iter().zip(n).all(|(a, b)| kept(a, b)),
        _ => old == new,
    }
}

fn replay(daemon: &Daemon, name: &str, text: &str) -> Result<(), String> {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", number + 1);
        match line.split_at_checked(2) {
            Some(("> ", said)) => {
                stream.write_all(&[said.as_bytes(), b"\0"].concat()).map_err(|e| format!("{place}: {e}"))?
            }
            Some(("< ", told)) => {
                let mut bytes = Vec::new();
                reader.read_until(0, &mut bytes).map_err(|e| format!("{place}: {e}"))?;
                let bytes = bytes.strip_suffix(b"\0").ok_or(format!("{place}: no whole answer"))?;
                let (old, new): (Value, Value) =
                    (serde_json::from_str(told).unwrap(), serde_json::from_slice(bytes).unwrap());
                if !kept(&old, &new) {
                    return Err(format!("{place}\n  then: {old}\n  now:  {new}"));
                }
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "{place}: {line}"),
        }
    }
    Ok(())
}

#[test]
fn every_release_is_still_understood() {
    let daemon = Daemon::start("conversations");
    let mut count = 0;
    for release in std::fs::read_dir(fixture("conversations")).unwrap() {
        for file in std::fs::read_dir(release.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            replay(&daemon, &path.display().to_string(), &text).unwrap();
            count += text.lines().filter(|l| l.starts_with('<')).count();
        }
    }
    assert!(count >= 15, "{count} answers only: are the files there?");
}

#[test]
fn a_lost_field_is_noticed() {
    let daemon = Daemon::start("lost");
    let text = "> {\"method\":\"org.porterd.LogLevel\"}\n< {\"parameters\":{\"level\":\"info\",\"lost\":1}}\n";
    assert!(replay(&daemon, "x", text).is_err());
    assert!(replay(&daemon, "x", &text.replace(",\"lost\":1", "")).is_ok());
}
