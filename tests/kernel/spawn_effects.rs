//! Each step has the effect it names.

use super::{Case, Guard, PACES, after, after_at, c, null, root, run, status, wait as waited};
use porterd::bounds::PASSAGES_MAX;
use porterd::linux::clone::{self, Outcome};
use porterd::linux::process::Exit;
use porterd::plan::program::{Pace, Slot, Stamp, Step, Supply};
use std::os::fd::AsFd;

#[test]
fn a_program_runs_and_writes() {
    assert_eq!(after(vec![], &["/bin/echo", "hello", "there"]), "hello there\n");
}

#[test]
fn descriptors_arrive_under_any_permutation() {
    // Files with one letter each; three of them sit at low numbers by the luck of the draw, so the
    // targets run through the sources in every direction.
    let files: Vec<std::os::fd::OwnedFd> = ["a", "b", "c", "d"]
        .iter()
        .map(|letter| {
            let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
            nix::unistd::write(&write, letter.as_bytes()).unwrap();
            drop(write);
            read
        })
        .collect();
    let numbers: Vec<i32> = files.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect();
    let more: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    // Targets are the very numbers of the other sources, rotated.
    let mut place: Vec<(Slot, i32)> = (0..4).map(|i| (Slot(i as u16 + 1), numbers[(i + 1) % 4])).collect();
    place.push((Slot(0), 1));
    place.sort_by_key(|(_, number)| *number);
    let script: String = (0..4).map(|i| format!("cat <&{}; ", numbers[(i + 1) % 4])).collect();
    let argv = ["/bin/bash", "-c", script.as_str()];
    let result = run(&Case::new(Pace::Prompt, vec![], &argv).exec(place), &more);
    assert_eq!((result.exit, result.output.as_str()), (Exit::Code(0), "abcd"));
}

#[test]
fn one_source_may_have_several_numbers_and_nothing_else_comes_along() {
    let (one, two) = (null(), null());
    for pace in PACES {
        let place = vec![(Slot(1), 0), (Slot(0), 1), (Slot(0), 2), (Slot(2), 3), (Slot(2), 4)];
        let steps = vec![Step::CloseFrom(3)];
        let argv = ["/bin/bash", "-c", "cd /proc/$$/fd && echo *"];
        let result = run(&Case::new(pace, steps, &argv).exec(place), &[one.as_fd(), two.as_fd()]);
        let numbers: Vec<&str> = result.output.split_whitespace().collect();
        // 5 is the directory that is just being listed.
        assert_eq!(numbers, ["0", "1", "2", "3", "4", "5"], "{pace:?}");
    }
}

#[test]
fn a_descriptor_without_close_on_exec_leaks_unless_closed() {
    use std::os::fd::AsRawFd;
    let leaky = null();
    nix::fcntl::fcntl(&leaky, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    let argv = ["/bin/ls", &format!("/proc/self/fd/{}", leaky.as_raw_fd())];
    let open = run(&Case::new(Pace::Prompt, vec![], &argv).exec(vec![(Slot(0), 1), (Slot(0), 2)]), &[]);
    assert_eq!(open.exit, Exit::Code(0));
    let steps = vec![Step::CloseFrom(3)];
    let closed = run(&Case::new(Pace::Prompt, steps, &argv).exec(vec![(Slot(0), 1), (Slot(0), 2)]), &[]);
    assert_eq!(closed.exit, Exit::Code(2));
}

#[test]
fn the_pid_is_stamped_and_the_program_is_left_alone() {
    for pace in PACES {
        let case = Case::new(pace, vec![], &["/bin/sh", "-c", "echo $LISTEN_PID $TWICE $$"])
            .exec(vec![(Slot(0), 1)])
            .environment(&["LISTEN_PID=0000000000", "TWICE=a0000000000"], &[(1, 11), (2, 7)]);
        let before = case.0.clone();
        let result = run(&case, &[]);
        let words: Vec<&str> = result.output.split_whitespace().collect();
        let [stamped, with_prefix, pid] = words[..] else { panic!("{result:?}") };
        assert_eq!(stamped, pid);
        assert_eq!(with_prefix, format!("a{pid}"));
        assert_eq!(case.0, before);
    }
}

#[test]
fn the_pid_may_stand_in_the_middle_of_words() {
    for pace in PACES {
        let argv = ["/bin/sh", "-c", "echo $X $0 $$", "<0000000000-0000000000>"];
        let mut case =
            Case::new(pace, vec![], &argv).exec(vec![(Slot(0), 1)]).environment(&["X=(0000000000)"], &[(1, 3)]);
        case.0.argv_stamps = vec![Stamp { entry: 3, offset: 12 }, Stamp { entry: 3, offset: 1 }];
        let result = run(&case, &[]);
        let pid = result.output.split_whitespace().last().unwrap();
        assert_eq!(result.output, format!("({pid}) <{pid}-{pid}> {pid}\n"));
    }
}

#[test]
fn a_session_of_its_own() {
    let stat = |steps| {
        let text = after(steps, &["/bin/cat", "/proc/self/stat"]);
        let words: Vec<i32> =
            text.split_once(')').unwrap().1.split_whitespace().filter_map(|w| w.parse().ok()).collect();
        (text.split_whitespace().next().unwrap().parse::<i32>().unwrap(), words[1], words[2])
    };
    let (pid, group, session) = stat(vec![Step::Session]);
    assert_eq!((group, session), (pid, pid));
    let (pid, _, session) = stat(vec![]);
    assert_ne!(session, pid);
}

#[test]
fn signals_are_as_planned() {
    let bit = |signal: i32| 1u64 << (signal - 1);
    let read = |steps, field| u64::from_str_radix(&status(steps, field), 16).unwrap();
    assert_eq!(read(vec![], "SigBlk"), 0);
    assert_eq!(read(vec![], "SigCgt"), 0);
    // Rust programs ignore SIGPIPE: without a step that is inherited.
    assert_ne!(read(vec![], "SigIgn") & bit(libc::SIGPIPE), 0);
    assert_eq!(read(vec![Step::DefaultSignals(u64::MAX)], "SigIgn"), 0);
    let ignored = vec![Step::DefaultSignals(u64::MAX), Step::IgnoreSignals(bit(libc::SIGUSR2))];
    assert_eq!(read(ignored, "SigIgn"), bit(libc::SIGUSR2));
}

#[test]
fn the_parent_keeps_its_own_dispositions_and_mask() {
    let own = || {
        let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        text.lines().filter(|l| l.starts_with("Sig")).skip(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = own();
    after(vec![Step::DefaultSignals(u64::MAX), Step::IgnoreSignals(0xff)], &["/bin/true"]);
    assert_eq!(own(), before);
}

#[test]
fn files_are_opened_into_slots() {
    let path = std::env::temp_dir().join(format!("porterd-spawn-{}", std::process::id()));
    std::fs::write(&path, "from a file\n").unwrap();
    let open = Step::Open { path: c(path.to_str().unwrap()), flags: libc::O_RDONLY, mode: 0, into: Slot(3), stream: 0 };
    for pace in PACES {
        let place = vec![(Slot(3), 0), (Slot(0), 1)];
        let result = run(&Case::new(pace, vec![open.clone()], &["/bin/cat"]).exec(place), &[]);
        assert_eq!(result.output, "from a file\n");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_socket_is_connected_to_where_a_file_is_opened() {
    let path = std::env::temp_dir().join(format!("porterd-connect-{}", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let path_c = c(path.to_str().unwrap());
    let open =
        Step::Open { path: path_c, flags: libc::O_WRONLY | libc::O_CREAT, mode: 0o666, into: Slot(3), stream: 1 };
    let case = Case::new(Pace::Patient, vec![open], &["/bin/echo", "over a socket"]);
    let result = run(&case.exec(vec![(Slot(3), 1)]), &[]);
    assert_eq!((result.exit, result.failure), (Exit::Code(0), None));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut listener.accept().unwrap().0, &mut text).unwrap();
    assert_eq!(text, "over a socket\n");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn blocking_mode_is_set_and_cleared() {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let (read, _write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    let flags = || OFlag::from_bits_retain(fcntl(&read, FcntlArg::F_GETFL).unwrap());
    for blocking in [false, true] {
        let steps = vec![Step::Blocking { slot: Slot(1), blocking }];
        let case = Case::new(Pace::Prompt, steps, &["/bin/true"]).exec(vec![(Slot(0), 1)]);
        run(&case, &[read.as_fd()]);
        assert_eq!(flags().contains(OFlag::O_NONBLOCK), !blocking);
    }
}

#[test]
fn small_properties_are_set() {
    assert_eq!(status(vec![Step::Umask(0o027)], "Umask"), "0027");
    assert_eq!(status(vec![Step::NoNewPrivileges], "NoNewPrivs"), "1");
    assert_eq!(status(vec![Step::Affinity(vec![1])], "Cpus_allowed_list"), "0");
    assert_eq!(after(vec![Step::Nice(7)], &["/usr/bin/nice"]), "7\n");
    assert_eq!(after(vec![Step::TimerSlack(123_456)], &["/bin/cat", "/proc/self/timerslack_ns"]), "123456\n");
    let linux32 = Step::Personality(8);
    assert_eq!(after(vec![linux32], &["/bin/cat", "/proc/self/personality"]), "00000008\n");
    let limit = Step::Limit(libc::RLIMIT_NOFILE as u32, 77, 99);
    let text = after(vec![limit], &["/bin/cat", "/proc/self/limits"]);
    let line = text.lines().find(|l| l.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().skip(3).collect::<Vec<_>>(), ["77", "99", "files"]);
}

#[test]
fn small_files_are_written() {
    let write = |value: &str, optional| Step::Write {
        path: c("/proc/self/oom_score_adj"),
        content: value.as_bytes().to_vec(),
        optional,
        purpose: porterd::plan::program::Purpose::OomAdjust,
    };
    let own = || std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let before = own();
    // Not at the prompt pace: that is why planning awaits such a program.
    let paces = [Pace::Awaited, Pace::Patient];
    let written = after_at(paces, &[write("321", false)], &["/bin/cat", "/proc/self/oom_score_adj"]);
    assert_eq!(written, ["321\n", "321\n"]);
    assert_eq!(own(), before, "the parent, whose memory is shared, is not touched");
}

/// More children than there are places in our memory: the parent waits for one, and all go their way.
#[test]
fn children_are_underway_while_the_parent_goes_on() {
    let (wait, _nobody_writes) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let sink = null();
    let begun = std::time::Instant::now();
    let spawn = |timeout_msec| {
        let steps = vec![Step::IdleWait { slot: Slot(1), timeout_msec }];
        let mut case = Case::new(Pace::Prompt, steps, &["/bin/true"]).exec(vec![(Slot(0), 1)]);
        case.0.supplies = vec![Supply::Passed(0), Supply::Passed(1)].into();
        Guard(clone::spawn(&case.0.into(), &[sink.as_fd(), wait.as_fd()], None).unwrap())
    };
    let first = spawn(400);
    let Outcome::Underway(passage) = &first.0.outcome else { panic!("it is not underway") };
    assert_eq!(passage.outcome(), None);
    let others: Vec<Guard> = (0..PASSAGES_MAX * 2).map(|_| spawn(200)).collect();
    for child in others.iter().chain([&first]) {
        assert_eq!(waited(&child.0), Exit::Code(0));
        assert!(
            matches!(&child.0.outcome, Outcome::Execed)
                || matches!(&child.0.outcome, Outcome::Underway(passage) if passage.outcome() == Some(Ok(())))
        );
    }
    let serial = std::time::Duration::from_millis(PASSAGES_MAX as u64 * 2 * 200);
    assert!(begun.elapsed() < serial, "they waited for each other");
}

#[test]
fn io_priority_and_scheduler_are_set() {
    // best-effort 6
    let steps = vec![Step::IoPriority(2 << 13 | 6)];
    assert_eq!(after(steps, &["/usr/bin/ionice"]), "best-effort: prio 6\n");
    // SCHED_BATCH
    let steps = vec![Step::Scheduler { policy: 3, priority: 0 }];
    let text = after(steps, &["/bin/cat", "/proc/self/stat"]);
    assert_eq!(text.split_once(')').unwrap().1.split_whitespace().nth(38), Some("3"));
}

#[test]
fn directories_are_changed() {
    let to = |path: &str, optional| Step::Chdir { path: c(path), optional };
    assert_eq!(after(vec![to("/usr", false)], &["/bin/pwd"]), "/usr\n");
    assert_eq!(after(vec![to("/not/there", true)], &["/bin/pwd"]), "/\n");
}

#[test]
fn chroot_changes_the_root() {
    if !root() {
        return;
    }
    let case = Case::new(Pace::Patient, vec![Step::Chroot(c("/proc/self"))], &["/cwd"]);
    let result = run(&case.exec(vec![(Slot(0), 1)]), &[]);
    // Inside there is a `cwd`, which is a directory and not a program.
    assert_eq!(result.failure, Some((4, nix::errno::Errno::EACCES)));
}

#[test]
fn idle_ends_with_the_pipe_or_the_time() {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let case = |timeout_msec| {
        let steps = vec![Step::IdleWait { slot: Slot(1), timeout_msec }];
        Case::new(Pace::Patient, steps, &["/bin/true"]).exec(vec![(Slot(0), 1)])
    };
    assert_eq!(run(&case(30), &[read.as_fd()]).exit, Exit::Code(0));
    drop(write);
    assert_eq!(run(&case(15_000), &[read.as_fd()]).exit, Exit::Code(0));
}

/// Ends the other process of a test.
struct Other(std::process::Child);

impl Drop for Other {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_program_goes_on_in_another_network() {
    if !root() {
        return;
    }
    let other = Other(std::process::Command::new("unshare").args(["-n", "sleep", "60"]).spawn().unwrap());
    let path = format!("/proc/{}/ns/net", other.0.id());
    let ours = std::fs::read_link("/proc/self/ns/net").unwrap();
    // Until unshare(1) has done it, it is still ours.
    let theirs = std::iter::repeat_with(|| std::fs::read_link(&path).unwrap())
        .inspect(|_| std::thread::sleep(std::time::Duration::from_millis(5)))
        .take(2000)
        .find(|link| *link != ours)
        .expect("a namespace of its own");
    let namespace: std::os::fd::OwnedFd = std::fs::File::open(&path).unwrap().into();
    for pace in PACES {
        let steps = vec![Step::Network { slot: Slot(1) }];
        let case = Case::new(pace, steps, &["/bin/readlink", "/proc/self/ns/net"]).exec(vec![(Slot(0), 1)]);
        let result = run(&case, &[namespace.as_fd()]);
        assert_eq!((result.exit, result.output.trim_end()), (Exit::Code(0), theirs.to_str().unwrap()), "{pace:?}");
        // Any other descriptor is refused.
        let failed = run(&case, &[null().as_fd()]);
        assert_eq!((failed.exit, failed.failure), (Exit::Code(225), Some((0, nix::errno::Errno::EINVAL))), "{pace:?}");
    }
    assert_eq!(std::fs::read_link("/proc/self/ns/net").unwrap(), ours, "the parent is where it was");
}
