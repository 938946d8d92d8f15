//! The machine's stack, marks and memo, and what the opcodes do with objects.

use std::collections::HashMap;

use crate::cursor::Cursor;
use crate::fault::{Fault, Result, short};
use crate::objects::{Id, Objects, PickledObject};

/// The machine of one pickle.
pub(super) struct Unpickler<'a> {
    pub input: Cursor<'a>,
    pub objects: Objects,
    pub stack: Vec<Id>,
    /// Lengths of the stack where marks are.
    pub marks: Vec<usize>,
    pub memo: HashMap<u64, Id>,
    /// Bytes of all class names, which repeat without cost in the input.
    names: usize,
}

/// Most bytes of class names.
const NAMES: usize = 1 << 24;

impl<'a> Unpickler<'a> {
    pub fn new(input: Cursor<'a>) -> Self {
        Self {
            input,
            objects: Objects::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            names: 0,
        }
    }

    pub fn broken(&self, found: impl std::fmt::Display) -> Fault {
        self.input.fault("a well-formed pickle", found)
    }

    pub fn push(&mut self, node: PickledObject) -> Result<()> {
        let id = self.objects.add(node);
        self.stack.push(id);
        Ok(())
    }

    /// The topmost object above the last mark.
    pub fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = if self.stack.len() > floor { self.stack.pop() } else { None };
        top.ok_or_else(|| self.broken("an opcode whose operand is missing"))
    }

    pub fn top(&self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor..]
            .last()
            .copied()
            .ok_or_else(|| self.broken("an opcode whose operand is missing"))
    }

    /// Everything above the last mark.
    pub fn since_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.broken("an opcode without its mark"))?;
        Ok(self.stack.split_off(mark))
    }

    pub fn tuple(&mut self, count: usize) -> Result<()> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(PickledObject::Tuple(items))
    }

    pub fn text(&mut self, length: u64) -> Result<()> {
        let bytes = self.input.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.broken("text that is no UTF-8"))?;
        self.push(PickledObject::Text(text.into()))
    }

    /// A byte string. Python 2 wrote its text so.
    pub fn bytes(&mut self, length: u64) -> Result<()> {
        let bytes = self.input.take(length)?;
        self.push(match std::str::from_utf8(bytes) {
            Ok(text) => PickledObject::Text(text.into()),
            Err(_) => PickledObject::Other("bytes"),
        })
    }

    pub fn long(&mut self, length: u64) -> Result<()> {
        let bytes = self.input.take(length)?;
        if bytes.len() > 16 {
            return self.push(PickledObject::Other("a number beyond 128 bits"));
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut wide = if negative { [0xff; 16] } else { [0; 16] };
        wide[..bytes.len()].copy_from_slice(bytes);
        self.push(PickledObject::Int(i128::from_le_bytes(wide)))
    }

    /// A number as text; `00` and `01` are truth values of the protocols 0 and 1.
    pub fn number(&mut self) -> Result<()> {
        let line = self.input.line()?;
        let node = match line {
            "00" => PickledObject::Bool(false),
            "01" => PickledObject::Bool(true),
            _ => {
                let digits = line.strip_suffix('L').unwrap_or(line);
                match digits.parse() {
                    Ok(n) => PickledObject::Int(n),
                    Err(_) if wide(digits) => PickledObject::Other("a number beyond 128 bits"),
                    Err(_) => return Err(self.broken(format!("`{}` as a number", short(line)))),
                }
            }
        };
        self.push(node)
    }

    pub fn global(&mut self, module: &str, name: &str) -> Result<()> {
        let name = format!("{module}.{name}");
        self.names += name.len();
        if self.names > NAMES {
            return Err(self.broken("too many class names"));
        }
        self.push(PickledObject::Global(name.into()))
    }

    pub fn remember(&mut self, place: u64) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }

    pub fn recall(&mut self, place: u64) -> Result<()> {
        let id = self.memo.get(&place).copied();
        self.stack.push(id.ok_or_else(|| self.broken("an object that was never stored"))?);
        Ok(())
    }

    pub fn place(&mut self) -> Result<u64> {
        let line = self.input.line()?;
        line.parse().map_err(|_| self.broken(format!("`{}` as a place", short(line))))
    }

    /// A call, as data. Calls that make dictionaries make dictionaries.
    pub fn call(&mut self, function: Id, arguments: Id) -> Result<()> {
        let call = PickledObject::Call { function, arguments, changed: false };
        let Some(items) = self.objects.tuple(arguments) else {
            return Err(self.broken("a call without a tuple of arguments"));
        };
        let node = match (self.objects.global(function), items) {
            (Some("collections.OrderedDict" | "builtins.dict" | "__builtin__.dict"), []) => {
                PickledObject::Dict(Vec::new())
            }
            (Some("collections.defaultdict"), [] | [_]) => PickledObject::Dict(Vec::new()),
            // as Python 2 wrote it
            (Some("collections.OrderedDict"), [pairs]) => self.pairs(*pairs).unwrap_or(call),
            _ => call,
        };
        self.push(node)
    }

    /// A list of pairs as a dictionary.
    fn pairs(&self, list: Id) -> Option<PickledObject> {
        let PickledObject::List(list) = self.objects.get(list) else { return None };
        let pairs = list.iter().map(|&pair| match self.objects.get(pair) {
            PickledObject::Tuple(items) | PickledObject::List(items) => match items[..] {
                [key, value] => Some((key, value)),
                _ => None,
            },
            _ => None,
        });
        Some(PickledObject::Dict(pairs.collect::<Option<_>>()?))
    }

    pub fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let target = self.top()?;
        if !items.len().is_multiple_of(2) {
            return Err(self.broken("a key without a value"));
        }
        match self.objects.get_mut(target) {
            PickledObject::Dict(dict) => {
                dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])))
            }
            PickledObject::Call { changed, .. } => *changed = true,
            _ => return Err(self.broken("keys for an object that has none")),
        }
        Ok(())
    }

    pub fn append(&mut self, items: Vec<Id>) -> Result<()> {
        let target = self.top()?;
        match self.objects.get_mut(target) {
            PickledObject::List(list) => list.extend(items),
            PickledObject::Call { changed, .. } => *changed = true,
            PickledObject::Other(_) => {}
            _ => return Err(self.broken("items for an object that has none")),
        }
        Ok(())
    }

    /// State of an object; the attributes of a dictionary are not its items.
    pub fn build(&mut self) -> Result<()> {
        self.pop()?;
        let target = self.top()?;
        match self.objects.get_mut(target) {
            PickledObject::Call { changed, .. } => *changed = true,
            PickledObject::Dict(_) | PickledObject::Other(_) => {}
            _ => return Err(self.broken("state for an object that has none")),
        }
        Ok(())
    }
}

/// True for digits, with a sign or without.
fn wide(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() > 16 && digits.bytes().all(|b| b.is_ascii_digit())
}
