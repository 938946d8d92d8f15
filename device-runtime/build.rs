//! Says whether the core has Armv7-M's instructions and the DSP extension, which stable Rust
//! does not.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(supernano_asm, supernano_dsp)");
    let target = std::env::var("TARGET").unwrap_or_default();
    let dsp = target.starts_with("thumbv7em-") || target.starts_with("thumbv8m.main-");
    if dsp {
        println!("cargo:rustc-cfg=supernano_dsp");
    }
    if dsp || target.starts_with("thumbv7m-") {
        println!("cargo:rustc-cfg=supernano_asm");
    }
}
