//! Drawing: a graph as a picture, laid out here (SVG) or by Graphviz (DOT).
//!
//! Values flow upwards, from arguments and variables to what is wanted. Numbers are folded into the
//! box that uses them, views into the arrow they lie on.

mod dot;
mod labels;
mod layout;
mod svg;

use crate::node::{Kind, Node, ViewOp};
use crate::variable::Variable;
use gradus_base::DType;
use std::collections::{BTreeMap, HashMap};

/// A graph as Graphviz reads it, one cluster per layer.
pub fn to_dot(wanted: &[Node]) -> String {
    Drawing::new(wanted).to_dot()
}

/// A graph as an SVG picture.
pub fn to_svg(wanted: &[Node]) -> String {
    Drawing::new(wanted).to_svg()
}

/// What a picture shows: boxes for values, arrows between them.
#[derive(Clone, Debug)]
pub struct Drawing {
    boxes: Vec<Item>,
    arrows: Vec<Arrow>,
}

/// One box.
#[derive(Clone, Debug)]
struct Item {
    id: u64,
    /// The number of the variable it stands for.
    variable: Option<u64>,
    class: Class,
    title: String,
    meta: String,
    scope: String,
    wanted: bool,
}

/// What sort of value a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Argument,
    Variable,
    Constant,
    Op,
}

/// An arrow between two boxes, by their places in the list. The one it comes from is earlier.
#[derive(Clone, Debug)]
struct Arrow {
    from: usize,
    to: usize,
    /// The views on the way.
    label: String,
}

impl Drawing {
    /// The picture of the wanted nodes and all they are made of.
    pub fn new(wanted: &[Node]) -> Drawing {
        let mut shown: BTreeMap<u64, Node> = BTreeMap::new();
        let mut stack = wanted.to_vec();
        while let Some(node) = stack.pop() {
            if shown.insert(node.id(), node.clone()).is_none() {
                stack.extend(
                    node.inputs().iter().map(|n| source(n).0).filter(|n| number(n).is_none()),
                );
            }
        }
        // A variable read at several places is one box.
        let mut variables = HashMap::new();
        let mut place = HashMap::new();
        let mut drawing = Drawing { boxes: vec![], arrows: vec![] };
        for (&id, node) in &shown {
            let next = drawing.boxes.len();
            let at = match node.kind() {
                Kind::Variable(v) => *variables.entry(v.id()).or_insert(next),
                _ => next,
            };
            place.insert(id, at);
            if at == next {
                drawing.add(node, &place);
            }
        }
        for node in wanted {
            drawing.boxes[place[&node.id()]].wanted = true;
        }
        drawing
    }

    /// Gives `node` another name, for example an argument, which has none of its own.
    #[must_use]
    pub fn name(mut self, node: &Node, name: &str) -> Drawing {
        if let Some(item) = self.boxes.iter_mut().find(|b| b.id == node.id()) {
            name.clone_into(&mut item.title);
        }
        self
    }

    /// Gives a variable another name, such as its path in a model.
    #[must_use]
    pub fn name_variable(mut self, variable: &Variable, name: &str) -> Drawing {
        if let Some(item) = self.boxes.iter_mut().find(|b| b.variable == Some(variable.id())) {
            name.clone_into(&mut item.title);
        }
        self
    }

    fn add(&mut self, node: &Node, place: &HashMap<u64, usize>) {
        let to = self.boxes.len();
        let mut operands = vec![];
        for input in node.inputs() {
            let (from, label) = source(input);
            match number(&from) {
                Some(value) => operands.push(value.to_string()),
                None => {
                    operands.push("·".to_owned());
                    self.arrows.push(Arrow { from: place[&from.id()], to, label });
                }
            }
        }
        let has_numbers = operands.iter().any(|o| o != "·");
        let title = match (node.kind(), number(node)) {
            (_, Some(value)) => value.to_string(),
            (Kind::Variable(v), _) => v.name().to_owned(),
            (Kind::Input(i), _) => format!("argument {i}"),
            _ if has_numbers => format!("{}({})", node.name(), operands.join(", ")),
            _ => node.name().to_owned(),
        };
        let class = match node.kind() {
            Kind::Input(_) => Class::Argument,
            Kind::Variable(_) => Class::Variable,
            Kind::Data => Class::Constant,
            _ if number(node).is_some() => Class::Constant,
            _ => Class::Op,
        };
        let meta = match node.dtype() {
            DType::F32 => node.shape().to_string(),
            dtype => format!("{dtype} {}", node.shape()),
        };
        let scope = node.scope().map_or(String::new(), |s| s.to_string());
        let variable = match node.kind() {
            Kind::Variable(v) => Some(v.id()),
            _ => None,
        };
        let wanted = false;
        self.boxes.push(Item { id: node.id(), variable, class, title, meta, scope, wanted });
    }
}

/// The node whose elements `node` shows, and how it shows them. A broadcast says nothing that the shapes do not, nor does the
/// first output of an op with several.
fn source(node: &Node) -> (Node, String) {
    let (mut node, mut views) = (node.clone(), vec![]);
    loop {
        match node.kind() {
            Kind::View(ViewOp::Expand) | Kind::Part(0) => {}
            Kind::View(_) => views.push(node.name().to_owned()),
            Kind::Part(output) => views.push(format!("output {output}")),
            _ => break,
        }
        node = node.inputs()[0].clone();
    }
    views.reverse();
    (node, views.join(", "))
}

/// The number a node holds at every element, if it is no more than that.
fn number(node: &Node) -> Option<f64> {
    match node.kind() {
        Kind::Pointwise(p) if node.inputs().is_empty() => p.expr.as_constant(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Meta, Variable, input};
    use gradus_base::Buffer;
    use std::sync::Arc;

    /// sum(w·(1 − x)) with w broadcast and read twice.
    fn graph() -> (Node, Drawing) {
        let meta = Meta::new([1, 3], DType::F32);
        let w = Variable::new("w", meta, Arc::new(Buffer::from_slice(&[1.0f32, 2.0, 3.0])));
        let x = input(0, Meta::new([2, 3], DType::F32));
        let one = crate::constant(1.0, x.meta());
        let y = crate::scope("layer", || {
            let wide = w.node().expand(x.shape());
            wide.zip(&one.zip(&x, "sub", |a, b| a - b), "mul", |a, b| a * b)
        });
        let y = y.zip(&w.node().expand(x.shape()), "add", |a, b| a + b);
        let y = y.reduce(gradus_base::ReduceOp::Sum, &[0, 1]);
        (x.clone(), Drawing::new(&[y]).name(&x, "x"))
    }

    #[test]
    fn dot_shows_what_the_graph_is() {
        let text = graph().1.to_dot();
        let arrows: Vec<&str> = text.lines().filter(|l| l.contains("->")).map(str::trim).collect();
        let want = ["n0 -> n2;", "n1 -> n3;", "n2 -> n3;", "n3 -> n4;", "n1 -> n4;", "n4 -> n5;"];
        assert_eq!(arrows, want, "{text}");
    }

    #[test]
    fn svg_has_a_box_for_each_value() {
        let svg = graph().1.to_svg();
        assert_eq!(svg.matches("class=\"op").count(), 4, "{svg}");
        assert_eq!(svg.matches("class=\"variable").count(), 1, "{svg}");
        assert!(svg.contains(">sub(1, ·)</text>") && svg.contains(">x</text>"), "{svg}");
        assert_eq!(svg.matches("<path").count(), 6, "{svg}");
    }

    #[test]
    fn deep_graphs_are_drawn_without_recursion() {
        let mut y = input(0, Meta::new([1], DType::F32));
        for _ in 0..2000 {
            y = y.zip(&y, "add", |a, b| a + b);
        }
        assert_eq!(to_svg(&[y]).matches("class=\"op").count(), 2000);
    }
}
