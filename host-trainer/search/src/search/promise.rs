//! The kernels and the sizes that a search has promised for a network.
//!
//! A [`Promise`] is read from `front.json`. [`Promise::agrees`] compares it with the limits of an
//! export, and [`Promise::keep`] gives the kernels to a network file and compares the sizes.

use std::path::Path;

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::graph::KernelKind;

use super::file::{Front, FrontNetwork};
use crate::cost::instructions::{kernel_name, kernel_named, kernel_names};
use crate::cost::kernels::{layer_kinds, of_layers};
use crate::cost::limits::KernelLimits;
use crate::cost::memory::Overhead;

/// A network of a front.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    /// File of the front.
    pub place: String,
    /// Core whose instructions the search modelled, such as `cortex-m4`.
    pub core: String,
    /// Firmware of the overhead ([`Front::firmware`]).
    pub firmware: String,
    /// Memory in addition to blob, arena and logits.
    pub overhead: Overhead,
    /// The network.
    pub network: FrontNetwork,
}

/// Advice in errors about a network file that would differ from the promise.
const ADVICE: &str = "search again, or pass --ignore-front";

impl Promise {
    /// Reads the promise for the network `code` of the space `space`. Returns `None` if there is no
    /// file, or if the front neither lists the network nor compares it as the uniform one.
    ///
    /// # Errors
    /// As [`files::read_text`] and [`files::parse_json`]; [`Error::Invalid`] for a front of another
    /// space.
    pub fn read(path: &Path, space: &str, code: &str) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let place = path.display().to_string();
        let text = files::read_text(path)?;
        let front: Front = files::parse_json(&text, &place, "a front of `supernano search`")?;
        if front.space != space {
            return Err(Error::invalid(place, "space", space, front.space));
        }
        let (core, firmware, overhead) = (front.instructions.core, front.firmware, front.overhead);
        let listed = front.networks.into_iter().chain(front.uniform).chain(front.dominated);
        let network = { listed }.find(|network| network.code == code);
        Ok(network.map(|network| Self { place, core, firmware, overhead, network }))
    }

    /// Compares the promise with limits that are given again.
    ///
    /// # Errors
    /// [`Error::Invalid`], which names the option, for a limit below the promised size and for
    /// another core.
    pub fn agrees(&self, limits: &KernelLimits) -> Result<()> {
        let Self { place, core, network, .. } = self;
        if let Some(other) = limits.core.as_ref().filter(|other| *other != core) {
            let expected = format!("{core}, the core of {place} ({ADVICE})");
            return Err(Error::invalid("option --core", "core", expected, other));
        }
        for (option, field, limit, promised) in [
            ("option --max-blob", "blob", limits.sizes.flash, network.blob_bytes),
            ("option --max-arena", "arena", limits.sizes.ram, network.arena_bytes),
        ] {
            if let Some(limit) = limit.filter(|&limit| (limit as u64) < promised) {
                let field = format!("{field} of {}", network.code);
                let expected = format!("at least the {promised} bytes of {place} ({ADVICE})");
                return Err(Error::invalid(option, field, expected, limit));
            }
        }
        Ok(())
    }

    /// The promised kernel of every layer.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown name.
    pub fn kinds(&self) -> Result<Vec<KernelKind>> {
        let known = |name: &String| {
            kernel_named(name).ok_or_else(|| {
                let field = format!("kernels of {}", self.network.code);
                Error::invalid(&self.place, field, kernel_names(), name)
            })
        };
        self.network.kernels.iter().map(known).collect()
    }

    /// Fails if a network file has other kernels, which `asked` names.
    ///
    /// # Errors
    /// [`Error::Invalid`], which names the first layer that differs.
    pub fn has_kernels(&self, blob: &Blob, asked: &str) -> Result<()> {
        let (promised, found) = (self.kinds()?, layer_kinds(blob)?);
        let differs = (1..).zip(promised.iter().zip(&found)).find(|(_, (a, b))| a != b);
        let Some((layer, (promised, found))) = differs else { return Ok(()) };
        let field = format!("kernels of {}", self.network.code);
        let expected = format!("those of {}: layer {layer} {}", self.place, kernel_name(*promised));
        let found = format!("layer {layer} {} ({ADVICE})", kernel_name(*found));
        Err(Error::invalid(asked, field, expected, found))
    }

    /// Returns the same network with the promised kernels.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a network of another depth, and if blob or arena differ from the
    /// promised sizes, which means that the run has changed since the search.
    pub fn keep(&self, blob: &Blob) -> Result<Blob> {
        let kinds = self.kinds()?;
        let field = |what: &str| format!("{what} of {}", self.network.code);
        // Without names, the kernels are the default ones, which the network has.
        let kept = if kinds.is_empty() {
            blob.clone()
        } else {
            let layers = layer_kinds(blob)?.len();
            if kinds.len() != layers {
                let expected = format!("{layers} layers");
                return Err(Error::invalid(&self.place, field("kernels"), expected, kinds.len()));
            }
            let kind = |layer: usize| kinds.get(layer).copied().unwrap_or(KernelKind::Direct);
            of_layers(blob, &kind)?
        };
        for (what, promised, found) in [
            ("blob", self.network.blob_bytes, kept.bytes().len()),
            ("arena", self.network.arena_bytes, kept.view()?.arena_bytes()),
        ] {
            if promised != found as u64 {
                let expected = format!("{found} bytes, as the run gives them today ({ADVICE})");
                return Err(Error::invalid(&self.place, field(what), expected, promised));
            }
        }
        Ok(kept)
    }
}
