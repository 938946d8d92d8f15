//! Other tools read the shipped files: rustc, a C compiler, and the onnxruntime, numpy and safetensors
//! of the Python environment that `cargo xtask test` makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use supernano_tests::command::{number, root, supernano};
use supernano_tests::small::{GREY, SmallRun};

const CODE: &str = "4-8-8-16";

/// A run that is trained longer than the others, so that few images are near a tie.
fn run_directory() -> &'static SmallRun {
    static RUN: OnceLock<SmallRun> = OnceLock::new();
    RUN.get_or_init(|| {
        let more = GREY.replace("train = 64", "train = 480").replace("test = 64", "test = 200");
        SmallRun::train(&more.replace("epochs = 1", "epochs = 4"))
    })
}

fn shipped() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = run_directory().file("shipped");
        let formats = "snb,rust,c,onnx,onnx-int8,safetensors";
        let made = supernano(&[
            "ship",
            &run_directory().name(),
            CODE,
            "--format",
            formats,
            "-o",
            &directory,
            "--samples",
            "200",
            "--json",
        ])
        .json();
        for file in made["files"].as_array().unwrap() {
            assert!(Path::new(file.as_str().unwrap()).is_file(), "{file}");
        }
        assert_eq!(made["files"].as_array().unwrap().len(), 8);
        PathBuf::from(directory)
    })
}

fn file(ending: &str) -> PathBuf {
    shipped().join(format!("{CODE}{ending}"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

fn have(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success())
}

#[test]
fn rust_source_compiles_to_the_network_file() {
    let source = format!(
        "#![deny(warnings)]\n#[path = {:?}]\n#[allow(dead_code)]\npub mod network;\nfn main() {{\n\
         use network::*;\n\
         assert_eq!(NETWORK.as_ptr() as usize % 4, 0);\n\
         assert_eq!(NETWORK, include_bytes!({:?}));\n\
         println!(\"{{}} {{}} {{}} {{}}\", CODE, ARENA_WORDS * 4, IMAGE_BYTES, LABELS.len());\n}}\n",
        file(".rs"),
        file(".snb")
    );
    let (main, binary) = (shipped().join("main.rs"), shipped().join("rust-program"));
    fs::write(&main, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&binary).arg(&main));
    let summary: Value = serde_json::from_slice(&fs::read(file(".json")).unwrap()).unwrap();
    let said = run(&mut Command::new(binary));
    assert_eq!(said.trim(), format!("{CODE} {} 784 4", number(&summary, "/arena_bytes")));
}

#[test]
fn c_source_compiles_to_the_network_file() {
    if !have("cc") {
        eprintln!("SKIPPED: no cc in PATH");
        return;
    }
    let source = format!(
        "#include <stdio.h>\n#include \"{CODE}.h\"\nint main(void) {{\n\
         if ((uintptr_t)supernano_network % 4) return 1;\n\
         fwrite(supernano_network, 1, SUPERNANO_NETWORK_BYTES, stdout);\nreturn 0; }}\n"
    );
    let (main, binary) = (shipped().join("main.c"), shipped().join("c-program"));
    fs::write(&main, source).unwrap();
    run(Command::new("cc")
        .args(["-Wall", "-Werror", "-o"])
        .arg(&binary)
        .args([&main, &file(".c")]));
    let output = Command::new(binary).output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == fs::read(file(".snb")).unwrap());
}

const SKIPPED: &str = "SKIPPED: no target/python (made by `cargo xtask test`): ONNX not checked";

/// The interpreter of the Python environment.
fn python() -> Option<PathBuf> {
    let environment = root().join("target/python");
    let names = ["bin/python", "Scripts/python.exe"];
    names.map(|name| environment.join(name)).into_iter().find(|p| p.is_file())
}

/// The answers of other tools to the files of a network, compared with those of the program.
fn foreign(python: &Path, directory: &Path, code: &str, more: &[&str]) -> Value {
    let mut command = Command::new(python);
    command.arg(root().join("tests/python/check_formats.py")).arg(directory).arg(code).args(more);
    let found: Value = serde_json::from_str(&run(&mut command)).unwrap();
    assert_eq!(number(&found, "/images"), 200.0, "{found}");
    assert!(number(&found, "/float_range") > 0.5, "{found}");
    assert!(number(&found, "/float_difference") <= 1e-4, "{found}");
    assert!(number(&found, "/int8_same_answer") >= 0.99, "{found}");
    // Both round the value of a map to the same integer, except in rare ties between two integers. The
    // layers behind a tie enlarge its difference, so the largest one says little.
    assert!(number(&found, "/int8_equal_images") >= 0.95, "{found}");
    assert!(number(&found, "/int8_difference_steps") <= 8.0, "{found}");
    found
}

/// Every kind of layer, padding and activation that a space may have.
const KINDS: &str = r#"
seed = 8
panel = 1
enhancement = { widths = "oe", activation = "all" }
recalibration = { images = 32, batch = 16 }

[space]
name = "kinds"
input = { height = 33, width = 21, channels = 3 }
classes = 4

[[space.block]]
conv = { kernel = "10x4", stride = "2x1", padding = "same", widths = [4, 8], activation = "relu6" }

[[space.block]]
conv = { kernel = "1x3", padding = "valid", widths = [8, 12], activation = "prelu" }

[[space.block]]
residual = { stride = 2, widths = [8, 12] }

[[space.block]]
separable = { kernel = [3, 5, 7], stride = 2, padding = "same", widths = [8, 12], activation = "relu6" }

[[space.block]]
depth = [1, 2]
inverted = { expansion = [1, 2], kernel = [3, 5], widths = [12], activation = "relu6" }

[[space.block]]
pool = { kind = "maximum", kernel = 3, stride = 1, padding = "same" }

[[space.block]]
pool = { kind = "average", kernel = "3x2", stride = 2, padding = "same" }

[[space.block]]
dense = { widths = [8, 16], activation = "none" }

[[space.block]]
dense = { widths = [8] }

[data]
name = "glyphs"
train = 480
validation = 32
test = 200

[[step]]
kind = "largest"
epochs = 4
lr = 0.05
batch = 16

[[step]]
kind = "supernet"
epochs = 2
lr = 0.02
batch = 16
k = 2
"#;

#[test]
fn onnx_of_every_kind_of_layer_gives_the_same_answers() {
    let Some(python) = python() else {
        eprintln!("{SKIPPED}");
        return;
    };
    // ReLU6 remains a clip in a network whose other activations are PReLU.
    let without = KINDS.replace("activation = \"all\"", "activation = \"none\"");
    for (config, activations) in [(KINDS, &["PRelu"][..]), (&without, &["Clip", "Relu", "PRelu"])] {
        let run = SmallRun::train(config);
        let directory = run.file("shipped");
        for code in ["8-12-12-12-12k7-d2-12e2k5-12e2k5-16-8", "4-8-8-8-8k3-d1-12e1k3-8-8"] {
            let ship = ["ship", &run.name(), code, "--format", "onnx,onnx-int8,safetensors"];
            supernano(&[&ship[..], &["-o", &directory, "--samples", "200"]].concat()).succeeds();
            let file = fs::read(Path::new(&directory).join(format!("{code}.onnx"))).unwrap();
            let pools = ["MaxPool", "AveragePool", "GlobalAveragePool"];
            for operator in ["Conv", "Add", "Gemm"].iter().chain(&pools).chain(activations) {
                let found = file.windows(operator.len()).any(|w| w == operator.as_bytes());
                assert!(found, "{code}: {operator}");
            }
            foreign(&python, Path::new(&directory), code, &[]);
        }
    }
}

#[test]
fn onnx_and_safetensors_give_the_same_answers() {
    let Some(python) = python() else {
        eprintln!("{SKIPPED}");
        return;
    };
    let found = foreign(&python, shipped(), CODE, &["residual"]);
    assert!(number(&found, "/torch_difference") <= 1e-4, "{found}");
    let conv = |name: &str| {
        let norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
        let norm = norm.map(|n| format!("{name}.1.{n}"));
        std::iter::once(format!("{name}.0.weight")).chain(norm).collect::<Vec<_>>()
    };
    let convolutions = [
        "conv1.conv1",
        "layer1.0.conv1",
        "layer1.0.conv2",
        "layer2.0.conv1",
        "layer2.0.conv2",
        "layer2.0.downsample",
    ];
    let others = ["fc.weight", "fc.bias", "layer1.0.p_relu.weight", "layer2.0.p_relu.weight"];
    let mut names: Vec<String> = convolutions.iter().flat_map(|c| conv(c)).collect();
    names.extend(others.map(String::from));
    names.sort();
    assert_eq!(found["names"], serde_json::json!(names));
}

/// Two networks in one C program and in one Rust program, each with its own labels.
#[test]
fn two_networks_fit_in_one_program() {
    let codes = [CODE, "4-4-4-4"];
    let directory = PathBuf::from(run_directory().file("two"));
    let (run_name, output) = (run_directory().name(), directory.display().to_string());
    let ship = ["ship", &run_name, codes[1], "--format", "snb,c,rust", "-o", &output];
    supernano(&[&ship[..], &["--name", "second"]].concat()).succeeds();
    for ending in ["snb", "c", "h", "rs"] {
        let name = format!("{CODE}.{ending}");
        fs::copy(shipped().join(&name), directory.join(&name)).unwrap();
    }
    let both: Vec<u8> =
        codes.iter().flat_map(|c| fs::read(directory.join(format!("{c}.snb"))).unwrap()).collect();
    let source = format!(
        "#[path = \"{0}.rs\"] mod first;\n#[path = \"{1}.rs\"] mod second;\nfn main() {{\n\
         use std::io::Write;\n\
         std::io::stdout().write_all(&[first::NETWORK, second::NETWORK].concat()).unwrap();\n\
         assert_eq!([first::CODE, second::CODE], [{0:?}, {1:?}]);\n\
         assert_eq!(first::LABELS, second::LABELS); }}\n",
        codes[0], codes[1]
    );
    let (main, binary) = (directory.join("main.rs"), directory.join("rust-program"));
    fs::write(&main, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&binary).arg(&main));
    assert!(Command::new(binary).output().unwrap().stdout == both);

    if !have("cc") {
        eprintln!("SKIPPED: no cc in PATH");
        return;
    }
    let first = CODE.replace('-', "_");
    let source = format!(
        "#include \"{0}.h\"\n#include \"{1}.h\"\n#include \"{0}.h\"\n#include \"{1}.h\"\n\
         #include <stdio.h>\n#include <string.h>\n\
         int main(void) {{\n\
         fwrite(supernano_{first}_network, 1, SUPERNANO_{first}_NETWORK_BYTES, stdout);\n\
         fwrite(supernano_second_network, 1, SUPERNANO_SECOND_NETWORK_BYTES, stdout);\n\
         if (strcmp(supernano_{first}_labels[1], supernano_second_labels[1])) return 2;\n\
         if (&supernano_network[0] != &supernano_second_network[0]) return 3;\n\
         return strcmp(SUPERNANO_CODE, {1:?}) ? 1 : 0; }}\n",
        codes[0], codes[1]
    );
    let (main, binary) = (directory.join("main.c"), directory.join("c-program"));
    fs::write(&main, source).unwrap();
    let sources = codes.map(|c| directory.join(format!("{c}.c")));
    let mut compiler = Command::new("cc");
    run(compiler.args(["-Wall", "-Werror", "-o"]).arg(&binary).arg(&main).args(sources));
    let output = Command::new(binary).output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert!(output.stdout == both);
}
