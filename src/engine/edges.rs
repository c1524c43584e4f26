//! The edges of one unit to others, in order: by relation, then by unit.
//!
//! Most units have about ten, a target that everything is ordered before has tens of thousands. The
//! first kind fits in one short list, the second needs a tree.

use super::slot::Relation;
use crate::bounds::EDGES_IN_LIST_MAX;
use crate::ids::UnitId;
use std::collections::{BTreeSet, btree_set};
use std::slice;

/// A relation and the unit at its other end.
pub(super) type Edge = (Relation, UnitId);

/// Lists grow by so many.
const STEP: usize = 4;

/// All edges of one unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Edges {
    list: List,
    /// A bit per relation that may be there: most questions are about relations a unit does not have.
    relations: u32,
}

#[derive(Clone, Debug)]
enum List {
    /// Sorted.
    Few(Vec<Edge>),
    /// More than a list should hold.
    Many(BTreeSet<Edge>),
}

impl Default for List {
    fn default() -> Self {
        List::Few(Vec::new())
    }
}

fn bit(relation: Relation) -> u32 {
    1 << relation as u32
}

impl Edges {
    /// Adds an edge unless it is there.
    pub(super) fn insert(&mut self, edge: Edge) {
        self.relations |= bit(edge.0);
        match &mut self.list {
            List::Few(list) => {
                let Err(at) = list.binary_search(&edge) else {
                    return;
                };
                if list.len() < EDGES_IN_LIST_MAX {
                    if list.len() == list.capacity() {
                        list.reserve_exact(STEP.max(list.len() / 4));
                    }
                    list.insert(at, edge);
                } else {
                    let mut tree: BTreeSet<Edge> = list.drain(..).collect();
                    tree.insert(edge);
                    self.list = List::Many(tree);
                }
            }
            List::Many(tree) => {
                tree.insert(edge);
            }
        }
    }

    /// Takes an edge out if it is there.
    pub(super) fn remove(&mut self, edge: Edge) {
        match &mut self.list {
            List::Few(list) => {
                if let Ok(at) = list.binary_search(&edge) {
                    list.remove(at);
                }
            }
            List::Many(tree) => {
                tree.remove(&edge);
            }
        }
    }

    pub(super) fn contains(&self, edge: Edge) -> bool {
        match &self.list {
            List::Few(list) => list.binary_search(&edge).is_ok(),
            List::Many(tree) => tree.contains(&edge),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.list {
            List::Few(list) => list.len(),
            List::Many(tree) => tree.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Edges::default();
    }

    /// Every edge.
    pub(super) fn iter(&self) -> Range<'_> {
        match &self.list {
            List::Few(list) => Range::Few(list.iter()),
            List::Many(tree) => Range::Many(tree.range(..)),
        }
    }

    /// Edges from the first to the last of these two, both included.
    pub(super) fn range(&self, first: Edge, last: Edge) -> Range<'_> {
        match &self.list {
            List::Few(list) => {
                let from = list.partition_point(|edge| *edge < first);
                let to = list.partition_point(|edge| *edge <= last);
                Range::Few(list.get(from..to).unwrap_or_default().iter())
            }
            List::Many(tree) => Range::Many(tree.range(first..=last)),
        }
    }

    /// Units related in one way.
    pub(super) fn of(&self, relation: Relation) -> impl Iterator<Item = UnitId> + '_ {
        let range = match self.relations & bit(relation) {
            0 => Range::default(),
            _ => self.range((relation, UnitId::MIN), (relation, UnitId::MAX)),
        };
        range.map(|(_, id)| *id)
    }
}

/// Iterates over a part of the edges, in order.
#[derive(Clone, Debug)]
pub(super) enum Range<'a> {
    Few(slice::Iter<'a, Edge>),
    Many(btree_set::Range<'a, Edge>),
}

impl Default for Range<'_> {
    fn default() -> Self {
        Range::Few([].iter())
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = &'a Edge;

    fn next(&mut self) -> Option<&'a Edge> {
        match self {
            Range::Few(edges) => edges.next(),
            Range::Many(edges) => edges.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_a_tree_and_says_the_same() {
        let mut edges = Edges::default();
        let count = EDGES_IN_LIST_MAX as u32 + 10;
        for n in (0..count).rev() {
            edges.insert((if n % 2 == 0 { Relation::Before } else { Relation::WantedBy }, UnitId(n)));
            edges.insert((Relation::Before, UnitId(0)));
        }
        assert!(matches!(edges.list, List::Many(_)) && edges.len() == count as usize);
        let before: Vec<u32> = edges.of(Relation::Before).map(|id| id.0).collect();
        assert!(before.iter().all(|n| n % 2 == 0) && before.is_sorted() && before.len() == count.div_ceil(2) as usize);
        edges.remove((Relation::Before, UnitId(0)));
        assert!(!edges.contains((Relation::Before, UnitId(0))) && edges.contains((Relation::WantedBy, UnitId(1))));
    }

    #[test]
    fn a_range_of_a_list_has_both_ends() {
        let mut edges = Edges::default();
        for n in [5, 1, 3, 9] {
            edges.insert((Relation::After, UnitId(n)));
        }
        let ids: Vec<u32> =
            edges.range((Relation::After, UnitId(3)), (Relation::After, UnitId(5))).map(|e| e.1.0).collect();
        assert_eq!(ids, [3, 5]);
        edges.remove((Relation::After, UnitId(3)));
        assert_eq!(edges.iter().count(), 3);
    }
}
