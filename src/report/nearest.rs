//! The nearest of some words, for "did you mean".

/// Longest word that is compared, in bytes; longer ones are no slip of the fingers.
const WORD_BYTES_MAX: usize = 64;

/// The candidate that the word was probably meant to be: equal but for case, or a few slips away
/// (a missing, extra, wrong or exchanged character). `None` if nothing is near.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > WORD_BYTES_MAX {
        return None;
    }
    let wanted: Vec<char> = word.to_lowercase().chars().collect();
    // One slip in every three characters is still recognizable, four never are.
    let slips_max = (wanted.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.filter(|c| c.len() <= WORD_BYTES_MAX && *c != word) {
        let other: Vec<char> = candidate.to_lowercase().chars().collect();
        if other.len().abs_diff(wanted.len()) > slips_max {
            continue;
        }
        let slips = distance(&wanted, &other);
        if slips <= slips_max && slips < other.len() && best.is_none_or(|(least, _)| slips < least) {
            best = Some((slips, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Edit distance where exchanging two neighbours is one slip.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(ca != cb)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 6] = ["ListenStream", "ListenDatagram", "Accept", "User", "Group", "Service"];

    fn near(word: &str) -> Option<&'static str> {
        nearest(word, WORDS.into_iter())
    }

    #[test]
    fn slips_and_case() {
        assert_eq!(near("listenstream"), Some("ListenStream"));
        assert_eq!(near("ListenSteam"), Some("ListenStream"));
        assert_eq!(near("ListenSrteam"), Some("ListenStream"));
        assert_eq!(near("Acept"), Some("Accept"));
        assert_eq!(near("Usre"), Some("User"));
        assert_eq!(near("ListenDatagramm"), Some("ListenDatagram"));
    }

    #[test]
    fn nothing_near() {
        assert_eq!(near("Banana"), None);
        assert_eq!(near(""), None);
        assert_eq!(near("U"), None);
        assert_eq!(near(&"x".repeat(1000)), None);
    }

    #[test]
    fn distances() {
        let d = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!((d("ab", "ba"), d("abc", "abc"), d("", "abc"), d("kitten", "sitting")), (1, 0, 3, 3));
    }
}
