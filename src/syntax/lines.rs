//! Bytes become physical lines, physical lines become logical ones: line ends, comments,
//! continuation. Knows neither sections nor keys.

use crate::bounds::LINE_BYTES_MAX;
use std::ops::Range;

/// Characters that count as blank at the ends of lines, keys and values.
pub const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One physical line: `content` without, `whole` with its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Bytes of the text of the line.
    pub content: Range<usize>,
    /// Bytes of the line including its end; the lines of a file adjoin.
    pub whole: Range<usize>,
}

/// One logical line: what is left of physical lines after continuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logical<'a> {
    /// The bytes; every continuation backslash is a blank.
    pub bytes: &'a [u8],
    /// Where pieces of `bytes` came from, sorted by the first number: offset in `bytes`, offset in
    /// the file.
    pub pieces: &'a [(usize, usize)],
}

/// Why no further line could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Offset in the file where the line that is too long begins.
    pub at: usize,
}

fn end_marker(byte: u8) -> u8 {
    match byte {
        0 => 1,
        b'\n' => 2,
        b'\r' => 4,
        _ => 0,
    }
}

/// Splits bytes into physical lines. A line end is LF, CR or NUL, or a run of these without a
/// repetition that NUL closes (`\r\n`, `\n\r`, `\r\n\0` are one line end; `\n\n` are two).
pub fn physical(bytes: &[u8]) -> impl Iterator<Item = Line> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let content = start + memchr::memchr3(0, b'\n', b'\r', rest).unwrap_or(rest.len());
        let mut end = content;
        let mut seen = 0;
        while let Some(marker) = bytes.get(end).map(|b| end_marker(*b)) {
            if marker == 0 || seen & (marker | 1) != 0 {
                break;
            }
            seen |= marker;
            end += 1;
        }
        let line = Line { content: start..content, whole: start..end };
        start = end;
        Some(line)
    })
}

/// Whether the bytes end inside an escape; pairs of backslashes are counted from the start.
fn ends_escaped(bytes: &[u8]) -> bool {
    bytes.last() == Some(&b'\\') && bytes.iter().fold(false, |escaped, b| !escaped && *b == b'\\')
}

fn is_comment(line: &[u8]) -> bool {
    let first = line.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
    matches!(first, Some(b'#' | b';'))
}

/// Hands every logical line to `each` until it returns `false`; comments are gone.
pub fn logical(bytes: &[u8], mut each: impl FnMut(&Logical<'_>) -> bool) -> Result<(), TooLong> {
    let (mut joined, mut pieces) = (Vec::new(), Vec::new());
    let mut pending = false;
    let mut bom_seen = false;
    for line in physical(bytes) {
        if line.content.len() > LINE_BYTES_MAX {
            return Err(TooLong { at: line.content.start });
        }
        let mut text = &bytes[line.content.clone()];
        let mut from = line.content.start;
        if is_comment(text) {
            continue;
        }
        if !bom_seen && text.starts_with(BOM) {
            bom_seen = true;
            text = &text[BOM.len()..];
            from += BOM.len();
        }
        // What is pending ended in a backslash that is a blank now: no escape reaches into `text`.
        let goes_on = ends_escaped(text);
        if !pending && !goes_on {
            if !each(&Logical { bytes: text, pieces: &[(0, from)] }) {
                return Ok(());
            }
            continue;
        }
        if joined.len() + text.len() > LINE_BYTES_MAX {
            return Err(TooLong { at: pieces.first().map_or(from, |p: &(usize, usize)| p.1) });
        }
        pieces.push((joined.len(), from));
        joined.extend_from_slice(text);
        pending = goes_on;
        if goes_on {
            joined.pop();
            joined.push(b' ');
        } else {
            if !each(&Logical { bytes: &joined, pieces: &pieces }) {
                return Ok(());
            }
            joined.clear();
            pieces.clear();
        }
    }
    if pending {
        each(&Logical { bytes: &joined, pieces: &pieces });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        logical(text, |l| {
            out.push(String::from_utf8_lossy(l.bytes).into_owned());
            true
        })
        .unwrap();
        out
    }

    #[test]
    fn every_kind_of_line_end() {
        for end in ["\n", "\r", "\0", "\r\n", "\n\r", "\n\0", "\r\0", "\r\n\0", "\n\r\0"] {
            let text = format!("a{end}b{end}");
            assert_eq!(all(text.as_bytes()), ["a", "b"], "{end:?}");
        }
        assert_eq!(all(b"a\n\nb"), ["a", "", "b"]);
        assert_eq!(all(b"a\0\nb"), ["a", "", "b"]);
        assert_eq!(all(b"a\r\rb"), ["a", "", "b"]);
        assert_eq!(all(b""), [""; 0]);
    }

    #[test]
    fn continuation_keeps_the_blanks_of_the_next_line() {
        assert_eq!(all(b"a\\\n# c\n;c\n  b"), ["a   b"]);
        assert_eq!(all(b"8\\\n0"), ["8 0"]);
        assert_eq!(all(b"80\\\n\nc"), ["80 ", "c"]);
        assert_eq!(all(b"a\\\\\nb"), ["a\\\\", "b"]);
        assert_eq!(all(b"a \\ \nb"), ["a \\ ", "b"]);
        assert_eq!(all(b"a\\"), ["a "]);
    }

    #[test]
    fn parity_counts_from_the_start_of_the_logical_line() {
        assert_eq!(all(b"a\\\n\\\\\nb"), ["a \\\\", "b"]);
        assert_eq!(all(b"a\\\\\\\nb"), ["a\\\\ b"]);
    }

    #[test]
    fn a_mark_hides_a_comment_sign() {
        assert_eq!(all(b"\xef\xbb\xbf# x\na"), ["# x", "a"]);
        assert_eq!(all(b"# c\n\xef\xbb\xbfa\n\xef\xbb\xbfb"), ["a", "\u{feff}b"]);
    }

    #[test]
    fn too_long_alone_and_joined() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(all(&long).len(), 1);
        let mut text = b"ok\n#".to_vec();
        text.extend_from_slice(&long);
        assert_eq!(logical(&text, |_| true), Err(TooLong { at: 3 }));
        let mut joined = b"abc\\\n".to_vec();
        joined.extend_from_slice(&long);
        assert_eq!(logical(&joined, |_| true), Err(TooLong { at: 0 }));
    }
}
