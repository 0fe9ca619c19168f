//! Networks of Caffe: OpenCV's outputs with the same weights, a LeNet that learns, and texts that are wrong.

use gradus_io::NamedArray;
use gradus_io::caffe::{parse_caffemodel, write_caffemodel};
use gradus_io::numpy::{Limits, parse_npz};
use gradus_models::caffe::CaffeNet;
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Context, Init, Layer, State, named_states, parameters};
use gradus_tensor::{Shape, Tensor, gradients};

const MIXED: &str = include_str!("../fixtures/caffe/mixed.prototxt");
const LENET: &str = include_str!("../fixtures/caffe/lenet.prototxt");

fn set(net: &CaffeNet, arrays: &[NamedArray]) {
    let mut count = 0;
    for (path, state) in named_states(net) {
        let variable = match state {
            State::Parameter(p) => p.variable().clone(),
            State::Buffer(v) => v.clone(),
            State::Child(_) => continue,
        };
        let array = arrays.iter().find(|a| a.name == path).unwrap();
        let value = Tensor::from_slice(&array.to_f32().unwrap(), array.shape.as_slice());
        variable.set(&value).unwrap();
        count += 1;
    }
    assert_eq!(count, arrays.len());
}

fn agrees(text: &str, model: &[u8], golden: &[u8]) {
    let net = CaffeNet::parse(text, None, &Init::new(0)).unwrap();
    let (arrays, unused) = net.weights_of(parse_caffemodel(model).unwrap()).unwrap();
    assert!(unused.is_empty(), "{unused:?}");
    set(&net, &arrays);
    let golden = parse_npz(golden, Limits::default()).unwrap();
    let [x, y] = ["x", "y"].map(|name| golden.iter().find(|a| a.name == name).unwrap());
    let x = Tensor::from_slice(&x.to_f32().unwrap(), x.shape.as_slice());
    let found = net.forward(&x, &Context::eval());
    assert_eq!(*found.shape(), *y.shape);
    let (found, expected) = (found.to_vec::<f32>(), y.to_f32().unwrap());
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 2e-5 * largest, "{a} {b} of {largest}");
    }
    // Written anew, the weights come back as they were, a normalisation's sums as means.
    let blobs = net.blobs_of(&arrays).unwrap();
    let written = parse_caffemodel(&write_caffemodel(net.name(), &blobs).unwrap()).unwrap();
    assert_eq!(net.weights_of(written).unwrap().0, arrays);
}

#[test]
fn networks_give_what_opencv_gives() {
    agrees(
        MIXED,
        include_bytes!("../fixtures/caffe/mixed.caffemodel"),
        include_bytes!("../fixtures/caffe/mixed.npz"),
    );
    agrees(
        include_str!("../fixtures/caffe/old.prototxt"),
        include_bytes!("../fixtures/caffe/old.caffemodel"),
        include_bytes!("../fixtures/caffe/old.npz"),
    );
}

#[test]
fn lenet_is_caffes_and_learns() {
    let net = CaffeNet::parse(LENET, Some(Shape::from([1, 28, 28])), &Init::new(0)).unwrap();
    assert_eq!(net.summary().parameters, 431_080);
    assert_eq!((&*net.output_shape(), net.name()), (&[10][..], "LeNet"));
    let names: Vec<String> = net.summary().rows.into_iter().map(|row| row.path).collect();
    assert_eq!(names, ["conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2"]);
    let model = net.into_model(&Init::new(0));
    let paths: Vec<String> = parameters(&model).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths[..2], ["conv1.weight", "conv1.bias"]);
    let x = Tensor::rand([8, 1, 28, 28], 1);
    let t = Tensor::from([0i64, 1, 2, 3, 4, 5, 6, 7]);
    let loss = || cross_entropy(&model.forward(&x, &Context::eval()), &t).mean(..);
    let before = loss();
    let state = parameters(&model);
    let ws: Vec<Tensor> = state.iter().map(|(_, p)| p.tensor()).collect();
    let grads = gradients(&before, &ws).unwrap();
    let step = |((_, p), g): (&(String, gradus_nn::Parameter), &Option<Tensor>)| {
        let g = g.as_ref().expect("every parameter has a gradient");
        (p.variable().clone(), p.tensor() - g * 0.01)
    };
    let steps: Vec<_> = state.iter().zip(&grads).map(step).collect();
    gradus_tensor::update(&[&before], &steps).unwrap();
    assert!(loss().item() < before.item());
}

#[test]
fn each_fault_has_its_place() {
    let fault = |text: &str| {
        let net = CaffeNet::parse(text, Some(Shape::from([3, 8, 8])), &Init::new(0));
        net.err().map(|e| e.to_string()).unwrap_or_default()
    };
    let conv = "layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c'";
    let cases = [
        ("", "not a network of Caffe: it has no layers"),
        ("input: 'x'\nlayer {\n  name 'c'", "line 3, column 8: found 'c', expected : or {"),
        ("input: 'x'\nlayer {", "line 2, column 8: the text ends, expected }"),
        ("input: 'x", "line 1, column 8: the text that begins here has no end"),
        (
            &format!("input: 'x' {conv} convolution_param {{ num_output: 2 }} }}"),
            "line 1, column 12: layer `c`: line 1, column 89: kernel_size is missing",
        ),
        (
            &format!("input: 'x'\n{conv} convolution_param {{ num_output: -2 kernel_size: 3 }} }}"),
            "line 2, column 1: layer `c`: line 2, column 80: num_output is the word -2, expected a \
             number that is not negative",
        ),
        (
            "input: 'x' layer { name: 'p' type: 'Pooling' bottom: 'y' top: 'p' }",
            "line 1, column 12: layer `p`: nothing before it gives its bottom `y`",
        ),
        (
            "input: 'x' layer { name: 's' type: 'SPP' bottom: 'x' top: 's' }",
            "line 1, column 12: layer `s`: line 1, column 30: the type SPP is not known; there are \
             AbsVal, BatchNorm, Concat, Convolution, Dropout, ELU, Eltwise, Flatten, InnerProduct, \
             Input, LRN, PReLU, Pooling, Power, ReLU, Reshape, Scale, Sigmoid, Softmax, Split, TanH",
        ),
        (
            "input: 'x' layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'x' bottom: 'x' }",
            "the network has no layer between its input and its output",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(fault(text), expected);
    }
    // A kernel larger than its picture, groups that do not divide, a sum of unequal shapes.
    let with = |p: &str| fault(&format!("input: 'x' {conv} convolution_param {{ {p} }} }}"));
    assert!(with("num_output: 2 kernel_size: 11").contains("layer `c`"));
    assert!(with("num_output: 2 kernel_size: 3 group: 2").contains("groups"));
    assert!(with("num_output: 99999999999 kernel_size: 3").contains("num_output"));
    assert!(with("num_output: 9999999 kernel_size: 4000").contains("more than 2^29 weights"));
    let large = "input: 'x' input_dim: 1 input_dim: 9999999999 input_dim: 9999999999 input_dim: 2";
    let net = CaffeNet::parse(&format!("{large} {conv} }}"), None, &Init::new(0));
    assert!(net.err().unwrap().to_string().contains("is too large"));
    let sum = "layer { name: 'r' type: 'ReLU' bottom: 'x' top: 'r' } \
        layer { name: 'f' type: 'Flatten' bottom: 'x' top: 'f' } \
        layer { name: 's' type: 'Concat' bottom: 'r' bottom: 'f' top: 's' }";
    assert!(fault(&format!("input: 'x' {sum}")).contains("layer `s`"));
}

#[test]
fn weights_of_another_network_are_listed() {
    let net = CaffeNet::parse(MIXED, None, &Init::new(0)).unwrap();
    let mut blobs = parse_caffemodel(include_bytes!("../fixtures/caffe/mixed.caffemodel")).unwrap();
    blobs.retain(|blob| !blob.name.starts_with("prelu"));
    blobs[0].shape = vec![6, 27];
    blobs.push(NamedArray::from_f32("conv9.0", [1], &[0.0]).unwrap());
    let error = net.weights_of(blobs).unwrap_err().to_string();
    assert_eq!(
        error,
        "the weights are not this network's\n  \
         conv1.weight: the file has [6, 27], the network [6, 3, 3, 3]\n  \
         prelu.weight: the file has no blob prelu.0"
    );
}

/// Every beginning of the text, and the text with each word left out, is read or refused.
#[test]
fn no_broken_text_panics() {
    for (len, _) in MIXED.char_indices().step_by(3) {
        let _ = CaffeNet::parse(&MIXED[..len], None, &Init::new(0));
    }
    let words: Vec<&str> = MIXED.split_inclusive([' ', '\n']).collect();
    for skipped in 0..words.len() {
        let kept = words.iter().enumerate().filter(|(i, _)| *i != skipped).map(|(_, w)| *w);
        let _ = CaffeNet::parse(&kept.collect::<String>(), None, &Init::new(0));
    }
}
