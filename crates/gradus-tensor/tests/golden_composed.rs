//! Ops that are compositions, values and gradients, against PyTorch's in f64 (`fixtures/make_composed.py`).

use gradus_tensor::{
    Attention, Beyond, Conv3, DType, Pool3, RoiAlign, Sampling, Scatter, Tensor, Unfold, gradients,
};
use gradus_testkit::formula;

/// A shape and its elements.
type Numbers = (Vec<usize>, Vec<f64>);

fn numbers(text: &str) -> Numbers {
    let (sizes, values) = text.split_once(':').expect("a shape");
    let sizes = sizes.split(',').filter(|n| !n.is_empty()).map(|n| n.trim().parse().unwrap());
    (sizes.collect(), values.split_whitespace().map(|x| x.parse().unwrap()).collect())
}

fn near(what: &str, found: &Tensor, (shape, want): &Numbers) {
    assert_eq!(found.shape()[..], shape[..], "{what}");
    let largest = want.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    for (i, (a, b)) in found.to_vec::<f64>().iter().zip(want).enumerate() {
        assert!((a - b).abs() < 1e-7 * largest, "{what}: element {i} is {a}, expected {b}");
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let lines = include_str!("fixtures/composed.txt").lines();
    let mut cases = 0;
    for line in lines {
        let mut parts = line.split(" ; ");
        let name = parts.next().expect("a name");
        let value = numbers(parts.next().expect("a value"));
        let wanted: Vec<Numbers> = parts.map(numbers).collect();
        let inputs: Vec<Tensor> = (0..)
            .zip(&wanted)
            .map(|(salt, (shape, values))| {
                let elements: Vec<f64> = formula(values.len(), salt).collect();
                Tensor::from_slice(&elements, gradus_tensor::Shape::new(shape))
            })
            .collect();
        let y = computed(name, &inputs);
        near(name, &y, &value);
        let found = gradients(&y.square().sum(..), &inputs).expect("gradients");
        for (i, (dx, want)) in found.iter().zip(&wanted).enumerate() {
            let dx = dx.clone().unwrap_or_else(|| inputs[i].zeros_like());
            near(&format!("{name}, gradient {i}"), &dx, want);
        }
        cases += 1;
    }
    assert_eq!(cases, 41);
}

fn computed(name: &str, x: &[Tensor]) -> Tensor {
    let words: Vec<&str> = name.split(' ').collect();
    match words[0] {
        "grid_sample" | "grid_sample3" => grid_sample(&words, x),
        "affine_grid" => x[0].affine_grid(&[3, 4], words[1] == "1"),
        "conv3d" => x[0].conv3d(&x[1], conv([[1, 1], [0, 0], [2, 2]])),
        "conv_transpose3d" => x[0].conv_transpose3d(&x[1], conv([[1, 1], [0, 0], [1, 1]])),
        "max_pool3d" => x[0].max_pool3d(pool()),
        "mean_pool3d" => x[0].mean_pool3d(pool()),
        "attention" => {
            let how = match words.get(1) {
                Some(&"causal") => Attention::new().causal().scale(0.3),
                _ => Attention { mask: x.get(3).cloned(), ..Attention::new() },
            };
            x[0].scaled_dot_product_attention(&x[1], &x[2], &how)
        }
        "fold" => x[0].fold(&[5, 5], &Unfold::new(&[2, 3])),
        "unfold" => {
            let windows = Unfold {
                stride: vec![2, 1],
                padding: vec![[1, 1], [2, 2]],
                ..Unfold::new(&[2, 3])
            };
            x[0].unfold(&windows)
        }
        "einsum" => Tensor::einsum(words[1], &x.iter().collect::<Vec<_>>()),
        "roi_align" => roi_align(&words, &x[0]),
        "scatter" => scatter(words[1], x),
        other => panic!("no case for {other}"),
    }
}

fn grid_sample(words: &[&str], x: &[Tensor]) -> Tensor {
    let sampling = match words[1] {
        "bilinear" => Sampling::Linear,
        "nearest" => Sampling::Nearest,
        _ => Sampling::Cubic,
    };
    let beyond = match words[2] {
        "zeros" => Beyond::Zeros,
        "border" => Beyond::Border,
        _ => Beyond::Reflection,
    };
    let scale = if words[0] == "grid_sample" { 1.4 } else { 1.0 };
    x[0].grid_sample(&(&x[1] * scale), sampling, beyond, words[3] == "1")
}

fn conv(padding: [[usize; 2]; 3]) -> Conv3 {
    Conv3 { stride: [2, 1, 2], padding, dilation: [1, 2, 1], groups: 2 }
}

fn pool() -> Pool3 {
    Pool3 {
        kernel: [3, 2, 2],
        stride: [2, 1, 2],
        padding: [[1, 1], [0, 0], [1, 1]],
        ..Pool3::new(1)
    }
}

fn roi_align(words: &[&str], x: &Tensor) -> Tensor {
    let boxes = [[0.5, 0.5, 6.0, 4.0], [2.0, -1.0, 3.0, 9.0], [1.0, 1.0, 1.2, 1.1]];
    let points = words[2].parse().expect("a number of points");
    let aligned = words[1] == "1";
    let how = RoiAlign { size: [2, 3], scale: 0.5, points, aligned, largest: false };
    x.roi_align(&Tensor::from(boxes).cast(DType::F64), &Tensor::from([1i64, 0, 1]), how)
}

fn scatter(how: &str, x: &[Tensor]) -> Tensor {
    let how = match how {
        "prod" => Scatter::Mul,
        "amax" => Scatter::Max,
        "amin" => Scatter::Min,
        _ => Scatter::Add,
    };
    x[0].scatter(1, &Tensor::from([[0i64, 2, 2, 1], [4, 4, 0, 4]]), &x[1], how)
}
