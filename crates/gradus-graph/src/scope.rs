//! Where a node is built: the layer's path, and whether a mistake panics or comes back as an `Err`.

use gradus_base::{Error, Result};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

thread_local! {
    static PATH: RefCell<Vec<Arc<str>>> = const { RefCell::new(Vec::new()) };
    static FALLIBLE: Cell<usize> = const { Cell::new(0) };
}

/// Runs `f` inside the layer `name`: nodes built meanwhile carry the path `outer/name`.
pub fn scope<R>(name: &str, f: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            PATH.with_borrow_mut(|p| p.pop());
        }
    }
    PATH.with_borrow_mut(|p| {
        let path = match p.last() {
            Some(outer) => format!("{outer}/{name}").into(),
            None => name.into(),
        };
        p.push(path);
    });
    let _leave = Leave;
    f()
}

/// The path of the layer being built, if any.
pub fn scope_path() -> Option<Arc<str>> {
    PATH.with_borrow(|p| p.last().cloned())
}

/// Reports a mistake in building: panics at the user's line, or inside [`try_build`] ends it with the error.
pub fn fail(error: Error, at: &Location<'_>) -> ! {
    let error = error.at(at).in_scope(scope_path().as_deref());
    if FALLIBLE.get() > 0 {
        resume_unwind(Box::new(error));
    }
    panic!("{error}");
}

/// Builds nodes from what comes from outside (a file, a request): a mistake comes back as `Err` instead of a panic.
///
/// # Errors
/// The first mistake in building, with the op, the line and the layer.
pub fn try_build<R>(f: impl FnOnce() -> R) -> Result<R> {
    let depth = FALLIBLE.get();
    FALLIBLE.set(depth + 1);
    let layers = PATH.with_borrow(Vec::len);
    let out = catch_unwind(AssertUnwindSafe(f));
    FALLIBLE.set(depth);
    PATH.with_borrow_mut(|p| p.truncate(layers));
    out.or_else(|payload| match payload.downcast::<Error>() {
        Ok(error) => Err(*error),
        Err(other) => resume_unwind(other),
    })
}

/// Runs `f` in the layer where `node` was made: what a gradient builds belongs to the layer it differentiates.
pub(crate) fn scope_at<R>(node: &crate::node::Node, f: impl FnOnce() -> R) -> R {
    struct Restore(Vec<Arc<str>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            PATH.set(std::mem::take(&mut self.0));
        }
    }
    let path = node.scope().cloned().into_iter().collect();
    let _restore = Restore(PATH.replace(path));
    f()
}
