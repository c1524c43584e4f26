//! `$` expansion, prefixes, and where programs are looked for.

use crate::occasion::{Start, socket};
use expect_test::expect;
use porterd::plan::exec::Identity;
use porterd::plan::program::Stamp;

fn with(variables: &[(&str, &str)], words: &[&str]) -> Start {
    let mut start = Start::new(words);
    start.exec.environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    start
}

#[test]
fn whole_words_are_split_and_braces_are_not() {
    let start = with(&[("W", "one two"), ("Q", "a b")], &["/p", "$W", "${W}", "${Q}", "$$HOME", "pre$W"]);
    assert_eq!(start.argv(), ["/p", "one", "two", "one two", "a b", "$HOME", "pre$W"]);
    assert_eq!(start.warnings(), <[String; 0]>::default());
}

#[test]
fn values_are_split_as_systemd_252_splits_them() {
    // Recorded from systemd with an environment file of the same values.
    let variables = [("X", r#"a\ b c\nd "e\"f g""#), ("Y", r#"p "q r s"#), ("E", r#"k"l m"n """#)];
    let start = with(&variables, &["/p", "$X", "|", "$Y", "|", "${X:-d}", "${X", "a$$b", "|", "$E"]);
    let expected = ["/p", "a b", "cnd", "e\"f g", "|", "p", "q r s", "|", "${X:-d}", "${X", "a$b", "|", "kl mn", ""];
    assert_eq!(start.argv(), expected);
}

#[test]
fn what_is_unset_vanishes_and_is_told_once() {
    let start = with(&[("E", "")], &["/p", "$U", "x${U}y", "$E", "${E}", "$1", "$", "$F/b", "${1}", "$$", "$U"]);
    assert_eq!(start.argv(), ["/p", "xy", "", "", "$"]);
    expect![[r#"
        variable 'U' in a command line is not set and counts as empty
        '$1' in a command line names no variable and is left out; write '$$' for a plain '$'
        '$' in a command line names no variable and is left out; write '$$' for a plain '$'
        '$F/b' in a command line names no variable and is left out; write '$$' for a plain '$'
    "#]]
    .assert_eq(&(start.warnings().join("\n") + "\n"));
}

#[test]
fn a_colon_keeps_everything_as_it_is() {
    let mut start = with(&[("X", "1")], &["/p", "$X", "${X}", "$$"]);
    start.command.no_expansion = true;
    assert_eq!(start.argv(), ["/p", "$X", "${X}", "$$"]);
}

#[test]
fn the_program_itself_is_never_expanded_but_its_name_is() {
    let mut start = with(&[("X", "name")], &["$X"]);
    start.command.path = "/bin/$X".into();
    assert_eq!(start.argv(), ["name"]);
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        execve("/bin/$X")
    "#]]);
}

#[test]
fn the_pid_of_the_process_can_stand_in_its_arguments() {
    let mut start =
        with(&[], &["/p", "${LISTEN_FDS}", "$LISTEN_PID", "a${LISTEN_PID}b${LISTEN_PID}", "${WATCHDOG_PID}"]);
    start.passed = vec![socket("a")];
    let program = start.program();
    assert_eq!(start.argv(), ["/p", "1", "0000000000", "a0000000000b0000000000", ""]);
    let stamp = |entry, offset| Stamp { entry, offset };
    assert_eq!(program.argv_stamps, [stamp(3, 12), stamp(3, 1), stamp(2, 0)]);
    let entry = &program.envp[usize::from(program.stamps[0].entry)];
    assert_eq!(entry.to_str().unwrap(), "LISTEN_PID=0000000000");
    assert_eq!(program.stamps[0].offset, 11);
}

#[test]
fn a_shell_gets_the_words_as_one_line() {
    let mut start = with(&[("X", "a b")], &["echo", "$$HOME", "it's", "", "${X}", "plain", "${LISTEN_PID}"]);
    start.passed = vec![socket("a")];
    start.command.via_shell = true;
    assert_eq!(start.argv(), ["sh", "-c", r#"echo "\$HOME" "it's" "" "a b" plain 0000000000"#]);
    assert_eq!(start.program().argv_stamps, [Stamp { entry: 2, offset: 36 }]);
    start.command.argv0_given = true;
    start.exec.user = Some("alice".into());
    start.identity = Ok(Identity { shell: Some("/bin/zsh".into()), ..Identity::default() });
    start.command.argv.remove(0);
    assert_eq!(start.argv()[0], "-zsh");
    assert!(start.argv()[2].starts_with(r#"echo "\$HOME" "#));
    assert!(start.has(|s| format!("{s:?}").contains("/bin/zsh")));
}

#[test]
fn bare_names_are_looked_up_whatever_path_the_program_gets() {
    let start = with(&[("PATH", "/elsewhere")], &["tool"]);
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        execve("/usr/local/sbin/tool" or "/usr/local/bin/tool" or "/usr/sbin/tool" or "/usr/bin/tool" or "/sbin/tool" or "/bin/tool")
    "#]]);
}

#[test]
fn a_missing_program_may_be_success() {
    let mut start = Start::new(&["/p"]);
    start.command.ignore_failure = true;
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        execve("/p"); exit(0) if it is missing
    "#]]);
}
