//! Recurrent layers of PyTorch and Keras give here what they gave there, with each convention of a GRU's gates.

use gradus_io::NamedArray;
use gradus_models::import::{Origin, import_recurrent};
use gradus_nn::layers::{Merge, Recurrent, RecurrentCell, RecurrentConfig, gru, lstm, rnn};
use gradus_nn::{Context, Init, Layer, State, named_states};
use gradus_tensor::{DType, GruReset, GruUpdate, RnnActivation, Tensor};
use gradus_testkit::{GoldenCase, read_golden};

const UNITS: usize = 6;

fn cases() -> Vec<GoldenCase> {
    let file = "/../gradus-nn/tests/fixtures/recurrent.safetensors";
    read_golden(format!("{}{file}", env!("CARGO_MANIFEST_DIR")))
}

/// A file's arrays, below the names that modules give them.
fn arrays(case: &GoldenCase, names: &[String]) -> Vec<NamedArray> {
    let array = |name: &String| {
        let (shape, values) = case.input(name);
        let path = match name.strip_prefix("backward_") {
            Some(name) => format!("bidirectional/backward_layer/{name}"),
            None => format!("encoder.{name}"),
        };
        NamedArray::from_f32(path, shape, &values).unwrap()
    };
    names.iter().map(array).collect()
}

/// The names of a case's weights.
fn weights(case: &GoldenCase) -> Vec<String> {
    let directions = if case.flag("bidirectional") { 2 } else { 1 };
    if case.op().starts_with("keras") {
        let names = ["kernel", "recurrent_kernel", "bias"];
        let prefixes = ["", "backward_"].into_iter().take(directions);
        return prefixes.flat_map(|p| names.map(|name| format!("{p}{name}"))).collect();
    }
    let mut names = vec![];
    for layer in 0..case.size("layers") {
        for way in ["", "_reverse"].into_iter().take(directions) {
            let all = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"];
            let own = &all[..if case.size("projection") > 0 { 5 } else { 4 }];
            names.extend(own.iter().map(|name| format!("{name}_l{layer}{way}")));
        }
    }
    names
}

fn built<C: Copy + Into<RecurrentCell>>(
    config: RecurrentConfig<C>,
    case: &GoldenCase,
) -> Recurrent {
    let layers = if case.op().starts_with("torch") { case.size("layers") } else { 1 };
    let config = config.layers(layers);
    let config =
        if case.flag("bidirectional") { config.bidirectional(Merge::Concat) } else { config };
    config.build(case.input("x").0[2], &Init::new(3).of(DType::F64))
}

/// The layers that can be what the case is.
fn layers(case: &GoldenCase) -> Vec<Recurrent> {
    let (_, kind) = case.op().split_once('_').unwrap();
    match kind {
        "lstm" if case.op().starts_with("torch") && case.size("projection") > 0 => {
            vec![built(lstm(UNITS).projection(case.size("projection")), case)]
        }
        "lstm" => vec![built(lstm(UNITS), case)],
        "gru" => {
            let before = case.op().starts_with("keras") && !case.flag("reset_after");
            let reset = if before { GruReset::Before } else { GruReset::After };
            let updates = [GruUpdate::Cho, GruUpdate::Chung];
            updates.map(|update| built(gru(UNITS).reset(reset).update(update), case)).into()
        }
        _ if case.op().starts_with("torch") && case.flag("relu") => {
            vec![built(rnn(UNITS).activation(RnnActivation::Relu), case)]
        }
        _ => vec![built(rnn(UNITS), case)],
    }
}

fn wide(case: &GoldenCase, name: &str) -> Tensor {
    let (shape, values) = case.input(name);
    Tensor::from_slice(&values, shape).cast(DType::F64)
}

fn take(layer: &Recurrent, arrays: &[NamedArray]) {
    for (name, state) in named_states(layer) {
        let State::Parameter(parameter) = state else { continue };
        let array = arrays.iter().find(|array| array.name == name).unwrap();
        let values: Vec<f64> =
            array.data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let value = Tensor::from_slice(&values, array.shape.as_slice());
        parameter.variable().set(&value).unwrap();
    }
}

#[test]
fn layers_give_what_they_gave_there() {
    let mut count = 0;
    for case in &cases() {
        let keras = case.op().starts_with("keras");
        let origin = if keras { Origin::Keras } else { Origin::PyTorch };
        let file = arrays(case, &weights(case));
        for layer in layers(case) {
            take(&layer, &import_recurrent(&layer, origin, &file).unwrap());
            gives_what_it_gave(&layer, case);
            count += 1;
        }
    }
    assert_eq!(count, 22 + 4 + 3, "each GRU with both update gates");
}

#[track_caller]
fn gives_what_it_gave(layer: &Recurrent, case: &GoldenCase) {
    let (x, cx) = (wide(case, "x"), Context::eval());
    if case.has_input("lengths") {
        let (shape, lengths) = case.ints("lengths");
        cx.set_lengths(&x, &Tensor::from_slice(&lengths, shape));
    }
    let mut state = layer.initial_state(x.size(0));
    if case.op().starts_with("torch") {
        for letter in ["h", "c"] {
            let own = state.iter_mut().filter(|(name, _)| name.starts_with(letter));
            own.enumerate().for_each(|(row, (_, value))| {
                *value = wide(case, &format!("{letter}0")).select(0, row);
            });
        }
    }
    let y = layer.forward_from(&x, &state, &cx).0;
    let (shape, want) = case.output("y");
    assert_eq!(*y.shape(), *shape);
    let found = y.to_vec::<f64>();
    let off = found.iter().zip(want).map(|(y, &w)| (y - f64::from(w)).abs());
    assert!(off.fold(0.0, f64::max) < 1e-6, "{} of {case}", layer.describe());
}

/// A layer of PyTorch's as Keras's layer for cuDNN holds it. Every part of a kernel lies as cuDNN has it, `[units, I]`, under the shape `[I, units]`, and
/// recurrent ones as PyTorch's; a GRU's parts are z, r, n.
fn for_cudnn(case: &GoldenCase) -> Vec<NamedArray> {
    let order: &[usize] = if case.op() == "torch_gru" { &[1, 0, 2] } else { &[0, 1, 2, 3] };
    let side_by_side = |name: &str| {
        let (shape, values) = case.input(name);
        let part = values.len() / order.len();
        let rows = if shape.len() == 2 { shape[1] } else { 1 };
        let row = |row: usize| order.iter().map(move |p| p * part + row * UNITS);
        let all = (0..rows).flat_map(row).flat_map(|at| &values[at..at + UNITS]).copied();
        (rows, all.collect::<Vec<f32>>())
    };
    let array = |name: &str, shape: &[usize], values: &[f32]| {
        NamedArray::from_f32(format!("cu_dnn/{name}:0"), shape, values).unwrap()
    };
    let width = UNITS * order.len();
    let [(inputs, kernel), (_, recurrent), (_, ih), (_, hh)] =
        ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"].map(side_by_side);
    [
        array("kernel", &[inputs, width], &kernel),
        array("recurrent_kernel", &[UNITS, width], &recurrent),
        array("bias", &[2 * width], &[ih, hh].concat()),
    ]
    .into()
}

#[test]
fn layers_for_cudnn_give_what_pytorchs_give() {
    let mut count = 0;
    for case in &cases() {
        let is_one = ["torch_lstm", "torch_gru"].contains(&case.op())
            && case.size("layers") == 1
            && !case.flag("bidirectional")
            && case.size("projection") == 0;
        for layer in layers(case).iter().filter(|_| is_one) {
            take(layer, &import_recurrent(layer, Origin::Keras, &for_cudnn(case)).unwrap());
            gives_what_it_gave(layer, case);
            count += 1;
        }
    }
    assert_eq!(count, 1 + 2, "an LSTM, and a GRU with both update gates");
}

/// PyTorch's cells have the names of layers without a number.
#[test]
fn cells_are_layers() {
    let all = cases();
    let case = all.iter().find(|case| case.op() == "torch_gru").unwrap();
    let file = arrays(case, &weights(case)).into_iter();
    let file: Vec<NamedArray> =
        file.map(|array| NamedArray { name: array.name.replace("_l0", ""), ..array }).collect();
    let layer = built(gru(UNITS), case);
    take(&layer, &import_recurrent(&layer, Origin::PyTorch, &file).unwrap());
    gives_what_it_gave(&layer, case);
}

#[test]
fn what_is_another_layers_is_refused() {
    let all = cases();
    let case = |op: &str, after: bool| {
        let fits = |case: &&GoldenCase| {
            case.op() == op
                && !case.flag("bidirectional")
                && (op.starts_with("torch") || case.flag("reset_after") == after)
        };
        all.iter().find(fits).unwrap()
    };
    let refusal = |layer: &Recurrent, origin, arrays: &[NamedArray]| {
        import_recurrent(layer, origin, arrays).unwrap_err().to_string()
    };
    let torch = case("torch_gru", true);
    let file = arrays(torch, &weights(torch));
    let before = built(gru(UNITS).reset(GruReset::Before), torch);
    assert_eq!(
        refusal(&before, Origin::PyTorch, &file),
        "PyTorch's reset gate works after the product, the layer's before it; the layer can be made with reset(GruReset::After)"
    );
    let after = built(gru(UNITS), torch);
    let keras = case("keras_gru", false);
    assert_eq!(
        refusal(&after, Origin::Keras, &arrays(keras, &weights(keras))),
        "the file's reset gate works before the product, the layer's after it; the layer can be made with reset(GruReset::Before)"
    );
    assert_eq!(
        refusal(&after, Origin::PyTorch, &file[..3]),
        "0 arrays are called `bias_hh_l0`, expected one"
    );
    assert_eq!(
        refusal(&built(rnn(UNITS), torch), Origin::PyTorch, &file),
        "weight_ih_l0 is [4, 18] in the file, expected [4, 6]"
    );
    let more = NamedArray { name: "encoder.weight_ih_l1".into(), ..file[0].clone() };
    assert_eq!(
        refusal(&after, Origin::PyTorch, &[&file[..], &[more]].concat()),
        "`encoder.weight_ih_l1` has no place in GRU(6)"
    );
    let flat = NamedArray::from_f32("weight_ih_l0", [72], &[0.0; 72]).unwrap();
    assert_eq!(
        refusal(&after, Origin::PyTorch, &[&[flat], &file[1..]].concat()),
        "`weight_ih` is [72] in the file, expected 2 axes"
    );
    let keras = arrays(keras, &weights(keras));
    let wide = NamedArray::from_f32("kernel", [4, 19], &[0.0; 76]).unwrap();
    assert_eq!(
        refusal(&after, Origin::Keras, &[&[wide], &keras[1..]].concat()),
        "weight_ih_l0 is [4, 19] in the file, expected [4, 18]"
    );
    let lstm_case = case("torch_lstm", true);
    let peeping = built(lstm(UNITS).peepholes(), lstm_case);
    assert_eq!(
        refusal(&peeping, Origin::PyTorch, &arrays(lstm_case, &weights(lstm_case))),
        "peepholes_l0 has no counterpart in PyTorch's LSTM(6)"
    );
}
