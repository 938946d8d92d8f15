//! `cargo xtask footprint`: the flash and the static RAM of the firmware that classifies, compared
//! with the list that `search` and `export` promise.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supernano_facts::{Core, FOOTPRINTS, FirmwareBuild, FirmwareKernels, Footprint, RustTarget};

use crate::c_library;
use crate::firmware::Optimised;
use crate::image::Image;
use crate::process::{Failure, Result, root, run};
use crate::setup::{self, Consent};

/// A promise may exceed the linked firmware by 1 / `SLACK` of it.
const SLACK: u64 = 50;
/// Bytes by which a linked firmware may exceed its promise. The names of functions depend on the folder of
/// the sources, and with them the order of functions and the bytes of alignment.
const ALIGNMENT: u64 = 8;
/// Files that the firmware builds in if no other network is named.
const TINY: [&str; 2] = ["tests/golden/tiny.snb", "tests/golden/tiny.image"];

/// Arguments of `cargo xtask footprint`.
#[derive(clap::Args, Debug, Default)]
pub struct Args {
    /// Network file to build in, instead of a comparison of all firmware with the list.
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
    /// Core of the firmware around --network, such as cortex-m4.
    #[arg(long, default_value = "cortex-m4")]
    core: String,
    /// FirmwareBuild around --network: small or fast.
    #[arg(long, default_value = "small")]
    firmware: String,
    /// Give the firmware around --network the kernels of all layers, not only of residual networks.
    #[arg(long, requires = "network")]
    all_kernels: bool,
}

/// The memory of a linked firmware with its network, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Linked {
    flash: u64,
    /// Static RAM, the working memory of the network included.
    ram: u64,
}

impl Linked {
    fn of(elf: &Path) -> Result<Self> {
        let failed = |e: String| Failure::tool(format!("{}: {e}", elf.display()));
        let image = fs::read(elf).map_err(|e| failed(e.to_string()))?;
        let image = Image::parse(&image).map_err(failed)?;
        Ok(Self { flash: image.flash(), ram: image.ram() })
    }

    /// The memory without that of `tiny.snb` and `tiny.image`.
    fn without_tiny(self) -> Result<Self> {
        let [blob, image] = TINY.map(|name| root().join(name));
        let failed = |e: std::io::Error| Failure::tool(format!("{}: {e}", blob.display()));
        let bytes = fs::read(&blob).map_err(failed)?;
        let word = |at: usize| {
            let bytes = bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).unwrap_or_default();
            u64::from(u32::from_le_bytes(bytes))
        };
        // The arena, and 4 bytes for each class (`core/docs/blob-format.md`).
        let memory = word(16) + 4 * (word(36) & 0xffff);
        let image = fs::metadata(image).map_err(failed)?.len();
        Ok(Self {
            flash: self.flash.saturating_sub(bytes.len() as u64 + image),
            ram: self.ram.saturating_sub(memory),
        })
    }
}

/// Builds `minimal`, with `tiny.snb` or with the network and the image of `data`.
fn minimal(
    target: RustTarget,
    firmware: FirmwareBuild,
    kernels: FirmwareKernels,
    data: Option<[&Path; 2]>,
) -> Result<Linked> {
    let optimised = match firmware {
        FirmwareBuild::Small => Optimised::Size,
        FirmwareBuild::Fast | FirmwareBuild::C => Optimised::Speed,
    };
    let mut command = optimised.minimal(target);
    if kernels == FirmwareKernels::All {
        command.args(["--features", "all"]);
    }
    if let Some([network, image]) = data {
        command.args(["--features", "checked"]);
        command.env("SUPERNANO_NETWORK", network).env("SUPERNANO_IMAGE", image);
    }
    run(&mut command)?;
    Linked::of(&optimised.output(target))
}

/// Compares the list with the firmware, or prints the memory of the firmware around a network.
///
/// # Errors
/// A promise that is below the linked firmware by more than the bytes of alignment, or above it by more
/// than 2 %; failed builds.
pub fn run_task(args: &Args, consent: Consent) -> Result<()> {
    setup::ensure(&setup::targets(), consent)?;
    match &args.network {
        Some(network) => {
            say!("{}", around(args, network)?);
            Ok(())
        }
        None => check(consent),
    }
}

/// The memory of the firmware around a network.
fn around(args: &Args, network: &Path) -> Result<Value> {
    let wrong = |message: String| Failure { code: 2, message };
    let core = Core::ALL.into_iter().find(|core| core.name() == args.core);
    let core = core.ok_or_else(|| wrong(format!("unknown core `{}`", args.core)))?;
    let named =
        [FirmwareBuild::Small, FirmwareBuild::Fast].into_iter().find(|f| f.name() == args.firmware);
    let named = named.ok_or_else(|| wrong(format!("unknown firmware `{}`", args.firmware)))?;
    let network = network.canonicalize();
    let network = network.map_err(|e| wrong(format!("--network: {e}")))?;
    // A byte of image: the firmware refuses it at run time, but its memory is that of any image.
    let image = root().join("target/footprint-image");
    fs::write(&image, [0]).map_err(|e| Failure::tool(format!("{}: {e}", image.display())))?;
    let kernels = if args.all_kernels { FirmwareKernels::All } else { FirmwareKernels::Residual };
    let Linked { flash, ram } = minimal(core.target(), named, kernels, Some([&network, &image]))?;
    Ok(json!({ "flash_bytes": flash - 1, "static_ram_bytes": ram }))
}

/// Compares every footprint with the linked firmware.
pub fn check(consent: Consent) -> Result<()> {
    setup::ensure(&setup::targets(), consent)?;
    let mut wrong = Vec::new();
    for footprint in FOOTPRINTS {
        let Footprint { firmware, kernels, target, code, statics } = footprint;
        let linked = match firmware {
            FirmwareBuild::Small | FirmwareBuild::Fast => minimal(target, firmware, kernels, None)?,
            FirmwareBuild::C => Linked::of(&c_library::build()?)?,
        };
        let Linked { flash, ram } = linked.without_tiny()?;
        let name = match kernels {
            FirmwareKernels::Residual => firmware.name().to_owned(),
            FirmwareKernels::All => format!("{}, all kernels", firmware.name()),
        };
        say!(
            "{}, {name}: code {flash} bytes, promised {code}; statics {ram} bytes, promised {statics}",
            target.triple
        );
        let compared = [("code", flash, code), ("statics", ram, statics)];
        // The C example has variables for its tests of the library.
        let compared = &compared[..if firmware == FirmwareBuild::C { 1 } else { 2 }];
        for &(what, linked, promised) in compared {
            let promised = u64::from(promised);
            if promised + ALIGNMENT < linked || promised > linked + linked / SLACK {
                wrong.push(format!(
                    "{}, {name}: {what} of {linked} bytes, promised {promised} \
                     (firmware-examples/facts/src/footprints.rs)",
                    target.triple
                ));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::no(wrong.join("\n"))) }
}
