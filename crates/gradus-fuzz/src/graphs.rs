//! Graphs that cannot be: what each is refused for, in whose words.

use gradus::nn::functional::{Call, Model, Symbol, built};
use gradus::nn::losses;
use gradus::prelude::*;
use gradus::{Conv, Device, Error, Key, Kind, Pool, gradients, try_build};
use std::sync::Arc;

/// A graph that cannot be.
pub struct BadGraph {
    /// How the error begins.
    pub says: &'static str,
    /// Builds it.
    pub build: fn() -> Result<(), Error>,
}

impl BadGraph {
    /// What is wrong with how it is refused, if something is.
    pub fn fault(&self) -> Option<String> {
        match (self.build)() {
            Err(error) if error.to_string().starts_with(self.says) => None,
            found => Some(format!("expected {:?}, found {found:?}", self.says)),
        }
    }
}

/// A graph whose building is refused.
macro_rules! bad {
    ($says:literal, $build:expr) => {
        BadGraph { says: $says, build: || try_build(|| $build).map(drop) }
    };
}

fn x(shape: impl Into<Shape>) -> Tensor {
    Tensor::zeros(shape)
}

fn net(input: impl Into<Shape>) -> Sequential {
    Sequential::new(input.into(), &Init::new(0))
}

fn run(model: &Sequential, batch: impl Into<Shape>) -> Tensor {
    model.forward(&x(batch), &Context::eval())
}

/// Every kind of mistake: of ops, of layers and what holds them, of losses, gradients and variables.
pub const BAD_GRAPHS: &[BadGraph] = &[
    bad!("add: the shapes do not broadcast", x([2, 3]) + x([4, 5])),
    bad!(
        "add: the shapes do not broadcast",
        ((x([2]) + x([3])).exp().sum(..) + 1.0).matmul(&x([4]))
    ),
    bad!("matmul: the inner sizes differ", x([32, 784]).matmul(&x([512, 10]))),
    bad!("reshape: [4] has 4 elements", x([4]).reshape([3]).unsqueeze(9)),
    bad!("permute: axis 2 of [2, 2]", x([2, 2]).permute([0, 2])),
    bad!("slice: 3..9 on axis 0", x([4]).slice(0, 3..9)),
    bad!("split: [3, 4] do not add up", x([4]).split(&[3, 4], 0)),
    bad!("unsqueeze: [1, 1, 1, 1, 1, 1, 1, 1, 1] has rank 9", x([1; 8]).unsqueeze(0)),
    bad!("sum: axis 5 of [2]", x([2]).sum(5)),
    bad!("exp: the elements are i64", Tensor::from([1i64]).exp()),
    bad!("full: 300 is no u8", Tensor::full_of([2], 300.0, DType::U8)),
    bad!("top_k: the 9 largest", x([4]).top_k(9, 0)),
    bad!("index_select: indices must be i64", x([4]).index_select(0, &x([1]))),
    bad!("cross_entropy: scores", x([4, 3]).softmax_cross_entropy(&Tensor::from([1i64]))),
    bad!("conv2d: the channels do not fit", x([1, 3, 8, 8]).conv2d(&x([4, 2, 3, 3]), Conv::new())),
    bad!("max_pool2d: the window does not fit", x([1, 1, 2, 2]).max_pool2d(Pool::new(5))),
    bad!("batch_norm: x must be [N, C, ..]", x([3]).batch_norm(&x([3]), &x([3]), 0.1)),
    bad!("bernoulli: p must be a probability", Key::new(0).bernoulli([2], 1.5)),
    bad!("item: shape [2] has 2 elements", Tensor::from(x([2]).item()) + 1.0),
    bad!("to_vec: element 0 is 0.5", Tensor::from([0.5f32]).to_vec::<i64>()[0] + 1),
    bad!("grad: y has shape [2]", grad(&x([2]), [&x([2])])),
    bad!("grad: y does not depend on x0", grad(&x([1]), [&x([1])])),
    bad!("reshape: [4] has 4 elements", grad(&x([4]).reshape([1]), [&x([4])])),
    BadGraph {
        says: "floor: ",
        build: || {
            let x = x([3]);
            gradients(&x.floor().sum(..), std::slice::from_ref(&x)).map(drop)
        },
    },
    bad!("gather: index 9", Variable::new("w", &x([2]).index_select(0, &Tensor::from([9i64])))),
    bad!(
        "conv2d: the input is [4], expected",
        net([4]).add(conv2d(2, 3)).add(flatten()).add(dense(9))
    ),
    bad!("dense: 0 units", net([4]).add(dense(0)).add(relu())),
    bad!("dropout: probability 2", net([4]).add(dropout(2.0))),
    bad!("maxout: 0 pieces", net([4]).add(maxout(0))),
    bad!("embedding: 0 vectors", net([4]).add(embedding(0, 3))),
    bad!("group_norm: 3 channels cannot be cut", net([3, 4, 4]).add(group_norm(2))),
    bad!("init: the memory does not hold weights", net([1 << 25]).add(dense(1 << 25))),
    bad!(
        "sequential: two layers are named a",
        net([2]).add_named("a", relu()).add_named("a", relu())
    ),
    bad!("residual: the block gives", net([3]).add(residual(|p| p.add(dense(4))))),
    bad!("matmul: the inner sizes differ", run(&net([4]).add(dense(3)), [2, 5])),
    bad!("batch_norm: the input is [1, 3]", {
        let model = net([3]).add(batch_norm());
        model.forward(&x([1, 3]), &Context::train(&Tensor::from([0i64, 0])))
    }),
    bad!("random: a pass that predicts", Context::eval().key().normal([2])),
    bad!("model: an output needs an input", {
        let (a, b) = (Symbol::input([2]), Symbol::input([2]));
        let y = built(dense(3), [2], &Init::new(0)).call(&a);
        Model::new(&[&b], &[&y]).forward(&x([1, 2]), &Context::eval())
    }),
    bad!("add: the shapes do not broadcast", {
        let (a, b) = (Symbol::input([2]), Symbol::input([3]));
        Symbol::join(&[&a, &b], |xs| &xs[0] + &xs[1])
    }),
    bad!("mean_squared: the model gives [2]", losses::mean_squared(&x([2]), &x([3]))),
    bad!("cross_entropy: logits are", losses::cross_entropy(&x([2]), &x([3]))),
    bad!("mine: no batch", Tensor::refuse(Error::new(Kind::Value, "mine", "no batch")).exp()),
    BadGraph {
        says: "batch: there is no field t",
        build: || learned(Batch::new([("x", x([2, 4]))])),
    },
    BadGraph {
        says: "cross_entropy: logits are",
        build: || learned(Batch::pair(&x([2, 4]), &x([2]))),
    },
    BadGraph {
        says: "matmul: the inner sizes differ",
        build: || learned(Batch::pair(&x([2, 5]), &Tensor::from([0i64, 1]))),
    },
    BadGraph {
        says: "reshape: [2] has 2 elements",
        build: || {
            let mut step = gradus::compile(|args| gradus::Step::new().read(&args[0].reshape([3])));
            step.run(&[&x([2])]).map(drop)
        },
    },
    BadGraph {
        says: "reshape: [2] has 2 elements",
        build: || Device::Reference.scope(|| try_build(|| x([2]).reshape([3])).map(drop)),
    },
];

/// A batch that a learner does not take.
fn learned(batch: gradus::train::Result<Batch>) -> Result<(), Error> {
    let mut learner = Learner::new(Arc::new(net([4]).add(dense(3))), Adam::new(0.1));
    let batch = batch.map_err(|e| Error::new(Kind::Internal, "batch", e.to_string()))?;
    match learner.evaluate_step(&batch) {
        Ok(_) => Ok(()),
        Err(gradus::train::TrainError::Engine(error)) => Err(error),
        Err(other) => Err(Error::new(Kind::Internal, "learner", other.to_string())),
    }
}
