//! Files of weights that fit in more than one way, or whose names say little: what is taken, and what is said.

use gradus_io::{DType, NamedArray};
use gradus_models::import::{Imported, Origin, flattened, import, readings};
use gradus_models::{Design, Layout, Library, googlenet_bn, googlenet_bn_aux, names};
use gradus_nn::layers::*;
use gradus_nn::{Init, Sequential, State, named_states};

/// Twelve square layers.
fn stack() -> Sequential {
    (0..12).fold(Sequential::new([2], &Init::new(0)), |net, _| net.add(dense(2)))
}

/// The arrays of layer i hold i.
fn numbered(name: impl Fn(usize) -> String) -> Vec<NamedArray> {
    let layer = |i: usize| {
        let array = |part: &str, shape: &[usize]| {
            let values = vec![i as f32; shape.iter().product()];
            NamedArray::from_f32(format!("{}.{part}", name(i)), shape, &values).unwrap()
        };
        [array("bias", &[2]), array("weight", &[2, 2])]
    };
    (0..12).flat_map(layer).collect()
}

/// What the layers' biases hold, in the network's order.
fn order(imported: &Imported) -> Vec<usize> {
    let biases = imported.arrays.iter().filter(|a| a.name.ends_with(".bias"));
    biases.map(|a| a.to_f32().unwrap()[0] as usize).collect()
}

fn all(model: &Sequential, arrays: Vec<NamedArray>, origins: &[Origin]) -> Vec<Imported> {
    readings(model, &flattened(model), origins, arrays.into(), false).unwrap()
}

#[test]
fn sorted_names_are_taken_by_their_numbers() {
    let model = stack();
    let counting: Vec<usize> = (0..12).collect();
    let mut sorted = numbered(|i| format!("blocks.{i}.dense"));
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let found = all(&model, sorted, &[Origin::PyTorch]);
    assert_eq!(order(&found[0]), counting);
    assert!(found[0].by_order && found[0].natural);
    assert_eq!(found[0].exchangeable.len(), 12);
    // The file's own order fits as well, so it is not hidden.
    assert_eq!(order(&found[1]), [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(!found[1].natural && found.len() == 2);
    // With leading zeros both orders are one.
    let found = all(&model, numbered(|i| format!("blocks.{i:02}.dense")), &[Origin::PyTorch]);
    assert_eq!((found.len(), order(&found[0])), (1, counting.clone()));
    // A file that is not sorted keeps the order of definition, whatever its numbers say.
    let found = all(&model, numbered(|i| format!("part{}", (5 * i) % 12)), &[Origin::PyTorch]);
    assert_eq!((found.len(), order(&found[0])), (1, counting));
    assert!(found[0].by_order && !found[0].natural);
}

#[test]
fn names_come_before_order() {
    let model = stack();
    // Ours are dense1 to dense12; they lie backwards in the file, and one is called otherwise.
    let mut arrays = numbered(|i| match i {
        3 => "head".into(),
        i => format!("dense{}", i + 1),
    });
    arrays.reverse();
    let found = all(&model, arrays, &[Origin::PyTorch]);
    assert_eq!(order(&found[0]), (0..12).collect::<Vec<_>>());
    assert!(found[0].by_order && found[0].exchangeable.is_empty(), "only one is left for the head");
}

#[test]
fn square_layers_fit_turned_or_not() {
    let model = Sequential::new([3], &Init::new(0)).add(dense(3).bias(false));
    let values: Vec<f32> = (0..9).map(|i| i as f32).collect();
    let weight = NamedArray::from_f32("dense1.weight", [3, 3], &values).unwrap();
    let origins = [Origin::PyTorch, Origin::Gradus, Origin::Keras];
    let found = all(&model, vec![weight.clone()], &origins);
    let [turned, plain] = &found[..] else { panic!("{}", found.len()) };
    assert_eq!((turned.origin, plain.origin), (Origin::PyTorch, Origin::Gradus));
    assert_eq!(turned.arrays[0].data, weight.permuted(&[1, 0]).data);
    assert_eq!(plain.arrays[0].data, weight.data);
    // What is symmetric is the same either way; what is not square fits one way.
    let even = NamedArray::from_f32("dense1.weight", [3, 3], &[0.25; 9]).unwrap();
    assert_eq!(all(&model, vec![even], &origins).len(), 1);
    let model = Sequential::new([3], &Init::new(0)).add(dense(2).bias(false));
    let flat = NamedArray::from_f32("dense1.weight", [3, 2], &values[..6]).unwrap();
    let found = all(&model, vec![flat], &origins);
    assert_eq!((found.len(), found[0].origin), (1, Origin::Gradus));
}

fn small() -> Sequential {
    Sequential::new([1, 6, 6], &Init::new(0))
        .add_named("conv1", conv2d(2, 3).bias(false))
        .add_named("bn1", batch_norm())
        .add(flatten())
        .add_named("fc", dense(3))
}

/// Its arrays as PyTorch has them, in the order of definition.
fn small_arrays() -> Vec<NamedArray> {
    let shapes: [(&str, &[usize]); 7] = [
        ("conv1.weight", &[2, 1, 3, 3]),
        ("bn1.weight", &[2]),
        ("bn1.bias", &[2]),
        ("bn1.running_mean", &[2]),
        ("bn1.running_var", &[2]),
        ("fc.weight", &[3, 32]),
        ("fc.bias", &[3]),
    ];
    let array = |(i, &(name, shape)): (usize, &(&str, &[usize]))| {
        let len: usize = shape.iter().product();
        let values: Vec<f32> = (0..len).map(|x| (10 * i + x) as f32).collect();
        NamedArray::from_f32(name, shape, &values).unwrap()
    };
    shapes.iter().enumerate().map(array).collect()
}

fn of_small(arrays: Vec<NamedArray>) -> gradus_io::Result<Imported> {
    let model = small();
    import(&model, &flattened(&model), Origin::PyTorch, arrays, false)
}

fn renamed(arrays: Vec<NamedArray>, name: impl Fn(usize, &str) -> String) -> Vec<NamedArray> {
    let rename = |(i, a): (usize, NamedArray)| NamedArray { name: name(i, &a.name), ..a };
    arrays.into_iter().enumerate().map(rename).collect()
}

#[test]
fn wrappers_are_taken_off() {
    let expected = of_small(small_arrays()).unwrap();
    assert!(!expected.by_order);
    for wrapper in ["module", "model", "net", "_orig_mod.module", "a.b.c", "module._orig_mod"] {
        let arrays = renamed(small_arrays(), |_, name| format!("{wrapper}.{name}"));
        assert_eq!(of_small(arrays).unwrap(), expected, "{wrapper}");
    }
    // Beside what the wrapper does not hold.
    let mut arrays = renamed(small_arrays(), |_, name| format!("net.{name}"));
    arrays.push(NamedArray::from_f32("criterion.weight", [3], &[1.0; 3]).unwrap());
    let found = of_small(arrays).unwrap();
    assert_eq!((&found.arrays, &found.left_out), (&expected.arrays, &vec!["criterion".to_owned()]));
}

#[test]
fn counters_are_no_weights() {
    let expected = of_small(small_arrays()).unwrap();
    let mut arrays = vec![];
    for array in small_arrays() {
        let layer = array.name.split('.').next().unwrap().to_owned();
        if array.name.ends_with(".weight") {
            for part in ["total_ops", "total_params"] {
                let count = vec![0; 8];
                arrays.push(
                    NamedArray::new(format!("{layer}.{part}"), DType::F64, [1], count).unwrap(),
                );
            }
        }
        arrays.push(array);
    }
    let steps = NamedArray::new("bn1.num_batches_tracked", DType::I64, [], vec![0; 8]);
    arrays.push(steps.unwrap());
    let whole = ["total_ops", "total_params"];
    arrays.extend(whole.map(|n| NamedArray::from_f32(n, [1], &[0.0]).unwrap()));
    assert_eq!(of_small(arrays).unwrap(), expected);
}

#[test]
fn a_plain_list_is_taken_in_its_order() {
    let expected = of_small(small_arrays()).unwrap();
    for prefix in ["", "arr_"] {
        let found = of_small(renamed(small_arrays(), |i, _| format!("{prefix}{i}"))).unwrap();
        assert_eq!(found.arrays, expected.arrays);
        assert!(found.by_order && found.exchangeable.is_empty());
    }
    // Ten and more, in the alphabet's order as an archive may have them.
    let model = stack();
    let flat = |i: usize, a: &NamedArray| NamedArray { name: format!("arr_{i}"), ..a.clone() };
    let pairs = numbered(|i| i.to_string());
    let weights_first = pairs.chunks(2).flat_map(|pair| [&pair[1], &pair[0]]);
    let mut list: Vec<NamedArray> = weights_first.enumerate().map(|(i, a)| flat(i, a)).collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(order(&all(&model, list, &[Origin::PyTorch])[0]), (0..12).collect::<Vec<_>>());
    // `parameters()` lacks what a batch norm counted: that is said.
    let parameters = small_arrays().into_iter().filter(|a| !a.name.contains("running"));
    let error = of_small(renamed(parameters.collect(), |i, _| i.to_string())).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("missing in the file (2):") && text.contains("bn1.running_mean [2]"),
        "{text}"
    );
}

#[test]
fn nothing_is_no_part() {
    let model = small();
    let foreign = renamed(small_arrays().split_off(5), |_, name| name.replace("fc", "decoder"));
    let partial = |arrays| import(&model, &flattened(&model), Origin::PyTorch, arrays, true);
    let text = partial(foreign).unwrap_err().to_string();
    assert!(text.starts_with("the weights are not this network's"), "{text}");
    assert!(text.contains("conv1: weight [2, 1, 3, 3]"), "{text}");
    assert!(partial(vec![]).is_err());
    let head = partial(small_arrays().split_off(5)).unwrap();
    assert_eq!((head.arrays.len(), &*head.missing), (2, &["conv1".to_owned(), "bn1".into()][..]));
}

/// torchvision's file has both heads; a network without them passes them over.
#[test]
fn googlenets_heads_are_taken_or_passed_over() {
    let design = Design::new([3, 64, 64], 5).width(0.125);
    let heads = googlenet_bn_aux(&design, &Init::new(0));
    let shape = |wanted: &str| {
        let states = named_states(&heads);
        let found = states.into_iter().find(|(path, _)| path == wanted).unwrap().1;
        match found {
            State::Parameter(p) => p.variable().shape().to_vec(),
            State::Buffer(v) => v.shape().to_vec(),
            State::Child(_) => unreachable!(),
        }
    };
    let named = names("googlenet_bn_aux", Library::Torchvision, &heads).unwrap();
    let mut file = vec![];
    for (i, name) in named.iter().enumerate() {
        let mut shape = shape(&name.ours);
        if name.layout == Layout::Transposed {
            shape.reverse();
        }
        let values = vec![i as f32; shape.iter().product()];
        file.push(NamedArray::from_f32(name.theirs.clone(), shape, &values).unwrap());
    }
    let of = |model: &Sequential| {
        import(model, &flattened(model), Origin::PyTorch, file.clone(), false).unwrap()
    };
    let with = of(&heads);
    assert!(!with.by_order && with.left_out.is_empty());
    for (i, name) in named.iter().enumerate() {
        let array = with.arrays.iter().find(|a| a.name == name.ours).unwrap();
        assert_eq!(array.to_f32().unwrap()[0], i as f32, "{} and {}", name.ours, name.theirs);
    }
    let without = of(&googlenet_bn(&design, &Init::new(0)));
    assert!(!without.by_order && without.left_out.len() == 8, "{:?}", without.left_out);
    assert!(without.left_out.iter().all(|name| name.starts_with("aux")));
}
