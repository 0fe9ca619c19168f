//! Where a node is built: the layer's path and the line it is told by.

use gradus_base::Place;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// The layers being built, from the outermost in.
    static LAYERS: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    /// What everything is told by, where a binding to another language said so.
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// A layer being built.
struct Entered {
    /// Its path: `outer/name`.
    path: Arc<str>,
    caller: Option<Caller>,
}

/// Who runs a layer.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The line that runs it.
    pub line: Place,
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
    enter(name, Some(Caller { line: told_by(caller.line), ..caller }), f)
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

/// What a user knows for `line`: the place of [`with_place`], or the line itself, or where it lies in a library's layers the
/// line that runs the layer.
pub(crate) fn told_by(line: Place) -> Place {
    if let Some(place) = PLACE.with_borrow(Clone::clone) {
        return place;
    }
    LAYERS.with_borrow(|layers| match layers.last().and_then(|layer| layer.caller.as_ref()) {
        Some(caller) if line.file().starts_with(caller.library) => caller.line.clone(),
        _ => line,
    })
}

/// Runs `f` for a line of a program in another language: nodes built and mistakes made meanwhile are told by `place`.
///
/// ```
/// use gradus_base::{DType, Place};
/// use gradus_graph::{Meta, constant, try_build, with_place};
/// let two = constant(1.0, Meta::new([2], DType::F32));
/// let build = || with_place(Place::new("train.py", 12, 5), || two.reshape([3].into()));
/// let error = try_build(build).unwrap_err();
/// assert_eq!(error.to_string(), "reshape: [2] has 2 elements, [3] has 3\n  at train.py:12");
/// ```
pub fn with_place<R>(place: Place, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Place>);
    impl Drop for Restore {
        fn drop(&mut self) {
            PLACE.set(self.0.take());
        }
    }
    let _restore = Restore(PLACE.replace(Some(place)));
    f()
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
