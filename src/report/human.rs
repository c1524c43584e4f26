//! Diagnostics for people: excerpt and caret. The only user of annotate-snippets.

use super::{Diagnostic, Severity};
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use std::ops::Range;

/// Lines shown of a finding that spans many.
const LINES_MAX: usize = 5;
/// Characters shown of one line, and how many of them stand before the finding.
const COLUMNS_MAX: usize = 120;
const COLUMNS_BEFORE: usize = 30;

/// Renders one diagnostic, without a line end.
pub fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Notice => Level::NOTE.with_name("notice"),
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let mut message = printable(&diagnostic.message);
    if let (None, Some(unit)) = (&diagnostic.place, &diagnostic.unit) {
        message = format!("{}: {message}", printable(unit));
    }
    let mut group = level.primary_title(message).id(diagnostic.code).elements(Vec::<Origin<'_>>::new());
    if let Some(place) = &diagnostic.place {
        let path = printable(&place.source.path);
        match Excerpt::cut(&place.source.text, &place.span) {
            None => group = group.element(Origin::path(path)),
            Some(Excerpt { text, line, span, skipped }) => {
                let snippet = Snippet::source(text).line_start(line).fold(false);
                let mut snippet = snippet.annotation(AnnotationKind::Primary.span(span));
                match diagnostic.line_column().filter(|_| skipped) {
                    // The column of the excerpt would not be that of the file.
                    Some((line, column)) => {
                        group = group.element(Origin::path(path).line(line).char_column(column));
                    }
                    None => snippet = snippet.path(path),
                }
                group = group.element(snippet);
            }
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(COLUMNS_MAX + 20).render(&[group])
}

/// Renders all, each followed by an empty line.
pub fn render_all<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, color: bool) -> String {
    diagnostics.into_iter().map(|d| render(d, color) + "\n\n").collect()
}

/// Control characters of a file must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(shown).collect()
}

fn shown(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A piece of a text that fits a screen, and where the finding is in it.
struct Excerpt {
    text: String,
    line: usize,
    span: Range<usize>,
    /// The first line does not begin at its beginning.
    skipped: bool,
}

impl Excerpt {
    /// `None` if there is no text to show.
    fn cut(text: &str, span: &Range<usize>) -> Option<Excerpt> {
        if text.is_empty() {
            return None;
        }
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let first = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line = text[..first].matches('\n').count() + 1;
        let mut excerpt = Excerpt { text: String::new(), line, span: 0..0, skipped: false };
        let mut at = first;
        for (i, content) in text[first..].split('\n').take(LINES_MAX).enumerate() {
            if at > end || (i > 0 && at == end) {
                break;
            }
            if i > 0 {
                excerpt.text.push('\n');
            }
            excerpt.line(content, at, &(start..end));
            at += content.len() + 1;
        }
        // A caret needs a character to stand below, be it behind the end of a line.
        excerpt.span.end = excerpt.span.end.max(excerpt.span.start);
        Some(excerpt)
    }

    /// Adds one line that stands at `at`, and moves the ends of the span that lie in it.
    fn line(&mut self, content: &str, at: usize, wanted: &Range<usize>) {
        let focus = wanted.start.saturating_sub(at).min(content.len());
        let long = content.chars().count() > COLUMNS_MAX;
        let before = content[..focus].chars().count();
        let skip = if long { before.saturating_sub(COLUMNS_BEFORE) } else { 0 };
        if skip > 0 {
            self.skipped |= self.text.is_empty();
            self.text.push('…');
        }
        let mut last = at;
        for (i, c) in content.char_indices().skip(skip).take(COLUMNS_MAX) {
            if at + i == wanted.start {
                self.span.start = self.text.len();
            }
            self.text.push(shown(c));
            last = at + i + c.len_utf8();
            if last <= wanted.end {
                self.span.end = self.text.len();
            }
        }
        if at + content.len() == wanted.start {
            self.span.start = self.text.len();
        }
        if last < at + content.len() {
            self.text.push('…');
        }
    }
}

/// The nearest character boundary at or before a position.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Place, Source};
    use std::sync::Arc;

    fn diagnostic(text: &str, span: Range<usize>) -> Diagnostic {
        let source = Arc::new(Source { path: "/etc/porterd/units/a.socket".into(), text: text.into() });
        Diagnostic::new("unknown-key", "unknown key 'ListenSteam' in [Socket]", Some(Place { source, span }))
    }

    #[test]
    fn excerpt_with_caret_and_help() {
        let d = diagnostic("[Socket]\nListenSteam=80\nAccept=yes\n", 9..20).with_help("did you mean ListenStream?");
        expect_test::expect![[r#"
            warning[unknown-key]: unknown key 'ListenSteam' in [Socket]
             --> /etc/porterd/units/a.socket:2:1
              |
            2 | ListenSteam=80
              | ^^^^^^^^^^^
              |
              = help: did you mean ListenStream?"#]]
        .assert_eq(&render(&d, false));
    }

    #[test]
    fn several_lines() {
        let d = diagnostic("[S]\nA=b\\\n c\\\n d\nB=1", 6..15);
        expect_test::expect![[r#"
            warning[unknown-key]: unknown key 'ListenSteam' in [Socket]
             --> /etc/porterd/units/a.socket:2:3
              |
            2 |   A=b\
              |  ___^
            3 | |  c\
            4 | |  d
              | |__^"#]]
        .assert_eq(&render(&d, false));
    }

    #[test]
    fn long_lines_are_cut_around_the_finding() {
        let text = format!("[S]\nA={} here {}", "x".repeat(100_000), "y".repeat(100_000));
        let at = text.find("here").unwrap();
        let shown = render(&diagnostic(&text, at..at + 4), false);
        expect_test::expect![[r#"
            warning[unknown-key]: unknown key 'ListenSteam' in [Socket]
             --> /etc/porterd/units/a.socket:2:100004
              |
             ::: 
            2 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxx here yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…
              |                                ^^^^"#]].assert_eq(&shown);
    }

    #[test]
    fn without_place_without_text_and_at_the_end() {
        let mut d = Diagnostic::new("unit-not-found", "no file of this name", None);
        d.unit = Some("x.socket".into());
        expect_test::expect!["error[unit-not-found]: x.socket: no file of this name"].assert_eq(&render(&d, false));
        expect_test::expect![[r#"
            warning[unknown-key]: unknown key 'ListenSteam' in [Socket]
            --> /etc/porterd/units/a.socket"#]]
        .assert_eq(&render(&diagnostic("", 0..0), false));
        expect_test::expect![[r#"
            warning[unknown-key]: unknown key 'ListenSteam' in [Socket]
             --> /etc/porterd/units/a.socket:2:3
              |
            2 | A=
              |   ^"#]]
        .assert_eq(&render(&diagnostic("[S]\nA=", 6..6), false));
    }

    #[test]
    fn terminals_are_safe_and_every_span_renders() {
        let text = "a\u{1b}[31mb\nä\u{7}\n\n…";
        let shown = render(&diagnostic(text, 1..2), false);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown}");
        for start in 0..text.len() + 2 {
            for end in 0..text.len() + 2 {
                assert!(render(&diagnostic(text, start..end), false).contains("unknown-key"));
            }
        }
    }
}
