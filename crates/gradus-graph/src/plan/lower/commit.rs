//! Commit: what was wanted goes into output storages, new values go over their variables or, where
//! a run can be undone, beside them.

use super::super::lowered::Home;
use super::builder::Lowerer;
use super::touches::Touches;

impl Lowerer<'_> {
    /// Puts the wanted values into output storages.
    pub(super) fn put_outputs(&mut self) {
        let c = self.c;
        for (k, &o) in c.outputs.iter().enumerate() {
            let value = self.value(o);
            let meta = c.items[o].meta;
            self.plan.outputs.push(meta);
            if self.whole(&value) {
                self.plan.bufs[value.buf].home = Home::Output(k);
            } else {
                let to = self.outside(Home::Output(k), meta);
                self.copy(value, to, &c.items[o].node);
            }
        }
    }

    /// Puts the new values into their variables.
    pub(super) fn put_into_variables(&mut self) {
        let c = self.c;
        // New values that are views of variables are saved first: another update may overwrite them.
        let mut values = Vec::with_capacity(c.updates.len());
        for &(v, i) in &c.updates {
            self.plan.updated[v] = true;
            let mut value = self.value(i);
            if self.plan.bufs[value.buf].home != Home::Arena {
                let saved = self.fresh_dense(c.items[i].meta);
                self.copy(value, saved, &c.items[i].node);
                value = saved;
            }
            values.push((v, i, value));
        }
        let touches = Touches::of(&self.plan, c.variables.len());
        let mut late = vec![];
        for (v, i, value) in values {
            if self.whole(&value) && touches.may_write(&self.plan, v, value.buf) {
                self.plan.bufs[value.buf].home = Home::Variable(v);
            } else {
                late.push((v, i, value));
            }
        }
        for (v, i, value) in late {
            let to = self.outside(Home::Variable(v), c.items[i].meta);
            self.copy(value, to, &c.items[i].node);
        }
    }

    /// Puts the new values beside their variables, whose elements stay as they are until the run has ended well.
    pub(super) fn put_beside_variables(&mut self) {
        let c = self.c;
        for &(v, i) in &c.updates {
            self.plan.updated[v] = true;
            let (value, meta) = (self.value(i), c.items[i].meta);
            // The variable is bound, whether a step reads it or not.
            self.outside(Home::Variable(v), meta);
            if self.whole(&value) {
                self.plan.bufs[value.buf].home = Home::Next(v);
            } else {
                let to = self.outside(Home::Next(v), meta);
                self.copy(value, to, &c.items[i].node);
            }
        }
    }
}
