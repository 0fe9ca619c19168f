//! What a case has checked, and what a family of ops must have had checked.

use crate::Device;
use gradus_base::DType;
use std::collections::BTreeSet;
use std::fmt;

/// What one case has checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The op, or the part of it.
    pub name: String,
    /// The float types.
    pub dtypes: Vec<DType>,
    /// The orders of derivatives; none of an op that has no gradient.
    pub orders: Vec<usize>,
    /// The rules that values and gradients called.
    pub rules: BTreeSet<String>,
    /// Rules and the devices that have a way of their own for them.
    pub kernels: BTreeSet<(String, &'static str)>,
    /// The rules whose expansion was compared with their plain kernel.
    pub expanded: BTreeSet<String>,
    /// The algorithms that computed them.
    pub algorithms: BTreeSet<String>,
    /// The devices.
    pub devices: Vec<&'static str>,
}

/// A row of the table that `cargo xtask ops` prints.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |words: Vec<String>| match words.len() {
            0 => "-".to_owned(),
            _ => words.join("; "),
        };
        let dtypes = join(self.dtypes.iter().map(DType::to_string).collect());
        let orders = join(self.orders.iter().map(usize::to_string).collect());
        let devices = self.devices.join("; ");
        let rules = join(self.rules.iter().cloned().collect());
        let expanded = join(self.expanded.iter().cloned().collect());
        let algorithms = join(self.algorithms.iter().cloned().collect());
        let checks = format!("{dtypes} | {orders} | {devices}");
        write!(f, "{} | {checks} | {rules} | {expanded} | {algorithms}", self.name)
    }
}

/// What must have been checked of a family of kernels.
#[derive(Clone, Debug)]
pub struct Required {
    /// The family's name.
    pub family: String,
    /// The rules whose derivatives must have been checked to each of the orders, or whose values,
    /// if there are no orders.
    pub rules: BTreeSet<String>,
    /// Those among them that expand to nothing simpler: of all others the expansion must have been
    /// compared.
    pub whole: BTreeSet<String>,
    /// The algorithms that must have computed something.
    pub algorithms: BTreeSet<String>,
    /// The orders of derivatives.
    pub orders: Vec<usize>,
    /// The float types.
    pub dtypes: Vec<DType>,
}

impl Required {
    /// What the cases of the family leave out, one line each.
    ///
    /// ```
    /// use gradus_base::DType;
    /// use gradus_testkit::Required;
    /// let required = Required {
    ///     family: "conv2d".into(),
    ///     rules: ["conv2d".into()].into(),
    ///     whole: [].into(),
    ///     algorithms: ["Winograd".into()].into(),
    ///     orders: vec![1, 2],
    ///     dtypes: vec![DType::F32],
    /// };
    /// assert_eq!(required.missing(&[]), ["conv2d: no case"]);
    /// ```
    pub fn missing(&self, checked: &[Checked]) -> Vec<String> {
        if checked.is_empty() {
            return vec![format!("{}: no case", self.family)];
        }
        let mut missing = self.orders_missing(checked);
        let met: BTreeSet<&String> = checked.iter().flat_map(|c| &c.algorithms).collect();
        let absent = self.algorithms.iter().filter(|name| !met.contains(name));
        missing.extend(absent.map(|name| format!("algorithm {name:?} computed nothing")));
        for dtype in self.dtypes.iter().filter(|d| !checked.iter().any(|c| c.dtypes.contains(d))) {
            missing.push(format!("no case in {dtype}"));
        }
        for device in Device::ALL.iter().map(|d| d.name) {
            let absent = checked.iter().filter(|c| !c.devices.contains(&device));
            missing.extend(absent.map(|c| format!("{} did not run on {device}", c.name)));
            let kernel = |rule: &&String| {
                checked.iter().any(|c| c.kernels.contains(&((*rule).clone(), device)))
            };
            let absent = self.rules.iter().filter(|rule| !kernel(rule));
            missing.extend(absent.map(|rule| format!("{rule} has no kernel on {device}")));
        }
        missing.extend(self.expansions_missing(checked));
        missing.into_iter().map(|what| format!("{}: {what}", self.family)).collect()
    }

    fn expansions_missing(&self, checked: &[Checked]) -> Vec<String> {
        let met: BTreeSet<&String> = checked.iter().flat_map(|c| &c.expanded).collect();
        let judge = |rule: &String| match (self.whole.contains(rule), met.contains(rule)) {
            (false, false) => Some(format!("what {rule} expands to is not compared")),
            (true, true) => Some(format!("{rule} is said to expand to nothing, and does expand")),
            _ => None,
        };
        self.rules.iter().filter_map(judge).collect()
    }

    fn orders_missing(&self, checked: &[Checked]) -> Vec<String> {
        let mut missing = vec![];
        for order in &self.orders {
            let partly = checked.iter().filter(|c| !c.orders.is_empty());
            let partly = partly.filter(|c| !c.orders.contains(order));
            missing.extend(partly.map(|c| format!("{}: order {order} is not checked", c.name)));
        }
        // 0 stands for values.
        let orders = if self.orders.is_empty() { vec![0] } else { self.orders.clone() };
        for order in orders {
            let counts = checked.iter().filter(|c| order == 0 || c.orders.contains(&order));
            let met: BTreeSet<&String> = counts.flat_map(|c| &c.rules).collect();
            let absent = self.rules.iter().filter(|rule| !met.contains(rule));
            missing.extend(absent.map(|rule| match order {
                0 => format!("{rule} is in no case"),
                _ => format!("{rule} is in no case with derivatives of order {order}"),
            }));
        }
        missing
    }
}
