//! A layer of windows, forwards and backwards, by plain loops: each number can be asked for what it is made of.
//!
//! L input rows and columns, C channels, K window, S stride, D dilation, P padding, C′ kernels.

use super::messages::{Layer, Of, Op, Padding, Sum, Term};
use gradus_base::words::{figure, grouped};

/// Numbers of a layer.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub(super) layer: &'a Layer,
    pub(super) input: &'a [f64],
    pub(super) weights: &'a [f64],
    pub(super) biases: &'a [f64],
}

impl Layer {
    /// Pixels that a row of the window reaches over.
    fn reach(&self) -> usize {
        (self.dilation * (self.window - 1) + 1) as usize
    }

    /// Rows put above and below, columns put left and right.
    pub(super) fn around(&self) -> (usize, usize) {
        let reach = self.reach();
        match self.padding {
            Padding::Valid => (0, 0),
            Padding::Full => (reach - 1, reach - 1),
            Padding::Causal => (reach - 1, 0),
            Padding::Explicit => (self.explicit as usize, self.explicit as usize),
            Padding::Same => {
                let (size, stride) = (self.size as usize, self.stride as usize);
                let total = ((size.div_ceil(stride) - 1) * stride + reach).saturating_sub(size);
                (total / 2, total - total / 2)
            }
        }
    }

    /// Rows and columns of the output.
    pub(super) fn out(&self) -> usize {
        let (size, stride) = (self.size as usize, self.stride as usize);
        let (before, after) = self.around();
        let Some(room) = (size + before + after).checked_sub(self.reach()) else { return 0 };
        match self.ceil && self.op != Op::Convolution {
            false => room / stride + 1,
            true => {
                let count = room.div_ceil(stride) + 1;
                // The last window must begin before the end.
                if (count - 1) * stride >= size + before { count - 1 } else { count }
            }
        }
    }

    /// Channels of the output.
    pub(super) fn maps(&self) -> usize {
        if self.op == Op::Convolution { self.kernels as usize } else { self.channels as usize }
    }

    /// How many numbers the input, the kernels and the output have.
    pub(super) fn counts(&self) -> [usize; 3] {
        let [size, channels, kernels, window] =
            [self.size, self.channels, self.kernels, self.window].map(|n| n as usize);
        let weights =
            if self.op == Op::Convolution { kernels * channels * window * window } else { 0 };
        [channels * size * size, weights, self.maps() * self.out() * self.out()]
    }

    /// Refuses what no layer of the page can be.
    pub(super) fn check(&self) -> Result<(), String> {
        let limits = [
            ("input size L", self.size, 1, 16),
            ("channels", self.channels, 1, 4),
            ("kernels", self.kernels, 1, 4),
            ("kernel size K", self.window, 1, 7),
            ("stride", self.stride, 1, 4),
            ("dilation", self.dilation, 1, 4),
            ("padding", self.explicit, 0, 8),
        ];
        for (what, n, least, most) in limits {
            if !(least..=most).contains(&n) {
                return Err(format!("{what} {n}: expected {least} to {most}"));
            }
        }
        if self.op != Op::Convolution {
            if self.dilation != 1 {
                return Err(format!("a pool with dilation {}: expected 1", self.dilation));
            }
            if matches!(self.padding, Padding::Full | Padding::Causal) {
                return Err("a pool is padded by valid, same or so many pixels; full and causal are for convolutions".into());
            }
            if self.padding == Padding::Explicit && self.explicit > self.window / 2 {
                return Err(format!(
                    "a pool over {0}×{0} with padding {1}: expected half the window at most, or a window could hold nothing",
                    self.window, self.explicit
                ));
            }
        }
        match self.out() {
            0 => Err(format!(
                "a window that reaches over {} pixels does not fit: {} are there",
                self.reach(),
                self.size as usize + self.around().0 + self.around().1
            )),
            _ => Ok(()),
        }
    }

    /// ⌊(L + P − D·(K − 1) − 1) / S⌋ + 1 with its numbers.
    pub(super) fn formula(&self) -> String {
        let (before, after) = self.around();
        let (l, k, s, d, out) = (self.size, self.window, self.stride, self.dilation, self.out());
        let rounded = |inside: String| match self.ceil && self.op != Op::Convolution {
            true => format!("⌈{inside}⌉"),
            false => format!("⌊{inside}⌋"),
        };
        let last = if self.ceil && self.op != Op::Convolution {
            ", and the last window must begin before the end"
        } else {
            ""
        };
        format!(
            "{} + 1 = {out}{last}",
            rounded(format!("({l} + {} − {d}·({k} − 1) − 1) / {s}", before + after))
        )
    }

    pub(super) fn about_padding(&self) -> String {
        let (before, after) = self.around();
        let put = match (before, after) {
            (0, 0) => "Nothing is put around.".into(),
            (a, b) if a == b => format!("{a} rows and columns of zeros on every side."),
            (a, b) => format!("{a} above and left, {b} below and right."),
        };
        let why = match self.padding {
            Padding::Valid => "Valid: only whole windows count, so the output shrinks by D·(K − 1).".into(),
            Padding::Same if before == after => format!("Same: {} outputs, which is ⌈L / S⌉.", self.out()),
            Padding::Same => format!("Same: {} outputs, which is ⌈L / S⌉. An odd one goes below and right, as in TensorFlow and Keras; networks of PyTorch and Caffe pad both sides alike.", self.out()),
            Padding::Full => "Full: every window that touches the input counts, so the output grows by D·(K − 1).".into(),
            Padding::Causal => "Causal: no output sees what lies below or right of it; so are sequences and WaveNet padded.".into(),
            Padding::Explicit => "As you say.".to_owned(),
        };
        format!("{put} {why}")
    }

    pub(super) fn parameters(&self) -> String {
        let [size, c, k, kernels] =
            [self.size, self.channels, self.window, self.kernels].map(u64::from);
        let out = (self.maps() * self.out() * self.out()) as u64;
        let dense = size * size * c * out + out;
        let dense = format!(
            "A dense layer from {} inputs to {} outputs would have {}.",
            grouped(size * size * c),
            grouped(out),
            grouped(dense)
        );
        match self.op {
            Op::Convolution => format!(
                "K·K·C·C′ + C′ = {k}·{k}·{c}·{kernels} + {kernels} = {} parameters, for a picture of any size. {dense}",
                grouped(k * k * c * kernels + kernels)
            ),
            _ => format!("A pool has no parameters. {dense}"),
        }
    }
}

impl Numbers<'_> {
    /// Row or column where tap `tap` of window `window` lies.
    fn place(&self, window: usize, tap: usize) -> i32 {
        let Layer { stride, dilation, .. } = *self.layer;
        (window as u32 * stride + tap as u32 * dilation) as i32 - self.layer.around().0 as i32
    }

    /// The products of an output: pixels times weights, or what a pool has in their place.
    pub(super) fn terms(&self, output: usize) -> Vec<Term> {
        let layer = self.layer;
        let (size, window, out) = (layer.size as usize, layer.window as usize, layer.out());
        let (map, y, x) = (output / (out * out), output / out % out, output % out);
        let is_pool = layer.op != Op::Convolution;
        let channels = if is_pool { map..map + 1 } else { 0..layer.channels as usize };
        let (before, after) = layer.around();
        let end = (size + after) as i32;
        let mut terms = vec![];
        for (c, i) in channels.flat_map(|c| (0..window * window).map(move |i| (c, i))) {
            let [row, column] = [self.place(y, i / window), self.place(x, i % window)];
            let is_inside = [row, column].iter().all(|at| (0..size as i32).contains(at));
            let is_padding = [row, column].iter().all(|at| (-(before as i32)..end).contains(at));
            let input = is_inside.then(|| (c * size + row as usize) * size + column as usize);
            let weight = ((map * layer.channels as usize + c) * window * window + i) as u32;
            let first = input.map_or(0.0, |at| self.input[at]);
            let second = if is_pool {
                f64::from(u8::from(is_padding))
            } else {
                self.weights[weight as usize]
            };
            let weight = (!is_pool).then_some(weight);
            terms.push(Term {
                input: input.map(|at| at as u32),
                weight,
                output: output as u32,
                row,
                column,
                first,
                second,
            });
        }
        match layer.op {
            Op::Convolution => {}
            // The first of the largest; what lies beyond the border never is.
            Op::Max => {
                let mut best: Option<usize> = None;
                for (at, term) in terms.iter().enumerate().filter(|(_, term)| term.input.is_some())
                {
                    if best.is_none_or(|best| term.first > terms[best].first) {
                        best = Some(at);
                    }
                }
                terms
                    .iter_mut()
                    .enumerate()
                    .for_each(|(at, term)| term.second = f64::from(u8::from(best == Some(at))));
            }
            // Zeros of the padding are counted, what only ⌈ ⌉ adds is not.
            Op::Mean => {
                let count: f64 = terms.iter().map(|term| term.second).sum();
                terms.iter_mut().for_each(|term| term.second /= count.max(1.0));
            }
        }
        terms
    }

    fn bias(&self, output: usize) -> f64 {
        let out = self.layer.out();
        self.biases.get(output / (out * out)).copied().unwrap_or(0.0)
    }

    pub(super) fn output(&self) -> Vec<f64> {
        let value = |output: usize| {
            let products = self.terms(output).into_iter().map(|term| term.first * term.second);
            products.sum::<f64>() + self.bias(output)
        };
        (0..self.layer.counts()[2]).map(value).collect()
    }

    /// What the loss gains with each input, weight and bias, if it gains so much with each output: ∂y/∂x is the weight, ∂y/∂w the pixel.
    pub(super) fn slopes(&self, upstream: &[f64]) -> [Vec<f64>; 3] {
        let [inputs, weights, outputs] = self.layer.counts();
        let area = self.layer.out() * self.layer.out();
        let (mut dx, mut dw) = (vec![0.0; inputs], vec![0.0; weights]);
        let mut db = vec![0.0; self.biases.len()];
        for output in 0..outputs {
            for term in self.terms(output) {
                if let Some(at) = term.input {
                    dx[at as usize] += upstream[output] * term.second;
                }
                if let Some(at) = term.weight {
                    dw[at as usize] += upstream[output] * term.first;
                }
            }
            if let Some(db) = db.get_mut(output / area) {
                *db += upstream[output];
            }
        }
        [dx, dw, db]
    }

    /// How an output is computed.
    pub(super) fn of_output(&self, output: u32) -> Sum {
        let terms = self.terms(output as usize);
        let bias = self.bias(output as usize);
        let value = terms.iter().map(|term| term.first * term.second).sum::<f64>() + bias;
        let beyond = terms.iter().filter(|term| term.input.is_none()).count();
        let value_told = figure(value, 6);
        let mut words = match self.layer.op {
            Op::Convolution => format!(
                "{} products and the bias {} add up to {value_told}.",
                terms.len(),
                figure(bias, 4)
            ),
            Op::Max => format!(
                "The largest of {} numbers is {value_told}. It alone is passed on, and it alone gets the gradient.",
                terms.len() - beyond
            ),
            Op::Mean => format!(
                "The mean is {value_told}. Each of its inputs gets an equal share of the gradient."
            ),
        };
        if beyond > 0 {
            words += &format!(" {beyond} of the window's places lie beyond the border.");
        }
        Sum { of: Of::Output, at: output, terms, bias, value, words }
    }

    /// What the loss gains with an input or a weight: over all outputs that read it, gradient times the other factor.
    pub(super) fn of_slope(&self, of: Of, at: u32, upstream: &[f64]) -> Sum {
        let is_input = of == Of::Input;
        let mut terms = vec![];
        for output in 0..self.layer.counts()[2] {
            for term in self.terms(output) {
                let is_meant = if is_input { term.input } else { term.weight } == Some(at);
                let other = if is_input { term.second } else { term.first };
                if is_meant {
                    terms.push(Term { first: upstream[output], second: other, ..term });
                }
            }
        }
        let value = terms.iter().map(|term| term.first * term.second).sum();
        let (count, told) = (terms.len(), figure(value, 6));
        let words = match (is_input, count) {
            (true, 0) => {
                "No window holds this input: no output depends on it, and its gradient is 0.".into()
            }
            (true, n) => format!(
                "This input is read by {n} outputs. Its gradient is, over them, gradient times weight: {told}."
            ),
            (false, n) => format!(
                "This weight is used {n} times, once in each output of its map. Its gradient is, over them, gradient times pixel: {told}."
            ),
        };
        Sum { of, at, terms, bias: 0.0, value, words }
    }
}
