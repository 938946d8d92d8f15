//! Networks in a JSON text of one of several shapes. Only the members that are wanted are kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::Result;
use crate::files::{self, Plain};

/// Keys of an object whose list holds the networks.
const LISTS: [&str; 2] = ["networks", "scores"];

/// The wanted members of one network.
pub(super) struct Item<'w>(Vec<(&'w str, String)>);

impl Item<'_> {
    /// Takes the member with this key.
    pub fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(k, _)| *k == key)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Networks with their keys, or with `[POSITION]` in a list.
type Networks<'w> = Vec<(String, Item<'w>)>;

/// The networks of a text: those of a list, of a list in an object, or of the challenge's object of
/// objects, in the order of their keys.
///
/// # Errors
/// The errors of [`files::parse_json`].
pub(super) fn networks<'w>(text: &str, file: &str, wanted: &'w [&'w str]) -> Result<Networks<'w>> {
    files::distinct_keys(text, file)?;
    files::deserialise_with(Whole(wanted), text, file, "an object or a list of networks")
}

/// Reads the whole text.
#[derive(Clone, Copy)]
struct Whole<'w>(&'w [&'w str]);

/// Reads one value: a network, or a list of networks.
#[derive(Clone, Copy)]
struct One<'w>(&'w [&'w str]);

enum Value<'w> {
    Item(Item<'w>),
    List(Networks<'w>),
    Other,
}

fn list<'de, 'w, A: SeqAccess<'de>>(
    wanted: &'w [&'w str],
    mut items: A,
) -> std::result::Result<Networks<'w>, A::Error> {
    let mut networks = Vec::new();
    while let Some(value) = items.next_element_seed(One(wanted))? {
        let item = if let Value::Item(item) = value { item } else { Item(Vec::new()) };
        networks.push((format!("[{}]", networks.len()), item));
    }
    Ok(networks)
}

impl<'de, 'w> DeserializeSeed<'de> for Whole<'w> {
    type Value = Networks<'w>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Networks<'w>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, 'w> Visitor<'de> for Whole<'w> {
    type Value = Networks<'w>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Networks<'w>, A::Error> {
        list(self.0, items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Networks<'w>, A::Error> {
        let (mut networks, mut lists) = (Vec::new(), [const { None }; LISTS.len()]);
        while let Some(key) = members.next_key::<String>()? {
            let at = LISTS.iter().position(|name| *name == key);
            match (members.next_value_seed(One(self.0))?, at) {
                (Value::List(list), Some(at)) => lists[at] = Some(list),
                (Value::Item(item), _) => networks.push((key, item)),
                (Value::List(_) | Value::Other, _) => networks.push((key, Item(Vec::new()))),
            }
        }
        networks.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(lists.into_iter().flatten().next().unwrap_or(networks))
    }
}

impl<'de, 'w> DeserializeSeed<'de> for One<'w> {
    type Value = Value<'w>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value<'w>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, 'w> Visitor<'de> for One<'w> {
    type Value = Value<'w>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a network or a list of networks")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'w>, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value<'w>, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value<'w>, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'w>, E> {
        Ok(Value::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Value<'w>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value<'w>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Value<'w>, A::Error> {
        list(self.0, items).map(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'w>, A::Error> {
        let mut found = Vec::new();
        while let Some(key) = members.next_key::<String>()? {
            match self.0.iter().find(|name| **name == key) {
                Some(name) => found.push((*name, members.next_value::<Plain>()?.0)),
                None => {
                    let IgnoredAny = members.next_value()?;
                }
            }
        }
        Ok(Value::Item(Item(found)))
    }
}
