//! Who connects to the pretend kernel.

use super::{Choices, Kernel};
use crate::outside::Peer;
use std::net::{IpAddr, Ipv4Addr};

impl<C: Choices> Kernel<C> {
    /// Somebody: a few addresses in a few networks, or a local process.
    pub(super) fn peer(&mut self) -> Peer {
        self.next_port = self.next_port.wrapping_add(1);
        if self.choices.chance(20) {
            let (uid, gid) = (self.choices.below(3) as u32, self.choices.below(4) as u32);
            return Peer::Unix { pid: Some(i32::from(self.next_port)), uid, groups: vec![gid], address: None };
        }
        let source = Ipv4Addr::new(127, 0, self.choices.below(2) as u8, self.choices.below(3) as u8 + 1);
        let mapped = self.choices.chance(10);
        let source = if mapped { IpAddr::V6(source.to_ipv6_mapped()) } else { IpAddr::V4(source) };
        Peer::Ip { local: (IpAddr::V4(Ipv4Addr::LOCALHOST), 7), remote: (source, self.next_port), scope: None }
    }
}
