//! Commands of a socket: when they run, what they get, what their end means.

use super::{Bench, SERVICE, both};
use porterd::engine::requests::Verb;

const HOOKS: &str = "[Socket]\nListenStream=/run/a\nListenDatagram=/run/b\nExecStartPre=/bin/pre\n\
    ExecStartPost=/bin/post\nExecStopPre=/bin/stop-pre\nExecStopPost=/bin/stop-post\nExecStopPost=/bin/last\n";

/// From start to stop, each command ending well.
fn life(pass: &str) -> Vec<String> {
    let socket = format!("{HOOKS}{pass}");
    let [policy, _] = both();
    let mut bench = Bench::new(policy, &[("a.socket", &socket), ("a.service", SERVICE)]);
    bench.start("a.socket");
    for state in ["activating/start-pre", "activating/start-post"] {
        assert_eq!(bench.state("a.socket"), format!("{state}/success"));
        bench.exit("a.socket", 0);
    }
    assert_eq!(bench.state("a.socket"), "active/listening/success");
    bench.stop("a.socket");
    for state in ["deactivating/stop-pre", "deactivating/stop-post", "deactivating/stop-post"] {
        assert_eq!(bench.state("a.socket"), format!("{state}/success"));
        bench.exit("a.socket", 0);
    }
    assert_eq!(bench.state("a.socket"), "inactive/dead/success");
    bench.did(&[])
}

/// socket-unit 119
#[test]
fn commands_get_no_descriptors_unless_asked_for() {
    assert_eq!(
        life(""),
        [
            "spawn a.socket /bin/pre []",
            "spawn a.socket /bin/post []",
            "spawn a.socket /bin/stop-pre []",
            "close a.socket 0",
            "close a.socket 1",
            "spawn a.socket /bin/stop-post []",
            "spawn a.socket /bin/last []",
        ]
    );
}

/// socket-unit #120: all but those that run before the ports are open; they are closed with the start of
/// the first `ExecStopPost=`.
#[test]
fn commands_get_the_open_ports_where_asked_for() {
    assert_eq!(
        life("PassFileDescriptorsToExec=yes\n"),
        [
            "spawn a.socket /bin/pre []",
            "spawn a.socket /bin/post [a.socket:0 a.socket:1]",
            "spawn a.socket /bin/stop-pre [a.socket:0 a.socket:1]",
            "spawn a.socket /bin/stop-post [a.socket:0 a.socket:1]",
            "close a.socket 0",
            "close a.socket 1",
            "spawn a.socket /bin/last []",
        ]
    );
}

/// A command that hangs in ExecStopPre= gets KillSignal=, and of systemd 252 FinalKillSignal= at once; when it is
/// restarted, RestartKillSignal=.
#[test]
fn the_signal_before_stop_post() {
    let hook = |key: &str| {
        format!(
            "[Socket]\nListenStream=/run/a\n{key}=/bin/hangs\nTimeoutSec=1\nKillSignal=SIGUSR1\n\
             RestartKillSignal=SIGUSR2\nFinalKillSignal=SIGQUIT\nExecStopPost=/bin/last\n"
        )
    };
    for (policy, signal) in both().into_iter().zip([libc::SIGUSR1, libc::SIGQUIT]) {
        let mut bench = Bench::new(policy.clone(), &[("a.socket", &hook("ExecStopPre")), ("a.service", SERVICE)]);
        bench.start("a.socket");
        bench.stop("a.socket");
        bench.wait_usec(1_100_000);
        assert_eq!(bench.did(&["control-process-failed"])[1], ended(signal));
        let mut bench = Bench::new(policy.clone(), &[("a.socket", &hook("ExecStartPre")), ("a.service", SERVICE)]);
        bench.start("a.socket");
        bench.stop("a.socket");
        assert_eq!(bench.did(&["control-process-failed"])[1], ended(signal));
        let mut bench = Bench::new(policy, &[("a.socket", &hook("ExecStartPre")), ("a.service", SERVICE)]);
        bench.start("a.socket");
        bench.ask(Verb::Restart, "a.socket");
        assert_eq!(bench.did(&["control-process-failed"])[1], ended(libc::SIGUSR2));
    }
}

fn ended(signal: i32) -> String {
    format!("tell a.socket control-process-failed: a command ended with Signal({signal})")
}
