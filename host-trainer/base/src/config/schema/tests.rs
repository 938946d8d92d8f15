use toml::{Table, Value as Toml};

use super::*;
use crate::config::Preset;

/// A configuration.
const CONFIG: &str = r#"
seed = 3
enhancement = "prelu+oe"
space = "resnet8"
[data]
name = "glyphs"
[[step]]
kind = "largest"
epochs = 3
lr = 0.05
[[step]]
kind = "supernet"
epochs = 3
lr = 0.05
"#;

/// The tables of a configuration by the name of their type.
const TABLES: [(&str, &[&str]); 7] = [
    ("Optimizer", &["optimizer"]),
    ("Recalibration", &["recalibration"]),
    ("Augmentation", &["augmentation"]),
    ("DataSpec", &["data"]),
    ("WindowSpec", &["data", "window"]),
    ("SoundConfig", &["data", "sound"]),
    ("StepConfig", &["step"]),
];

/// The keys that a table needs.
fn needed(table: &str) -> Table {
    let text = match table {
        "window" => "samples = 8",
        "sound" => "rate = 16000\nseconds = 1.0",
        _ => "",
    };
    toml::from_str(text).unwrap()
}

/// The configuration with another value.
fn changed(tables: &[&str], key: &str, value: Toml) -> String {
    let mut config: Table = toml::from_str(CONFIG).unwrap();
    let mut table = &mut config;
    for name in tables {
        let inner = table.entry(*name).or_insert_with(|| needed(name).into());
        table = match inner {
            Toml::Array(steps) => steps[1].as_table_mut().unwrap(),
            other => other.as_table_mut().unwrap(),
        };
    }
    table.insert(key.into(), value);
    toml::to_string(&config).unwrap()
}

/// A number as TOML, whole where the field is whole.
fn number(value: f64, whole: bool) -> Toml {
    if whole { Toml::Integer(value as i64) } else { Toml::Float(value) }
}

#[test]
fn values_beyond_every_range_are_refused() {
    RunConfig::parse(CONFIG, "c.toml").unwrap();
    let schema = schema();
    let mut limits = 0;
    let own = [("", &[][..])];
    for (of, tables) in own.into_iter().chain(TABLES) {
        let properties = match of {
            "" => &schema["properties"],
            _ => &schema["$defs"][of]["properties"],
        };
        for (key, field) in properties.as_object().unwrap_or_else(|| panic!("{of}: {schema}")) {
            let whole = field["type"] == "integer";
            let beyond = |limit: f64, by: f64| if whole { limit + by } else { limit + by * 1e-3 };
            let at = |name: &str| field.get(name).and_then(Value::as_f64);
            let values = [
                at("minimum").map(|limit| beyond(limit, -1.0)),
                at("maximum").map(|limit| beyond(limit, 1.0) * if whole { 1.0 } else { 1.001 }),
                at("exclusiveMinimum"),
                at("exclusiveMaximum"),
            ];
            for value in values.into_iter().flatten() {
                // Integers above 2^53 are limits of the type.
                if value.abs() > 9e15 {
                    continue;
                }
                limits += 1;
                let text = changed(tables, key, number(value, whole));
                let error = RunConfig::parse(&text, "c.toml").unwrap_err().to_string();
                let mut places = tables.iter().copied().chain([key.as_str()]);
                let named = places.any(|name| error.contains(name));
                assert!(named, "{of}.{key} = {value}: {error}");
            }
        }
    }
    assert!(limits > 50, "{limits} limits");
}

#[test]
fn defaults_are_those_of_the_reader() {
    let schema = schema();
    let step = &schema["$defs"]["StepConfig"]["properties"];
    for (key, value) in [("batch", json!(128)), ("k", json!(8)), ("stepped", json!("epoch"))] {
        assert_eq!(step[key]["default"], value, "{key}: {step}");
    }
    assert_eq!(schema["properties"]["panel"]["default"], 14);
    let optimizer = &schema["$defs"]["Optimizer"]["properties"];
    assert!((optimizer["momentum"]["default"].as_f64().unwrap() - 0.9).abs() < 1e-6);
}

#[test]
fn every_key_of_a_preset_is_known() {
    let schema = schema();
    for preset in [Preset::Paper, Preset::Reference, Preset::ThirdPlace, Preset::Quick] {
        let text = RunConfig::preset(preset).unwrap().to_toml().unwrap();
        let keys: Table = toml::from_str(&text).unwrap();
        for key in keys.keys() {
            let known = &schema["properties"][key];
            assert!(known["description"].is_string(), "{key}: {known}");
        }
    }
    assert!(!schema.to_string().contains("null"), "{schema}");
}
