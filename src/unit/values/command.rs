//! Command lines: prefixes, words, the separator `;`. `$` is left to the start of the process.

use super::excerpt;
use crate::syntax::words::{self, Rules, WordError};
use crate::unit::exec::{Command, Privilege};
use std::ops::Range;

/// A remark about bytes of a command line.
pub type Remark = (Range<usize>, String);

/// Why a command line is no command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// Offset in the value.
    pub at: usize,
    /// What is wrong, in words that fit after "bad value: ".
    pub message: String,
    /// The command has the prefix `-`: a warning, not a reason to refuse the unit.
    pub ignore: bool,
    /// Commands of the same line that end before the error; they count if `ignore` is set.
    pub before: Vec<Command>,
}

/// What is wrong with the command that is being read.
struct Trouble {
    at: usize,
    message: String,
}

impl From<WordError> for Trouble {
    fn from(e: WordError) -> Trouble {
        Trouble { at: e.at, message: e.message }
    }
}

type Expand<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Reads the value of a command directive; `expand` replaces the specifiers of one word. The
/// remarks are warnings about escapes that mean nothing. `strict` has no prefix that systemd 252 has not.
pub fn commands(text: &str, expand: Expand<'_>, strict: bool) -> Result<(Vec<Command>, Vec<Remark>), CommandError> {
    let mut reader = Reader { text, at: 0, expand, strict, remarks: Vec::new(), ignore: false };
    let mut commands = Vec::new();
    loop {
        reader.ignore = false;
        match reader.command() {
            Ok(Some(command)) => commands.push(command),
            Ok(None) => return Ok((commands, reader.remarks)),
            Err(Trouble { at, message }) => {
                return Err(CommandError { at, message, ignore: reader.ignore, before: commands });
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    expand: Expand<'a>,
    strict: bool,
    remarks: Vec<Remark>,
    ignore: bool,
}

impl Reader<'_> {
    fn word(&mut self) -> Result<Option<words::Word>, Trouble> {
        let word = words::next(self.text, self.at, Rules::COMMAND)?;
        if let Some(word) = &word {
            self.at = word.range.end;
            if let Some(range) = &word.unknown_escape {
                let escape = &self.text[range.clone()];
                self.remarks.push((range.clone(), format!("unknown escape {escape} is kept as written")));
            }
        }
        Ok(word)
    }

    fn expanded(&self, text: &str, at: usize) -> Result<String, Trouble> {
        (self.expand)(text).map_err(|message| Trouble { at, message })
    }

    /// Reads one command up to `;` or the end; `None` if nothing is left.
    fn command(&mut self) -> Result<Option<Command>, Trouble> {
        let Some(first) = self.word()? else {
            return Ok(None);
        };
        let at = first.range.start;
        let (mut command, path) = prefixes(&first.text, self.strict);
        self.ignore = command.ignore_failure;
        let path = self.expanded(path, at)?;
        check_path(&path).map_err(|message| Trouble { at, message })?;
        if !command.argv0_given {
            command.argv.push(path.as_str().into());
        }
        command.path = if path.starts_with('/') { super::path::simplify(&path) } else { path }.into();
        self.arguments(&mut command)?;
        if command.argv.is_empty() {
            let message = "prefix @ needs a second word, the program's own name".to_owned();
            return Err(Trouble { at, message });
        }
        Ok(Some(command))
    }

    fn arguments(&mut self, command: &mut Command) -> Result<(), Trouble> {
        loop {
            self.at = words::skip_blanks(self.text, self.at);
            if let Some(end) = self.bare(";") {
                self.at = end;
                return Ok(());
            }
            if let Some(end) = self.bare("\\;") {
                self.at = end;
                command.argv.push(";".into());
                continue;
            }
            let Some(word) = self.word()? else {
                return Ok(());
            };
            let argument = self.expanded(&word.text, word.range.start)?;
            command.argv.push(argument.into());
        }
    }

    /// The end of exactly this word, if it stands here.
    fn bare(&self, word: &str) -> Option<usize> {
        let after = self.text[self.at..].strip_prefix(word)?;
        after.bytes().next().is_none_or(words::is_blank).then_some(self.at + word.len())
    }
}

/// Takes the prefix characters off the first word, each at most once.
fn prefixes(word: &str, strict: bool) -> (Command, &str) {
    let mut command = Command {
        path: "".into(),
        argv: Vec::new(),
        ignore_failure: false,
        no_expansion: false,
        privilege: Privilege::Ordinary,
        via_shell: false,
        argv0_given: false,
    };
    let mut double = false;
    let mut rest = word;
    while let Some(sign) = rest.bytes().next() {
        match sign {
            b'-' if !command.ignore_failure => command.ignore_failure = true,
            b'@' if !command.argv0_given => command.argv0_given = true,
            b':' if !command.no_expansion => command.no_expansion = true,
            b'|' if !command.via_shell && !strict => command.via_shell = true,
            b'+' if command.privilege == Privilege::Ordinary && !double => command.privilege = Privilege::Full,
            b'!' if command.privilege == Privilege::Ordinary && !double => command.privilege = Privilege::NoSetuid,
            // Means something only on kernels without ambient capabilities.
            b'!' if command.privilege == Privilege::NoSetuid => {
                command.privilege = Privilege::Ordinary;
                double = true;
            }
            _ => break,
        }
        rest = &rest[1..];
    }
    (command, rest)
}

fn check_path(path: &str) -> Result<(), String> {
    let shown = || excerpt(path);
    if path.is_empty() {
        return Err("there is no program behind the prefix".to_owned());
    }
    if path.chars().any(|c| c.is_ascii_control() || matches!(c, '"' | '\'' | '\\')) {
        return Err("the program's path has control characters, quotes or backslashes".to_owned());
    }
    if path.ends_with('/') || (path.starts_with('/') && super::path::simplify(path) == "/") {
        return Err(format!("'{}' is a directory, not a program", shown()));
    }
    if path.len() > super::path::PATH_BYTES_MAX {
        return Err(format!("the program's path is longer than {} bytes", super::path::PATH_BYTES_MAX));
    }
    if !path.starts_with('/') && (path.contains('/') || path == "." || path == "..") {
        return Err(format!("'{}' is neither an absolute path nor a bare program name", shown()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, String> {
        if text.contains("%Z") { Err("unknown specifier %Z".to_owned()) } else { Ok(text.replace("%i", "a b")) }
    }

    fn argv(text: &str) -> Vec<Vec<String>> {
        let (commands, _) = commands(text, &expand, false).unwrap();
        commands.iter().map(|c| c.argv.iter().map(|a| a.to_string()).collect()).collect()
    }

    fn refused(text: &str) -> CommandError {
        commands(text, &expand, false).unwrap_err()
    }

    #[test]
    fn service_1_2_words() {
        let line = r#"/bin/echo "a b" 'c d' e\x20f "g"h "" x"#;
        assert_eq!(argv(line), [["/bin/echo", "a b", "c d", "e f", "gh", "", "x"]]);
    }

    #[test]
    fn service_3_unknown_escape() {
        let (found, remarks) = commands(r"/bin/echo \q", &expand, false).unwrap();
        assert_eq!(&*found[0].argv[1], r"\q");
        assert_eq!(remarks[0].0, 10..12);
    }

    #[test]
    fn service_4_unbalanced() {
        let error = refused("/bin/echo \"unbalanced");
        assert_eq!((error.at, error.ignore), (10, false));
        assert!(refused("-/bin/echo \"unbalanced").ignore);
        let error = refused("/bin/a ; -/bin/b \"");
        assert!(error.ignore && error.before.len() == 1);
        // The prefix of an earlier command does not excuse a later one.
        assert!(!refused("-/bin/a ; /bin/b \"").ignore);
    }

    #[test]
    fn service_5_6_semicolons() {
        assert_eq!(argv("/bin/echo a ; /bin/echo b"), [["/bin/echo", "a"], ["/bin/echo", "b"]]);
        assert_eq!(argv(r"/bin/echo a \; b"), [["/bin/echo", "a", ";", "b"]]);
        assert_eq!(argv(r#"/bin/echo a ";" b"#), [["/bin/echo", "a", ";", "b"]]);
        assert_eq!(argv("/bin/echo a;b ;c"), [["/bin/echo", "a;b", ";c"]]);
        assert_eq!(argv("/bin/a ;"), [["/bin/a"]]);
        // A second separator is where a program should be, and is taken for its name.
        assert_eq!(argv("/bin/a ; ; "), [["/bin/a"], [";"]]);
    }

    #[test]
    fn service_7_8_paths() {
        assert!(refused("relative/path").message.contains("neither"));
        assert_eq!(argv("true"), [["true"]]);
        assert!(refused("/bin/").message.contains("directory") && refused("/.").message.contains("directory"));
        assert!(refused("\"/bin/a\\tb\"").message.contains("control"));
        let (found, _) = commands("//bin/./echo", &expand, false).unwrap();
        assert_eq!((&*found[0].path, &*found[0].argv[0]), ("/bin/echo", "//bin/./echo"));
    }

    #[test]
    fn service_9_10_11_prefixes() {
        let (found, _) = commands("-@:+/bin/sh sh0 -c 'echo $0'", &expand, false).unwrap();
        let c = &found[0];
        assert!(c.ignore_failure && c.argv0_given && c.no_expansion && c.privilege == Privilege::Full);
        assert_eq!((&*c.path, &*c.argv[0], c.argv.len()), ("/bin/sh", "sh0", 3));
        assert!(refused("@/bin/sh").message.contains("second word"));
        assert!(refused("!+/bin/true").message.contains("neither"));
        assert!(refused("--/bin/true").ignore);
        assert!(refused("-").ignore && !refused("@").ignore);
        for (text, privilege) in [("!/a", Privilege::NoSetuid), ("!!/a", Privilege::Ordinary), ("+/a", Privilege::Full)]
        {
            assert_eq!(commands(text, &expand, false).unwrap().0[0].privilege, privilege);
        }
        for bad in ["!!!/a", "!!+/a", "+!/a"] {
            refused(bad);
        }
        assert!(commands("|/a", &expand, false).unwrap().0[0].via_shell);
    }

    #[test]
    fn service_13_15_blanks_and_backslashes() {
        assert_eq!(argv("/bin/echo \"x    y\""), [["/bin/echo", "x    y"]]);
        let (found, remarks) = commands("/bin/echo a \\", &expand, false).unwrap();
        assert_eq!((&*found[0].argv[2], remarks.len()), ("\\", 1));
    }

    #[test]
    fn service_32_34_specifiers_expand_after_splitting() {
        assert_eq!(argv("/bin/echo %i"), [["/bin/echo", "a b"]]);
        let error = refused("/bin/echo x %Z");
        assert_eq!((error.at, error.ignore), (12, false));
        assert!(refused("/bin/%Z").message.contains("%Z"));
    }

    #[test]
    fn empty_value_has_no_commands() {
        assert_eq!(argv("  "), Vec::<Vec<String>>::new());
    }
}
