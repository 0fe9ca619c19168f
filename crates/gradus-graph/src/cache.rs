//! The plans that [`read`](crate::read) has made, by the structure of what was read: a bare loop
//! that builds the same graph again and again plans it once.

use crate::plan::Plan;
use crate::run::Session;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// How many plans [`read`](crate::read) keeps, and how many [`Program`](crate::Program)s whoever
/// keeps them by the shapes of their arguments. A training loop needs few, and each holds an arena.
pub const CACHED_PLANS: usize = 32;

struct Cached {
    plan: Arc<Plan>,
    sessions: Vec<Session>,
    used: u64,
}

#[derive(Default)]
struct Cache {
    plans: HashMap<(u64, u64), Cached>,
    clock: u64,
}

/// The plan of a key, with memory for a run if nobody else runs it.
pub(crate) fn take(key: (u64, u64)) -> Option<(Arc<Plan>, Option<Session>)> {
    cache().lock().take(key)
}

/// Keeps a plan and the memory of a run.
pub(crate) fn give(key: (u64, u64), plan: Arc<Plan>, session: Session) {
    cache().lock().give(key, plan, session);
}

fn cache() -> &'static Mutex<Cache> {
    static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();
    CACHE.get_or_init(Mutex::default)
}

impl Cache {
    fn take(&mut self, key: (u64, u64)) -> Option<(Arc<Plan>, Option<Session>)> {
        self.clock += 1;
        let found = self.plans.get_mut(&key)?;
        found.used = self.clock;
        Some((found.plan.clone(), found.sessions.pop()))
    }
    fn give(&mut self, key: (u64, u64), plan: Arc<Plan>, session: Session) {
        let used = self.clock;
        let fresh = || Cached { plan: plan.clone(), sessions: vec![], used };
        let entry = self.plans.entry(key).or_insert_with(fresh);
        // Two threads may have planned the same at once. The first plan stays; memory belongs to the plan it was made for.
        if Arc::ptr_eq(&entry.plan, &plan) {
            entry.sessions.push(session);
        }
        if self.plans.len() > CACHED_PLANS {
            let oldest = self.plans.iter().min_by_key(|(_, c)| c.used).map(|(k, _)| *k);
            oldest.and_then(|k| self.plans.remove(&k));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Collected, Goal, Options};
    use crate::{Device, Meta};
    use gradus_base::DType;

    #[test]
    fn memory_stays_with_the_plan_it_was_made_for() {
        let wanted = [crate::constant(1.0, Meta::new([3], DType::F32))];
        let plan = || {
            let goal =
                Goal { outputs: &wanted, updates: &[], leaves_stay: false, changing: usize::MAX };
            let mut collected = Collected::new(&goal, Device::Cpu).unwrap();
            Arc::new(Plan::new(&mut collected, Options::default()).unwrap())
        };
        let (mut cache, first, second) = (Cache::default(), plan(), plan());
        for plan in [&first, &second] {
            cache.give((1, 2), plan.clone(), Session::new(plan));
        }
        let (plan, session) = cache.take((1, 2)).unwrap();
        assert!(Arc::ptr_eq(&plan, &first));
        let mut session = session.unwrap();
        session.run_plan(&plan, &[]).unwrap();
        let result = Arc::downgrade(session.output(0));
        session.release();
        assert!(result.upgrade().is_none(), "a session that waits holds no result");
        assert!(cache.take((1, 2)).unwrap().1.is_none(), "the second's memory under the first");
    }
}
