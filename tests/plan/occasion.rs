//! A start that can be bent to each test's needs.

use expect_test::Expect;
use porterd::ids::Text;
use porterd::plan::exec::{
    Ambient, Identity, LookUpFailure, Occasion, PassedFd, PerStart, PlanError, Planned, Role, program,
};
use porterd::plan::explain;
use porterd::plan::program::{Program, Step};
use porterd::unit::exec::{Command, ExecSettings, Privilege, RareExec};
use std::sync::Arc;

/// Owner of everything an [`Occasion`] borrows.
pub(crate) struct Start {
    pub(crate) exec: ExecSettings,
    pub(crate) command: Command,
    pub(crate) role: Role,
    pub(crate) passed: Vec<PassedFd>,
    pub(crate) identity: Result<Identity, LookUpFailure>,
    pub(crate) files: Vec<(String, String)>,
    pub(crate) ambient: Ambient,
    pub(crate) variables: Vec<(&'static str, Text)>,
    /// Further fields of the occasion.
    pub(crate) bend: fn(&mut Occasion<'_>),
}

pub(crate) fn command(words: &[&str]) -> Command {
    Command {
        path: words[0].into(),
        argv: words.iter().map(|w| (*w).into()).collect(),
        ignore_failure: false,
        no_expansion: false,
        privilege: Privilege::Ordinary,
        via_shell: false,
        argv0_given: false,
    }
}

pub(crate) fn socket(name: &str) -> PassedFd {
    PassedFd { name: name.into(), socket: true, blocking: None, address: None }
}

impl Start {
    pub(crate) fn new(words: &[&str]) -> Start {
        Start {
            exec: ExecSettings::default(),
            command: command(words),
            role: Role::Main,
            passed: Vec::new(),
            identity: Ok(Identity::default()),
            files: Vec::new(),
            ambient: settled(),
            variables: Vec::new(),
            bend: |_| {},
        }
    }

    pub(crate) fn rare(&mut self) -> &mut RareExec {
        self.exec.rare.get_or_insert_default()
    }

    pub(crate) fn with<T>(&self, then: impl FnOnce(&Occasion<'_>) -> T) -> T {
        let exec = Arc::new(self.exec.clone());
        let mut occasion = Occasion {
            exec: &exec,
            command: &self.command,
            role: self.role,
            passed: &self.passed,
            non_blocking: false,
            watchdog_usec: 0,
            pid_file: None,
            fd_store_max: 0,
            permissions_start_only: false,
            root_directory_start_only: false,
            idle: false,
            awaits_exec: false,
            identity: &self.identity,
            environment_files: &self.files,
            log: true,
            network: porterd::plan::exec::Network::Same,
            label: porterd::plan::exec::Label::Policy,
            ambient: &self.ambient,
            start: PerStart { variables: &self.variables, invocation: 0xabc, notify_socket: None },
        };
        (self.bend)(&mut occasion);
        then(&occasion)
    }

    pub(crate) fn plan(&self) -> Result<Planned, PlanError> {
        self.with(program)
    }

    pub(crate) fn program(&self) -> Program {
        self.plan().unwrap().program
    }

    pub(crate) fn check(&self, expected: Expect) {
        expected.assert_eq(&explain::program(&self.program()));
    }

    /// Only the steps.
    pub(crate) fn check_steps(&self, expected: Expect) {
        let steps: Vec<String> = self.program().steps.iter().map(explain::step).collect();
        expected.assert_eq(&(steps.join("\n") + "\n"));
    }

    pub(crate) fn has(&self, wanted: impl Fn(&Step) -> bool) -> bool {
        self.program().steps.iter().any(wanted)
    }

    pub(crate) fn env(&self) -> Vec<String> {
        self.program().envp.iter().map(|e| e.to_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn argv(&self) -> Vec<String> {
        self.program().argv.iter().map(|e| e.to_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.plan().unwrap().warnings
    }
}

/// A daemon whose limits already are what services get.
pub(crate) fn settled() -> Ambient {
    use porterd::unit::exec::{Resource, Rlimit};
    let memlock = Rlimit { soft: 8 << 20, hard: 8 << 20 };
    let nofile = Rlimit { soft: 1024, hard: 524_288 };
    Ambient { limits: vec![(Resource::Nofile, nofile), (Resource::Memlock, memlock)], ..Ambient::default() }
}
