//! What five hundred lengths cost beside one: sequences of 5 to 500 tokens in batches of like length, of two networks. `tagger` treats each
//! token by three dense layers, in batches as long as their longest sequence, which is planned anew; `tagger16` is the same in batches of a
//! multiple of 16, of which all plans are kept; `cell` is an unrolled recurrent net, in batches of a multiple of 32. `cargo xtask marks lengths` runs this; the last line is what was measured, as JSON.

use gradus::data::{Bucketing, FieldSpec, Padding, Records, Sample, UnitsOf};
use gradus::nn::{Module, Parameter};
use gradus::prelude::*;
use gradus::train::{Fields, Pace, Source, Task};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

const TOKENS: usize = 50;
const HIDDEN: usize = 64;
const BATCH: usize = 32;
const SHORTEST: usize = 5;
const LONGEST: usize = 500;

/// h ← tanh(W[x] + h·U), and what is said of h.
#[derive(Module)]
struct Cell {
    inward: Parameter,
    onward: Parameter,
    said: Parameter,
}

impl Cell {
    fn new() -> Cell {
        let weight = |i: usize, o: usize, seed| {
            Parameter::weight(&(Tensor::randn([i, o], seed) / (i as f64).sqrt()))
        };
        let (inward, onward) = (weight(TOKENS, HIDDEN, 1), weight(HIDDEN, HIDDEN, 2));
        Cell { inward, onward, said: weight(HIDDEN, TOKENS, 3) }
    }
    fn forward(&self, x: &Tensor) -> Tensor {
        let all = self.inward.tensor().embedding(x); // [B, T, HIDDEN]
        let mut h = Tensor::zeros([x.size(0), HIDDEN]);
        let mut states = vec![];
        for k in 0..x.size(1) {
            h = (all.select(1, k) + h.matmul(&self.onward.tensor())).tanh();
            states.push(h.unsqueeze(1));
        }
        Tensor::concat(&states.iter().collect::<Vec<_>>(), 1).matmul(&self.said.tensor()) // [B, T, TOKENS]
    }
}

/// The mean over what is there.
fn per_token(y: &Tensor, batch: &Fields<'_>) -> Measured {
    let (b, places) = (y.size(0), y.size(1));
    let loss = y.reshape([b * places, TOKENS]);
    let loss = loss.softmax_cross_entropy(&batch["t"].reshape([b * places]));
    let there = batch["mask"].cast(DType::F32); // [B, T]
    Measured::new(&((loss.reshape([b, places]) * &there).sum(..) / there.sum(..)))
}

fn task(net: &str) -> Objectives {
    let updater = Updater::new(Adam::new(1e-3));
    let task = Objectives::new(0);
    if net == "cell" {
        let cell = Arc::new(Cell::new());
        let task = task.module("net", cell.clone());
        return task.minimize("loss", updater, &["net"], move |batch, _| {
            per_token(&cell.forward(&batch["x"]), batch)
        });
    }
    let words = Spec::new([1], DType::I64);
    let model = Sequential::new(words, &Init::new(5)).add(embedding(TOKENS, HIDDEN));
    let model = model.add(dense(4 * HIDDEN)).add(relu()).add(dense(HIDDEN)).add(relu());
    let model = Arc::new(model.add(dense(TOKENS)));
    let task = task.module("net", model.clone());
    task.minimize("loss", updater, &["net"], move |batch, cx| {
        per_token(&model.forward(&batch["x"], cx), batch)
    })
}

/// Sequences of these lengths, made when they are read: they take no memory beside the batches.
struct Sequences(Vec<usize>, [FieldSpec; 2]);

impl Records for Sequences {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.1
    }
    fn read(&self, index: usize, sample: &mut Sample) -> gradus::data::Result<()> {
        let len = self.0[index];
        let row: Vec<i64> = (0..len).map(|k| ((k * 7 + len) % TOKENS) as i64).collect();
        sample.put(0, &row)?;
        sample.put(1, &row)
    }
    fn length(&self, index: usize, _field: usize) -> gradus::data::Result<usize> {
        Ok(self.0[index])
    }
}

/// As many sequences of each length as fill a batch; with one length as many tokens.
fn data(net: &str, lengths: &str) -> Anything<RecordLoader> {
    let all = SHORTEST..=LONGEST;
    let mean = (SHORTEST + LONGEST) / 2;
    let one = |len: usize, batches: usize| vec![len; batches * BATCH];
    let lengths = match lengths {
        "all" => all.flat_map(|len| [len; BATCH]).collect(),
        "one" => one(mean, all.count()),
        _ => one(LONGEST, 60),
    };
    let fields = ["x", "t"].map(|name| FieldSpec::ragged(name, DType::I64, &[]));
    let records = Sequences(lengths, fields);
    let every = |n| (n, Bucketing::boundaries("x", (n..LONGEST).step_by(n).collect::<Vec<_>>()));
    let (multiple, bucketing) = match net {
        "cell" => every(32),
        "tagger16" => every(16),
        _ => (1, Bucketing::windows("x", LONGEST)),
    };
    let padding = Padding { multiple, lengths: false, mask: true, ..Padding::default() };
    let options = RecordOptions {
        batch_size: BATCH,
        shuffle: true,
        padding: vec![("x".into(), padding), ("t".into(), Padding::along("x"))],
        units: UnitsOf::Lengths("x".into()),
        bucketing: Some(bucketing),
        ..RecordOptions::default()
    };
    Ok(RecordLoader::new(records, options)?)
}

/// The most memory that was resident, in MiB.
fn peak() -> Anything<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or("the system tells no peak")?.parse::<f64>()? / 1024.0)
}

/// Two epochs in a process of its own: microseconds per true token of each, then the peak.
fn train(net: &str, lengths: &str) -> Anything<[f64; 3]> {
    let (mut task, data) = (task(net), data(net, lengths)?);
    let mut told = [0.0; 3];
    for (epoch, each) in told[..2].iter_mut().enumerate() {
        let (start, mut tokens) = (Instant::now(), 0.0);
        for batch in Source::from(&data, epoch as u64, 0) {
            let batch = batch?;
            tokens += batch.units();
            task.train_step(&batch, &Pace::CONSTANT)?;
        }
        *each = start.elapsed().as_secs_f64() * 1e6 / tokens;
    }
    told[2] = peak()?;
    Ok(told)
}

/// The same, of another process.
fn apart(net: &str, lengths: &str) -> Anything<[f64; 3]> {
    let out = Command::new(std::env::current_exe()?).args([net, lengths]).output()?;
    let text = String::from_utf8(out.stdout)?;
    let told: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    <[f64; 3]>::try_from(told).map_err(|told| format!("{net} {lengths} told {told:?}").into())
}

fn main() -> Anything<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [net, lengths] = &arguments[..] {
        let [first, second, peak] = train(net, lengths)?;
        println!("{first} {second} {peak}");
        return Ok(());
    }
    let mut figures = vec![];
    for net in ["tagger", "tagger16", "cell"] {
        let [one, all, longest] = [apart(net, "one")?, apart(net, "all")?, apart(net, "longest")?];
        figures.push(format!(r#""{net}_first_epoch":{:.3}"#, all[0] / one[0]));
        figures.push(format!(r#""{net}_second_epoch":{:.3}"#, all[1] / one[1]));
        figures.push(format!(r#""{net}_peak":{:.3}"#, all[2] / longest[2]));
        figures.push(format!(r#""{net}_peak_mib":{:.1}"#, all[2]));
    }
    println!("{{{}}}", figures.join(","));
    Ok(())
}
