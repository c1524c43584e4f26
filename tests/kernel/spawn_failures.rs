//! Steps that fail say which and why.
