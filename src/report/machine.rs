//! Diagnostics for programs: JSON, one line each.

use super::{Diagnostic, Severity};
use serde::Serialize;

/// The wire form of a diagnostic. Fields are only ever added.
#[derive(Serialize)]
struct Line<'a> {
    code: &'a str,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// In characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// First byte and the one behind the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// The word for a severity.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// One diagnostic as one line of JSON, without a line end.
pub fn render(diagnostic: &Diagnostic) -> String {
    let position = diagnostic.line_column();
    let place = diagnostic.place.as_ref();
    let line = Line {
        code: diagnostic.code,
        severity: severity_word(diagnostic.severity),
        unit: diagnostic.unit.as_deref(),
        message: &diagnostic.message,
        path: place.map(|p| &*p.source.path),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        span: place.map(|p| [p.span.start, p.span.end]),
        help: diagnostic.help.as_deref(),
    };
    // Strings and numbers cannot fail to become JSON.
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Place, Source};
    use std::sync::Arc;

    #[test]
    fn one_line_with_everything() {
        let source = Arc::new(Source { path: "/u/a.socket".into(), text: "[Socket]\näö=1\n".into() });
        let mut diagnostic =
            Diagnostic::new("unknown-key", "unknown key \"ö\"\n", Some(Place { source, span: 11..13 })).with_help("x");
        diagnostic.unit = Some("a.socket".into());
        expect_test::expect![[
            r#"{"code":"unknown-key","severity":"warning","unit":"a.socket","message":"unknown key \"ö\"\n","path":"/u/a.socket","line":2,"column":2,"span":[11,13],"help":"x"}"#
        ]]
        .assert_eq(&render(&diagnostic));
    }

    #[test]
    fn without_a_place() {
        let diagnostic = Diagnostic::new("unit-not-found", "no unit", None);
        assert_eq!(render(&diagnostic), r#"{"code":"unit-not-found","severity":"error","message":"no unit"}"#);
    }
}
