//! A drawing as DOT, the language of Graphviz.

use super::{Class, Drawing, Item};
use std::collections::BTreeMap;
use std::fmt::Write;

impl Drawing {
    /// The picture as Graphviz reads it, one cluster per layer.
    pub fn to_dot(&self) -> String {
        let mut out = String::from(
            "digraph {\n  rankdir=BT;\n  node [shape=box, style=\"rounded,filled\"];\n",
        );
        let mut layers: BTreeMap<&str, Vec<(usize, &Item)>> = BTreeMap::new();
        for numbered in self.boxes.iter().enumerate() {
            layers.entry(&numbered.1.scope).or_default().push(numbered);
        }
        for (i, (layer, items)) in layers.iter().enumerate() {
            let inside = !layer.is_empty();
            if inside {
                let _ = writeln!(out, "  subgraph cluster_{i} {{\n  label={};", quoted(layer));
            }
            for (n, item) in items {
                let label = quoted(&format!("{}\n{}", item.title, item.meta));
                let (fill, width) = (fill(item.class), if item.wanted { 2 } else { 1 });
                let _ = writeln!(
                    out,
                    "  n{n} [label={label}, fillcolor=\"{fill}\", penwidth={width}];"
                );
            }
            if inside {
                out.push_str("  }\n");
            }
        }
        for a in &self.arrows {
            let label = match &*a.label {
                "" => String::new(),
                views => format!(" [label={}]", quoted(views)),
            };
            let _ = writeln!(out, "  n{} -> n{}{label};", a.from, a.to);
        }
        out.push_str("}\n");
        out
    }
}

fn fill(class: Class) -> &'static str {
    match class {
        Class::Argument => "#cfe3f7",
        Class::Variable => "#fbdcb4",
        Class::Constant => "#e4e4e4",
        Class::Op => "#ffffff",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
