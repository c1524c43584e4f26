//! One unit inside the engine: its settings, its machine, its job, and its edges to other units.

use super::edges::Edges;
use super::jobs::Job;
use super::limits::Window;
use super::service::Service;
use super::socket::Socket;
use super::status::{ActiveState, Moments};
use crate::ids::{Text, UnitId};
use crate::unit::{Body, Dependency, Unit};
use std::sync::Arc;

/// A dependency in one of its two directions. Names are systemd's property names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Relation {
    Requires,
    RequiredBy,
    Requisite,
    RequisiteOf,
    Wants,
    WantedBy,
    BindsTo,
    BoundBy,
    Upholds,
    UpheldBy,
    PartOf,
    ConsistsOf,
    Conflicts,
    ConflictedBy,
    Before,
    After,
    OnFailure,
    OnFailureOf,
    OnSuccess,
    OnSuccessOf,
    PropagatesStopTo,
    StopPropagatedFrom,
    PropagatesReloadTo,
    ReloadPropagatedFrom,
    JoinsNamespaceOf,
    Triggers,
    TriggeredBy,
}

/// Each written dependency with its relation, the inverse, and both property names.
const RELATIONS: [(Dependency, Relation, Relation); 18] = [
    (Dependency::Requires, Relation::Requires, Relation::RequiredBy),
    (Dependency::Requisite, Relation::Requisite, Relation::RequisiteOf),
    (Dependency::Wants, Relation::Wants, Relation::WantedBy),
    (Dependency::BindsTo, Relation::BindsTo, Relation::BoundBy),
    (Dependency::Upholds, Relation::Upholds, Relation::UpheldBy),
    (Dependency::PartOf, Relation::PartOf, Relation::ConsistsOf),
    (Dependency::Conflicts, Relation::Conflicts, Relation::ConflictedBy),
    (Dependency::Before, Relation::Before, Relation::After),
    (Dependency::After, Relation::After, Relation::Before),
    (Dependency::OnFailure, Relation::OnFailure, Relation::OnFailureOf),
    (Dependency::OnSuccess, Relation::OnSuccess, Relation::OnSuccessOf),
    (Dependency::PropagatesStopTo, Relation::PropagatesStopTo, Relation::StopPropagatedFrom),
    (Dependency::StopPropagatedFrom, Relation::StopPropagatedFrom, Relation::PropagatesStopTo),
    (Dependency::PropagatesReloadTo, Relation::PropagatesReloadTo, Relation::ReloadPropagatedFrom),
    (Dependency::ReloadPropagatedFrom, Relation::ReloadPropagatedFrom, Relation::PropagatesReloadTo),
    (Dependency::JoinsNamespaceOf, Relation::JoinsNamespaceOf, Relation::JoinsNamespaceOf),
    (Dependency::Triggers, Relation::Triggers, Relation::TriggeredBy),
    (Dependency::TriggeredBy, Relation::TriggeredBy, Relation::Triggers),
];

/// Property name of each relation, in the order in which `show` prints them.
pub const RELATION_NAMES: [(Relation, &str); 27] = [
    (Relation::Requires, "Requires"),
    (Relation::Requisite, "Requisite"),
    (Relation::Wants, "Wants"),
    (Relation::BindsTo, "BindsTo"),
    (Relation::PartOf, "PartOf"),
    (Relation::Upholds, "Upholds"),
    (Relation::RequiredBy, "RequiredBy"),
    (Relation::RequisiteOf, "RequisiteOf"),
    (Relation::WantedBy, "WantedBy"),
    (Relation::BoundBy, "BoundBy"),
    (Relation::UpheldBy, "UpheldBy"),
    (Relation::ConsistsOf, "ConsistsOf"),
    (Relation::Conflicts, "Conflicts"),
    (Relation::ConflictedBy, "ConflictedBy"),
    (Relation::Before, "Before"),
    (Relation::After, "After"),
    (Relation::OnSuccess, "OnSuccess"),
    (Relation::OnSuccessOf, "OnSuccessOf"),
    (Relation::OnFailure, "OnFailure"),
    (Relation::OnFailureOf, "OnFailureOf"),
    (Relation::Triggers, "Triggers"),
    (Relation::TriggeredBy, "TriggeredBy"),
    (Relation::PropagatesReloadTo, "PropagatesReloadTo"),
    (Relation::ReloadPropagatedFrom, "ReloadPropagatedFrom"),
    (Relation::PropagatesStopTo, "PropagatesStopTo"),
    (Relation::StopPropagatedFrom, "StopPropagatedFrom"),
    (Relation::JoinsNamespaceOf, "JoinsNamespaceOf"),
];

/// How many relations there are; `JoinsNamespaceOf` and the triggers come last.
const RELATION_COUNT: usize = Relation::TriggeredBy as usize + 1;

/// The same edge seen from the other end, by relation.
const INVERSE: [Relation; RELATION_COUNT] = {
    let mut table = [Relation::Requires; RELATION_COUNT];
    let mut row = 0;
    while row < RELATIONS.len() {
        let (_, relation, inverse) = RELATIONS[row];
        table[relation as usize] = inverse;
        table[inverse as usize] = relation;
        row += 1;
    }
    table
};

/// The relation that a written dependency makes, by dependency.
const WRITTEN: [Relation; RELATIONS.len()] = {
    let mut table = [Relation::After; RELATIONS.len()];
    let mut row = 0;
    while row < RELATIONS.len() {
        let (dependency, relation, _) = RELATIONS[row];
        table[dependency as usize] = relation;
        row += 1;
    }
    table
};

impl Relation {
    /// The relation that a written dependency makes.
    pub(super) fn of(dependency: Dependency) -> Relation {
        WRITTEN[dependency as usize]
    }

    /// The same edge seen from the other end.
    pub(super) fn inverse(self) -> Relation {
        INVERSE[self as usize]
    }
}

/// The part of a slot that differs by kind.
#[derive(Clone, Debug)]
pub(super) enum Machine {
    /// A socket.
    Socket(Box<Socket>),
    /// A service.
    Service(Box<Service>),
    /// A target: up or not.
    Target(bool),
    /// Something porterd does not run; counts as satisfied.
    Inert,
}

/// One unit.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) unit: Arc<Unit>,
    pub(super) machine: Machine,
    pub(super) job: Option<Box<Job>>,
    pub(super) edges: Edges,
    pub(super) active: ActiveState,
    pub(super) moments: Moments,
    pub(super) start_window: Window,
    pub(super) start_limit_hit: bool,
    pub(super) condition_result: bool,
    pub(super) assert_result: bool,
    pub(super) unmet: Option<Text>,
    pub(super) invocation: u128,
}

impl Slot {
    pub(super) fn new(unit: Arc<Unit>) -> Slot {
        let machine = match &unit.body {
            Body::Socket(_) => Machine::Socket(Box::default()),
            Body::Service(_) => Machine::Service(Box::default()),
            Body::Target => Machine::Target(false),
            Body::Slice | Body::Foreign => Machine::Inert,
        };
        Slot {
            unit,
            machine,
            job: None,
            edges: Edges::default(),
            active: ActiveState::Inactive,
            moments: Moments::default(),
            start_window: Window::default(),
            start_limit_hit: false,
            condition_result: false,
            assert_result: false,
            unmet: None,
            invocation: 0,
        }
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.machine, Machine::Socket(_))
    }

    pub(super) fn is_target(&self) -> bool {
        matches!(self.machine, Machine::Target(_))
    }

    /// Units related in one way, in the order in which they became known.
    pub(super) fn related(&self, relation: Relation) -> impl Iterator<Item = UnitId> + '_ {
        self.edges.of(relation)
    }

    /// Active, on its way up, or about to be started.
    pub(super) fn active_or_pending(&self) -> bool {
        self.active.is_up()
            || self.active == ActiveState::Activating
            || self.job.as_ref().is_some_and(|job| job.kind.starts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::size_of;

    #[test]
    fn ten_thousand_idle_units_stay_small() {
        let socket = size_of::<Slot>() + size_of::<Socket>() + size_of::<crate::unit::SocketUnit>();
        let service = size_of::<Slot>() + size_of::<Service>() + size_of::<crate::unit::ServiceUnit>();
        assert!(socket + service < 1536, "{socket} + {service} bytes for a socket with its service");
    }
}
