//! Every layer: its shapes, its state, which taken over into a fresh layer gives the same bits, gradients that reach every
//! parameter, and ten steps that lower a loss. A layer without such a check fails the last test.

use gradus_nn::functional::built;
use gradus_nn::layers::*;
use gradus_nn::{Config, Context, Init, Layer, State, named_states, parameters};
use gradus_tensor::{
    DType, LocalResponse, PadMode, Pool, Shape, Tensor, gradients, try_build, update,
};
use std::sync::Arc;

fn train() -> Context<'static> {
    Context::train(&Tensor::from([7i64, 0]))
}

/// Σ (y − t)² / n for a fixed target, and its gradients.
fn loss(layer: &Arc<dyn Layer>, x: &Tensor) -> (Tensor, Vec<Option<Tensor>>) {
    let cx = train();
    let y = layer.forward(x, &cx);
    let t = Tensor::randn(y.shape(), 5).cast(y.dtype());
    let mut loss = (y - t).square().mean(..);
    for (head, weight) in cx.take_auxiliary() {
        loss += head.square().mean(..) * weight;
    }
    let ws: Vec<Tensor> = parameters(layer).iter().map(|(_, p)| p.tensor()).collect();
    let found = gradients(&loss, &ws).unwrap();
    (loss, found)
}

/// `shapes` is "in -> out" without the batch axis, `state` the names of all parameters and buffers.
fn check_layer<C: Config + 'static>(
    config: impl Fn() -> C,
    shapes: &str,
    count: usize,
    state: &str,
) {
    let parse = |s: &str| -> Vec<usize> {
        s.trim_matches(['[', ']', ' ']).split(", ").map(|n| n.parse().unwrap()).collect()
    };
    let (input, output) = shapes.split_once(" -> ").unwrap();
    let input = Shape::new(&parse(input));
    let layer = built(config(), input, &Init::new(1).of(DType::F64));
    let x = Tensor::rand(input.inserted(0, 3), 2).cast(DType::F64);
    let what = layer.describe();
    // Numbers of rows have no fraction.
    let x = if what.starts_with("Embedding") { (x * 6.0).floor() } else { x };

    let y = layer.forward(&x, &Context::eval());
    assert_eq!(
        y.shape().to_string(),
        Shape::new(&parse(output)).inserted(0, 3).to_string(),
        "{what}"
    );
    let names: Vec<String> = named_states(&layer).into_iter().map(|(n, _)| n).collect();
    assert_eq!(names.join(" "), state, "{what}");
    let found: usize = parameters(&layer).iter().map(|(_, p)| p.variable().shape().len()).sum();
    assert_eq!(found, count, "{what}");

    let first = loss(&layer, &x).0.item();
    for (g, (name, _)) in loss(&layer, &x).1.iter().zip(parameters(&layer)) {
        let g = g.as_ref().unwrap_or_else(|| panic!("no gradient for {name} of {what}"));
        // What a bias of keys adds is the same for all keys of a query, and no part of their shares.
        let flat = name.ends_with("k_proj.bias");
        assert!((g.abs().max(..).item() > 1e-9) != flat, "{name} of {what}");
    }
    if count > 0 {
        for _ in 0..10 {
            let (_, grads) = loss(&layer, &x);
            let step = |((_, p), g): ((String, gradus_nn::Parameter), Option<Tensor>)| {
                (p.variable().clone(), p.tensor() - g.unwrap() * 0.05)
            };
            let steps: Vec<_> = parameters(&layer).into_iter().zip(grads).map(step).collect();
            update(&[], &steps).unwrap();
        }
        let last = loss(&layer, &x).0.item();
        assert!(last < first, "{what}: {first} became {last}");
    }
    check_state(&layer, &built(config(), input, &Init::new(8).of(DType::F64)), &x);
}

/// A layer of other weights that takes over the trained state gives the same bits: nothing is kept beside it.
fn check_state(trained: &Arc<dyn Layer>, fresh: &Arc<dyn Layer>, x: &Tensor) {
    let variable = |state: &State<'_>| match state {
        State::Parameter(parameter) => parameter.variable().clone(),
        State::Buffer(buffer) => (*buffer).clone(),
        State::Child(_) => unreachable!("children are walked into"),
    };
    for ((name, from), (_, to)) in named_states(trained).iter().zip(named_states(fresh)) {
        let message = format!("{name} of {}", trained.describe());
        variable(&to).set(&variable(from).value()).expect(&message);
    }
    let bits = |layer: &Arc<dyn Layer>| -> Vec<u64> {
        let y = layer.forward(x, &Context::eval()).to_vec::<f64>();
        y.into_iter().map(f64::to_bits).collect()
    };
    assert_eq!(bits(trained), bits(fresh), "{}", trained.describe());
}

#[test]
fn dense_and_convolutions() {
    check_layer(|| dense(3), "[4] -> [3]", 15, "weight bias");
    check_layer(|| conv2d(4, 3).pad(1), "[3, 5, 5] -> [4, 5, 5]", 112, "weight bias");
    check_layer(|| conv2d(4, 2).stride(2).bias(false), "[3, 6, 6] -> [4, 3, 3]", 48, "weight");
    check_layer(|| conv_transpose2d(2, 2).stride(2), "[3, 4, 4] -> [2, 8, 8]", 26, "weight bias");
    let table: [&[usize]; 2] = [&[0, 2], &[1]];
    check_layer(|| table_conv2d(&table, 3), "[3, 5, 5] -> [2, 3, 3]", 29, "weight bias");
    check_layer(|| embedding(6, 4), "[5] -> [5, 4]", 24, "weight");
    check_layer(|| radial_basis(&Tensor::eye(3)), "[3] -> [3]", 0, "codes");
    check_layer(|| lookahead(2), "[5, 3] -> [5, 3]", 9, "weight");
}

#[test]
fn recurrent_layers() {
    let names = "weight_ih_l0 weight_hh_l0 bias_l0";
    check_layer(|| rnn(4), "[5, 3] -> [5, 4]", 4 * (3 + 4 + 1), names);
    check_layer(|| lstm(4), "[5, 3] -> [5, 4]", 16 * (3 + 4 + 1), names);
    check_layer(|| gru(4), "[5, 3] -> [5, 4]", 12 * 8 + 4, &format!("{names} bias_hn_l0"));
    let last = || lstm(4).projection(2).peepholes().return_sequences(false);
    let more = format!("{names} peepholes_l0 weight_hr_l0");
    check_layer(last, "[5, 3] -> [2]", 16 * (3 + 2 + 1) + 12 + 8, &more);
    let learned = || lstm(4).coupled().initial_state(InitialState::Learned);
    check_layer(learned, "[5, 3] -> [5, 4]", 12 * 8 + 8, &format!("{names} h_l0 c_l0"));
    let normed = || lstm(4).layer_norm();
    let norms = format!("{names} norm_ih_l0 norm_hh_l0 norm_c_l0 norm_c_bias_l0");
    check_layer(normed, "[5, 3] -> [5, 4]", 16 * 8 + 40, &norms);
    let both = || rnn(4).layers(2).bidirectional(Merge::Sum).batch_norm();
    let of = |end: &str| {
        let state = ["weight", "bias", "running_mean", "running_var"];
        let norm = state.map(|name| format!("norm_{end}.{name}")).join(" ");
        format!("weight_ih_{end} weight_hh_{end} {norm}")
    };
    let all = ["l0", "l0_reverse", "l1", "l1_reverse"].map(of).join(" ");
    check_layer(both, "[5, 3] -> [5, 4]", 2 * (12 + 16 + 8) + 2 * (16 + 16 + 8), &all);
}

#[test]
fn norms_and_pools() {
    let state = "weight bias running_mean running_var";
    check_layer(batch_norm, "[3, 4, 4] -> [3, 4, 4]", 6, state);
    check_layer(instance_norm, "[3, 4, 4] -> [3, 4, 4]", 6, "weight bias");
    let rule = LocalResponse::ALEXNET;
    check_layer(|| local_response_norm(rule), "[6, 2, 2] -> [6, 2, 2]", 0, "");
    let overlapping = Pool { kernel: [3, 3], stride: [2, 2], ..Pool::new(3) };
    check_layer(|| max_pool2d_with(overlapping), "[3, 5, 5] -> [3, 2, 2]", 0, "");
    check_layer(|| mean_pool2d_with(overlapping), "[3, 5, 5] -> [3, 2, 2]", 0, "");
    check_layer(|| adaptive_mean_pool2d(2, 3), "[3, 5, 5] -> [3, 2, 3]", 0, "");
    check_layer(|| adaptive_max_pool2d(2, 3), "[3, 5, 5] -> [3, 2, 3]", 0, "");
    check_layer(global_max_pool2d, "[3, 4, 4] -> [3]", 0, "");
    check_layer(layer_norm, "[6] -> [6]", 12, "weight bias");
    check_layer(|| group_norm(2), "[4, 3, 3] -> [4, 3, 3]", 8, "weight bias");
    check_layer(|| trainable_mean_pool2d(2), "[3, 4, 4] -> [3, 2, 2]", 6, "weight bias");
    check_layer(|| max_pool2d(2), "[3, 4, 4] -> [3, 2, 2]", 0, "");
    check_layer(|| mean_pool2d(2), "[3, 4, 4] -> [3, 2, 2]", 0, "");
    check_layer(global_mean_pool2d, "[3, 4, 4] -> [3]", 0, "");
}

#[test]
fn shapes_and_functions() {
    check_layer(flatten, "[3, 4, 2] -> [24]", 0, "");
    check_layer(|| reshape([2, 6]), "[12] -> [2, 6]", 0, "");
    check_layer(|| upsample_nearest(2), "[3, 4, 5] -> [3, 8, 10]", 0, "");
    check_layer(|| upsample_bilinear(3), "[3, 4, 5] -> [3, 12, 15]", 0, "");
    for mode in [PadMode::Zero, PadMode::Reflect, PadMode::Replicate] {
        check_layer(|| pad2d(2, mode), "[3, 4, 5] -> [3, 8, 9]", 0, "");
    }
    check_layer(|| cast(DType::F32), "[8] -> [8]", 0, "");
    check_layer(|| dropout(0.5), "[8] -> [8]", 0, "");
    check_layer(|| gaussian_noise(0.1), "[8] -> [8]", 0, "");
    check_layer(|| maxout(2), "[6, 3, 4] -> [3, 3, 4]", 0, "");
    check_layer(|| maxout(4), "[8] -> [2]", 0, "");
    check_layer(|| spatial_dropout(0.5), "[4, 2, 2] -> [4, 2, 2]", 0, "");
    let functions = [
        elu(),
        gelu(),
        gelu_tanh(),
        hard_sigmoid(),
        hard_swish(),
        hard_tanh(),
        leaky_relu(),
        lecun_tanh(),
        log_sigmoid(),
        log_softmax(),
        mish(),
        relu(),
        relu6(),
        selu(),
        sigmoid(),
        silu(),
        softmax(),
        softplus(),
        softsign(),
        tanh(),
    ];
    for function in functions {
        check_layer(|| function, "[8] -> [8]", 0, "");
    }
}

#[test]
fn attention_and_positions() {
    let projections = |of: &str| {
        let names = ["q_proj", "k_proj", "v_proj", "out_proj"];
        names.map(|name| format!("{of}{name}.weight {of}{name}.bias")).join(" ")
    };
    check_layer(|| multi_head_attention(2), "[5, 4] -> [5, 4]", 80, &projections(""));
    check_layer(|| multi_head_attention(1).causal(), "[5, 4] -> [5, 4]", 80, &projections(""));
    let encoder = |of: &str| {
        let own = projections(&format!("{of}self_attn."));
        let rest = ["linear1", "linear2", "norm1", "norm2"];
        let rest = rest.map(|name| format!("{of}{name}.weight {of}{name}.bias"));
        format!("{own} {}", rest.join(" "))
    };
    let layer = || transformer_encoder_layer(2, 6).dropout(0.0);
    check_layer(|| transformer_encoder_layer(2, 6), "[5, 4] -> [5, 4]", 154, &encoder(""));
    check_layer(|| layer().norm_first().activation(gelu()), "[5, 4] -> [5, 4]", 154, &encoder(""));
    let names = [encoder("layers.0."), encoder("layers.1."), "norm.weight norm.bias".into()];
    let two = || transformer_encoder(2, layer().norm_first());
    check_layer(two, "[5, 4] -> [5, 4]", 2 * 154 + 8, &names.join(" "));
    check_layer(|| transformer_encoder(2, layer()), "[5, 4] -> [5, 4]", 308, &names[..2].join(" "));
    check_layer(sinusoidal_positions, "[5, 4] -> [5, 4]", 0, "");
    check_layer(|| position_embedding(5), "[5, 4] -> [5, 4]", 20, "weight");
}

#[test]
fn containers() {
    let same = || residual(|p| p.add(dense(4)).add(tanh()));
    check_layer(same, "[4] -> [4]", 20, "block.dense1.weight block.dense1.bias");
    let wider = || residual(|p| p.add(dense(6))).projection(|p| p.add(dense(6).bias(false)));
    let names = "block.dense1.weight block.dense1.bias projection.dense1.weight";
    check_layer(wider, "[4] -> [6]", 54, names);
    let both = || concat().path(|p| p.add(conv2d(2, 1))).path(|p| p.add(conv2d(3, 3).pad(1)));
    let names = "path1.conv1.weight path1.conv1.bias path2.conv1.weight path2.conv1.bias";
    check_layer(both, "[2, 4, 4] -> [5, 4, 4]", 6 + 57, names);
}

#[test]
fn layers_in_layers() {
    let row = || sequential(|p| p.add(dense(3)).add(tanh()));
    check_layer(row, "[4] -> [3]", 15, "dense1.weight dense1.bias");
    // The head's output is learned from as well; x goes on unchanged.
    let head = || auxiliary(0.3, |p| p.add(dense(2)));
    check_layer(head, "[4] -> [4]", 10, "head.dense1.weight head.dense1.bias");
}

/// Paths of equal layers start at different weights.
#[test]
fn paths_draw_their_own_weights() {
    let both = concat().path(|p| p.add(dense(4))).path(|p| p.add(dense(4)));
    let layer = built(both, [4], &Init::new(0));
    let ws = parameters(&layer);
    let w = |i: usize| ws[i].1.tensor().to_vec::<f32>();
    assert_ne!(w(0), w(2));
}

/// A PReLU's slopes act where x is negative.
#[test]
fn prelu_slopes() {
    let layer = built(prelu(), [2], &Init::new(0));
    let y = layer.forward(&Tensor::from([[-4.0f32, 4.0]]), &Context::eval());
    assert_eq!(y.to_vec::<f32>(), [-1.0, 4.0]);
    let residue = || residual(|p| p.add(dense(3)).add(prelu()));
    let names = "block.dense1.weight block.dense1.bias block.prelu1.weight";
    check_layer(residue, "[3] -> [3]", 15, names);
}

#[test]
fn noise_only_while_training() {
    let layer = built(gaussian_noise(1.0), [1000], &Init::new(0));
    let x = Tensor::zeros([1, 1000]);
    assert_eq!(layer.forward(&x, &Context::eval()).square().sum(..).item(), 0.0);
    let variance = layer.forward(&x, &train()).square().mean(..).item();
    assert!((variance - 1.0).abs() < 0.15, "{variance}");
}

#[test]
fn maxout_refuses_channels_that_do_not_divide() {
    let e = gradus_tensor::try_build(|| built(maxout(3), [4], &Init::new(0))).err().unwrap();
    let e = e.to_string();
    assert!(e.contains("the input [4] has 4 channels; expected a multiple of the 3 pieces"), "{e}");
}

/// The functions that describe layers with their files, read from the sources.
pub(crate) fn every_layer() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/layers");
    let (mut found, mut folders, mut files) = (vec![], vec![folder], vec![]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        for line in source.lines().filter_map(|line| line.strip_prefix("pub fn ")) {
            let name = line.split(['(', '<']).next().unwrap();
            found.push((path.display().to_string(), name.to_owned()));
        }
    }
    assert!(found.len() > 50, "{} layers", found.len());
    found
}

/// Each is called in a check above.
#[test]
fn every_layer_is_checked() {
    let checks = include_str!("layers.rs");
    for (file, name) in every_layer() {
        let starts = |call: &str| checks.contains(&format!("{call}{name}"));
        let inside = checks.contains(&format!("add({name}("));
        let listed = checks.contains(&format!("        {name}(),\n"));
        let described = checks.contains(&format!("= || {name}("));
        let checked = starts("check_layer(|| ") || starts("check_layer(") || described;
        assert!(checked || inside || listed, "{file}: {name} has no check_layer");
    }
}

/// Each says what goes in and what comes out: `[B, ..]` → `[B, ..]`, or one of the two beside a container.
#[test]
fn every_layer_tells_its_shapes() {
    for (file, name) in every_layer() {
        let source = std::fs::read_to_string(&file).unwrap();
        let (before, _) = source.split_once(&format!("pub fn {name}(")).unwrap_or_else(|| {
            source.split_once(&format!("pub fn {name}<")).expect("it was read from there")
        });
        let doc: Vec<&str> =
            before.lines().rev().take_while(|line| line.starts_with(['/', '#'])).collect();
        let told = doc.concat().contains("` → `[B");
        let of_elements = file.ends_with("activation.rs");
        let of_paths = ["sequential", "residual"].contains(&&*name);
        assert!(told || of_elements || of_paths, "{file}: {name} does not tell its shapes");
    }
}

/// A frozen batch norm is one function for every batch: that of its running statistics, which stay.
#[test]
fn a_frozen_batch_norm_is_the_one_that_predicts() {
    let norm = batch_norm().build(2, &Init::new(0));
    norm.running_mean.set(&Tensor::from([1f32, -2.0])).unwrap();
    norm.running_var.set(&Tensor::from([4f32, 9.0])).unwrap();
    let x = Tensor::randn([5, 2, 3, 3], 1);
    let train = || {
        let cx = Context::train(&Tensor::from([0i64, 0]));
        let y = norm.forward(&x, &cx).to_vec::<f32>();
        (y, cx.take_updates().len())
    };
    let expected = norm.forward(&x, &Context::eval()).to_vec::<f32>();
    let (free, moved) = train();
    assert!(free != expected && moved == 2);
    norm.weight.freeze(true);
    assert_eq!(train().1, 2, "its shift still learns");
    norm.bias.freeze(true);
    assert_eq!(train(), (expected, 0));
}

/// Two calls in one pass move the running statistics twice, as two passes do.
#[test]
fn a_batch_norm_called_twice_learns_of_both_batches() {
    let xs = [Tensor::randn([5, 2, 3, 3], 1), Tensor::randn([4, 2, 3, 3], 2) * 3.0 + 1.0];
    let moved = |batches: &[&[&Tensor]]| {
        let norm = batch_norm().build(2, &Init::new(0));
        for pass in batches {
            let cx = Context::train(&Tensor::from([0i64, 0]));
            pass.iter().for_each(|x| drop(norm.forward(x, &cx)));
            let updates = cx.take_updates();
            assert_eq!(updates.len(), 2);
            update(&[], &updates).unwrap();
        }
        [&norm.running_mean, &norm.running_var].map(|v| v.value().to_vec::<f32>())
    };
    let [first, second] = &xs;
    let (once, twice) = (moved(&[&[first], &[second]]), moved(&[&[first, second]]));
    for (a, b) in once.iter().flatten().zip(twice.iter().flatten()) {
        assert!((a - b).abs() < 1e-6, "{once:?} {twice:?}");
    }
}

/// Of one value a channel the deviation from its mean is 0 whatever it is: nothing could be learned from it.
#[test]
fn batch_norm_does_not_train_on_one_value_a_channel() {
    let norm = batch_norm().build(3, &Init::new(0));
    let training = Context::train(&Tensor::from([0i64, 0]));
    for shape in [vec![1, 3], vec![1, 3, 1, 1]] {
        let x = Tensor::ones(&shape[..]);
        let e = try_build(|| norm.forward(&x, &training)).unwrap_err().to_string();
        let want = format!("batch_norm: the input is {}: training needs more than one", x.shape());
        assert!(e.starts_with(&want), "{e}");
        // Prediction has statistics of its own.
        assert_eq!(norm.forward(&x, &Context::eval()).shape(), x.shape());
    }
    assert_eq!(training.take_updates().len(), 0);
    for shape in [vec![2, 3], vec![1, 3, 1, 2]] {
        norm.forward(&Tensor::ones(&shape[..]), &training);
    }
    // A frozen layer is the same function for every batch.
    norm.weight.freeze(true);
    norm.bias.freeze(true);
    assert_eq!(norm.forward(&Tensor::ones([1, 3]), &training).shape().to_string(), "[1, 3]");
}
