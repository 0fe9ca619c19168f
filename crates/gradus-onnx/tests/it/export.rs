//! Exported, written as bytes, read back and run: the same outputs, whatever the batch.

use crate::rules::obeys;
use crate::shaken::shake;
use gradus_io::onnx::{Model, Size, model_bytes, parse_model};
use gradus_models::{Design, find};
use gradus_nn::functional::{Call, Symbol, built};
use gradus_nn::{Context, Init, Layer, Sequential, functional, layers::*};
use gradus_onnx::{Export, Network, export};
use gradus_tensor::Tensor;

/// The model through its bytes, and its outputs for batches of 1 and 3 beside those of the layer.
pub(crate) fn same(model: &Model, sample: &[usize], f: impl Fn(&Tensor) -> Tensor) {
    obeys(model);
    let read = parse_model(&model_bytes(model)).unwrap();
    assert_eq!(&read, model);
    let network = Network::new(read).unwrap();
    for batch in [1, 3] {
        let x = Tensor::rand(&[&[batch], sample].concat()[..], batch as u64) - 0.3;
        let y = network.run(&[("input", x.clone())]).unwrap().remove(0).1;
        let want = f(&x);
        assert_eq!(y.shape(), want.shape());
        let (y, want) = (y.to_vec::<f64>(), want.to_vec::<f64>());
        let most = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert!(most > 0.0, "an output of zeros shows nothing");
        let apart = y.iter().zip(&want).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(apart <= 1e-5 * most, "batch {batch}: {apart} apart, the largest is {most}");
    }
}

fn check(net: &dyn Layer, sample: &[usize]) -> Model {
    shake(net);
    let model = export(net, sample).unwrap();
    same(&model, sample, |x| net.forward(x, &Context::eval()));
    model
}

fn ops(model: &Model) -> Vec<&str> {
    model.graph.nodes.iter().map(|n| n.op.as_str()).collect()
}

fn arrays(model: &Model) -> Vec<&str> {
    model.graph.initializers.iter().map(|a| a.name.as_str()).collect()
}

/// One of each family, as small as its input lets it be.
fn zoo(name: &str, input: &[usize], width: f64) {
    let entry = find(name).unwrap();
    let net = (entry.build)(&Design::new(input, 10).width(width), &Init::new(2));
    check(&net, input);
}

#[test]
fn lenet() {
    let entry = find("lenet").unwrap();
    let net = (entry.build)(&entry.design(), &Init::new(0));
    let model = check(&net, entry.input);
    let wanted = "Conv Relu MaxPool Conv Relu MaxPool Flatten Gemm Relu Gemm Relu Gemm";
    assert_eq!(ops(&model).join(" "), wanted);
    assert!(arrays(&model).contains(&"conv1.weight"), "{:?}", arrays(&model));
    assert_eq!(model.graph.initializers.len(), 10);
    let input = &model.graph.inputs[0];
    assert_eq!(input.shape.as_ref().unwrap()[0], Size::Open("batch".into()));
    assert_eq!(model.graph.outputs[0].shape.as_ref().unwrap()[1], Size::Is(10));
    assert_eq!(model.graph.nodes[0].name, "conv1/Conv");
    assert_eq!((model.ir_version, &model.opsets[0]), (8, &(String::new(), 17)));
}

#[test]
fn small_networks_of_the_zoo() {
    zoo("linear", &[1, 8, 8], 1.0);
    zoo("mlp", &[1, 8, 8], 1.0);
    zoo("lenet_original", &[1, 32, 32], 1.0);
    zoo("convnetjs", &[1, 24, 24], 1.0);
}

#[test]
fn large_pictures() {
    zoo("alexnet", &[3, 67, 67], 0.125);
    zoo("alexnet_mini", &[1, 28, 28], 0.125);
    zoo("alexnet_owt", &[3, 64, 64], 0.125);
    zoo("vgg11", &[3, 32, 32], 0.0625);
    zoo("vgg11_bn", &[3, 32, 32], 0.0625);
}

#[test]
fn modules_in_parallel() {
    zoo("googlenet", &[3, 64, 64], 0.125);
    zoo("googlenet_bn_aux", &[3, 64, 64], 0.125);
    zoo("inception_mini", &[1, 28, 28], 0.125);
    zoo("squeezenet", &[3, 64, 64], 0.25);
    zoo("squeezenet_keras", &[3, 64, 64], 0.25);
}

#[test]
fn convolutions_alone() {
    zoo("all_cnn_a", &[3, 32, 32], 0.125);
    zoo("all_cnn_c", &[3, 32, 32], 0.125);
    zoo("conv_pool_cnn_c", &[3, 32, 32], 0.125);
}

#[test]
fn shortcuts() {
    zoo("plain20", &[3, 16, 16], 0.5);
    zoo("resnet20", &[3, 16, 16], 0.5);
    zoo("resnet20_b", &[3, 16, 16], 0.5);
    zoo("resnet18", &[3, 32, 32], 0.125);
    zoo("resnet50_v1", &[3, 32, 32], 0.0625);
    zoo("mobilenet_v2", &[3, 32, 32], 0.25);
    zoo("mobilenet_v2_keras", &[3, 32, 32], 0.25);
}

/// Batch norm keeps its name and its parameters' names; dropout leaves no trace.
#[test]
fn batch_norm_and_dropout() {
    let net = Sequential::new([3, 6, 6], &Init::new(0))
        .add(conv2d(4, 3).bias(false))
        .add(batch_norm())
        .add(relu())
        .add(flatten())
        .add(dropout(0.5))
        .add(dense(2).bias(false));
    let model = check(&net, &[3, 6, 6]);
    assert_eq!(ops(&model), ["Conv", "BatchNormalization", "Relu", "Flatten", "MatMul"]);
    let norm = &model.graph.nodes[1];
    let norm: Vec<&str> = norm.inputs[1..].iter().map(|n| n.split_once('.').unwrap().1).collect();
    assert_eq!(norm, ["weight", "bias", "running_mean", "running_var"]);
}

/// A weight that is used twice is one array; paths that join are one graph.
#[test]
fn functional_networks() {
    let init = Init::new(3);
    let x = Symbol::input([4]);
    let shared = built(dense(4), [4], &init);
    let once = shared.call(&x);
    let twice = shared.call(&once);
    let y = Symbol::concat(&[&Symbol::sum(&[&x, &twice]), &once], 0);
    let net = functional::Model::new(&[&x], &[&built(dense(2), [8], &init).call(&y)]);
    let model = check(&net, &[4]);
    assert_eq!(ops(&model), ["Gemm", "Gemm", "Add", "Concat", "Gemm"]);
    let names = ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"];
    assert!(names.iter().all(|n| arrays(&model).iter().filter(|a| a == &n).count() == 1));
}

/// Two inputs and two outputs, one of them a constant and one an input.
#[test]
fn names_of_inputs_and_outputs() {
    let model = Export::new()
        .input("left", [2])
        .input("right", [2])
        .output("sum")
        .output("same")
        .property("note", "two of each")
        .function(|x| vec![&x[0] + &x[1], x[1].clone(), Tensor::from([1.0f32, 2.0])])
        .unwrap();
    assert_eq!(model.properties, [("note".into(), "two of each".into())]);
    let network = Network::new(model).unwrap();
    let x = |v: f32| Tensor::from([[v, 2.0 * v]]);
    let ys = network.run(&[("left", x(1.0)), ("right", x(10.0))]).unwrap();
    let ys: Vec<_> = ys.iter().map(|(name, y)| (name.as_str(), y.to_vec::<f32>())).collect();
    let want = [("sum", vec![11.0, 22.0]), ("same", vec![10.0, 20.0]), ("output2", vec![1.0, 2.0])];
    assert_eq!(ys, want);
}

/// The names are those of the present, and so are the values.
#[test]
fn the_present_weights_are_written() {
    let net = Sequential::new([1], &Init::new(0)).add(dense(1));
    let weights = gradus_nn::parameters(&net);
    weights[0].1.variable().set(&Tensor::from([[5.0f32]])).unwrap();
    let model = export(&net, [1]).unwrap();
    let weight = model.graph.initializers.iter().find(|a| a.name.ends_with("weight")).unwrap();
    assert_eq!(weight.to_f32().unwrap(), [5.0]);
}
