//! Standard streams and passed descriptors.

use crate::occasion::{Start, socket};
use expect_test::expect;
use porterd::plan::exec::{PassedFd, PlanError, Role};
use porterd::plan::program::{Pace, Supply};
use porterd::unit::exec::{Beside, Input, Output, TtyMode};

fn start(passed: &[&str]) -> Start {
    let mut start = Start::new(&["/bin/x"]);
    start.passed = passed.iter().map(|name| socket(name)).collect();
    start
}

#[test]
fn the_usual_connection_takes_six_steps() {
    let mut start = start(&["connection"]);
    start.passed[0].blocking = Some(true);
    start.variables = vec![("REMOTE_ADDR", "192.0.2.1".into()), ("REMOTE_PORT", "40112".into())];
    start.check(expect![[r#"
        pace prompt: memory is shared until execve
          s0 = passed descriptor 0
          s1 = log
          sigprocmask(SIG_SETMASK, {})
          setsid()
          s2 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
          dup2(s2 -> 0, s1 -> 1, s1 -> 2, s0 -> 3)
          write the own pid into the reserved digits
          execve("/bin/x")
        arguments
          "/bin/x"
        environment
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
          "REMOTE_ADDR=192.0.2.1"
          "REMOTE_PORT=40112"
          "INVOCATION_ID=00000000000000000000000000000abc"
          "LISTEN_PID=0000000000"  <- own pid
          "LISTEN_FDS=1"
          "LISTEN_FDNAMES=connection"
    "#]]);
}

#[test]
fn without_descriptors_there_is_nothing_to_listen_on() {
    start(&[]).check(expect![[r#"
        pace prompt: memory is shared until execve
          s0 = log
          sigprocmask(SIG_SETMASK, {})
          setsid()
          s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
          dup2(s1 -> 0, s0 -> 1, s0 -> 2)
          execve("/bin/x")
        arguments
          "/bin/x"
        environment
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
          "INVOCATION_ID=00000000000000000000000000000abc"
    "#]]);
}

#[test]
fn inetd_style_is_the_connection_three_times_and_no_variables() {
    let mut start = start(&["connection"]);
    start.exec.standard_input = Input::Socket;
    start.bend = |o| o.non_blocking = true;
    start.check(expect![[r#"
        pace prompt: memory is shared until execve
          s0 = passed descriptor 0
          sigprocmask(SIG_SETMASK, {})
          setsid()
          fcntl(s0, F_SETFL, ~O_NONBLOCK)
          dup2(s0 -> 0, s0 -> 1, s0 -> 2)
          execve("/bin/x")
        arguments
          "/bin/x"
        environment
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
          "INVOCATION_ID=00000000000000000000000000000abc"
    "#]]);
}

#[test]
fn errors_can_be_kept_off_the_wire() {
    let mut start = start(&["connection"]);
    start.exec.standard_input = Input::Socket;
    start.exec.standard_error = Some(Output::Log(Beside::default()));
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        fcntl(s0, F_SETFL, ~O_NONBLOCK)
        dup2(s0 -> 0, s0 -> 1, s1 -> 2)
        execve("/bin/x")
    "#]]);
    start.bend = |o| o.log = false;
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_WRONLY|O_NOCTTY|O_CLOEXEC)
        fcntl(s0, F_SETFL, ~O_NONBLOCK)
        dup2(s0 -> 0, s0 -> 1, s1 -> 2)
        execve("/bin/x")
    "#]]);
}

#[test]
fn output_alone_can_be_the_socket() {
    let mut start = start(&["connection"]);
    start.exec.standard_output = Some(Output::Socket);
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        fcntl(s0, F_SETFL, ~O_NONBLOCK)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        execve("/bin/x")
    "#]]);
}

#[test]
fn exactly_one_socket_is_needed_for_a_stream() {
    let mut two = start(&["a", "b"]);
    two.exec.standard_input = Input::Socket;
    assert_eq!(two.plan().unwrap_err(), PlanError::SeveralSockets(2));
    let mut none = start(&[]);
    none.exec.standard_error = Some(Output::Socket);
    assert_eq!(none.plan().unwrap_err(), PlanError::NoSocket);
    // A stored descriptor does not count, and is not passed beside the socket either.
    let mut stored = start(&["a", "b"]);
    stored.exec.standard_input = Input::Socket;
    stored.passed[0].socket = false;
    assert_eq!(*stored.program().supplies, [Supply::Passed(1)]);
}

#[test]
fn control_commands_get_the_socket_as_a_stream_and_nothing_else() {
    let mut start = start(&["connection"]);
    start.role = Role::Control { terminal: false };
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        execve("/bin/x")
    "#]]);
    assert!(!start.env().iter().any(|e| e.starts_with("LISTEN_")));
    start.exec.standard_input = Input::Socket;
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        fcntl(s0, F_SETFL, ~O_NONBLOCK)
        dup2(s0 -> 0, s0 -> 1, s0 -> 2)
        execve("/bin/x")
    "#]]);
}

#[test]
fn several_sockets_and_stored_descriptors_are_packed_from_three() {
    let mut start = start(&["a.socket", "a.socket", "b"]);
    start.passed.push(PassedFd { name: "stored".into(), socket: false, blocking: None, address: None });
    start.bend = |o| o.non_blocking = true;
    start.check(expect![[r#"
        pace prompt: memory is shared until execve
          s0 = passed descriptor 0
          s1 = passed descriptor 1
          s2 = passed descriptor 2
          s3 = passed descriptor 3
          s4 = log
          sigprocmask(SIG_SETMASK, {})
          setsid()
          s5 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
          fcntl(s0, F_SETFL, O_NONBLOCK)
          fcntl(s1, F_SETFL, O_NONBLOCK)
          fcntl(s2, F_SETFL, O_NONBLOCK)
          dup2(s5 -> 0, s4 -> 1, s4 -> 2, s0 -> 3, s1 -> 4, s2 -> 5, s3 -> 6)
          write the own pid into the reserved digits
          execve("/bin/x")
        arguments
          "/bin/x"
        environment
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
          "INVOCATION_ID=00000000000000000000000000000abc"
          "LISTEN_PID=0000000000"  <- own pid
          "LISTEN_FDS=4"
          "LISTEN_FDNAMES=a.socket:a.socket:b:stored"
    "#]]);
}

#[test]
fn strays_are_closed_where_the_daemon_has_any() {
    let mut start = start(&["a"]);
    start.ambient.descriptors_marked = false;
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s2 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        fcntl(s0, F_SETFL, ~O_NONBLOCK)
        dup2(s2 -> 0, s1 -> 1, s1 -> 2, s0 -> 3)
        close_range(4, ~0)
        write the own pid into the reserved digits
        execve("/bin/x")
    "#]]);
}

#[test]
fn a_descriptor_by_name_stays_in_the_passed_set() {
    let mut start = start(&["api", "web"]);
    start.exec.standard_input = Input::Fd(Some("web".into()));
    start.check(expect![[r#"
        pace prompt: memory is shared until execve
          s0 = passed descriptor 0
          s1 = passed descriptor 1
          sigprocmask(SIG_SETMASK, {})
          setsid()
          fcntl(s0, F_SETFL, ~O_NONBLOCK)
          fcntl(s1, F_SETFL, ~O_NONBLOCK)
          dup2(s1 -> 0, s1 -> 1, s1 -> 2, s0 -> 3, s1 -> 4)
          write the own pid into the reserved digits
          execve("/bin/x")
        arguments
          "/bin/x"
        environment
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
          "INVOCATION_ID=00000000000000000000000000000abc"
          "LISTEN_PID=0000000000"  <- own pid
          "LISTEN_FDS=2"
          "LISTEN_FDNAMES=api:web"
    "#]]);
}

#[test]
fn one_descriptor_does_not_serve_two_streams_by_name() {
    let mut start = start(&["web"]);
    start.exec.standard_input = Input::Fd(Some("web".into()));
    start.exec.standard_output = Some(Output::Fd(Some("web".into())));
    let error = start.plan().unwrap_err();
    assert_eq!(error, PlanError::NoDescriptor { stream: 1, name: "web".into() });
    expect!["no passed descriptor named 'web' is left for standard output; a descriptor serves one stream only, compare the names given by the socket unit"].assert_eq(&error.to_string());
    start.exec.standard_output = Some(Output::Inherit);
    assert!(start.plan().is_ok());
    // The default name is the stream's.
    start.exec.standard_input = Input::Fd(None);
    assert_eq!(start.plan().unwrap_err(), PlanError::NoDescriptor { stream: 0, name: "stdin".into() });
}

#[test]
fn output_and_error_share_one_open_file() {
    let mut start = start(&[]);
    start.exec.standard_output = Some(Output::Append("/x".into()));
    start.exec.standard_error = Some(Output::Append("/x".into()));
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s0 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        s1 = open("/x", O_WRONLY|O_CREAT|O_APPEND|O_NOCTTY|O_CLOEXEC, 0666)
        dup2(s0 -> 0, s1 -> 1, s1 -> 2)
        execve("/bin/x")
    "#]]);
    assert_eq!(start.program().pace, Pace::Patient);
    start.exec.standard_error = Some(Output::Truncate("/x".into()));
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s0 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        s1 = open("/x", O_WRONLY|O_CREAT|O_APPEND|O_NOCTTY|O_CLOEXEC, 0666)
        s2 = open("/x", O_WRONLY|O_CREAT|O_TRUNC|O_NOCTTY|O_CLOEXEC, 0666)
        dup2(s0 -> 0, s1 -> 1, s2 -> 2)
        execve("/bin/x")
    "#]]);
}

#[test]
fn a_file_for_input_and_output_is_opened_once_for_both() {
    let mut start = start(&[]);
    start.exec.standard_input = Input::File("/x".into());
    start.exec.standard_output = Some(Output::File("/x".into()));
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s0 = open("/x", O_RDWR|O_CREAT|O_NOCTTY|O_CLOEXEC, 0666)
        dup2(s0 -> 0, s0 -> 1, s0 -> 2)
        execve("/bin/x")
    "#]]);
    start.exec.standard_output = None;
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/x", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s1 -> 0, s0 -> 1, s0 -> 2)
        execve("/bin/x")
    "#]]);
}

#[test]
fn text_from_the_unit_is_supplied() {
    let mut start = start(&[]);
    start.exec.standard_input_data = b"a\n".to_vec();
    start.exec.standard_output = Some(Output::Null);
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s1 = open("/dev/null", O_WRONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s0 -> 0, s1 -> 1, s1 -> 2)
        execve("/bin/x")
    "#]]);
    assert_eq!(*start.program().supplies, [Supply::Data]);
}

#[test]
fn a_terminal_is_for_main_processes() {
    let mut start = start(&[]);
    start.exec.standard_input = Input::Tty(TtyMode::Force);
    start.exec.tty_path = Some("/dev/tty9".into());
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s0 = open("/dev/tty9", O_RDWR|O_NOCTTY|O_CLOEXEC)
        ioctl(s0, TIOCSCTTY, 1)
        dup2(s0 -> 0, s0 -> 1, s0 -> 2)
        execve("/bin/x")
    "#]]);
    assert!(start.env().contains(&"TERM=linux".to_owned()));
    start.role = Role::Control { terminal: false };
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        setsid()
        s0 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        s1 = open("/dev/tty9", O_WRONLY|O_NOCTTY|O_CLOEXEC)
        dup2(s0 -> 0, s1 -> 1, s1 -> 2)
        execve("/bin/x")
    "#]]);
}

#[test]
fn idle_services_wait_first() {
    let mut start = start(&["a"]);
    start.bend = |o| o.idle = true;
    start.check_steps(expect![[r#"
        sigprocmask(SIG_SETMASK, {})
        poll(s2, 5000 ms)
        setsid()
        s3 = open("/dev/null", O_RDONLY|O_NOCTTY|O_CLOEXEC)
        fcntl(s0, F_SETFL, ~O_NONBLOCK)
        dup2(s3 -> 0, s1 -> 1, s1 -> 2, s0 -> 3)
        write the own pid into the reserved digits
        execve("/bin/x")
    "#]]);
    assert_eq!(*start.program().supplies, [Supply::Passed(0), Supply::Log(Beside::default()), Supply::Idle]);
    assert_eq!(start.program().pace, Pace::Patient);
}
