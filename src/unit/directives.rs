//! THE TABLE of all directives.
