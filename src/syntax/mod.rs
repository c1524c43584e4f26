//! Text ⇄ lines: a unit file as a list of lines that reproduces every byte. Never fails, knows no
//! directive names.
