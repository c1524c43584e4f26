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
