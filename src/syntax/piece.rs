//! A piece of text: mostly a part of a file that is in memory anyway, and only where lines were
//! joined a text of its own. Ten thousand files have a hundred thousand keys and values.

use crate::report::{Source, Span};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// See the module. Behaves as the `str` that it is.
#[derive(Clone)]
pub struct Piece(Origin);

#[derive(Clone)]
enum Origin {
    File(Arc<Source>, Span),
    Joined(Box<str>),
}

impl Piece {
    /// The text at a place of a file; empty if there is no such place.
    pub(super) fn of(source: &Arc<Source>, span: Span) -> Piece {
        Piece(Origin::File(source.clone(), span))
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Piece {
        Piece(Origin::Joined(text.into()))
    }
}

impl Default for Piece {
    fn default() -> Piece {
        Piece::from("")
    }
}

impl Deref for Piece {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Origin::File(source, span) => source.text.get(span.clone()).unwrap_or_default(),
            Origin::Joined(text) => text,
        }
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Piece) -> bool {
        **self == **other
    }
}

impl Eq for Piece {}

impl PartialEq<&str> for Piece {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
