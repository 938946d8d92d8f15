//! Networks with random weights in realistic ranges. Their costs on a device can be measured before
//! a network is trained.

mod write;

use rand::Rng as _;
use supernano_base::blob::Blob;
use supernano_base::codes::number;
use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::Result;
use supernano_base::rng::{ChaCha8Rng, Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::plan::{self, Activation, Node, Plan};
use supernano_core::space::{Shape, Space};
use supernano_data::Dataset;

pub use self::write::{SyntheticNetwork, SyntheticRequest, write_networks};
use crate::backend::LayerOp;
use crate::export::{BlobInfo, CalibrationSet, Prefer, QuantisedNet, RangeRule, build, observe};
use crate::supernet::{ActivationFn, FoldedConv, FoldedNet, Linear, name, planned};

/// Images for the ranges of the feature maps.
const IMAGES: usize = 32;

/// A folded network with random parameters. Weights have the variance 2 / fan-in (He's
/// initialisation), biases a fifth of that deviation, and slopes of PReLU lie between -0.8 and 0.5,
/// as after training.
pub fn network(space: &Space<'_>, plan: &Plan, seed: u64) -> FoldedNet {
    let mut random = Random(Key::new(seed).rng(Purpose::Init, 0));
    let layers = planned(space, plan, |node| random.layer(node));
    let (input, output) = (usize::from(plan.features().0), usize::from(space.classes));
    let weight = random.values(input * output, (1.0 / input as f32).sqrt());
    let classifier = Linear { input, output, weight, bias: random.values(output, 0.1) };
    FoldedNet { input: plan.image, layers, classifier }
}

/// The blob of a [`network`] without names of classes, as [`build`] makes it. The ranges of the feature
/// maps come from generated images. The same arguments give the same bytes.
///
/// # Errors
/// [`Error::Invalid`](supernano_base::error::Error::Invalid) if images of this shape cannot be
/// generated; as [`build`].
pub fn blob(space: &Space<'_>, plan: &Plan, code: &str, prefer: Prefer, seed: u64) -> Result<Blob> {
    let dataset = images(plan.image, seed)?;
    let set = CalibrationSet::new(&dataset, IMAGES)?;
    let net = network(space, plan, seed);
    let params = observe(&net, &set.images).params(RangeRule::default());
    let net = QuantisedNet::with(&net, &params, &set.normalisation);
    let (space, residual) = (space.name, space.is_residual());
    build(&net, &BlobInfo { space, code, residual, classes: &[], front_end: None }, prefer)
}

/// Least bytes of a network in int8: one for each weight and 4 for each bias.
pub fn raw_bytes(space: &Space<'_>, plan: &Plan) -> u64 {
    let weighted = plan.nodes(space).filter(|node| node.form.weighted());
    let biases: u64 = weighted.map(|node| u64::from(node.written.channels)).sum();
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

/// Glyphs, or noise for a shape that glyphs cannot have.
fn images(shape: Shape, seed: u64) -> Result<Dataset> {
    let spec = DataSpec {
        shape: Some(shape),
        train: Some(IMAGES),
        validation: Some(8),
        test: Some(8),
        seed,
        ..DataSpec::new(DataSource::Glyphs)
    };
    if shape.height.min(shape.width) >= 8 && shape.channels <= 4 {
        return supernano_data::load(&spec);
    }
    let small = Shape { height: 8, width: 8, channels: 1 };
    let mut dataset = supernano_data::load(&DataSpec { shape: Some(small), ..spec })?;
    let mut rng = Key::new(seed).rng(Purpose::Generate, 0);
    for split in [&mut dataset.train, &mut dataset.validation, &mut dataset.test] {
        split.shape = shape;
        let pixels = (0..split.len() * shape.len()).map(|_| rng.random());
        split.pixels = pixels.collect::<Vec<u8>>().into();
    }
    let channels = usize::from(shape.channels);
    (dataset.shape, dataset.mean, dataset.std) = (shape, vec![0.5; channels], vec![0.25; channels]);
    Ok(dataset)
}

struct Random(ChaCha8Rng);

impl Random {
    /// Uniform values with this standard deviation.
    fn values(&mut self, count: usize, deviation: f32) -> Vec<f32> {
        let end = deviation * 3f32.sqrt();
        (0..count).map(|_| self.0.random_range(-end..=end)).collect()
    }

    fn layer(&mut self, node: &Node) -> FoldedConv {
        let act = match node.activation {
            Activation::None => ActivationFn::None,
            Activation::Relu => ActivationFn::Relu,
            Activation::Relu6 => ActivationFn::RELU6,
            Activation::Prelu => ActivationFn::Prelu(self.0.random_range(-0.8..0.5)),
        };
        let op = LayerOp::new(node.form, node.geometry, node.read);
        let (input, output) = (node.read.channels.into(), node.written.channels.into());
        let (name, terms) = (name(node.site), op.terms(input));
        if !op.weighted() {
            return FoldedConv { name, input, output, op, weight: vec![], bias: vec![], act };
        }
        let deviation = (2.0 / terms as f32).sqrt();
        let weight = self.values(terms * output, deviation);
        let bias = self.values(output, deviation / 5.0);
        FoldedConv { name, input, output, op, weight, bias, act }
    }
}

#[cfg(test)]
mod tests;
