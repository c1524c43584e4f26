//! Variables: assignments in unit files, names, and the grammar of environment files.

use super::excerpt;
use crate::syntax::words::{self, Rules};
use std::ops::Range;

/// A remark about bytes of a value.
pub type Remark = (Range<usize>, String);

/// `NAME` and `VALUE`.
pub type Variable = (String, String);

/// Whether a text is a variable's name: `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a text can be a variable's value: no control characters but tab and newline.
pub fn is_value(text: &str) -> bool {
    !text.bytes().any(|b| b.is_ascii_control() && b != b'\t' && b != b'\n')
}

/// Splits and checks `NAME=VALUE`.
pub fn assignment(text: &str) -> Result<Variable, String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(format!("'{}' is not an assignment NAME=VALUE", excerpt(text)));
    };
    if !is_name(name) {
        return Err(format!("'{}' is not a variable's name (letters, digits and _)", excerpt(name)));
    }
    if !is_value(value) {
        return Err(format!("the value of {} has control characters", excerpt(name)));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The value of a directive that assigns variables. Every word stands for itself: a bad one is a
/// remark and the rest counts; bad quoting ends the line. `expand` replaces specifiers of one word.
pub fn assignments(text: &str, expand: &dyn Fn(&str) -> Result<String, String>) -> (Vec<Variable>, Vec<Remark>) {
    each_word(text, Rules::ESCAPED, |word| assignment(&expand(word)?))
}

/// Names of variables, as `PassEnvironment=` takes them.
pub fn names(text: &str, expand: &dyn Fn(&str) -> Result<String, String>) -> (Vec<String>, Vec<Remark>) {
    each_word(text, Rules::NAMES, |word| {
        let name = expand(word)?;
        if is_name(&name) { Ok(name) } else { Err(format!("'{}' is not a variable's name", excerpt(&name))) }
    })
}

/// Names and assignments mixed, for variables to be removed.
pub fn names_or_assignments(text: &str, expand: &dyn Fn(&str) -> Result<String, String>) -> (Vec<String>, Vec<Remark>) {
    each_word(text, Rules::ESCAPED, |word| {
        let entry = expand(word)?;
        if is_name(&entry) {
            return Ok(entry);
        }
        assignment(&entry).map(|_| entry.clone())
    })
}

fn each_word<T>(text: &str, rules: Rules, mut read: impl FnMut(&str) -> Result<T, String>) -> (Vec<T>, Vec<Remark>) {
    let (mut found, mut remarks) = (Vec::new(), Vec::new());
    let mut at = 0;
    loop {
        match words::next(text, at, rules) {
            Ok(None) => return (found, remarks),
            Ok(Some(word)) => {
                at = word.range.end;
                match read(&word.text) {
                    Ok(value) => found.push(value),
                    Err(message) => remarks.push((word.range, message)),
                }
            }
            Err(e) => {
                remarks.push((e.at..text.len(), e.message));
                return (found, remarks);
            }
        }
    }
}

/// Puts a variable in place of an earlier one of its name.
pub fn replace(variables: &mut Vec<Variable>, variable: Variable) {
    match variables.iter_mut().find(|(name, _)| *name == variable.0) {
        Some(old) => old.1 = variable.1,
        None => variables.push(variable),
    }
}

/// What is wrong with one line of an environment file, or with all of it.
pub type FileResult = Result<(Vec<Variable>, Vec<String>), String>;

/// Reads an environment file. The second list tells what was dropped; `Err` refuses the file.
pub fn file(bytes: &[u8]) -> FileResult {
    if bytes.contains(&0) {
        return Err("the file contains a NUL byte".to_owned());
    }
    let mut reader = FileReader::default();
    for byte in bytes {
        reader.byte(*byte)?;
    }
    reader.end()?;
    Ok((reader.variables, reader.warnings))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    BeforeKey,
    Key,
    /// Behind `=`, or behind a closed quote.
    BeforeValue,
    Value,
    ValueEscape,
    SingleQuoted,
    DoubleQuoted,
    DoubleQuotedEscape,
    Comment,
}

#[derive(Default)]
struct FileReader {
    state: State,
    line: usize,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Length of `value` up to which blanks at its end are not taken away.
    solid: usize,
    variables: Vec<Variable>,
    warnings: Vec<String>,
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

impl FileReader {
    fn byte(&mut self, b: u8) -> Result<(), String> {
        if b == b'\n' {
            self.line += 1;
        }
        match self.state {
            State::BeforeKey if matches!(b, b'#' | b';') => self.state = State::Comment,
            State::BeforeKey if words::is_blank(b) => {}
            State::BeforeKey => {
                self.key.push(b);
                self.state = State::Key;
            }
            State::Key if is_line_end(b) => self.restart(),
            State::Key if b == b'=' => self.state = State::BeforeValue,
            State::Key => self.key.push(b),
            State::BeforeValue => self.before_value(b)?,
            State::Value => self.in_value(b)?,
            State::ValueEscape => {
                // A line end behind a backslash joins the lines.
                if !is_line_end(b) {
                    self.value.push(b);
                    self.solid = self.value.len();
                }
                self.state = State::Value;
            }
            State::SingleQuoted if b == b'\'' => self.state = State::BeforeValue,
            State::DoubleQuoted if b == b'"' => self.state = State::BeforeValue,
            State::DoubleQuoted if b == b'\\' => self.state = State::DoubleQuotedEscape,
            State::SingleQuoted | State::DoubleQuoted => self.value.push(b),
            State::DoubleQuotedEscape => {
                match b {
                    b'"' | b'\\' | b'`' | b'$' => self.value.push(b),
                    b'\n' => {}
                    b => self.value.extend([b'\\', b]),
                }
                self.state = State::DoubleQuoted;
            }
            State::Comment if is_line_end(b) => self.state = State::BeforeKey,
            State::Comment => {}
        }
        Ok(())
    }

    fn before_value(&mut self, b: u8) -> Result<(), String> {
        match b {
            b if is_line_end(b) => {
                self.solid = self.value.len();
                return self.finish();
            }
            b'\'' => self.state = State::SingleQuoted,
            b'"' => self.state = State::DoubleQuoted,
            b'\\' => {
                self.solid = self.value.len();
                self.state = State::ValueEscape;
            }
            b if words::is_blank(b) => {}
            b => {
                self.value.push(b);
                self.solid = self.value.len();
                self.state = State::Value;
            }
        }
        Ok(())
    }

    fn in_value(&mut self, b: u8) -> Result<(), String> {
        match b {
            b if is_line_end(b) => return self.finish(),
            b'\\' => {
                self.solid = self.value.len();
                self.state = State::ValueEscape;
            }
            b => {
                self.value.push(b);
                if !words::is_blank(b) {
                    self.solid = self.value.len();
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match self.state {
            State::BeforeKey | State::Key | State::Comment => Ok(()),
            State::Value => self.finish(),
            _ => {
                self.solid = self.value.len();
                self.finish()
            }
        }
    }

    fn restart(&mut self) {
        self.key.clear();
        self.value.clear();
        self.solid = 0;
        self.state = State::BeforeKey;
    }

    fn finish(&mut self) -> Result<(), String> {
        self.value.truncate(self.solid);
        let line = self.line.max(1);
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .map_err(|_| format!("assignment that ends in line {line} is not valid UTF-8"))
        };
        let key = text(self.key.trim_ascii_end())?;
        let value = text(&self.value)?;
        match assignment(&format!("{key}={value}")) {
            Ok(variable) => replace(&mut self.variables, variable),
            Err(why) => self.warnings.push(format!("line {line}: {why}; dropped")),
        }
        self.restart();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn shown(variables: &[Variable]) -> Vec<String> {
        variables.iter().map(|(n, v)| format!("{n}={v}")).collect()
    }

    fn read(text: &str) -> Vec<String> {
        shown(&file(text.as_bytes()).unwrap().0)
    }

    #[test]
    fn service_23_24_25_assignments() {
        let mut all = Vec::new();
        for variable in assignments("A=1 A=2", &same).0 {
            replace(&mut all, variable);
        }
        assert_eq!(shown(&all), ["A=2"]);
        let (found, remarks) = assignments(r#""A=1 2" B='3 4' C=5\x206"#, &same);
        assert_eq!((shown(&found), remarks.len()), (vec!["A=1 2".into(), "B=3 4".into(), "C=5 6".into()], 0));
        let (found, remarks) = assignments("1A=x A B=1 =y", &same);
        assert_eq!(shown(&found), ["B=1"]);
        assert_eq!(remarks.iter().map(|r| r.0.clone()).collect::<Vec<_>>(), [0..4, 5..6, 11..13]);
    }

    #[test]
    fn bad_quoting_ends_the_line() {
        let (found, remarks) = assignments("A=1 B=\"2 C=3", &same);
        assert_eq!((shown(&found), remarks[0].0.start), (vec!["A=1".to_owned()], 6));
        assert!(assignments("A=\\q", &same).0.is_empty());
    }

    #[test]
    fn values_without_control_characters() {
        assert!(assignment("A=\u{1}").is_err() && assignment("A=\t\n").is_ok() && assignment("A=").is_ok());
    }

    #[test]
    fn names_to_pass_and_to_remove() {
        let (found, remarks) = names("A 'B' C=1 9", &same);
        assert_eq!((found, remarks.len()), (vec!["A".to_owned(), "B".to_owned()], 2));
        let (found, remarks) = names_or_assignments("A B=1 'C=x y' 9=1", &same);
        assert_eq!((found, remarks.len()), (vec!["A".to_owned(), "B=1".to_owned(), "C=x y".to_owned()], 1));
    }

    #[test]
    fn service_45_environment_file() {
        let text = "A=x \"y\"\nB=\"x\" y\nC='a'b\nD=a\\\nb\nE=\"l1\nl2\"\nF= v  \nexport G=1\nH\nI=\"\\$x\\n\"";
        let (found, warnings) = file(text.as_bytes()).unwrap();
        assert_eq!(shown(&found), ["A=x \"y\"", "B=xy", "C=ab", "D=ab", "E=l1\nl2", "F=v", "I=$x\\n"]);
        assert!(warnings.len() == 1 && warnings[0].contains("export G"), "{warnings:?}");
    }

    #[test]
    fn pieces_blanks_and_escapes_in_files() {
        assert_eq!(read("A=\"x\" 'y' z\n"), ["A=xyz"]);
        assert_eq!(read("A=\"x \"\nB=x\\ \nC=\\\"q\nD=\\n"), ["A=x ", "B=x ", "C=\"q", "D=n"]);
        assert_eq!(read("  A =1\r\nB=2\r"), ["A=1", "B=2"]);
        assert_eq!(read("# c \\\nA=1\n;x\nB="), ["A=1", "B="]);
        assert_eq!(read("A='open\nB=1"), ["A=open\nB=1"]);
        assert_eq!(read("A=\"a\\\nb\"\nA=\"c\""), ["A=c"]);
        assert_eq!(read("A=a # no comment"), ["A=a # no comment"]);
    }

    #[test]
    fn files_that_are_refused() {
        assert!(file(b"A=\xff\n").is_err() && file(b"A=1\0").is_err());
        assert!(file(b"# \xff\nA=1").is_ok());
    }
}
