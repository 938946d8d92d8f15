//! `cargo xtask peers`: CMSIS-NN and this project on the same emulated cores.
//!
//! CMSIS-NN is built from a directory that the user names, with its default options and with its
//! fastest ones. `tests/peers` has the program; nothing of CMSIS-NN is kept in this project.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supernano_facts::{Emulator, Machine};

use crate::bench;
use crate::boards;
use crate::firmware;
use crate::process::{self, Failure, Result, program, root, run};
use crate::setup::{self, Consent, Need};

/// Arguments of `cargo xtask peers`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Directory of CMSIS-NN's sources, with Include and Source.
    #[arg(long, value_name = "DIR")]
    cmsis_nn: PathBuf,
    /// Cores to compare on: m0, m3, m4.
    #[arg(long, value_delimiter = ',', default_value = "m4")]
    cores: Vec<String>,
    /// Print JSON rows on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

/// Names of the networks, in the order of `tests/peers/cmsis_nn.c`.
const NETWORKS: [&str; 4] = ["resnet8", "large", "mid", "small"];

/// Directories of CMSIS-NN's sources that the networks need.
const FOLDERS: [&str; 5] = [
    "BasicMathFunctions",
    "ConvolutionFunctions",
    "FullyConnectedFunctions",
    "NNSupportFunctions",
    "PoolingFunctions",
];

/// Options of the compiler that every build has.
const FLAGS: [&str; 9] = [
    "-mthumb",
    "-std=gnu11",
    "-ffreestanding",
    "-fno-tree-loop-distribute-patterns",
    "-ffunction-sections",
    "-fdata-sections",
    "-nostdlib",
    "-Wl,--gc-sections",
    "-Wl,-z,noexecstack",
];

/// Name and options of each build.
const BUILDS: [(&str, &[&str]); 2] = [
    ("CMSIS-NN", &["-O3"]),
    (
        "CMSIS-NN, fastest",
        &[
            "-Ofast",
            "-DCMSIS_NN_USE_REQUANTIZE_INLINE_ASSEMBLY",
            "-DOPTIONAL_RESTRICT_KEYWORD=__restrict",
        ],
    ),
];

/// A core: its name, its options for the compiler, and the core whose cycles are estimated.
type Core = (&'static str, &'static [&'static str], &'static str);
const CORES: [Core; 3] = [
    ("m0", &["-mcpu=cortex-m0"], "cortex-m0+"),
    ("m3", &["-mcpu=cortex-m3"], "cortex-m3"),
    ("m4", &["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"], "cortex-m4"),
];

/// Builds CMSIS-NN, counts both engines on each core, and prints a table.
///
/// # Errors
/// An unknown core, sources that are not CMSIS-NN's, an answer of CMSIS-NN that differs from plain
/// loops, and missing tools.
pub fn compare(args: &Args, consent: Consent) -> Result<()> {
    let cores: Vec<&Core> = args.cores.iter().map(|name| known(name)).collect::<Result<_>>()?;
    let sources = sources(&args.cmsis_nn)?;
    let mut needs = setup::targets();
    needs.extend([Need::Tool(&setup::COMPILER), Need::Tool(&setup::QEMU)]);
    setup::ensure(&needs, consent)?;
    process::build_plugin()?;
    let mut rows = Vec::new();
    for (core, cpu, timed) in cores {
        for (build, options) in BUILDS {
            let elf = link(args, &sources, (core, cpu), (build, options))?;
            rows.extend(counted(&elf, firmware::machine_of(core)?, (build, timed))?);
        }
        rows.extend(bench::with_relu(core)?);
    }
    if args.json {
        say!("{}", json!(rows));
    } else {
        say!("{}", table(&rows));
    }
    Ok(())
}

fn known(name: &str) -> Result<&'static Core> {
    let cores: &'static [Core] = &CORES;
    let message = || format!("unknown core `{name}`: expected m0, m3 or m4");
    let found = cores.iter().find(|core| core.0 == name);
    found.ok_or_else(|| Failure { code: 2, message: message() })
}

/// The integer sources of CMSIS-NN, sorted.
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let folder = directory.join("Source").join(folder);
        let entries = fs::read_dir(&folder).map_err(|e| Failure {
            code: 2,
            message: format!(
                "--cmsis-nn: {}: {e}; expected the sources of CMSIS-NN",
                folder.display()
            ),
        })?;
        let paths = entries.filter_map(|entry| entry.ok().map(|e| e.path()));
        found.extend(paths.filter(|path| is_integer(path)));
    }
    found.sort();
    Ok(found)
}

/// True for a C file without floating-point kernels.
fn is_integer(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|e| e == "c") && !stem.ends_with("_f16") && !stem.ends_with("_f32")
}

fn link(
    args: &Args,
    sources: &[PathBuf],
    (core, cpu): (&str, &[&str]),
    (build, options): (&str, &[&str]),
) -> Result<PathBuf> {
    let out = root().join("target/peers");
    fs::create_dir_all(&out).map_err(|e| Failure::tool(format!("{}: {e}", out.display())))?;
    let elf = out.join(format!("{core}-{}.elf", build.replace(", ", "-").to_lowercase()));
    let own = root().join("tests/peers");
    let start = firmware::workspace().join("c-qemu-m4");
    let mut compiler = program(setup::GCC, cpu);
    compiler.args(FLAGS).args(options);
    compiler.arg("-I").arg(own.join("include")).arg("-I").arg(args.cmsis_nn.join("Include"));
    compiler.arg("-T").arg(start.join("link.ld")).arg(start.join("startup.c"));
    compiler.args(["cmsis_nn.c", "memory.c"].map(|file| own.join(file))).args(sources);
    run(compiler.arg("-o").arg(&elf).arg("-lgcc"))?;
    Ok(elf)
}

/// Runs a build with the plugin. Every network reads the timer before and after its inference.
fn counted(elf: &Path, machine: &Machine, (build, timed): (&str, &str)) -> Result<Vec<Value>> {
    let sums = elf.with_extension("sums");
    let quoted = |path: &Path| path.display().to_string().replace(',', ",,");
    let plugin = format!(
        "file={},out={},timer={:#x},core={timed}",
        quoted(&process::plugin()),
        quoted(&sums),
        machine.timer.value()
    );
    let emulator = Emulator { board: machine.board, port: 0 };
    let lines = boards::output_with(elf, &emulator, &["-plugin", &plugin])?;
    let expected: Vec<String> = NETWORKS.iter().map(|name| format!("{name} equal")).collect();
    if lines.split_last() != Some((&"end".to_owned(), &expected[..])) {
        let found = lines.join(", ");
        return Err(Failure::no(format!("{build}: {found}; expected {}", expected.join(", "))));
    }
    let text =
        fs::read_to_string(&sums).map_err(|e| Failure::tool(format!("{}: {e}", sums.display())))?;
    let core = machine.name.trim_start_matches("qemu-");
    rows(&text, core, build)
        .ok_or_else(|| Failure::tool(format!("{}: unexpected sums", sums.display())))
}

/// Rows from the plugin's lines. Every second line is an inference.
fn rows(text: &str, core: &str, build: &str) -> Option<Vec<Value>> {
    let mut rows = Vec::new();
    for (line, network) in text.lines().skip(1).step_by(2).zip(NETWORKS) {
        let numbers: Option<Vec<u64>> = line.split(' ').map(|n| n.parse().ok()).collect();
        let [instructions, 0, _, low, mid, high, ..] = numbers?[..] else { return None };
        rows.push(json!({
            "core": core, "engine": build, "network": network, "instructions": instructions,
            "cycles_estimated": { "low": low, "mid": mid, "high": high },
        }));
    }
    (rows.len() == NETWORKS.len()).then_some(rows)
}

fn table(rows: &[Value]) -> String {
    let mut lines = vec![
        "| core | network | engine | M instructions | M cycles, estimated (range) |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let millions = |value: &Value| value.as_f64().unwrap_or(f64::NAN) / 1e6;
    for row in rows {
        let cycles = &row["cycles_estimated"];
        lines.push(format!(
            "| {} | {} | {} | {:.2} | {:.2} ({:.2} to {:.2}) |",
            text(row, "core"),
            text(row, "network"),
            text(row, "engine"),
            millions(&row["instructions"]),
            millions(&cycles["mid"]),
            millions(&cycles["low"]),
            millions(&cycles["high"])
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_line_is_an_inference() {
        let mut text = String::new();
        for n in 1..=4 {
            text += "9 0 0 9 9 9 0\n";
            text += &format!("{n}000000 0 0 {n}100000 {n}200000 {n}300000 0\n");
        }
        let rows = rows(&text, "m4", "CMSIS-NN").unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(
            (&rows[1]["network"], &rows[1]["instructions"]),
            (&json!("large"), &json!(2_000_000))
        );
        let table = table(&rows[1..2]);
        assert!(
            table.ends_with("| m4 | large | CMSIS-NN | 2.00 | 2.20 (2.10 to 2.30) |"),
            "{table}"
        );
        // An instruction that the plugin cannot decode, and a run that broke off.
        assert_eq!(super::rows(&text.replacen("1000000 0", "1000000 2", 1), "m4", "x"), None);
        assert_eq!(super::rows("9 0 0 9 9 9 0\n", "m4", "x"), None);
    }

    #[test]
    fn floating_point_kernels_are_left_out() {
        assert!(is_integer(Path::new("a/arm_convolve_s8.c")));
        for name in ["arm_add_f16.c", "arm_add_f32.c", "CMakeLists.txt"] {
            assert!(!is_integer(Path::new(name)), "{name}");
        }
    }
}
