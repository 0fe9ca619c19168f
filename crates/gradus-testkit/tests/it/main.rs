//! Negative controls: the harness must fail on planted mistakes, and say what is wrong.

mod expansions;
mod kernels;

use gradus_base::ReduceOp;
use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real};
use gradus_graph::{Node, Pointwise, pointwise};
use gradus_testkit::{Array, Case, Species, check};
use std::sync::Arc;

type Formula = fn(&[Sym]) -> Sym;

fn op(x: &[Node], value: Formula, vjp: Option<Formula>, constant: Option<&'static str>) -> Node {
    let n = x.len();
    let vjp = vjp.map(|f| Arc::new(Expr::trace(n + 2, |x| vec![f(x)])));
    let expr = Arc::new(Expr::trace(n, |x| vec![value(x)]));
    pointwise(Pointwise { name: "planted".into(), expr, vjp, constant }, x.to_vec(), x[0].dtype())
}

fn c(x: f64) -> Sym {
    Sym::constant(x)
}

fn square(vjp: Option<Formula>) -> Case {
    check("square", move |x| op(x, |x| x[0] * x[0], vjp, None))
        .domain(-2.0..2.0)
        .oracle(|x| x[0] * x[0])
        .example(&[&[3.0, -0.5]], &[9.0, 0.25])
        .slope(&[&[0.0, 3.0]], &[0.0, 6.0])
}

#[track_caller]
fn fails(case: &Case, with: &str) {
    match case.verify() {
        Ok(_) => panic!("a planted mistake passed; expected: {with}"),
        Err(e) => assert!(e.contains(with), "expected a failure with {with:?}, got: {e}"),
    }
}

#[test]
fn passes_what_is_right() {
    square(None).run();
    square(Some(|x| c(2.0) * x[0] * x[2])).run();
}

#[test]
fn a_wrong_gradient_fails() {
    let wrong: Formula = |x| c(2.0002) * x[0] * x[2];
    fails(&square(Some(wrong)), "gradient at given points");
    let drawn = check("square", move |x| op(x, |x| x[0] * x[0], Some(wrong), None));
    fails(&drawn.domain(-2.0..2.0).oracle(|x| x[0] * x[0]), "gradient of input 0");
}

/// y = 2·x·stop(x) − stop(x)² has the value and the first derivative of x², and no second one.
#[test]
fn a_wrong_second_derivative_fails() {
    let case = check("square", |x| {
        let both = [x[0].clone(), x[0].detach()];
        op(&both, |x| c(2.0) * x[0] * x[1] - x[1] * x[1], None, None)
    });
    fails(&case.domain(-2.0..2.0).oracle(|x| x[0] * x[0]), "second-order gradient of input 0");
}

/// erf is flat from 6 on: a gradient test there proves nothing.
#[test]
fn a_vacuous_gradient_test_is_refused() {
    let case = check("erf", |x| op(x, |x| x[0].erf(), Some(|_| c(0.0)), None));
    fails(&case.domain(6.0..10.0).oracle(|x| Real::erf(x[0])), "refused");
}

#[test]
fn a_wrong_value_fails_in_the_type_where_it_is_wrong() {
    let third = |x: &[f64]| x[0] / 3.0;
    let rough: Formula = |x| x[0] * c(0.333333);
    fails(&check("third", move |x| op(x, rough, None, None)).domain(1.0..2.0).oracle(third), "f64");
    let loose = check("third", move |x| op(x, |x| x[0] / c(3.0), None, None));
    fails(&loose.domain(1.0..2.0).example(&[&[1.0]], &[0.33]), "example");
}

#[test]
fn an_op_that_hides_its_missing_gradient_fails() {
    let hidden = check("floor", |x| op(x, |x| x[0].floor(), None, None));
    fails(
        &hidden.domain(-2.0..2.0).oracle(|x| x[0].floor()).not_differentiable(),
        "declared not differentiable",
    );
    let said = check("floor", |x| op(x, |x| x[0].floor(), None, Some("flat")));
    said.domain(-2.0..2.0).oracle(|x| x[0].floor()).not_differentiable().run();
}

#[test]
fn a_case_that_says_nothing_fails() {
    let case = check("neg", |x| op(x, |x| -x[0], None, None)).domain(0.0..1.0);
    fails(&case, "neither an oracle nor an example");
}

/// An op that gives something else for a view than for a dense input.
#[test]
fn an_op_that_depends_on_the_layout_fails() {
    let case = check("view_sensitive", |x| {
        let view_like = x[0].value().is_none();
        let scale: Formula = if view_like { |x| x[0] * c(2.0) } else { |x| x[0] };
        op(x, scale, None, None)
    });
    fails(&case.domain(1.0..2.0).oracle(|x| x[0]), "transposed inputs");
}

#[test]
fn reductions_of_several_axes() {
    let case = check("sum", |x| x[0].reduce(ReduceOp::Sum, &[1])).input([3, 4], -1.0..1.0);
    case.species(Species::Reduction)
        .dtypes(&[DType::F64, DType::F32])
        .oracle_of(|x| {
            Array::from_fn([x[0].shape[0]], |i| (0..4).map(|j| x[0].at(&[i[0], j])).sum())
        })
        .run();
}

/// The slopes of a function that level off, written with an eˣ that is ∞ from 89 on: right near 0, no number far from it.
#[test]
fn a_derivative_that_overflows_far_from_0_fails() {
    let softplus = |vjp: Formula| {
        let value: Formula = |x| x[0].max(c(0.0)) + (-x[0].abs()).exp().ln_1p();
        check("softplus", move |x| op(x, value, Some(vjp), None))
            .domain(-3.0..3.0)
            .oracle(|x| x[0].max(0.0) + (-x[0].abs()).exp().ln_1p())
    };
    let good: Formula = |x| x[2] * x[0].logistic();
    softplus(good).run();
    let quotient: Formula = |x| x[2] * (x[0].exp() / (c(1.0) + x[0].exp()));
    fails(&softplus(quotient), "far from 0, input 0 in f64: the derivative by input 0 at [710.0]");
    // Its first derivative is right everywhere; in the second an ∞ meets a 0.
    let steep: Formula = |x| x[2] * (c(2.0) / (c(2.0) + c(2.0) * (-x[0]).exp()));
    fails(&softplus(steep), "the second derivative by inputs 0 and 0 at [-710.0] is NaN");
    // A branch that is right in f64 and not in f32, where e⁸⁹ is ∞.
    let branch: Formula = |x| {
        let wide = x[0].exp() / (c(1.0) + x[0].exp());
        x[2] * Sym::select(x[0].lt(c(500.0)), wide, c(1.0))
    };
    fails(
        &softplus(branch).dtypes(&[DType::F32]),
        "far from 0, input 0 in f32: the derivative by input 0 at [89.0]",
    );
}

#[test]
fn a_value_or_an_oracle_that_overflows_far_from_0_fails() {
    let case = |value: Formula, oracle: fn(f64) -> f64| {
        check("softplus", move |x| op(x, value, None, None))
            .domain(-3.0..3.0)
            .oracle(move |x| oracle(x[0]))
    };
    let naive: Formula = |x| x[0].exp().ln_1p();
    let right = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    fails(&case(naive, right), "the value at [710.0] is inf, not 7.1e2");
    let stable: Formula = |x| x[0].max(c(0.0)) + (-x[0].abs()).exp().ln_1p();
    fails(&case(stable, |x| x.exp().ln_1p()), "but its oracle is inf");
    // Not visited is not judged.
    let near = case(naive, |x| x.exp().ln_1p()).dtypes(&[DType::F64]);
    near.within(80.0, "it overflows").run();
}

/// A mixed derivative: ∂²(ab)/∂a∂b is 1, and a vjp that stops b loses it.
#[test]
fn a_missing_mixed_derivative_fails() {
    let case = check("mul", |x| {
        let both = [x[0].clone(), x[1].detach(), x[1].clone(), x[0].detach()];
        op(&both, |x| x[0] * x[1] + x[2] * x[3] - x[1] * x[3], None, None)
    });
    let case = case.domain(-2.0..2.0).domain(0.5..2.0).oracle(|x| x[0] * x[1]);
    fails(&case, "second-order gradient");
}
