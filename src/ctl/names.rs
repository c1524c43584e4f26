//! From what was typed to unit names, as systemctl does: `.service` where the type is missing,
//! escaping of what no name may contain, patterns by asking the daemon what is in memory.

use super::commands::Context;
use crate::control::client::ClientError;
use crate::control::pattern::is_pattern;
use crate::control::wire::{Call, List, ListKind, ListReply, UnitRow};
use crate::unit::UnitName;

/// Completes and escapes one name; patterns are left as they are.
pub(super) fn mangle(typed: &str) -> String {
    mangle_with(typed, ".service")
}

/// The same with another suffix for names without one.
pub(super) fn mangle_with(typed: &str, suffix: &str) -> String {
    if UnitName::parse(typed).is_some() || is_pattern(typed) {
        return typed.to_owned();
    }
    if typed.starts_with('/')
        && let Some(escaped) = crate::unit::name::escape_path(typed)
    {
        let device = typed.starts_with("/dev/") || typed.starts_with("/sys/");
        return format!("{escaped}.{}", if device { "device" } else { "mount" });
    }
    let mut name = String::with_capacity(typed.len());
    for b in typed.bytes() {
        match b {
            b'/' => name.push('-'),
            b if b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b) => name.push(char::from(b)),
            b => name.push_str(&format!("\\x{b:02x}")),
        }
    }
    if UnitName::parse(&name).is_none() {
        name.push_str(suffix);
    }
    name
}

/// Names, with patterns replaced by the units in memory that match, each once.
pub(super) fn expand(context: &mut Context, typed: &[String]) -> Result<Vec<String>, ClientError> {
    let (patterns, names): (Vec<String>, Vec<String>) = typed.iter().map(|t| mangle(t)).partition(|n| is_pattern(n));
    let mut all = names;
    if !patterns.is_empty() {
        all.extend(matching(context, patterns)?.into_iter().map(|row| row.unit));
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|n| seen.insert(n.clone()));
    Ok(all)
}

/// Units in memory that match, in systemctl's order.
pub(super) fn matching(context: &mut Context, patterns: Vec<String>) -> Result<Vec<UnitRow>, ClientError> {
    let list = List { patterns, ..context.list(ListKind::Units) };
    let reply: ListReply = context.call(&Call::List(list.clone()))?;
    let mut rows = reply.units;
    rows.retain(|r| list.admits(&r.unit, &r.load, &r.active, &r.sub, r.job.is_some()));
    rows.sort_by(|a, b| by_type(&a.unit, &b.unit));
    Ok(rows)
}

/// systemctl's order: by type, then by name, both without regard to case.
pub(super) fn by_type(a: &str, b: &str) -> std::cmp::Ordering {
    let key = |n: &str| {
        let suffix = n.rsplit_once('.').map_or("", |(_, s)| s).to_ascii_lowercase();
        (suffix, n.to_ascii_lowercase(), n.to_owned())
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mangles_as_systemctl() {
        for (typed, name) in [
            ("a", "a.service"),
            ("a.socket", "a.socket"),
            ("a.b", "a.b.service"),
            ("a@x", "a@x.service"),
            ("foo/bar", "foo-bar.service"),
            ("foo bar", "foo\\x20bar.service"),
            ("a b.socket", "a\\x20b.socket"),
            ("/run/x", "run-x.mount"),
            ("/dev/ttyS0", "dev-ttyS0.device"),
            ("a*", "a*"),
            ("a.*", "a.*"),
            ("", ".service"),
        ] {
            assert_eq!(mangle(typed), name);
        }
    }

    #[test]
    fn sorts_by_type_then_name() {
        let mut names = ["b.socket", "a.target", "B.service", "a.service", "c.service"];
        names.sort_by(|a, b| by_type(a, b));
        assert_eq!(names, ["a.service", "B.service", "c.service", "b.socket", "a.target"]);
    }
}
