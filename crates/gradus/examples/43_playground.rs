//! A network of the Playground, trained with gradus: the same points in the same batches from the same first weights.
//!
//! `gradus lab` opens it at `#activation=relu&regularization=none&batchSize=10&dataset=xor&regDataset=reg-plane&learningRate=0.03&regularizationRate=0&noise=0&networkShape=4,2&seed=0.5&showTestData=false&discretize=false&percTrainData=10&x=true&y=true&xTimesY=false&xSquared=false&ySquared=false&cosX=false&sinX=false&cosY=false&sinY=false&collectStats=false&problem=classification&initZero=false&hideText=false&classes=2&loss=squared&optimizer=adam&schedule=cosine&scheduleEpochs=100&momentum=0.9&weightDecay=0.01&draw=0`.

use gradus::prelude::*;

const EPOCHS: u32 = 100;
const BATCH: usize = 10;
const RATE: f64 = 0.03;

/// x, y and the class: −1 or 1.
#[rustfmt::skip]
const POINTS: [[f64; 3]; 50] = [
    [-1.3516197422476608, -4.480323599407508, 1.0],
    [-2.0811308015690386, 3.031972290746471, -1.0],
    [3.4995025737119603, -1.6277114017218495, -1.0],
    [0.40005501711160124, -2.8246469949154394, -1.0],
    [2.8646558231887713, 4.760055175149941, 1.0],
    [3.7454532202003916, 3.814890910562407, 1.0],
    [3.2270789753587863, -3.6257510363431833, -1.0],
    [-0.8247605402199902, -4.9740320516206955, 1.0],
    [-1.71747989696372, -2.1394977585806463, 1.0],
    [1.6338979045185493, 1.7821979711358182, 1.0],
    [3.909402302724927, 3.747458808288669, 1.0],
    [1.501094933855491, 2.436439393001021, 1.0],
    [4.620850182362672, 3.206390719033438, 1.0],
    [-3.4673603224489256, 4.847574347875564, -1.0],
    [-0.830207472808618, 2.8851387660610115, -1.0],
    [-4.468065074747163, 0.9877102085152052, -1.0],
    [5.2187704507413, -4.733350319752015, -1.0],
    [-4.1254868121297985, 1.9760840477807362, -1.0],
    [4.570874498629684, 3.3141704599894313, 1.0],
    [4.714630259386998, 0.9808623263151575, 1.0],
    [-4.3259372011071004, -3.6910268663720194, 1.0],
    [3.8055980191021535, -1.9447899854911939, -1.0],
    [-2.1054148913077166, -4.4096101711712405, 1.0],
    [2.445586470414571, -1.1726890768738703, -1.0],
    [-1.5144898939020932, 3.898626724820473, -1.0],
    [-4.39776840321947, 3.2560148412440446, -1.0],
    [0.5382561515220943, -3.929705100809335, -1.0],
    [2.994459252918861, 0.44696269330879196, 1.0],
    [3.5265661540273987, -4.995236046428968, -1.0],
    [-0.9380078836847601, 2.7814779266950023, -1.0],
    [2.125405807342763, 1.4156265682426252, 1.0],
    [2.5791117397230465, 1.3769758962282481, 1.0],
    [3.4670404014345477, -0.4090568261550935, -1.0],
    [3.527207476244894, -1.7665089634675841, -1.0],
    [-1.648926988234366, -3.830151564644973, 1.0],
    [5.106628741449076, -2.5504784525135102, -1.0],
    [-2.857550060889244, 2.3807939139981364, -1.0],
    [-2.6308064106438107, -4.772168367089632, 1.0],
    [-1.55229498602395, -3.5102521788423022, 1.0],
    [4.008849194104282, 3.5625622457707573, 1.0],
    [-0.32795353036268454, -3.0505457385154204, 1.0],
    [-1.431360686096186, 4.309672332968041, -1.0],
    [0.3124062971410632, -3.474402742931435, -1.0],
    [-4.5245330771613705, -0.8553987621609009, 1.0],
    [2.6455914631550534, 1.2339980561772645, 1.0],
    [2.3492523133970975, 1.348793988173351, 1.0],
    [2.796410629086062, -3.321854609876132, -1.0],
    [0.38783539018703833, -3.5305640315950155, -1.0],
    [1.6372599246850676, 4.46250976849353, 1.0],
    [-3.0902754008748903, -4.4673631862540555, 1.0],
];

/// Every layer's first weights, input by input, and biases.
#[rustfmt::skip]
const FIRST: [[&[f64]; 2]; 3] = [
    [&[0.15073031362995037, -0.15228586964146518, -0.16136182460822568, 0.14891085680525895, 0.24480396388753178, -0.19348612267241783, 0.42912746373009303, 0.3889167671371173], &[0.1, 0.1, 0.1, 0.1]],
    [&[0.4699489059793379, 0.3358509837079212, -0.010613650775298356, 0.19771134934409862, 0.03509985269449678, -0.03541772868214904, 0.2067116615504384, 0.42289813136853305], &[0.1, 0.1]],
    [&[-0.041553243244346005, 0.26342704498032077], &[0.1]],
];

/// The learning rate of an epoch.
fn rate(epoch: u32) -> f64 {
    let part = (f64::from(epoch) / 100.0).min(1.0);
    let fall = |part: f64| 0.5 * (1.0 + (std::f64::consts::PI * part).cos());
    RATE * (0.01 + 0.99 * fall(part))
}

/// What the network sees of a point: x, y.
fn features([x, y, _]: [f64; 3]) -> [f64; 2] {
    [x, y]
}

fn model() -> Sequential {
    let model = Sequential::new([2], &Init::new(0).of(DType::F64))
        .add(dense(4))
        .add(relu())
        .add(dense(2))
        .add(relu())
        .add(dense(1))
        .add(tanh());
    for (parameters, values) in parameters(&model).chunks(2).zip(FIRST) {
        for ((_, parameter), values) in parameters.iter().zip(values) {
            let value = Tensor::from_slice(values, parameter.variable().shape());
            parameter.variable().set(&value).expect("numbers of the layer's shape");
        }
    }
    model
}

/// Some points' features `[B, 2]`, and targets.
fn tensors(rows: &[usize]) -> (Tensor, Tensor) {
    let x: Vec<f64> = rows.iter().flat_map(|row| features(POINTS[*row])).collect();
    let labels: Vec<f64> = rows.iter().map(|row| POINTS[*row][2]).collect();
    let t = Tensor::from_slice(&labels, [labels.len(), 1]);
    (Tensor::from_slice(&x, [rows.len(), 2]), t)
}

fn main() {
    let recipe = Recipe { loss: losses::squared.into(), ..Recipe::default() };
    let optimizer = Adam::new(RATE);
    let mut learner = Learner::with(model().into(), Box::new(optimizer), recipe, 0);
    // What does not fill a batch at the end of an epoch waits for the first batch of the next.
    let mut batch = vec![];
    for epoch in 0..EPOCHS {
        for row in 0..POINTS.len() {
            batch.push(row);
            if (row + 1).is_multiple_of(BATCH) {
                let (x, t) = tensors(&batch);
                learner.train_batch(&x, &t, rate(epoch)).expect("a step");
                batch.clear();
            }
        }
    }
    let (x, t) = tensors(&(0..POINTS.len()).collect::<Vec<_>>());
    let loss = learner.evaluate_batch(&x, &t).expect("a loss").loss;
    println!("loss of the training points after {EPOCHS} epochs: {loss:.6}");
    // The Playground's own. Sums are made in another order here, so the last digits may differ.
    let own = 0.0004580730612731901;
    assert!((loss - own).abs() < 0.01 * own + 1e-9, "{loss} and not {own}");
}
