//! n-grams as a tree: a node for each, its children being those that are one symbol longer. Every node knows its longest ending that is a node,
//! so that a text is walked through symbol by symbol.

use crate::hash::{PackedMap, packed};

/// The node of the n-gram without symbols.
pub(super) const ROOT: u32 = 0;

/// An n-gram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    /// The n-gram without its last symbol.
    pub(super) parent: u32,
    /// Its last symbol.
    pub(super) symbol: u32,
    /// Its longest ending that is a node: without its first symbol, where n-grams were counted.
    pub(super) ending: u32,
    /// How many symbols it has.
    pub(super) order: u32,
}

/// All n-grams. Those of one symbol are there for every symbol, in order, behind the root.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trie {
    pub(super) nodes: Vec<Node>,
    /// The children of all nodes but the root.
    children: PackedMap<u32>,
}

impl Trie {
    /// With the n-grams of one symbol.
    pub(super) fn new(symbols: usize) -> Trie {
        let root = Node { parent: ROOT, symbol: 0, ending: ROOT, order: 0 };
        let single = |symbol| Node { symbol, order: 1, ..root };
        let nodes = std::iter::once(root).chain((0..symbols as u32).map(single)).collect();
        Trie { nodes, children: PackedMap::default() }
    }

    /// The n-gram that a symbol makes of another one, if it is there. The symbol is one of the vocabulary.
    pub(super) fn child(&self, node: u32, symbol: u32) -> Option<u32> {
        match node {
            ROOT => Some(symbol + 1),
            _ => self.children.get(&packed(node, symbol)).copied(),
        }
    }

    /// The same; if it is not there it is made, with this longest ending.
    pub(super) fn grow(&mut self, parent: u32, symbol: u32, ending: u32) -> u32 {
        if parent == ROOT {
            return symbol + 1;
        }
        let next = self.nodes.len() as u32;
        let child = *self.children.entry(packed(parent, symbol)).or_insert(next);
        if child == next {
            let order = self.nodes[parent as usize].order + 1;
            self.nodes.push(Node { parent, symbol, ending, order });
        }
        child
    }

    pub(super) fn order(&self, node: u32) -> u32 {
        self.nodes[node as usize].order
    }

    /// The symbols of an n-gram.
    pub(super) fn symbols(&self, mut node: u32) -> Vec<u32> {
        let mut symbols = vec![];
        while node != ROOT {
            symbols.push(self.nodes[node as usize].symbol);
            node = self.nodes[node as usize].parent;
        }
        symbols.reverse();
        symbols
    }

    /// The nodes of each order from 1 on, in the order in which they were made.
    pub(super) fn by_order(&self, most: u32) -> Vec<Vec<u32>> {
        let mut all = vec![vec![]; most as usize];
        for (node, own) in self.nodes.iter().enumerate().skip(1) {
            if own.order <= most {
                all[own.order as usize - 1].push(node as u32);
            }
        }
        all
    }
}
