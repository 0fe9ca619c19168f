//! The weights of one layer in one direction, and its run over a sequence.   zx [T, B, G·H]   y [T, B, P]

use super::cell::{Cell, Lstm};
use super::config::Form;
use super::start::Start;
use super::unrolled;
use crate::layers::{BatchNorm, batch_norm};
use crate::{Context, Init, Parameter, State, Visitor};
use gradus_base::Shape;
use gradus_tensor::{GruOptions, GruReset, LstmOptions, RnnOptions, Tensor};

/// ε of a layer norm.
pub(super) const EPS: f64 = 1e-5;

/// One layer in one direction.
#[derive(Clone, Debug)]
pub(super) struct Direction {
    /// What the names of its parameters end with: `l0`, `l1_reverse`.
    pub suffix: String,
    pub reverse: bool,
    pub weight_ih: Parameter,
    pub weight_hh: Parameter,
    /// There is none where a norm has a shift.
    pub bias: Option<Parameter>,
    pub bias_hn: Option<Parameter>,
    pub peepholes: Option<Parameter>,
    pub weight_hr: Option<Parameter>,
    norm: Option<BatchNorm>,
    pub layer_norm: Option<LayerNorm>,
    /// h, and c of an LSTM.
    pub starts: Vec<(&'static str, usize, Start)>,
}

/// What a layer norm multiplies by; the bias is added to the first.
#[derive(Clone, Debug)]
pub(super) struct LayerNorm {
    pub ih: Parameter,
    pub hh: Parameter,
    pub c: Parameter,
    pub c_bias: Parameter,
}

/// What a run gives.
pub(super) struct Ran {
    /// `[T, B, P]`
    pub y: Tensor,
    /// h, and c of an LSTM, after the last step.
    pub end: Vec<Tensor>,
    /// To be looked at, each `[T, B, ..]`.
    pub seen: Vec<(&'static str, Tensor)>,
}

impl Direction {
    #[track_caller]
    pub(super) fn new(
        cell: &Cell,
        form: &Form,
        layer: usize,
        reverse: bool,
        inputs: usize,
        init: &Init,
    ) -> Direction {
        let units = form.units;
        let (width, state) = (cell.parts() * units, cell.projection().unwrap_or(units));
        let dtype = init.dtype();
        let drawn = |with, rows: usize, columns: usize| {
            let shape = Shape::from([rows, columns]);
            Parameter::weight(&init.tensor(with, shape, rows, columns))
        };
        let full =
            |size: usize, value: f64| Parameter::bias(&Tensor::full_of([size], value, dtype));
        let weight_ih = drawn(form.init, inputs, width);
        let weight_hh = drawn(form.recurrent_init, state, width);
        let weight_hr = cell.projection().map(|size| drawn(form.init, units, size));
        let biases = Tensor::from_slice(&cell.biases(units), [width]).cast(dtype);
        let norm = form.batch_norm.then(|| batch_norm().build(width, init));
        if let Some(norm) = &norm {
            norm.bias.variable().set(&biases).expect("a bias for each part of each unit");
        }
        let layer_norm = cell.has_layer_norm().then(|| LayerNorm {
            ih: full(width, 1.0),
            hh: full(width, 1.0),
            c: full(units, 1.0),
            c_bias: full(units, 0.0),
        });
        let resets_after = matches!(cell, Cell::Gru(gru) if gru.reset == GruReset::After);
        let rows = match cell {
            Cell::Lstm(Lstm { gates, peepholes: true, .. }) => gates.count() - 1,
            _ => 0,
        };
        let zeros = |shape: [usize; 2]| Parameter::weight(&Tensor::full_of(shape, 0.0, dtype));
        let start = |(name, size)| (name, size, Start::new(form.initial_state, size, dtype));
        Direction {
            suffix: format!("l{layer}{}", if reverse { "_reverse" } else { "" }),
            reverse,
            weight_ih,
            weight_hh,
            bias: norm.is_none().then(|| Parameter::bias(&biases)),
            bias_hn: resets_after.then(|| full(units, 0.0)),
            peepholes: (rows > 0).then(|| zeros([rows, units])),
            weight_hr,
            norm,
            layer_norm,
            starts: cell.state(units).into_iter().map(start).collect(),
        }
    }

    pub(super) fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        let mut entry = |name: &str, parameter: Option<&'a Parameter>| {
            if let Some(parameter) = parameter {
                visitor(&format!("{name}_{}", self.suffix), State::Parameter(parameter));
            }
        };
        entry("weight_ih", Some(&self.weight_ih));
        entry("weight_hh", Some(&self.weight_hh));
        entry("bias", self.bias.as_ref());
        entry("bias_hn", self.bias_hn.as_ref());
        entry("peepholes", self.peepholes.as_ref());
        entry("weight_hr", self.weight_hr.as_ref());
        let norm = self.layer_norm.as_ref();
        entry("norm_ih", norm.map(|norm| &norm.ih));
        entry("norm_hh", norm.map(|norm| &norm.hh));
        entry("norm_c", norm.map(|norm| &norm.c));
        entry("norm_c_bias", norm.map(|norm| &norm.c_bias));
        if let Some(norm) = &self.norm {
            visitor(&format!("norm_{}", self.suffix), State::Child(norm));
        }
        for (name, _, start) in &self.starts {
            start.visit(&format!("{name}_{}", self.suffix), visitor);
        }
    }

    /// The input's share of all parts, `[.., G·H]`, of x `[.., I]`; `there` is 1 where a place counts, `[.., 1]`.
    #[track_caller]
    pub(super) fn project(&self, x: &Tensor, there: Option<&Tensor>, cx: &Context) -> Tensor {
        let zx = x.matmul(&self.weight_ih.tensor()); // [.., G·H]
        let bias = self.bias.as_ref().map(Parameter::tensor);
        match (&self.norm, &self.layer_norm, bias) {
            (Some(norm), ..) => {
                let shape = zx.shape();
                let rows = |x: &Tensor| x.reshape([x.len() / x.size(-1).max(1), x.size(-1)]);
                norm.over_rows(&rows(&zx), there.map(rows).as_ref(), cx).reshape(shape)
            }
            (_, Some(norm), Some(bias)) => zx.layer_norm(&norm.ih.tensor(), &bias, EPS),
            (_, _, Some(bias)) => zx + bias,
            (..) => zx,
        }
    }

    /// What a state begins with in this pass.
    #[track_caller]
    pub(super) fn start(&self, who: &str, batch: usize, cx: &Context) -> Vec<Tensor> {
        let dtype = self.weight_hh.variable().dtype();
        let tensor =
            |(_, size, start): &(_, usize, Start)| start.tensor(who, [batch, *size], dtype, cx);
        self.starts.iter().map(tensor).collect()
    }

    /// All steps. `kept` is what is left of the state where it is multiplied, `[B, P]`.
    #[track_caller]
    pub(super) fn run(
        &self,
        cell: &Cell,
        zx: &Tensor,
        start: &[Tensor],
        lengths: Option<&Tensor>,
        kept: Option<&Tensor>,
    ) -> Ran {
        if kept.is_some() || self.layer_norm.is_some() {
            return unrolled::run(self, cell, zx, start, lengths, kept);
        }
        let (wh, reverse) = (self.weight_hh.tensor(), self.reverse);
        match cell {
            Cell::Rnn(rnn) => {
                let options = RnnOptions { activation: rnn.activation, reverse };
                let out = zx.rnn(&wh, &start[0], lengths, &options);
                Ran { y: out.y, end: vec![out.h], seen: vec![] }
            }
            Cell::Gru(gru) => {
                let bias = self.bias_hn.as_ref().map(Parameter::tensor);
                let (reset, update) = (gru.reset, gru.update);
                let options = GruOptions { reset, update, bias: bias.as_ref(), reverse };
                let out = zx.gru(&wh, &start[0], lengths, &options);
                Ran { y: out.y, end: vec![out.h], seen: vec![("gates", out.gates)] }
            }
            Cell::Lstm(lstm) => {
                let [peepholes, projection] =
                    [&self.peepholes, &self.weight_hr].map(|p| p.as_ref().map(Parameter::tensor));
                let options = LstmOptions {
                    gates: lstm.gates,
                    linear_input: lstm.linear_input,
                    linear_output: lstm.linear_output,
                    peepholes: peepholes.as_ref(),
                    projection: projection.as_ref(),
                    reverse,
                };
                let out = zx.lstm(&wh, &start[0], &start[1], lengths, &options);
                let seen = vec![("gates", out.gates), ("cells", out.cells)];
                Ran { y: out.y, end: vec![out.h, out.c], seen }
            }
        }
    }
}
