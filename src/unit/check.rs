//! Rules that need two directives or two units.
