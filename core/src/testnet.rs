//! Random legal networks for tests, each from a seed.

use std::vec;
use std::vec::Vec;

use crate::blob::{Sections, write};
use crate::exec::Network;
use crate::graph::{
    Activation, Classifier, Conv, Header, KernelKind, Observer, Op, Tensor, padded,
};
use crate::kernel::Kernels;
use crate::kernel::pack::WeightShape;
use crate::space::Shape;

/// The random number generator SplitMix64.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// The values of the weights and of the input table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Random,
    /// Weights of -127, inputs of -128.
    Low,
    /// Weights of 127, inputs of 127.
    High,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    /// Tensor read. Layer `i` writes tensor `i + 1`.
    pub input: u8,
    pub channels: u16,
    pub kernel: u8,
    pub stride: u8,
    pub residual: Option<u8>,
    pub activation: Activation,
    pub kind: KernelKind,
}

impl Layer {
    pub(crate) fn new(input: u8, channels: u16, kernel: u8, stride: u8) -> Self {
        let (residual, activation) = (None, Activation::Relu);
        let kind = KernelKind::Direct;
        Self { input, channels, kernel, stride, residual, activation, kind }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Net {
    pub input: Shape,
    pub layers: Vec<Layer>,
    pub classes: u16,
    pub values: Values,
    pub seed: u64,
}

/// The bytes of a blob, aligned to 4.
pub(crate) struct Blob(pub Vec<u32>);

impl Blob {
    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

impl Net {
    /// The same network with the kinds that `choose` returns for its layers, where they suit.
    pub(crate) fn with_kinds(&self, choose: impl Fn(usize) -> KernelKind) -> Self {
        let mut net = self.clone();
        for (i, layer) in net.layers.iter_mut().enumerate() {
            let kind = choose(i);
            if kind.suits(layer.kernel, layer.stride) {
                layer.kind = kind;
            }
        }
        net
    }

    pub(crate) fn build(&self) -> Blob {
        let mut random = Random(self.seed);
        let mut data = vec![0; 4 << 20];
        let mut sections = Sections::new(&mut data);
        let weight = |random: &mut Random| match self.values {
            Values::Random => random.range(-127, 127) as i8,
            Values::Low => -127,
            Values::High => 127,
        };
        let table: Vec<i8> = (0..256 * usize::from(self.input.channels))
            .map(|_| match self.values {
                Values::Random => random.next() as i8,
                Values::Low => -128,
                Values::High => 127,
            })
            .collect();
        let table = sections.table(&table).unwrap();
        let tensor = |shape, zero| Tensor { shape, zero, scale: 0.05 };
        let mut tensors = heapless::Vec::new();
        let zero = random.range(-128, 127) as i8;
        tensors.push(tensor(self.input, zero)).unwrap();
        let mut ops = heapless::Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            let input: Tensor = tensors[usize::from(layer.input)];
            let shape = input.shape.convolved(layer.stride, layer.channels);
            let zero = match layer.activation {
                Activation::Relu => -128,
                _ => random.range(-128, 127) as i8,
            };
            tensors.push(tensor(shape, zero)).unwrap();
            let weights = WeightShape {
                output: layer.channels,
                kernel: layer.kernel,
                input: input.shape.channels,
            };
            let values: Vec<i8> = (0..weights.len()).map(|_| weight(&mut random)).collect();
            // The factors make outputs fill their range without permanent saturation.
            let terms = weights.len() as f64 / f64::from(layer.channels);
            let factor = |random: &mut Random| {
                let unit = 60.0 / (terms.sqrt() * 74.0 * 74.0);
                let jitter = random.range(50, 200) as f64 / 100.0;
                (unit * jitter * 4_294_967_296.0).min(2e9) as i32
            };
            let mut rows: Vec<Vec<i32>> = vec![vec![], vec![], vec![], vec![]];
            for _ in 0..layer.channels {
                rows[0].push(random.range(-50_000, 50_000) as i32);
                rows[1].push(random.range(-3_000, 3_000) as i32);
                let positive = factor(&mut random);
                let slope = random.range(-200, 300) as f64 / 100.0;
                rows[2].push(positive);
                rows[3].push((f64::from(positive) * slope) as i32);
            }
            let used =
                [true, layer.residual.is_some(), true, layer.activation == Activation::Prelu];
            let rows: Vec<&[i32]> =
                rows.iter().zip(used).filter(|(_, used)| *used).map(|(r, _)| &r[..]).collect();
            let conv = Conv {
                input: layer.input,
                output: i as u8 + 1,
                residual: layer.residual,
                kernel: layer.kernel,
                stride: layer.stride,
                kind: layer.kind,
                activation: layer.activation,
                weights: sections.conv_weights(layer.kind, weights, &values).unwrap(),
                params: sections.conv_params(&rows).unwrap(),
            };
            ops.push(Op::Conv(conv)).unwrap();
        }
        let channels = tensors.last().unwrap().shape.channels;
        let count = usize::from(self.classes) * usize::from(channels);
        let values: Vec<i8> = (0..count).map(|_| weight(&mut random)).collect();
        let mut numbers = |low, high| -> Vec<i32> {
            (0..self.classes).map(|_| random.range(low, high) as i32).collect()
        };
        let (bias, multiplier) = (numbers(-99_999, 99_999), numbers(1 << 20, 1 << 28));
        let classifier = Classifier {
            input: self.layers.len() as u8,
            weights: sections.classifier_weights(channels, &values).unwrap(),
            params: sections.classifier_params(&bias, &multiplier).unwrap(),
        };
        ops.push(Op::Classifier(classifier)).unwrap();
        let header = Header {
            space: "test",
            code: "1-2-3",
            classes: self.classes,
            logit_scale: 0.125,
            table,
            tensors,
            ops,
        };
        let labels: Vec<std::string::String> =
            (0..self.classes).map(|i| std::format!("class {i}")).collect();
        let labels: Vec<&str> = labels.iter().map(|l| &l[..]).collect();
        let mut blob = Blob(vec![0; sections.data().len() / 4 + 8192]);
        let len = write(&header, &labels, sections.data(), blob.bytes_mut()).unwrap();
        blob.0.truncate(len / 4);
        blob
    }

    /// The network of `tests/golden/tiny.snb`, which has every feature of the format once.
    pub(crate) fn golden() -> Self {
        use Activation::{None as Linear, Prelu};
        let layers = vec![
            Layer::new(0, 5, 3, 1),
            Layer { activation: Prelu, ..Layer::new(1, 7, 3, 2) },
            Layer { activation: Linear, ..Layer::new(1, 6, 1, 2) },
            Layer { residual: Some(3), activation: Prelu, ..Layer::new(2, 6, 3, 1) },
            Layer::new(4, 9, 5, 1),
            Layer { residual: Some(4), ..Layer::new(5, 6, 3, 1) },
        ];
        let input = Shape { height: 9, width: 7, channels: 3 };
        let net = Self { input, layers, classes: 4, values: Values::Random, seed: 2108 };
        net.with_kinds(|i| match i {
            3 => KernelKind::Winograd,
            5 => KernelKind::WinogradOnline,
            _ => KernelKind::Direct,
        })
    }
}

/// Collects the channels of every operation's output, row by row, without padding.
pub(crate) struct Collect {
    pub header: Header<'static>,
    pub maps: Vec<Vec<i8>>,
    pub entered: usize,
}

impl Observer for Collect {
    fn enter(&mut self, op: usize) {
        self.entered = op;
    }

    fn row(&mut self, op: usize, y: usize, row: &[u32]) {
        assert_eq!(op, self.entered);
        let Op::Conv(conv) = self.header.ops[op] else { panic!("operation {op} writes no map") };
        let shape = self.header.tensors[usize::from(conv.output)].shape;
        let channels = usize::from(shape.channels);
        let bytes: &[i8] = bytemuck::cast_slice(row);
        assert_eq!(bytes.len(), usize::from(shape.width) * padded(shape.channels));
        let map = &mut self.maps[op];
        assert_eq!(map.len(), y * usize::from(shape.width) * channels, "rows come in order");
        map.extend(bytes.chunks_exact(padded(shape.channels)).flat_map(|p| &p[..channels]));
    }
}

/// All tensors and logits of a run, in an arena of the exact size that is filled with `fill`.
pub(crate) fn outputs<K: Kernels>(
    network: &Network<'_, K>,
    image: &[u8],
    fill: u32,
) -> (Vec<Vec<i8>>, Vec<i32>) {
    let mut arena = vec![fill; network.arena_words()];
    let mut logits = vec![0; network.view().classes()];
    let header = network.view().header();
    let header = Header { space: "", code: "", ..header };
    let mut collect = Collect { maps: vec![vec![]; header.ops.len()], header, entered: 0 };
    network.run(image, &mut arena, &mut logits, &mut collect).unwrap();
    for (op, map) in header_maps(&collect) {
        assert_eq!(collect.maps[op].len(), map, "all rows of operation {op}");
    }
    (collect.maps, logits)
}

/// Number of elements of every operation's output.
fn header_maps(collect: &Collect) -> Vec<(usize, usize)> {
    let shape = |op: &Op| match op {
        Op::Conv(c) => collect.header.tensors[usize::from(c.output)].shape.len(),
        Op::Classifier(_) => 0,
    };
    collect.header.ops.iter().map(shape).enumerate().collect()
}
