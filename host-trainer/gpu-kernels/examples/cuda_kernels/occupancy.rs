//! Theoretical occupancy, from the limits of each compute capability in NVIDIA's CUDA C++
//! Programming Guide.

/// Limits of a multiprocessor.
pub struct Device {
    /// Name for NVRTC and ptxas.
    pub arch: &'static str,
    /// Resident warps.
    pub warps: u32,
    /// Resident cubes.
    pub cubes: u32,
    /// Shared memory, bytes.
    pub shared: u32,
}

/// The processors that kernels are compiled for: A100, H100, and GPUs of the RTX 50 series.
pub const DEVICES: [Device; 3] = [
    Device { arch: "sm_80", warps: 64, cubes: 32, shared: 164 << 10 },
    Device { arch: "sm_90a", warps: 64, cubes: 32, shared: 228 << 10 },
    Device { arch: "sm_120a", warps: 48, cubes: 24, shared: 100 << 10 },
];

/// Registers of a multiprocessor.
const REGISTERS: u32 = 64 << 10;
/// Registers are given to warps in steps of this number.
const STEP: u32 = 256;
/// Shared memory that every cube costs in addition, bytes.
const RESERVED: u32 = 1 << 10;

/// Resident warps divided by the largest number of resident warps.
pub fn occupancy(device: &Device, registers: u32, units: u32, shared: u32) -> f64 {
    let warps = units.div_ceil(32);
    let per_warp = (registers * 32).next_multiple_of(STEP);
    let by_registers = REGISTERS / per_warp / warps;
    let by_shared = device.shared / (shared + RESERVED).next_multiple_of(128);
    let by_warps = device.warps / warps;
    let cubes = by_registers.min(by_shared).min(by_warps).min(device.cubes);
    f64::from(cubes * warps) / f64::from(device.warps)
}
