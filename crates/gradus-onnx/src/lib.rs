//! ONNX models: run by Gradus, and written from what Gradus computes.
//!
//! A [`Network`] is read from a file and checked once: every operator must be known, every value made before it is read.
//! Running it walks the nodes and builds tensors; shapes are those of the inputs at hand, so a batch of any size will do.
//! [`export`] goes the other way, from a layer or any function of tensors to a model.
//!
//! ```
//! use gradus_io::onnx::{Graph, Model, Node, Size, ValueInfo};
//! use gradus_onnx::Network;
//! use gradus_tensor::Tensor;
//! let value = |name: &str| ValueInfo { name: name.into(), element: 1, shape: Some(vec![Size::Open("N".into())]) };
//! let relu = Node { op: "Relu".into(), inputs: vec!["x".into()], outputs: vec!["y".into()], ..Node::default() };
//! let graph = Graph { nodes: vec![relu], inputs: vec![value("x")], outputs: vec![value("y")], ..Graph::default() };
//! let network = Network::new(Model { opsets: vec![("".into(), 17)], graph, ..Model::default() }).unwrap();
//! let y = network.run(&[("x", Tensor::from([-1.0f32, 2.0]))]).unwrap();
//! assert_eq!(y[0].1.to_vec::<f32>(), [0.0, 2.0]);
//! ```

mod arrays;
mod call;
mod check;
mod error;
mod export;
mod network;
mod ops;
mod scope;

pub use arrays::{array_of, tensor_of};
pub use error::{Error, Result};
pub use export::{Export, export};
pub use network::Network;
pub use ops::operators;
