//! `cargo xtask peers`: CMSIS-NN and this project on the same emulated cores.
//!
//! CMSIS-NN is built from a directory that the user names, with its default options and with its
//! fastest ones. `tests/peers` has the program; nothing of CMSIS-NN is kept in this project.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supernano_facts::{Emulator, Machine, Timer};

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
    /// Cores to compare on: m0, m3, m4, m55.
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
///
/// `-ffreestanding` is not among them: it would turn every load of a word, a `memcpy` of four bytes, into a
/// call.
const FLAGS: [&str; 8] = [
    "-mthumb",
    "-std=gnu11",
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
    ("CMSIS-NN, fastest", &["-Ofast", INLINE_ASSEMBLY, "-DOPTIONAL_RESTRICT_KEYWORD=__restrict"]),
];

/// The option for inline assembly, which Armv6-M does not have the instructions for.
const INLINE_ASSEMBLY: &str = "-DCMSIS_NN_USE_REQUANTIZE_INLINE_ASSEMBLY";

/// A core to compare on.
#[derive(Debug)]
struct Core {
    /// Name.
    name: &'static str,
    /// Options of the compiler.
    cpu: &'static [&'static str],
    /// The linker script, in `tests/peers`; `None` for that of the C example.
    script: Option<&'static str>,
    /// The core whose cycles are estimated. Without one, vector instructions are counted apart.
    timed: Option<&'static str>,
}

const CORES: [Core; 4] = [
    Core { name: "m0", cpu: &["-mcpu=cortex-m0"], script: None, timed: Some("cortex-m0+") },
    Core { name: "m3", cpu: &["-mcpu=cortex-m3"], script: None, timed: Some("cortex-m3") },
    Core {
        name: "m4",
        cpu: &["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        script: None,
        timed: Some("cortex-m4"),
    },
    Core {
        name: "m55",
        cpu: &["-mcpu=cortex-m55", "-mfloat-abi=hard"],
        script: Some("mps3-an547.ld"),
        timed: None,
    },
];

/// Builds CMSIS-NN, counts both engines on each core, and prints a table.
///
/// # Errors
/// An unknown core, sources that are not CMSIS-NN's, an answer of CMSIS-NN that differs from plain
/// loops, and missing tools.
pub fn compare(args: &Args, consent: Consent) -> Result<()> {
    let cores: Vec<&'static Core> =
        args.cores.iter().map(|name| known(name)).collect::<Result<_>>()?;
    let sources = sources(&args.cmsis_nn)?;
    let mut needs = setup::targets();
    needs.extend([Need::Tool(&setup::COMPILER), Need::Tool(&setup::QEMU)]);
    setup::ensure(&needs, consent)?;
    process::build_plugin()?;
    let mut rows = Vec::new();
    for core in cores {
        let machine = firmware::machine_of(core.name)?;
        for (build, options) in BUILDS {
            let elf = link(args, &sources, (core, machine), (build, options))?;
            rows.extend(counted(&elf, machine, (build, core.timed))?);
        }
        rows.extend(bench::with_relu(core.name)?);
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
    let message = || format!("unknown core `{name}`: expected m0, m3, m4 or m55");
    let found = cores.iter().find(|core| core.name == name);
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
    (core, machine): (&Core, &Machine),
    (build, options): (&str, &[&str]),
) -> Result<PathBuf> {
    let out = root().join("target/peers");
    fs::create_dir_all(&out).map_err(|e| Failure::tool(format!("{}: {e}", out.display())))?;
    let elf = out.join(format!("{}-{}.elf", core.name, build.replace(", ", "-").to_lowercase()));
    let own = root().join("tests/peers");
    let start = firmware::workspace().join("c-qemu-m4");
    let script = core.script.map_or_else(|| start.join("link.ld"), |script| own.join(script));
    let mut compiler = program(setup::GCC, core.cpu);
    let known = |option: &&&str| core.name != "m0" || **option != INLINE_ASSEMBLY;
    compiler.args(FLAGS).args(options.iter().filter(known));
    let (timer, counter) = match machine.timer {
        Timer::Cmsdk(address) => (address, None),
        Timer::System(address) => (address, Some("-DSYSTEM_COUNTER")),
    };
    compiler.args(counter);
    compiler.args([format!("-DUART={:#x}u", machine.uart), format!("-DTIMER={timer:#x}u")]);
    compiler.arg("-I").arg(own.join("include")).arg("-I").arg(args.cmsis_nn.join("Include"));
    compiler.arg("-T").arg(script).arg(start.join("startup.c"));
    compiler.args(["cmsis_nn.c", "memory.c"].map(|file| own.join(file))).args(sources);
    run(compiler.arg("-o").arg(&elf).arg("-lgcc"))?;
    Ok(elf)
}

/// Runs a build with the plugin. Every network reads the timer before and after its inference.
fn counted(
    elf: &Path,
    machine: &Machine,
    (build, timed): (&str, Option<&str>),
) -> Result<Vec<Value>> {
    let sums = elf.with_extension("sums");
    let quoted = |path: &Path| path.display().to_string().replace(',', ",,");
    let timed = timed.map(|core| format!(",core={core}")).unwrap_or_default();
    let plugin = format!(
        "file={},out={},timer={:#x}{timed}",
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
        let numbers = numbers?;
        let [instructions, unknown, vector, ..] = numbers[..] else { return None };
        let mut row = json!({
            "core": core, "engine": build, "network": network, "instructions": instructions,
        });
        match numbers[3..] {
            // Without cycles, one number follows, and no instruction needs a timing.
            [_] => row["vector_instructions"] = json!(vector),
            [low, mid, high, ..] if unknown == 0 => {
                row["cycles_estimated"] = json!({ "low": low, "mid": mid, "high": high });
            }
            _ => return None,
        }
        rows.push(row);
    }
    (rows.len() == NETWORKS.len()).then_some(rows)
}

fn table(rows: &[Value]) -> String {
    let mut lines = vec![
        "| core | network | engine | M instructions | M vector instructions | M cycles, estimated (range) |"
            .to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let millions = |value: &Value| match value.as_f64() {
        Some(number) => format!("{:.2}", number / 1e6),
        None => "-".to_owned(),
    };
    for row in rows {
        let cycles = &row["cycles_estimated"];
        let range = match cycles.is_object() {
            true => format!(" ({} to {})", millions(&cycles["low"]), millions(&cycles["high"])),
            false => String::new(),
        };
        lines.push(format!(
            "| {} | {} | {} | {} | {} | {}{range} |",
            text(row, "core"),
            text(row, "network"),
            text(row, "engine"),
            millions(&row["instructions"]),
            millions(&row["vector_instructions"]),
            millions(&cycles["mid"]),
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
            table.ends_with("| m4 | large | CMSIS-NN | 2.00 | - | 2.20 (2.10 to 2.30) |"),
            "{table}"
        );
        let vectors = super::rows(&"9 0 0 0\n3000000 5 1000000 7\n".repeat(4), "m55", "x").unwrap();
        let table = super::table(&vectors[..1]);
        assert!(table.ends_with("| m55 | resnet8 | x | 3.00 | 1.00 | - |"), "{table}");
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
