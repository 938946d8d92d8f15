//! The pickle machine, restricted to data: it imports nothing and calls nothing.
//!
//! Every opcode of the protocols 0 to 5 is known. Those that need something outside the pickle
//! (extension registry, out-of-band buffers) are refused. Lengths are compared with the bytes that are
//! left and opcodes are counted, which bounds the memory: by the length of the input and 600 MB.

mod machine;

use machine::Unpickler;

use crate::cursor::Cursor;
use crate::fault::{Fault, Result};
use crate::objects::{Id, Objects, PickledObject};

/// A pickle that was read.
#[derive(Debug)]
pub(crate) struct Pickle {
    /// Its objects.
    pub objects: Objects,
    /// The outermost one.
    pub root: Id,
    /// Where the bytes behind it start.
    pub end: usize,
}

/// Most opcodes of one pickle. A checkpoint of 1000 tensors has about 100,000.
const OPCODES: u32 = 1 << 22;

/// Reads the pickle that starts at byte `start`; `what` names the bytes in messages.
pub(crate) fn read(bytes: &[u8], start: usize, what: &str) -> Result<Pickle> {
    let mut machine = Unpickler::new(Cursor::new(bytes, start, what));
    for _ in 0..OPCODES {
        let at = machine.input.at();
        let opcode = machine.input.u8()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            if !machine.stack.is_empty() || !machine.marks.is_empty() {
                return Err(machine.broken("objects left on the stack at its end"));
            }
            return Ok(Pickle { objects: machine.objects, root, end: machine.input.at() });
        }
        machine.step(opcode, at)?;
    }
    let found = "more; save the model's state_dict() alone";
    Err(Fault::new(what, format!("a pickle of at most {OPCODES} opcodes"), found))
}

impl Unpickler<'_> {
    fn step(&mut self, opcode: u8, at: usize) -> Result<()> {
        match opcode {
            // protocol and frame
            0x80 => match self.input.u8()? {
                0..=5 => Ok(()),
                version => Err(self.input.fault("pickle protocol 0 to 5", version)),
            },
            0x95 => match self.input.u64()? {
                length if length <= self.input.left() as u64 => Ok(()),
                length => self.input.take(length).map(drop),
            },
            // the stack and the memo
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' if self.marks.last() == Some(&self.stack.len()) => self.since_mark().map(drop),
            b'0' => self.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'q' => self.input.u8().and_then(|place| self.remember(place.into())),
            b'r' => self.input.u32().and_then(|place| self.remember(place.into())),
            b'p' => self.place().and_then(|place| self.remember(place)),
            0x94 => self.remember(self.memo.len() as u64),
            b'h' => self.input.u8().and_then(|place| self.recall(place.into())),
            b'j' => self.input.u32().and_then(|place| self.recall(place.into())),
            b'g' => self.place().and_then(|place| self.recall(place)),
            _ => self.constant(opcode, at),
        }
    }

    fn constant(&mut self, opcode: u8, at: usize) -> Result<()> {
        match opcode {
            b'N' => self.push(PickledObject::None),
            0x88 => self.push(PickledObject::Bool(true)),
            0x89 => self.push(PickledObject::Bool(false)),
            b'I' | b'L' => self.number(),
            b'K' => self.input.u8().and_then(|n| self.push(PickledObject::Int(n.into()))),
            b'M' => self.input.u16().and_then(|n| self.push(PickledObject::Int(n.into()))),
            b'J' => self.input.i32().and_then(|n| self.push(PickledObject::Int(n.into()))),
            0x8a => self.input.u8().and_then(|length| self.long(length.into())),
            0x8b => self.input.u32().and_then(|length| self.long(length.into())),
            b'G' => self.input.f64_be().and_then(|_| self.push(PickledObject::Float)),
            b'F' => self.input.line().and_then(|_| self.push(PickledObject::Float)),
            0x8c => self.input.u8().and_then(|length| self.text(length.into())),
            b'X' => self.input.u32().and_then(|length| self.text(length.into())),
            0x8d => self.input.u64().and_then(|length| self.text(length)),
            b'V' => {
                let line = self.input.line()?;
                self.push(PickledObject::Text(line.into()))
            }
            b'S' => {
                let line = self.input.line()?;
                let text = line.trim_matches(['\'', '"']);
                self.push(PickledObject::Text(text.into()))
            }
            b'U' | b'C' => self.input.u8().and_then(|length| self.bytes(length.into())),
            b'T' | b'B' => self.input.u32().and_then(|length| self.bytes(length.into())),
            0x8e | 0x96 => self.input.u64().and_then(|length| self.bytes(length)),
            _ => self.container(opcode, at),
        }
    }

    fn container(&mut self, opcode: u8, at: usize) -> Result<()> {
        match opcode {
            b')' => self.push(PickledObject::Tuple(Vec::new())),
            b']' => self.push(PickledObject::List(Vec::new())),
            b'}' => self.push(PickledObject::Dict(Vec::new())),
            0x8f => self.push(PickledObject::Other("a set")),
            0x85 => self.tuple(1),
            0x86 => self.tuple(2),
            0x87 => self.tuple(3),
            b't' => {
                let items = self.since_mark()?;
                self.push(PickledObject::Tuple(items))
            }
            b'l' => {
                let items = self.since_mark()?;
                self.push(PickledObject::List(items))
            }
            b'd' => {
                let items = self.since_mark()?;
                self.push(PickledObject::Dict(Vec::new()))?;
                self.set_items(&items)
            }
            0x91 => {
                self.since_mark()?;
                self.push(PickledObject::Other("a set"))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.append(items)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set_items(&items)
            }
            _ => self.object(opcode, at),
        }
    }

    fn object(&mut self, opcode: u8, at: usize) -> Result<()> {
        match opcode {
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.global(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.objects.text(module), self.objects.text(name)) {
                    (Some(module), Some(name)) => {
                        let (module, name) = (module.to_owned(), name.to_owned());
                        self.global(&module, &name)
                    }
                    _ => Err(self.broken("a class whose name is no text")),
                }
            }
            // a call, and an instance of a class made in one of three ways
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)
            }
            0x92 => {
                let (_, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(class, arguments)
            }
            b'i' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                let items = self.since_mark()?;
                self.global(module, name)?;
                let class = self.pop()?;
                self.push(PickledObject::Tuple(items))?;
                let arguments = self.pop()?;
                self.call(class, arguments)
            }
            b'o' => {
                let mut items = self.since_mark()?;
                if items.is_empty() {
                    return Err(self.broken("an instance without its class"));
                }
                let class = items.remove(0);
                self.push(PickledObject::Tuple(items))?;
                let arguments = self.pop()?;
                self.call(class, arguments)
            }
            b'b' => self.build(),
            b'Q' => {
                let id = self.pop()?;
                self.push(PickledObject::Persistent(id))
            }
            opcode => Err(Fault::new(
                self.input.place(at),
                "an opcode of a checkpoint's pickle",
                format!("0x{opcode:02x}"),
            )),
        }
    }
}
