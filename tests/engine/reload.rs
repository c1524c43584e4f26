//! A reload while a socket is up (socket-unit 171 to 175).

use super::{Bench, SERVICE, both};
use porterd::engine::Policy;

fn bench(policy: Policy, socket: &str) -> Bench {
    let mut bench = Bench::new(policy, &[("a.socket", socket), ("a.service", SERVICE)]);
    bench.start("a.socket");
    assert_eq!(bench.state("a.socket"), "active/listening/success");
    bench.did(&[]);
    bench
}

fn reload(bench: &mut Bench, socket: &str) -> Vec<String> {
    bench.reload(&[("a.socket", socket), ("a.service", SERVICE)]);
    bench.did(&["socket-changed", "reload-kept-settings"])
}

const TWO: &str = "[Socket]\nListenStream=/run/a\nListenStream=/run/b\n";

#[test]
fn nothing_happens_to_a_socket_whose_file_is_the_same() {
    for policy in both() {
        let mut bench = bench(policy, TWO);
        let before = bench.ports.clone();
        assert_eq!(reload(&mut bench, TWO), ["adjust a.socket kept [0→0 1→1] open []"]);
        assert_eq!(bench.ports, before);
        assert_eq!(bench.watched.len(), 2);
        assert!(bench.knock("a.socket"));
    }
}

/// socket-unit 171
#[test]
fn an_address_that_is_gone_is_closed_and_the_other_stays() {
    for policy in both() {
        let mut bench = bench(policy, TWO);
        let did = reload(&mut bench, "[Socket]\nListenStream=/run/b\n");
        assert_eq!(did, ["close a.socket 0", "adjust a.socket kept [1→0] open []"]);
        assert_eq!(bench.state("a.socket"), "active/listening/success");
        assert!(bench.knock("a.socket"));
        // It is passed under its new place.
        assert_eq!(bench.did(&[]), ["spawn a.service /bin/main [a.socket:0]"]);
    }
}

/// socket-unit 172: systemd opens nothing until a restart.
#[test]
fn an_address_that_is_new_is_opened() {
    const THREE: &str = "[Socket]\nListenStream=/run/c\nListenStream=/run/b\nListenStream=/run/a\n";
    let mut ours = bench(Policy::porterd(1), TWO);
    assert_eq!(reload(&mut ours, THREE), ["adjust a.socket kept [0→2 1→1] open [0]"]);
    assert_eq!((ours.ports.len(), ours.watched.len()), (3, 3));
    ours.knock("a.socket");
    assert_eq!(ours.did(&[]), ["spawn a.service /bin/main [a.socket:0 a.socket:1 a.socket:2]"]);

    let mut strict = bench(Policy::strict(1), TWO);
    let did = reload(&mut strict, THREE);
    assert_eq!(
        did[0],
        "tell a.socket socket-changed: its addresses changed while it is up; not fully functional until restarted"
    );
    assert_eq!(did[1..], ["adjust a.socket kept [0→2 1→1] open []"]);
    assert_eq!((strict.ports.len(), strict.watched.len()), (2, 2));
}

/// socket-unit 173
#[test]
fn the_only_address_may_be_another_one() {
    let mut ours = bench(Policy::porterd(1), "[Socket]\nListenStream=/run/a\nRemoveOnStop=yes\n");
    let did = reload(&mut ours, "[Socket]\nListenStream=/run/z\n");
    assert_eq!(did, ["close a.socket 0", "remove a.socket [0]", "adjust a.socket kept [] open [0]"]);
    assert!(ours.knock("a.socket"));

    let mut strict = bench(Policy::strict(1), "[Socket]\nListenStream=/run/a\nRemoveOnStop=yes\n");
    let did = reload(&mut strict, "[Socket]\nListenStream=/run/z\n");
    assert_eq!(did[0], "close a.socket 0");
    assert!(did[1].ends_with("; not functional until restarted"), "{did:?}");
    assert_eq!(strict.state("a.socket"), "active/listening/success");
    assert!(!strict.knock("a.socket"));
    strict.stop("a.socket");
    strict.start("a.socket");
    assert!(strict.knock("a.socket"));
}

/// socket-unit 174
#[test]
fn another_type_is_another_port() {
    let mut strict = bench(Policy::strict(1), "[Socket]\nListenStream=@x\n");
    assert_eq!(reload(&mut strict, "[Socket]\nListenDatagram=@x\n")[0], "close a.socket 0");
    let mut ours = bench(Policy::porterd(1), "[Socket]\nListenStream=[fe80::1]:80\n");
    let did = reload(&mut ours, "[Socket]\nListenStream=[fe80::1]:80\nBacklog=5\n");
    assert_eq!(did, ["adjust a.socket kept [0→0] open []"]);
}

/// socket-unit 175
#[test]
fn without_a_file_it_is_up_and_deaf() {
    for policy in both() {
        let mut bench = bench(policy, TWO);
        bench.reload(&[("a.service", SERVICE)]);
        assert_eq!(bench.did(&[])[..2], ["close a.socket 0", "close a.socket 1"]);
        assert_eq!(bench.state("a.socket"), "active/listening/success");
        bench.stop("a.socket");
        assert!(bench.succeeded());
    }
}

#[test]
fn a_mistake_in_the_file_takes_nothing_away() {
    let broken = "[Socket]\nListenStream=/run/a\nSocketUser=no:such\n";
    let mut ours = bench(Policy::porterd(1), TWO);
    let did = reload(&mut ours, broken);
    assert_eq!(did.len(), 2, "{did:?}");
    assert!(did[0].starts_with("tell a.socket reload-kept-settings: "));
    assert_eq!(did[1], "adjust a.socket kept [0→0 1→1] open []");
    // It works as before, to the end of its service and beyond.
    for _ in 0..2 {
        assert!(ours.knock("a.socket"));
        assert_eq!(ours.did(&[]), ["spawn a.service /bin/main [a.socket:0 a.socket:1]"]);
        ours.exit("a.service", 0);
        assert_eq!(ours.state("a.socket"), "active/listening/success");
    }
    assert_eq!(ours.engine.status("a.socket").map(|s| s.unit.load.as_str()), Some("bad-setting"));
    ours.stop("a.socket");
    ours.start("a.socket");
    assert!(!ours.succeeded(), "what is down does not start with a bad file");
}

#[test]
fn ports_move_with_the_network() {
    let mut ours = bench(Policy::porterd(1), TWO);
    let private = format!("{TWO}PrivateNetwork=yes\n");
    let did = reload(&mut ours, &private);
    assert_eq!(did, ["close a.socket 0", "close a.socket 1", "adjust a.socket kept [] open [0, 1]"]);
    assert_eq!(reload(&mut ours, &private), ["adjust a.socket kept [0→0 1→1] open []"]);
}

#[test]
fn nothing_is_opened_for_a_socket_that_stops() {
    let hooked = "[Socket]\nListenStream=/run/a\nExecStopPre=/bin/slow\n";
    let mut ours = bench(Policy::porterd(1), hooked);
    ours.stop("a.socket");
    assert_eq!(ours.state("a.socket"), "deactivating/stop-pre/success");
    ours.did(&[]);
    let did = reload(&mut ours, &format!("{hooked}ListenStream=/run/b\n"));
    assert_eq!(did, ["adjust a.socket kept [0→0] open []"]);
    ours.exit("a.socket", 0);
    assert_eq!(ours.state("a.socket"), "inactive/dead/success");
    assert!(ours.ports.is_empty());
}

/// What is missing is tried again, later each time, and `status` says so.
#[test]
fn a_new_port_that_cannot_be_opened_is_tried_again() {
    let mut ours = bench(Policy::porterd(1), "[Socket]\nListenStream=/run/a\n");
    ours.busy = true;
    ours.reload(&[("a.socket", TWO), ("a.service", SERVICE)]);
    let did = ours.did(&["socket-bind-failed"]);
    assert_eq!(did[0], "adjust a.socket kept [0→0] open [1]");
    assert!(did[1].contains("address in use") && did.len() == 2, "{did:?}");
    ours.wait_usec(2_000_000);
    let again = ours.did(&["socket-bind-failed"]);
    assert!((3..6).contains(&again.len()), "{again:?}");
    assert!(again.iter().all(|line| line == "adjust a.socket kept [0→0] open [1]"), "{again:?}");
    let (why, at) = ours.engine.status("a.socket").and_then(|status| status.waiting).unwrap();
    assert!(why.contains("address in use") && at.is_some(), "{why}");
    assert!(ours.knock("a.socket"), "what is open is served");
    ours.exit("a.service", 0);
    ours.busy = false;
    ours.wait_usec(5_000_000);
    assert_eq!((ours.ports.len(), ours.watched.len()), (2, 2));
    assert_eq!(ours.engine.status("a.socket").and_then(|status| status.waiting), None);
    ours.did(&[]);
    ours.wait_usec(60_000_000);
    assert_eq!(ours.did(&[]), [""; 0]);
}

#[test]
fn nothing_is_tried_again_once_the_socket_is_down() {
    let mut ours = bench(Policy::porterd(1), "[Socket]\nListenStream=/run/a\n");
    ours.busy = true;
    reload(&mut ours, TWO);
    ours.stop("a.socket");
    ours.did(&[]);
    ours.wait_usec(60_000_000);
    assert_eq!(ours.did(&[]), [""; 0]);
}

#[test]
fn a_reload_ends_the_pause_of_a_socket() {
    let limited =
        |more: &str| format!("[Socket]\nListenStream=/run/a\nTriggerLimitBurst=1\nTriggerLimitIntervalSec=1h\n{more}");
    let mut ours = bench(Policy::porterd(1), &limited(""));
    ours.knock("a.socket");
    ours.exit("a.service", 0);
    ours.knock("a.socket");
    assert!(ours.watched.is_empty(), "it rests");
    reload(&mut ours, &limited("TriggerLimitBurst=2\n"));
    assert_eq!(ours.watched.len(), 1);
}

/// A service that was started too often gets another try once it is written differently, and only then.
#[test]
fn a_mended_service_is_started_after_a_reload() {
    let service =
        |main: &str| format!("[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Service]\nExecStart={main}\n");
    let socket = "[Socket]\nListenStream=/run/a\n";
    let mut ours = Bench::new(Policy::porterd(1), &[("a.socket", socket), ("a.service", &service("/bin/broken"))]);
    ours.start("a.socket");
    ours.knock("a.socket");
    ours.exit("a.service", 1);
    ours.wait_usec(1_000_000);
    ours.knock("a.socket");
    assert!(ours.watched.is_empty(), "it rests");
    for (main, served) in [("/bin/broken", false), ("/bin/mended", true)] {
        ours.reload(&[("a.socket", socket), ("a.service", &service(main))]);
        ours.did(&[]);
        ours.knock("a.socket");
        assert_eq!(ours.did(&[]).iter().any(|line| line.starts_with("spawn a.service")), served, "{main}");
    }
}

/// systemd 252 counts triggers and starts anew after a reload, later releases go on counting.
#[test]
fn limits_are_counted_anew_under_strict_only() {
    let socket = "[Socket]\nListenStream=/run/a\nTriggerLimitBurst=1\nTriggerLimitIntervalSec=1h\n";
    for (policy, passes) in [(Policy::strict(1), true), (Policy::porterd(1), false)] {
        let mut bench = bench(policy, socket);
        bench.knock("a.socket");
        bench.exit("a.service", 0);
        reload(&mut bench, socket);
        bench.knock("a.socket");
        assert_eq!(bench.alive.len(), usize::from(passes));
    }
}

#[test]
fn a_step_may_take_as_long_as_the_file_says_now() {
    let socket = |limit: &str| format!("[Socket]\nListenStream=/run/a\nExecStartPre=/bin/slow\nTimeoutSec={limit}\n");
    for policy in both() {
        let mut bench = Bench::new(policy, &[("a.socket", &socket("1h")), ("a.service", SERVICE)]);
        bench.start("a.socket");
        bench.wait_usec(3_000_000);
        assert_eq!(bench.state("a.socket"), "activating/start-pre/success");
        bench.reload(&[("a.socket", &socket("4")), ("a.service", SERVICE)]);
        bench.wait_usec(1_100_000);
        assert_eq!(bench.state("a.socket"), "failed/failed/timeout", "counted from the beginning of the step");
    }
}

/// Instances of the time before serve their connections, and what comes now is for the service.
#[test]
fn a_socket_that_accepts_no_more_starts_its_service() {
    let socket = |accept: &str| format!("[Socket]\nListenStream=/run/a\nAccept={accept}\n");
    for policy in both() {
        // systemd forgets with a reload which instances are a socket's.
        let known = if policy == Policy::strict(1) { 1 } else { 2 };
        let (yes, no) = (socket("yes"), socket("no"));
        let mut bench = Bench::new(policy, &[("a.socket", &yes), ("a@.service", SERVICE), ("a.service", SERVICE)]);
        bench.start("a.socket");
        bench.connect("a.socket");
        bench.reload(&[("a.socket", &no), ("a@.service", SERVICE), ("a.service", SERVICE)]);
        let related = bench.engine.status("a.socket").expect("it is known").related;
        let triggers = related.iter().find(|(property, _)| *property == "Triggers");
        assert_eq!(triggers.map(|(_, units)| units.len()), Some(known));
        bench.did(&[]);
        assert!(bench.knock("a.socket"));
        assert_eq!(bench.did(&[]), ["spawn a.service /bin/main [a.socket:0]"]);
    }
}
