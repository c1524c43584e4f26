//! Users, capabilities and process properties, and what prefixes leave out.

use crate::occasion::Start;
use expect_test::expect;
use porterd::plan::exec::{Identity, LookUpFailure, Role};
use porterd::plan::program::{Pace, Purpose, Step};
use porterd::unit::exec::{Privilege, Resource, Rlimit, WorkingDirectory};

fn alice() -> Start {
    let mut start = Start::new(&["/p"]);
    start.exec.user = Some("alice".into());
    start.identity = Ok(Identity {
        uid: Some(2001),
        gid: Some(2001),
        groups: Some(vec![50, 100, 2001, 2100]),
        own_groups: Some(vec![50, 2001, 2100]),
        user: Some("alice".into()),
        home: Some("/home/alice".into()),
        shell: Some("/bin/bash".into()),
    });
    start
}

/// What the case `service-exec` of the comparison with systemd sets.
fn full() -> Start {
    let mut start = alice();
    start.exec.working_directory = Some(WorkingDirectory { path: None, optional: false });
    start.exec.umask = Some(0o027);
    start.exec.limits =
        vec![(Resource::Core, Rlimit { soft: 0, hard: 0 }), (Resource::Nofile, Rlimit { soft: 4096, hard: u64::MAX })];
    start.exec.nice = Some(5);
    start.exec.oom_score_adjust = Some(300);
    start.exec.no_new_privileges = true;
    start.exec.deliver_sigpipe = true;
    let rare = start.rare();
    rare.io_scheduling = Some((2, 6));
    rare.cpu_scheduling_policy = Some(libc::SCHED_BATCH);
    rare.cpu_scheduling_priority = Some(7);
    rare.ambient_capabilities = 0x400;
    rare.capability_bounding_set = Some(0x2400);
    rare.timer_slack_nsec = Some(123_000);
    rare.cpu_affinity = vec![0, 2, 65];
    rare.coredump_filter = Some(0x33);
    rare.secure_bits = 0x10;
    rare.personality = Some(8);
    start
}

#[test]
fn everything_at_once_is_in_order() {
    full().check_steps(expect![[r#"
        sigaction(SIGPIPE, SIG_DFL)
        sigprocmask(SIG_SETMASK, {})
        setsid()
        umask(0027)
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        write("/proc/self/oom_score_adj", "300"); refusal is ignored
        write("/proc/self/coredump_filter", "0x33"); refusal is ignored
        sched_setscheduler(0, 3, 0)
        setpriority(PRIO_PROCESS, 0, 5)
        sched_setaffinity(0, 0x00000000000000020000000000000005)
        ioprio_set(IOPRIO_WHO_PROCESS, 0, 2/6)
        prctl(PR_SET_TIMERSLACK, 123000)
        personality(0x8)
        setrlimit(RLIMIT_CORE, 0, 0)
        setrlimit(RLIMIT_NOFILE, 4096, RLIM_INFINITY)
        setgroups([50, 100, 2001, 2100])
        setresgid(2001, 2001, 2001)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        prctl(PR_CAPBSET_DROP, all but 0x2400)
        setresuid(2001, 2001, 2001) with SECBIT_KEEP_CAPS
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0x400)
        chdir("/home/alice")
        prctl(PR_SET_SECUREBITS, 0x10)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        execve("/p")
    "#]]);
    assert_eq!(full().program().pace, Pace::Patient);
    // What the kernel keeps with the memory that a child shares with us, or what somebody waits for.
    let pace_with = |bend: &dyn Fn(&mut Start)| {
        let mut start = alice();
        bend(&mut start);
        start.program().pace
    };
    assert_eq!(pace_with(&|_| ()), Pace::Prompt);
    assert_eq!(pace_with(&|start| start.exec.oom_score_adjust = Some(300)), Pace::Awaited);
    assert_eq!(pace_with(&|start| start.bend = |occasion| occasion.awaits_exec = true), Pace::Awaited);
    assert_eq!(pace_with(&|start| start.rare().coredump_filter = Some(0x33)), Pace::Patient);
}

#[test]
fn a_plus_keeps_who_the_process_is_and_its_limits() {
    let mut start = full();
    start.command.privilege = Privilege::Full;
    start.check_steps(expect![[r#"
        sigaction(SIGPIPE, SIG_DFL)
        sigprocmask(SIG_SETMASK, {})
        setsid()
        umask(0027)
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        write("/proc/self/oom_score_adj", "300"); refusal is ignored
        write("/proc/self/coredump_filter", "0x33"); refusal is ignored
        sched_setscheduler(0, 3, 0)
        setpriority(PRIO_PROCESS, 0, 5)
        sched_setaffinity(0, 0x00000000000000020000000000000005)
        ioprio_set(IOPRIO_WHO_PROCESS, 0, 2/6)
        prctl(PR_SET_TIMERSLACK, 123000)
        personality(0x8)
        setgroups([50, 2001, 2100])
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        chdir("/home/alice")
        execve("/p")
    "#]]);
    assert!(start.env().contains(&"USER=alice".to_owned()));
}

#[test]
fn an_exclamation_mark_keeps_the_user_only() {
    let mut start = full();
    start.command.privilege = Privilege::NoSetuid;
    let has = |wanted: fn(&Step) -> bool| start.has(wanted);
    assert!(!has(|s| matches!(s, Step::Uid { .. } | Step::Gid(_))));
    assert!(has(|s| matches!(s, Step::BoundingSet(_))));
    assert!(has(|s| matches!(s, Step::AmbientSet(_))));
    assert!(has(|s| matches!(s, Step::Limit(..))));
    assert!(has(|s| matches!(s, Step::NoNewPrivileges)));
}

#[test]
fn permissions_can_be_for_the_start_only() {
    let mut start = full();
    start.bend = |o| o.permissions_start_only = true;
    assert!(start.has(|s| matches!(s, Step::Uid { .. })));
    start.role = Role::Control { terminal: true };
    assert!(!start.has(|s| matches!(s, Step::Uid { .. } | Step::Limit(..) | Step::NoNewPrivileges)));
}

/// Also where the user is not changed to: service-unit 108.
#[test]
fn a_command_that_keeps_its_user_is_in_the_groups_of_the_other() {
    for privilege in [Privilege::Full, Privilege::NoSetuid] {
        let mut start = alice();
        start.command.privilege = privilege;
        assert!(start.has(|s| *s == Step::Groups(vec![50, 2001, 2100])), "{privilege:?}");
        assert!(!start.has(|s| matches!(s, Step::Gid(_) | Step::Uid { .. })), "{privilege:?}");
    }
}

#[test]
fn a_user_alone_needs_three_steps() {
    alice().check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        setgroups([50, 100, 2001, 2100])
        setresgid(2001, 2001, 2001)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        setresuid(2001, 2001, 2001)
        execve("/p")
    "#]]);
    assert_eq!(alice().program().pace, Pace::Prompt);
}

#[test]
fn nothing_is_done_for_who_one_already_is() {
    let mut start = alice();
    (start.ambient.uid, start.ambient.gid, start.ambient.groups) = (2001, 2001, vec![50, 100, 2001, 2100]);
    assert!(!start.has(|s| matches!(s, Step::Uid { .. } | Step::Gid(_) | Step::Groups(_))));
}

#[test]
fn root_keeps_ambient_capabilities_without_a_change_of_user() {
    let mut start = Start::new(&["/p"]);
    start.rare().ambient_capabilities = 1;
    start.rare().capability_bounding_set = Some(u64::MAX);
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0x1)
        execve("/p")
    "#]]);
}

#[test]
fn unknown_names_fail_before_anything_is_opened() {
    for (purpose, status) in [(Purpose::User, 217), (Purpose::Group, 216)] {
        let mut start = full();
        // Even for a command that would not change the user.
        start.command.privilege = Privilege::Full;
        start.identity = Err(LookUpFailure { purpose, errno: libc::ESRCH, message: "no such user".into() });
        let program = start.program();
        let failing = program.steps.iter().position(|s| matches!(s, Step::Fail { .. })).unwrap();
        let opening = program.steps.iter().position(|s| matches!(s, Step::Open { .. })).unwrap();
        assert!(failing < opening);
        assert_eq!(program.steps[failing].purpose().exit_status(), status);
    }
}

#[test]
fn working_directories() {
    let directory = |path: Option<&str>, optional| Some(WorkingDirectory { path: path.map(Into::into), optional });
    let mut start = Start::new(&["/p"]);
    let chdirs = |start: &Start| -> Vec<String> {
        let steps = start.program().steps;
        let chdir = |s: &&Step| matches!(s, Step::Chdir { .. } | Step::Chroot(_) | Step::Fail { .. });
        steps.iter().filter(chdir).map(porterd::plan::explain::step).collect()
    };
    assert_eq!(chdirs(&start), <[String; 0]>::default());
    start.exec.working_directory = directory(Some("/missing"), true);
    assert_eq!(chdirs(&start), [r#"chdir("/missing"), or "/" if that fails"#]);
    start.exec.working_directory = directory(None, false);
    assert_eq!(chdirs(&start), [r#"chdir("/root")"#]);
    assert!(start.env().contains(&"HOME=/root".to_owned()));
    // nobody has no usable home: it is sent to ours, into which it may not go.
    start.exec.user = Some("nobody".into());
    start.identity = Ok(Identity { home: Some("/".into()), ..Identity::default() });
    assert_eq!(chdirs(&start), [r#"chdir("/root")"#]);
    start.ambient.home = None;
    assert_eq!(chdirs(&start), ["exit(200) as CHDIR with errno 22"]);

    let mut start = Start::new(&["/p"]);
    start.ambient.in_root = false;
    assert_eq!(chdirs(&start), [r#"chdir("/")"#]);
    assert_eq!(start.program().pace, Pace::Prompt);
    start.exec.root_directory = Some("/jail".into());
    assert_eq!(chdirs(&start), [r#"chroot("/jail")"#]);
    start.role = Role::Control { terminal: false };
    start.bend = |o| o.root_directory_start_only = true;
    assert_eq!(chdirs(&start), [r#"chdir("/")"#]);

    let mut user = Start::new(&["/p"]);
    user.ambient.user_mode = true;
    assert_eq!(chdirs(&user), [r#"chdir("/root"), or "/" if that fails"#]);
}

#[test]
fn limits_of_the_daemon_do_not_leak() {
    let mut start = Start::new(&["/p"]);
    let at = |soft, hard| Rlimit { soft, hard };
    start.ambient.limits = vec![
        (Resource::Core, at(5, 5)),
        (Resource::Nofile, at(524_288, 524_288)),
        (Resource::Memlock, at(8 << 20, 8 << 20)),
    ];
    start.ambient.started_limits = vec![(Resource::Core, at(0, u64::MAX)), (Resource::Nofile, at(100, 100))];
    let limits: Vec<Step> = start.program().steps.iter().filter(|s| matches!(s, Step::Limit(..))).cloned().collect();
    assert_eq!(limits, [Step::Limit(4, 0, u64::MAX), Step::Limit(7, 1024, 524_288)]);
}

#[test]
fn signals_are_default_whatever_the_daemon_ignores() {
    let mut start = Start::new(&["/p"]);
    let (usr2, pipe) = (1 << (libc::SIGUSR2 - 1), 1 << (libc::SIGPIPE - 1));
    let steps = |start: &Start| start.program().steps[..2].to_vec();
    start.ambient.ignored_signals = usr2 | pipe;
    assert_eq!(steps(&start), [Step::DefaultSignals(usr2), Step::Unmask]);
    start.ambient.ignored_signals = 0;
    assert_eq!(steps(&start), [Step::IgnoreSignals(pipe), Step::Unmask]);
    start.exec.deliver_sigpipe = true;
    assert_eq!(steps(&start)[0], Step::Unmask);
    start.ambient.ignored_signals = pipe;
    assert_eq!(steps(&start), [Step::DefaultSignals(pipe), Step::Unmask]);
}

#[test]
fn realtime_needs_a_priority() {
    let mut start = Start::new(&["/p"]);
    start.rare().cpu_scheduling_policy = Some(libc::SCHED_FIFO);
    start.rare().cpu_scheduling_reset_on_fork = true;
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    assert!(start.has(|s| *s == Step::Scheduler { policy, priority: 1 }));
    start.rare().cpu_scheduling_priority = Some(50);
    assert!(start.has(|s| *s == Step::Scheduler { policy, priority: 50 }));
}

/// `SELinuxContextFromNet=`: the label is set after everything that porterd does itself.
#[test]
fn the_label_of_the_peer_comes_last() {
    use porterd::plan::exec::{Blueprint, Label, Occasion, program};
    use porterd::plan::explain;
    const LABEL: &str = "u:r:t:s0:c7";
    let mut base = alice();
    let labelled = |base: &Start, label| base.with(|o| program(&Occasion { label, ..*o }).unwrap().program);
    let steps = labelled(&base, Label::Is(LABEL)).steps;
    let step = &steps[steps.len() - 2];
    assert_eq!((step.purpose(), step.purpose().exit_status()), (Purpose::SelinuxContext, 229));
    assert_eq!(explain::step(step), r#"write("/proc/self/attr/exec", "u:r:t:s0:c7")"#);
    let unknown = labelled(&base, Label::Unknown(libc::EACCES)).steps;
    assert_eq!(unknown[unknown.len() - 2], Step::Fail { purpose: Purpose::SelinuxContext, errno: libc::EACCES });
    let plain = labelled(&base, Label::Policy);
    assert!(plain.steps.iter().all(|step| step.purpose() != Purpose::SelinuxContext));
    // Each peer has its own, so nothing is planned ahead.
    let blueprint = |label| base.with(|o| Blueprint::new(&Occasion { label, ..*o }).unwrap().is_some());
    assert_eq!([blueprint(Label::Policy), blueprint(Label::Is(LABEL))], [true, false]);
    base.command.privilege = Privilege::Full;
    assert_eq!(labelled(&base, Label::Is(LABEL)).steps, labelled(&base, Label::Policy).steps, "not with +");
}
