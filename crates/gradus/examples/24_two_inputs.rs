//! Two inputs, two heads, one weighted sum of losses: of a picture of a shape and a number, the shape's class and its size in units of
//! that number.

use gradus::nn::functional::{Call, Model, Symbol, built};
use gradus::nn::losses::{cross_entropy, mean_squared};
use gradus::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

const SIDE: usize = 12;
const SAMPLES: usize = 600;

/// Squares (class 0) and crosses (class 1) of half-widths 1 to 4 `[N, 1, 12, 12]`, scales `[N, 1]`, classes `[N]` and half-width
/// over scale `[N, 1]`.
fn data(seed: u64) -> [(&'static str, Tensor); 4] {
    let random = Tensor::rand([SAMPLES, 3], seed).to_vec::<f32>();
    let (mut pictures, mut scales, mut classes, mut sizes) = (vec![], vec![], vec![], vec![]);
    for row in random.chunks(3) {
        let (class, half, scale) =
            (i64::from(row[0] > 0.5), (row[1] * 4.0) as i32 + 1, row[2] + 0.5);
        let middle = SIDE as i32 / 2;
        for y in -middle..middle {
            for x in -middle..middle {
                let within = x.abs() <= half && y.abs() <= half;
                let inked = within && (class == 0 || x == 0 || y == 0);
                pictures.push(f32::from(u8::from(inked)));
            }
        }
        scales.push(scale);
        classes.push(class);
        sizes.push(half as f32 / scale);
    }
    let column = |v: &[f32]| Tensor::from_slice(v, [SAMPLES, 1]);
    [
        ("picture", Tensor::from_slice(&pictures, [SAMPLES, 1, SIDE, SIDE])),
        ("scale", column(&scales)),
        ("class", Tensor::from_slice(&classes, [SAMPLES])),
        ("size", column(&sizes)),
    ]
}

/// Both heads read what the picture and the number became together.
fn model() -> Model {
    let init = Init::new(0);
    let (picture, scale) = (Symbol::input([1, SIDE, SIDE]), Symbol::input([1]));
    let net = Sequential::new([1, SIDE, SIDE], &init).add(flatten()).add(dense(32)).add(relu());
    let seen = Arc::<dyn Layer>::from(net).call(&picture);
    let both = Symbol::concat(&[&seen, &scale], 0);
    let body = Sequential::new([33], &init).add(dense(64)).add(relu()).add(dense(64)).add(relu());
    let joined = Arc::<dyn Layer>::from(body).call(&both);
    let head = |units| built(dense(units), [64], &init).call(&joined);
    Model::new(&[&picture, &scale], &[&head(2), &head(1)])
}

fn task() -> Objectives {
    let model = Arc::new(model());
    let (train, test) = (model.clone(), model.clone());
    let losses = |model: &Model, batch: &gradus::train::Fields<'_>, cx: &Context<'_>| {
        let ys = model.forward_all(&[&batch["picture"], &batch["scale"]], cx);
        let right = ys[0].argmax(1).eq(&batch["class"]).cast(DType::F32);
        (cross_entropy(&ys[0], &batch["class"]), mean_squared(&ys[1], &batch["size"]), right)
    };
    Objectives::new(0)
        .module("model", model)
        .minimize("loss", Updater::new(Adam::new(3e-3)), &["model"], move |batch, cx| {
            let (class, size, right) = losses(&train, batch, cx);
            Measured::new(&(&class + &size * 0.5))
                .number("size_error", &size)
                .number("accuracy", &right)
        })
        .evaluate(move |batch, cx| {
            let (class, size, right) = losses(&test, batch, cx);
            let loss = &class + &size * 0.5;
            vec![("loss".into(), loss), ("size_error".into(), size), ("accuracy".into(), right)]
        })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arrays = |seed| {
        let fields = data(seed);
        Arrays::named(fields.iter().map(|(name, t)| (*name, t)), 50)
    };
    let (mut task, train, test) = (task(), arrays(1)?.shuffle(0), arrays(2)?);
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let mut fit = Fit { epochs: 60, ..Fit::default() };
    let progress = fit.run_in(folder.as_deref(), &mut task, &train, Some(&test))?;
    let last = progress.history.last().expect("there were epochs");
    let number = |name: &str| last.get(name).unwrap_or(f64::NAN);
    println!(
        "held out: accuracy {:.3}, squared error of sizes {:.4}",
        number("val_accuracy"),
        number("val_size_error")
    );
    assert!(number("val_accuracy") > 0.99 && number("val_size_error") < 0.05);
    Ok(())
}
