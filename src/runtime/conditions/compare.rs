//! Comparisons: `OPERATOR VALUE`, version order, sizes.

use super::Answer;
use std::cmp::Ordering;

/// Operators, longest first so that `<` does not hide `<=`.
const OPERATORS: [&str; 10] = ["!$=", "$=", "<>", "<=", ">=", "==", "!=", "<", ">", "="];

/// Splits a leading operator off.
pub(super) fn operator(text: &str) -> Option<(&'static str, &str)> {
    OPERATORS.iter().find_map(|op| text.strip_prefix(op).map(|rest| (*op, rest.trim_start())))
}

/// Whether an order satisfies an operator; `None` for the pattern operators.
pub(super) fn satisfies(operator: &str, order: Ordering) -> Option<bool> {
    Some(match operator {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        "=" | "==" => order.is_eq(),
        "!=" | "<>" => order.is_ne(),
        ">=" => order.is_ge(),
        ">" => order.is_gt(),
        _ => return None,
    })
}

/// `[OPERATOR]NUMBER`; without an operator "at least".
pub(super) fn number(value: &str, actual: u64, parse: impl Fn(&str) -> Option<u64>) -> Answer {
    let (op, rest) = operator(value.trim()).unwrap_or((">=", value.trim()));
    let wanted = parse(rest).ok_or_else(|| format!("`{rest}` is no number"))?;
    satisfies(op, actual.cmp(&wanted)).ok_or_else(|| format!("`{op}` compares no numbers"))
}

/// One expression about a version or a text: with an operator a comparison, without one a pattern.
pub(super) fn expression(expression: &str, actual: &str) -> bool {
    match operator(expression) {
        Some(("$=", pattern)) => crate::runtime::glob::matches(pattern, actual),
        Some(("!$=", pattern)) => !crate::runtime::glob::matches(pattern, actual),
        Some((op, wanted)) => satisfies(op, versions(actual, wanted)).unwrap_or(false),
        None => crate::runtime::glob::matches(expression, actual),
    }
}

/// Blank-separated expressions; an operator may stand apart from its value.
pub(super) fn words(value: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in value.split_whitespace() {
        match out.last_mut() {
            Some(last) if OPERATORS.contains(&last.as_str()) => last.push_str(word),
            _ => out.push(word.to_owned()),
        }
    }
    out
}

/// Bytes with an optional suffix of powers of 1024.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        "P" => 1 << 50,
        "E" => 1 << 60,
        _ => return None,
    };
    digits.trim_end().parse::<u64>().ok()?.checked_mul(unit)
}

/// The order of versions in the UAPI version format: digits by value, `~` before everything, then
/// `-`, `^`, `.`, letters by byte.
pub(super) fn versions(a: &str, b: &str) -> Ordering {
    let keep = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '~' | '-' | '^' | '.');
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().filter(keep).collect(), b.chars().filter(keep).collect());
    let (mut i, mut j) = (0, 0);
    loop {
        for separator in ['~', '-', '^', '.'] {
            let here = (a.get(i) == Some(&separator), b.get(j) == Some(&separator));
            match here {
                (true, true) => {
                    i += 1;
                    j += 1;
                }
                // A tilde is older than nothing at all; a caret newer than nothing, but older than more.
                (true, false) if separator == '~' => return Ordering::Less,
                (false, true) if separator == '~' => return Ordering::Greater,
                (true, false) => {
                    return if b.get(j).is_none() { Ordering::Greater } else { Ordering::Less };
                }
                (false, true) => {
                    return if a.get(i).is_none() { Ordering::Less } else { Ordering::Greater };
                }
                (false, false) => {}
            }
        }
        let (run_a, run_b) = (run(&a[i..]), run(&b[j..]));
        if run_a.is_empty() || run_b.is_empty() {
            return a[i..].len().min(1).cmp(&b[j..].len().min(1));
        }
        let digits = (run_a[0].is_ascii_digit(), run_b[0].is_ascii_digit());
        let order = match digits {
            (true, true) => numeric(run_a, run_b),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => run_a.cmp(run_b),
        };
        if order.is_ne() {
            return order;
        }
        i += run_a.len();
        j += run_b.len();
    }
}

/// The leading run of digits, or of letters.
fn run(text: &[char]) -> &[char] {
    let Some(first) = text.first() else {
        return text;
    };
    let same = |c: &char| match first.is_ascii_digit() {
        true => c.is_ascii_digit(),
        false => c.is_ascii_alphabetic(),
    };
    &text[..text.iter().position(|c| !same(c)).unwrap_or(text.len())]
}

fn numeric(a: &[char], b: &[char]) -> Ordering {
    let significant = |d: &[char]| d.iter().position(|c| *c != '0').map_or(0, |zeros| d.len() - zeros);
    let (len_a, len_b) = (significant(a), significant(b));
    len_a.cmp(&len_b).then_with(|| a[a.len() - len_a..].cmp(&b[b.len() - len_b..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        for (low, high) in [
            ("5.9", "5.10"),
            ("6.1~rc1", "6.1"),
            ("6.1", "6.1.1"),
            ("6.1", "6.1-2"),
            ("6.1-2", "6.1.1"),
            ("1.0a", "1.0b"),
            ("1.a", "1.1"),
            ("007", "8"),
        ] {
            assert_eq!(versions(low, high), Ordering::Less, "{low} {high}");
            assert_eq!(versions(high, low), Ordering::Greater, "{high} {low}");
        }
        assert_eq!(versions("6.01", "6.1"), Ordering::Equal);
    }

    #[test]
    fn expressions() {
        assert!(expression(">=5.4", "6.1.0") && !expression("<5.4", "6.1.0"));
        assert!(expression("6.*", "6.1.0") && expression("$=6.*", "6.1.0") && expression("!$=5.*", "6.1.0"));
        assert_eq!(words(">= 5 <7"), [">=5", "<7"]);
    }

    #[test]
    fn numbers() {
        assert_eq!(number("4", 4, |t| t.parse().ok()), Ok(true));
        assert_eq!(number("< 4", 4, |t| t.parse().ok()), Ok(false));
        assert!(number("x", 4, |t| t.parse().ok()).is_err());
        assert_eq!((bytes("2G"), bytes("3X"), bytes("7")), (Some(2 << 30), None, Some(7)));
    }
}
