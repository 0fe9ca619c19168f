//! The few calls a pickle may ask for, each as what it means; all others are refused by name.

use super::machine::Machine;
use super::value::{Array, Id, Object, Tensor, Value};
use crate::{DType, Error, Kind, Result};
use std::borrow::Cow;

/// The refusal of a call.
pub(super) fn refused(name: &str) -> Error {
    let what = format!(
        "the pickle calls {name}: nothing in a file is run; only tensors, arrays and plain \
         containers are read"
    );
    Error::new(Kind::Refused, what)
}

impl<'a> Machine<'a> {
    /// What `callable(*args)` stands for.
    pub(super) fn call(&mut self, callable: Id, args: Id) -> Result<Id> {
        let Some(name) = self.as_global(callable).map(str::to_owned) else {
            return Err(refused(self.values[callable.0].kind()));
        };
        let Value::Tuple(args) = self.values[args.0].clone() else {
            return Err(self.corrupt(format!("{name} is called without a tuple")));
        };
        let value = match (name.as_str(), &args[..]) {
            ("collections.OrderedDict", []) => Value::Dict(vec![]),
            ("collections.OrderedDict", &[entries]) => match self.values[entries.0] {
                Value::Dict(_) => return Ok(entries),
                _ => Value::Dict(self.pairs(entries)?),
            },
            ("collections.defaultdict", _) => Value::Dict(vec![]),
            ("collections.Counter" | "builtins.dict" | "__builtin__.dict", []) => {
                Value::Dict(vec![])
            }
            ("torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor", _) => {
                Value::Tensor(self.tensor(&name, &args, None)?)
            }
            ("torch._utils._rebuild_tensor_v3", _) => {
                let dtype = args.get(6).and_then(|&dtype| self.as_global(dtype));
                let dtype = dtype.and_then(torch_dtype).ok_or_else(|| self.bad_args(&name))?;
                Value::Tensor(self.tensor(&name, &args, Some(dtype))?)
            }
            (
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
                &[tensor, ..],
            ) => return Ok(tensor),
            ("torch._tensor._rebuild_from_type_v2", &[function, _, args, _]) => {
                return self.call_inner(function, args);
            }
            ("torch.Size", &[sizes]) => return Ok(sizes),
            ("torch.device", &[device, ..]) => return Ok(device),
            ("torch.serialization._get_layout", &[layout]) => return Ok(layout),
            (
                "torch.jit._pickle.build_intlist"
                | "torch.jit._pickle.build_doublelist"
                | "torch.jit._pickle.build_boollist"
                | "torch.jit._pickle.build_tensorlist",
                &[list],
            ) => return Ok(list),
            (
                "__builtin__.set" | "__builtin__.frozenset" | "builtins.set" | "builtins.frozenset",
                &[items],
            ) => {
                return Ok(items);
            }
            ("__builtin__.bytearray" | "builtins.bytearray", &[bytes]) => return Ok(bytes),
            ("_codecs.encode", &[text, ..]) => Value::Bytes(self.encoded(text)?.into()),
            ("numpy.dtype", &[letters, ..]) => {
                let letters = self.as_text(letters).ok_or_else(|| self.bad_args(&name))?;
                Value::Dtype(format!("|{letters}"))
            }
            (
                "numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct",
                &[class, ..],
            ) if self.as_global(class) == Some("numpy.ndarray") => Value::Array(None),
            (
                "numpy.core.numeric._frombuffer" | "numpy._core.numeric._frombuffer",
                &[data, dtype, shape, order],
            ) => {
                let column_major = self.as_text(order).as_deref() == Some("F");
                Value::Array(Some(Array { shape: self.sizes(shape)?, dtype, column_major, data }))
            }
            ("numpy.core.multiarray.scalar" | "numpy._core.multiarray.scalar", &[dtype, data]) => {
                Value::Array(Some(Array { shape: vec![], dtype, column_major: false, data }))
            }
            ("copy_reg._reconstructor" | "copyreg._reconstructor", &[class, ..]) => {
                Value::Object(Object::new(class))
            }
            ("collections.deque", _) => Value::List(vec![]),
            // A class derived from dict is called with a plain dict of what it holds; or with nothing or the factory of a
            // defaultdict, and its entries follow: see `refuse_calls`.
            (_, &[entries]) if matches!(self.values[entries.0], Value::Dict(_)) => {
                return Ok(entries);
            }
            (_, args) if args.iter().all(|arg| self.is_factory(*arg)) && args.len() < 2 => {
                Value::Object(Object { called: true, ..Object::new(callable) })
            }
            _ => return Err(refused(&name)),
        };
        Ok(self.add(value))
    }

    /// Whether a value may be what a defaultdict makes missing entries of.
    fn is_factory(&self, id: Id) -> bool {
        matches!(self.values[id.0], Value::Global(_) | Value::None)
    }

    /// Refuses a pickle that calls something without arguments of which no dict and no list became.
    pub(super) fn refuse_calls(&self) -> Result<()> {
        let call = self.values.iter().find_map(|value| match value {
            Value::Object(object) if object.called => Some(object.class),
            _ => None,
        });
        call.map_or(Ok(()), |class| Err(refused(self.as_global(class).unwrap_or_default())))
    }

    /// A rebuilt subclass of Tensor is the tensor below it; one level is all there is.
    fn call_inner(&mut self, function: Id, args: Id) -> Result<Id> {
        match self.as_global(function) {
            Some(name) if name.starts_with("torch._utils._rebuild_") => self.call(function, args),
            Some(name) => Err(refused(name)),
            None => Err(refused("something without a name")),
        }
    }

    /// `class.__new__(class, *args)`, as an object that only remembers its class.
    pub(super) fn new_object(&mut self, class: Id, args: Id) -> Result<Id> {
        let Some(name) = self.as_global(class) else {
            return Err(self.corrupt("an object of something that is no class".into()));
        };
        let value = match name {
            "collections.OrderedDict" => Value::Dict(vec![]),
            "torch.Size" => match self.values[args.0] {
                Value::Tuple(ref items) if items.len() == 1 => return Ok(items[0]),
                _ => return Err(self.bad_args("torch.Size")),
            },
            _ => Value::Object(Object::new(class)),
        };
        Ok(self.add(value))
    }

    /// `BUILD`: what an object is given as its state.
    pub(super) fn set_state(&mut self, target: Id, given: Id) -> Result<()> {
        match self.values[target.0] {
            // An OrderedDict's attributes (`_metadata`), a tensor's hooks: nothing to keep.
            Value::Dict(_) | Value::Tensor(_) | Value::List(_) | Value::Global(_) => Ok(()),
            Value::Object(ref mut object) => {
                object.state = Some(given);
                Ok(())
            }
            Value::Dtype(ref letters) => {
                let letters: String = letters.chars().skip(1).collect();
                let order = match &self.values[given.0] {
                    Value::Tuple(state) => state.get(1).and_then(|&order| self.as_text(order)),
                    _ => None,
                };
                let order = order.ok_or_else(|| self.bad_args("numpy.dtype"))?;
                self.values[target.0] = Value::Dtype(format!("{order}{letters}"));
                Ok(())
            }
            Value::Array(None) => {
                let Value::Tuple(state) = &self.values[given.0] else {
                    return Err(self.bad_args("numpy.ndarray"));
                };
                let &[_, shape, dtype, order, data] = &state[..] else {
                    return Err(self.bad_args("numpy.ndarray"));
                };
                let column_major =
                    matches!(self.values[order.0], Value::Bool(true) | Value::Int(1));
                let shape = self.sizes(shape)?;
                self.values[target.0] =
                    Value::Array(Some(Array { shape, dtype, column_major, data }));
                Ok(())
            }
            ref other => {
                let what = format!("{} is given a state", other.kind());
                Err(self.corrupt(what))
            }
        }
    }

    fn tensor(&self, name: &str, args: &[Id], dtype: Option<DType>) -> Result<Tensor> {
        let &[storage, offset, shape, strides, ..] = args else {
            return Err(self.bad_args(name));
        };
        let offset = self.size(offset)?;
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        if shape.len() != strides.len() {
            return Err(self.bad_args(name));
        }
        Ok(Tensor { storage, dtype, offset, shape, strides })
    }

    fn size(&self, id: Id) -> Result<usize> {
        match self.values[id.0] {
            Value::Int(n) => usize::try_from(n).map_err(|_| {
                self.corrupt(format!("a size, stride or offset is {n}; none can be negative"))
            }),
            ref other => Err(self.corrupt(format!("{} where a size was expected", other.kind()))),
        }
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>> {
        match &self.values[id.0] {
            Value::Tuple(items) | Value::List(items) => {
                items.iter().map(|&item| self.size(item)).collect()
            }
            other => Err(self.corrupt(format!("{} where a shape was expected", other.kind()))),
        }
    }

    fn pairs(&mut self, id: Id) -> Result<Vec<(Id, Id)>> {
        // Each pair took bytes of the file; one list made into dict after dict would fill the memory.
        let len = match &self.values[id.0] {
            Value::List(items) | Value::Tuple(items) => items.len(),
            _ => 0,
        };
        self.pairs_left = self
            .pairs_left
            .checked_sub(len)
            .ok_or_else(|| self.corrupt("one list becomes many dicts".into()))?;
        let pair = |id: &Id| match &self.values[id.0] {
            Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err(self.bad_args("collections.OrderedDict")),
        };
        match &self.values[id.0] {
            Value::List(items) | Value::Tuple(items) => items.iter().map(pair).collect(),
            _ => Err(self.bad_args("collections.OrderedDict")),
        }
    }

    /// Bytes that protocol 2 has as text: each letter is one byte.
    fn encoded(&self, id: Id) -> Result<Vec<u8>> {
        let text = match &self.values[id.0] {
            Value::Text(text) => text,
            _ => return Err(self.bad_args("_codecs.encode")),
        };
        let bytes = text.chars().map(|letter| u8::try_from(u32::from(letter)));
        bytes.collect::<std::result::Result<_, _>>().map_err(|_| self.bad_args("_codecs.encode"))
    }

    pub(super) fn as_global(&self, id: Id) -> Option<&str> {
        match &self.values[id.0] {
            Value::Global(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn as_text(&self, id: Id) -> Option<Cow<'a, str>> {
        as_text(&self.values[id.0])
    }

    fn bad_args(&self, name: &str) -> Error {
        self.corrupt(format!("{name} does not get what it needs"))
    }
}

/// A text; Python 2's are bytes, read as Latin-1.
pub(crate) fn as_text<'a>(value: &Value<'a>) -> Option<Cow<'a, str>> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bytes(bytes) => Some(bytes.iter().map(|&b| char::from(b)).collect()),
        _ => None,
    }
}

/// The element type of PyTorch's name for it.
pub(crate) fn torch_dtype(name: &str) -> Option<DType> {
    Some(match name.strip_prefix("torch.")? {
        "float32" | "float" => DType::F32,
        "float64" | "double" => DType::F64,
        "float16" | "half" => DType::F16,
        "bfloat16" => DType::BF16,
        "int32" | "int" => DType::I32,
        "int64" | "long" => DType::I64,
        "uint8" => DType::U8,
        "bool" => DType::Bool,
        _ => return None,
    })
}
