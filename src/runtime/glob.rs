//! glob(7) over real directories, and fnmatch(3) for single names. No braces, no tilde.
#![allow(clippy::disallowed_methods, reason = "patterns are matched against the file system")]

use std::path::{Path, PathBuf};

/// Directory entries looked at for one pattern; a pattern over an enormous tree ends early.
const ENTRIES_MAX: usize = 100_000;

/// Whether a name matches a pattern of `*`, `?`, `[…]` and `\`. A slash is an ordinary character.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // The classic two-finger match: on a mismatch go back to the last star and let it take one more.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(_) => {
                if let Some(used) = match_one(&pattern[p..], name[n]) {
                    p += used;
                    n += 1;
                    continue;
                }
            }
            None => {}
        }
        let Some((star_p, star_n)) = star else {
            return false;
        };
        star = Some((star_p, star_n + 1));
        p = star_p + 1;
        n = star_n + 1;
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Pattern characters used up if the first element of the pattern matches `c`.
fn match_one(pattern: &[char], c: char) -> Option<usize> {
    match pattern[0] {
        '?' => Some(1),
        '\\' if pattern.len() > 1 => (pattern[1] == c).then_some(2),
        '[' => match class(pattern) {
            Some((length, body, negated)) => (in_class(body, c) != negated).then_some(length),
            None => (c == '[').then_some(1),
        },
        literal => (literal == c).then_some(1),
    }
}

/// `[…]` at the start of the pattern: its length, what is inside, and whether it is negated.
fn class(pattern: &[char]) -> Option<(usize, &[char], bool)> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let start = if negated { 2 } else { 1 };
    // A bracket that comes first stands for itself.
    let end = pattern.iter().skip(start + 1).position(|c| *c == ']')? + start + 1;
    Some((end + 1, &pattern[start..end], negated))
}

fn in_class(mut body: &[char], c: char) -> bool {
    while let Some(first) = body.first() {
        match (body.get(1), body.get(2)) {
            (Some('-'), Some(last)) => {
                if (*first..=*last).contains(&c) {
                    return true;
                }
                body = &body[3..];
            }
            _ => {
                if *first == c {
                    return true;
                }
                body = &body[1..];
            }
        }
    }
    false
}

/// Existing paths that match an absolute pattern, sorted.
pub(super) fn paths(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    let mut budget = ENTRIES_MAX;
    for part in pattern.split('/').filter(|p| !p.is_empty()) {
        found = found.iter().flat_map(|dir| children(dir, part, &mut budget)).collect();
    }
    found.sort();
    found
}

fn children(dir: &Path, pattern: &str, budget: &mut usize) -> Vec<PathBuf> {
    if !pattern.contains(['*', '?', '[', '\\']) {
        let path = dir.join(pattern);
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    }
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        if *budget == 0 {
            break;
        }
        *budget -= 1;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        // As in a shell, a leading dot has to be written.
        if (!name.starts_with('.') || pattern.starts_with('.')) && matches(pattern, name) {
            found.push(entry.path());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, yes, no) in [
            ("a*c", "abbbc", "abbb"),
            ("*.socket", "x.socket", "x.sockets"),
            ("?b", "ab", "b"),
            ("[a-c]x", "bx", "dx"),
            ("[!a-c]x", "dx", "bx"),
            ("[]]", "]", "["),
            ("\\*", "*", "a"),
            ("*a*b*", "xaxbx", "xbxax"),
            ("[", "[", "a"),
            ("", "", "a"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(!matches(pattern, no), "{pattern} {no}");
        }
    }

    #[test]
    fn directories() {
        assert_eq!(paths("/proc/sel[f]/stat*").first(), Some(&PathBuf::from("/proc/self/stat")));
        assert!(paths("/proc/no-such-*/x").is_empty());
    }
}
