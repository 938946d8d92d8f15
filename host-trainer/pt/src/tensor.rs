//! Tensors: views of storages, as the calls that rebuild them say.

use crate::element::Element;
use crate::fault::{Fault, Result, short};
use crate::objects::{Id, Objects, PickledObject};
use crate::storage::{StorageReference, Storages, field};

/// A tensor whose every number is inside its storage.
#[derive(Clone, Debug)]
pub struct StoredTensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Type of its numbers.
    pub element: Element,
    /// Key of its storage.
    pub(crate) storage: String,
    /// Number of the storage that is its first.
    pub(crate) offset: usize,
    /// Numbers between neighbours along each dimension.
    pub(crate) strides: Vec<usize>,
}

/// Most dimensions, as in PyTorch.
const DIMENSIONS: usize = 64;

/// Functions that rebuild tensors, and what to do about those that are not read.
const REFUSED: [(&str, &str); 4] = [
    ("torch._utils._rebuild_qtensor", "a quantised tensor; dequantize() it before torch.save"),
    (
        "torch._utils._rebuild_sparse_tensor",
        "a sparse tensor; make it to_dense() before torch.save",
    ),
    ("torch._utils._rebuild_meta_tensor_no_storage", "a tensor on the meta device: it has no data"),
    ("torch._utils._rebuild_nested_tensor", "a nested tensor; pad or unbind it before torch.save"),
];

/// True for an object that was a tensor, whether it can be read or not.
pub(crate) fn is_tensor(objects: &Objects, id: Id) -> bool {
    match objects.get(id) {
        PickledObject::Call { function, .. } => objects
            .global(*function)
            .is_some_and(|name| name.starts_with("torch.") && name.contains("._rebuild_")),
        _ => false,
    }
}

/// Arguments of a call, and the type that a wrapper chose.
struct Call<'a> {
    name: &'a str,
    arguments: &'a [Id],
}

/// The innermost call of a tensor, below parameters and attributes.
fn innermost<'a>(objects: &'a Objects, id: Id) -> Result<Call<'a>> {
    let refused = |found: String| Fault::new("", "a plain tensor", found);
    let unknown = |id: Id| refused(format!("{}; save plain tensors", objects.describe(id)));
    let mut id = id;
    loop {
        let PickledObject::Call { function, arguments, changed: false } = objects.get(id) else {
            return Err(unknown(id));
        };
        let (Some(mut name), Some(mut arguments)) =
            (objects.global(*function), objects.tuple(*arguments))
        else {
            return Err(unknown(id));
        };
        if let (
            "torch._tensor._rebuild_from_type_v2"
            | "torch._tensor._rebuild_from_type"
            | "torch.tensor._rebuild_from_type",
            [inner, class, inner_arguments, _],
        ) = (name, arguments)
        {
            match objects.global(*class) {
                Some(
                    "torch.Tensor" | "torch.nn.parameter.Parameter" | "torch.nn.parameter.Buffer",
                ) => {}
                class => {
                    let class = class.map_or_else(|| "unknown".into(), short);
                    return Err(refused(format!(
                        "a tensor of class `{class}`; save plain tensors"
                    )));
                }
            }
            match (objects.global(*inner), objects.tuple(*inner_arguments)) {
                (Some(inner), Some(inner_arguments)) => {
                    (name, arguments) = (inner, inner_arguments);
                }
                _ => return Err(unknown(id)),
            }
        }
        match (name, arguments) {
            ("torch._utils._rebuild_parameter", [data, _, _])
            | ("torch._utils._rebuild_parameter_with_state", [data, _, _, _]) => id = *data,
            ("torch._utils._rebuild_tensor", [_, _, _, _])
            | ("torch._utils._rebuild_tensor_v2", [_, _, _, _, _, _] | [_, _, _, _, _, _, _])
            | (
                "torch._utils._rebuild_tensor_v3",
                [_, _, _, _, _, _, _] | [_, _, _, _, _, _, _, _],
            ) => return Ok(Call { name, arguments }),
            _ => {
                let hint = REFUSED.iter().find(|(known, _)| *known == name);
                return Err(hint.map_or_else(|| unknown(id), |(_, hint)| refused((*hint).into())));
            }
        }
    }
}

impl StoredTensor {
    /// Reads the call that rebuilds a tensor. The fault has no field yet.
    pub(crate) fn read(objects: &Objects, storages: &Storages, id: Id) -> Result<Self> {
        let Call { name, arguments } = innermost(objects, id)?;
        let typed = name == "torch._utils._rebuild_tensor_v3";
        let metadata = arguments.get(if typed { 7 } else { 6 });
        if let Some(found) = metadata.and_then(|&id| set(objects, id)) {
            let found = format!("one with the `{found}` bit; make it .resolve_{found}()");
            return Err(Fault::new("", "a tensor without pending operations", found));
        }
        let (reference, stored) = stored(objects, storages, arguments[0])?;
        let mut element = reference.element;
        if typed {
            element = arguments
                .get(6)
                .and_then(|&id| objects.global(id))
                .and_then(Element::of_dtype)
                .ok_or_else(|| Fault::new("", "a known type", objects.describe(arguments[6])))?;
        }
        let fault = |expected: &str, found: String| Fault::new("", expected, found);
        let offset = objects
            .count(arguments[1])
            .ok_or_else(|| fault("an offset of at least 0", objects.describe(arguments[1])))?;
        let numbers = |id: Id, what: &str| {
            numbers(objects, id).ok_or_else(|| fault(what, objects.describe(id)))
        };
        let sizes = numbers(arguments[2], "sizes of at most 64 dimensions")?;
        let strides = numbers(arguments[3], "strides of at least 0")?;
        if sizes.len() != strides.len() {
            let (sizes, strides) = (Objects::numbers(&sizes), Objects::numbers(&strides));
            return Err(fault("a stride for each size", format!("{strides} for {sizes}")));
        }
        // numbers of the storage that the tensor may use
        let unit = element.size() as u64;
        let all = stored / unit;
        let (first, length) = match reference.part {
            None => (0, all),
            Some((first, length)) => match first.checked_add(length) {
                Some(end) if end <= all => (first, length),
                _ => return Err(fault("a part inside its storage", format!("{first}+{length}"))),
            },
        };
        let last = last(offset, &sizes, &strides);
        let empty = sizes.contains(&0);
        if !empty && last.is_none_or(|last| last >= length) {
            let (sizes, strides) = (Objects::numbers(&sizes), Objects::numbers(&strides));
            let found = format!(
                "sizes {sizes} and strides {strides} from {offset} on, in {length} numbers"
            );
            return Err(fault("a view inside its storage", found));
        }
        let narrow = |n: &u64| usize::try_from(*n).ok();
        let (shape, strides, offset) = (
            sizes.iter().map(narrow).collect::<Option<Vec<_>>>(),
            // a stride that is never taken may be anything
            sizes
                .iter()
                .zip(&strides)
                .map(|(&size, stride)| if empty || size == 1 { Some(0) } else { narrow(stride) })
                .collect::<Option<_>>(),
            if empty { Some(0) } else { narrow(&(first + offset)) },
        );
        match (shape, strides, offset) {
            (Some(shape), Some(strides), Some(offset)) => {
                Ok(Self { shape, element, storage: reference.key.into(), offset, strides })
            }
            _ => Err(fault("sizes of this machine", Objects::numbers(&sizes))),
        }
    }

    /// Numbers; `None` beyond the machine's.
    pub(crate) fn numbers(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1_usize, |all, &size| all.checked_mul(size))
    }
}

/// A storage that a tensor refers to, and its bytes.
fn stored<'a>(
    objects: &'a Objects,
    storages: &Storages,
    id: Id,
) -> Result<(StorageReference<'a>, u64)> {
    let missing = || Fault::new("", "a storage", objects.describe(id));
    let PickledObject::Persistent(place) = objects.get(id) else { return Err(missing()) };
    let reference = StorageReference::read(objects, *place)?.ok_or_else(missing)?;
    let storage = storages
        .get(reference.key)
        .ok_or_else(|| Fault::new(field(reference.key), "its numbers", "nothing"))?;
    Ok((reference, storage.bytes))
}

/// The first entry of a tensor's metadata that is not false.
fn set(objects: &Objects, id: Id) -> Option<String> {
    match objects.get(id) {
        PickledObject::None => None,
        PickledObject::Dict(items) => items
            .iter()
            .find(|(_, value)| !matches!(objects.get(*value), PickledObject::Bool(false)))
            .map(|(key, _)| objects.text(*key).map_or_else(|| "unknown".into(), short)),
        _ => Some("unknown".into()),
    }
}

/// Sizes or strides: a tuple, a list or a `torch.Size` of numbers.
fn numbers(objects: &Objects, id: Id) -> Option<Vec<u64>> {
    let items = match objects.get(id) {
        PickledObject::Tuple(items) | PickledObject::List(items) => items,
        PickledObject::Call { function, arguments, changed: false }
            if objects.global(*function) == Some("torch.Size") =>
        {
            match objects.tuple(*arguments).map(|a| a.first().map(|&a| objects.get(a))) {
                Some(Some(PickledObject::Tuple(items) | PickledObject::List(items))) => items,
                _ => return None,
            }
        }
        _ => return None,
    };
    if items.len() > DIMENSIONS {
        return None;
    }
    items.iter().map(|&id| objects.count(id)).collect()
}

/// Number of the storage that is the last one of a view.
fn last(offset: u64, sizes: &[u64], strides: &[u64]) -> Option<u64> {
    sizes.iter().zip(strides).try_fold(offset, |last, (&size, &stride)| {
        last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
    })
}
