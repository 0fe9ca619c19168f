//! Candle as a peer.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer as _, ParamsAdamW, SGD, loss};
use harness::{Net, Optimizer, Trainer, Work};

/// Weights `[out, in]` or `[out, in, kh, kw]` and biases, layer by layer.
struct Model {
    net: Net,
    layers: Vec<(Tensor, Tensor)>,
    /// The same as variables; empty for inference, so that no graph is recorded.
    vars: Vec<Var>,
}

impl Model {
    fn new(net: Net, trains: bool) -> Result<Self> {
        let (mut layers, mut vars) = (Vec::new(), Vec::new());
        for (l, shape) in net.shapes().iter().enumerate() {
            let mut weight = Tensor::from_vec(net.weight(l), shape.as_slice(), &Device::Cpu)?;
            let mut bias = Tensor::zeros(shape[0], DType::F32, &Device::Cpu)?;
            if trains {
                for tensor in [&mut weight, &mut bias] {
                    let var = Var::from_tensor(tensor)?;
                    *tensor = var.as_tensor().clone();
                    vars.push(var);
                }
            }
            layers.push((weight, bias));
        }
        Ok(Self { net, layers, vars })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        let last = self.layers.len() - 1;
        for (l, (w, b)) in self.layers.iter().enumerate() {
            if w.rank() == 4 {
                let y = x.conv2d(w, if l == 0 { 2 } else { 0 }, 1, 1, 1)?;
                x = y.broadcast_add(&b.reshape((1, (), 1, 1))?)?.relu()?.max_pool2d(2)?;
                continue;
            }
            x = x.flatten_from(1)?.matmul(&w.t()?)?.broadcast_add(b)?;
            if l < last {
                x = if self.net == Net::Tiny { x.tanh()? } else { x.relu()? };
            }
        }
        Ok(x)
    }
}

enum Update {
    Sgd(SGD),
    Adam(AdamW),
}

impl Update {
    fn new(net: Net, kind: Optimizer, vars: Vec<Var>) -> Result<Self> {
        let lr = kind.learning_rate(net);
        Ok(match kind {
            Optimizer::Sgd => Update::Sgd(SGD::new(vars, lr)?),
            Optimizer::Adam => {
                let params = ParamsAdamW { lr, weight_decay: 0.0, ..Default::default() };
                Update::Adam(AdamW::new(vars, params)?)
            }
        })
    }

    fn step(&mut self, loss: &Tensor) -> Result<()> {
        match self {
            Update::Sgd(update) => update.backward_step(loss),
            Update::Adam(update) => update.backward_step(loss),
        }
    }
}

struct Training {
    model: Model,
    update: Update,
    kind: Optimizer,
    x: Tensor,
    target: Tensor,
}

impl Training {
    fn new(net: Net, kind: Optimizer, batch: usize) -> Result<Self> {
        let model = Model::new(net, true)?;
        let update = Update::new(net, kind, model.vars.clone())?;
        let (shape, x) = net.batch(batch);
        let target = if net == Net::Tiny {
            Tensor::from_vec(harness::products(&x), (batch, 1), &Device::Cpu)?
        } else {
            Tensor::from_vec(net.labels(batch), batch, &Device::Cpu)?
        };
        let x = Tensor::from_vec(x, shape, &Device::Cpu)?;
        Ok(Self { model, update, kind, x, target })
    }

    fn loss(&self) -> Result<Tensor> {
        let y = self.model.forward(&self.x)?;
        match self.model.net {
            Net::Tiny => loss::mse(&y, &self.target),
            _ => loss::cross_entropy(&y, &self.target),
        }
    }
}

impl Trainer for Training {
    fn step(&mut self) {
        let loss = self.loss().expect("forward");
        self.update.step(&loss).expect("backward");
    }

    fn loss(&self) -> f64 {
        let loss = Training::loss(self).expect("forward");
        f64::from(loss.to_scalar::<f32>().expect("a scalar"))
    }

    fn reset(&mut self) {
        self.model = Model::new(self.model.net, true).expect("a model");
        self.update =
            Update::new(self.model.net, self.kind, self.model.vars.clone()).expect("an optimiser");
    }
}

fn train(net: Net, optimizer: Optimizer, batch: usize) -> Work {
    harness::train_work(net, batch, Training::new(net, optimizer, batch).expect("a model"))
}

fn infer(net: Net, batch: usize) -> Work {
    let model = Model::new(net, false).expect("a model");
    let (shape, x) = net.batch(batch);
    let x = Tensor::from_vec(x, shape, &Device::Cpu).expect("a batch");
    let run = move || model.forward(&x)?.flatten_all()?.to_vec1();
    harness::infer_work(net, batch, move || run().expect("forward"))
}

fn main() {
    let mut cases = harness::train_cases(train);
    cases.extend(harness::infer_cases(infer));
    harness::serve("candle", "0.11.1", &cases);
}
