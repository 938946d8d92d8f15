//! The keys of a configuration as tables of Markdown, made from its JSON Schema.

use serde_json::{Map, Value};

const HEAD: &str = "\
<!-- Made by `supernano dev reference configuration`. A test compares this page with the program. -->

# Configuration

A configuration is a TOML file. `supernano train CONFIG -o RUN` reads it, and every run keeps its own as
`config.toml`. Keys without a default are required, unless they are marked as optional. A file that names a
`preset` takes everything that it leaves out from there. A value outside its range ends the command with exit code 2.

[configuration.schema.json](configuration.schema.json) is the same as JSON Schema, for editors: write `#:schema PATH`
into the first line of a configuration.
";

/// The tables of a file and the types that describe them, in the order of the page.
const TABLES: [(&str, &str); 11] = [
    ("Budget: `[budget]`", "BudgetSpec"),
    ("Data: `[data]`", "DataSpec"),
    ("Windows of sensors: `[data.window]`", "WindowSpec"),
    ("Windows of sound: `[data.sound]`", "SoundConfig"),
    ("Features of sound: `[data.sound.features]`", "SoundSpec"),
    ("Augmentation: `[augmentation]`", "Augmentation"),
    ("Loss: `[loss]`", "LossConfig"),
    ("Optimiser: `[optimizer]`", "Optimizer"),
    ("Recalibration: `[recalibration]`", "Recalibration"),
    ("Steps: `[[step]]`", "StepConfig"),
    ("Spaces: `[space]`", ""),
];

/// The page.
pub fn markdown(schema: &Value) -> String {
    let mut page = format!("{HEAD}\n## Keys of the file\n\n{}", rows(schema, schema));
    for (title, of) in TABLES {
        let table = match of {
            "" => "A built-in space by its name, or a table ([own-space.md](../own-space.md)).\n"
                .into(),
            _ => rows(schema, &schema["$defs"][of]),
        };
        page += &format!("\n## {title}\n\n{table}");
    }
    page
}

/// The keys of a table, one a row.
fn rows(schema: &Value, table: &Value) -> String {
    let none = Map::new();
    let properties = table["properties"].as_object().unwrap_or(&none);
    // The file itself requires keys only without a preset, which is the second alternative.
    let required = table["required"].as_array().or(table["anyOf"][1]["required"].as_array());
    let required = required.map_or(&[][..], Vec::as_slice);
    let mut text = "| key | value | default | meaning |\n|---|---|---|---|\n".to_owned();
    for (key, field) in properties {
        let default = match field.get("default") {
            Some(Value::Object(_)) => "that of its keys".into(),
            Some(value) => format!("`{}`", short(value)),
            None if required.iter().any(|name| name == key) => String::new(),
            None => "optional".into(),
        };
        let meaning = field["description"].as_str().unwrap_or_default();
        let (kind, meaning) = (kind(schema, field), escaped(&meaning.replace('\n', " ")));
        text += &format!("| `{key}` | {kind} | {default} | {meaning} |\n");
    }
    text
}

/// A number as it is written in a file: 32-bit values have more digits in JSON.
fn short(value: &Value) -> String {
    match value.as_f64().filter(|_| value.is_f64()) {
        Some(number) if f64::from(number as f32) == number => format!("{:?}", number as f32),
        Some(number) => format!("{number:?}"),
        None => value.to_string(),
    }
}

/// What a field may hold.
fn kind(schema: &Value, field: &Value) -> String {
    if let Some(name) = field["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return kind(schema, &schema["$defs"][name]);
    }
    let names = |of: &Value| -> Vec<String> {
        let values = of["enum"].as_array().into_iter().flatten().chain(of.get("const"));
        values.map(|value| format!("`{value}`")).collect()
    };
    let alternatives = field["oneOf"].as_array().or(field["anyOf"].as_array());
    if let Some(alternatives) = alternatives {
        let texts: Vec<String> = alternatives
            .iter()
            .map(|of| match names(of) {
                found if found.is_empty() => kind(schema, of),
                found => found.join(", "),
            })
            .collect();
        return texts.join(", ");
    }
    let found = names(field);
    if !found.is_empty() {
        return found.join(", ");
    }
    let range = range(field);
    match field["type"].as_str() {
        Some("integer") => format!("integer{range}"),
        Some("number") => format!("number{range}"),
        Some("boolean") => "`true`, `false`".into(),
        Some("string") => "text".into(),
        Some("array") => "list".into(),
        Some("object") => "table".into(),
        _ => "any".into(),
    }
}

/// The range of a number, after a comma.
fn range(field: &Value) -> String {
    let at = |name: &str| field.get(name).map(short);
    let least = at("minimum").map(|v| format!("at least {v}"));
    let above = at("exclusiveMinimum").map(|v| format!("above {v}"));
    let most = at("maximum").map(|v| format!("at most {v}"));
    let below = at("exclusiveMaximum").map(|v| format!("below {v}"));
    let parts = [least, above, most, below].into_iter().flatten();
    parts.map(|part| format!(", {part}")).collect()
}

/// Text in a cell of a table.
fn escaped(text: &str) -> String {
    // Links of the documentation of the code lead nowhere here.
    let plain = text.replace("[`", "`").replace("`]", "`");
    plain.replace('|', "\\|").replace('<', "&lt;")
}
