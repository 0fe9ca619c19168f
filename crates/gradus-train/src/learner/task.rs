//! A learner is the task of a model with targets.

use super::{Activity, Learner, padding};
use crate::Result;
use crate::batch::Batch;
use crate::faults::in_batch;
use crate::metrics::Metric;
use crate::task::{Mean, NumberName, Numbers, Pace, Rows, Task, other_counters};
use gradus_nn::{Layer, Parameter, parameters};
use gradus_tensor::{DType, Tensor, Variable};
use serde_json::{Value, json};
use std::sync::Arc;

impl Learner {
    /// Refuses a batch without inputs or targets, or whose padding would count.
    fn check(&self, batch: &Batch) -> Result<()> {
        batch.xt()?;
        padding::check(batch, self.supervised.ignores())
    }
}

impl Task for Learner {
    fn numbers(&self) -> Vec<NumberName> {
        let of =
            |m: &Metric| NumberName { name: m.name.clone(), maximize: m.maximize, is_loss: false };
        let metrics = self.supervised.means().chain(self.supervised.wholes()).map(of);
        [NumberName::loss("loss")].into_iter().chain(metrics).collect()
    }
    fn train_step(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<Numbers> {
        self.check(batch)?;
        let samples = batch.get("x")?.shape().first().copied().unwrap_or(1);
        Ok(self.objective.step_on(batch, samples as f64, pace)?)
    }
    fn evaluate_step(&mut self, batch: &Batch) -> Result<Numbers> {
        self.check(batch)?;
        let samples = batch.get("x")?.shape().first().copied().unwrap_or(1);
        let (means, wholes) =
            (1 + self.supervised.means().count(), self.supervised.wholes().count());
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        match self.evaluate.run(batch.names(), &fields, self.objective.key()) {
            Ok(out) => {
                // Where that is not one for each sample, what each of the means weighs comes last.
                let weighed = out.len() > means + wholes;
                let units = |i: usize| match weighed {
                    true => out.item(means + wholes + i),
                    false => samples as f64,
                };
                let mean = |i| Mean { value: out.item(i), units: units(i) };
                let rows = |i| {
                    let rows = out.tensor(i);
                    Rows { columns: rows.size(-1), values: rows.cast(DType::F64).to_vec::<f64>() }
                };
                Ok(Numbers {
                    means: (0..means).map(mean).collect(),
                    rows: (means..means + wholes).map(rows).collect(),
                    samples: batch.samples(),
                })
            }
            Err(error) => Err(in_batch(error, &batch.fields(), &self.objective.moves()).into()),
        }
    }
    fn of_set(&self, at: usize, rows: &Rows) -> f64 {
        let metric = self.supervised.wholes().nth(at);
        let Some(finish) = metric.and_then(|metric| metric.finish.as_ref()) else {
            return f64::NAN;
        };
        if !self.supervised.ignores() {
            return finish(&rows.values, rows.columns);
        }
        let own = rows.columns.saturating_sub(1);
        let counts = rows.values.chunks_exact(own + 1).filter(|row| row[own] != 0.0);
        let kept: Vec<f64> = counts.flat_map(|row| row[..own].iter().copied()).collect();
        finish(&kept, own)
    }
    fn prepare(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<()> {
        self.check(batch)?;
        Ok(self.objective.prepare_on(batch, pace)?)
    }
    fn state(&self) -> Vec<(String, Variable)> {
        Learner::state(self)
    }
    fn counters(&self) -> Value {
        json!(self.objective.counters())
    }
    fn set_counters(&mut self, counters: &Value) -> Result<()> {
        let read = serde_json::from_value(counters.clone());
        let read = read.map_err(|_| other_counters(counters, "[steps, batches]"))?;
        self.objective.set_counters(read);
        Ok(())
    }
    fn steps(&self) -> u64 {
        self.step()
    }
    fn open_batches(&self) -> usize {
        self.objective.counters().1
    }
    fn finish_step(&mut self, pace: &Pace<'_>) -> Result<()> {
        Ok(self.objective.finish(pace)?)
    }
    fn learning_rate(&self) -> f64 {
        Learner::learning_rate(self)
    }
    fn terms(&self) -> Vec<(String, String)> {
        self.objective.terms()
    }
    fn parameters(&self) -> Vec<(String, Parameter)> {
        parameters(&*self.model)
    }
    fn retrace(&mut self) {
        Learner::retrace(self);
    }
    fn averages(&self) -> Vec<(String, Variable)> {
        Learner::averages(self)
    }
    fn gradients(&mut self, batch: &Batch) -> Result<Vec<(String, Tensor)>> {
        self.check(batch)?;
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        let found = self.objective.gradients(batch.names(), &fields);
        Ok(found.map_err(|e| in_batch(e, &batch.fields(), &self.objective.moves()))?)
    }
    fn activity(&mut self, batch: &Batch) -> Result<Vec<Activity>> {
        Ok(Learner::activity(self, batch.get("x")?)?)
    }
    fn first_not_finite(&mut self, batch: &Batch) -> Result<String> {
        batch.xt()?;
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        Ok(self.not_finite_in(batch.names(), &fields)?)
    }
    fn model(&self) -> Option<&Arc<dyn Layer>> {
        Some(&self.model)
    }
}
