//! Models as graphs of layers.

use gradus_nn::functional::{Call, Model, Symbol, built};
use gradus_nn::layers::{dense, tanh};
use gradus_nn::{Context, Init, Layer, parameters};
use gradus_tensor::{DType, Tensor, grad};

fn init() -> Init {
    Init::new(3).of(DType::F64)
}

/// One layer at two places gets the sum of the gradients that two equal layers get at one place each.
#[test]
fn a_shared_layer_gets_summed_gradients() {
    let init = init();
    let (a, b) = (Symbol::input([4]), Symbol::input([4]));
    let shared = built(dense(3), [4], &init);
    let (one, two) = (shared.call(&a), shared.call(&b));
    let y = Symbol::join(&[&one, &two], |x| x[0].tanh() * &x[1]);
    let model = Model::new(&[&a, &b], &[&y]);
    let state = parameters(&model);
    assert_eq!(state.len(), 2);

    let x = |seed| Tensor::randn([5, 4], seed).cast(DType::F64);
    let (xa, xb) = (x(1), x(2));
    let loss = model.forward_all(&[&xa, &xb], &Context::eval())[0].square().sum(..);
    let w = state[0].1.tensor();
    let [dw] = grad(&loss, [&w]);

    // By hand, with the weight twice as two independent tensors.
    let bias = state[1].1.tensor();
    let (w1, w2) = (w.clone() * 1.0, w.clone() * 1.0);
    let loss = ((xa.matmul(&w1) + &bias).tanh() * (xb.matmul(&w2) + &bias)).square().sum(..);
    let [d1, d2] = grad(&loss, [&w1, &w2]);
    assert!(d1.norm_l2(..).item() > 0.1 && d2.norm_l2(..).item() > 0.1);
    let off = (dw - d1 - d2).abs().max(..).item();
    assert!(off < 1e-7, "{off}");
}

#[test]
fn several_outputs_and_stable_names() {
    let init = init();
    let x = Symbol::input([4]);
    let h = built(tanh(), [8], &init).call(&built(dense(8), [4], &init).call(&x));
    let (y, z) = (built(dense(2), [8], &init).call(&h), built(dense(3), [8], &init).call(&h));
    let model = Model::new(&[&x], &[&z, &y]);
    let names: Vec<&str> = model.layers().iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["dense1", "tanh1", "dense2", "dense3"]);
    let out = model.forward_all(&[&Tensor::ones([2, 4]).cast(DType::F64)], &Context::eval());
    let shapes: Vec<String> = out.iter().map(|t| t.shape().to_string()).collect();
    assert_eq!(shapes, ["[2, 3]", "[2, 2]"]);
}

/// A model of one input and one output is a layer of another model; a skip connection joins paths.
#[test]
fn models_nest() {
    let init = Init::new(0);
    let x = Symbol::input([4]);
    let y = Symbol::sum(&[&x, &built(dense(4), [4], &init).call(&x)]);
    let block: std::sync::Arc<dyn Layer> = std::sync::Arc::new(Model::new(&[&x], &[&y]));
    let x = Symbol::input([4]);
    let outer = Model::new(&[&x], &[&block.call(&block.call(&x))]);
    let names: Vec<String> = parameters(&outer).into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["model1.dense1.weight", "model1.dense1.bias"]);
    let y = outer.forward(&Tensor::ones([2, 4]), &Context::eval());
    assert_eq!(y.shape().to_string(), "[2, 4]");
}

#[test]
fn mistakes_are_named() {
    let init = Init::new(0);
    let (a, b) = (Symbol::input([4]), Symbol::input([5]));
    let text = |e: gradus_tensor::Error| e.to_string();
    let e = gradus_tensor::try_build(|| built(dense(3), [4], &init).call(&b)).err().map(text);
    assert!(e.unwrap().contains("a [2, 5]   b [4, 3]"));
    let y = built(dense(3), [4], &init).call(&a);
    let e = gradus_tensor::try_build(|| Model::new(&[&b], &[&y])).err().map(text);
    assert!(e.unwrap().contains("an input [4] that is not listed"));
    let model = Model::new(&[&a], &[&y]);
    let run = || model.forward(&Tensor::ones([2, 5]), &Context::eval());
    let e = gradus_tensor::try_build(run).err().map(text);
    assert!(e.unwrap().contains("input 0 is [2, 5]"));
}
