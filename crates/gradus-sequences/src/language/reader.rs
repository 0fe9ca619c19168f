//! A trained network at work: what a text costs, what comes next, what the units say.

use std::sync::Arc;

use gradus_base::{Error, Result};
use gradus_tensor::{Compiled, Step, Tensor, compile};
use gradus_text::{Likelihood, Sampler};

use super::{LanguageNetwork, Memory, ReaderState};

/// So many symbols are read at once by a network that keeps all in a state.
const PIECE: usize = 512;
/// So many windows are read at once by one that sees the last symbols only.
const WINDOWS: usize = 16;

type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// A network that reads and writes. Symbols of one text come after each other, whatever pieces they are read in.
pub struct Reader {
    network: Arc<dyn LanguageNetwork>,
    /// Ids `[1, T]`, the next ones, the state → what each costs, the units, the state after.
    costs: Compiled<Trace>,
    /// The same → the scores of the last.
    next: Compiled<Trace>,
    /// Where a network sees the last symbols only: ids `[N, T]` and the next ones → what each costs, the units.
    windows: Compiled<Trace>,
}

/// What a text costs, symbol by symbol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Nats of each symbol but the first.
    pub nats: Vec<f32>,
    /// What the units of the last layer said after each symbol but the last, one row after the other, if that was asked for.
    pub units: Vec<f32>,
}

impl Written {
    /// The sum.
    pub fn likelihood(&self) -> Likelihood {
        Likelihood {
            nats: self.nats.iter().map(|&n| f64::from(n)).sum(),
            symbols: self.nats.len() as u64,
        }
    }
}

impl Reader {
    /// Of a network with its trained weights.
    pub fn new(network: Arc<dyn LanguageNetwork>) -> Reader {
        let (one, other, last) = (network.clone(), network.clone(), network.clone());
        Reader {
            network,
            costs: compile(Box::new(move |args: &[Tensor]| {
                let [ids, t, state @ ..] = args else { unreachable!("it has ids and targets") };
                let (scores, units, state) = one.read(ids, state);
                let step = Step::new().read(&scores.softmax_cross_entropy(t)).read(&units);
                state.iter().fold(step, |step, tensor| step.read(tensor))
            })),
            next: compile(Box::new(move |args: &[Tensor]| {
                let [ids, state @ ..] = args else { unreachable!("it has ids") };
                let (scores, _, state) = other.read(ids, state);
                state.iter().fold(Step::new().read(&scores), |step, tensor| step.read(tensor))
            })),
            windows: compile(Box::new(move |args: &[Tensor]| {
                let (scores, units, _) = last.read(&args[0], &[]);
                Step::new().read(&scores.softmax_cross_entropy(&args[1])).read(&units)
            })),
        }
    }

    /// What a text costs, from zero state carried through to its end; with `units` also what the units of the last layer say.
    ///
    /// # Errors
    /// When an id is none of the network's symbols, or computing meets a bad value.
    pub fn costs(&mut self, ids: &[i64], units: bool) -> Result<Written> {
        let mut written = Written::default();
        if ids.len() < 2 {
            return Ok(written);
        }
        if let Memory::Last { symbols, row } = self.network.memory() {
            self.in_windows(ids, symbols, row.min(PIECE.max(symbols)), units, &mut written)?;
            return Ok(written);
        }
        if let Memory::Window { symbols } = self.network.memory() {
            self.window_by_window(ids, symbols, units, &mut written)?;
            return Ok(written);
        }
        let mut state = self.network.begin();
        for at in (0..ids.len() - 1).step_by(PIECE) {
            let end = (at + PIECE).min(ids.len() - 1);
            let x = Tensor::from_slice(&ids[at..end], [1, end - at]);
            let t = Tensor::from_slice(&ids[at + 1..=end], [1, end - at]);
            let args: Vec<&Tensor> = [&x, &t].into_iter().chain(&state).collect();
            let count = state.len();
            let out = self.costs.run(&args)?;
            written.nats.extend(out.tensor(0).to_vec::<f32>());
            if units {
                written.units.extend(out.tensor(1).to_vec::<f32>());
            }
            state = (0..count).map(|at| out.tensor(2 + at)).collect();
        }
        Ok(written)
    }

    /// Rows that overlap: each symbol is foreseen from all that the network can see, or, where a row is no longer than that, from half of it at least.
    fn in_windows(
        &mut self,
        ids: &[i64],
        symbols: usize,
        length: usize,
        units: bool,
        written: &mut Written,
    ) -> Result<()> {
        let before = if length > symbols { symbols - 1 } else { length / 2 };
        let kept = length - before;
        let begins: Vec<usize> = {
            let mut all = vec![0];
            let mut told = length;
            while told < ids.len() - 1 {
                all.push(told - (length - kept));
                told += kept;
            }
            all
        };
        for group in begins.chunks(WINDOWS) {
            let (mut x, mut t) = (vec![0; group.len() * length], vec![0; group.len() * length]);
            for (row, &at) in group.iter().enumerate() {
                let end = (at + length).min(ids.len() - 1);
                x[row * length..][..end - at].copy_from_slice(&ids[at..end]);
                t[row * length..][..end - at].copy_from_slice(&ids[at + 1..=end]);
            }
            let shape = [group.len(), length];
            let (x, t) = (Tensor::from_slice(&x, shape), Tensor::from_slice(&t, shape));
            let out = self.windows.run(&[&x, &t])?;
            let (nats, seen) = (out.tensor(0).to_vec::<f32>(), out.tensor(1));
            let width = seen.size(-1);
            let seen = if units { seen.to_vec::<f32>() } else { vec![] };
            for (row, &at) in group.iter().enumerate() {
                let end = (at + length).min(ids.len() - 1);
                let new = if at == 0 { 0 } else { length - kept };
                written.nats.extend(&nats[row * length + new..row * length + (end - at)]);
                if units {
                    let rows =
                        &seen[(row * length + new) * width..(row * length + (end - at)) * width];
                    written.units.extend(rows);
                }
            }
        }
        Ok(())
    }

    /// A window for each symbol.
    fn window_by_window(
        &mut self,
        ids: &[i64],
        symbols: usize,
        units: bool,
        written: &mut Written,
    ) -> Result<()> {
        let ends: Vec<usize> = (1..ids.len()).collect();
        for group in ends.chunks(WINDOWS) {
            let x: Vec<i64> = group.iter().flat_map(|&end| window(&ids[..end], symbols)).collect();
            let t: Vec<i64> = group.iter().map(|&end| ids[end]).collect();
            let (x, t) = (
                Tensor::from_slice(&x, [group.len(), symbols]),
                Tensor::from_slice(&t, [group.len(), 1]),
            );
            let out = self.windows.run(&[&x, &t])?;
            written.nats.extend(out.tensor(0).to_vec::<f32>());
            if units {
                written.units.extend(out.tensor(1).to_vec::<f32>());
            }
        }
        Ok(())
    }

    /// Goes on with a text by so many symbols, each given to `each` as it is drawn; `each` says whether to go on.
    ///
    /// # Errors
    /// When an id is none of the network's symbols, nothing can be drawn from the scores, or there is no symbol to begin with.
    pub fn write(
        &mut self,
        prime: &[i64],
        count: usize,
        sampler: &mut Sampler,
        mut each: impl FnMut(i64) -> bool,
    ) -> crate::Result<Vec<i64>> {
        let mut ids = prime.to_vec();
        if prime.is_empty() {
            return Err(Error::value(
                "prime",
                "found no symbol, expected at least one to go on from",
            )
            .into());
        }
        let mut state = self.network.begin();
        let mut scores = self.scores_after(prime, &mut state)?;
        for _ in 0..count {
            let id = sampler.sample_after(&scores, &ids)?;
            ids.push(id);
            if !each(id) {
                break;
            }
            scores = match self.network.memory() {
                Memory::Last { .. } | Memory::Window { .. } => {
                    self.scores_after(&ids, &mut state)?
                }
                Memory::State => self.scores_after(&[id], &mut state)?,
            };
        }
        Ok(ids)
    }

    /// The scores of what comes after these symbols, and what is kept in mind of them.
    fn scores_after(&mut self, ids: &[i64], state: &mut ReaderState) -> Result<Vec<f32>> {
        if let Memory::Last { symbols, .. } = self.network.memory() {
            let seen = &ids[ids.len().saturating_sub(symbols)..];
            let mut padded = seen.to_vec();
            padded.resize(symbols, 0); // what comes after changes nothing before it
            let out = self.next.run(&[&Tensor::from_slice(&padded, [1, symbols])])?;
            return Ok(out.tensor(0).select(1, seen.len() - 1).to_vec::<f32>());
        }
        if let Memory::Window { symbols } = self.network.memory() {
            let seen = Tensor::from_slice(&window(ids, symbols), [1, symbols]);
            let mut scores = self.next.run(&[&seen])?.tensor(0).to_vec::<f32>();
            scores[0] = f32::NEG_INFINITY; // nothing is what never comes
            return Ok(scores);
        }
        let mut scores = vec![];
        for piece in ids.chunks(PIECE) {
            let x = Tensor::from_slice(piece, [1, piece.len()]);
            let args: Vec<&Tensor> = [&x].into_iter().chain(&*state).collect();
            let out = self.next.run(&args)?;
            scores = out.tensor(0).select(1, piece.len() - 1).to_vec::<f32>();
            *state = (0..state.len()).map(|at| out.tensor(1 + at)).collect();
        }
        Ok(scores)
    }
}

/// The last so many of these symbols, and before them as many zeros as it takes.
fn window(ids: &[i64], symbols: usize) -> Vec<i64> {
    let seen = &ids[ids.len().saturating_sub(symbols)..];
    let mut window = vec![0; symbols - seen.len()];
    window.extend(seen);
    window
}
