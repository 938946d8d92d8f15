//! Puts the agents into the program if `cargo xtask agents` has made them.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let agents = Path::new("agents/agents.tar.xz");
    println!("cargo::rerun-if-changed=agents");
    println!("cargo::rerun-if-changed=build.rs");
    let archive = if agents.is_file() { fs::read(agents)? } else { Vec::new() };
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("agents.tar.xz"), archive)
}
