//! The original itself: its `nn.ts` and `dataset.ts` (github.com/tensorflow/playground, commit 02469bd) with seedrandom 2.4.3 in Node,
//! for a few addresses. Its functions differ from ours in the last place, so numbers agree to 9 digits and not to the last.

use super::{run, step};

/// What the original gave.
struct Given {
    address: &'static str,
    epochs: u32,
    /// The first point.
    first: [f64; 3],
    /// Losses of the training points and of the test points, at first and at last.
    losses: [f64; 4],
    /// The sum of all weights at last.
    sum: f64,
    /// Links that died.
    dead: usize,
}

const GIVEN: [Given; 8] = [
    Given {
        address: "seed=0.12345",
        epochs: 20,
        first: [4.618077316847547, -1.8354395887379444, -1.0],
        losses: [0.5015807429602891, 0.5181059111177386, 0.35690384393986524, 0.3905732633837933],
        sum: 1.1990427388457159,
        dead: 0,
    },
    Given {
        address: "seed=0.12345&dataset=xor&noise=15&networkShape=3,3&activation=relu&batchSize=7",
        epochs: 20,
        first: [5.096362367914215, -2.1979115662055433, -1.0],
        losses: [
            0.5056102278092179,
            0.49712454931464706,
            0.051541027001986955,
            0.10733444220007839,
        ],
        sum: 3.4903928276617746,
        dead: 0,
    },
    Given {
        address: "seed=0.98765&dataset=gauss&noise=30&percTrainData=70&networkShape=2&activation=sigmoid",
        epochs: 20,
        first: [-0.3354769809517677, -0.8684627110772101, -1.0],
        losses: [0.5947172830778152, 0.5921906928376597, 0.08268938081154795, 0.07819996254798368],
        sum: 1.3994280276971085,
        dead: 0,
    },
    Given {
        address: "seed=0.12345&dataset=spiral&noise=10&xTimesY=true&sinX=true&sinY=true&networkShape=5,4,3&regularization=L2&regularizationRate=0.003",
        epochs: 20,
        first: [3.0133790893866395, -2.364325141511844, 1.0],
        losses: [0.5042926918687615, 0.5142856987282707, 0.49540399645570604, 0.5015163607909736],
        sum: -1.3237588388911221,
        dead: 0,
    },
    Given {
        address: "seed=0.55555&dataset=xor&xSquared=true&ySquared=true&xTimesY=true&regularization=L1&regularizationRate=0.03",
        epochs: 60,
        first: [2.475019753138553, 4.132882746507021, 1.0],
        losses: [0.5987486062648347, 0.6312133242190988, 0.02721634726706472, 0.025093737961484446],
        sum: -1.4942028825090854,
        dead: 23,
    },
    Given {
        address: "seed=0.12345&problem=regression&regDataset=reg-plane&noise=20&networkShape=2&activation=linear&learningRate=0.01",
        epochs: 20,
        first: [4.247773950612919, 1.4551190568711139, 0.5348050843230445],
        losses: [
            0.04245444904045575,
            0.04087284158851441,
            0.004692789734556471,
            0.004818173120158601,
        ],
        sum: 1.294108986000644,
        dead: 0,
    },
    Given {
        address: "seed=0.12345&problem=regression&regDataset=reg-gauss&xSquared=true&networkShape=6,3",
        epochs: 20,
        first: [4.247773950612919, 1.4551190568711139, 0.4630716724002534],
        losses: [
            0.0578189220014385,
            0.0642301072425581,
            0.025503438174973764,
            0.028114338379028266,
        ],
        sum: 0.9733649170605548,
        dead: 0,
    },
    Given {
        address: "seed=0.12345&x=false&y=false&xSquared=true&ySquared=true&networkShape=&initZero=true",
        epochs: 20,
        first: [4.618077316847547, -1.8354395887379444, -1.0],
        losses: [0.5, 0.5, 0.0207717325065436, 0.01844067582135626],
        sum: -0.40426239444238804,
        dead: 0,
    },
];

#[test]
fn points_weights_and_losses_are_those_of_the_original() {
    let is_near = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3);
    for given in &GIVEN {
        let address = given.address;
        let mut run = run(address, 0);
        let first = run.samples.all[0];
        let pairs = [first.x, first.y, first.label].into_iter().zip(given.first);
        pairs.for_each(|(ours, theirs)| assert!(is_near(ours, theirs), "{address}: {first:?}"));
        let before = [run.train.loss, run.test.loss];
        (0..given.epochs).for_each(|_| step(&mut run));
        let losses = [before[0], before[1], run.train.loss, run.test.loss];
        for (ours, theirs) in losses.into_iter().zip(given.losses) {
            assert!(is_near(ours, theirs), "{address}: {ours} instead of {theirs}");
        }
        let network = &run.network;
        let weights = network.layers.iter().flat_map(|layer| layer.weights..layer.biases);
        let sum: f64 = weights.map(|index| network.state.numbers[index]).sum();
        assert!(is_near(sum, given.sum), "{address}: {sum} instead of {}", given.sum);
        let dead = network.state.dead.iter().filter(|dead| **dead).count();
        assert_eq!(dead, given.dead, "{address}");
    }
}
