//! Sets of nodes as bit masks.

use std::fmt;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Sub, SubAssign};

/// The largest number of nodes in one scenario.
pub const MAX_NODES: usize = 1024;

/// A node, as its index in the scenario (0 to 1023).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(pub u16);

impl Node {
    /// The index, for use in slices.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of nodes: `W` words of 64 bits. A cluster of up to 64 nodes uses
/// `NodeSet<1>`, which is one machine word, so it pays nothing for the limit of 1,024.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeSet<const W: usize>([u64; W]);

/// Words below this have their size in a table.
const SMALL: usize = 256;

static SIZES: [u8; SMALL] = sizes();

const fn sizes() -> [u8; SMALL] {
    let mut sizes = [0; SMALL];
    let mut word = 0;
    while word < SMALL {
        sizes[word] = word.count_ones() as u8;
        word += 1;
    }
    sizes
}

impl<const W: usize> NodeSet<W> {
    /// The set without members.
    pub const EMPTY: Self = NodeSet([0; W]);

    /// The set of one node.
    pub fn single(node: Node) -> Self {
        let mut set = Self::EMPTY;
        set.insert(node);
        set
    }

    /// The set of the nodes `0..count`.
    pub fn first_n(count: usize) -> Self {
        (0..count).map(|i| Node(i as u16)).collect()
    }

    /// The word that holds a node. With one word there is nothing to look up,
    /// and saying so spares the bounds check in the hottest code there is.
    #[inline]
    fn word(node: Node) -> usize {
        if W == 1 { 0 } else { node.index() / 64 }
    }

    /// Adds a node.
    #[inline]
    pub fn insert(&mut self, node: Node) {
        self.0[Self::word(node)] |= 1 << (node.0 % 64);
    }

    /// Takes a node out.
    #[inline]
    pub fn remove(&mut self, node: Node) {
        self.0[Self::word(node)] &= !(1 << (node.0 % 64));
    }

    /// This set with `node` added.
    #[inline]
    pub fn with(mut self, node: Node) -> Self {
        self.insert(node);
        self
    }

    /// This set with `node` taken out.
    #[inline]
    pub fn without(mut self, node: Node) -> Self {
        self.remove(node);
        self
    }

    /// Is the node a member?
    #[inline]
    pub fn contains(&self, node: Node) -> bool {
        self.0[Self::word(node)] >> (node.0 % 64) & 1 == 1
    }

    /// Has it no member?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The number of members.
    #[inline]
    pub fn len(&self) -> usize {
        // Baseline x86-64 counts bits in fifteen steps; few clusters are so large that
        // a table does not know the answer.
        if W == 1 && self.0[0] < SMALL as u64 {
            return usize::from(SIZES[self.0[0] as usize % SMALL]);
        }
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Is every member also in `other`?
    #[inline]
    pub fn is_subset(&self, other: Self) -> bool {
        (*self - other).is_empty()
    }

    /// Do the two sets share a member?
    #[inline]
    pub fn intersects(&self, other: Self) -> bool {
        !(*self & other).is_empty()
    }

    /// The member with the lowest index.
    #[inline]
    pub fn first(&self) -> Option<Node> {
        self.0
            .iter()
            .enumerate()
            .find(|(_, word)| **word != 0)
            .map(|(i, word)| Node((i * 64) as u16 + word.trailing_zeros() as u16))
    }

    /// The set as bits, for keys: node 0 is the lowest bit of the first word.
    #[inline]
    pub fn words(self) -> [u64; W] {
        self.0
    }

    /// The members in the order of their index.
    pub fn iter(self) -> Members<W> {
        Members(self)
    }
}

/// Iterator over the members of a set, lowest index first.
pub struct Members<const W: usize>(NodeSet<W>);

impl<const W: usize> Iterator for Members<W> {
    type Item = Node;

    #[inline]
    fn next(&mut self) -> Option<Node> {
        let node = self.0.first()?;
        self.0.remove(node);
        Some(node)
    }
}

impl<const W: usize> IntoIterator for NodeSet<W> {
    type Item = Node;
    type IntoIter = Members<W>;

    fn into_iter(self) -> Members<W> {
        self.iter()
    }
}

impl<const W: usize> FromIterator<Node> for NodeSet<W> {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        let mut set = Self::EMPTY;
        for node in nodes {
            set.insert(node);
        }
        set
    }
}

impl<const W: usize> Default for NodeSet<W> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const W: usize> fmt::Debug for NodeSet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|n| n.0)).finish()
    }
}

macro_rules! word_operator {
    ($trait:ident, $method:ident, $assign_trait:ident, $assign:ident, |$a:ident, $b:ident| $result:expr) => {
        impl<const W: usize> $trait for NodeSet<W> {
            type Output = Self;
            #[inline]
            fn $method(mut self, other: Self) -> Self {
                for (left, right) in self.0.iter_mut().zip(other.0) {
                    let ($a, $b) = (*left, right);
                    *left = $result;
                }
                self
            }
        }
        impl<const W: usize> $assign_trait for NodeSet<W> {
            #[inline]
            fn $assign(&mut self, other: Self) {
                *self = $trait::$method(*self, other);
            }
        }
    };
}

word_operator!(BitAnd, bitand, BitAndAssign, bitand_assign, |a, b| a & b);
word_operator!(BitOr, bitor, BitOrAssign, bitor_assign, |a, b| a | b);
word_operator!(BitXor, bitxor, BitXorAssign, bitxor_assign, |a, b| a ^ b);
word_operator!(Sub, sub, SubAssign, sub_assign, |a, b| a & !b);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn wide(nodes: &BTreeSet<u16>) -> NodeSet<16> {
        nodes.iter().map(|&n| Node(n)).collect()
    }

    #[test]
    fn sizes_from_the_table_and_beyond_it_are_right() {
        for word in (0..600).chain([u64::MAX, 1 << 63]) {
            assert_eq!(NodeSet([word]).len(), word.count_ones() as usize);
        }
    }

    proptest! {
        #[test]
        fn a_node_set_behaves_like_a_set(
            a in proptest::collection::btree_set(0u16..1024, 0..40),
            b in proptest::collection::btree_set(0u16..1024, 0..40),
        ) {
            let (x, y) = (wide(&a), wide(&b));
            prop_assert_eq!(x & y, wide(&a.intersection(&b).copied().collect()));
            prop_assert_eq!(x | y, wide(&a.union(&b).copied().collect()));
            prop_assert_eq!(x - y, wide(&a.difference(&b).copied().collect()));
            prop_assert_eq!(x ^ y, wide(&a.symmetric_difference(&b).copied().collect()));
            prop_assert_eq!(x.len(), a.len());
            prop_assert_eq!(x.first().map(|n| n.0), a.first().copied());
            prop_assert_eq!(x.is_subset(y), a.is_subset(&b));
            prop_assert_eq!(x.iter().map(|n| n.0).collect::<Vec<_>>(), a.iter().copied().collect::<Vec<_>>());
        }
    }
}
