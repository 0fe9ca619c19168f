//! The browser's half of the codec, written from the descriptions.

use super::{Content, Declared, Field, Shape, Types, Variant};
use std::fmt::Write;

/// What does not depend on the messages: bytes written and read from the front.
const FOUNDATION: &str = include_str!("foundation.ts");

/// TypeScript that declares every type, and writes and reads it.
pub fn typescript(types: &Types, version: u16) -> String {
    let mut text = format!("{FOUNDATION}\nexport const VERSION = {version};\n");
    for named in types.all() {
        let (name, about) = (named.name, named.about);
        match &named.declared {
            Some(Declared::Struct(fields)) => of_struct(&mut text, name, about, fields),
            Some(Declared::Enum(variants)) => of_enum(&mut text, name, about, variants),
            None => unreachable!("{name} was left while it was described"),
        }
    }
    text
}

/// Writing to a `String` does not fail.
macro_rules! line {
    ($to:expr, $($arguments:tt)*) => {
        writeln!($to, $($arguments)*).expect("a line")
    };
}

fn of_struct(text: &mut String, name: &str, about: &str, fields: &[Field]) {
    line!(text, "\n/** {about} */\nexport interface {name} {{");
    for field in fields {
        line!(text, "  /** {} */", field.about);
        line!(text, "  {}: {};", camel(field.name), kind(&field.shape));
    }
    line!(text, "}}\n\nexport function write{name}(to: Writer, value: {name}): void {{");
    for field in fields {
        line!(text, "  {};", writes(&field.shape, &format!("value.{}", camel(field.name))));
    }
    line!(text, "}}\n\nexport function read{name}(from: Reader): {name} {{\n  return {{");
    for field in fields {
        line!(text, "    {}: {},", camel(field.name), reads(&field.shape));
    }
    line!(text, "  }};\n}}");
}

fn of_enum(text: &mut String, name: &str, about: &str, variants: &[Variant]) {
    line!(text, "\n/** {about} */\nexport type {name} =");
    for (i, variant) in variants.iter().enumerate() {
        let end = if i + 1 == variants.len() { ";" } else { "" };
        let content = match &variant.content {
            Content::Nothing => String::new(),
            Content::Value(shape) => format!("; value: {}", kind(shape)),
            Content::Fields(fields) => fields.iter().fold(String::new(), |all, field| {
                all + &format!("; {}: {}", camel(field.name), kind(&field.shape))
            }),
        };
        line!(text, "  /** {} */", variant.about);
        line!(text, "  | {{ kind: \"{}\"{content} }}{end}", variant.name);
    }
    line!(text, "\nexport function write{name}(to: Writer, value: {name}): void {{");
    line!(text, "  switch (value.kind) {{");
    for (tag, variant) in variants.iter().enumerate() {
        line!(text, "    case \"{}\":\n      to.u8({tag});", variant.name);
        match &variant.content {
            Content::Nothing => {}
            Content::Value(shape) => line!(text, "      {};", writes(shape, "value.value")),
            Content::Fields(fields) => {
                for field in fields {
                    let value = format!("value.{}", camel(field.name));
                    line!(text, "      {};", writes(&field.shape, &value));
                }
            }
        }
        line!(text, "      break;");
    }
    line!(text, "  }}\n}}\n\nexport function read{name}(from: Reader): {name} {{");
    line!(text, "  const tag = from.u8();\n  switch (tag) {{");
    for (tag, variant) in variants.iter().enumerate() {
        let content = match &variant.content {
            Content::Nothing => String::new(),
            Content::Value(shape) => format!(", value: {}", reads(shape)),
            Content::Fields(fields) => fields.iter().fold(String::new(), |all, field| {
                all + &format!(", {}: {}", camel(field.name), reads(&field.shape))
            }),
        };
        line!(text, "    case {tag}:\n      return {{ kind: \"{}\"{content} }};", variant.name);
    }
    line!(text, "    default:\n      throw new Error(`{name} has no variant ${{tag}}`);");
    line!(text, "  }}\n}}");
}

/// A type's name in TypeScript.
fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "boolean".into(),
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::I32 | Shape::F32 | Shape::F64 => {
            "number".into()
        }
        Shape::Text => "string".into(),
        Shape::Bytes => "Uint8Array".into(),
        Shape::U16s => "Uint16Array".into(),
        Shape::U32s => "Uint32Array".into(),
        Shape::I32s => "Int32Array".into(),
        Shape::F32s => "Float32Array".into(),
        Shape::F64s => "Float64Array".into(),
        Shape::List(of) => format!("Array<{}>", kind(of)),
        Shape::Maybe(of) => format!("({} | null)", kind(of)),
        Shape::Named(name) => (*name).into(),
    }
}

/// The method of `Writer` and `Reader` for what needs no further one.
fn method(shape: &Shape) -> Option<&'static str> {
    Some(match shape {
        Shape::Bool => "bool",
        Shape::U8 => "u8",
        Shape::U16 => "u16",
        Shape::U32 => "u32",
        Shape::I32 => "i32",
        Shape::F32 => "f32",
        Shape::F64 => "f64",
        Shape::Text => "text",
        Shape::Bytes => "bytes",
        Shape::U16s => "u16s",
        Shape::U32s => "u32s",
        Shape::I32s => "i32s",
        Shape::F32s => "f32s",
        Shape::F64s => "f64s",
        Shape::List(_) | Shape::Maybe(_) | Shape::Named(_) => return None,
    })
}

fn writes(shape: &Shape, value: &str) -> String {
    match (shape, method(shape)) {
        (_, Some(method)) => format!("to.{method}({value})"),
        (Shape::List(of), _) => format!("to.list({value}, (item) => {})", writes(of, "item")),
        (Shape::Maybe(of), _) => format!("to.maybe({value}, (item) => {})", writes(of, "item")),
        (Shape::Named(name), _) => format!("write{name}(to, {value})"),
        _ => unreachable!("a shape without a method is one of the three"),
    }
}

fn reads(shape: &Shape) -> String {
    match (shape, method(shape)) {
        (_, Some(method)) => format!("from.{method}()"),
        (Shape::List(of), _) => format!("from.list(() => {})", reads(of)),
        (Shape::Maybe(of), _) => format!("from.maybe(() => {})", reads(of)),
        (Shape::Named(name), _) => format!("read{name}(from)"),
        _ => unreachable!("a shape without a method is one of the three"),
    }
}

/// `train_loss` as `trainLoss`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| {
        let (head, rest) = word.split_at(word.len().min(1));
        all + &head.to_ascii_uppercase() + rest
    })
}
