//! What a message is made of, as data.

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// `bool`.
    Bool,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `i32`.
    I32,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `String`.
    Text,
    /// `Vec<u8>`.
    Bytes,
    /// `Vec<u16>`.
    U16s,
    /// `Vec<u32>`.
    U32s,
    /// `Vec<i32>`.
    I32s,
    /// `Vec<f32>`.
    F32s,
    /// `Vec<f64>`.
    F64s,
    /// `Vec` of anything else.
    List(Box<Shape>),
    /// `Option`.
    Maybe(Box<Shape>),
    /// A declared struct or enum.
    Named(&'static str),
}

/// A field of a struct or variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in Rust.
    pub name: &'static str,
    /// Its documentation.
    pub about: &'static str,
    /// Its type.
    pub shape: Shape,
}

/// What a variant holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// One value.
    Value(Shape),
    /// Named fields.
    Fields(Vec<Field>),
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// Its documentation.
    pub about: &'static str,
    /// What it holds.
    pub content: Content,
}

/// A struct or an enum.
#[derive(Clone, Debug, PartialEq)]
pub enum Declared {
    /// Named fields, one after another.
    Struct(Vec<Field>),
    /// A byte, and what its variant holds.
    Enum(Vec<Variant>),
}

/// A declared type with its name and documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// Its documentation.
    pub about: &'static str,
    /// What it is made of; nothing while its own fields are being described.
    pub declared: Option<Declared>,
}

/// The named types of messages, each once, in the order in which they are met.
#[derive(Default)]
pub struct Types {
    all: Vec<Named>,
}

impl Types {
    /// The types so far.
    pub fn all(&self) -> &[Named] {
        &self.all
    }

    /// Declares a type unless it is; `describe` describes its parts.
    ///
    /// # Panics
    /// Panics if two types have one name: `#[wire(name = "…")]` gives another.
    pub fn declare(
        &mut self,
        name: &'static str,
        about: &'static str,
        describe: impl FnOnce(&mut Types) -> Declared,
    ) -> Shape {
        let at = self.all.iter().position(|named| named.name == name);
        if let Some(known) = at {
            let own = self.all[known].about;
            assert_eq!(own, about, "two types are named {name}");
        } else {
            let at = self.all.len();
            self.all.push(Named { name, about, declared: None });
            let declared = describe(self);
            self.all[at].declared = Some(declared);
        }
        Shape::Named(name)
    }
}
