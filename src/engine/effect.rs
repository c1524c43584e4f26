//! Everything the engine can ask for, in the imperative. Carried out in order by the runtime, which
//! answers with events and never with a `Result` (R14).

use super::requests::Reply;
use crate::ids::{ClientId, FdToken, NamespaceToken, ProcToken, Text, UnitId};
use crate::unit::{Command, Unit};
use std::sync::Arc;

/// Something to be done outside the engine.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open all ports of a socket unit. → `Bound` or `BindFailed`
    Bind {
        /// The socket unit.
        unit: UnitId,
        /// Its settings.
        settings: Arc<Unit>,
        /// The service's settings (USB functions need them), if loaded.
        service: Option<Arc<Unit>>,
        /// Network namespace of the ports; made now if nobody used it before.
        namespace: Option<NamespaceToken>,
    },
    /// Put the node of a port back. → `NodeHealed`, `PortRenewed`, `NodeLost`; nothing if it is there
    HealNode {
        /// Which port.
        fd: FdToken,
        /// Settings with which it was made.
        settings: Arc<Unit>,
        /// Its index.
        index: u16,
        /// A new socket may be made there if the node is beyond help.
        renew: bool,
    },
    /// The files of a socket that is up were read again: bring it in line. → `Adjusted`
    Adjust(Box<Adjust>),
    /// Change the owner of the nodes. → `Chowned` or `ChownFailed`
    Chown {
        /// The socket unit.
        unit: UnitId,
        /// Its settings.
        settings: Arc<Unit>,
    },
    /// Look up the users and groups that may connect. → `PeersResolved`
    ResolvePeers {
        /// The socket unit.
        unit: UnitId,
        /// Its settings.
        settings: Arc<Unit>,
    },
    /// Remove nodes, queues and links (`RemoveOnStop=`), for the ports that were open.
    RemoveNodes {
        /// Settings with which they were made.
        settings: Arc<Unit>,
        /// Port indexes that were open.
        ports: Vec<u16>,
    },
    /// Close a descriptor. Its token is never used again.
    Close {
        /// Which.
        fd: FdToken,
    },
    /// Tell when it becomes readable, level-triggered. → `Readable`, `Broken`
    Watch {
        /// Which.
        fd: FdToken,
    },
    /// Stop telling.
    Unwatch {
        /// Which.
        fd: FdToken,
    },
    /// Accept at most this many connections. → `Connected` each, `AcceptFailed`
    Accept {
        /// On which listener.
        fd: FdToken,
        /// The socket unit, for the options of the connection.
        settings: Arc<Unit>,
        /// At most so many.
        budget: u32,
        /// A limit was hit lately: who has hung up without having said anything counts as gone.
        shed: bool,
    },
    /// Throw away what is queued: connections or datagrams (`FlushPending=`).
    Drain {
        /// Which.
        fd: FdToken,
    },
    /// Start a process. → `Spawned` (+ `Execed` or `StepFailed`) or `SpawnFailed`
    Spawn(Box<Spawn>),
    /// Send a signal to the unit's processes, followed by SIGCONT (and SIGHUP if asked). → `Signalled`
    Signal {
        /// Which unit.
        unit: UnitId,
        /// Which processes.
        target: SignalTarget,
        /// Signal number.
        signal: i32,
        /// SIGHUP right after it.
        also_hup: bool,
        /// Only for an administrator's `kill`: no SIGCONT, no answer.
        plain: bool,
    },
    /// Stop watching processes of a unit that ended; remove its cgroup, notify socket, pid file.
    Release {
        /// Which unit.
        unit: UnitId,
        /// Its settings.
        settings: Arc<Unit>,
    },
    /// Evaluate conditions and asserts. → `Checked`
    Check {
        /// Which unit.
        unit: UnitId,
        /// Its settings.
        settings: Arc<Unit>,
    },
    /// Find the main process of a forking service: pid file or guess. → `MainFound`, `MainMissing`
    FindMain {
        /// Which unit.
        unit: UnitId,
        /// Its settings.
        settings: Arc<Unit>,
        /// Token it shall have.
        proc: ProcToken,
        /// A pid named by `MAINPID=` instead of the file.
        pid: Option<i32>,
        /// The sender of `MAINPID=` was uid 0, so a process outside the unit is acceptable.
        trusted: bool,
        /// Keep looking (inotify on the pid file) if it is not there yet.
        wait: bool,
    },
    /// Watch a stored descriptor for HUP and ERR (`FDPOLL=1`). → `StoredGone`
    WatchStored {
        /// Which.
        fd: FdToken,
    },
    /// No unit uses a network namespace any more.
    DropNamespace {
        /// Which.
        namespace: NamespaceToken,
    },
    /// Let processes waiting in `Type=idle` go on.
    EndIdle,
    /// Answer a client; exactly once per request.
    Answer {
        /// Who.
        client: ClientId,
        /// What.
        reply: Reply,
    },
    /// Something an administrator may want to know.
    Tell(Note),
    /// A unit's state changed: write it to the record.
    Save {
        /// Which unit.
        unit: UnitId,
    },
    /// The unit is forgotten: drop it from the record.
    Forget {
        /// Which unit.
        unit: UnitId,
    },
    /// Tell the supervisor above (sd_notify).
    Announce(Announcement),
    /// End the daemon.
    Leave {
        /// Exit status.
        code: u8,
    },
}

/// A process to be started.
#[derive(Clone, Debug)]
pub struct Spawn {
    /// Token it shall have.
    pub proc: ProcToken,
    /// For which unit.
    pub unit: UnitId,
    /// Its settings.
    pub settings: Arc<Unit>,
    /// What it is.
    pub role: Role,
    /// The command line.
    pub command: Command,
    /// Descriptors to hand over, in order, with their names. The runtime keeps its copies.
    pub pass: Vec<Passed>,
    /// Further variables: `MAINPID`, `REMOTE_ADDR`, `SERVICE_RESULT`, …; in order.
    pub variables: Vec<(&'static str, Text)>,
    /// Invocation of the unit.
    pub invocation: u128,
    /// Period of the watchdog for `WATCHDOG_USEC`; 0 is none.
    pub watchdog_usec: u64,
    /// Network namespace it is to run in; made now if nobody used it before.
    pub namespace: Option<NamespaceToken>,
    /// The unit was made for one connection and is forgotten after it.
    pub for_connection: bool,
    /// The peer of the connection decides about the level of its SELinux label.
    pub label_from_net: bool,
    /// It is not to be made while processes of an earlier run of the unit are left.
    pub refuse_leftovers: bool,
}

/// A socket that is up, and its settings before and now.
#[derive(Clone, Debug)]
pub struct Adjust {
    /// The socket unit.
    pub unit: UnitId,
    /// Settings with which its ports were opened.
    pub before: Arc<Unit>,
    /// Its settings now.
    pub settings: Arc<Unit>,
    /// The service's settings, if loaded.
    pub service: Option<Arc<Unit>>,
    /// Network namespace of new ports.
    pub namespace: Option<NamespaceToken>,
    /// Ports that stay: index before, index now, descriptor.
    pub kept: Vec<(u16, u16, FdToken)>,
    /// Indexes (before) of ports that are closed with it.
    pub closed: Vec<u16>,
    /// Indexes (now) of ports to be opened.
    pub open: Vec<u16>,
    /// Change the options of ports that stay, and tell what changed.
    pub live: bool,
}

/// A descriptor handed to a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Which.
    pub fd: FdToken,
    /// Its name in `LISTEN_FDNAMES`.
    pub name: Text,
    /// A socket of a socket unit (its blocking mode is set); stored descriptors are left alone.
    pub socket: bool,
}

/// What a process is to its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `ExecStart=` of a service: gets the descriptors.
    Main,
    /// Any other command; of a stop phase it gets `SERVICE_RESULT` and so on.
    Control {
        /// It is `ExecStop=` or `ExecStopPost=`.
        stop: bool,
        /// It may be given the terminal of `StandardInput=tty`.
        terminal: bool,
    },
    /// `ExecStart=` of `Type=forking`: gets the descriptors, but is no main process.
    Forking,
}

/// Which processes of a unit are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalTarget {
    /// The main process.
    Main,
    /// The control process.
    Control,
    /// Both.
    MainAndControl,
    /// Every process of the unit.
    All,
}

/// Something that happened, for the log. The code is listed in `report::codes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Stable name, e.g. `socket-listening`.
    pub code: &'static str,
    /// Severity.
    pub level: Level,
    /// The unit.
    pub unit: Option<Text>,
    /// One sentence.
    pub text: String,
}

/// Severity of a note, as syslog has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Level {
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

/// What the supervisor above is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// `READY=1`
    Ready,
    /// `STATUS=`
    Status(String),
    /// `STOPPING=1`
    Stopping,
}
