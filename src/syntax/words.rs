//! A value becomes words: quotes, escapes, blanks, with the place of every word. Knows no
//! directives; which rules apply is the caller's choice.

use std::ops::Range;

/// One word of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Without quotes, escapes decoded.
    pub text: String,
    /// Bytes of the value that it was written with, quotes included.
    pub range: Range<usize>,
    /// Some part of it was in quotes.
    pub quoted: bool,
    /// The first escape that means nothing and was kept as written.
    pub unknown_escape: Option<Range<usize>>,
}

/// Why a value cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordError {
    /// Offset in the value.
    pub at: usize,
    /// What is wrong, in words that fit after "bad value: ".
    pub message: String,
}

/// What a backslash does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// Nothing, it is a character like others.
    Literal,
    /// Makes the next character a plain one.
    Next,
    /// C escapes; others are an error.
    C,
    /// C escapes; others are kept as written and reported.
    CRelaxed,
}

/// How to split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `'…'` and `"…"` group and vanish.
    pub quotes: bool,
    /// Meaning of backslashes.
    pub escapes: Escapes,
}

impl Rules {
    /// Command lines: quotes, C escapes, unknown escapes kept and reported.
    pub const COMMAND: Rules = Rules { quotes: true, escapes: Escapes::CRelaxed };
    /// Lists with quotes and C escapes (assignments of variables).
    pub const ESCAPED: Rules = Rules { quotes: true, escapes: Escapes::C };
    /// Lists of paths: quotes; a backslash makes the next character a plain one.
    pub const PATHS: Rules = Rules { quotes: true, escapes: Escapes::Next };
    /// Lists of unit names: quotes; backslashes belong to the names.
    pub const NAMES: Rules = Rules { quotes: true, escapes: Escapes::Literal };
    /// Plain blank-separated lists.
    pub const PLAIN: Rules = Rules { quotes: false, escapes: Escapes::Literal };
}

/// Splits a whole value.
pub fn split(text: &str, rules: Rules) -> Result<Vec<Word>, WordError> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(word) = next(text, at, rules)? {
        at = word.range.end;
        words.push(word);
    }
    Ok(words)
}

/// Whether a byte separates words.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The offset of the first non-blank from `at` on.
pub fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| is_blank(**b)).count()
}

/// Takes the first word from `at` on; `None` if only blanks are left.
pub fn next(text: &str, at: usize, rules: Rules) -> Result<Option<Word>, WordError> {
    let start = skip_blanks(text, at);
    if start >= text.len() {
        return Ok(None);
    }
    let mut scan = Scan { bytes: text.as_bytes(), at: start, out: Vec::new(), unknown: None };
    let mut quote: Option<(u8, usize)> = None;
    let mut quoted = false;
    while let Some(&b) = scan.bytes.get(scan.at) {
        match b {
            b'\\' if rules.escapes != Escapes::Literal => scan.escape(rules.escapes, quote)?,
            b if quote.is_some_and(|(q, _)| q == b) => {
                quote = None;
                scan.at += 1;
            }
            b'"' | b'\'' if rules.quotes && quote.is_none() => {
                quote = Some((b, scan.at));
                quoted = true;
                scan.at += 1;
            }
            b if is_blank(b) && quote.is_none() => break,
            b => {
                scan.out.push(b);
                scan.at += 1;
            }
        }
    }
    if let Some((sign, at)) = quote {
        return Err(WordError { at, message: format!("quote {} is not closed", char::from(sign)) });
    }
    let end = scan.at;
    let text = String::from_utf8(scan.out)
        .map_err(|_| WordError { at: start, message: "escapes in this word do not make valid UTF-8".to_owned() })?;
    Ok(Some(Word { text, range: start..end, quoted, unknown_escape: scan.unknown }))
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<u8>,
    unknown: Option<Range<usize>>,
}

impl Scan<'_> {
    fn escape(&mut self, escapes: Escapes, quote: Option<(u8, usize)>) -> Result<(), WordError> {
        let rest = &self.bytes[self.at + 1..];
        let Some(&after) = rest.first() else {
            // A backslash that ends the value escapes nothing.
            return match (escapes, quote) {
                (Escapes::CRelaxed, None) => {
                    self.keep(1);
                    Ok(())
                }
                (_, Some((sign, at))) => {
                    Err(WordError { at, message: format!("quote {} is not closed", char::from(sign)) })
                }
                _ => Err(WordError { at: self.at, message: "backslash at the end escapes nothing".to_owned() }),
            };
        };
        if escapes == Escapes::Next {
            self.out.push(after);
            self.at += 2;
            return Ok(());
        }
        match decode(rest) {
            Some((Decoded::Byte(byte), len)) => {
                self.out.push(byte);
                self.at += 1 + len;
            }
            Some((Decoded::Char(c), len)) => {
                self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                self.at += 1 + len;
            }
            None if escapes == Escapes::CRelaxed => {
                let len = std::str::from_utf8(rest).ok().and_then(|s| s.chars().next()).map_or(1, char::len_utf8);
                self.keep(1 + len);
            }
            None => {
                return Err(WordError { at: self.at, message: format!("unknown escape \\{}", char::from(after)) });
            }
        }
        Ok(())
    }

    /// Keeps bytes of an escape that means nothing.
    fn keep(&mut self, len: usize) {
        let range = self.at..self.at + len;
        self.out.extend_from_slice(&self.bytes[range.clone()]);
        self.at = range.end;
        self.unknown.get_or_insert(range);
    }
}

enum Decoded {
    Byte(u8),
    Char(char),
}

/// Decodes what follows a backslash; the number is how many bytes it took. NUL cannot be written.
fn decode(rest: &[u8]) -> Option<(Decoded, usize)> {
    const SHORT: &[(u8, u8)] = &[
        (b'a', 7),
        (b'b', 8),
        (b'f', 12),
        (b'n', b'\n'),
        (b'r', b'\r'),
        (b't', b'\t'),
        (b'v', 11),
        (b'\\', b'\\'),
        (b'"', b'"'),
        (b'\'', b'\''),
        (b's', b' '),
    ];
    let first = *rest.first()?;
    if let Some((_, byte)) = SHORT.iter().find(|(letter, _)| *letter == first) {
        return Some((Decoded::Byte(*byte), 1));
    }
    let (skip, len, radix) = match first {
        b'x' => (1, 2, 16),
        b'u' => (1, 4, 16),
        b'U' => (1, 8, 16),
        b'0'..=b'7' => (0, 3, 8),
        _ => return None,
    };
    let digits = rest.get(skip..skip + len)?;
    let number = digits.iter().try_fold(0_u32, |n, d| {
        let digit = char::from(*d).to_digit(radix)?;
        n.checked_mul(radix)?.checked_add(digit)
    })?;
    if number == 0 {
        return None;
    }
    let decoded = match first {
        b'u' | b'U' => Decoded::Char(char::from_u32(number)?),
        _ => Decoded::Byte(u8::try_from(number).ok()?),
    };
    Some((decoded, skip + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, rules: Rules) -> Vec<String> {
        split(text, rules).unwrap().into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn service_1_and_2_quotes_and_escapes() {
        let line = r#"/bin/echo "a b" 'c d' e\x20f "g"h"#;
        assert_eq!(texts(line, Rules::COMMAND), ["/bin/echo", "a b", "c d", "e f", "gh"]);
        assert_eq!(texts(r#"/bin/echo "" x"#, Rules::COMMAND), ["/bin/echo", "", "x"]);
        assert_eq!(texts(r#"a"b c"'d'"#, Rules::COMMAND), ["ab cd"]);
    }

    #[test]
    fn every_escape() {
        let line = r#"\a\b\f\n\r\t\v\\\"\'\s\x41\101\u00e4\U0001F600"#;
        assert_eq!(texts(line, Rules::COMMAND), ["\x07\x08\x0c\n\r\t\x0b\\\"' AA\u{e4}\u{1f600}"]);
        // A byte of its own joins its neighbours.
        assert_eq!(texts(r"\xc3\xa4", Rules::ESCAPED), ["ä"]);
        assert!(split(r"\xff", Rules::ESCAPED).is_err());
    }

    #[test]
    fn unknown_escapes_are_kept_and_reported_or_refused() {
        for bad in [r"\q", r"\x0", r"\x00", r"\000", r"\400", r"\u0000", r"\ud800", r"\;", r"\ä"] {
            let words = split(bad, Rules::COMMAND).unwrap();
            assert_eq!(words[0].text, bad);
            assert_eq!(words[0].unknown_escape.as_ref().map(|r| r.start), Some(0), "{bad}");
            assert!(split(bad, Rules::ESCAPED).is_err(), "{bad}");
        }
        let lone = split("a \\", Rules::COMMAND).unwrap();
        assert_eq!((lone[1].text.as_str(), &lone[1].unknown_escape), ("\\", &Some(2..3)));
        assert_eq!(split("a \\", Rules::ESCAPED).unwrap_err().at, 2);
    }

    #[test]
    fn unbalanced_quotes_name_the_opening_one() {
        for rules in [Rules::COMMAND, Rules::ESCAPED, Rules::PATHS, Rules::NAMES] {
            assert_eq!(split("ab \"c d", rules).unwrap_err().at, 3);
        }
        assert_eq!(split("a 'b\\", Rules::COMMAND).unwrap_err().at, 2);
    }

    #[test]
    fn socket_73_paths() {
        assert_eq!(texts(r#""/run/a b" /run/c"#, Rules::PATHS), ["/run/a b", "/run/c"]);
        assert_eq!(texts(r"/a\ b /c\\d", Rules::PATHS), ["/a b", "/c\\d"]);
    }

    #[test]
    fn literal_rules_keep_backslashes() {
        assert_eq!(texts(r"a\x2db.service 'c d'", Rules::NAMES), [r"a\x2db.service", "c d"]);
        assert_eq!(texts(r#"a"b 'c"#, Rules::PLAIN), [r#"a"b"#, "'c"]);
    }

    #[test]
    fn words_know_their_places() {
        let text = "  a \t'b c'd\n";
        let words = split(text, Rules::COMMAND).unwrap();
        let places: Vec<(&str, bool)> = words.iter().map(|w| (&text[w.range.clone()], w.quoted)).collect();
        assert_eq!(places, [("a", false), ("'b c'd", true)]);
    }
}
