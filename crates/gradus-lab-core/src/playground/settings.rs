//! What can be set, with the original's defaults.

/// What a unit makes of its weighted sum.
pub(super) use super::activation::Activation;

/// An enum whose variants have names in an address.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($(#[$doc])* $variant),+
        }

        impl $name {
            /// All, in the order in which they are offered.
            pub(super) const ALL: &[$name] = &[$($name::$variant),+];

            /// As an address has it.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text),+
                }
            }
        }

        impl super::address::Named for $name {
            const ALL: &'static [$name] = $name::ALL;
            fn name(self) -> &'static str {
                $name::name(self)
            }
        }
    };
}
pub(super) use named;

named!(
    /// What keeps weights small.
    Regularization { None = "none", L1 = "L1", L2 = "L2" }
);
named!(
    /// What is learned: classes, or a number.
    Problem { Classification = "classification", Regression = "regression" }
);
named!(
    /// Points of classes; `own` are the user's.
    DataSet { Circle = "circle", Xor = "xor", Gauss = "gauss", Spiral = "spiral", Own = "own" }
);
named!(
    /// Points with numbers; `own` are the user's.
    RegDataSet { Plane = "reg-plane", Gauss = "reg-gauss", Own = "own" }
);
named!(
    /// What is minimised. Regression always has the squared loss.
    Loss { Squared = "squared", CrossEntropy = "crossEntropy" }
);
named!(
    /// How a gradient moves the weights.
    Optimizer {
        Sgd = "sgd",
        Momentum = "momentum",
        Nesterov = "nesterov",
        Adagrad = "adagrad",
        Adadelta = "adadelta",
        RmsProp = "rmsprop",
        Adam = "adam",
        AdamW = "adamw",
    }
);
named!(
    /// How the rate changes over the epochs.
    Schedule { Constant = "constant", Step = "step", Cosine = "cosine", OneCycle = "oneCycle" }
);

/// The features, in the original's order: names in an address.
pub(super) const FEATURES: [&str; 7] =
    ["x", "y", "xSquared", "ySquared", "xTimesY", "sinX", "sinY"];

/// Hidden layers, units of one, classes: the most there may be.
pub(super) const MOST_LAYERS: usize = 6;
pub(super) const MOST_UNITS: u8 = 8;
pub(super) const MOST_CLASSES: u8 = 5;

/// All that an address holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) activation: Activation,
    pub(super) regularization: Regularization,
    pub(super) batch_size: u32,
    pub(super) dataset: DataSet,
    pub(super) reg_dataset: RegDataSet,
    pub(super) learning_rate: f64,
    pub(super) regularization_rate: f64,
    /// In per cent.
    pub(super) noise: f64,
    /// Units of the hidden layers.
    pub(super) network_shape: Vec<u8>,
    pub(super) seed: String,
    pub(super) show_test_data: bool,
    pub(super) discretize: bool,
    /// In per cent.
    pub(super) perc_train_data: f64,
    /// Of [`FEATURES`].
    pub(super) features: [bool; 7],
    /// Two names that the original's addresses hold without a feature behind them.
    pub(super) cosines: [bool; 2],
    pub(super) collect_stats: bool,
    pub(super) tutorial: String,
    pub(super) problem: Problem,
    pub(super) init_zero: bool,
    pub(super) hide_text: bool,
    /// Controls that are not shown, as in `learningRate`.
    pub(super) hidden: Vec<String>,
    pub(super) classes: u8,
    pub(super) loss: Loss,
    pub(super) optimizer: Optimizer,
    pub(super) schedule: Schedule,
    /// How long the schedule is.
    pub(super) schedule_epochs: u32,
    pub(super) momentum: f64,
    /// Of AdamW.
    pub(super) weight_decay: f64,
    /// Which draw of first weights it is; 0 is the original's after loading the address.
    pub(super) draw: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            activation: Activation::Tanh,
            regularization: Regularization::None,
            batch_size: 10,
            dataset: DataSet::Circle,
            reg_dataset: RegDataSet::Plane,
            learning_rate: 0.03,
            regularization_rate: 0.0,
            noise: 0.0,
            network_shape: vec![4, 2],
            seed: "0.5".into(),
            show_test_data: false,
            discretize: false,
            perc_train_data: 50.0,
            features: [true, true, false, false, false, false, false],
            cosines: [false; 2],
            collect_stats: false,
            tutorial: String::new(),
            problem: Problem::Classification,
            init_zero: false,
            hide_text: false,
            hidden: vec![],
            classes: 2,
            loss: Loss::Squared,
            optimizer: Optimizer::Sgd,
            schedule: Schedule::Constant,
            schedule_epochs: 300,
            momentum: 0.9,
            weight_decay: 0.01,
            draw: 0,
        }
    }
}

impl Settings {
    /// Whether the points are the user's.
    pub(super) fn is_own(&self) -> bool {
        match self.problem {
            Problem::Classification => self.dataset == DataSet::Own,
            Problem::Regression => self.reg_dataset == RegDataSet::Own,
        }
    }

    /// From now on the points are the user's.
    pub(super) fn take_own(&mut self) {
        match self.problem {
            Problem::Classification => self.dataset = DataSet::Own,
            Problem::Regression => self.reg_dataset = RegDataSet::Own,
        }
    }

    /// Takes what is about display alone from other settings.
    pub(super) fn show_as(&mut self, other: &Settings) {
        let other = other.clone();
        self.show_test_data = other.show_test_data;
        self.discretize = other.discretize;
        self.cosines = other.cosines;
        self.collect_stats = other.collect_stats;
        self.tutorial = other.tutorial;
        self.hide_text = other.hide_text;
        self.hidden = other.hidden;
    }

    /// The number of outputs: one for two classes and for a number.
    pub(super) fn outputs(&self) -> usize {
        match (self.problem, self.classes) {
            (Problem::Regression, _) | (_, 2) => 1,
            (_, classes) => usize::from(classes),
        }
    }

    /// Units of every column: features in use, hidden layers, outputs.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let features = self.features.iter().filter(|used| **used).count();
        let hidden = self.network_shape.iter().map(|&units| usize::from(units));
        [features].into_iter().chain(hidden).chain([self.outputs()]).collect()
    }

    /// The rate in an epoch, as the schedule has it.
    pub(super) fn rate(&self, epoch: u32) -> f64 {
        let part = (f64::from(epoch) / f64::from(self.schedule_epochs)).min(1.0);
        // From 1 down to 0, half a wave.
        let fall = |part: f64| 0.5 * (1.0 + crate::exact::cos(std::f64::consts::PI * part));
        self.learning_rate
            * match self.schedule {
                Schedule::Constant => 1.0,
                // A tenth after each third of the way.
                Schedule::Step => [1.0, 0.1, 0.01, 0.001][(part * 3.0) as usize],
                Schedule::Cosine => 0.01 + 0.99 * fall(part),
                // Up from a 25th for three tenths of the way, then down to nothing (Smith and Topin 2018).
                Schedule::OneCycle if part < 0.3 => 0.04 + 0.96 * (1.0 - fall(part / 0.3)),
                Schedule::OneCycle => 0.0001 + 0.9999 * fall((part - 0.3) / 0.7),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_by_hand() {
        let rates = |schedule, epochs: [u32; 4]| {
            let settings = Settings { schedule, learning_rate: 1.0, ..Settings::default() };
            epochs.map(|epoch| (settings.rate(epoch) * 1e6).round() / 1e6)
        };
        assert_eq!(rates(Schedule::Constant, [0, 1, 300, 900]), [1.0; 4]);
        assert_eq!(rates(Schedule::Step, [99, 100, 200, 300]), [1.0, 0.1, 0.01, 0.001]);
        assert_eq!(rates(Schedule::Cosine, [0, 150, 300, 900]), [1.0, 0.505, 0.01, 0.01]);
        assert_eq!(rates(Schedule::OneCycle, [0, 45, 90, 300]), [0.04, 0.52, 1.0, 0.0001]);
    }
}
