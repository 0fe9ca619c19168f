//! Mistakes travel as poisoned nodes: one `Err`, nothing unwinds, and the line may be of another language.

use super::{map, sum, values, vector, zip};
use gradus_base::{DType, Error, Expr, Place, Result};
use gradus_graph::*;
use std::sync::Arc;

/// What is refused in `f`, which is gone through to its end all the same.
#[track_caller]
fn refused<R>(f: impl FnOnce() -> R) -> Error {
    let mut went_on = false;
    let built = try_build(|| {
        let made = f();
        went_on = true;
        made
    });
    assert!(went_on, "it unwound");
    built.err().expect("it is refused")
}

fn bad() -> Node {
    vector(&[1.0]).reshape([2].into())
}

#[test]
fn the_first_mistake_is_the_one() {
    let mut later = None;
    let error = refused(|| {
        let y = scope("fc1 (Dense)", bad);
        let z = zip(&y, &vector(&[1.0, 2.0, 3.0]), |a, b| a + b).slice(7, 0, 1, 1);
        later = Some((y.clone(), concat(&[z.clone(), vector(&[1.0])], 9)));
        report(Error::value("later", "is not told"));
        sum(&z).permute(&[5])
    });
    let text = error.to_string();
    assert!(text.starts_with("reshape: [1] has 1 elements, [2] has 2\n  at "), "{text}");
    assert!(text.contains("mistakes.rs:") && text.ends_with("in layer fc1 (Dense)"), "{text}");
    let (y, z) = later.unwrap();
    assert_eq!(
        [y, z].map(|n| n.mistake().map(|m| Error::clone(m))),
        [Some(error.clone()), Some(error)]
    );
}

#[test]
fn what_is_poisoned_is_not_computed() {
    let mut kept = None;
    let error = refused(|| kept = Some(bad()));
    let y = kept.unwrap();
    let x = vector(&[2.0]);
    assert_eq!(read(std::slice::from_ref(&y), &[]).err().as_ref(), Some(&error));
    assert_eq!(gradients(&y, &y, std::slice::from_ref(&x)).err().as_ref(), Some(&error));
    assert_eq!(Program::new(&[], std::slice::from_ref(&y), &[]).err().as_ref(), Some(&error));
    let v = Variable::new("v", x.meta(), x.value().unwrap().clone());
    assert_eq!(read(&[], &[(v.clone(), y.clone())]).err().as_ref(), Some(&error));
    assert_eq!(values(&v.node()), [2.0]);
    // In what is built later the old mistake is the one that is told, and no other about its shape.
    assert_eq!(refused(|| zip(&y, &x, |a, b| a * b)), error);
    assert_eq!(refused(|| grad(&y.reshape([1; 6].into()), std::slice::from_ref(&x))), error);
    assert_eq!(refused(|| y.shape()), error);
    assert!(try_build(|| map(&x, |x| x * x)).is_ok());
}

#[test]
fn what_is_tried_inside_does_not_spoil_the_outer() {
    let built = try_build(|| {
        let tried = try_build(bad).is_err();
        assert!(tried && !mistaken());
        map(&vector(&[3.0]), |x| x * x)
    });
    assert_eq!(values(&built.unwrap()), [9.0]);
    let error = refused(|| {
        let y = bad();
        assert!(mistaken());
        assert!(try_build(|| vector(&[1.0])).is_ok());
        assert!(try_build(|| y.clone()).is_ok(), "it is not looked at");
        assert!(try_build(|| map(&y, |x| x * x)).is_err());
    });
    assert_eq!(error.op, "reshape");
}

#[test]
fn panics_of_another_kind_pass_unless_a_mistake_came_before() {
    let quiet = |f: fn()| std::panic::catch_unwind(|| try_build(f));
    assert!(quiet(|| std::panic::resume_unwind(Box::new("a bug"))).is_err());
    let mistaken = quiet(|| {
        bad();
        std::panic::resume_unwind(Box::new("it follows from the mistake"))
    });
    assert_eq!(mistaken.unwrap().unwrap_err().op, "reshape");
    let ended = quiet(|| fail(Error::value("end", "of it"), Place::new("a.py", 7, 1)));
    assert_eq!(ended.unwrap().unwrap_err().to_string(), "end: of it\n  at a.py:7");
}

#[test]
#[should_panic(
    expected = "reshape: [1] has 1 elements, [2] has 2\n  at crates/gradus-graph/tests/it/mistakes.rs:"
)]
fn outside_of_it_a_mistake_panics_at_the_users_line() {
    bad();
}

#[test]
fn a_binding_says_whose_line_it_is() {
    let place = Place::new("model.py", 31, 9);
    let y = with_place(place.clone(), || map(&vector(&[1.0]), |x| x * x));
    assert_eq!((y.place(), y.place().column()), (&place, 9));
    let here = y.reshape([1, 1].into());
    assert!(here.place().file().ends_with("mistakes.rs"), "the place is over");
    let p = Program::new(&[], std::slice::from_ref(&y), &[]).unwrap();
    assert_eq!(p.plan().steps()[0].at, place);
    let inner = || with_place(Place::new("layer.py", 2, 1), bad);
    let error = refused(|| with_place(place, || (inner(), bad())));
    assert!(error.to_string().ends_with("at layer.py:2"), "{error}");
    // A layer of a library is told by who runs it, a binding or not.
    let caller = Caller { line: Place::here(), library: "crates/gradus-graph" };
    let error =
        refused(|| with_place(Place::new("run.py", 5, 1), || layer_scope("l", caller, bad)));
    assert!(error.to_string().ends_with("at run.py:5, in layer l"), "{error}");
}

/// An op that was named while the program ran.
#[derive(Debug)]
struct Named {
    name: String,
    setting: String,
}

impl Rule for Named {
    fn name(&self) -> &str {
        &self.name
    }
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        match inputs[0].shape.rank() {
            1 => Ok(vec![inputs[0]; 2]),
            rank => Err(Error::shape(&self.name, format!("{rank} axes, expected 1"))),
        }
    }
    fn settings(&self) -> Option<Vec<(&str, Setting)>> {
        Some(vec![(&self.setting, Setting::Flag(true))])
    }
    fn strategy(&self, _: Device) -> Option<Box<dyn Strategy + '_>> {
        None
    }
    fn flops(&self, _: &[Meta], _: &[Meta]) -> u64 {
        0
    }
}

#[test]
fn names_may_be_made_while_the_program_runs() {
    let rule = || Named { name: ["my", "op"].join("_"), setting: "deep".to_owned() };
    let [y, z] = call(Arc::new(rule()), vec![vector(&[1.0])]);
    assert_eq!((y.name(), z.name()), ("my_op", "my_op"));
    assert_eq!(rule().settings(), Some(vec![("deep", Setting::Flag(true))]));
    let error = refused(|| {
        let [y, z]: [Node; 2] = call(Arc::new(rule()), vec![vector(&[1.0]).reshape([1, 1].into())]);
        (y.shape(), z.shape())
    });
    assert!(error.to_string().starts_with("my_op: 2 axes, expected 1\n  at "), "{error}");
    let square = Expr::trace(1, |x| vec![x[0] * x[0]]);
    let name = format!("square{}", 1);
    let p = Pointwise { name: name.into(), expr: Arc::new(square), vjp: None, constant: None };
    let y = pointwise(p, vec![vector(&[3.0])], DType::F64);
    let p = Program::new(&[], std::slice::from_ref(&y), &[]).unwrap();
    assert_eq!((y.name(), &*p.plan().steps()[0].name), ("square1", "square1"));
}
