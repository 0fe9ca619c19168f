//! Where a node is built: the layer's path, the line that runs the layer, and whether a mistake
//! panics or comes back as an `Err`.

use gradus_base::{Error, Result};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

thread_local! {
    /// The layers being built, from the outermost in.
    static LAYERS: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    static FALLIBLE: Cell<usize> = const { Cell::new(0) };
}

/// A layer being built.
struct Entered {
    /// Its path: `outer/name`.
    path: Arc<str>,
    caller: Option<Caller>,
}

/// Who runs a layer.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The line that runs it.
    pub line: &'static Location<'static>,
    /// How the paths of a library's source files begin. A mistake in one of these files is reported
    /// at the line that runs the layer, a mistake anywhere else at its own line.
    pub library: &'static str,
}

/// Runs `f` inside the layer `name`: nodes built meanwhile carry the path `outer/name`.
pub fn scope<R>(name: &str, f: impl FnOnce() -> R) -> R {
    enter(name, None, f)
}

/// As [`scope`], for the layers of a library: a mistake in its files is reported at the line of
/// `caller`.
pub fn layer_scope<R>(name: &str, caller: Caller, f: impl FnOnce() -> R) -> R {
    // A library's container that runs a layer passes on who runs the container.
    enter(name, Some(Caller { line: user_line(caller.line), ..caller }), f)
}

fn enter<R>(name: &str, caller: Option<Caller>, f: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            LAYERS.with_borrow_mut(|layers| layers.pop());
        }
    }
    LAYERS.with_borrow_mut(|layers| {
        let path = match layers.last() {
            Some(outer) => format!("{}/{name}", outer.path).into(),
            None => name.into(),
        };
        layers.push(Entered { path, caller });
    });
    let _leave = Leave;
    f()
}

/// The path of the layer being built, if any.
pub fn scope_path() -> Option<Arc<str>> {
    LAYERS.with_borrow(|layers| layers.last().map(|layer| layer.path.clone()))
}

/// The line a user knows for `line`: itself, or where it lies in a library's layers the line that runs the layer.
pub(crate) fn user_line<'a>(line: &'a Location<'a>) -> &'a Location<'a> {
    let caller = LAYERS.with_borrow(|layers| layers.last().and_then(|layer| layer.caller));
    match caller {
        Some(caller) if line.file().starts_with(caller.library) => caller.line,
        _ => line,
    }
}

/// Reports a mistake in building: panics at the user's line, or inside [`try_build`] ends it with
/// the error.
pub fn fail(error: Error, at: &Location<'_>) -> ! {
    let error = error.at(user_line(at)).in_scope(scope_path().as_deref());
    if FALLIBLE.get() > 0 {
        resume_unwind(Box::new(error));
    }
    panic!("{error}");
}

/// Builds nodes from what comes from outside (a file, a request): a mistake comes back as `Err`
/// instead of a panic.
///
/// # Errors
/// The first mistake in building, with the op, the line and the layer.
pub fn try_build<R>(f: impl FnOnce() -> R) -> Result<R> {
    let depth = FALLIBLE.get();
    FALLIBLE.set(depth + 1);
    let layers = LAYERS.with_borrow(Vec::len);
    let out = catch_unwind(AssertUnwindSafe(f));
    FALLIBLE.set(depth);
    LAYERS.with_borrow_mut(|entered| entered.truncate(layers));
    out.or_else(|payload| match payload.downcast::<Error>() {
        Ok(error) => Err(*error),
        Err(other) => resume_unwind(other),
    })
}

/// Runs `f` in the layer where `node` was made: what a gradient builds belongs to the layer it differentiates.
pub(crate) fn scope_at<R>(node: &crate::node::Node, f: impl FnOnce() -> R) -> R {
    struct Restore(Vec<Entered>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LAYERS.set(std::mem::take(&mut self.0));
        }
    }
    let layer = node.scope().cloned().map(|path| Entered { path, caller: None });
    let _restore = Restore(LAYERS.replace(layer.into_iter().collect()));
    f()
}
