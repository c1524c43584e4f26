//! %-expansion.
