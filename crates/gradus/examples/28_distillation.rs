//! Distillation: a small network learns from what a large one says of unlabelled points. The teacher is frozen inside the loss.
//!
//! Hinton, Vinyals & Dean 2015, arXiv:1503.02531 §2

use gradus::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

const TEMPERATURE: f64 = 3.0;

/// Points of the plane, and which of three rings around the middle they lie in.
fn rings(n: usize, seed: u64) -> (Tensor, Tensor) {
    let x = Tensor::randn([n, 2], seed) * 1.5;
    let far = x.norm_l2(1); // [N]
    (x, far.gt(1.2).cast(DType::I64) + far.gt(2.2).cast(DType::I64))
}

fn network(units: usize, seed: u64) -> Sequential {
    let model = Sequential::new([2], &Init::new(seed)).add(dense(units)).add(relu());
    model.add(dense(units)).add(relu()).add(dense(3))
}

/// The cross-entropy of the student's and the teacher's distributions, both softened; times T², as gradients shrink with 1/T².
fn softened(student: &Tensor, teacher: &Tensor) -> Tensor {
    let wanted = (teacher / TEMPERATURE).softmax(1).stop_gradient();
    -(wanted * (student / TEMPERATURE).log_softmax(1)).sum(1) * (TEMPERATURE * TEMPERATURE)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((x, t), (test_x, test_t), (unlabelled, _)) =
        (rings(1500, 1), rings(500, 2), rings(3000, 3));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    let mut teacher = Learner::with(network(64, 1).into(), Box::new(Adam::new(5e-3)), recipe, 0);
    teacher.fit(&Arrays::new(&x, &t, 50)?.shuffle(0), 15)?;
    let test = Arrays::new(&test_x, &test_t, 100)?;
    let of_teacher = teacher.evaluate(&test)?.metrics[0];

    let (student, wise) = (Arc::new(network(12, 2)), teacher.model().clone());
    let before = wise.forward(&test_x, &Context::eval()).to_vec::<f32>();
    let (learns, tested, knows) = (student.clone(), student.clone(), wise.clone());
    let mut task = Objectives::new(0)
        .module("student", student)
        .minimize("loss", Updater::new(Adam::new(0.01)), &["student"], move |batch, cx| {
            let x = &batch["x"];
            softened(&learns.forward(x, cx), &knows.forward(x, &Context::eval())).into()
        })
        .evaluate(move |batch, cx| {
            let guess = tested.forward(&batch["x"], cx).argmax(1);
            vec![("accuracy".into(), guess.eq(&batch["t"]).cast(DType::F32))]
        });
    let data = Arrays::named([("x", &unlabelled)], 50)?.shuffle(0);
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let progress = Fit { epochs: 15, ..Fit::default() }.run_in(
        folder.as_deref(),
        &mut task,
        &data,
        Some(&test),
    )?;
    let last = progress.history.last().expect("there were epochs");
    let of_student = last.get("val_accuracy").unwrap_or(f64::NAN);
    println!("teacher {of_teacher:.3}; the student, which saw no label, {of_student:.3}");
    assert!(of_teacher > 0.95 && of_student > of_teacher - 0.04);
    assert!(wise.forward(&test_x, &Context::eval()).to_vec::<f32>() == before, "the teacher moved");
    Ok(())
}
