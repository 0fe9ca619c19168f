//! A learner is the task of a model with targets.

use super::{Activity, Learner};
use crate::Result;
use crate::batch::Batch;
use crate::metrics::Metric;
use crate::objective::in_batch;
use crate::task::{Mean, NumberName, Numbers, Pace, Rows, Task, other_counters};
use gradus_nn::{Layer, Parameter, parameters};
use gradus_tensor::{DType, Tensor, Variable};
use serde_json::{Value, json};
use std::sync::Arc;

impl Task for Learner {
    fn numbers(&self) -> Vec<NumberName> {
        let of = |m: &Metric| NumberName { name: m.name.clone(), maximize: m.maximize };
        let metrics = self.supervised.means().chain(self.supervised.wholes()).map(of);
        [NumberName::smaller("loss")].into_iter().chain(metrics).collect()
    }
    fn train_step(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<Numbers> {
        batch.xt()?;
        Ok(self.objective.step_on(batch, pace)?)
    }
    fn evaluate_step(&mut self, batch: &Batch) -> Result<Numbers> {
        batch.xt()?;
        let (means, wholes) =
            (1 + self.supervised.means().count(), self.supervised.wholes().count());
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        match self.evaluate.run(batch.names(), &fields, self.objective.key()) {
            Ok(out) => {
                let mean = |i| Mean { value: out.item(i), units: batch.units() };
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
        let finish = metric.and_then(|metric| metric.finish.as_ref());
        finish.map_or(f64::NAN, |finish| finish(&rows.values, rows.columns))
    }
    fn prepare(&mut self, batch: &Batch) -> Result<()> {
        batch.xt()?;
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        self.objective.prepare(batch.names(), &fields)?;
        Ok(())
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
    fn learning_rate(&self) -> f64 {
        Learner::learning_rate(self)
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
        let (x, t) = batch.xt()?;
        Ok(Learner::gradients(self, x, t)?)
    }
    fn activity(&mut self, batch: &Batch) -> Result<Vec<Activity>> {
        Ok(Learner::activity(self, batch.get("x")?)?)
    }
    fn first_not_finite(&mut self, batch: &Batch) -> Result<String> {
        let (x, t) = batch.xt()?;
        Ok(Learner::first_not_finite(self, x, t)?)
    }
    fn model(&self) -> Option<&Arc<dyn Layer>> {
        Some(&self.model)
    }
}
