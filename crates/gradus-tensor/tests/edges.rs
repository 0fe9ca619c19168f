//! Pointwise functions and their derivatives of both orders at kinks, at large arguments, at infinity and of NaN, beside
//! PyTorch's: `fixtures/edges.txt`.

use gradus_tensor::{DType, Tensor, grad};
use std::collections::BTreeMap;

fn function(name: &str) -> fn(&Tensor) -> Tensor {
    match name {
        "abs" => |x| x.abs(),
        "atan" => |x| x.atan(),
        "clamp" => |x| x.clamp(-1.0, 3.0),
        "cosh" => |x| x.cosh(),
        "elu" => |x| x.elu(1.0),
        "elu_1.5" => |x| x.elu(1.5),
        "erf" => |x| x.erf(),
        "exp" => |x| x.exp(),
        "exp_m1" => |x| x.exp_m1(),
        "gelu" => |x| x.gelu(),
        "gelu_tanh" => |x| x.gelu_tanh(),
        "hard_sigmoid" => |x| x.hard_sigmoid(),
        "hard_swish" => |x| x.hard_swish(),
        "hard_tanh" => |x| x.hard_tanh(),
        "leaky_relu" => |x| x.leaky_relu(0.25),
        "ln" => |x| x.ln(),
        "ln_1p" => |x| x.ln_1p(),
        "log_sigmoid" => |x| x.log_sigmoid(),
        "mish" => |x| x.mish(),
        "pow_3" => |x| x.pow(3.0),
        "recip" => |x| x.recip(),
        "relu" => |x| x.relu(),
        "relu6" => |x| x.relu6(),
        "rsqrt" => |x| x.rsqrt(),
        "selu" => |x| x.selu(),
        "sigmoid" => |x| x.sigmoid(),
        "silu" => |x| x.silu(),
        "sinh" => |x| x.sinh(),
        "softplus" => |x| x.softplus(1.0),
        "softplus_2" => |x| x.softplus(2.0),
        "softsign" => |x| x.softsign(),
        "sqrt" => |x| x.sqrt(),
        "square" => |x| x.square(),
        "tanh" => |x| x.tanh(),
        other => panic!("{other} has no counterpart"),
    }
}

/// Whether a number is what PyTorch has. Where that is no number, any will do.
fn agrees(got: f64, want: f64, tolerance: f64) -> bool {
    let near = (got - want).abs() <= tolerance * want.abs().max(1.0);
    near || got == want || want.is_nan()
}

#[test]
fn functions_and_their_derivatives_are_pytorchs() {
    let text = include_str!("fixtures/edges.txt");
    let mut tables: BTreeMap<(&str, &str), Vec<[f64; 4]>> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let numbers = [2, 3, 4, 5].map(|i| words[i].parse().unwrap());
        tables.entry((words[0], words[1])).or_default().push(numbers);
    }
    assert_eq!(tables.len(), 68);
    let mut wrong = vec![];
    for ((name, dtype), rows) in tables {
        let (dtype, tolerance, most) = match dtype {
            "f32" => (DType::F32, 2e-6, f32::MAX.into()),
            _ => (DType::F64, 1e-7, f64::MAX),
        };
        let x: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        let x = Tensor::from_slice(&x, [x.len()]).cast(dtype);
        let y = function(name)(&x);
        let [first] = grad(&y.sum(..), [&x]);
        let [second] = grad(&(&first + &x * 0.0).sum(..), [&x]);
        let found = [y, first, second].map(|t| t.to_vec::<f64>());
        for (i, row) in rows.iter().enumerate() {
            for (order, found) in found.iter().enumerate() {
                let (x, got, want) = (row[0], found[i], row[1 + order]);
                let fails = match (order, x.is_nan()) {
                    (0, true) => !got.is_nan(),
                    // PyTorch's slopes there depend on the function, and in some on the vector's length.
                    (_, true) => false,
                    // The next factor of 2 is ∞.
                    (2, _) if got.is_infinite() && want.abs() > most / 4.0 => false,
                    // x(x + 3), which PyTorch divides by 6, overflows before x does.
                    (0, _) if name == "hard_swish" && want.is_infinite() => {
                        !agrees(got, x, tolerance)
                    }
                    _ => !agrees(got, want, tolerance),
                };
                if fails {
                    wrong.push(format!(
                        "{name} {dtype} order {order} at {x:e}: {got:e}, not {want:e}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
