//! The dictionary of a checkpoint that holds the network's tensors.
//!
//! Checkpoints hold it bare, or below keys such as `state_dict` or `model`, beside an optimiser's
//! state and other values. It is found by one tensor that every network of the caller has. Its
//! names may share a prefix (`module.`), which is removed. Every entry of it is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use crate::Contents;
use crate::fault::{Fault, Result, list, short};
use crate::objects::{Id, Objects, PickledObject};
use crate::tensor::{self, StoredTensor};

/// Deepest dictionary that is looked at.
const DEPTH: usize = 8;
/// Most entries of all dictionaries.
const ENTRIES: usize = 1 << 17;
/// Longest key of a tensor or of a dictionary with tensors, bytes.
const KEY: usize = 256;

/// Tensors of a network.
#[derive(Clone, Debug)]
pub struct StateDict {
    /// Where they are in the file: keys and prefix, as `state_dict.module.`; empty if bare.
    pub place: String,
    /// Tensors by their names without that place.
    pub tensors: BTreeMap<String, StoredTensor>,
}

/// A dictionary inside another.
struct Group {
    /// Index of the dictionary around it.
    parent: Option<usize>,
    /// Keys on the way to it, each with a full stop behind it.
    path: String,
    dict: Id,
}

/// An entry that is no dictionary.
struct Leaf {
    group: usize,
    name: String,
    /// Whether its key is a text.
    named: bool,
    value: Id,
}

struct Walk<'a> {
    objects: &'a Objects,
    groups: Vec<Group>,
    leaves: Vec<Leaf>,
}

impl<'a> Walk<'a> {
    fn new(objects: &'a Objects, root: Id) -> Result<Self> {
        let mut walk = Self { objects, groups: Vec::new(), leaves: Vec::new() };
        walk.enter(None, String::new(), root, 0)?;
        Ok(walk)
    }

    fn enter(&mut self, parent: Option<usize>, path: String, dict: Id, depth: usize) -> Result<()> {
        let PickledObject::Dict(items) = self.objects.get(dict) else { return Ok(()) };
        let group = self.groups.len();
        let mut keys = BTreeSet::new();
        self.groups.push(Group { parent, path: path.clone(), dict });
        for &(key, value) in items {
            let text = self.objects.text(key).filter(|text| text.len() <= KEY);
            let name =
                text.map_or_else(|| format!("({})", self.objects.describe(key)), str::to_owned);
            if self.leaves.len() + self.groups.len() >= ENTRIES {
                let found = "more; save the state dict alone";
                return Err(Fault::new("dictionary", format!("at most {ENTRIES} entries"), found));
            }
            let inner = match self.objects.get(value) {
                PickledObject::Dict(inner) => !inner.is_empty() && depth < DEPTH,
                _ => false,
            };
            if text.is_some_and(|text| !keys.insert(text)) {
                let field = format!("entry `{}`", short(&(path + &name)));
                return Err(Fault::new(field, "it once", "it twice"));
            }
            if inner && text.is_some() {
                self.enter(Some(group), format!("{path}{name}."), value, depth + 1)?;
            } else {
                self.leaves.push(Leaf { group, name, named: text.is_some(), value });
            }
        }
        Ok(())
    }

    fn full(&self, leaf: &Leaf) -> String {
        format!("{}{}", self.groups[leaf.group].path, leaf.name)
    }

    /// The dictionary that holds all of a network whose names begin with `prefix`: the innermost one
    /// around `group` whose path is in that prefix; and the rest of the prefix.
    fn container<'b>(&self, group: usize, prefix: &'b str) -> (usize, &'b str) {
        let mut group = group;
        loop {
            let Group { parent, path, .. } = &self.groups[group];
            match (prefix.get(path.len()..), parent) {
                (Some(rest), _) => return (group, rest),
                (None, Some(parent)) => group = *parent,
                (None, None) => return (group, prefix),
            }
        }
    }

    /// Names of the tensors of each dictionary that has some.
    fn with_tensors(&self) -> BTreeMap<usize, Vec<&str>> {
        let mut groups: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for leaf in self.leaves.iter().filter(|l| tensor::is_tensor(self.objects, l.value)) {
            groups.entry(leaf.group).or_default().push(&leaf.name);
        }
        groups
    }

    /// Why no tensor ends in `anchor`.
    fn absent(&self, root: Id, anchor: &str) -> Fault {
        let field = format!("tensor `{anchor}`");
        let expected = "a tensor of this name in a dictionary";
        let groups = self.with_tensors();
        let most = groups.iter().max_by_key(|(_, names)| names.len());
        let found = match most {
            Some((&group, names)) => {
                let place = called(&self.groups[group].path);
                format!("{place} with {} tensors: {}", names.len(), list(names.iter().copied()))
            }
            None => match self.objects.get(root) {
                PickledObject::Dict(_) => {
                    let keys = self.leaves.iter().map(|l| self.full(l)).collect::<Vec<_>>();
                    let keys = list(keys.iter().map(String::as_str));
                    format!("no tensors, only {keys}; save the model's state_dict()")
                }
                _ if tensor::is_tensor(self.objects, root) => {
                    "a single tensor; save the model's state_dict()".into()
                }
                PickledObject::Call { .. } => {
                    let class = self.objects.maker(root);
                    format!("a whole object of class `{class}`; save its state_dict()")
                }
                _ => format!("{}; save the model's state_dict()", self.objects.describe(root)),
            },
        };
        Fault::new(field, expected, found)
    }
}

/// How messages name a place in the file.
fn called(place: &str) -> String {
    match place.trim_end_matches('.') {
        "" => "the file".into(),
        place => format!("`{}`", short(place)),
    }
}

/// Finds the network that has a tensor `anchor`, and reads where its tensors are.
pub(crate) fn find(contents: &Contents, anchor: &str) -> Result<StateDict> {
    let Contents { objects, root, storages, .. } = contents;
    let root = *root;
    let walk = Walk::new(objects, root)?;
    // (dictionary, prefix) -> group and place
    let mut found: BTreeMap<(Id, String), (usize, String)> = BTreeMap::new();
    for leaf in walk.leaves.iter().filter(|leaf| tensor::is_tensor(objects, leaf.value)) {
        let full = walk.full(leaf);
        let Some(prefix) = full.strip_suffix(anchor) else { continue };
        if prefix.is_empty() || prefix.ends_with('.') {
            let (group, rest) = walk.container(leaf.group, prefix);
            let place = (group, prefix.to_owned());
            found.entry((walk.groups[group].dict, rest.to_owned())).or_insert(place);
        }
    }
    let mut networks = found.into_iter();
    let ((_, rest), (group, place)) = networks.next().ok_or_else(|| walk.absent(root, anchor))?;
    let others: Vec<String> = networks.map(|(_, (_, place))| place).collect();
    if !others.is_empty() {
        let all = others.iter().chain([&place]).map(|place| match place.trim_end_matches('.') {
            "" => "(top level)",
            place => place,
        });
        let found =
            format!("{}: {}; save one of them alone with torch.save", others.len() + 1, list(all));
        return Err(Fault::new(format!("tensor `{anchor}`"), "one network that has it", found));
    }
    let inside = inside(&walk, group);
    let path = &walk.groups[group].path;
    let leaves = || walk.leaves.iter().filter(|leaf| inside[leaf.group]);
    if let Some(leaf) = leaves().find(|leaf| !leaf.named) {
        let expected = format!("texts of up to {KEY} bytes as names");
        return Err(Fault::new(called(path), expected, &leaf.name));
    }
    let names: Vec<(String, Id)> =
        leaves().map(|leaf| (walk.full(leaf)[path.len()..].to_owned(), leaf.value)).collect();
    let without: Vec<&str> =
        names.iter().map(|(n, _)| n.as_str()).filter(|n| !n.starts_with(&rest)).collect();
    if !without.is_empty() {
        let found = format!("{} without it; save the network's tensors alone", list(without));
        let expected = format!("every name to begin with `{}`", short(&rest));
        return Err(Fault::new(called(path), expected, found));
    }
    let mut tensors = BTreeMap::new();
    for (name, value) in names {
        let name = name[rest.len()..].to_owned();
        let field = format!("tensor `{}`", short(&name));
        if !tensor::is_tensor(objects, value) {
            let found = format!("{}; save the network's tensors alone", objects.describe(value));
            return Err(Fault::new(field, format!("a tensor in {}", called(&place)), found));
        }
        let tensor = StoredTensor::read(objects, storages, value).map_err(|f| f.of(&field))?;
        if tensors.insert(name, tensor).is_some() {
            return Err(Fault::new(field, "it once", "it twice"));
        }
    }
    Ok(StateDict { place, tensors })
}

/// Which dictionaries are `group` or inside it; a dictionary comes after the one around it.
fn inside(walk: &Walk<'_>, group: usize) -> Vec<bool> {
    let mut inside = vec![false; walk.groups.len()];
    for (i, Group { parent, .. }) in walk.groups.iter().enumerate() {
        inside[i] = i == group || parent.is_some_and(|parent| inside[parent]);
    }
    inside
}
