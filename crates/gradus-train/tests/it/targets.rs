//! Data sets whose targets are numbers, as batches of tensors and in a learner.

use gradus_data::{CsvOptions, Loader, LoaderOptions, Normalization, TabularDataset, parse_csv};
use gradus_nn::losses::mean_squared;
use gradus_nn::{Init, Sequential, layers::dense};
use gradus_tensor::DType;
use gradus_train::{Learner, Recipe, Source, metrics, optim::Adam};
use std::sync::Arc;

/// y = 1000·a − 500·b and z = b, of thirty rows.
fn table(targets: &[&str]) -> Arc<TabularDataset> {
    let row = |i: i32| format!("{i},{},{},{}\n", i % 5, 1000 * i - 500 * (i % 5), i % 5);
    let text: String = std::iter::once("a,b,y,z\n".to_owned()).chain((0..30).map(row)).collect();
    let targets = targets.iter().map(|&name| name.to_owned()).collect();
    let options = CsvOptions { targets, ..CsvOptions::default() };
    let table = parse_csv(text.as_bytes(), "t.csv", &options).unwrap();
    Arc::new(TabularDataset::new(table, "t.csv", None).unwrap())
}

#[test]
fn a_batch_has_a_number_for_each_target() {
    let options = LoaderOptions { batch_size: 20, ..LoaderOptions::default() };
    let loader = Loader::new(table(&["z", "y"]), options).unwrap();
    let batches: Vec<_> = Source::from(&loader, 0, 0).map(Result::unwrap).collect();
    let t = batches[1].get("t").unwrap();
    assert_eq!((t.dtype(), t.shape(), batches[1].samples()), (DType::F32, [10, 2].into(), 10));
    assert_eq!(t.to_vec::<f32>()[2..4], [1.0, 20_500.0], "row 21");
    let one = Loader::new(table(&["y"]), LoaderOptions::default()).unwrap();
    let batch = Source::from(&one, 0, 0).next().unwrap().unwrap();
    assert_eq!(batch.get("t").unwrap().shape(), [30, 1].into());
}

#[test]
fn a_line_is_found_in_the_units_of_the_data() {
    let set = table(&["y"]);
    let scale = Normalization::of_targets(&*set);
    let options = LoaderOptions {
        batch_size: 10,
        shuffle: true,
        normalization: Some(Normalization::of(&*set).unwrap()),
        targets: Some(scale.clone()),
        ..LoaderOptions::default()
    };
    let loader = Loader::new(set, options).unwrap();
    let deviation = f64::from(scale.std()[0]);
    let error = metrics::mean_absolute_error().of_changed(move |t| t * deviation);
    let recipe = Recipe {
        loss: mean_squared.into(),
        metrics: vec![error, metrics::r2()],
        ..Recipe::default()
    };
    let model = Sequential::new([3], &Init::new(0)).add(dense(1));
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.05)), recipe, 0);
    learner.fit(&loader, 200).unwrap();
    let found = learner.evaluate(&loader).unwrap();
    assert!(found.metrics[1] > 0.999, "{found:?}");
    // The loss is of standardised numbers, the error is not.
    assert!(found.metrics[0] < 100.0 && found.metrics[0] > 20.0 * found.loss.sqrt(), "{found:?}");
}
