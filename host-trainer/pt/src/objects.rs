//! The objects of a pickle as data. Nothing is constructed: a call is kept as its function's name
//! and its arguments.

use std::fmt::Write as _;

use crate::fault::short;

/// An object, as an index into its [`Objects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(u32);

/// One object.
#[derive(Debug)]
pub(crate) enum PickledObject {
    None,
    Bool(bool),
    Int(i128),
    Float,
    Text(Box<str>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A function or class, `module.name`.
    Global(Box<str>),
    /// An object made by a call. `changed` where state, items or attributes were added later.
    Call {
        function: Id,
        arguments: Id,
        changed: bool,
    },
    /// An object that the container stores beside the pickle.
    Persistent(Id),
    /// An object whose value no checkpoint needs.
    Other(&'static str),
}

/// All objects of a pickle.
#[derive(Debug, Default)]
pub(crate) struct Objects(Vec<PickledObject>);

impl Objects {
    /// Adds an object. A pickle's opcodes are so few that 32 bits suffice.
    pub fn add(&mut self, node: PickledObject) -> Id {
        self.0.push(node);
        Id(self.0.len() as u32 - 1)
    }

    /// The object of an index.
    pub fn get(&self, id: Id) -> &PickledObject {
        &self.0[id.0 as usize]
    }

    /// The object of an index, to be changed.
    pub fn get_mut(&mut self, id: Id) -> &mut PickledObject {
        &mut self.0[id.0 as usize]
    }

    /// Everything that is stored beside the pickle.
    pub fn persistent(&self) -> impl Iterator<Item = Id> {
        self.0.iter().filter_map(|node| match node {
            PickledObject::Persistent(id) => Some(*id),
            _ => None,
        })
    }

    /// The text that an object is.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            PickledObject::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The name of the function or class that an object is.
    pub fn global(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            PickledObject::Global(name) => Some(name),
            _ => None,
        }
    }

    /// The elements of a tuple.
    pub fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            PickledObject::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The number that an object is, where it is not negative.
    pub fn count(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            PickledObject::Int(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// An object for messages.
    pub fn describe(&self, id: Id) -> String {
        match self.get(id) {
            PickledObject::None => "None".into(),
            PickledObject::Bool(b) => format!("the value {b}"),
            PickledObject::Int(n) => format!("the number {n}"),
            PickledObject::Float => "a number".into(),
            PickledObject::Text(text) => format!("the text \"{}\"", short(text)),
            PickledObject::Tuple(items) => format!("a tuple of {}", items.len()),
            PickledObject::List(items) => format!("a list of {}", items.len()),
            PickledObject::Dict(items) => format!("a dictionary of {}", items.len()),
            PickledObject::Global(name) => format!("the class or function `{}`", short(name)),
            PickledObject::Call { .. } => format!("an object made by `{}`", self.maker(id)),
            PickledObject::Persistent(_) => "a storage or module".into(),
            PickledObject::Other(what) => (*what).into(),
        }
    }

    /// The function or class that makes an object. A copied object is made by its own class.
    pub fn maker(&self, id: Id) -> String {
        let PickledObject::Call { function, arguments, .. } = self.get(id) else {
            return self.describe(id);
        };
        match (self.global(*function), self.tuple(*arguments)) {
            (Some("copyreg._reconstructor" | "copy_reg._reconstructor"), Some([class, ..])) => {
                self.global(*class).map_or_else(|| "another call".into(), short)
            }
            (Some(name), _) => short(name),
            (None, _) => match self.get(*function) {
                PickledObject::Persistent(id) => self.module(*id),
                _ => "another call".into(),
            },
        }
    }

    /// The class of a persistent module: the tuple `("module", class, file, source)`.
    pub fn module(&self, id: Id) -> String {
        let class = match self.tuple(id) {
            Some([_, class, ..]) => self.global(*class),
            _ => None,
        };
        class.map_or_else(|| "a module".into(), short)
    }

    /// Sizes or strides for messages.
    pub fn numbers(numbers: &[u64]) -> String {
        let mut text = String::from("[");
        for (i, n) in numbers.iter().take(8).enumerate() {
            let _ = write!(text, "{}{n}", if i == 0 { "" } else { ", " });
        }
        if numbers.len() > 8 {
            text.push_str(", ...");
        }
        text + "]"
    }
}
