//! An inference whose values are too large for a cache runs some images at a time: the same results, in less memory.

use gradus_tensor::ops::conv2d::{Conv, Padding};
use gradus_tensor::{Pool, Step, Tensor, Variable, compile};

/// Bytes of a feature map of `images` images: 24 channels of 64 × 64.
fn map_bytes(images: usize) -> usize {
    images * 24 * 64 * 64 * 4
}

/// An inverted residual block, a pool with the places of its maxima, and a classifier.
struct Net(Vec<Variable>);

impl Net {
    fn new() -> Net {
        let shapes: [&[usize]; 6] =
            [&[24, 3, 3, 3], &[24], &[24, 1, 3, 3], &[24, 24, 1, 1], &[24, 24, 3, 3], &[24, 10]];
        let variable = |(i, shape): (usize, &&[usize])| {
            Variable::new(format!("w{i}"), &(Tensor::randn(*shape, i as u64) * 0.2))
        };
        Net(shapes.iter().enumerate().map(variable).collect())
    }

    /// The logits, and the pool's indices.
    fn forward(&self, x: &Tensor) -> (Tensor, Tensor) {
        let [stem, bias, depth, point, last, dense] =
            [0, 1, 2, 3, 4, 5].map(|i| self.0[i].tensor());
        let same = Conv::new().padding(Padding::Half);
        let a = (x.conv2d(&stem, same) + bias.reshape([1, 24, 1, 1])).clamp(0.0, 6.0);
        let b = a.conv2d(&depth, same.groups(24)).clamp(0.0, 6.0);
        let c = b.conv2d(&point, same) + &a;
        let d = Tensor::concat(&[&c.conv2d(&last, same.stride(2)), &c.max_pool2d(Pool::new(2))], 1);
        let (e, places) = d.max_pool2d_with_indices(Pool::new(2));
        let features = e.slice(1, 24..) + e.slice(1, ..24);
        (features.mean([2, 3]).matmul(&dense), places)
    }
}

fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    let most = b.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    assert!(most > 0.1);
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-5 * most, "{a} {b}");
    }
}

#[test]
fn images_in_slices_give_what_each_gives_alone() {
    let net = Net::new();
    // 33 images are not a whole number of slices.
    for images in [24, 33] {
        let x = Tensor::randn([images, 3, 64, 64], 9);
        let mut step = compile(|a: &[Tensor]| {
            let (logits, places) = net.forward(&a[0]);
            Step::new().read(&logits).read(&places)
        });
        let plan = step.plan(&[x.node().meta()]).unwrap();
        let convolutions = plan.steps().iter().filter(|s| s.name.starts_with("conv2d")).count();
        assert!(convolutions > 4 && convolutions.is_multiple_of(4), "{convolutions} convolutions");
        assert!(plan.arena_bytes() < 2 * map_bytes(images), "{} bytes", plan.arena_bytes());
        for _ in 0..2 {
            let values = step.run(&[&x]).unwrap();
            let (logits, places) = (values.tensor(0), values.tensor(1));
            for i in [0, 1, images / 2, images - 1] {
                let (one, place) = net.forward(&x.slice(0, i..=i));
                close(&logits.slice(0, i..=i).to_vec::<f32>(), &one.to_vec::<f32>());
                assert_eq!(places.slice(0, i..=i).to_vec::<i32>(), place.to_vec::<i32>());
            }
        }
    }
}

#[test]
fn what_meets_across_images_is_computed_from_all_of_them() {
    let net = Net::new();
    let x = Tensor::randn([24, 3, 64, 64], 9);
    // The mean over the batch is taken of a value in the middle of what could be sliced.
    let forward = |x: &Tensor| {
        let w = net.0[0].tensor();
        let y = x.conv2d(&w, Conv::new().padding(Padding::Half)).relu();
        let z = y.conv2d(&net.0[3].tensor(), Conv::new()).relu();
        let centred = &z - &z.mean([0]).unsqueeze(0);
        centred.square().conv2d(&net.0[3].tensor(), Conv::new())
    };
    let mut step = compile(|a: &[Tensor]| Step::new().read(&forward(&a[0]).mean([1])));
    let y = step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>();
    let z = {
        let alone = |i: usize| {
            let w = net.0[0].tensor();
            let y = x.slice(0, i..=i).conv2d(&w, Conv::new().padding(Padding::Half)).relu();
            y.conv2d(&net.0[3].tensor(), Conv::new()).relu()
        };
        let all: Vec<f32> = (0..24).flat_map(|i| alone(i).to_vec::<f32>()).collect();
        Tensor::from_slice(&all, [24, 24, 64, 64])
    };
    let centred = &z - &z.mean([0]).unsqueeze(0);
    let expected = centred.square().conv2d(&net.0[3].tensor(), Conv::new()).mean([1]);
    close(&y, &expected.to_vec::<f32>());
}

#[test]
fn an_update_keeps_the_batch_whole() {
    let net = Net::new();
    let x = Tensor::randn([24, 3, 64, 64], 9);
    let mut step = compile(|a: &[Tensor]| {
        let (logits, _) = net.forward(&a[0]);
        Step::new().read(&logits).update(&net.0[1], &(net.0[1].tensor() * 0.5))
    });
    let plan = step.plan(&[x.node().meta()]).unwrap();
    let convolutions = plan.steps().iter().filter(|s| s.name.starts_with("conv2d")).count();
    assert_eq!(convolutions, 4);
}
