//! Shell globs for unit names, as fnmatch(3) without flags has them. Pure.

/// Whether a name matches one of the patterns; an empty list matches everything.
pub fn any_matches(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|p| matches(p, name))
}

/// Whether a text is a pattern rather than a name.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether a name matches a pattern of `*`, `?`, `[a-z]`, `[!a-z]` and `\` escapes. Takes time
/// proportional to the product of both lengths at worst: only the last `*` is ever retried.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut i, mut j) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while j < n.len() {
        if p.get(i) == Some(&'*') {
            i += 1;
            retry = Some((i, j));
            continue;
        }
        match one(&p[i..], n[j]) {
            Some(length) => {
                i += length;
                j += 1;
            }
            None => match retry {
                Some((star, at)) => {
                    i = star;
                    j = at + 1;
                    retry = Some((star, j));
                }
                None => return false,
            },
        }
    }
    p[i..].iter().all(|c| *c == '*')
}

/// Length of the pattern element at the start of `p` if it matches `c`.
fn one(p: &[char], c: char) -> Option<usize> {
    match *p.first()? {
        '?' => Some(1),
        '\\' if p.len() > 1 => (p[1] == c).then_some(2),
        '[' => match set(p) {
            Some((length, negated, members)) => (contains(members, c) != negated).then_some(length),
            None => (c == '[').then_some(1),
        },
        other => (other == c).then_some(1),
    }
}

/// A bracket expression at the start of `p`: its length, whether it is negated, its members.
fn set(p: &[char]) -> Option<(usize, bool, &[char])> {
    let negated = matches!(p.get(1), Some('!' | '^'));
    let first = if negated { 2 } else { 1 };
    // A `]` that comes first is a member.
    let end = p.iter().skip(first + 1).position(|c| *c == ']')? + first + 1;
    Some((end + 1, negated, &p[first..end]))
}

fn contains(members: &[char], c: char) -> bool {
    let mut i = 0;
    while i < members.len() {
        if members.get(i + 1) == Some(&'-') && i + 2 < members.len() {
            if (members[i]..=members[i + 2]).contains(&c) {
                return true;
            }
            i += 3;
        } else {
            if members[i] == c {
                return true;
            }
            i += 1;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_as_the_shell_does() {
        for (pattern, name, expected) in [
            ("*", "a.socket", true),
            ("*", "", true),
            ("*.socket", "a.socket", true),
            ("*.socket", "a.service", false),
            ("a?.socket", "ab.socket", true),
            ("a?.socket", "a.socket", false),
            ("[a-c]x*", "bx@1.service", true),
            ("[!a-c]x*", "bx@1.service", false),
            ("[]x]", "]", true),
            ("[a", "[a", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("**a**b**", "xaxbx", true),
            ("a-b", "a-b", true),
            ("[a-]", "-", true),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        assert!(!matches(&format!("{}c", "a*".repeat(100)), &format!("{}b", "a".repeat(10_000))));
    }
}
