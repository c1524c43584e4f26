//! Labels and extended attributes of ports: what goes where, and when (reference: systemd 259 and
//! newer; 252 labels FIFOs only, and `--strict-systemd` does that).
//!
//! Labels are set only where the kernel runs SMACK: elsewhere they mean nothing, and systemd says
//! nothing about them either. What the kernel refuses is told and has no consequence.

use super::bind::SocketCall;
use super::recipe::BindFacts;
use crate::ids::Text;
use crate::unit::socket::{SocketUnit, XAttr};

const SMACK64: &str = "security.SMACK64";

/// `SmackLabel=` of a FIFO, on its descriptor.
pub(super) fn of_fifo(unit: &SocketUnit, facts: &BindFacts) -> Option<SocketCall> {
    let value = unit.options.smack_label.clone().filter(|_| facts.smack)?;
    Some(SocketCall::SetXattr { directive: "SmackLabel", path: None, name: SMACK64.into(), value })
}

/// `SmackLabel=` of a socket or message queue, on its descriptor. systemd labels no queues; whoever
/// writes a label beside one can only mean it.
pub(super) fn of_descriptor(unit: &SocketUnit, facts: &BindFacts) -> Option<SocketCall> {
    of_fifo(unit, facts).filter(|_| !facts.strict)
}

/// `SmackLabel=` and `XAttrEntryPoint=` of a socket's node, once it is there.
pub(super) fn of_node(path: &Text, unit: &SocketUnit, facts: &BindFacts) -> Vec<SocketCall> {
    let mut calls: Vec<SocketCall> = of_descriptor(unit, facts).into_iter().collect();
    calls.extend(attributes("XAttrEntryPoint", &unit.options.xattr_entry_point));
    for call in &mut calls {
        if let SocketCall::SetXattr { path: node, .. } = call {
            *node = Some(path.clone());
        }
    }
    calls
}

/// `XAttrListen=` or `XAttrAccept=`, on the descriptor.
pub(super) fn attributes(directive: &'static str, list: &[XAttr]) -> impl Iterator<Item = SocketCall> {
    list.iter().map(move |XAttr { name, value }| SocketCall::SetXattr {
        directive,
        path: None,
        name: name.clone(),
        value: value.clone(),
    })
}
