//! `DeferTrigger=`: who is in the way is not stopped, and traffic waits.

use super::{Bench, SERVICE, both};
use porterd::engine::Policy;

const IN_THE_WAY: &str = "[Service]\nExecStart=/bin/other\nTimeoutStopSec=5\n";
const CONFLICTS: &str = "[Unit]\nConflicts=other.service\n[Service]\nExecStart=/bin/main\n";

fn bench(policy: Policy, defer: &str) -> Bench {
    let socket = format!("[Socket]\nListenStream=/run/a\n{defer}\n");
    let mut bench =
        Bench::new(policy, &[("a.socket", &socket), ("a.service", CONFLICTS), ("other.service", IN_THE_WAY)]);
    bench.start("a.socket");
    bench.start("other.service");
    assert_eq!(bench.state("a.socket"), "active/listening/success");
    bench
}

#[test]
fn without_it_who_is_in_the_way_is_stopped() {
    for policy in both() {
        let mut bench = bench(policy, "");
        assert!(bench.knock("a.socket"));
        assert_eq!(bench.state("other.service"), "inactive/dead/success");
        assert_eq!(bench.state("a.service"), "active/running/success");
    }
}

#[test]
fn patience_lasts_until_the_conflict_is_over() {
    for policy in both() {
        let mut bench = bench(policy, "DeferTrigger=patient");
        assert!(bench.knock("a.socket"));
        assert_eq!(bench.state("a.socket"), "active/deferred/success");
        assert_eq!(bench.state("other.service"), "active/running/success");
        assert!(!bench.knock("a.socket"), "nobody watches while it waits");
        bench.wait_usec(3_600_000_000);
        assert_eq!(bench.state("a.socket"), "active/deferred/success");
        bench.exit("other.service", 0);
        assert_eq!(bench.state("a.socket"), "active/running/success");
        assert_eq!(bench.state("a.service"), "active/running/success");
        bench.exit("a.service", 0);
        assert_eq!(bench.state("a.socket"), "active/listening/success");
    }
}

#[test]
fn patience_may_have_an_end() {
    for policy in both() {
        let mut bench = bench(policy, "DeferTrigger=patient\nDeferTriggerMaxSec=10");
        bench.knock("a.socket");
        bench.wait_usec(9_900_000);
        assert_eq!(bench.state("a.socket"), "active/deferred/success");
        bench.wait_usec(200_000);
        assert_eq!(bench.state("a.socket"), "failed/failed/timeout");
        assert!(bench.ports.is_empty());
        assert_eq!(bench.state("other.service"), "active/running/success");
    }
}

#[test]
fn the_time_counts_from_the_first_trigger() {
    let mut bench = bench(Policy::porterd(1), "DeferTrigger=patient\nDeferTriggerMaxSec=10");
    bench.knock("a.socket");
    for _ in 0..3 {
        bench.wait_usec(3_000_000);
        // Something ends, and the conflict is still there.
        bench.start("a.socket");
        bench.start("other.service");
        assert_eq!(bench.state("a.socket"), "active/deferred/success");
    }
    bench.wait_usec(1_100_000);
    assert_eq!(bench.state("a.socket"), "failed/failed/timeout");
}

#[test]
fn without_patience_it_waits_for_jobs_only() {
    let mut strict = bench(Policy::strict(1), "DeferTrigger=yes");
    strict.knock("a.socket");
    assert_eq!(strict.state("a.socket"), "failed/failed/resources");
    // R10: a client at the wrong moment closes nothing.
    let mut bench = bench(Policy::porterd(1), "DeferTrigger=yes");
    bench.knock("a.socket");
    assert_eq!(bench.state("a.socket"), "active/listening/success");
    assert!(!bench.knock("a.socket"), "it rests");
    assert_eq!(bench.state("other.service"), "active/running/success");
    bench.exit("other.service", 0);
    bench.wait_usec(200_000);
    assert!(bench.knock("a.socket"));
    assert_eq!(bench.state("a.service"), "active/running/success");
}

#[test]
fn a_job_on_its_way_may_help() {
    for policy in both() {
        let mut bench = bench(policy, "DeferTrigger=yes");
        bench.deaf.insert("/bin/other".to_owned());
        // A second service that takes its time to start: a job that is not done.
        bench.reload(&[
            ("a.socket", "[Socket]\nListenStream=/run/a\nDeferTrigger=yes\n"),
            ("a.service", CONFLICTS),
            ("other.service", IN_THE_WAY),
            ("slow.service", "[Service]\nType=notify\nExecStart=/bin/slow\n"),
        ]);
        bench.start("slow.service");
        bench.knock("a.socket");
        assert_eq!(bench.state("a.socket"), "active/deferred/success");
        bench.stop("other.service");
        // It is on its way out, so nobody would be disturbed: the start waits for the stop.
        assert_eq!(bench.state("a.socket"), "active/deferred/success");
        bench.wait_usec(6_000_000);
        assert_eq!(bench.state("a.service"), "active/running/success");
        assert_eq!(bench.state("a.socket"), "active/running/success");
    }
}

#[test]
fn a_deferred_socket_can_be_stopped_reloaded_and_overtaken() {
    let mut bench = bench(Policy::porterd(1), "DeferTrigger=patient");
    bench.knock("a.socket");
    bench.stop("a.socket");
    assert!(bench.succeeded());
    assert_eq!(bench.state("a.socket"), "inactive/dead/success");
    bench.exit("other.service", 0);
    assert_eq!(bench.state("a.service"), "inactive/dead/success");

    bench.start("a.socket");
    bench.start("other.service");
    bench.knock("a.socket");
    assert_eq!(bench.state("a.socket"), "active/deferred/success");
    let files = [
        ("a.socket", "[Socket]\nListenStream=/run/a\nDeferTrigger=patient\n"),
        ("a.service", SERVICE),
        ("other.service", IN_THE_WAY),
    ];
    bench.reload(&files);
    assert_eq!(bench.state("a.socket"), "active/listening/success");
    // The conflict is gone from the files.
    assert!(bench.knock("a.socket"));
    assert_eq!(bench.state("a.service"), "active/running/success");
    assert_eq!(bench.state("other.service"), "active/running/success");
}

#[test]
fn an_operator_who_starts_the_service_ends_the_wait() {
    let mut bench = bench(Policy::porterd(1), "DeferTrigger=patient");
    bench.knock("a.socket");
    bench.start("a.service");
    assert!(bench.succeeded());
    assert_eq!(bench.state("a.socket"), "active/running/success");
    assert_eq!(bench.state("other.service"), "inactive/dead/success");
    assert_eq!(bench.did(&["socket-deferred"]).len(), 3, "two processes and one note");
}

#[test]
fn it_is_refused_for_a_service_per_connection() {
    let mut bench = Bench::new(
        Policy::porterd(1),
        &[("a.socket", "[Socket]\nListenStream=/run/a\nAccept=yes\nDeferTrigger=yes\n"), ("a@.service", SERVICE)],
    );
    bench.start("a.socket");
    assert!(!bench.succeeded());
    assert_eq!(bench.engine.unit(bench.id("a.socket")).map(|unit| unit.load.as_str()), Some("bad-setting"));
}
