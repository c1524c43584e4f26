//! Output: the one place that writes to standard output and standard error, colours, tables, JSON.

use serde::Serialize;
use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// Standard output, collected and written at the end. A reader that leaves early (`| head`) ends
/// the writing quietly.
pub(super) struct Out {
    buffer: String,
    /// Colours are wanted.
    pub(super) colour: bool,
    /// Columns of the terminal; `None` when the output is no terminal or its width is unknown.
    pub(super) width: Option<usize>,
}

impl Out {
    /// For standard output as it is.
    pub(super) fn new(full: bool) -> Out {
        let terminal = std::io::stdout().is_terminal();
        let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|c| *c >= 20);
        Out { buffer: String::new(), colour: colour_wanted(terminal), width: columns.filter(|_| terminal && !full) }
    }

    /// One line.
    pub(super) fn line(&mut self, text: impl Display) {
        self.buffer.push_str(&text.to_string());
        self.buffer.push('\n');
    }

    /// JSON, in one line or indented.
    pub(super) fn json(&mut self, value: &impl Serialize, pretty: bool) {
        let mut bytes = Vec::new();
        let written = if pretty {
            let indent = serde_json::ser::PrettyFormatter::with_indent(b"\t");
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, indent))
        } else {
            value.serialize(&mut serde_json::Serializer::new(&mut bytes))
        };
        // Only maps with keys that are no strings cannot be written, and there are none.
        if written.is_ok() {
            self.line(String::from_utf8_lossy(&bytes));
        }
    }

    /// Text with an SGR code around it, if colours are wanted.
    pub(super) fn paint(&self, paint: Paint, text: impl Display) -> String {
        match paint.code() {
            Some(code) if self.colour => format!("\x1b[0;{code}m{text}\x1b[0m"),
            _ => text.to_string(),
        }
    }

    /// Writes what was collected.
    pub(super) fn flush(&mut self) {
        let mut stdout = std::io::stdout().lock();
        drop(stdout.write_all(self.buffer.as_bytes()).and_then(|()| stdout.flush()));
        self.buffer.clear();
    }
}

/// One line on standard error, after everything that is on its way to standard output.
pub(super) fn complain(out: &mut Out, text: impl Display) {
    out.flush();
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn colour_wanted(terminal: bool) -> bool {
    let set = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
    match set("SYSTEMD_COLORS").as_deref() {
        Some("0" | "no" | "n" | "false" | "f" | "off") => false,
        Some(_) => true,
        None => terminal && set("NO_COLOR").is_none() && set("TERM").is_some_and(|t| t != "dumb"),
    }
}

/// What a text means; colours are systemctl's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paint {
    /// Nothing special.
    #[default]
    Plain,
    /// Active.
    Good,
    /// Failed, not loaded.
    Bad,
    /// Between two states, worth a look.
    Busy,
    /// Column headers.
    Header,
    /// Emphasis.
    Bold,
}

impl Paint {
    fn code(self) -> Option<&'static str> {
        match self {
            Paint::Plain => None,
            Paint::Good => Some("1;32"),
            Paint::Bad => Some("1;31"),
            Paint::Busy => Some("1;33"),
            Paint::Header => Some("4"),
            Paint::Bold => Some("1"),
        }
    }
}

/// The dot in front of a unit and its colour, by active state.
pub(super) fn dot(active: &str) -> (&'static str, Paint) {
    match active {
        "active" => ("●", Paint::Good),
        "reloading" | "refreshing" => ("↻", Paint::Good),
        "failed" => ("×", Paint::Bad),
        "activating" | "deactivating" | "maintenance" => ("●", Paint::Busy),
        _ => ("○", Paint::Plain),
    }
}

/// A text in a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// Painted.
    pub(super) fn new(text: impl Into<String>, paint: Paint) -> Cell {
        Cell { text: text.into(), paint }
    }

    /// Plain.
    pub(super) fn plain(text: impl Into<String>) -> Cell {
        Cell::new(text, Paint::Plain)
    }
}

/// Prints columns, one space apart; the last one is not padded, and shortened to the terminal.
pub(super) fn table(out: &mut Out, header: Option<&[&str]>, rows: &[Vec<Cell>]) {
    let header: Option<Vec<Cell>> = header.map(|h| h.iter().map(|t| Cell::new(*t, Paint::Header)).collect());
    let all: Vec<&Vec<Cell>> = header.iter().chain(rows).collect();
    let columns = all.iter().map(|r| r.len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|c| all.iter().filter_map(|r| r.get(c)).map(|cell| cell.text.chars().count()).max().unwrap_or(0))
        .collect();
    for row in all {
        let mut line = String::new();
        let mut used = 0;
        for (c, cell) in row.iter().enumerate() {
            let last = c + 1 == row.len();
            let text = match out.width {
                Some(width) if last => shorten(&cell.text, width.saturating_sub(used)),
                _ => cell.text.clone(),
            };
            let padding = if last { 0 } else { widths[c] - text.chars().count() };
            line.push_str(&out.paint(cell.paint, &text));
            if !last {
                line.push_str(&" ".repeat(padding + 1));
            }
            used += widths[c] + 1;
        }
        out.line(line.trim_end_matches(' '));
    }
}

fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width || width < 2 {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Text for a terminal: control characters that a unit file or a program could smuggle in are
/// shown instead of obeyed.
pub(super) fn clean(text: &str) -> String {
    shown(text, |c| !c.is_control() || c == '\n')
}

/// The same for what has to stay in its line.
pub(super) fn clean_line(text: &str) -> String {
    shown(text, |c| !c.is_control())
}

fn shown(text: &str, harmless: impl Fn(char) -> bool) -> String {
    if text.chars().all(&harmless) {
        return text.to_owned();
    }
    text.chars().map(|c| if harmless(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Output that is kept.
    pub(in crate::ctl) fn plain() -> Out {
        Out { buffer: String::new(), colour: false, width: None }
    }

    /// What was printed.
    pub(in crate::ctl) fn text(out: &Out) -> &str {
        &out.buffer
    }

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_the_end() {
        let mut out = plain();
        let row = |a: &str, b: &str| vec![Cell::plain(a), Cell::new(b, Paint::Bad)];
        table(&mut out, Some(&["NAME", "B"]), &[row("é", "x"), row("longer", ""), row("", "y")]);
        assert_eq!(text(&out), "NAME   B\né      x\nlonger\n       y\n");
        let mut out = Out { colour: true, width: Some(10), ..plain() };
        table(&mut out, None, &[row("longer", "123456")]);
        assert_eq!(text(&out), "longer \x1b[0;1;31m12…\x1b[0m\n");
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(clean("a\x1b[2Jb\n\u{9b}"), "a\\u{1b}[2Jb\n\\u{9b}");
        assert_eq!((clean("ä\n"), clean_line("ä\n")), ("ä\n".to_owned(), "ä\\n".to_owned()));
    }
}
