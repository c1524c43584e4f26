//! The control interface end to end: the text of the interface against the types, golden
//! conversations, the blocking client, and porterctl itself against a daemon made of fixed answers.

#![allow(clippy::disallowed_methods)] // a test needs a thread for the daemon, files and processes
#![allow(clippy::unwrap_used)] // in functions of the tests, too

mod client;
mod conversations;
mod daemon;
mod interface;
mod offline;
mod porterctl;
mod sample;
