//! Diagnostics for people: excerpt and caret.
