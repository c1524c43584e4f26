//! Properties of a unit as `show` prints them.
