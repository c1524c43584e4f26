//! Everything that can have happened, in the past tense. A closed set: a new kind of event is a
//! compile error in every machine that must decide about it.

use super::requests::Request;
use crate::ids::{ClientId, FdToken, ProcToken, Text, UnitId};
use crate::outside::{Peer, Trouble};
use crate::unit::{Unit, UnitName, load::Template};
use std::sync::Arc;

/// Something that happened outside the engine.
#[derive(Clone, Debug)]
pub enum Event {
    /// Loading is over; these units are to be started (porterd's boot).
    Began {
        /// What to start.
        start: Vec<UnitName>,
    },
    /// Units were read: new ones are added, known ones replaced. `reload` ends a `daemon-reload`.
    Loaded {
        /// The units.
        units: Vec<Arc<Unit>>,
        /// Templates of `Accept=yes` services, by template name.
        templates: Vec<Arc<Template>>,
        /// All units were read again; what is not in `units` has no file any more.
        reload: bool,
    },
    /// All ports of a socket are open.
    Bound {
        /// The socket unit.
        unit: UnitId,
        /// One per descriptor: port index and token, in passing order.
        fds: Vec<(u16, FdToken)>,
    },
    /// A port could not be opened; the runtime closed what it had opened for this bind.
    BindFailed {
        /// The socket unit.
        unit: UnitId,
        /// Classified cause.
        trouble: Trouble,
        /// What, where, why, what next.
        detail: Text,
    },
    /// Interfaces or addresses of the machine changed.
    AddressesChanged,
    /// The node of a port is not where it was made any more (`X-HealNode=`).
    NodeGone {
        /// Which port.
        fd: FdToken,
    },
    /// Answer to `HealNode`: it is there again.
    NodeHealed {
        /// Which port.
        fd: FdToken,
        /// Its path.
        path: Text,
    },
    /// Answer to `HealNode`: nothing could be put back, and a new socket is in its place.
    PortRenewed {
        /// The port that nobody can reach any more.
        lost: FdToken,
        /// The one in its place.
        new: FdToken,
        /// Its path.
        path: Text,
    },
    /// Answer to `HealNode`: it cannot be put back, or something else took its place.
    NodeLost {
        /// Which port.
        fd: FdToken,
        /// What, why, what next.
        detail: Text,
    },
    /// What could be done about a reloaded socket was done.
    Adjusted {
        /// The socket unit.
        unit: UnitId,
        /// New ports: index and token, in passing order.
        fds: Vec<(u16, FdToken)>,
        /// What could not be opened and why; empty if everything is open.
        missing: Text,
    },
    /// Owners of the nodes were changed.
    Chowned {
        /// The socket unit.
        unit: UnitId,
    },
    /// They were not: exit status 216 (group), 217 (user) or 235 (chown) as systemd's helper has.
    ChownFailed {
        /// The socket unit.
        unit: UnitId,
        /// The exit status.
        status: u8,
        /// What, why.
        detail: Text,
    },
    /// Answer to `ResolvePeers`. Who is unknown is in neither list.
    PeersResolved {
        /// The socket unit.
        unit: UnitId,
        /// User ids.
        users: Vec<u32>,
        /// Group ids.
        groups: Vec<u32>,
    },
    /// A watched descriptor is readable.
    Readable {
        /// Which.
        fd: FdToken,
    },
    /// A watched descriptor reports HUP or ERR without plain readability.
    Broken {
        /// Which.
        fd: FdToken,
        /// `POLLHUP` (true: somebody called shutdown()) or `POLLERR`.
        hangup: bool,
    },
    /// A connection was accepted.
    Connected {
        /// On which listener.
        listener: FdToken,
        /// The connection.
        conn: FdToken,
        /// Who it is; `None` if the peer was gone before it could be asked.
        peer: Option<Peer>,
    },
    /// accept(2) failed for a reason that does not go away by itself.
    AcceptFailed {
        /// On which listener.
        listener: FdToken,
        /// Classified cause.
        trouble: Trouble,
    },
    /// A child exists.
    Spawned {
        /// As asked for.
        proc: ProcToken,
        /// Its pid.
        pid: i32,
    },
    /// It could not be made; no process exists.
    SpawnFailed {
        /// As asked for.
        proc: ProcToken,
        /// Classified cause.
        trouble: Trouble,
        /// What, why.
        detail: Text,
    },
    /// It reached execve(2) and execve succeeded. Always after `Spawned`.
    Execed {
        /// Which.
        proc: ProcToken,
    },
    /// A step before exec failed; `Exited` follows with the exit status of that step.
    StepFailed {
        /// Which.
        proc: ProcToken,
        /// systemd's exit status for the step.
        status: u8,
        /// Step, argument, errno in words.
        detail: Text,
    },
    /// A process ended (or, for an adopted one that is not our child, vanished).
    Exited {
        /// Which.
        proc: ProcToken,
        /// How.
        status: ExitStatus,
    },
    /// No process is left in the unit.
    Emptied {
        /// Which unit.
        unit: UnitId,
    },
    /// Answer to `Signal`: whether there was anybody to wait for.
    Signalled {
        /// Which unit.
        unit: UnitId,
        /// Processes that were signalled and whose end will be told.
        found: bool,
    },
    /// Answer to `Check`: conditions, then asserts.
    Checked {
        /// Which unit.
        unit: UnitId,
        /// The outcome.
        verdict: Verdict,
    },
    /// Answer to `FindMain`: the main process of a forking service.
    MainFound {
        /// Which unit.
        unit: UnitId,
        /// As asked for; now watched.
        proc: ProcToken,
        /// Its pid.
        pid: i32,
        /// Whether its exit status will be known (it is our child).
        child: bool,
    },
    /// There is none (yet).
    MainMissing {
        /// Which unit.
        unit: UnitId,
        /// Whether a `PIDFile=` is being watched and `MainFound` may still come.
        may_come: bool,
        /// Why, for the log.
        detail: Text,
    },
    /// An sd_notify message that passed the transport's checks.
    Notified {
        /// The unit it belongs to.
        unit: UnitId,
        /// Who sent it.
        sender: Sender,
        /// Its words, in order, first occurrence of a key only.
        words: Vec<(Text, Text)>,
        /// Descriptors that came with it.
        fds: Vec<FdToken>,
    },
    /// A stored descriptor reported HUP or ERR.
    StoredGone {
        /// Which.
        fd: FdToken,
    },
    /// The earliest deadline has come (or has been spurious).
    Due,
    /// A client asks for something that changes state.
    Asked {
        /// Who.
        client: ClientId,
        /// What.
        request: Request,
    },
    /// A client is gone.
    Left {
        /// Who.
        client: ClientId,
    },
    /// The host wants porterd to end: stop everything in order, then leave.
    ToldToStop,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// exit(n)
    Code(u8),
    /// Killed by a signal.
    Signal(u8),
    /// Killed by a signal, with a core dump.
    Dumped(u8),
    /// Gone, and nobody can say how (not our child).
    Unknown,
}

/// Outcome of conditions and asserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it.
    Go,
    /// A condition is not met: the job succeeds, nothing is started.
    ConditionUnmet(Text),
    /// An assert is not met: the job fails, nothing is started.
    AssertUnmet(Text),
}

/// Who sent a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A process the engine knows.
    Known(ProcToken),
    /// Some other process of the unit; pid and whether its uid is 0.
    Other(i32, bool),
}
