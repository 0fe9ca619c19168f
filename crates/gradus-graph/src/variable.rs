//! `Variable`: a named buffer that steps read and update. Reading one gives a node that keeps the
//! value of that moment, whatever is written later.

use crate::node::{Inner, Kind, Node};
use crate::rule::Meta;
use gradus_base::Buffer;
use parking_lot::RwLock;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// State of a model: a parameter, a statistic, a counter.
#[derive(Clone)]
pub struct Variable(Arc<Shared>);

struct Shared {
    id: u64,
    name: String,
    meta: Meta,
    cell: Arc<RwLock<Cell>>,
}

/// What the lock guards.
pub(crate) struct Cell {
    buffer: Arc<Buffer>,
    /// Counts the writes, so that what was computed from the elements is known to be of the present ones.
    version: u64,
    /// The node that readers of the present value share, if one is alive.
    reader: Weak<Inner>,
}

pub(crate) type ReadGuard = parking_lot::ArcRwLockReadGuard<parking_lot::RawRwLock, Cell>;
pub(crate) type WriteGuard = parking_lot::ArcRwLockWriteGuard<parking_lot::RawRwLock, Cell>;

impl Cell {
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The variable's elements and others change places. Whoever holds the old value keeps it.
    pub(crate) fn exchange(&mut self, other: &mut Arc<Buffer>) {
        if let Some(node) = self.reader.upgrade() {
            Node(node).set_value(self.buffer.clone());
            self.reader = Weak::new();
        }
        self.version += 1;
        std::mem::swap(&mut self.buffer, other);
    }

    /// The buffer to write in place. Whoever still holds the old value keeps it: then this is a copy.
    pub(crate) fn buffer_mut(&mut self) -> &mut Buffer {
        if let Some(node) = self.reader.upgrade() {
            Node(node).set_value(self.buffer.clone());
            self.reader = Weak::new();
        }
        self.version += 1;
        Arc::make_mut(&mut self.buffer)
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Variable {
    /// A variable with the given elements, dense and row-major.
    ///
    /// # Panics
    /// If the buffer is too small for the shape.
    pub fn new(name: impl Into<String>, meta: Meta, buffer: Arc<Buffer>) -> Variable {
        assert!(buffer.bytes() >= meta.shape.len() * meta.dtype.size(), "buffer too small");
        let cell = Arc::new(RwLock::new(Cell { buffer, version: 0, reader: Weak::new() }));
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Variable(Arc::new(Shared { id, name: name.into(), meta, cell }))
    }

    /// A number that no other variable of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }
    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.0.name
    }
    /// Shape and element type.
    pub fn meta(&self) -> Meta {
        self.0.meta
    }

    /// The present value as a node.
    #[track_caller]
    pub fn node(&self) -> Node {
        let mut cell = self.0.cell.write();
        if let Some(inner) = cell.reader.upgrade() {
            return Node(inner);
        }
        let meta = self.0.meta;
        let node = Node::new(Kind::Variable(self.clone()), vec![], meta.shape, meta.dtype);
        cell.reader = Arc::downgrade(&node.0);
        node
    }

    /// The present elements, dense and row-major.
    pub fn snapshot(&self) -> Arc<Buffer> {
        self.0.cell.read().buffer.clone()
    }

    /// Replaces the elements. Nodes made before keep what they saw.
    ///
    /// # Panics
    /// If the buffer is too small for the shape.
    pub fn set(&self, buffer: Arc<Buffer>) {
        let meta = self.0.meta;
        assert!(buffer.bytes() >= meta.shape.len() * meta.dtype.size(), "buffer too small");
        let mut cell = self.0.cell.write();
        if let Some(node) = cell.reader.upgrade() {
            Node(node).set_value(cell.buffer.clone());
        }
        cell.reader = Weak::new();
        cell.version += 1;
        cell.buffer = buffer;
    }

    pub(crate) fn read(&self) -> ReadGuard {
        self.0.cell.read_arc()
    }
    pub(crate) fn write(&self) -> WriteGuard {
        self.0.cell.write_arc()
    }
}

impl PartialEq for Variable {
    fn eq(&self, other: &Variable) -> bool {
        self.0.id == other.0.id
    }
}
impl Eq for Variable {}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({} {})", self.0.name, self.0.meta)
    }
}
