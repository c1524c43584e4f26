//! Starting a process: gather what planning needs, plan (or take the blueprint), clone.
//!
//! For an instance of `Accept=yes` nothing is looked up, read or planned here that was found out for
//! an instance before it.

use crate::bounds::ENVIRONMENT_FILE_BYTES_MAX;
use crate::engine::effect::{Role, Spawn};
use crate::engine::event::Event;
use crate::ids::{ProcToken, Text, UnitId};
use crate::linux::clone::{self, Outcome, StepFailure};
use crate::linux::errno::{During, classify};
use crate::linux::{process, selinux};
use crate::outside::Trouble;
use crate::plan::exec::{self as plan, Blueprint, Identity, Label, LookUpFailure, Occasion, PassedFd, PerStart};
use crate::plan::program::{Program, Step, Supply};
use crate::plan::selinux as labels;
use crate::runtime::processes::Proc;
use crate::runtime::world::World;
use crate::unit::exec::{Command, EnvironmentFile, ExecSettings, Privilege};
use crate::unit::service::{NotifyAccess, ServiceType};
use crate::unit::{Body, Unit, UnitName};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Blueprints kept per unit or template: one per command that is started again and again.
const BLUEPRINTS_PER_UNIT: usize = 4;

type Failure = (Trouble, Text);

/// What of a unit's settings planning looks at.
struct Settings<'a> {
    exec: &'a Arc<ExecSettings>,
    non_blocking: bool,
    pid_file: Option<&'a str>,
    fd_store_max: u32,
    permissions_start_only: bool,
    root_directory_start_only: bool,
    idle: bool,
    awaits_exec: bool,
    notify: NotifyAccess,
    is_socket: bool,
}

impl<'a> Settings<'a> {
    fn of(unit: &'a Unit) -> Option<Settings<'a>> {
        match &unit.body {
            Body::Service(service) => Some(Settings {
                exec: &service.exec,
                non_blocking: service.non_blocking,
                pid_file: service.more.pid_file.as_deref(),
                fd_store_max: service.more.file_descriptor_store_max,
                permissions_start_only: service.more.permissions_start_only,
                root_directory_start_only: service.more.root_directory_start_only,
                idle: service.service_type == ServiceType::Idle,
                awaits_exec: service.service_type.awaits_exec(),
                notify: service.notify_access,
                is_socket: false,
            }),
            Body::Socket(socket) => Some(Settings {
                exec: &socket.exec,
                non_blocking: false,
                pid_file: None,
                fd_store_max: 0,
                permissions_start_only: false,
                root_directory_start_only: false,
                idle: false,
                awaits_exec: false,
                notify: NotifyAccess::None,
                is_socket: true,
            }),
            Body::Target | Body::Slice | Body::Foreign => None,
        }
    }

    fn role(&self, role: Role) -> plan::Role {
        match role {
            _ if self.is_socket => plan::Role::SocketCommand,
            Role::Main => plan::Role::Main,
            Role::Forking => plan::Role::Forking,
            Role::Control { terminal, .. } => plan::Role::Control { terminal },
        }
    }

    /// Main processes may notify unless nobody may; control processes only where the unit says so.
    fn may_notify(&self, role: Role) -> bool {
        match role {
            Role::Main | Role::Forking => self.notify != NotifyAccess::None,
            Role::Control { .. } => self.notify >= NotifyAccess::Exec,
        }
    }
}

impl World {
    pub(super) fn spawn(&mut self, spawn: &Spawn) {
        if let Err((trouble, detail)) = self.try_spawn(spawn) {
            self.events.push_back(Event::SpawnFailed { proc: spawn.proc, trouble, detail });
        }
    }

    fn try_spawn(&mut self, spawn: &Spawn) -> Result<(), Failure> {
        let settings = Settings::of(&spawn.settings)
            .ok_or((Trouble::Unsupported, Text::from("units of this kind run nothing")))?;
        self.run(spawn.unit, &spawn.settings, spawn.invocation);
        self.make_group(spawn, settings.exec);
        if spawn.refuse_leftovers {
            self.refuse_leftovers(spawn.unit)?;
        }
        let notify = match settings.may_notify(spawn.role) {
            true => self.notify_path(spawn.unit).map_err(|why| (Trouble::Other(0), why.into()))?,
            false => None,
        };
        let program = Arc::new(self.program(spawn, &settings, notify.as_deref())?);
        self.look_for_departures();
        let mut child = self.clone_child(spawn, &settings, &program);
        if matches!(child, Err(Errno::EMFILE)) && self.reserve.take().is_some() {
            child = self.clone_child(spawn, &settings, &program);
        }
        let child = child.map_err(|errno| {
            let hint = match errno {
                Errno::EAGAIN => "; a limit of processes was reached (TasksMax=, RLIMIT_NPROC, pid_max)",
                Errno::EMFILE | Errno::ENFILE => "; no descriptors are left (LimitNOFILE= of porterd)",
                _ => "",
            };
            (classify(errno, During::Clone), Text::from(format!("{}{hint}", errno.desc())))
        })?;
        self.born(spawn, &program, child);
        Ok(())
    }

    /// `SendSIGKILL=no`: a second copy beside processes that nobody may kill would do harm.
    fn refuse_leftovers(&mut self, unit: UnitId) -> Result<(), Failure> {
        let left = self.leftovers(unit);
        let Some(pid) = left.first() else {
            return Ok(());
        };
        let detail = format!(
            "process {pid} is left of an earlier run, and with SendSIGKILL=no nothing is started beside it; end it first"
        );
        if let Some(run) = self.runs.get_mut(&unit) {
            run.empty = false;
        }
        Err((Trouble::Busy, detail.into()))
    }

    /// The child exists; it is told, and so is how far it came.
    fn born(&mut self, spawn: &Spawn, program: &Program, child: clone::Child) {
        let token = spawn.proc;
        let mut report = None;
        let told = match child.outcome {
            Outcome::Execed => Some(Event::Execed { proc: token }),
            Outcome::Failed(failure) => Some(step_failure(token, &program.steps, failure)),
            Outcome::Underway(passage) => {
                self.underway.push((token, passage));
                None
            }
            Outcome::Pending(pipe) => {
                report = Some((pipe, program.steps.clone()));
                None
            }
        };
        let proc = Proc { unit: spawn.unit, pid: child.pid, pidfd: None, role: spawn.role, report };
        let pid = proc.pid;
        if let Err(errno) = self.track(token, proc) {
            // Nobody would notice its end: better no process than one that is never missed. It is
            // collected as a stranger.
            if let Ok(process) = process::Process::adopt(pid) {
                process.signal(libc::SIGKILL).ok();
            }
            let detail = format!("process {pid} cannot be watched: {}", errno.desc()).into();
            self.events.push_back(Event::SpawnFailed { proc: token, trouble: Trouble::Exhausted, detail });
            return;
        }
        self.events.push_back(Event::Spawned { proc: token, pid });
        self.events.extend(told);
    }

    fn program(&mut self, spawn: &Spawn, settings: &Settings<'_>, notify: Option<&str>) -> Result<Program, Failure> {
        let identity = self.identity(settings.exec, &spawn.command);
        if let Err(failure) = &identity {
            self.warn_unit(&spawn.settings, "identity-unknown", &failure.message);
        }
        let network = self.network(spawn.namespace, &spawn.settings, settings.exec);
        let files = self.environment_files(&settings.exec.environment_file)?;
        let strict_copy = |passed: &crate::engine::effect::Passed| PassedFd {
            name: passed.name.clone(),
            socket: passed.socket,
            // A connection was accepted blocking a moment ago, and nobody else has it.
            blocking: (passed.socket && !self.listeners.contains_key(&passed.fd)).then_some(true),
            address: self.listeners.get(&passed.fd).and_then(|listener| listener.address.clone()),
        };
        let passed: Vec<PassedFd> = spawn.pass.iter().map(strict_copy).collect();
        let occasion = Occasion {
            exec: settings.exec,
            command: &spawn.command,
            role: settings.role(spawn.role),
            passed: &passed,
            non_blocking: settings.non_blocking,
            watchdog_usec: spawn.watchdog_usec,
            pid_file: settings.pid_file,
            fd_store_max: settings.fd_store_max,
            permissions_start_only: settings.permissions_start_only,
            root_directory_start_only: settings.root_directory_start_only,
            idle: settings.idle && spawn.role == Role::Main,
            awaits_exec: settings.awaits_exec && spawn.role == Role::Main,
            identity: &identity,
            environment_files: &files,
            log: true,
            network,
            label: Label::Policy,
            ambient: &self.facts.ambient,
            start: PerStart { variables: &spawn.variables, invocation: spawn.invocation, notify_socket: notify },
        };
        let label = spawn.label_from_net.then(|| self.label_from_net(spawn, &occasion)).flatten();
        let occasion = Occasion {
            label: match &label {
                None => Label::Policy,
                Some(Ok(label)) => Label::Is(label),
                Some(Err(errno)) => Label::Unknown(*errno as i32),
            },
            ..occasion
        };
        let name = &spawn.settings.name;
        let key = blueprint_key(name);
        let known = self.blueprints.get(key).and_then(|list| list.iter().find(|blueprint| blueprint.fits(&occasion)));
        if let Some(blueprint) = known {
            return Ok(blueprint.program(&occasion.start));
        }
        let refused = |error: plan::PlanError| (Trouble::Other(libc::EINVAL), Text::from(error.to_string()));
        let planned = plan::program(&occasion).map_err(refused)?;
        for warning in &planned.warnings {
            tracing::warn!(UNIT = name.as_str(), CODE = "command-line", "{warning}");
        }
        if let Some(blueprint) = Blueprint::new(&occasion).map_err(refused)? {
            let list = self.blueprints.entry(key.into()).or_default();
            if list.len() == BLUEPRINTS_PER_UNIT {
                list.remove(0);
            }
            list.push(blueprint);
        }
        Ok(planned.program)
    }

    /// What the policy makes of our label at the level of the peer and of the program's file. `None` without
    /// SELinux, or if the process gets no connection.
    fn label_from_net(&self, spawn: &Spawn, occasion: &Occasion<'_>) -> Option<Result<String, Errno>> {
        let mut sockets = spawn.pass.iter().filter(|passed| passed.socket);
        let (Some(connection), None) = (sockets.next(), sockets.next()) else { return None };
        let connection = self.handles.get(connection.fd).filter(|_| occasion.gets_socket() && selinux::is_enabled())?;
        let label = || -> Result<String, Errno> {
            let (own, peer) = (selinux::own()?, selinux::of_peer(connection)?);
            let text = |bytes| labels::text(bytes).ok_or(Errno::EINVAL);
            let parse = |bytes| labels::Label::parse(text(bytes)?).ok_or(Errno::EINVAL);
            let subject = parse(&own)?.at_level_of(&parse(&peer)?);
            let files = plan::candidates(occasion);
            let file = files.iter().map(|path| selinux::of_file(path)).find(|label| *label != Err(Errno::ENOENT));
            let object = file.unwrap_or(Err(Errno::ENOENT))?;
            let question = labels::question(&subject, text(&object)?, selinux::class_of_processes()?);
            Ok(text(&selinux::create(&question)?)?.to_owned())
        };
        Some(label())
    }

    fn clone_child(
        &mut self,
        spawn: &Spawn,
        settings: &Settings<'_>,
        program: &Arc<Program>,
    ) -> Result<clone::Child, Errno> {
        let wants = |supply: Supply| program.supplies.contains(&supply);
        let data = if wants(Supply::Data) { Some(data(&settings.exec.standard_input_data)?) } else { None };
        if wants(Supply::Idle) && self.idle.is_none() {
            self.idle = Some(nix::unistd::pipe2(OFlag::O_CLOEXEC)?);
        }
        let name = &spawn.settings.name;
        for supply in program.supplies.iter() {
            if let Supply::Log(beside) = supply {
                self.outputs.prepare(&self.poll, name, *beside, settings.exec, &spawn.command.path)?;
            }
        }
        let mut supplies: Vec<BorrowedFd<'_>> = Vec::with_capacity(program.supplies.len());
        for supply in program.supplies.iter() {
            let fd = match supply {
                Supply::Passed(index) => {
                    spawn.pass.get(usize::from(*index)).and_then(|passed| self.handles.get(passed.fd))
                }
                Supply::Log(beside) => self.outputs.descriptor(name, *beside),
                Supply::Data => data.as_ref().map(AsFd::as_fd),
                Supply::Network => spawn.namespace.and_then(|n| self.namespaces.get(&n)).map(AsFd::as_fd),
                Supply::Idle => self.idle.as_ref().map(|(read, _)| read.as_fd()),
            };
            supplies.push(fd.ok_or(Errno::EBADF)?);
        }
        let group = self.runs.get(&spawn.unit).and_then(|run| run.group.as_ref());
        let birth_place = group.map(|group| self.groups.birth_place(group)).transpose()?.flatten();
        clone::spawn(program, &supplies, birth_place.as_ref().map(AsFd::as_fd))
    }

    /// The user database's answer, asked for only if the unit asks for somebody else.
    fn identity(&mut self, exec: &ExecSettings, command: &Command) -> Result<Identity, LookUpFailure> {
        let asks = exec.user.is_some() || exec.group.is_some() || !exec.supplementary_groups.is_empty();
        if !asks || command.privilege == Privilege::Full && exec.user.is_none() {
            return Ok(Identity::default());
        }
        self.look_up(exec)
    }

    /// All assignments of `EnvironmentFile=`, read again at every start.
    fn environment_files(&self, files: &[EnvironmentFile]) -> Result<Vec<(String, String)>, Failure> {
        let mut assignments = Vec::new();
        for file in files {
            let paths = match file.pattern.contains(['*', '?', '[']) {
                true => crate::runtime::glob::paths(&file.pattern),
                false => vec![std::path::PathBuf::from(&*file.pattern)],
            };
            if paths.is_empty() && !file.optional {
                return Err((Trouble::Absent, format!("no environment file matches {}", file.pattern).into()));
            }
            for path in paths {
                let parsed = read_bounded(&path).map_err(|error| error.to_string());
                match parsed.and_then(|bytes| crate::unit::values::environment::file(&bytes)) {
                    Ok((variables, dropped)) => {
                        for remark in dropped {
                            tracing::warn!("{}: {remark}", path.display());
                        }
                        assignments.extend(variables);
                    }
                    Err(_) if file.optional => {}
                    Err(why) => {
                        let detail = format!("cannot read the environment file {}: {why}", path.display());
                        return Err((Trouble::Absent, detail.into()));
                    }
                }
            }
        }
        Ok(assignments)
    }
}

/// Under what the blueprints of a unit are kept: its name, or for an instance what it shares with the others.
fn blueprint_key(name: &UnitName) -> &str {
    let text = name.as_str();
    text.find('@').and_then(|at| text.get(..=at)).unwrap_or(text)
}

/// The event of a step that failed, in words.
pub(super) fn step_failure(proc: ProcToken, steps: &[Step], failure: StepFailure) -> Event {
    let (status, detail) = match steps.get(failure.step) {
        Some(step) => {
            let purpose = step.purpose();
            let detail = format!("{} failed: {}", crate::plan::explain::step(step), failure.errno.desc());
            (purpose.exit_status(), detail)
        }
        None => {
            let purpose = crate::plan::program::Purpose::Cgroup;
            (purpose.exit_status(), format!("entering the control group failed: {}", failure.errno.desc()))
        }
    };
    Event::StepFailed { proc, status, detail: detail.into() }
}

/// Something that can be read once and holds the bytes.
fn data(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    let fd = memfd_create(c"porterd-stdin", MFdFlags::MFD_CLOEXEC)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = nix::unistd::write(&fd, rest)?;
        rest = &rest[written..];
    }
    nix::unistd::lseek(&fd, 0, nix::unistd::Whence::SeekSet)?;
    Ok(fd)
}

#[allow(clippy::disallowed_methods, reason = "environment files are read when a process is started")]
fn read_bounded(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(ENVIRONMENT_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > ENVIRONMENT_FILE_BYTES_MAX {
        true => Err(std::io::Error::other(format!("longer than {ENVIRONMENT_FILE_BYTES_MAX} bytes"))),
        false => Ok(bytes),
    }
}
