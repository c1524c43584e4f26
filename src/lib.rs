//! porterd keeps the door and starts the right program when somebody knocks.
//!
//! The map, top down; `tests/tidy.rs` enforces the directions (ARCHITECTURE.md has the table):
//!
//! * [`report`] what is wrong, and where. [`syntax`] text ⇄ lines, never fails. [`unit`] lines →
//!   meaning.
//! * [`engine`] what happens next: events in, effects out. [`plan`] meaning → kernel work, as data.
//!   Both pure: no descriptors, no clock, no files.
//! * [`linux`] the kernel; all `unsafe`. [`runtime`] the loop that carries effects out.
//! * [`control`] talking to porterctl. [`ctl`] porterctl itself. [`rehearse`] a pretend kernel.

pub mod bounds;
pub mod config;
pub mod control;
pub mod ctl;
pub mod engine;
pub mod ids;
pub mod linux;
pub mod log;
pub mod outside;
pub mod plan;
pub mod rehearse;
pub mod report;
pub mod runtime;
pub mod syntax;
pub mod unit;
