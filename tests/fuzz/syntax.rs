//! Any bytes are a unit file: nothing panics, no byte is lost, every span lies in the text.
#![cfg_attr(fuzzing, no_main)]
#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]

use porterd::report::{Span, human, machine};
use porterd::syntax::{self, Value, words};

#[cfg(not(fuzzing))]
#[path = "replay.rs"]
mod replay;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    const WORDS: [&str; 22] = [
        "\n", "\r", "\0", "\r\n", "\\", "\\\n", "\\\\\n", "[", "]", "[X-", "=", "#", ";", " ", "\t", "\u{feff}", "\"",
        "'", "\\x41", "\\u00e4", "ä", "\u{1b}",
    ];
    replay::run("syntax", &WORDS, check);
}

fn check(bytes: &[u8]) {
    let document = syntax::parse("fuzz", bytes);
    assert!(document.to_bytes() == bytes, "bytes were lost");
    let shown = &*document.source.text;
    let inside = |span: &Span| assert!(shown.get(span.clone()).is_some(), "{span:?} is not in the text");
    for section in &document.sections {
        inside(&section.name_place);
        for entry in &section.entries {
            assert!(!entry.key.is_empty() && entry.key.trim_matches(syntax::lines::BLANKS) == &*entry.key);
            inside(&entry.key_span);
            check_value(&entry.value, shown);
        }
    }
    for diagnostic in document.diagnostics.iter().chain(&document.fatal).take(3) {
        inside(&diagnostic.place.as_ref().expect("findings about text have a place").span);
        assert!(diagnostic.line_column().is_some());
        assert!(!human::render(diagnostic, false).contains('\u{1b}'));
        assert!(!machine::render(diagnostic).contains('\n'));
    }
}

fn check_value(value: &Value, shown: &str) {
    assert!(value.text.trim_matches(syntax::lines::BLANKS) == &*value.text);
    assert!(!value.text.contains(['\0', '\n', '\r']));
    let mut before = value.whole().start;
    for (at, c) in value.text.char_indices() {
        let span = value.span(at..at + c.len_utf8());
        assert!(span.start >= before, "places go backwards");
        before = span.start;
        let there = &shown[span];
        // A continuation backslash is a blank in the value.
        assert!(there.starts_with(c) || (c == ' ' && there.starts_with('\\')), "{there:?} is not {c:?}");
    }
    let rules =
        [words::Rules::COMMAND, words::Rules::ESCAPED, words::Rules::PATHS, words::Rules::NAMES, words::Rules::PLAIN];
    for rules in rules {
        match words::split(&value.text, rules) {
            Ok(found) => {
                let mut end = 0;
                for word in found {
                    assert!(word.range.start >= end && !word.range.is_empty());
                    assert!(value.text.get(word.range.clone()).is_some());
                    end = word.range.end;
                    if let Some(escape) = word.unknown_escape {
                        assert!(value.text[escape].starts_with('\\'));
                    }
                }
            }
            Err(e) => assert!(value.text.is_char_boundary(e.at) && e.at < value.text.len()),
        }
    }
}
