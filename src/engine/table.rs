//! The units by id and by name. Finding one by id is an index into a list: a connection asks for its
//! units a hundred times.
//!
//! Rooms of forgotten units are used again, but only after many others, and under another id, so that
//! what still names the old unit finds nobody.

use super::slot::Slot;
use crate::bounds::{ROOMS_FREE_MIN, UNITS_MAX};
use crate::ids::UnitId;
use crate::unit::UnitName;
use crate::unit::names::NameMap;
use std::collections::VecDeque;

/// Bits of an id that say the room; the others count how often the room was given out.
const ROOM_BITS: u32 = 22;
const ROOM_MASK: u32 = (1 << ROOM_BITS) - 1;
const _: () = assert!(UNITS_MAX <= ROOM_MASK as usize);

/// A place for one unit.
#[derive(Debug)]
struct Room {
    /// Of the unit in it, or of the last one.
    id: UnitId,
    slot: Option<Box<Slot>>,
}

/// All units.
#[derive(Debug, Default)]
pub(super) struct Table {
    rooms: Vec<Room>,
    /// Empty rooms, the one that was left first in front.
    free: VecDeque<u32>,
    names: NameMap<UnitId>,
    /// How often the room used most was given out.
    epoch: u32,
}

fn room_of(id: UnitId) -> usize {
    (id.0 & ROOM_MASK) as usize
}

impl Table {
    pub(super) fn get(&self, id: &UnitId) -> Option<&Slot> {
        self.rooms.get(room_of(*id)).filter(|room| room.id == *id)?.slot.as_deref()
    }

    pub(super) fn get_mut(&mut self, id: &UnitId) -> Option<&mut Slot> {
        self.rooms.get_mut(room_of(*id)).filter(|room| room.id == *id)?.slot.as_deref_mut()
    }

    pub(super) fn contains(&self, id: UnitId) -> bool {
        self.get(&id).is_some()
    }

    /// Gives a unit a room. `None` if there are [`UNITS_MAX`] already.
    pub(super) fn insert(&mut self, slot: Slot) -> Option<UnitId> {
        if self.free.len() > ROOMS_FREE_MIN
            && let Some(index) = self.free.pop_front()
            && let Some(room) = self.rooms.get_mut(index as usize)
        {
            room.id = UnitId(room.id.0.wrapping_add(1 << ROOM_BITS));
            self.epoch = self.epoch.max(room.id.0 >> ROOM_BITS);
            room.slot = Some(Box::new(slot));
            return Some(room.id);
        }
        if self.rooms.len() >= UNITS_MAX {
            return None;
        }
        let id = UnitId(u32::try_from(self.rooms.len()).ok()?);
        self.rooms.push(Room { id, slot: Some(Box::new(slot)) });
        Some(id)
    }

    /// For the image: no id that was given out so far has a higher count of uses.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// A table that goes on after an image; its units are to be put in with [`Table::insert_as`].
    pub(super) fn revived(epoch: u32) -> Table {
        Table { epoch, ..Table::default() }
    }

    /// Gives a unit the room that it had in an image; rooms that were empty then stay empty.
    pub(super) fn insert_as(&mut self, id: UnitId, slot: Slot) {
        let index = room_of(id);
        for empty in self.rooms.len()..=index {
            let free = u32::try_from(empty).unwrap_or(u32::MAX);
            self.rooms.push(Room { id: UnitId(self.epoch << ROOM_BITS | free), slot: None });
            self.free.push_back(free);
        }
        if let Some(room) = self.rooms.get_mut(index) {
            *room = Room { id, slot: Some(Box::new(slot)) };
            self.free.retain(|free| *free as usize != index);
        }
    }

    /// Empties a room.
    pub(super) fn remove(&mut self, id: UnitId) -> Option<Box<Slot>> {
        let room = self.rooms.get_mut(room_of(id)).filter(|room| room.id == id)?;
        let slot = room.slot.take()?;
        self.free.push_back(id.0 & ROOM_MASK);
        Some(slot)
    }

    /// All units, by room.
    pub(super) fn iter(&self) -> impl Iterator<Item = (UnitId, &Slot)> {
        self.rooms.iter().filter_map(|room| Some((room.id, room.slot.as_deref()?)))
    }

    /// All ids, collected so that the table may change meanwhile.
    pub(super) fn ids(&self) -> Vec<UnitId> {
        self.iter().map(|(id, _)| id).collect()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Slot> {
        self.iter().map(|(_, slot)| slot)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.rooms.iter_mut().filter_map(|room| room.slot.as_deref_mut())
    }

    /// The unit of this name.
    pub(super) fn named(&self, name: &str) -> Option<UnitId> {
        self.names.get(name).copied()
    }

    pub(super) fn name(&mut self, name: UnitName, id: UnitId) {
        self.names.insert(name, id);
    }

    pub(super) fn unname(&mut self, name: &UnitName) {
        self.names.remove(name.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{LoadState, Unit};
    use std::sync::Arc;

    fn slot() -> Slot {
        let name = UnitName::parse("a.service").unwrap();
        Slot::new(Arc::new(Unit::absent(name, LoadState::NotFound, None)))
    }

    #[test]
    fn a_room_is_given_out_again_late_and_under_another_id() {
        let mut table = Table::default();
        let first = table.insert(slot()).unwrap();
        table.remove(first);
        for _ in 0..ROOMS_FREE_MIN {
            let id = table.insert(slot()).unwrap();
            assert_ne!(room_of(id), room_of(first));
            table.remove(id);
        }
        let again = table.insert(slot()).unwrap();
        assert_eq!(room_of(again), room_of(first));
        assert!(again != first && table.get(&first).is_none() && table.get(&again).is_some());
    }

    #[test]
    fn an_image_puts_units_where_they_were() {
        let mut table = Table::default();
        table.insert_as(UnitId(3), slot());
        table.insert_as(UnitId(1), slot());
        assert_eq!(table.ids(), [UnitId(1), UnitId(3)]);
        assert_eq!(table.insert(slot()), Some(UnitId(4)), "few rooms are empty, so none is used again yet");
    }
}
