//! A network on the engine: its numbers are variables, and what is asked of it is traced once and replayed.

use super::layers::{CLASSES, Layer, Plan, SIDE};
use super::trainer::{Method, Options, moved, rates};
use gradus::{Compiled, Conv, Padding, Pool, Step, Tensor, Variable, compile, gradients};
use std::sync::Arc;

type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// Pixels along a side of a picture.
pub(super) const PICTURE: usize = 28;
/// What the mean of a prediction is over: where four crops of 24 × 24 begin, the same each time.
pub(super) const CROPS: [[usize; 2]; 4] = [[1, 1], [1, 3], [3, 1], [3, 3]];

/// Weights or biases, and what their trainer remembers of them.
struct Learned {
    value: Variable,
    /// The sum of gradients since the last update.
    sum: Variable,
    /// Two memories.
    memories: [Variable; 2],
    /// Whether they decay: weights do, biases do not.
    decays: bool,
}

/// Layers with numbers.
struct Weighted {
    plan: Plan,
    /// Weights and biases of the layers that have them, one after the other.
    learned: Vec<Learned>,
}

/// A network that is asked and taught.
pub(super) struct Network {
    weighted: Arc<Weighted>,
    learn: Compiled<Trace>,
    update: Compiled<Trace>,
    predict: Compiled<Trace>,
    look: Compiled<Trace>,
    attack: Compiled<Trace>,
}

/// What a layer gave for one picture, and the loss's gradient there.
pub(super) struct Seen {
    pub(super) values: Vec<f32>,
    pub(super) gradients: Vec<f32>,
}

/// Weights of a layer, and their gradients of one picture.
pub(super) struct Weights {
    pub(super) weights: Vec<f32>,
    pub(super) gradients: Vec<f32>,
}

impl Weighted {
    /// What each layer gives for pictures [N, 1, 24, 24].
    fn forward(&self, x: &Tensor) -> Vec<Tensor> {
        let mut outputs: Vec<Tensor> = vec![];
        let mut learned = self.learned.iter().map(|learned| learned.value.tensor());
        for layer in &self.plan.layers {
            let x = outputs.last().unwrap_or(x);
            let mut next = || learned.next().expect("two for each layer that has any");
            let y = match *layer {
                Layer::Input => x.clone(),
                Layer::Conv { filters, stride, pad, .. } => {
                    let (w, b) = (next(), next());
                    let conv = Conv::new().stride(stride).padding(Padding::all(pad));
                    x.conv2d(&w, conv) + b.reshape([1, filters, 1, 1])
                }
                Layer::Pool { side, stride, pad } => {
                    x.max_pool2d(Pool::new(side).stride(stride).padding(pad))
                }
                Layer::Dense { units, .. } => {
                    let (w, b) = (next(), next());
                    // ConvNetJS's order: channels innermost.
                    let flat = x.permute([0, 2, 3, 1]).flatten(1); // [N, H·W·C]
                    (flat.matmul(&w.t()) + b).reshape([x.shape()[0], units, 1, 1])
                }
                Layer::Relu => x.relu(),
                Layer::Sigmoid => x.sigmoid(),
                Layer::Tanh => x.tanh(),
                Layer::Softmax => x.softmax(1),
            };
            outputs.push(y);
        }
        outputs
    }

    /// What goes into the softmax, and what comes out: [N, 10] each.
    fn ends(outputs: &[Tensor]) -> [Tensor; 2] {
        let n = outputs.len();
        [n - 2, n - 1].map(|i| outputs[i].flatten(1))
    }

    /// Mean probabilities over the four crops of pictures [N, 1, 28, 28]: [N, 10].
    fn predict(&self, pictures: &Tensor) -> Tensor {
        let crop = |[row, column]: [usize; 2]| {
            let rows = pictures.slice(2, row..row + SIDE);
            rows.slice(3, column..column + SIDE) // [N, 1, 24, 24]
        };
        let crops = CROPS.map(crop);
        let all = Tensor::concat(&crops.each_ref(), 0); // [4N, 1, 24, 24]
        let [_, probabilities] = Weighted::ends(&self.forward(&all));
        probabilities.reshape([CROPS.len(), pictures.shape()[0], CLASSES]).mean(0)
    }
}

/// The loss of some pictures, those that count: the sum of −ln of the right class's probability.
fn loss(scores: &Tensor, labels: &Tensor, counts: &Tensor) -> Tensor {
    (scores.softmax_cross_entropy(labels) * counts).sum(..)
}

fn traced(trace: impl FnMut(&[Tensor]) -> Step + Send + 'static) -> Compiled<Trace> {
    compile(Box::new(trace) as Trace)
}

impl Network {
    /// A network with random weights of the deviation 1/√n, n what a unit sees, as ConvNetJS begins.
    pub(super) fn new(plan: Plan, seed: u64, method: Method) -> Network {
        let mut learned = vec![];
        for (i, layer) in plan.layers.iter().enumerate() {
            let Some((shape, biases, bias)) = layer.weights(plan.input_of(i)) else { continue };
            let sees: usize = shape[1..].iter().product();
            let key = seed.wrapping_mul(1000).wrapping_add(i as u64);
            let weights = Tensor::randn(&shape[..], key) * (1.0 / sees as f64).sqrt();
            let biases = Tensor::full([biases], f64::from(bias));
            for (value, decays) in [(weights, true), (biases, false)] {
                let zeros = || Variable::new("memory", &Tensor::zeros(value.shape()));
                let (sum, memories) = (zeros(), [zeros(), zeros()]);
                learned.push(Learned { value: Variable::new("w", &value), sum, memories, decays });
            }
        }
        let weighted = Arc::new(Weighted { plan, learned });
        let [a, b, c, d] = [0; 4].map(|_| weighted.clone());
        Network {
            learn: traced(move |x| a.learn(x)),
            update: updating(&weighted, method),
            predict: traced(move |x| Step::new().read(&b.predict(&x[0]))),
            look: traced(move |x| c.look(x)),
            attack: traced(move |x| d.attack(x)),
            weighted,
        }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.weighted.plan
    }

    /// Adds the gradients of pictures [N, 1, 24, 24] to the sums; those with a count of 0 change nothing.
    /// Gives the probabilities of all, N times 10.
    pub(super) fn learn(&mut self, pictures: &[f32], labels: &[i64], counts: &[f32]) -> Vec<f32> {
        let n = labels.len();
        let x = Tensor::from_slice(pictures, [n, 1, SIDE, SIDE]);
        let (t, counts) = (Tensor::from_slice(labels, [n]), Tensor::from_slice(counts, [n]));
        let out = self.learn.run(&[&x, &t, &counts]).expect("the plan was checked");
        out.tensor(0).to_vec()
    }

    /// Moves all numbers by the sums and begins new ones; gives the decay's part of the loss, before.
    pub(super) fn update(&mut self, options: &Options, updates: u32) -> f32 {
        let rates = rates(options, updates);
        let out = self.update.run(&[&Tensor::from_slice(&rates, [rates.len()])]);
        out.expect("the plan was checked").item(0) as f32
    }

    /// Another way of moving: the memories begin anew.
    pub(super) fn set_method(&mut self, method: Method) {
        for memory in self.weighted.learned.iter().flat_map(|learned| &learned.memories) {
            memory.set(&Tensor::zeros(memory.shape())).expect("its own shape");
        }
        self.update = updating(&self.weighted, method);
    }

    /// Probabilities of pictures [N, 1, 28, 28], each the mean of four crops.
    pub(super) fn predict(&mut self, pictures: &[f32]) -> Vec<f32> {
        let n = pictures.len() / (PICTURE * PICTURE);
        let x = Tensor::from_slice(pictures, [n, 1, PICTURE, PICTURE]);
        self.predict.run(&[&x]).expect("the plan was checked").tensor(0).to_vec()
    }

    /// What each layer gives for one picture [24, 24], and the weights with this picture's gradients.
    pub(super) fn look(&mut self, picture: &[f32], label: i64) -> (Vec<Seen>, Vec<Weights>) {
        let x = Tensor::from_slice(picture, [1, 1, SIDE, SIDE]);
        let label = Tensor::from_slice(&[label], [1]);
        let out = self.look.run(&[&x, &label]).expect("the plan was checked");
        let layers = self.weighted.plan.layers.len();
        let read = |i: usize| out.tensor(i).to_vec::<f32>();
        // The softmax's own gradient is left out: the loss is computed from the scores.
        let seen = (0..layers).map(|i| Seen {
            values: read(i),
            gradients: if i + 1 < layers { read(layers + i) } else { vec![] },
        });
        let seen = seen.collect();
        let first = 2 * layers - 1;
        let value = |i: usize| self.weighted.learned[i].value.value().to_vec();
        let weights = (0..self.weighted.learned.len())
            .step_by(2)
            .map(|i| Weights { weights: value(i), gradients: read(first + i) });
        (seen, weights.collect())
    }

    /// ∂/∂pixels of −ln of the mean probability of a class, for one picture [28, 28].
    pub(super) fn towards(&mut self, picture: &[f32], class: usize) -> Vec<f32> {
        let x = Tensor::from_slice(picture, [1, 1, PICTURE, PICTURE]);
        let class = Tensor::from_slice(&[class as i64], [1]);
        self.attack.run(&[&x, &class]).expect("the plan was checked").tensor(0).to_vec()
    }

    /// Weights and biases in turn.
    pub(super) fn values(&self) -> Vec<Vec<f32>> {
        self.weighted.learned.iter().map(|learned| learned.value.value().to_vec()).collect()
    }

    /// Takes weights and biases of the right lengths, as [`values`](Network::values) gave them.
    pub(super) fn set_values(&self, values: &[Vec<f32>]) -> bool {
        put(self.weighted.learned.iter().map(|learned| &learned.value), values)
    }

    /// Sums and memories.
    pub(super) fn memories(&self) -> Vec<Vec<f32>> {
        self.remembered().map(|variable| variable.value().to_vec()).collect()
    }

    /// Takes what [`memories`](Network::memories) gave.
    pub(super) fn set_memories(&self, values: &[Vec<f32>]) -> bool {
        put(self.remembered(), values)
    }

    fn remembered(&self) -> impl Iterator<Item = &Variable> {
        self.weighted.learned.iter().flat_map(|l| [&l.sum, &l.memories[0], &l.memories[1]])
    }
}

/// Puts values into variables, all or none.
fn put<'a>(variables: impl Iterator<Item = &'a Variable>, values: &[Vec<f32>]) -> bool {
    let variables: Vec<_> = variables.collect();
    let fits = |(variable, value): (&&Variable, &Vec<f32>)| {
        variable.shape().iter().product::<usize>() == value.len()
    };
    if variables.len() != values.len() || !variables.iter().zip(values).all(fits) {
        return false;
    }
    for (variable, value) in variables.iter().zip(values) {
        let value = Tensor::from_slice(value, variable.shape());
        variable.set(&value).expect("its own shape");
    }
    true
}

impl Weighted {
    /// A piece of a batch: pictures, labels, counts.
    fn learn(&self, x: &[Tensor]) -> Step {
        let [scores, probabilities] = Weighted::ends(&self.forward(&x[0]));
        let loss = loss(&scores, &x[1], &x[2]);
        let values: Vec<_> = self.learned.iter().map(|learned| learned.value.tensor()).collect();
        let found = gradients(&loss, &values).unwrap_or_default();
        let sums =
            self.learned.iter().zip(found).filter_map(|(learned, dw)| {
                Some((learned.sum.clone(), learned.sum.tensor() + dw?))
            });
        Step::new().read(&probabilities).updates(sums)
    }

    /// What layers give, the loss's gradients there, and those of weights and biases.
    fn look(&self, x: &[Tensor]) -> Step {
        let outputs = self.forward(&x[0]);
        let [scores, _] = Weighted::ends(&outputs);
        let loss = loss(&scores, &x[1], &Tensor::ones([1]));
        let learned = self.learned.iter().map(|learned| learned.value.tensor());
        let of: Vec<Tensor> = outputs[..outputs.len() - 1].iter().cloned().chain(learned).collect();
        let found = gradients(&loss, &of).unwrap_or_default();
        let found = of.iter().zip(found).map(|(x, dx)| dx.unwrap_or_else(|| x.zeros_like()));
        let found: Vec<Tensor> = found.collect();
        outputs.iter().chain(&found).fold(Step::new(), Step::read)
    }

    /// A picture's gradient towards a class.
    fn attack(&self, x: &[Tensor]) -> Step {
        let probabilities = self.predict(&x[0]);
        let classes = Tensor::arange(CLASSES).eq(&x[1].broadcast_to([CLASSES]));
        let chosen = (probabilities * classes.cast(gradus::DType::F32)).sum(..);
        let loss = -(chosen + 1e-30).ln();
        let found = gradients(&loss, &x[..1]).unwrap_or_default();
        let dx = found.into_iter().next().flatten().unwrap_or_else(|| x[0].zeros_like());
        Step::new().read(&dx)
    }

    /// Moves all numbers.
    fn update(&self, method: Method, rates: &Tensor) -> Step {
        let (decay, share) = (rates.select(0, 2), rates.select(0, 3)); // []
        let (mut step, mut loss) = (Step::new(), Tensor::zeros([]));
        for learned in &self.learned {
            let [w, sum] = [&learned.value, &learned.sum].map(Variable::tensor);
            let [m, v] = learned.memories.each_ref().map(Variable::tensor);
            let mut gradient = sum.clone();
            if learned.decays {
                gradient += &w * &decay;
                loss += w.square().sum(..) * &decay * 0.5;
            }
            let [w, m, v] = moved(method, rates, [&w, &m, &v], &(gradient * &share));
            step = step.update(&learned.value, &w).update(&learned.sum, &sum.zeros_like());
            step = step.update(&learned.memories[0], &m).update(&learned.memories[1], &v);
        }
        step.read(&loss)
    }
}

fn updating(weighted: &Arc<Weighted>, method: Method) -> Compiled<Trace> {
    let weighted = weighted.clone();
    traced(move |x| weighted.update(method, &x[0]))
}
