//! Watching, signalling and collecting.
