//! Everything outside the engine that effects act on and events come from: descriptors, processes,
//! groups, output, the control socket. Decides nothing; what it remembers per unit is only what it
//! needs to find the unit's processes again.

use crate::config::{InstanceGroups, Readers, Surroundings};
use crate::control::server::Server;
use crate::engine::event::Event;
use crate::ids::{ClientId, FdToken, NamespaceToken, ProcToken, Text, UnitId};
use crate::linux::addresses::Monitor;
use crate::linux::clone::Passage;
use crate::linux::nodes::Nodes;
use crate::linux::notify::NotifySocket;
use crate::linux::poll::{Interest, Poll, Signals};
use crate::linux::process::Children;
use crate::linux::users::{UserEntry, Users};
use crate::plan::bind::BindFacts;
use crate::plan::exec::{Ambient, Blueprint};
use crate::runtime::groups::{Group, Groups};
use crate::runtime::handles::Handles;
use crate::runtime::inherited::Inherited;
use crate::runtime::output::Outputs;
use crate::runtime::perform::accept::Accepting;
use crate::runtime::perform::find_main::PidFiles;
use crate::runtime::perform::ports::Listener;
use crate::runtime::processes::Processes;
use crate::runtime::upstream::Upstream;
use crate::unit::{Unit, UnitName};
use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// What is known of the machine and the configuration.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) around: Surroundings,
    pub(super) bind: BindFacts,
    pub(super) ambient: Ambient,
    pub(super) runtime_dir: PathBuf,
    pub(super) user_mode: bool,
    /// Under strict `"named"` or nothing.
    pub(super) instance_cgroups: InstanceGroups,
    /// Somebody is looking at standard error.
    pub(super) at_terminal: bool,
    /// Who may look besides root and our own user.
    pub(super) readers: Readers,
    /// Descriptors for what comes and goes; the rest is kept for starting services.
    pub(super) descriptors_comfortable: u64,
}

/// The processes of one unit and what belongs to them.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) name: UnitName,
    pub(super) invocation: u128,
    /// Processes that have not ended.
    pub(super) procs: Vec<ProcToken>,
    /// Pids of those that have; their sessions may outlive them.
    pub(super) past: Vec<i32>,
    pub(super) group: Option<Group>,
    pub(super) notify: Option<NotifySocket>,
    /// Further processes whose end is awaited.
    pub(super) strays: Vec<u64>,
    /// Nobody is left; true until the next spawn once it was seen.
    pub(super) empty: bool,
}

impl Run {
    pub(super) fn new(name: UnitName, invocation: u128) -> Run {
        let (procs, past, strays) = (Vec::new(), Vec::new(), Vec::new());
        Run { name, invocation, procs, past, group: None, notify: None, strays, empty: true }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub(super) facts: Facts,
    pub(super) poll: Poll,
    pub(super) signals: Signals,
    /// SIGCHLD alone: it may wait, the others may not.
    pub(super) child_signals: Signals,
    pub(super) children: Children,
    pub(super) handles: Handles,
    pub(super) listeners: BTreeMap<FdToken, Listener>,
    pub(super) inherited: Inherited,
    /// Nodes that are put back.
    pub(super) nodes: Option<Nodes>,
    /// Who tells that addresses change, by namespace.
    pub(super) monitors: Vec<(Option<NamespaceToken>, Monitor)>,
    pub(super) processes: Processes,
    /// Where connections are being taken.
    pub(super) accepting: Option<Accepting>,
    /// Children that were in our memory, between clone and exec, when last looked at.
    pub(super) underway: Vec<(ProcToken, Passage)>,
    pub(super) runs: BTreeMap<UnitId, Run>,
    /// Further processes that are watched: their pidfd, and whose they are.
    pub(super) strays: BTreeMap<u64, (UnitId, OwnedFd)>,
    pub(super) last_stray: u64,
    pub(super) groups: Groups,
    /// Network namespaces of units.
    pub(super) namespaces: BTreeMap<NamespaceToken, OwnedFd>,
    pub(super) outputs: Outputs,
    pub(super) users: Users,
    /// By name, instances by what is in front of theirs.
    pub(super) blueprints: BTreeMap<Text, Vec<Blueprint>>,
    pub(super) pid_files: PidFiles,
    /// `Type=idle` waits on the first until the second is closed.
    pub(super) idle: Option<(OwnedFd, OwnedFd)>,
    pub(super) server: Server,
    /// What each client is watched for.
    pub(super) clients: BTreeMap<ClientId, Interest>,
    pub(super) upstream: Upstream,
    /// Given up for a moment when descriptors run out, to close what waits.
    pub(super) reserve: Option<OwnedFd>,
    /// Where sockets listen and what to try there, until it is told that they do.
    pub(super) doors: BTreeMap<Text, String>,
    /// What happened and the engine has not heard yet.
    pub(super) events: VecDeque<Event>,
    /// As the first process of a machine: restart it at the end, and not switch it off.
    pub(super) restart_machine: bool,
    /// More children may have ended than one turn collects.
    pub(super) more_children: bool,
    /// While the ends of collected children are told: whether somebody is there whom nobody tracks.
    pub(super) strangers: Option<OnceCell<bool>>,
    /// The engine said it is over.
    pub(super) leave: Option<u8>,
}

impl World {
    /// A user by name or number, as the database has it.
    pub(super) fn user(&mut self, name: &str) -> Option<UserEntry> {
        self.users.user(name).inspect_err(|error| tracing::debug!("user {name}: {error}")).ok()
    }

    /// A group's number by name or number.
    pub(super) fn group(&mut self, name: &str) -> Option<u32> {
        self.users.group(name).inspect_err(|error| tracing::debug!("group {name}: {error}")).ok().map(|group| group.gid)
    }

    /// A warning of the runtime itself about a unit.
    pub(super) fn warn_unit(&self, unit: &Unit, code: &'static str, text: &str) {
        tracing::warn!(UNIT = unit.name.as_str(), CODE = code, "{text}");
    }

    /// The run of a unit; made when its first process is.
    pub(super) fn run(&mut self, unit: UnitId, settings: &Arc<Unit>, invocation: u128) -> &mut Run {
        let run = self.runs.entry(unit).or_insert_with(|| Run::new(settings.name.clone(), invocation));
        if invocation != 0 {
            run.invocation = invocation;
        }
        run
    }
}
