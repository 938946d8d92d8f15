//! `supernano spaces`: the built-in search spaces.

use serde::Serialize;
use supernano_base::error::Result;
use supernano_core::space::BUILTIN;

use crate::output::{Output, table};

/// List the built-in search spaces.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano spaces --json")]
pub struct Args {}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    free_layers: usize,
    sub_networks: u128,
}

/// Lists the name, the searchable layers and the number of sub-networks of each space.
///
/// # Errors
/// None.
pub fn run(_args: &Args, out: &Output) -> Result<()> {
    let rows: Vec<Row> = BUILTIN
        .iter()
        .map(|s| Row {
            name: s.name,
            free_layers: s.free_layers().count(),
            sub_networks: s.networks(),
        })
        .collect();
    out.emit(&rows, |rows| {
        let lines: Vec<Vec<String>> = rows
            .iter()
            .map(|r| vec![r.name.into(), r.free_layers.to_string(), r.sub_networks.to_string()])
            .collect();
        table(&["space", "searchable layers", "sub-networks"], &lines)
    })?;
    Ok(())
}
