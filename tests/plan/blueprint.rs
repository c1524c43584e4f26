//! The shared plan of many instances gives the same programs as planning each of them.

use crate::occasion::{Start, socket};
use porterd::plan::exec::{Blueprint, PerStart};
use std::sync::Arc;

fn instance() -> Start {
    let mut start = Start::new(&["/bin/x", "-v"]);
    start.passed = vec![socket("connection")];
    start.variables = vec![("REMOTE_ADDR", "192.0.2.1".into()), ("REMOTE_PORT", "40112".into())];
    start
}

fn blueprint(start: &Start) -> Option<Blueprint> {
    start.with(|o| Blueprint::new(o).unwrap())
}

fn sorted(mut env: Vec<std::ffi::CString>) -> Vec<std::ffi::CString> {
    env.sort();
    env
}

/// The blueprint of one instance gives what full planning gives for another one.
fn agree(first: &Start, second: &Start) {
    let blueprint = blueprint(first).unwrap();
    second.with(|o| {
        assert!(blueprint.fits(o));
        let quick = blueprint.program(&o.start);
        let full = second.program();
        assert_eq!(sorted(quick.envp.clone()), sorted(full.envp.clone()));
        for program in [&quick, &full] {
            let stamp = program.stamps[0];
            assert!(program.envp[usize::from(stamp.entry)].to_str().unwrap().starts_with("LISTEN_PID="));
        }
        assert_eq!((quick.steps, quick.argv, quick.supplies), (full.steps, full.argv, full.supplies));
    });
}

#[test]
fn instances_differ_in_their_variables_only() {
    let mut second = instance();
    second.variables = vec![("REMOTE_ADDR", "/run/peer".into())];
    agree(&instance(), &second);
    agree(&second, &instance());
}

#[test]
fn the_units_own_assignments_win_here_too() {
    let mut first = instance();
    first.exec.environment = vec![("REMOTE_PORT".into(), "1".into())];
    first.exec.pass_environment = vec!["INVOCATION_ID".into(), "REMOTE_ADDR".into()];
    first.ambient.environment = vec![("INVOCATION_ID".into(), "outer".into())];
    agree(&first, &first);
    let env = blueprint(&first).unwrap().program(&PerStart::default()).envp;
    assert!(env.contains(&c"INVOCATION_ID=outer".into()));
}

#[test]
fn steps_and_arguments_are_shared() {
    let blueprint = blueprint(&instance()).unwrap();
    let (a, b) = (blueprint.program(&PerStart::default()), blueprint.program(&PerStart::default()));
    assert!(Arc::ptr_eq(&a.steps, &b.steps) && Arc::ptr_eq(&a.argv, &b.argv));
}

#[test]
fn what_looks_at_the_instance_is_planned_one_by_one() {
    let mut expanding = instance();
    expanding.command.argv.push("${REMOTE_ADDR}".into());
    assert!(blueprint(&expanding).is_none());
    expanding.command.no_expansion = true;
    assert!(blueprint(&expanding).is_some());
    let mut unsetting = instance();
    unsetting.exec.unset_environment = vec!["REMOTE_ADDR".into()];
    assert!(blueprint(&unsetting).is_none());
}

#[test]
fn another_command_does_not_fit() {
    let blueprint = blueprint(&instance()).unwrap();
    let mut other = instance();
    other.command.argv.push("more".into());
    assert!(!other.with(|o| blueprint.fits(o)));
    let mut other = instance();
    other.exec.nice = Some(3);
    assert!(!other.with(|o| blueprint.fits(o)));
    let mut other = instance();
    other.passed[0].name = "web".into();
    assert!(!other.with(|o| blueprint.fits(o)));
}
