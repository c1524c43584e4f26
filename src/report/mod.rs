//! What is wrong, and where: diagnostics as data, before they are text.
//!
//! Knows nothing of units: a diagnostic has a stable name, a place and words. Rendering is in
//! `human` (excerpt and caret) and `machine` (JSON, one line).

pub mod codes;
pub mod human;
pub mod machine;
mod nearest;

use crate::ids::Text;
use std::ops::Range;

pub use nearest::nearest;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is lost.
    Notice,
    /// Something written has no effect.
    Warning,
    /// The unit cannot be started, or a whole file is lost.
    Error,
}

/// A text that diagnostics can point into. `text` is the file as read (lossy UTF-8 for display).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Path as the administrator would type it.
    pub path: Text,
    /// Content; empty if it could not be read.
    pub text: Text,
}

/// A byte range inside a [`Source`].
pub type Span = Range<usize>;

/// A place: which file and which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub source: std::sync::Arc<Source>,
    /// The bytes; empty at 0 if the whole file is meant.
    pub span: Span,
}

/// One finding about a file or a unit. Never stops loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name from [`codes::CODES`], e.g. `unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The unit it is about, if known.
    pub unit: Option<Text>,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// Where; `None` when there is no file (a unit that was not found).
    pub place: Option<Place>,
    /// What to do next, or what was meant ("did you mean `ListenStream`?").
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic with the severity of its code, no unit and no help yet.
    pub fn new(code: &'static str, message: impl Into<String>, place: Option<Place>) -> Self {
        Diagnostic { code, severity: codes::severity(code), unit: None, message: message.into(), place, help: None }
    }

    /// Adds what to do next.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column, both from 1; columns count characters.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let place = self.place.as_ref()?;
        let before = place.source.text.get(..place.span.start)?;
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}
