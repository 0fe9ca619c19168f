//! The system: labelled sequences, the network, what it is worth on a fifth that it never saw, and what its filters look for.

use std::path::Path;
use std::sync::Arc;

use gradus_io::atomic_write;
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Context, Init};
use gradus_tensor::Tensor;
use gradus_train::metrics::accuracy;
use gradus_train::{Arrays, Learner, Result};
use serde_json::json;

use super::fasta::LETTERS;
use super::logo::{Motif, draw};
use super::network::fitted;
use super::{GenomeModel, GenomeNetwork, Genomes};
use crate::labelled::{confusion, report};
use crate::{Model, Parts, Report, Steps, System};

/// So many sequences that were learned are looked at for what excites filters.
const LOOKED_AT: usize = 2_000;
/// So many motifs are drawn, the most telling ones.
const DRAWN: usize = 9;
/// A window excites a filter where its answer is more than this share of the largest.
const EXCITED: f32 = 0.5;
/// Of fewer windows nothing is told.
const FEWEST: usize = 20;

/// A classifier of nucleotides, about to be trained.
pub struct Genome {
    set: Genomes,
    model: GenomeModel,
    network: Arc<GenomeNetwork>,
    train: Arrays,
    test: Arrays,
    learner: Learner,
}

impl Genome {
    /// A network for labelled sequences, which it learns in another order every epoch.
    ///
    /// # Errors
    /// When the network cannot be built, or is one of other classes.
    pub fn new(set: Genomes, model: GenomeModel, training: Steps) -> Result<Genome> {
        let network = model.network(&Init::new(training.seed))?;
        let arrays = |samples: &[usize]| {
            let ids: Vec<i64> =
                samples.iter().flat_map(|&at| fitted(&set.codes[at], model.length)).collect();
            let labels: Vec<i64> = samples.iter().map(|&at| set.all.labels[at]).collect();
            let x = Tensor::from_slice(&ids, [samples.len(), model.length]);
            Arrays::new(&x, &Tensor::from_slice(&labels, [labels.len()]), training.batch)
        };
        let (train, test) =
            (arrays(&set.all.train)?.shuffle(training.seed), arrays(&set.all.test)?);
        let learner = training.learner(network.clone(), cross_entropy, vec![accuracy()]);
        Ok(Genome { set, model, network, train, test, learner })
    }

    /// What the filters look for that tell classes apart best.
    fn motifs(&self) -> Result<Vec<Motif>> {
        let samples = &self.set.all.train[..self.set.all.train.len().min(LOOKED_AT)];
        let ids: Vec<i64> =
            samples.iter().flat_map(|&at| fitted(&self.set.codes[at], self.model.length)).collect();
        let x = Tensor::from_slice(&ids, [samples.len(), self.model.length]);
        let found = self.network.found(&x, &Context::eval()).relu();
        let places = self.model.length + 1 - self.model.width;
        let answers = found.try_to_vec::<f32>()?; // [N, F, places]
        let labels: Vec<usize> =
            samples.iter().map(|&at| self.set.all.labels[at] as usize).collect();
        let mut all: Vec<(f64, Motif)> = vec![];
        for filter in 0..self.model.filters {
            let of = |sample: usize| {
                &answers[(sample * self.model.filters + filter) * places..][..places]
            };
            let seen = Seen {
                ids: &ids,
                length: self.model.length,
                width: self.model.width,
                labels: &labels,
                classes: &self.model.classes,
            };
            all.extend(seen.motif(filter, &(0..samples.len()).map(of).collect::<Vec<_>>()));
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.filter.cmp(&b.1.filter)));
        Ok(all.into_iter().take(DRAWN).map(|(_, motif)| motif).collect())
    }
}

/// Sequences that filters looked at.
struct Seen<'a> {
    ids: &'a [i64],
    length: usize,
    width: usize,
    labels: &'a [usize],
    classes: &'a [String],
}

impl Seen<'_> {
    /// What a filter looks for by its answers at each place of each sequence, and how far it tells a class from the others; none where hardly a window
    /// excites it.
    fn motif(&self, filter: usize, answers: &[&[f32]]) -> Option<(f64, Motif)> {
        let largest = answers.iter().flat_map(|row| row.iter()).copied().fold(0.0f32, f32::max);
        if largest <= 0.0 {
            return None;
        }
        let mut counts = vec![[0.0f64; 4]; self.width];
        let (mut windows, mut peaks) = (0, vec![0usize; answers[0].len()]);
        for (sample, row) in answers.iter().enumerate() {
            for (place, _) in
                row.iter().enumerate().filter(|(_, answer)| **answer > EXCITED * largest)
            {
                windows += 1;
                peaks[place] += 1;
                let window = &self.ids[sample * self.length + place..][..self.width];
                for (count, &id) in counts.iter_mut().zip(window) {
                    let bases = LETTERS[id as usize].1;
                    let n = bases.iter().filter(|base| **base).count().max(1) as f64;
                    count
                        .iter_mut()
                        .zip(bases)
                        .for_each(|(c, base)| *c += if base { 1.0 / n } else { 0.0 });
                }
            }
        }
        if windows < FEWEST {
            return None;
        }
        let shares = counts.iter().map(|count| {
            let all = count.iter().sum::<f64>().max(1e-9);
            count.map(|c| c / all)
        });
        let shares: Vec<[f64; 4]> = shares.collect();
        let strongest: Vec<f64> = answers
            .iter()
            .map(|row| f64::from(row.iter().copied().fold(0.0f32, f32::max)))
            .collect();
        let (class, apart) = self.tells(&strongest)?;
        let place = (0..peaks.len()).rev().max_by_key(|&place| peaks[place])? + 1;
        let name = &self.classes[class];
        let title = format!("filter {filter}: {name}, from place {place} ({windows})");
        Some((apart, Motif { filter, title, shares }))
    }

    /// The class whose sequences excite a filter most, and by how many deviations more than the others'.
    fn tells(&self, strongest: &[f64]) -> Option<(usize, f64)> {
        let n = strongest.len() as f64;
        let mean = strongest.iter().sum::<f64>() / n;
        let deviation =
            (strongest.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-9);
        let of = |class: usize| {
            let own = strongest
                .iter()
                .zip(self.labels)
                .filter(|(_, label)| **label == class)
                .map(|(s, _)| s);
            let (sum, count) = own.fold((0.0, 0.0), |(sum, count), s| (sum + s, count + 1.0));
            if count > 0.0 { (sum / count - mean) / deviation } else { f64::MIN }
        };
        let all = (0..self.classes.len()).map(|class| (class, of(class)));
        all.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

impl System for Genome {
    fn parts(&mut self) -> Parts<'_> {
        Parts { task: &mut self.learner, train: &self.train, validation: None }
    }
    fn noun(&self) -> &'static str {
        "sequence"
    }
    fn about(&self) -> String {
        self.set.all.about("sequence")
    }
    fn guessing(&self) -> f64 {
        self.set.all.guessing()
    }
    fn identity(&self) -> Vec<(String, String)> {
        self.set.all.identity()
    }
    fn remarks(&self) -> &[String] {
        &self.set.all.remarks
    }
    fn model(&self) -> Model {
        Model::Genome(self.model.clone())
    }

    fn test(&mut self, folder: Option<&Path>) -> Result<Report> {
        let found = confusion(&mut self.learner, &self.test, self.model.classes.len())?;
        let mut report =
            report("sequences", &self.model.classes, &found, &[self.set.all.majority()]);
        if let Some(folder) = folder {
            let motifs = self.motifs()?;
            report.table += "\n";
            for motif in motifs.iter().take(4) {
                report.table += &format!("{:<14} {}\n", motif.consensus(), motif.title);
            }
            let told = |motif: &Motif| json!({ "filter": motif.filter, "consensus": motif.consensus(), "title": motif.title });
            report.numbers.insert("motifs".into(), motifs.iter().map(told).collect());
            let path = folder.join("motifs.svg");
            let svg = draw("What the most telling filters look for", &motifs);
            atomic_write(&path, |w| w.write_all(svg.as_bytes()))?;
            report.files.push(("motifs", path));
        }
        Ok(report)
    }
}
