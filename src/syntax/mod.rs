//! Text ⇄ lines: a unit file as a list of lines that reproduces every byte. Never fails, knows no
//! directive names.

pub mod lines;
mod piece;
pub mod words;

pub use piece::Piece;

use crate::bounds::{DIAGNOSTICS_PER_FILE_MAX, LINE_BYTES_MAX};
use crate::ids::Text;
use crate::report::{Diagnostic, Place, Source, Span};
use lines::{BLANKS, Logical};
use std::ops::Range;
use std::sync::Arc;

/// Most sections have no more assignments.
const ENTRIES_USUAL: usize = 8;

/// A file as it was written.
#[derive(Clone, Debug)]
pub struct Document {
    /// The text that spans point into.
    pub source: Arc<Source>,
    /// Sections in file order; a repeated header makes a second one of the same name.
    pub sections: Vec<Section>,
    /// What was skipped, and why.
    pub diagnostics: Vec<Diagnostic>,
    /// Why nothing behind this place was read; the entries before it stay.
    pub fatal: Option<Diagnostic>,
    /// The file, where the text shown for it is another.
    raw: Option<Box<[u8]>>,
}

/// What follows one `[Header]`.
#[derive(Clone, Debug)]
pub struct Section {
    /// Text between the brackets.
    pub name: Piece,
    /// Where that text stands.
    pub name_place: Span,
    /// Its assignments.
    pub entries: Vec<Entry>,
}

/// One assignment.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Left of `=`, without blanks around it; never empty.
    pub key: Piece,
    /// Where the key stands.
    pub key_span: Span,
    /// Right of `=`.
    pub value: Value,
}

/// The right side of an assignment after continuation and without blanks around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The text.
    pub text: Piece,
    /// Where the text begins in the source.
    start: usize,
    /// Where the further lines of a continued one begin: offset in `text`, offset in the source; sorted.
    continued: Vec<(usize, usize)>,
}

impl Value {
    /// A value that stands at `at` of a source, in one piece. For tests and made-up entries.
    pub fn plain(text: impl Into<Piece>, at: usize) -> Value {
        Value { text: text.into(), start: at, continued: Vec::new() }
    }

    /// Where bytes of `text` stand in the source. Positions behind the end mean the end.
    pub fn span(&self, range: Range<usize>) -> Span {
        let end = range.end.min(self.text.len());
        let start = range.start.min(end);
        let from = self.offset(start);
        // The end belongs to the piece of the last byte, not to the piece that begins there.
        let to = if end > start { self.offset(end - 1) + 1 } else { from };
        from..to
    }

    /// Where the whole value stands.
    pub fn whole(&self) -> Span {
        self.span(0..self.text.len())
    }

    fn offset(&self, at: usize) -> usize {
        let before = self.continued.partition_point(|(logical, _)| *logical <= at);
        let piece = before.checked_sub(1).map_or((0, self.start), |last| self.continued[last]);
        piece.1 + (at - piece.0)
    }
}

impl Document {
    /// The file, byte for byte, put together from its lines.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.raw.as_deref().unwrap_or(self.source.text.as_bytes());
        lines::physical(bytes).flat_map(|line| &bytes[line.whole]).copied().collect()
    }

    /// The place of a span in this file.
    pub fn place(&self, span: Span) -> Place {
        Place { source: self.source.clone(), span }
    }
}

/// Reads a unit file. `path` is only for messages.
pub fn parse(path: impl Into<Text>, bytes: &[u8]) -> Document {
    let text = std::str::from_utf8(bytes).ok();
    let offsets = if text.is_some() { Offsets::default() } else { Offsets::new(bytes) };
    let as_it_is = text.filter(|_| !has_odd_ends(bytes));
    let shown = as_it_is.map_or_else(|| display_text(bytes).into(), Text::from);
    let source = Arc::new(Source { path: path.into(), text: shown });
    let raw = as_it_is.is_none().then(|| bytes.into());
    let (sections, diagnostics) = (Vec::new(), Vec::new());
    let mut reader = Reader { source: source.clone(), text, offsets, sections, diagnostics, fatal: None };
    if let Err(too_long) = lines::logical(bytes, |line| reader.line(line)) {
        let at = reader.offsets.in_text(too_long.at);
        reader.stop(
            "line-too-long",
            format!("line is longer than {LINE_BYTES_MAX} bytes; nothing from here on is read"),
            at..at,
        );
    }
    let Reader { sections, diagnostics, fatal, .. } = reader;
    Document { source, sections, diagnostics, fatal, raw }
}

/// Code points that never stand for a character; systemd takes text with them for invalid UTF-8.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether some line does not end in a single `\n`.
fn has_odd_ends(bytes: &[u8]) -> bool {
    memchr::memchr2(0, b'\r', bytes).is_some()
}

/// The text for people: lossy UTF-8, every line end a single `\n`.
fn display_text(bytes: &[u8]) -> String {
    let mut shown = bytes.to_vec();
    for line in lines::physical(bytes).filter(|l| l.content.end < l.whole.end) {
        shown[line.content.end..line.whole.end].fill(b' ');
        shown[line.whole.end - 1] = b'\n';
    }
    String::from_utf8_lossy(&shown).into_owned()
}

/// Leads from offsets in the file to offsets in the text shown for it, which is longer where the
/// file is not UTF-8.
#[derive(Default)]
struct Offsets {
    /// Offset in the file from which on `text - file` is the second number.
    shifts: Vec<(usize, isize)>,
}

impl Offsets {
    fn new(bytes: &[u8]) -> Offsets {
        let mut shifts = Vec::new();
        let (mut file, mut text) = (0_usize, 0_usize);
        for chunk in bytes.utf8_chunks() {
            file += chunk.valid().len() + chunk.invalid().len();
            text += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                text += '\u{fffd}'.len_utf8();
                shifts.push((file, text as isize - file as isize));
            }
        }
        Offsets { shifts }
    }

    fn in_text(&self, file: usize) -> usize {
        if self.shifts.is_empty() {
            return file;
        }
        let before = self.shifts.partition_point(|(from, _)| *from <= file);
        let shift = before.checked_sub(1).map_or(0, |i| self.shifts[i].1);
        file.saturating_add_signed(shift)
    }
}

struct Reader<'a> {
    source: Arc<Source>,
    /// The file, if all of it is UTF-8.
    text: Option<&'a str>,
    offsets: Offsets,
    sections: Vec<Section>,
    diagnostics: Vec<Diagnostic>,
    fatal: Option<Diagnostic>,
}

impl Reader<'_> {
    /// Takes one logical line; `false` ends the file.
    fn line(&mut self, line: &Logical<'_>) -> bool {
        let stripped = solid_range(line.bytes);
        if stripped.is_empty() {
            return true;
        }
        let known = match (self.text, line.pieces) {
            (Some(text), [(0, from)]) => text.get(from + stripped.start..from + stripped.end),
            _ => None,
        };
        let text = known.or_else(|| std::str::from_utf8(&line.bytes[stripped.clone()]).ok());
        let Some(text) = text.filter(|text| text.is_ascii() || !text.contains(is_noncharacter)) else {
            let at = self.file_span(line, stripped);
            self.stop("invalid-utf8", "line is not valid UTF-8; nothing from here on is read".to_owned(), at);
            return false;
        };
        if let Some(rest) = text.strip_prefix('[') {
            return self.header(line, rest, stripped);
        }
        self.assignment(line, text, stripped.start);
        true
    }

    fn header(&mut self, line: &Logical<'_>, rest: &str, range: Range<usize>) -> bool {
        let name = rest.strip_suffix(']').filter(|name| is_safe(name));
        let Some(name) = name else {
            let at = self.file_span(line, range);
            let why = if rest.ends_with(']') {
                "section name has control characters, quotes or backslashes"
            } else {
                "section header does not end in ']'"
            };
            self.stop("bad-section-header", format!("{why}; nothing from here on is read"), at);
            return false;
        };
        let range = range.start + 1..range.end - 1;
        let (name, name_place) = (self.piece(line, name, range.start), self.file_span(line, range));
        self.sections.push(Section { name, name_place, entries: Vec::with_capacity(ENTRIES_USUAL) });
        true
    }

    fn assignment(&mut self, line: &Logical<'_>, text: &str, start: usize) {
        let whole = start..start + text.len();
        match self.sections.last().map(|s| s.name.starts_with("X-")) {
            None => {
                let message = "assignment before the first section has no effect";
                let help = "put it below a header such as [Unit]";
                return self.skip("assignment-outside-section", message, line, whole, help);
            }
            // A section that is somebody else's follows its own rules.
            Some(true) if !text.contains('=') || text.starts_with('=') => return,
            Some(_) => {}
        }
        let Some((key, value)) = text.split_once('=') else {
            let help = "write Key=Value; to continue the line above, end that one in a backslash";
            return self.skip("missing-equals", "line without '=' has no effect", line, whole, help);
        };
        let value_start = start + key.len() + 1;
        let key = key.trim_end_matches(BLANKS);
        if key.is_empty() {
            let message = "line without a name before '=' has no effect";
            return self.skip("missing-key", message, line, whole, "write Key=Value");
        }
        let value_start = value_start + (value.len() - value.trim_start_matches(BLANKS).len());
        let entry = Entry {
            key: self.piece(line, key, start),
            key_span: self.file_span(line, start..start + key.len()),
            value: self.value(line, value.trim_matches(BLANKS), value_start),
        };
        if let Some(section) = self.sections.last_mut() {
            section.entries.push(entry);
        }
    }

    fn value(&self, line: &Logical<'_>, text: &str, start: usize) -> Value {
        let text_piece = self.piece(line, text, start);
        if let [(0, from)] = line.pieces {
            return Value { text: text_piece, start: self.offsets.in_text(from + start), continued: Vec::new() };
        }
        let end = start + text.len();
        let first = line.pieces.partition_point(|(at, _)| *at <= start).saturating_sub(1);
        let mut pieces = line.pieces[first..].iter().take_while(|(at, _)| *at <= start.max(end.saturating_sub(1))).map(
            |(at, file)| {
                let skipped = start.saturating_sub(*at);
                (at.saturating_sub(start), self.offsets.in_text(file + skipped))
            },
        );
        let from = pieces.next().map_or(0, |(_, file)| file);
        Value { text: text_piece, start: from, continued: pieces.collect() }
    }

    /// The text that stands at `start` of a line.
    fn piece(&self, line: &Logical<'_>, text: &str, start: usize) -> Piece {
        let span = self.file_span(line, start..start + text.len());
        // Joined lines have something between them in the file.
        match span.len() == text.len() {
            true => Piece::of(&self.source, span),
            false => Piece::from(text),
        }
    }

    fn file_span(&self, line: &Logical<'_>, range: Range<usize>) -> Span {
        let file = |at: usize| match line.pieces {
            [(0, from)] => from + at,
            pieces => {
                let piece = pieces.partition_point(|(from, _)| *from <= at).saturating_sub(1);
                pieces.get(piece).map_or(0, |(from, file)| file + (at - from))
            }
        };
        let start = self.offsets.in_text(file(range.start));
        match range.is_empty() {
            true => start..start,
            false => start..self.offsets.in_text(file(range.end - 1) + 1),
        }
    }

    fn place(&self, span: Span) -> Option<Place> {
        Some(Place { source: self.source.clone(), span })
    }

    fn skip(&mut self, code: &'static str, message: &str, line: &Logical<'_>, range: Range<usize>, help: &str) {
        let room = DIAGNOSTICS_PER_FILE_MAX.saturating_sub(self.diagnostics.len());
        let place = self.place(self.file_span(line, range));
        match room {
            0 => {}
            1 => self.diagnostics.push(Diagnostic::new(
                "too-many-findings",
                "further findings of this kind in this file are not listed",
                place,
            )),
            _ => self.diagnostics.push(Diagnostic::new(code, message, place).with_help(help)),
        }
    }

    fn stop(&mut self, code: &'static str, message: String, span: Span) {
        self.fatal = Some(Diagnostic::new(code, message, self.place(span)));
    }
}

/// Whether a section name is free of control characters, quotes and backslashes.
fn is_safe(name: &str) -> bool {
    !name.chars().any(|c| c.is_ascii_control() || matches!(c, '"' | '\'' | '\\'))
}

/// The range that is left without blanks at both ends.
fn solid_range(bytes: &[u8]) -> Range<usize> {
    let solid = |b: &u8| !matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    let start = bytes.iter().position(solid).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(solid).map_or(start, |i| i + 1);
    start..end
}

#[cfg(test)]
mod tests;
