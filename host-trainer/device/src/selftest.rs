//! Compares the kernels of a device, or of this computer, with the reference kernels over the
//! generated suite.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_core::kernel::{self, Host, Packed};
use supernano_core::suite::{self, Case};
use supernano_core::wire::Request;

use crate::check::TIMEOUT;
use crate::placed::{PLACED_CAPACITY, placed_bytes, placed_file};
use crate::qemu::{Counting, Qemu};
use crate::session::DeviceInfo;
use crate::target::{Machine, Target};

/// The result of a self-test.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct SelfTestReport {
    /// The target on which the kernels ran.
    pub target: String,
    /// The device that answered; `None` on the host.
    pub device: Option<DeviceInfo>,
    /// Cases in which the primitives agree with plain code; 0 if any case differs.
    pub primitives: u32,
    /// Networks of the suite.
    pub networks: usize,
    /// Networks with at least one value that differs from the reference.
    pub mismatches: usize,
    /// Name of the first network that differs.
    pub first_mismatch: Option<String>,
    /// Wall time of the device's part.
    pub seconds: f64,
}

/// Runs the suite of each seed: networks that contain every pair of properties, and with `all` also
/// every number of channels up to 67.
///
/// # Errors
/// [`Error::Invalid`] for a target that is neither the host nor an emulated core; [`Error::Missing`],
/// [`Error::Line`], [`Error::Refused`] or [`Error::Tool`] if the device fails.
pub fn selftest(
    target: &Target,
    elf: Option<&Path>,
    seeds: Range<u64>,
    all: bool,
    progress: &dyn Task,
) -> Result<SelfTestReport> {
    let mut report = SelfTestReport { target: target.to_string(), ..Default::default() };
    for seed in seeds {
        let mut cases = suite::pairs(seed);
        if all {
            cases.extend(suite::widths(seed));
        }
        progress.extend(cases.len() as u64);
        let expected = digests(&cases, Case::expected)?;
        let start = Instant::now();
        let found = match target {
            Target::Host => {
                report.primitives = kernel::check(&Host::default()).unwrap_or(0);
                digests(&cases, |case| case.digest(Packed(Host::default())))?
            }
            Target::Qemu(machine) => on_qemu(machine, elf, &cases, &mut report, progress)?,
            _ => {
                let expected = "host or an emulated core";
                return Err(Error::invalid("option --target", "target", expected, target));
            }
        };
        report.seconds += start.elapsed().as_secs_f64();
        report.networks += cases.len();
        for (case, _) in cases.iter().zip(expected.iter().zip(&found)).filter(|(_, (e, f))| e != f)
        {
            report.mismatches += 1;
            report.first_mismatch.get_or_insert_with(|| case.name.clone());
        }
    }
    Ok(report)
}

/// Result of core.
type CoreResult<T> = core::result::Result<T, supernano_core::error::Error>;

/// Digest of all values of each case.
fn digests(cases: &[Case], digest: impl Fn(&Case) -> CoreResult<u32> + Sync) -> Result<Vec<u32>> {
    let one = |case: &Case| digest(case).map_err(|e| Error::core(&case.name, e));
    cases.par_iter().map(one).collect()
}

/// Digests of each case on an emulated core, in batches that fit its memory.
fn on_qemu(
    machine: &Machine,
    elf: Option<&Path>,
    cases: &[Case],
    report: &mut SelfTestReport,
    progress: &dyn Task,
) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    while let Some(rest) = cases.get(found.len()..).filter(|r| !r.is_empty()) {
        let (mut bytes, mut sets) = (Vec::new(), 0u16);
        for case in rest {
            let more = placed_bytes(case.bytes(), &case.image, case.image.len());
            if sets > 0 && bytes.len() + more.len() > PLACED_CAPACITY {
                break;
            }
            bytes.extend(more);
            sets += 1;
        }
        let file = placed_file(&bytes)?;
        let mut qemu = Qemu::start(machine, elf, Some(file.path()), Counting::Nothing)?;
        let mut session = qemu.session(TIMEOUT)?;
        drop(file);
        report.device = Some(session.device().clone());
        report.primitives = session.self_test()?.unwrap_or(0);
        for set in 0..sets {
            session.open(&Request::OpenPlaced { set })?;
            found.push(session.digest(0)?);
            progress.advance(1);
        }
    }
    Ok(found)
}
