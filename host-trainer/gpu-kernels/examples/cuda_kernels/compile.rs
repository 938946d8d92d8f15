//! NVRTC and ptxas.

use std::path::Path;
use std::process::Command;

use cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use supernano_gpu_kernels::sources::Source;

/// What ptxas says of a kernel.
pub struct Compiled {
    /// Registers of a unit.
    pub registers: u32,
    /// Bytes that a unit spills, stores and loads.
    pub spilled: u32,
}

/// Compiles a kernel as CubeCL's runtime does, to PTX with NVRTC, then for a processor with ptxas.
/// The files have the stem `stem`.
pub fn compile(cuda: &Path, stem: &Path, source: &Source, arch: &str) -> Result<Compiled, String> {
    let include = cuda.join("include");
    let options = CompileOptions {
        options: vec![format!("--gpu-architecture={arch}"), "-lineinfo".into()],
        include_paths: [&include, &include.join("cccl")]
            .map(|path| path.display().to_string())
            .to_vec(),
        ..Default::default()
    };
    let file = |extension: &str| stem.with_extension(extension);
    let write = |extension: &str, text: &str| {
        std::fs::write(file(extension), text)
            .map_err(|e| format!("{}: {e}", file(extension).display()))
    };
    write("cu", &source.source)?;
    let ptx = compile_ptx_with_opts(&source.source, options)
        .map_err(|e| format!("{} ({}): NVRTC: {e:?}", source.name, file("cu").display()))?;
    write("ptx", &ptx.to_src())?;
    let output = Command::new(cuda.join("bin").join("ptxas"))
        .args(["-v", "-arch", arch])
        .arg(file("ptx"))
        .arg("-o")
        .arg(file("cubin"))
        .output()
        .map_err(|e| format!("ptxas: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} ({}): ptxas: {text}", source.name, file("ptx").display()));
    }
    let number = |after: &str| -> Option<u32> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let sought: Vec<&str> = after.split_whitespace().collect();
        let at = words.windows(sought.len()).position(|w| {
            w.iter().zip(&sought).all(|(word, sought)| word.trim_end_matches(',') == *sought)
        })?;
        words.get(at.checked_sub(1)?)?.parse().ok()
    };
    let missing = |what: &str| format!("{}: ptxas gives no {what}: {text}", source.name);
    let registers = number("registers").ok_or_else(|| missing("registers"))?;
    let stores = number("bytes spill stores").ok_or_else(|| missing("spills"))?;
    let loads = number("bytes spill loads").ok_or_else(|| missing("spills"))?;
    Ok(Compiled { registers, spilled: stores + loads })
}
