//! The JSON Schema of a configuration, made from its types: for editors, and for the reference.
//!
//! Descriptions are the documentation of the fields, defaults those of the reader, and ranges those
//! that [`RunConfig::parse`] checks, as far as one field decides them.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use supernano_core::plan::BranchScheme;
use supernano_core::space::BUILTIN;

use super::{RunConfig, step};

/// Keys that a preset supplies.
const OF_PRESET: [&str; 5] = ["seed", "enhancement", "space", "data", "step"];

/// The schema of a configuration file (draft 2020-12).
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<RunConfig>().to_value();
    without_null(&mut schema);
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), "supernano configuration".into());
        // A file that names a preset may leave out everything else, and parts of tables.
        object.remove("required");
        object
            .insert("anyOf".into(), json!([{ "required": ["preset"] }, { "required": OF_PRESET }]));
    }
    schema
}

/// Removes the alternative `null`, which TOML does not have.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".into(), only);
                }
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            if let Some(Value::Array(alternatives)) = object.get_mut("anyOf") {
                alternatives.retain(|a| a.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = alternatives.as_slice() {
                    let only: Map<String, Value> = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            object.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

/// A built-in space, or a table.
pub(super) fn space(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = BUILTIN.iter().map(|space| space.name).collect();
    json_schema!({ "anyOf": [{ "enum": names }, { "type": "object" }] })
}

/// A named enhancement, or a table.
pub(super) fn enhancement(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "enum": ["none", "oe", "prelu+oe"] },
        {
            "type": "object",
            "properties": {
                "widths": { "enum": ["none", "oe"] },
                "activation": { "enum": ["none", "after-add", "all", "narrow-only"] },
            },
            "required": ["widths", "activation"],
        },
    ] })
}

/// The shape of an image.
pub(super) fn shape(_: &mut SchemaGenerator) -> Schema {
    let size = json!({ "type": "integer", "minimum": 1, "maximum": u16::MAX });
    json_schema!({
        "type": "object",
        "properties": { "height": size, "width": size, "channels": size },
        "required": ["height", "width", "channels"],
    })
}

/// The name of a branch scheme.
pub(super) fn scheme(_: &mut SchemaGenerator) -> Schema {
    let all = [
        BranchScheme::Shared,
        BranchScheme::Halves,
        BranchScheme::Exclusive,
        BranchScheme::Reference4,
        BranchScheme::ReferenceFine,
    ];
    json_schema!({ "enum": all.map(step::name) })
}

#[cfg(test)]
mod tests;
