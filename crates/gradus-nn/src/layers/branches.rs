//! Containers of paths side by side: residual blocks and concatenation.

use crate::{Config, Context, Init, Layer, Module, Sequential, State, Visitor};
use gradus_base::{Error, Shape};
use gradus_tensor::{Tensor, fail};
use std::panic::Location;
use std::sync::Arc;

/// Adds the layers of a path to an empty model for the path's input.
type Path = Box<dyn FnOnce(Sequential) -> Sequential>;

/// Describes x + f(x), where f is the path that `block` adds.   He et al. 2015, arXiv:1512.03385
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// let model = Sequential::new([8], &Init::new(0))
///     .add(residual(|path| path.add(dense(8)).add(relu())))
///     .add(residual(|path| path.add(dense(4))).projection(|path| path.add(dense(4).bias(false))));
/// assert_eq!(model.summary().parameters, 72 + 36 + 32);
/// ```
pub fn residual(block: impl FnOnce(Sequential) -> Sequential + 'static) -> ResidualConfig {
    ResidualConfig { block: Box::new(block), projection: None }
}

/// The description of a [`Branches`] that adds.
pub struct ResidualConfig {
    block: Path,
    projection: Option<Path>,
}

impl ResidualConfig {
    /// What x goes through before it is added, where f gives another shape.
    #[must_use]
    pub fn projection(mut self, path: impl FnOnce(Sequential) -> Sequential + 'static) -> Self {
        self.projection = Some(Box::new(path));
        self
    }
}

impl Config for ResidualConfig {
    fn name(&self) -> &'static str {
        "residual"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Shape, init: &Init) -> Arc<dyn Layer> {
        let block = path(self.block, input, init);
        let skip = path(self.projection.unwrap_or_else(|| Box::new(|p| p)), input, init);
        let (y, x) = (block.output_shape(), skip.output_shape());
        if x != y {
            let what = format!("the block gives {y}, x comes as {x}: a projection must match them");
            fail(Error::shape("residual", what), Location::caller());
        }
        let paths = vec![("block".to_owned(), block), ("projection".to_owned(), skip)];
        Arc::new(Branches { paths, join: Join::Sum, input })
    }
}

/// Describes paths that all take x; their outputs are put one after the other along the channels.
/// Szegedy et al. 2014, arXiv:1409.4842
pub fn concat() -> ConcatConfig {
    ConcatConfig(vec![])
}

/// The description of a [`Branches`] that concatenates.
pub struct ConcatConfig(Vec<Path>);

impl ConcatConfig {
    /// One more path.
    #[must_use]
    pub fn path(mut self, path: impl FnOnce(Sequential) -> Sequential + 'static) -> Self {
        self.0.push(Box::new(path));
        self
    }
}

impl Config for ConcatConfig {
    fn name(&self) -> &'static str {
        "concat"
    }
    fn build(self: Box<Self>, input: Shape, init: &Init) -> Arc<dyn Layer> {
        let named = |(i, p)| (format!("path{}", i + 1), path(p, input, init));
        let paths = self.0.into_iter().enumerate().map(named).collect();
        Arc::new(Branches { paths, join: Join::Concat, input })
    }
}

fn path(add: Path, input: Shape, init: &Init) -> Sequential {
    add(Sequential::new(input, &init.fork()))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Join {
    Sum,
    Concat,
}

/// Paths side by side, joined by a sum or along the channels.
pub struct Branches {
    paths: Vec<(String, Sequential)>,
    join: Join,
    input: Shape,
}

impl Branches {
    /// The paths with their names.
    pub fn paths(&self) -> &[(String, Sequential)] {
        &self.paths
    }
}

impl Module for Branches {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (name, path) in &self.paths {
            visitor(name, State::Child(path));
        }
    }
}
impl Layer for Branches {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let ys: Vec<Tensor> = self.paths.iter().map(|(name, p)| cx.run(name, p, x)).collect();
        match self.join {
            Join::Sum => ys.iter().skip(1).fold(ys[0].clone(), |sum, y| sum + y),
            Join::Concat => Tensor::concat(&ys.iter().collect::<Vec<_>>(), 1),
        }
    }
    fn describe(&self) -> String {
        match self.join {
            Join::Sum => "Residual".into(),
            Join::Concat => format!("Concat({})", self.paths.len()),
        }
    }
    fn macs(&self, input: &Shape, _: &Shape) -> u64 {
        debug_assert_eq!(*input, self.input, "built for another input");
        self.paths.iter().map(|(_, p)| p.summary().macs()).sum()
    }
}
