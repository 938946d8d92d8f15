//! The generated suite of networks, by which kernels on hosts and devices are compared with the
//! reference.
//!
//! [`pairs`] covers every pair of properties of residual networks, and every pair of properties of
//! the other layers; [`widths`] covers every number of channels. A [`Case`]
//! computes the digest of its reference; a device computes the same digest for the same blob.

mod layers;

use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::blob::BlobView;
use crate::error::Error;
use crate::exec::{Digest, Network};
use crate::graph::Activation::{self, None as Linear, Prelu, Relu};
use crate::graph::{Geometry, KernelKind};
use crate::kernel::{Kernels, Reference};
use crate::shape::Shape;
use crate::testnet::{Layer, Net, Random, Values};

/// A network and an image.
#[derive(Clone, Debug)]
pub struct Case {
    /// Properties of the network, for messages.
    pub name: String,
    /// The blob, aligned to 4 bytes.
    pub blob: Vec<u32>,
    /// The image.
    pub image: Vec<u8>,
}

impl Case {
    /// Bytes of the blob.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.blob)
    }

    /// Digest of all values that the reference kernels compute.
    ///
    /// # Errors
    /// None for a case of this suite.
    pub fn expected(&self) -> Result<u32, Error> {
        self.digest(Reference)
    }

    /// Digest of all values that these kernels compute.
    ///
    /// # Errors
    /// None for a case of this suite.
    pub fn digest<K: Kernels>(&self, kernels: K) -> Result<u32, Error> {
        let view = BlobView::new_checked(self.bytes())?;
        let network = Network::new(&view, kernels);
        let mut arena = vec![0xa5a5_a5a5; network.arena_words()];
        let mut logits = vec![0; view.classes()];
        let mut digest = Digest::new(&view);
        network.run(&self.image, &mut arena, &mut logits, &mut digest)?;
        Ok(digest.finish(&logits))
    }
}

const PROPERTIES: usize = 9;
/// Indices into [`WIDTHS`] (for the input and for the output), [`GEOMETRIES`], [`HEIGHTS`],
/// [`COLUMNS`], [`ACTIVATIONS`], [`VALUES`], [`FORMS`] and [`KINDS`].
type Choice = [usize; PROPERTIES];

const WIDTHS: [u16; 14] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 32, 33, 64, 67];
const GEOMETRIES: [(u8, u8); 8] = [(1, 1), (3, 1), (5, 1), (7, 1), (1, 2), (3, 2), (5, 2), (7, 2)];
const HEIGHTS: [u16; 7] = [1, 2, 3, 4, 5, 8, 11];
const COLUMNS: [u16; 10] = [1, 2, 3, 4, 5, 7, 8, 9, 13, 17];
const ACTIVATIONS: [Activation; 3] = [Linear, Relu, Prelu];
const VALUES: [Values; 3] = [Values::Random, Values::Low, Values::High];
const FORMS: [Form; 5] = [Form::Image, Form::Inner, Form::Identity, Form::Projection, Form::Late];
const KINDS: [KernelKind; 5] = [
    KernelKind::Direct,
    KernelKind::Winograd,
    KernelKind::WinogradOnline,
    KernelKind::WinogradTall,
    KernelKind::WinogradTallOnline,
];
const LEVELS: Choice = [
    WIDTHS.len(),
    WIDTHS.len(),
    GEOMETRIES.len(),
    HEIGHTS.len(),
    COLUMNS.len(),
    ACTIVATIONS.len(),
    VALUES.len(),
    FORMS.len(),
    KINDS.len(),
];
/// Maximum number of multiply-accumulates of a case's main convolution.
const MOST: usize = 2_000_000;

/// The surroundings of the main convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The convolution reads the image.
    Image,
    /// The convolution reads another convolution's output.
    Inner,
    /// The convolution is the first of a residual block with an identity shortcut.
    Identity,
    /// The convolution is the first of a residual block with a projection shortcut.
    Projection,
    /// The convolution adds a tensor that is read once more later.
    Late,
}

/// Cases that together have every possible pair of properties. Each seed gives other cases.
pub fn pairs(seed: u64) -> Vec<Case> {
    let mut random = Random(seed);
    let choices = cover(&mut random, &LEVELS, possible);
    let mut cases: Vec<Case> = choices.iter().map(|c| case(c, random.next())).collect();
    cases.extend(layers::pairs(&mut random));
    cases
}

/// Cases with every number of input and output channels from 1 to 67 and random other properties.
pub fn widths(seed: u64) -> Vec<Case> {
    let mut random = Random(seed);
    let mut cases = Vec::new();
    for width in 1..=67 {
        for reads in [true, false] {
            let choice = possible(LEVELS.map(|l| random.range(0, l as i64 - 1) as usize));
            let mut net = network(&choice, random.next());
            let main = usize::from(FORMS[choice[7]] != Form::Image);
            match (reads, main) {
                (true, 0) => net.input.channels = width,
                (true, _) if FORMS[choice[7]] == Form::Inner => net.layers[0].channels = width,
                _ if matches!(FORMS[choice[7]], Form::Image | Form::Inner) => {
                    net.layers[main].channels = width;
                }
                _ => net.layers.iter_mut().for_each(|l| l.channels = width),
            }
            cases.push(finished(&net, &mut random));
        }
    }
    cases
}

/// The nearest choice that is possible.
fn possible(mut choice: Choice) -> Choice {
    let form = FORMS[choice[7]];
    if matches!(form, Form::Identity | Form::Late) && GEOMETRIES[choice[2]].1 != 1 {
        choice[2] -= 4;
    }
    let (kernel, stride) = GEOMETRIES[choice[2]];
    if !KINDS[choice[8]].suits(&Geometry::same(kernel, stride)) {
        choice[8] = 0;
    }
    let work = |c: &Choice| {
        let channels = usize::from(WIDTHS[c[0]]) * usize::from(WIDTHS[c[1]]);
        let pixels = usize::from(HEIGHTS[c[3]]) * usize::from(COLUMNS[c[4]]);
        channels * pixels * usize::from(kernel).pow(2)
    };
    while work(&choice) > MOST {
        let largest = if choice[3] * COLUMNS.len() > choice[4] * HEIGHTS.len() { 3 } else { 4 };
        choice[largest] -= 1;
    }
    choice
}

fn each_pair<const N: usize>(levels: &[usize; N], choice: &[usize; N], mut f: impl FnMut(usize)) {
    let mut base = 0;
    for (i, &a) in choice.iter().enumerate() {
        for (j, &b) in choice.iter().enumerate().skip(i + 1) {
            f(base + a * levels[j] + b);
            base += levels[i] * levels[j];
        }
    }
}

/// A greedy cover: of several random choices it keeps the one with the most new pairs. It ends when
/// many random choices have added nothing; the remaining pairs are impossible.
fn cover<const N: usize>(
    random: &mut Random,
    levels: &[usize; N],
    possible: impl Fn([usize; N]) -> [usize; N],
) -> Vec<[usize; N]> {
    let mut pairs = 0;
    for (i, a) in levels.iter().enumerate() {
        pairs += levels.iter().skip(i + 1).map(|b| a * b).sum::<usize>();
    }
    let (mut seen, mut list, mut idle) = (vec![false; pairs], Vec::new(), 0);
    while idle < 200 {
        let mut best = (0, [0; N]);
        for _ in 0..60 {
            let choice = possible(levels.map(|l| random.range(0, l as i64 - 1) as usize));
            let mut new = 0;
            each_pair(levels, &choice, |pair| new += usize::from(!seen[pair]));
            if new > best.0 {
                best = (new, choice);
            }
        }
        if best.0 == 0 {
            idle += 1;
            continue;
        }
        idle = 0;
        each_pair(levels, &best.1, |pair| seen[pair] = true);
        list.push(best.1);
    }
    list
}

fn case(choice: &Choice, seed: u64) -> Case {
    let mut random = Random(seed);
    finished(&network(choice, random.next()), &mut random)
}

fn finished(net: &Net, random: &mut Random) -> Case {
    let image = random.bytes(net.input.len());
    Case { name: std::format!("{net:?}"), blob: net.build().0, image }
}

fn network(choice: &Choice, seed: u64) -> Net {
    let (read, written) = (WIDTHS[choice[0]], WIDTHS[choice[1]]);
    let (kernel, stride) = GEOMETRIES[choice[2]];
    let (activation, kind) = (ACTIVATIONS[choice[5]], KINDS[choice[8]]);
    let form = FORMS[choice[7]];
    let conv = |input: u8, channels: u16, stride: u8| Layer {
        activation,
        kind,
        ..Layer::new(input, channels, kernel, stride)
    };
    let layers = match form {
        Form::Image => vec![conv(0, written, stride)],
        Form::Inner => vec![Layer::new(0, read, 1, 1), conv(1, written, stride)],
        Form::Identity => vec![
            Layer::new(0, written, 1, 1),
            conv(1, read, 1),
            Layer { residual: Some(1), ..conv(2, written, 1) },
        ],
        Form::Projection => vec![
            Layer::new(0, read, 1, 1),
            conv(1, written, stride),
            Layer { activation: Linear, ..Layer::new(1, written, 1, stride) },
            Layer { residual: Some(3), ..conv(2, written, 1) },
        ],
        Form::Late => vec![
            Layer::new(0, written, 1, 1),
            Layer { residual: Some(1), ..conv(1, written, 1) },
            Layer { residual: Some(1), ..conv(2, written, 1) },
        ],
    };
    let channels = if form == Form::Image { read } else { 3 };
    Net {
        input: Shape { height: HEIGHTS[choice[3]], width: COLUMNS[choice[4]], channels },
        layers,
        classes: 3,
        values: VALUES[choice[6]],
        seed,
    }
}

#[cfg(test)]
mod tests;
