//! Grammars of values, one file per family.
