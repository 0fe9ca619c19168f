//! What a network of the zoo is built for, and how large.

use gradus_base::Shape;

/// Input, classes and size of a network. The paper's numbers are those of width 1.
///
/// ```
/// use gradus_models::{Design, vgg11};
/// use gradus_nn::Init;
/// let tiny = Design::new([1, 28, 28], 10).width(0.125);
/// assert_eq!(vgg11(&tiny, &Init::blank()).summary().parameters, 445_482);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// The shape of a sample, without the batch axis: `[C, H, W]`.
    pub input: Shape,
    /// How many classes it tells apart.
    pub classes: usize,
    /// What the number of channels of every hidden layer is multiplied with.
    pub width: f64,
    /// Whether dropout drops.
    pub dropout: bool,
    /// Whether convolutions with strides are padded as Keras's `same`, an odd zero below and right, instead of on both sides;
    /// in networks for CIFAR.
    pub same_padding: bool,
    /// Where shortcuts of option A put their zeros.
    pub shortcut_padding: ShortcutPadding,
    /// The units of the hidden layers of a multilayer perceptron, the first first; none for its usual ones.
    pub hidden: Vec<usize>,
}

/// Where the zero channels lie that a shortcut of option A adds: "extra zero entries padded for increasing dimensions", say
/// He et al. 2015 §3.3, not where. As it has no weights, a file of weights does not tell either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShortcutPadding {
    /// All behind the channels of x.
    #[default]
    Behind,
    /// Half of them before the channels of x and half behind, as public PyTorch networks for CIFAR have it; of an odd number
    /// one more behind.
    BothSides,
}

impl ShortcutPadding {
    /// Both, the one of a network that says nothing first.
    pub const ALL: [ShortcutPadding; 2] = [ShortcutPadding::Behind, ShortcutPadding::BothSides];

    /// The name users write.
    ///
    /// ```
    /// use gradus_models::ShortcutPadding;
    /// assert_eq!(ShortcutPadding::BothSides.name(), "both-sides");
    /// assert_eq!(ShortcutPadding::named("behind"), Some(ShortcutPadding::Behind));
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            ShortcutPadding::Behind => "behind",
            ShortcutPadding::BothSides => "both-sides",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<ShortcutPadding> {
        ShortcutPadding::ALL.into_iter().find(|padding| padding.name() == name)
    }
}

impl Design {
    /// The published size, for samples of a shape and a number of classes.
    pub fn new(input: impl Into<Shape>, classes: usize) -> Design {
        let shortcut_padding = ShortcutPadding::default();
        Design {
            input: input.into(),
            classes,
            width: 1.0,
            dropout: true,
            same_padding: false,
            shortcut_padding,
            hidden: vec![],
        }
    }
    /// With the channels of every hidden layer multiplied.
    #[must_use]
    pub fn width(mut self, width: f64) -> Design {
        self.width = width;
        self
    }
    /// With hidden layers of so many units, of a multilayer perceptron.
    #[must_use]
    pub fn hidden(mut self, units: impl Into<Vec<usize>>) -> Design {
        self.hidden = units.into();
        self
    }
    /// With or without dropout.
    #[must_use]
    pub fn dropout(mut self, dropout: bool) -> Design {
        self.dropout = dropout;
        self
    }
    /// With the zeros of option A's shortcuts elsewhere.
    #[must_use]
    pub fn shortcut_padding(mut self, padding: ShortcutPadding) -> Design {
        self.shortcut_padding = padding;
        self
    }

    /// With convolutions padded as Keras's `same`, or on both sides.
    #[must_use]
    pub fn same_padding(mut self, same: bool) -> Design {
        self.same_padding = same;
        self
    }

    /// So many channels in the paper are so many here; one at least.
    pub(crate) fn channels(&self, published: usize) -> usize {
        ((published as f64 * self.width).round() as usize).max(1)
    }

    /// The paper's probability of dropping, or 0.
    pub(crate) fn drop(&self, published: f64) -> f64 {
        if self.dropout { published } else { 0.0 }
    }
}
