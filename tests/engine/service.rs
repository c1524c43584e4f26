//! Services: what ends of processes mean in each state, and what is asked of one meanwhile.

use super::{Bench, both};
use porterd::engine::requests::Verb;

fn bench(text: &str) -> Bench {
    let [policy, _] = both();
    Bench::new(policy, &[("a.service", &format!("[Service]\n{text}"))])
}

/// service-unit 90: also if it failed while something else ran.
#[test]
fn a_main_process_that_failed_during_a_reload_is_not_stopped_by_command() {
    let commands = "ExecStart=/bin/main\nExecReload=/bin/reload\nExecStop=/bin/stop\nExecStopPost=/bin/post\n";
    for (code, next, job) in [(0, "/bin/stop", true), (3, "/bin/post", false)] {
        let mut bench = bench(commands);
        bench.start("a.service");
        bench.ask(Verb::Reload, "a.service");
        bench.exit_of("/bin/main", code);
        assert_eq!(bench.state("a.service").split('/').nth(1), Some("reload"));
        bench.exit_of("/bin/reload", 0);
        bench.exit_of(next, 0);
        if code == 0 {
            bench.exit_of("/bin/post", 0);
        }
        assert_eq!(bench.succeeded(), job, "a reload of what ends well meanwhile is no failure");
    }
}

#[test]
fn a_failure_is_the_result_though_somebody_else_has_still_to_end() {
    let mut bench = bench("ExecStart=/bin/main\nExecStartPost=/bin/post\n");
    bench.deaf.insert("/bin/main".to_owned());
    bench.start("a.service");
    bench.stop("a.service");
    assert_eq!(bench.state("a.service"), "deactivating/stop-sigterm/signal");
    bench.exit_of("/bin/main", 0);
    assert_eq!(bench.state("a.service"), "failed/failed/signal");
}

#[test]
fn what_is_on_its_way_down_is_not_tried_again() {
    let mut bench = bench("ExecStart=/bin/main\nExecStop=/bin/stop\n");
    bench.start("a.service");
    bench.stop("a.service");
    bench.ask(Verb::TryRestart, "a.service");
    assert!(bench.succeeded());
    bench.exit_of("/bin/stop", 0);
    assert_eq!(bench.state("a.service"), "inactive/dead/success");
}

#[test]
fn a_reload_during_a_reload_is_done_after_it() {
    for verb in [Verb::Reload, Verb::Start] {
        let mut bench = bench("ExecStart=/bin/main\nExecReload=/bin/reload\n");
        bench.start("a.service");
        bench.ask(Verb::Reload, "a.service");
        bench.ask(verb, "a.service");
        bench.did(&[]);
        bench.exit_of("/bin/reload", 0);
        assert_eq!(bench.did(&[]), ["spawn a.service /bin/reload []"]);
        bench.exit_of("/bin/reload", 0);
        assert_eq!(bench.state("a.service"), "active/running/success");
        assert!(bench.succeeded());
    }
}

/// service-unit 84
#[test]
fn what_may_not_be_killed_is_not_started_a_second_time() {
    let text = "ExecStart=/bin/main\nRestart=always\nRuntimeMaxSec=1\nSendSIGKILL=no\nTimeoutStopSec=1\n";
    let mut bench = bench(&format!("{text}ExecStopPost=/bin/post\n"));
    bench.deaf.insert("/bin/main".to_owned());
    bench.start("a.service");
    bench.wait_usec(2_500_000);
    assert_eq!(bench.state("a.service"), "deactivating/stop-post/timeout");
    bench.exit_of("/bin/post", 0);
    bench.wait_usec(10_000_000);
    assert_eq!(bench.state("a.service"), "failed/failed/timeout");
}

#[test]
fn what_counts_as_success_does_so_for_a_condition_too() {
    for (more, state) in [("", "inactive/dead/exec-condition"), ("SuccessExitStatus=1\n", "active/running/success")] {
        let mut bench = bench(&format!("ExecCondition=/bin/ask\nExecStart=/bin/main\n{more}"));
        bench.start("a.service");
        bench.exit_of("/bin/ask", 1);
        assert_eq!(bench.state("a.service"), state);
    }
}

#[test]
fn a_unit_goes_down_with_its_requisite() {
    let [policy, _] = both();
    let a = "[Unit]\nRequisite=b.service\nAfter=b.service\n[Service]\nExecStart=/bin/a\n";
    let mut bench = Bench::new(policy, &[("a.service", a), ("b.service", "[Service]\nExecStart=/bin/b\n")]);
    bench.start("b.service");
    bench.start("a.service");
    bench.stop("b.service");
    assert_eq!(bench.state("a.service"), "inactive/dead/success");
}

/// A start that the limit refuses is a failure like any other.
#[test]
fn a_start_limit_calls_for_help() {
    let [policy, _] = both();
    let a = "[Unit]\nOnFailure=b.service\nStartLimitBurst=1\n[Service]\nExecStart=/bin/a\n";
    let mut bench = Bench::new(policy, &[("a.service", a), ("b.service", "[Service]\nExecStart=/bin/b\n")]);
    bench.start("a.service");
    bench.exit_of("/bin/a", 0);
    bench.start("a.service");
    assert_eq!(bench.state("a.service"), "failed/failed/start-limit-hit");
    assert_eq!(bench.state("b.service"), "active/running/success");
}

/// Nobody is both started and stopped for one request; what is only wanted is left out instead.
#[test]
fn jobs_that_contradict_each_other_are_refused() {
    let service = "[Service]\nExecStart=/bin/main\n";
    let needs = format!("[Unit]\nRequires=b.service\n{service}");
    let wants = format!("[Unit]\nWants=b.service\n{service}");
    let against = format!("[Unit]\nConflicts=a.service c.service\n{service}");
    for policy in both() {
        let units = [("a.service", needs.as_str()), ("b.service", &against), ("c.service", &wants)];
        let mut bench = Bench::new(policy, &units);
        bench.start("a.service");
        assert!(!bench.succeeded());
        bench.start("c.service");
        assert!(bench.succeeded());
        let states = ["a.service", "b.service", "c.service"].map(|name| bench.state(name));
        assert_eq!(states, ["inactive/dead/success", "inactive/dead/success", "active/running/success"]);
    }
}

/// A job that fails with one that it needs calls for help; the unit itself never got to its failure.
#[test]
fn a_start_that_fails_with_its_requisite_calls_for_help() {
    let a = "[Unit]\nRequisite=b.service\nAfter=b.service\nOnFailure=c.service\n[Service]\nExecStart=/bin/a\n";
    let other = "[Service]\nExecStart=/bin/main\n";
    for policy in both() {
        let mut bench = Bench::new(policy, &[("a.service", a), ("b.service", other), ("c.service", other)]);
        bench.start("a.service");
        assert!(!bench.succeeded());
        assert_eq!(bench.state("a.service"), "inactive/dead/success");
        assert_eq!(bench.state("c.service"), "active/running/success");
    }
}
