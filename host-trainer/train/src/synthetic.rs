//! Networks with random weights in realistic ranges. Their costs on a device can be measured before
//! a network is trained.

mod write;

use rand::Rng as _;
use supernano_base::blob::Blob;
use supernano_base::codes::number;
use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::Result;
use supernano_base::rng::{ChaCha8Rng, Key, Purpose};
use supernano_core::arch::{Arch, Effective};
use supernano_core::graph::{Form, Geometry};
use supernano_core::plan::{self, Plan};
use supernano_core::space::{Site, Space};
use supernano_data::Dataset;

pub use self::write::{SyntheticNetwork, SyntheticRequest, write_networks};
use crate::backend::LayerOp;
use crate::export::{BlobInfo, CalibrationSet, Prefer, QuantisedNet, RangeRule, build, observe};
use crate::supernet::{ActivationFn, FoldedConv, FoldedNet, Linear, name, space_blocks};

/// Images for the ranges of the feature maps.
const IMAGES: usize = 32;

/// A folded network with random parameters. Weights have the variance 2 / fan-in (He's
/// initialisation), biases a fifth of that deviation, and slopes of PReLU lie between -0.8 and 0.5,
/// as after training.
pub fn network(space: &Space<'_>, plan: &Plan, seed: u64) -> FoldedNet {
    let mut random = Random(Key::new(seed).rng(Purpose::Init, 0));
    let mut conv = |&site: &Site| {
        let act = match (site, plan.layers[site.layer()].activation) {
            (Site::Shortcut(_), _) => ActivationFn::None,
            (_, plan::Activation::None) => ActivationFn::None,
            (_, plan::Activation::Relu) => ActivationFn::Relu,
            (_, plan::Activation::Relu6) => unreachable!("`supported` refuses the space"),
            (_, plan::Activation::Prelu) => ActivationFn::Prelu(random.0.random_range(-0.8..0.5)),
        };
        random.conv(name(site), plan.widths(site), space.geometry(site), act)
    };
    let blocks = space_blocks(space).iter().map(|block| block.map(&mut conv)).collect();
    let (input, output) = (usize::from(plan.features().0), usize::from(space.classes));
    let weight = random.values(input * output, (1.0 / input as f32).sqrt());
    let classifier = Linear { input, output, weight, bias: random.values(output, 0.1) };
    FoldedNet { input: space.input, blocks, classifier }
}

/// The blob of a [`network`] without names of classes. The ranges of the feature maps come from
/// generated images. The same arguments give the same bytes.
///
/// # Errors
/// [`Error::Invalid`](supernano_base::error::Error::Invalid) if images of this shape cannot be
/// generated; as [`build`].
pub fn blob(space: &Space<'_>, plan: &Plan, code: &str, prefer: Prefer, seed: u64) -> Result<Blob> {
    let dataset = images(space, seed)?;
    let set = CalibrationSet::new(&dataset, IMAGES)?;
    let net = network(space, plan, seed);
    let params = observe(&net, &set.images).params(RangeRule::default());
    let net = QuantisedNet::with(&net, &params, &set.normalisation);
    build(&net, &BlobInfo { space: space.name, code, classes: &[], front_end: None }, prefer)
}

/// Least bytes of a network in int8: one for each weight and 4 for each bias.
pub fn raw_bytes(space: &Space<'_>, plan: &Plan) -> u64 {
    let biases: u64 = space.convs().map(|conv| u64::from(plan.widths(conv.site).1.0)).sum();
    // the cost counts two parameters a channel and a bias a class, beside the weights
    let classes = u64::from(space.classes);
    plan::cost(space, plan).params - 2 * biases - classes + 4 * (biases + classes)
}

/// `count` different sub-networks of a space, or all if it has fewer. The same seed gives the same
/// sub-networks.
pub fn codes(space: &Space<'_>, count: usize, seed: u64) -> Vec<Arch> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 0);
    let mut archs: Vec<Arch> = Vec::new();
    let count = count.min(usize::try_from(space.networks()).unwrap_or(usize::MAX));
    while archs.len() < count {
        let code = number(space, &mut rng);
        let arch = Arch::from_code(space, code).expect("a code below the size");
        if !archs.contains(&arch) {
            archs.push(arch);
        }
    }
    archs
}

fn images(space: &Space<'_>, seed: u64) -> Result<Dataset> {
    let spec = DataSpec {
        shape: Some(space.input),
        train: Some(IMAGES),
        validation: Some(8),
        test: Some(8),
        seed,
        ..DataSpec::new(DataSource::Glyphs)
    };
    supernano_data::load(&spec)
}

struct Random(ChaCha8Rng);

impl Random {
    /// Uniform values with this standard deviation.
    fn values(&mut self, count: usize, deviation: f32) -> Vec<f32> {
        let end = deviation * 3f32.sqrt();
        (0..count).map(|_| self.0.random_range(-end..=end)).collect()
    }

    fn conv(
        &mut self,
        name: String,
        (input, output): (Effective, Effective),
        geometry: Geometry,
        act: ActivationFn,
    ) -> FoldedConv {
        let (input, output) = (usize::from(input.0), usize::from(output.0));
        let op = LayerOp { form: Form::Full, geometry };
        let terms = op.terms(input);
        let deviation = (2.0 / terms as f32).sqrt();
        let weight = self.values(terms * output, deviation);
        let bias = self.values(output, deviation / 5.0);
        FoldedConv { name, input, output, op, weight, bias, act }
    }
}

#[cfg(test)]
mod tests;
