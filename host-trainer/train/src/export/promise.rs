//! The kernels of an exported network: those that a search promised, those within limits, or those
//! of a preference.

use std::path::Path;

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_facts::FirmwareBuild;
use supernano_search::cost::instructions::{InstructionTable, kernel_name};
use supernano_search::cost::kernels::{layer_kinds, modelled};
use supernano_search::cost::limits::{DEFAULT_CORE, KernelLimits};
use supernano_search::cost::memory::{Memory, kernels_of_network};
use supernano_search::search::promise::Promise;

use super::kernels::Prefer;

/// The kernels that a user asks for.
#[derive(Clone, Copy, Debug)]
pub struct KernelRequest<'a> {
    /// File of a front whose promises are kept; `None` to ignore all promises.
    pub front: Option<&'a Path>,
    /// Resource that the kernels save, if one was named.
    pub prefer: Option<Prefer>,
    /// Limits within which the kernels are chosen.
    pub limits: &'a KernelLimits,
    /// Firmware whose memory is added to that of the network; `None` for that of the search, or the
    /// smallest one.
    pub firmware: Option<FirmwareBuild>,
}

/// The reason for the kernels of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelSource {
    /// A search promised them.
    Front,
    /// They need the fewest modelled instructions within limits.
    Limits,
    /// They save a resource.
    Preference,
}

/// The kernels of a network file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelReport {
    /// The reason for them.
    pub source: KernelSource,
    /// File of the front, limits or preference, in words.
    pub reason: String,
    /// Core whose instructions are modelled, such as `cortex-m4`.
    pub core: String,
    /// Modelled instructions of one inference.
    pub instructions: u64,
    /// Name of the kernel of every layer.
    pub layers: Vec<String>,
}

/// The memory of a network file on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryReport {
    /// Firmware around the network: the named one, that of the search, or `small`.
    pub firmware: String,
    /// Flash and RAM, by part.
    #[serde(flatten)]
    pub memory: Memory,
}

/// A request whose promise, if there is one, agrees with the limits.
#[derive(Clone, Debug)]
pub struct KernelPlan<'a> {
    request: KernelRequest<'a>,
    promise: Option<Promise>,
}

impl<'a> KernelPlan<'a> {
    /// Reads the promise for the sub-network `code` of the space `space`.
    ///
    /// # Errors
    /// As [`Promise::read`] and [`Promise::agrees`].
    pub fn new(request: KernelRequest<'a>, space: &str, code: &str) -> Result<Self> {
        let promise = request.front.map(|path| Promise::read(path, space, code)).transpose()?;
        let promise = promise.flatten();
        if let Some(promise) = &promise {
            promise.agrees(request.limits)?;
        }
        Ok(Self { request, promise })
    }

    /// The resource that the kernels save unless there is a promise or a limit.
    pub fn prefer(&self) -> Prefer {
        self.request.prefer.unwrap_or_default()
    }

    /// Gives the planned kernels to a network file that was built for [`Self::prefer`].
    ///
    /// # Errors
    /// As [`Promise::has_kernels`], [`Promise::keep`], [`KernelLimits::apply`] and [`Prefer::apply`].
    pub fn apply(&self, blob: Blob) -> Result<(Blob, KernelReport)> {
        let KernelRequest { front, prefer, limits, firmware: _ } = self.request;
        let name = format!("{:?}", self.prefer()).to_lowercase();
        let (blob, source, reason) = match &self.promise {
            Some(promise) => {
                if prefer.is_some() && limits.is_free() {
                    let preferred = self.prefer().apply(blob.clone(), self.core())?;
                    promise.has_kernels(&preferred, &format!("option --prefer {name}"))?;
                }
                (promise.keep(&blob)?, KernelSource::Front, promise.place.clone())
            }
            None if !limits.is_free() => {
                let given = [("--max-blob", limits.sizes.flash), ("--max-arena", limits.sizes.ram)];
                let given = given.iter().filter_map(|(o, n)| n.map(|n| format!("{o} {n}")));
                let reason = given.collect::<Vec<_>>().join(" ");
                (limits.apply(blob)?, KernelSource::Limits, reason)
            }
            None => {
                let unlisted = front.filter(|path| path.exists());
                let unlisted = unlisted.map(|path| format!("; not in {}", path.display()));
                let reason = format!("--prefer {name}{}", unlisted.unwrap_or_default());
                (self.prefer().apply(blob, self.core())?, KernelSource::Preference, reason)
            }
        };
        let core = self.core().to_owned();
        let instructions = modelled(&blob, &InstructionTable::of_core(&core)?)?;
        let layers = layer_kinds(&blob)?.into_iter().map(|k| kernel_name(k).to_owned()).collect();
        Ok((blob, KernelReport { source, reason, core, instructions, layers }))
    }

    /// The memory of the network file with the named firmware, that of the search, or the smallest one.
    ///
    /// # Errors
    /// As [`InstructionTable::of_core`]; [`supernano_base::error::Error::Invalid`] for a firmware that
    /// the core lacks.
    pub fn memory(&self, blob: &Blob) -> Result<MemoryReport> {
        let kernels = kernels_of_network(blob)?;
        let (firmware, overhead) = match &self.promise {
            Some(promise) => (promise.firmware.clone(), promise.overhead),
            None => {
                let (table, small) =
                    (InstructionTable::of_core(self.core())?, FirmwareBuild::Small);
                let overhead = table.overhead.with(self.core(), small, kernels)?;
                (small.name().to_owned(), overhead.for_kernels(kernels))
            }
        };
        let (firmware, overhead) = match self.request.firmware {
            Some(named) => (named.name().to_owned(), overhead.with(self.core(), named, kernels)?),
            None => (firmware, overhead),
        };
        Ok(MemoryReport { firmware, memory: Memory::of(blob, overhead)? })
    }

    /// The core whose instructions are modelled: that of the search, or that of the limits.
    pub fn core(&self) -> &str {
        let limits = self.request.limits.core.as_deref();
        limits.or(self.promise.as_ref().map(|p| p.core.as_str())).unwrap_or(DEFAULT_CORE)
    }
}
