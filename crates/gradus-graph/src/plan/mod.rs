//! Plans: a graph turned into a flat list of steps over one arena.
//!
//! The stages, in order: `expand` (ops that the device has no way to do), `collect` (reachable
//! nodes, equal ones merged), `simplify`, `recompute` (if asked for) or `slices` (of large
//! batches), `schedule` (updates as early as may be), `fuse` (which pointwise nodes run together),
//! `berths` (what is computed inside a larger value), `lower` (memory orders and steps), `hoist`
//! (what runs once, packed inputs), `link` (kernels), `memory` (where each value lies), `show`. Up
//! to `berths` a plan is a list of items ([`collect::Item`]), of which `facts` tells what several
//! stages ask; from `lower` on it is in the form of `lowered`.

mod berths;
mod collect;
mod expand;
mod facts;
pub(crate) mod fault;
mod fuse;
mod goal;
mod hoist;
mod link;
mod loops;
mod lower;
mod lowered;
mod made;
mod memory;
mod recompute;
mod schedule;
mod show;
mod simplify;
mod slices;
mod step;

pub(crate) use collect::{Collected, digest};
pub(crate) use goal::Goal;
pub use goal::Options;
pub(crate) use lowered::{Lowered, Work};
pub use made::Plan;
pub use memory::Storage;
pub use step::PlanStep;

use crate::check::Twin;
use gradus_base::Result;

impl Plan {
    /// A plan, which is shown if the environment asks for it.
    ///
    /// # Errors
    /// If a kernel touches more than it was made for.
    pub(crate) fn new(collected: &mut Collected, options: Options) -> Result<Plan> {
        let plan = Plan::of(collected, options)?;
        if std::env::var("GRADUS_SHOW").is_ok_and(|v| v.split(',').any(|v| v == "plan")) {
            // Nobody may read it any more; that is no reason to panic.
            let _ =
                std::io::Write::write_all(&mut std::io::stderr(), format!("{plan}\n").as_bytes());
        }
        Ok(plan)
    }

    /// # Errors
    /// If a kernel touches more than it was made for.
    pub(crate) fn of(collected: &mut Collected, options: Options) -> Result<Plan> {
        let device = collected.device;
        let together = collected.limits().together;
        // What only calls read that are not done as such.
        simplify::prune(collected);
        if together {
            simplify::simplify(collected);
        }
        match options.recompute {
            true => recompute::recompute(collected),
            false => slices::slice_batch(collected),
        }
        if together {
            schedule::schedule(collected);
        }
        let collected = &*collected;
        let undo = options.undo || collected.has_effects();
        let groups = fuse::fuse(collected);
        let mut lowered = lower::lower(collected, &groups, undo);
        if together {
            let hoisting = hoist::Hoisting {
                device,
                leaves_stay: collected.leaves_stay,
                changing: collected.changing,
                share: !options.recompute,
                keep_originals: options.check,
            };
            hoist::hoist(&mut lowered, hoisting);
        }
        let mut twins: Vec<Twin> = match options.check {
            true => lowered.steps.iter().map(Twin::of).collect(),
            false => vec![],
        };
        let planted = fault::Planted::into(&mut lowered, &mut twins);
        let kernels = link::link(device, &mut lowered.steps)?;
        let (kernels, stale) = planted.in_place_of(kernels);
        let shown = lowered.steps.iter().zip(&kernels).map(|(s, k)| PlanStep::new(s, &**k, device));
        let steps = shown.collect();
        let memory::LaidOut { program, storages, kept_bytes, live_bytes } =
            memory::lay_out(device, &lowered, kernels);
        let mut plan = Plan {
            device,
            stop: options
                .stop_unless_finite
                .then(|| made::first_wanted(&program, &storages))
                .flatten(),
            watched: made::watched(&program, lowered.prologue, &storages),
            program,
            storages,
            prologue: lowered.prologue,
            kept_bytes,
            live_bytes,
            updates: lowered.updated,
            undo,
            outputs: lowered.outputs,
            steps,
            twins,
        };
        if stale {
            plan.watched.clear();
        }
        Ok(plan)
    }
}
