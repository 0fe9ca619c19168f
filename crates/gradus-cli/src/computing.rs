//! How a command computes: on which device, with how many threads, checked or not.

use crate::bars::{counted, grouped};
use crate::error::{CliError, Result};
use gradus::{Device, check_everything, checked};
use serde_json::{Value, json};

/// Options of commands that compute.
#[derive(clap::Args)]
pub struct Computing {
    /// Threads to compute with; the result is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Compute every step on the reference device, too, from the same inputs, and end at the first that differs by more than rounding:
    /// it is then no fault of yours. This takes many times as long; see --limit-batches
    #[arg(long)]
    check: bool,
}

impl Computing {
    /// From now on everything is computed so.
    pub fn begin(&self, device: &str) -> Result<()> {
        if let Some(n) = self.threads {
            gradus_cpu::set_threads(n.into());
        }
        device_of(device)?.choose();
        check_everything(self.check);
        Ok(())
    }

    /// Says what was checked, if that was asked for, and puts it into what `--json` prints.
    pub fn conclude(&self, record: &mut Value) {
        if !self.check {
            return;
        }
        let checked = checked();
        let steps = grouped(checked.compared);
        say!(
            "check: {steps} steps compared with the reference device; none differs by more than rounding"
        );
        for (name, (times, why)) in &checked.not {
            say!("check: {name} was not compared ({}): {why}", counted(*times, "time"));
        }
        let not = |(name, (times, why)): (&String, &(u64, &str))| json!({ "op": name, "times": times, "why": why });
        let not: Vec<Value> = checked.not.iter().map(not).collect();
        record["check"] = json!({ "compared": checked.compared, "not_compared": not });
    }
}

/// The device of that name.
///
/// # Errors
/// If there is none.
pub fn device_of(name: &str) -> Result<Device> {
    name.parse().map_err(CliError::Usage)
}
