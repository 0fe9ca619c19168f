//! The stack machine of pickle's protocols 2 to 5, without the power to call anything: what a
//! `REDUCE` means is decided by a short list in `calls.rs`, everything else is refused by name.
//! Opcodes: CPython's `pickletools`.

use super::value::{Id, Value};
use crate::{Budget, Error, Result};
use std::borrow::Cow;
use std::collections::HashMap;

/// The interpreter of one pickle. Each opcode adds at most one value, so memory stays within a
/// constant factor of the bytes read.
pub(crate) struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    pub(super) values: Vec<Value<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// How many values it may have: one takes a byte of the file, but many of memory.
    most_values: usize,
    /// How many pairs of lists may still become entries of dicts.
    pub(super) pairs_left: usize,
}

/// A pickle that was read: its value, and how many bytes it took.
pub(crate) struct Pickle<'a> {
    pub(crate) values: Vec<Value<'a>>,
    pub(crate) root: Id,
    pub(crate) len: usize,
}

/// Reads the pickle at the start of `bytes`.
pub(crate) fn parse<'a>(bytes: &'a [u8]) -> Result<Pickle<'a>> {
    let mut machine = Machine {
        bytes,
        at: 0,
        values: vec![],
        stack: vec![],
        marks: vec![],
        memo: HashMap::new(),
        most_values: Budget::default().bytes(bytes.len()) / size_of::<Value<'_>>(),
        pairs_left: bytes.len(),
    };
    let root = loop {
        if let Some(root) = machine.step()? {
            break root;
        }
    };
    machine.refuse_calls()?;
    Ok(Pickle { values: machine.values, root, len: machine.at })
}

impl<'a> Machine<'a> {
    /// Runs one opcode; the result at `STOP`.
    fn step(&mut self) -> Result<Option<Id>> {
        let start = self.at;
        if self.values.len() >= self.most_values {
            return Err(self.corrupt("it has more values than a file of this length may".into()));
        }
        let [code] = self.fixed()?;
        match code {
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            0x80 => self.protocol()?,
            0x95 => drop(self.take(8)?), // FRAME: only a hint for buffering
            b'N' | 0x88 | 0x89 | b'J' | b'K' | b'M' | b'I' | b'L' | 0x8a | 0x8b | b'G' | b'F' => {
                let number = self.number(code)?;
                self.push(number);
            }
            b'T' | b'U' | b'B' | b'C' | 0x8e | 0x96 | b'X' | 0x8c | 0x8d | b'V' | b'S' => {
                let text = self.text(code)?;
                self.push(text);
            }
            b'q' | b'r' | b'p' | 0x94 => self.memoize(code)?,
            b'h' | b'j' | b'g' => {
                let key = self.memo_key(code)?;
                let found = self.memo.get(&key).copied();
                let found = found.ok_or_else(|| self.corrupt(format!("no memo {key}")))?;
                self.stack.push(found);
            }
            b']' | b'l' | b')' | b't' | 0x85..=0x87 | b'}' | b'd' | 0x8f | 0x91 => {
                self.container(code)?;
            }
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(code)?,
            b'c' | 0x93 => self.global(code)?,
            b'R' | 0x81 | 0x92 | b'b' | b'Q' | b'i' | b'o' => self.object(code)?,
            b'P' => return Err(self.corrupt("a persistent id of protocol 0".into())),
            0x97 | 0x98 => {
                let what = "the pickle keeps its buffers outside the file (protocol 5, out of band); \
                            save it without a buffer_callback";
                return Err(Error::format(what));
            }
            _ => {
                let what = format!("not a pickle: the byte {code:#04x} at {start} is no opcode");
                return Err(Error::format(what));
            }
        }
        Ok(None)
    }

    fn protocol(&mut self) -> Result<()> {
        match self.fixed()? {
            [0..=5] => Ok(()),
            [version] => Err(Error::format(format!("pickle protocol {version}, 2 to 5 are read"))),
        }
    }

    fn number(&mut self, code: u8) -> Result<Value<'a>> {
        Ok(match code {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'J' => Value::Int(i32::from_le_bytes(self.fixed()?).into()),
            b'K' => Value::Int(u8::from_le_bytes(self.fixed()?).into()),
            b'M' => Value::Int(u16::from_le_bytes(self.fixed()?).into()),
            b'G' => {
                self.take(8)?;
                Value::Float
            }
            b'I' | b'L' | b'F' => {
                let line = self.line()?;
                match (code, line) {
                    (b'I', "01") => Value::Bool(true),
                    (b'I', "00") => Value::Bool(false),
                    (b'F', _) => Value::Float,
                    _ => Value::Int(
                        line.trim_end_matches('L')
                            .parse()
                            .map_err(|_| self.corrupt(format!("the number {line:?}")))?,
                    ),
                }
            }
            _ => {
                let len = match code {
                    0x8a => usize::from(u8::from_le_bytes(self.fixed()?)),
                    _ => u32::from_le_bytes(self.fixed()?) as usize,
                };
                long(self.take(len)?)
            }
        })
    }

    fn text(&mut self, code: u8) -> Result<Value<'a>> {
        if matches!(code, b'V' | b'S') {
            let line = self.line()?;
            let line = if code == b'S' { line.trim_matches(['\'', '"']) } else { line };
            return Ok(Value::Text(Cow::Borrowed(line)));
        }
        let len = match code {
            b'U' | b'C' | 0x8c => u64::from(u8::from_le_bytes(self.fixed()?)),
            b'T' | b'B' | b'X' => u32::from_le_bytes(self.fixed()?).into(),
            _ => u64::from_le_bytes(self.fixed()?),
        };
        let len = usize::try_from(len).map_err(|_| self.truncated())?;
        let bytes = self.take(len)?;
        if !matches!(code, b'X' | 0x8c | 0x8d) {
            return Ok(Value::Bytes(Cow::Borrowed(bytes)));
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| self.corrupt("a text is not UTF-8".into()))?;
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn memoize(&mut self, code: u8) -> Result<()> {
        let key = if code == 0x94 { self.memo.len() as u64 } else { self.memo_key(code)? };
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn memo_key(&mut self, code: u8) -> Result<u64> {
        Ok(match code {
            b'q' | b'h' => u8::from_le_bytes(self.fixed()?).into(),
            b'r' | b'j' => u32::from_le_bytes(self.fixed()?).into(),
            _ => {
                let line = self.line()?;
                line.parse().map_err(|_| self.corrupt(format!("the memo {line:?}")))?
            }
        })
    }

    fn container(&mut self, code: u8) -> Result<()> {
        let value = match code {
            b']' | 0x8f => Value::List(vec![]), // a set is a list here
            b')' => Value::Tuple(vec![]),
            b'}' => Value::Dict(vec![]),
            b'l' | 0x91 => Value::List(self.pop_mark()?),
            b't' => Value::Tuple(self.pop_mark()?),
            b'd' => Value::Dict(self.pop_pairs()?),
            _ => {
                let len = usize::from(code - 0x84);
                let start = self.stack.len().checked_sub(len);
                let start = start.filter(|&s| s >= self.floor()).ok_or_else(|| self.underflow())?;
                Value::Tuple(self.stack.split_off(start))
            }
        };
        self.push(value);
        Ok(())
    }

    /// Adds items to the list or dict below them.
    fn fill(&mut self, code: u8) -> Result<()> {
        let single = |s: &mut Self| s.pop().map(|x| vec![x]);
        match code {
            b'a' | b'e' | 0x90 => {
                let items = if code == b'a' { single(self)? } else { self.pop_mark()? };
                let target = self.top()?;
                match &mut self.values[target.0] {
                    Value::List(list) => list.extend(items),
                    Value::Object(object) => {
                        object.called &= items.is_empty();
                        object.items.extend(items);
                    }
                    other => {
                        let what = format!("items are added to {}", other.kind());
                        return Err(self.corrupt(what));
                    }
                }
            }
            _ => {
                let pairs = if code == b's' {
                    let (value, key) = (self.pop()?, self.pop()?);
                    vec![(key, value)]
                } else {
                    self.pop_pairs()?
                };
                let target = self.top()?;
                match &mut self.values[target.0] {
                    Value::Dict(dict) => dict.extend(pairs),
                    Value::Object(object) => {
                        object.called &= pairs.is_empty();
                        object.entries.extend(pairs);
                    }
                    other => {
                        let what = format!("entries are added to {}", other.kind());
                        return Err(self.corrupt(what));
                    }
                }
            }
        }
        Ok(())
    }

    fn global(&mut self, code: u8) -> Result<()> {
        let name = if code == b'c' {
            let (module, name) = (self.line()?, self.line()?);
            format!("{module}.{name}")
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (self.as_text(module), self.as_text(name)) {
                (Some(module), Some(name)) => format!("{module}.{name}"),
                _ => return Err(self.corrupt("a name that is no text".into())),
            }
        };
        self.push(Value::Global(name.into()));
        Ok(())
    }

    /// Calls, objects and their state.
    fn object(&mut self, code: u8) -> Result<()> {
        match code {
            b'R' => {
                let (args, callable) = (self.pop()?, self.pop()?);
                let result = self.call(callable, args)?;
                self.stack.push(result);
            }
            b'b' => {
                let (state, target) = (self.pop()?, self.top()?);
                self.set_state(target, state)?;
            }
            b'Q' => {
                let id = self.pop()?;
                match self.module_class(id) {
                    Some(class) => self.stack.push(class),
                    None => self.push(Value::Persistent(id)),
                }
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                return Err(super::calls::refused(&format!("{module}.{name}")));
            }
            b'o' => {
                let items = self.pop_mark()?;
                let class = items.first().and_then(|&class| self.as_global(class));
                return Err(super::calls::refused(class.unwrap_or("something without a name")));
            }
            // NEWOBJ and NEWOBJ_EX make an object without running anything of its class.
            _ => {
                if code == 0x92 {
                    self.pop()?;
                }
                let (args, class) = (self.pop()?, self.pop()?);
                let object = self.new_object(class, args)?;
                self.stack.push(object);
            }
        }
        Ok(())
    }

    /// PyTorch before 1.6 wrote a module's class as `('module', class, file, source)`.
    fn module_class(&self, id: Id) -> Option<Id> {
        match &self.values[id.0] {
            Value::Tuple(fields) if fields.len() == 4 => {
                (self.as_text(fields[0])? == "module").then_some(fields[1])
            }
            _ => None,
        }
    }

    pub(super) fn add(&mut self, value: Value<'a>) -> Id {
        self.values.push(value);
        Id(self.values.len() - 1)
    }
    fn push(&mut self, value: Value<'a>) {
        let id = self.add(value);
        self.stack.push(id);
    }

    /// Where the innermost mark lies: nothing below it may be taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }
    fn top(&self) -> Result<Id> {
        self.stack[self.floor().min(self.stack.len())..]
            .last()
            .copied()
            .ok_or_else(|| self.underflow())
    }
    fn pop(&mut self) -> Result<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }
    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.underflow())?;
        Ok(self.stack.split_off(mark))
    }
    fn pop_pairs(&mut self) -> Result<Vec<(Id, Id)>> {
        let items = self.pop_mark()?;
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.corrupt("a key without a value".into()));
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let taken = self.bytes[self.at..].get(..len).ok_or_else(|| self.truncated())?;
        self.at += len;
        Ok(taken)
    }
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        Ok(*taken.first_chunk().expect("so many were taken"))
    }
    /// Text up to the end of the line.
    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&b| b == b'\n').ok_or_else(|| self.truncated())?;
        self.at += len + 1;
        std::str::from_utf8(&rest[..len]).map_err(|_| self.corrupt("a name is not UTF-8".into()))
    }

    pub(super) fn corrupt(&self, what: String) -> Error {
        Error::format(format!("the pickle is corrupt near byte {}: {what}", self.at))
    }
    fn underflow(&self) -> Error {
        self.corrupt("it takes more from the stack than there is".into())
    }
    fn truncated(&self) -> Error {
        Error::format(format!(
            "the pickle is truncated: it ends at byte {}, more was announced",
            self.bytes.len()
        ))
    }
}

/// A little-endian two's complement integer of any length.
fn long(bytes: &[u8]) -> Value<'_> {
    if bytes.len() > 8 {
        return Value::Long;
    }
    let negative = bytes.last().is_some_and(|&top| top >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}
