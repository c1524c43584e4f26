//! Protocols that a usual kernel does not have: SCTP, UDP-Lite, MPTCP, vsock; message queues and uevents.

use crate::world::World;
use crate::{Outcome, Skip, Test};

pub(crate) const TESTS: &[Test] = &[];

#[expect(dead_code)]
fn nothing(_w: &mut World) -> Outcome {
    Err(Skip(String::new()))
}
