//! Mistakes in building: outside of [`try_build`] one panics at the user's line. Inside nothing unwinds: the first mistake is
//! noted, the op that made it gives a poisoned node, and `try_build` ends with that one `Err`.
//!
//! Two places see to it that one mistake is one error: a node that reads a poisoned one is poisoned (`Node::new`), and who asks a
//! poisoned node for its shape or type has its mistake noted first (`Node::meta`), before anything is said about a shape
//! that is none.

use crate::node::{Kind, Node};
use crate::scope::{scope_path, told_by};
use gradus_base::{DType, Error, Place, Result, Shape};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

thread_local! {
    /// The first mistake in each [`try_build`] that runs, from the outermost in.
    static FIRST: RefCell<Vec<Option<Arc<Error>>>> = const { RefCell::new(vec![]) };
}

/// What a poisoned node says its shape is: ones, so many that code which counts axes from either end finds them, and so few that
/// an op may add two.
pub(crate) const POISONED: [usize; 6] = [1; 6];

/// Notes a mistake in the innermost [`try_build`], unless one was noted there already. False outside of any.
fn note(mistake: &Arc<Error>) -> bool {
    FIRST.with_borrow_mut(|first| match first.last_mut() {
        Some(first) => {
            first.get_or_insert_with(|| mistake.clone());
            true
        }
        None => false,
    })
}

/// As [`note`], of a poisoned node that somebody looks at. Outside of [`try_build`] reading it tells.
#[cold]
pub(crate) fn noticed(mistake: &Arc<Error>) {
    note(mistake);
}

/// Reports a mistake in building: panics at the user's line, or inside [`try_build`] notes it, if it is the first. Whoever
/// goes on then goes on with anything that does no harm: nobody will see it. Of a function that gives a node this is [`refuse`].
///
/// # Panics
/// Outside of [`try_build`].
#[cold]
#[track_caller]
pub fn report(error: Error) {
    report_at(error, Location::caller());
}

/// As [`report`], at another line.
///
/// # Panics
/// Outside of [`try_build`].
pub fn report_at(error: Error, at: impl Into<Place>) {
    let error = error.at(told_by(at.into())).in_scope(scope_path().as_deref());
    let mistake = Arc::new(error);
    if !note(&mistake) {
        panic!("{mistake}");
    }
}

/// Reports a mistake and gives a poisoned node for the value there is not: nodes made of it are poisoned, and reading one is an
/// `Err`.
///
/// ```
/// use gradus_base::{DType, Error};
/// use gradus_graph::{Meta, Node, constant, refuse, try_build};
/// fn doubled(x: &Node) -> Node {
///     match x.shape().rank() {
///         1 => gradus_graph::concat(&[x.clone(), x.clone()], 0),
///         _ => refuse(Error::shape("doubled", format!("x {}, expected one axis", x.shape()))),
///     }
/// }
/// let square = constant(1.0, Meta::new([2, 2], DType::F32));
/// let error = try_build(|| doubled(&doubled(&square))).unwrap_err();
/// assert!(error.to_string().starts_with("doubled: x [2, 2], expected one axis"));
/// ```
///
/// # Panics
/// Outside of [`try_build`].
#[cold]
#[track_caller]
pub fn refuse(error: Error) -> Node {
    report(error);
    poisoned()
}

/// A poisoned node for the mistake just reported, for whoever was told of it by another function.
#[cold]
#[track_caller]
pub fn poisoned() -> Node {
    let first = FIRST.with_borrow(|first| first.last().cloned().flatten());
    let unknown = || Arc::new(Error::new(gradus_base::Kind::Internal, "poisoned", "by nothing"));
    Node::poisoned(first.unwrap_or_else(unknown))
}

/// Whether a mistake was reported in the [`try_build`] that runs: what is left to do in it is for nobody to see, so what is dear
/// or changes something else may be left.
pub fn mistaken() -> bool {
    FIRST.with_borrow(|first| matches!(first.last(), Some(Some(_))))
}

/// What an unwinding that [`fail`] began carries: the mistake is noted.
struct Noted;

/// Reports a mistake where there is nothing to go on with: panics at the user's line, or inside [`try_build`] ends it.
///
/// This one unwinds; where a panic ends the program it does so. What gives a node or may go on uses [`refuse`] and
/// [`report`].
///
/// # Panics
/// Always.
pub fn fail(error: Error, at: impl Into<Place>) -> ! {
    report_at(error, at);
    resume_unwind(Box::new(Noted));
}

/// Builds nodes from what comes from outside (a file, a request): a mistake comes back as `Err` instead of a panic. It does not
/// rest on unwinding; a panic of another kind is passed on, unless a mistake came before it.
///
/// # Errors
/// The first mistake in building, with the op, the line and the layer.
pub fn try_build<R>(f: impl FnOnce() -> R) -> Result<R> {
    FIRST.with_borrow_mut(|first| first.push(None));
    let built = catch_unwind(AssertUnwindSafe(f));
    let mistake = FIRST.with_borrow_mut(|first| first.pop().flatten());
    match (mistake, built) {
        (Some(mistake), _) => Err(Arc::unwrap_or_clone(mistake)),
        (None, Ok(built)) => Ok(built),
        (None, Err(panic)) => resume_unwind(panic),
    }
}

impl Node {
    /// A node for the value that a mistake left out.
    #[track_caller]
    pub(crate) fn poisoned(mistake: Arc<Error>) -> Node {
        Node::new(Kind::Poisoned(mistake), vec![], Shape::from(POISONED), DType::F32)
    }

    /// The mistake that left this node without a value, if one did.
    pub fn mistake(&self) -> Option<&Arc<Error>> {
        match self.kind() {
            Kind::Poisoned(mistake) => Some(mistake),
            _ => None,
        }
    }
}

/// Errs if a mistake left one of the nodes without a value: with that mistake.
///
/// # Errors
/// The mistake.
pub fn sound<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Result<()> {
    match nodes.into_iter().find_map(Node::mistake) {
        Some(mistake) => Err(Error::clone(mistake)),
        None => Ok(()),
    }
}
