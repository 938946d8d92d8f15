//! Tells the crate which instructions the core has: those of Armv6-M, Armv7-M or Armv8-M, and the
//! DSP and the Helium extension, which the target alone does not tell.

/// Armv8-M cores with the DSP extension, as named by `-C target-cpu`.
const ARMV8M_DSP: [&str; 5] =
    ["cortex-m33", "cortex-m35p", "cortex-m52", "cortex-m55", "cortex-m85"];

/// Those of them with the vector extension for integers, Helium.
const HELIUM: [&str; 3] = ["cortex-m52", "cortex-m55", "cortex-m85"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(supernano_asm, supernano_dsp, supernano_mve)");
    println!("cargo:rustc-check-cfg=cfg(supernano_armv8m, supernano_v6m)");
    let target = std::env::var("TARGET").unwrap_or_default();
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let named = || {
        flags.split('\x1f').any(|f| f.contains("+dsp") || ARMV8M_DSP.iter().any(|c| f.ends_with(c)))
    };
    let armv8m = target.starts_with("thumbv8m.main-");
    let helium =
        || flags.split('\x1f').any(|f| f.contains("+mve") || HELIUM.iter().any(|c| f.ends_with(c)));
    let mve = armv8m && helium();
    let dsp = target.starts_with("thumbv7em-") || (armv8m && named()) || mve;
    for (cfg, set) in [
        ("supernano_mve", mve),
        ("supernano_dsp", dsp),
        ("supernano_armv8m", armv8m),
        ("supernano_v6m", target.starts_with("thumbv6m-") || target.starts_with("thumbv8m.base-")),
        ("supernano_asm", dsp || armv8m || target.starts_with("thumbv7m-")),
    ] {
        if set {
            println!("cargo:rustc-cfg={cfg}");
        }
    }
}
