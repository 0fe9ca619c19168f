//! What docs/pytorch.md says things are called: each line of it is here, compiled and run.

use gradus::data::{Augment, Dataset as _};
use gradus::nn::functional::Symbol;
use gradus::prelude::*;
use gradus::train::optim::{Clip, Ema, Lbfgs, RmsProp};
use gradus::train::schedule::{Plateau, Schedule};
use gradus::train::{Confusion, Source, load_weights, save_weights, validation_split};
use gradus::{Attention, GruReset, LocalResponse, PadMode, Step};
use std::error::Error;
use std::sync::Arc;

/// x, y and the ids of the table.
fn given() -> (Tensor, Tensor, Tensor) {
    (Tensor::randn([2, 3], 1), Tensor::randn([2, 3], 2), Tensor::from([0i64, 2]))
}

#[test]
fn each_line_of_the_table_is_here() {
    let (table, here) = (include_str!("../../../docs/pytorch.md"), include_str!("pytorch.rs"));
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let here = squeezed(here.split_once("// The table.").expect("it is below").1);
    let lines = table.lines().filter_map(|line| line.strip_suffix("` |"));
    let mut count = 0;
    for line in lines {
        let (_, code) = line.rsplit_once("| `").expect(line);
        let code = code.replace("\\|", "|");
        assert!(here.contains(&squeezed(&code)), "{code} is in the table and not in this test");
        count += 1;
    }
    assert!(count > 120, "{count} lines");
}

// The table.

#[test]
fn tensors() {
    let (x, y, ids) = given();
    let numbers = x.to_vec::<f32>();
    let _ = Tensor::from([[1f32, 2.0], [3.0, 4.0]]);
    let _ = Tensor::from_slice(&numbers, [2, 3]);
    let _ = Tensor::zeros([2, 3]);
    let _ = Tensor::ones([2, 3]);
    let _ = Tensor::full([2, 3], 0.5);
    let _ = x.zeros_like();
    let _ = Tensor::arange(6);
    let _ = Tensor::linspace(0.0, 1.0, 5);
    let _ = Tensor::eye(3);
    let _ = Tensor::rand([2, 3], 1);
    let _ = Tensor::randn([2, 3], 1);
    let _ = Tensor::permutation(6, 1);
    let _ = Init::new(0);
    let _ = x.shape();
    let _ = x.size(0);
    let _ = x.rank();
    let _ = x.len();
    let _ = x.cast(DType::F64);
    let _ = x.sum(..).item();
    let _ = x.to_vec::<f32>();
    let _ = x.reshape([3, 2]);
    let _ = x.flatten(0);
    let _ = x.unsqueeze(0);
    let _ = x.unsqueeze(0).squeeze(0);
    let _ = x.permute([1, 0]);
    let _ = x.transpose(0, 1);
    let _ = x.t();
    let _ = x.unsqueeze(0).broadcast_to([4, 2, 3]);
    let _ = Tensor::concat(&[&x, &y], 0);
    let _ = Tensor::stack(&[&x, &y], 0);
    let _ = x.split(&[1, 2], 1);
    let _ = x.slice(1, 1..3);
    let _ = x.select(1, 0);
    let _ = x.index_select(1, &ids);
    let _ = x.gather(1, &ids.reshape([2, 1]));
    let _ = x.scatter_add(1, &ids.reshape([2, 1]).broadcast_to([2, 3]), 4);
    let _ = ids.one_hot(3);
    let _ = x.gt(0.0).select_where(&x, 0.0);
    let _ = x.pad(1, 2, 0);
    let _ = x.flip(1);
    let _ = x.reshape([1, 1, 2, 3]).upsample_nearest([4, 6]);
}

#[test]
fn arithmetic() {
    let (x, y, _) = given();
    let _ = x.matmul(&y.t());
    let _ = &x * 2 + &y;
    let mut sum = x.clone();
    sum += &y;
    assert_eq!(sum.sum(..).item(), (&x + &y).sum(..).item());
    let _ = x.pow(2);
    let _ = x.clamp(-1.0, 1.0);
    let _ = x.exp().ln();
    let _ = x.abs().ln_1p();
    let _ = x.exp_m1();
    let _ = x.recip();
    let _ = x.maximum(&y);
    let _ = x.gt(0);
    let _ = x.lt(0);
    let _ = x.eq(&y);
    let _ = x.gt(0).logical_and(&y.gt(0));
    let _ = x.is_nan();
    let _ = x.remainder(2);
    let _ = x.div_floor(2);
    let _ = x.sum(..);
    let _ = x.mean(1);
    let _ = x.mean(1).keep(&x, 1);
    let _ = x.max(1);
    let _ = x.std(.., 1.0);
    let _ = x.argmax(1);
    let _ = x.top_k(2, 1);
    let _ = x.norm_l2(..);
}

#[test]
fn gradients() {
    let (x, _, _) = given();
    let (loss, key) = (x.square().sum(..), Tensor::from([0i64, 0]));
    let model = Sequential::new([3], &Init::new(0)).add(dense(3));
    let (_, parameter) = parameters(&model).remove(0);
    let _ = Variable::new("w", &x);
    assert_eq!(grad(&loss, [&x])[0].shape(), x.shape());
    let all = vec![x.clone()];
    let _ = gradus::gradients(&loss, &all);
    let _ = x.stop_gradient();
    let _ = Context::eval();
    let _ = Context::train(&key);
    parameter.freeze(true);
    assert!(parameter.is_frozen());
    let mut sum = compile(|x: &[Tensor]| Step::new().read(&x[0].sum(..)));
    assert_eq!(sum.run(&[&x]).unwrap().item(0), x.sum(..).item());
    let _ = Recipe { recompute: true, ..Recipe::default() };
}

#[test]
fn layers() {
    let model = Sequential::new([3], &Init::new(0)).add(dense(3));
    let _: Option<&dyn Layer> = Some(&model);
    let _ = Sequential::new([1, 28, 28], &Init::new(0));
    let _ = Symbol::input([4]);
    let _ = dense(10);
    let _ = conv2d(6, 5).stride(1).pad(2);
    let _ = conv_transpose2d(6, 2);
    let _ = max_pool2d(2);
    let _ = mean_pool2d(2);
    let _ = adaptive_mean_pool2d(1, 1);
    let _ = global_mean_pool2d();
    let _ = flatten();
    let _ = reshape([1, 4]);
    let _ = dropout(0.5);
    let _ = spatial_dropout(0.5);
    let _ = gaussian_noise(0.1);
    let _ = batch_norm();
    let _ = layer_norm();
    let _ = group_norm(2);
    let _ = instance_norm();
    let _ = local_response_norm(LocalResponse::of_mean(5, 1e-4, 0.75, 1.0));
    let _ = embedding(1000, 16);
    let _ = position_embedding(100);
    let _ = sinusoidal_positions();
    let _ = multi_head_attention(8);
    let (layer, init) = (transformer_encoder_layer(8, 2048), Init::blank());
    let _ = transformer_encoder_layer(8, 2048);
    let _ = transformer_encoder(6, layer);
    let _ = layer.decoder(6, 512, &init);
    let (x, y, _) = given();
    let _ = x.scaled_dot_product_attention(&y, &y, &Attention::new().causal());
    let _ = x.additive_attention(&y, &y, &Tensor::ones([3]), &Attention::new());
    let _ = rnn(32);
    let _ = lstm(32);
    let _ = lstm(32).layers(2).dropout(0.2);
    let _ = lstm(32).projection(8);
    let _ = gru(32);
    let _ = gru(32).return_sequences(false);
    let _ = gru(32).bidirectional(Merge::Concat);
    let _ = gru(32).reset(GruReset::Before);
    let _ = lstm(32).recurrent_dropout(0.2);
    let _ = lstm(32).initial_state(InitialState::Carried(8));
    let (memory, cx) = (lstm(32).build(3, &Init::new(0)), Context::eval());
    let (x, words, lengths) = (given().0, Tensor::randn([2, 5, 3], 1), Tensor::from([5i64, 2]));
    let _ = memory.step(&x, &memory.initial_state(2));
    cx.set_lengths(&words, &lengths);
    let _ = memory.forward_from(&words, &memory.initial_state(2), &cx);
    let _ = relu();
    let _ = leaky_relu();
    let _ = prelu();
    let _ = silu();
    let _ = gelu();
    let _ = hard_tanh();
    let _ = softmax();
    let _ = upsample_nearest(2);
    let _ = pad2d(1, PadMode::Zero);
    let _ = residual(|block| block.add(dense(4)));
    let _ = concat().path(|p| p.add(dense(4)));
    let _ = Initializer::HeNormal;
    let _ = Initializer::GlorotUniform;
    let _ = parameters(&model);
    let _ = model.summary();
    let _ = Context::eval().with_hook(|_path, _y| None);
}

#[test]
fn losses_are_values() {
    let _: losses::Loss = losses::cross_entropy.into();
    let _: losses::Loss =
        losses::CrossEntropy { label_smoothing: 0.1, ..Default::default() }.into();
    let _: losses::Loss = losses::nll.into();
    let _: losses::Loss = losses::mean_squared.into();
    let _: losses::Loss = losses::mean_absolute.into();
    let _: losses::Loss = losses::Loss::new("huber", |x, t| losses::huber(x, t, 1.0));
    let _: losses::Loss = losses::Loss::new("smooth_l1", |x, t| losses::smooth_l1(x, t, 1.0));
    let _: losses::Loss = losses::binary_cross_entropy_with_logits.into();
    let _: losses::Loss = losses::kl_divergence.into();
    let _: losses::Loss = losses::multi_class_hinge.into();
    let _: losses::Loss = losses::hinge.into();
}

#[test]
fn training() -> Result<(), Box<dyn Error>> {
    let (x, _, ids) = given();
    let rows = Tensor::randn([20, 3], 1);
    let arrays = Arrays::new(&rows, &rows.argmax(1), 4)?;
    let model = Sequential::new([3], &Init::new(0)).add(dense(3));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pytorch.safetensors");
    let mut learner = Learner::with(model.into(), Box::new(Sgd::new(0.1)), Recipe::default(), 0);
    let (train, validation) = arrays.split(0.2, 0)?;
    assert_eq!(learner.fit(&train, 2)?.history.len(), 2);
    let history = learner.fit_with(&train, &validation, 2)?;
    assert!(learner.train_batch(&x, &ids, 0.1)?.loss > 0.0);
    assert!(learner.evaluate(&validation)?.loss > 0.0);
    assert_eq!(learner.predict(&validation)?.size(-1), 3);
    assert_eq!(learner.predict_batch(&x)?.shape(), [2, 3].into());
    assert_eq!(history.series("loss").len(), 2);
    let _ = Sgd::new(0.1).momentum(0.9).nesterov();
    let _ = Adam::new(1e-3);
    let _ = AdamW::new(1e-3);
    let _ = RmsProp::new(1e-3);
    let _ = Updater::lbfgs(Lbfgs::new(0.1));
    let _ = Clip::Norm(1.0);
    let _ = Ema::new(0.999);
    let _ = Schedule::Step { every: 100, gamma: 0.5 };
    let _ = Schedule::cosine(100);
    let _ = Schedule::one_cycle(100);
    let _ = Schedule::custom(|base, _| base);
    let _ = callbacks::ReduceOnPlateau::new("val_loss", Plateau::new());
    let _ = callbacks::EarlyStopping::new("val_loss", 3);
    let _ = callbacks::Checkpoints::new("run");
    let _ = callbacks::CsvLog::new("log.csv");
    let _ = callbacks::TensorBoard::new("logs");
    let _ = callbacks::Lambda::new(|_| Ok(callbacks::Flow::Continue));
    let _ = metrics::accuracy();
    let _ = metrics::top_k::<5>();
    let _ = metrics::r2();
    let _ = metrics::auc();
    assert_eq!(Confusion::of(&mut learner, &train)?.classes(), 3);
    save_weights(&path, &**learner.model())?;
    load_weights(&path, &**learner.model())?;
    gradus::onnx::export(&**learner.model(), [3])?;
    Ok(())
}

fn augments<A: Augment>() {}

#[test]
fn data() -> Result<(), Box<dyn Error>> {
    let (x, _, ids) = given();
    let set: Arc<dyn gradus::data::Dataset> = gradus::data::mnist_5k_split()?.0.into();
    let records = gradus::data::InMemory::new().field("x", &[3], &[1f32; 6])?;
    assert_eq!(Arrays::new(&x, &ids, 2)?.samples(), 2);
    let _: Option<&dyn gradus::data::Dataset> = Some(&*set);
    let whole = set.clone();
    assert!(Loader::new(set, LoaderOptions::default())?.batches() > 1);
    assert_eq!(RecordLoader::new(records, RecordOptions::default())?.samples(), 2);
    let set = whole;
    let (kept, held) = validation_split(&set, 0.2, 0)?;
    assert_eq!(kept.len(), 4 * held.len());
    let _ = gradus::data::open_path;
    augments::<gradus::data::RandomCrop>();
    augments::<gradus::data::HorizontalFlip>();
    augments::<gradus::data::Affine>();
    augments::<gradus::data::RandomResizedCrop>();
    augments::<gradus::data::ColorJitter>();
    let _ = std::any::type_name::<gradus::data::Normalize>();
    Ok(())
}
