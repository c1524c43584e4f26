//! Which variables a process gets, and whose word counts.

use crate::occasion::{Start, socket};
use expect_test::expect;
use porterd::plan::exec::{Identity, PerStart, Role};

fn pairs(list: &[(&str, &str)]) -> Vec<(porterd::ids::Text, porterd::ids::Text)> {
    list.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn value<'a>(env: &'a [String], name: &str) -> Option<&'a str> {
    env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn everything_a_notify_service_is_told() {
    let mut start = Start::new(&["/bin/x"]);
    start.passed = vec![socket("a.socket"), socket("b")];
    start.bend = |o| {
        o.watchdog_usec = 3_000_000;
        o.pid_file = Some("/run/x.pid");
        o.fd_store_max = 4;
        o.start = PerStart { notify_socket: Some("/run/porterd/notify"), invocation: 0x0123, variables: &[] };
    };
    expect![[r#"
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        FDSTORE=4
        PIDFILE=/run/x.pid
        NOTIFY_SOCKET=/run/porterd/notify
        INVOCATION_ID=00000000000000000000000000000123
        LISTEN_PID=0000000000
        LISTEN_FDS=2
        LISTEN_FDNAMES=a.socket:b
        WATCHDOG_PID=0000000000
        WATCHDOG_USEC=3000000
    "#]]
    .assert_eq(&(start.env().join("\n") + "\n"));
    // Only main processes are told of descriptors and watchdog.
    start.role = Role::Control { terminal: false };
    expect![[r#"
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        FDSTORE=4
        PIDFILE=/run/x.pid
        NOTIFY_SOCKET=/run/porterd/notify
        INVOCATION_ID=00000000000000000000000000000123
    "#]]
    .assert_eq(&(start.env().join("\n") + "\n"));
}

#[test]
fn nothing_of_the_daemon_leaks_unless_passed() {
    let mut start = Start::new(&["/bin/x"]);
    start.ambient.environment = pairs(&[("LISTEN_FDS", "1"), ("NOTIFY_SOCKET", "/n"), ("LEAKED", "yes"), ("A", "0")]);
    assert_eq!(start.env().len(), 2, "{:?}", start.env());
    start.exec.pass_environment = vec!["A".into(), "MISSING".into()];
    assert_eq!(value(&start.env(), "A"), Some("0"));
    start.exec.environment = pairs(&[("A", "1")]);
    assert_eq!(value(&start.env(), "A"), Some("1"));
    start.files = vec![("A".into(), "2".into())];
    assert_eq!(value(&start.env(), "A"), Some("2"));
}

#[test]
fn the_unit_may_override_the_protocol() {
    let mut start = Start::new(&["/bin/x"]);
    start.passed = vec![socket("a")];
    start.exec.environment = pairs(&[("LISTEN_PID", "9"), ("INVOCATION_ID", "mine"), ("PATH", "/p")]);
    let env = start.env();
    assert_eq!(value(&env, "LISTEN_PID"), Some("9"));
    assert_eq!(value(&env, "INVOCATION_ID"), Some("mine"));
    assert_eq!(value(&env, "PATH"), Some("/p"));
    assert_eq!(start.program().stamps, []);
}

#[test]
fn unset_reaches_everything() {
    let mut start = Start::new(&["/bin/x"]);
    start.passed = vec![socket("a")];
    start.exec.environment = pairs(&[("A", "1"), ("B", "1")]);
    let words = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "PATH", "INVOCATION_ID", "A=1", "B=2"];
    start.exec.unset_environment = words.iter().map(|w| (*w).into()).collect();
    assert_eq!(start.env(), ["B=1"]);
    // The descriptor is passed all the same, and nobody looks for a place for the pid.
    let program = start.program();
    assert_eq!((program.supplies.len(), program.stamps.len()), (2, 0));
    assert!(!start.has(|s| matches!(s, porterd::plan::program::Step::StampPid)));
}

#[test]
fn invalid_assignments_are_dropped() {
    let mut start = Start::new(&["/bin/x"]);
    start.files = vec![
        ("export G".into(), "1".into()),
        ("1A".into(), "x".into()),
        ("C".into(), "a\u{1}b".into()),
        ("T".into(), "a\tb\nc".into()),
    ];
    let env = start.env();
    assert_eq!(env.len(), 3, "{env:?}");
    assert_eq!(value(&env, "T"), Some("a\tb\nc"));
}

#[test]
fn login_variables_need_a_user() {
    let mut start = Start::new(&["/bin/x"]);
    let identity = |home: &str, shell: &str| Identity {
        uid: Some(2001),
        gid: Some(2001),
        groups: Some(vec![2001]),
        own_groups: Some(vec![2001]),
        user: Some("alice".into()),
        home: Some(home.into()),
        shell: Some(shell.into()),
    };
    start.identity = Ok(identity("/home/alice", "/bin/bash"));
    assert_eq!(value(&start.env(), "USER"), None);
    start.exec.user = Some("alice".into());
    let env = start.env();
    assert_eq!(value(&env, "USER"), Some("alice"));
    assert_eq!(value(&env, "LOGNAME"), Some("alice"));
    assert_eq!(value(&env, "HOME"), Some("/home/alice"));
    assert_eq!(value(&env, "SHELL"), Some("/bin/bash"));
    start.identity = Ok(identity("/", "/usr/sbin/nologin"));
    let env = start.env();
    assert_eq!((value(&env, "HOME"), value(&env, "SHELL")), (None, None));
}

#[test]
fn a_user_manager_passes_its_own_environment_with_its_own_path() {
    let mut start = Start::new(&["/bin/x"]);
    start.ambient.user_mode = true;
    start.ambient.pid = 42;
    start.ambient.environment = pairs(&[("PATH", "/mine"), ("HOME", "/home/me")]);
    let env = start.env();
    assert_eq!(value(&env, "HOME"), Some("/home/me"));
    assert_eq!(value(&env, "MANAGERPID"), Some("42"));
    assert!(value(&env, "PATH").unwrap().starts_with("/usr/local/sbin:"));
}

#[test]
fn the_search_path_is_told_and_used() {
    let mut start = Start::new(&["tool"]);
    start.rare().exec_search_path = vec!["/a".into(), "/b".into()];
    assert_eq!(value(&start.env(), "PATH"), Some("/a:/b"));
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        execve("/a/tool" or "/b/tool")
    "#]]);
}
