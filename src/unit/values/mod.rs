//! Grammars of values, one file per family.
//!
//! Every function takes the text of a value and returns what it means, or the reason why it means
//! nothing in words that fit after "bad value: ". Nothing here knows a directive, a file or the
//! machine.

pub mod address;
pub mod command;
pub mod environment;
pub mod limit;
pub mod multicast;
pub mod names;
pub mod path;
pub mod prefix;
pub mod scalar;
pub mod services;
pub mod signal;
pub mod socket_option;
pub mod status;
pub mod time;

/// Shortens a text that is quoted in a message, so that a huge value stays one readable line.
pub fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
