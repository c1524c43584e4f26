//! Units and occasions in, recipes and programs out, as `porterctl explain` prints them.
#![allow(clippy::unwrap_used)]

mod blueprint;
mod command_line;
mod environment;
mod identity;
mod occasion;
mod recipe;
mod stdio;
