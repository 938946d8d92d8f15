//! Flash and RAM mean one thing: the promise of a search is the memory of the firmware that is built
//! around its network.

use std::process::Command;

use serde_json::Value;
use supernano_core::blob::BlobView;
use supernano_facts::{Core, FirmwareBuild, FirmwareKernels};
use supernano_tests::command::{number, root, supernano};
use supernano_tests::small::grey;

/// The memory of the smallest firmware around a network, as linked.
fn linked(network: &str) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["xtask", "footprint", "--network", network, "--core", "cortex-m4"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_promised_memory_is_that_of_the_firmware() {
    let (run, scores) = (grey().name(), grey().file("footprint-scores.json"));
    supernano(&["rank", &run, "--random", "30", "-o", &scores, "--json"]).json();
    let front = grey().file("footprint-front.json");
    let args = ["search", &run, "--scores", &scores, "-o", &front, "--force", "--json"];
    let found = supernano(&args).json();
    let promise = &found["networks"][0];
    let file = grey().file("footprint.snb");
    let code = promise["code"].as_str().unwrap();
    let exported =
        supernano(&["export", &run, code, "-o", &file, "--front", &front, "--json"]).json();
    for part in ["flash_bytes", "ram_bytes", "blob_bytes", "arena_bytes", "logits_bytes"] {
        assert_eq!(exported[part], promise[part], "{part}");
    }
    assert_eq!((&exported["firmware"], &found["firmware"]), (&"small".into(), &"small".into()));
    let linked = linked(&file);
    // The list of footprints may be up to 2 % above the firmware, and alignment takes a few bytes.
    let (promised, flash) = (number(promise, "/flash_bytes"), number(&linked, "/flash_bytes"));
    let code = number(&exported, "/code_bytes");
    assert!(promised + 8.0 >= flash && promised <= flash + code / 50.0 + 8.0, "{promised} {flash}");
    // A firmware's static RAM has no stack.
    let promised = number(promise, "/ram_bytes") - number(&found, "/overhead/stack");
    let ram = number(&linked, "/static_ram_bytes");
    assert!(promised + 8.0 >= ram && promised <= ram + 16.0, "{promised} {ram}");

    let said = supernano(&["export", &run, code_of(promise), "-o", &file, "--front", &front]);
    let said = said.succeeds().stdout;
    let whole = |key: &str| supernano_base::numbers::grouped(number(promise, key) as u64);
    let flash =
        format!("flash {} = network {} + code", whole("/flash_bytes"), whole("/blob_bytes"));
    let ram = format!("RAM {} = arena {} + logits 16", whole("/ram_bytes"), whole("/arena_bytes"));
    assert!(said.contains(&flash) && said.contains(&ram), "{said}");
    let again = ["search", &run, "--scores", &scores, "-o", &front, "--force", "--overwrite"];
    let plan = supernano(&again);
    let plan = plan.succeeds().stdout;
    assert!(plan.contains(&flash) && plan.contains(&ram), "{plan}");
}

/// The printed sums have the firmware that is named.
#[test]
fn a_named_firmware_is_in_the_sums() {
    let (run, file) = (grey().name(), grey().file("footprint-firmware.snb"));
    let export = |more: &[&str]| {
        let first = ["export", run.as_str(), "4-8-4-8", "-o", file.as_str(), "--ignore-front"];
        supernano(&[&first[..], &["--json"], more].concat())
    };
    for build in FirmwareBuild::ALL {
        let exported = export(&["--firmware", build.name()]).json();
        let footprint = Core::M4.footprint(build, FirmwareKernels::Residual).unwrap();
        assert_eq!(exported["firmware"], build.name());
        assert_eq!(number(&exported, "/code_bytes"), f64::from(footprint.code));
        assert_eq!(number(&exported, "/statics_bytes"), f64::from(footprint.statics));
    }
    export(&["--firmware", "none"]).fails(2, &["--firmware", "small, fast, c"]);
    export(&["--firmware", "c", "--core", "m3"]).fails(2, &["--firmware", "small"]);
}

fn code_of(network: &Value) -> &str {
    network["code"].as_str().unwrap()
}

/// The shipped sources state the memory that the runtime needs: arena and logits.
#[test]
fn shipped_sources_state_all_memory() {
    let (run, directory) = (grey().name(), grey().file("footprint-shipped"));
    let code = "4-8-4-8";
    let formats = "snb,rust,c";
    let shipped =
        supernano(&["ship", &run, code, "--format", formats, "-o", &directory, "--json"]).json();
    let read = |ending: &str| std::fs::read(format!("{directory}/{code}{ending}")).unwrap();
    let text = |ending: &str| String::from_utf8(read(ending)).unwrap();
    let bytes = read(".snb");
    let words: Vec<u32> =
        bytes.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
    let view = BlobView::new_checked(bytemuck::cast_slice(&words)).unwrap();
    // As `supernano_runtime::memory_words`.
    let memory = view.arena_bytes() / 4 + view.classes();
    let rust = text(".rs");
    assert!(rust.contains(&format!("MEMORY_WORDS: usize = {memory};")), "{rust}");
    let arena = view.arena_bytes() / 4;
    assert!(rust.contains(&format!("ARENA_WORDS: usize = {arena};")), "{rust}");
    let header = text(".h");
    assert!(header.contains(&format!("_LOGITS_BYTES {}", 4 * view.classes())), "{header}");
    let promised = number(&shipped, "/arena_bytes") + number(&shipped, "/logits_bytes");
    assert_eq!(promised, 4.0 * memory as f64);
}
