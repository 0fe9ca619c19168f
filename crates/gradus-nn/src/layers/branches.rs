//! Containers: layers in a row under one name, and paths side by side: residual blocks,
//! concatenation, auxiliary heads.

use crate::refused::refused;
use crate::{Config, Context, Init, Layer, Module, Padding, Sequential, Spec, State, Visitor};
use gradus_base::{Error, Shape};
use gradus_tensor::Tensor;
use std::sync::Arc;

/// Adds the layers of a path to an empty model for the path's input.
type Path = Box<dyn FnOnce(Sequential) -> Sequential>;

/// Describes layers in a row as one layer of a larger model, such as a stage of blocks: the input
/// of the first → the output of the last.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*, parameters};
/// let stage = sequential(|path| path.add_named("0", dense(4)).add_named("1", dense(4)));
/// let model = Sequential::new([8], &Init::new(0)).add_named("stage", stage);
/// assert_eq!(parameters(&model)[2].0, "stage.1.weight");
/// ```
pub fn sequential(layers: impl FnOnce(Sequential) -> Sequential + 'static) -> SequentialConfig {
    SequentialConfig(Box::new(layers))
}

/// The description of a [`Sequential`] inside another.
pub struct SequentialConfig(Path);

impl Config for SequentialConfig {
    fn name(&self) -> &'static str {
        "sequential"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        Arc::new(path(self.0, input, init))
    }
}

/// Describes x + f(x), where f is the path that `block` adds: x `[B, ..]` → the shape of f(x).
/// He et al. 2015, arXiv:1512.03385
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// let model = Sequential::new([8], &Init::new(0))
///     .add(residual(|path| path.add(dense(8)).add(relu())))
///     .add(residual(|path| path.add(dense(4))).projection(|path| path.add(dense(4).bias(false))));
/// assert_eq!(model.summary().parameters, 72 + 36 + 32);
/// ```
#[doc(alias = "Add")]
pub fn residual(block: impl FnOnce(Sequential) -> Sequential + 'static) -> ResidualConfig {
    ResidualConfig { block: Box::new(block), projection: None, activation: None }
}

/// The description of a [`Branches`] that adds.
pub struct ResidualConfig {
    block: Path,
    projection: Option<Path>,
    activation: Option<Box<dyn Config>>,
}

impl ResidualConfig {
    /// The path that x goes through before it is added, where f gives another shape.
    #[must_use]
    pub fn projection(mut self, path: impl FnOnce(Sequential) -> Sequential + 'static) -> Self {
        self.projection = Some(Box::new(path));
        self
    }
    /// The function applied to the sum: relu() makes relu(x + f(x)).
    #[must_use]
    pub fn activation(mut self, activation: impl Config + 'static) -> Self {
        self.activation = Some(Box::new(activation));
        self
    }
}

impl Config for ResidualConfig {
    fn name(&self) -> &'static str {
        "residual"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let block = path(self.block, input, init);
        let skip = path(self.projection.unwrap_or_else(|| Box::new(|p| p)), input, init);
        let (y, x) = (block.output_spec(), skip.output_spec());
        if x.shape != y.shape {
            let what = format!(
                "the block gives {}, x comes as {}: a projection must match them",
                y.shape, x.shape
            );
            return refused(Error::shape("residual", what));
        }
        let paths = vec![("block".to_owned(), block), ("projection".to_owned(), skip)];
        let activation = self.activation.map(|a| a.build(y, init));
        Arc::new(Branches { paths, join: Join::Sum, activation })
    }
}

/// Describes paths that all take x; their outputs are put one after the other along the channels:
/// `[B, C, ..]` → `[B, C₁ + C₂ + …, ..]`.   Szegedy et al. 2014, arXiv:1409.4842
#[doc(alias = "Concatenate")]
pub fn concat() -> ConcatConfig {
    ConcatConfig(vec![])
}

/// The description of a [`Branches`] that concatenates.
pub struct ConcatConfig(Vec<(String, Path)>);

impl ConcatConfig {
    /// Adds a path, named after its number: `path1`.
    #[must_use]
    pub fn path(self, path: impl FnOnce(Sequential) -> Sequential + 'static) -> Self {
        let name = format!("path{}", self.0.len() + 1);
        self.path_named(&name, path)
    }
    /// Adds a path under a name of your own.
    #[must_use]
    pub fn path_named(
        mut self,
        name: &str,
        path: impl FnOnce(Sequential) -> Sequential + 'static,
    ) -> Self {
        self.0.push((name.to_owned(), Box::new(path)));
        self
    }
}

impl Config for ConcatConfig {
    fn name(&self) -> &'static str {
        "concat"
    }
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let paths = self.0.into_iter().map(|(name, p)| (name, path(p, input, init))).collect();
        Arc::new(Branches { paths, join: Join::Concat, activation: None })
    }
}

/// Describes a head beside the model. While training, `weight` times the loss of its output is
/// added; x goes on unchanged: `[B, ..]` → `[B, ..]`.   Szegedy et al. 2014, arXiv:1409.4842 §5
pub fn auxiliary(
    weight: f64,
    head: impl FnOnce(Sequential) -> Sequential + 'static,
) -> AuxiliaryConfig {
    AuxiliaryConfig { weight, head: Box::new(head) }
}

/// The description of a [`Branches`] that passes x on.
pub struct AuxiliaryConfig {
    weight: f64,
    head: Path,
}

impl Config for AuxiliaryConfig {
    fn name(&self) -> &'static str {
        "auxiliary"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let paths = vec![("head".to_owned(), path(self.head, input, init))];
        Arc::new(Branches { paths, join: Join::Aside(self.weight), activation: None })
    }
}

#[track_caller]
fn path(add: Path, input: Spec, init: &Init) -> Sequential {
    add(Sequential::inside(input, &init.fork()))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Join {
    Sum,
    Concat,
    /// Not at all: the output of the path is offered to the loss with this weight.
    Aside(f64),
}

/// Paths side by side, joined by a sum or along the channels, or not at all.
pub struct Branches {
    paths: Vec<(String, Sequential)>,
    join: Join,
    activation: Option<Arc<dyn Layer>>,
}

impl Module for Branches {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (name, path) in &self.paths {
            visitor(name, State::Child(path));
        }
        if let Some(activation) = &self.activation {
            visitor("activation", State::Child(activation));
        }
    }
}
impl Layer for Branches {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let run = |(name, path): &(String, Sequential)| cx.run(name, path, x);
        let y = match self.join {
            Join::Sum => {
                let ys: Vec<Tensor> = self.paths.iter().map(run).collect();
                let sum = ys.iter().skip(1).fold(ys[0].clone(), |sum, y| sum + y);
                // Places that are summed are of one sequence.
                let all = ys.iter().all(|y| cx.lengths(y).is_some());
                cx.lengths(x).filter(|_| all).inspect(|lengths| cx.set_lengths(&sum, lengths));
                sum
            }
            Join::Concat => {
                let ys: Vec<Tensor> = self.paths.iter().map(run).collect();
                let refused = ys
                    .iter()
                    .try_for_each(|y| cx.refuse_lengths(y, "a concatenation along axis 1"));
                if let Err(e) = refused {
                    return Tensor::refuse(e);
                }
                Tensor::concat(&ys.iter().collect::<Vec<_>>(), 1)
            }
            Join::Aside(weight) => {
                if cx.is_training() {
                    self.paths.iter().for_each(|path| cx.add_auxiliary(&run(path), weight));
                }
                x.clone()
            }
        };
        match &self.activation {
            Some(activation) => cx.run("activation", &**activation, &y),
            None => y,
        }
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        match self.join {
            Join::Sum => "Residual".into(),
            Join::Concat => format!("Concat({})", self.paths.len()),
            Join::Aside(weight) => format!("Auxiliary({weight})"),
        }
    }
    fn paths(&self) -> &[(String, Sequential)] {
        &self.paths
    }
}
