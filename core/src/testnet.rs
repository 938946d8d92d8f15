//! Random legal networks for tests, each from a seed.

use std::vec;
use std::vec::Vec;

use crate::blob::{Sections, write};
use crate::exec::Network;
use crate::graph::{
    Activation, Classifier, Conv, Form, Geometry, Header, KernelKind, Observer, Op, Tensor, padded,
};
use crate::kernel::Kernels;
use crate::kernel::pack::WeightShape;
use crate::shape::Shape;

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
    pub form: Form,
    pub geometry: Geometry,
    pub rolls: bool,
    pub residual: Option<u8>,
    pub activation: Activation,
    pub kind: KernelKind,
}

impl Layer {
    pub(crate) fn new(input: u8, channels: u16, kernel: u8, stride: u8) -> Self {
        let (residual, activation) = (None, Activation::Relu);
        let (kind, form, rolls) = (KernelKind::Direct, Form::Full, false);
        let geometry = Geometry::same(kernel, stride);
        Self { input, channels, form, geometry, rolls, residual, activation, kind }
    }

    /// A layer that reads and writes `channels` channels.
    pub(crate) fn other(form: Form, input: u8, channels: u16, geometry: Geometry) -> Self {
        let activation = match form {
            Form::Maximum | Form::Average => Activation::None,
            _ => Activation::Relu,
        };
        Self { form, geometry, activation, ..Self::new(input, channels, 1, 1) }
    }

    /// The same layer, which rolls into the next.
    pub(crate) fn rolling(self) -> Self {
        Self { rolls: true, ..self }
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
            if layer.form == Form::Full && kind.suits(&layer.geometry) {
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
            let shape = layer.form.output(&layer.geometry, input.shape, layer.channels).unwrap();
            let zero = match layer.activation {
                Activation::Relu | Activation::Clipped => -128,
                _ if layer.form == Form::Maximum => input.zero,
                _ => random.range(-128, 127) as i8,
            };
            tensors.push(tensor(shape, zero)).unwrap();
            let weights = WeightShape {
                output: layer.channels,
                kernel: layer.geometry.kernel,
                input: match layer.form {
                    Form::Full => input.shape.channels,
                    _ => 1,
                },
            };
            let count = match layer.form {
                Form::Full | Form::Depthwise => weights.len(),
                Form::Dense => usize::from(layer.channels) * input.shape.len(),
                Form::Maximum | Form::Average | Form::Add => 0,
            };
            let values: Vec<i8> = (0..count).map(|_| weight(&mut random)).collect();
            // The factors make outputs fill their range without permanent saturation.
            let terms = match layer.form {
                Form::Average => layer.geometry.taps() as f64,
                Form::Add => 2.0,
                _ => count as f64 / f64::from(layer.channels),
            };
            let factor = |random: &mut Random| {
                let unit = 60.0 / (terms.sqrt() * 74.0 * 74.0);
                let jitter = random.range(50, 200) as f64 / 100.0;
                (unit * jitter * 4_294_967_296.0).min(2e9) as i32
            };
            let mut rows: Vec<Vec<i32>> = vec![vec![], vec![], vec![], vec![], vec![]];
            for _ in 0..layer.channels {
                rows[0].push(random.range(-50_000, 50_000) as i32);
                rows[1].push(random.range(-3_000, 3_000) as i32);
                if layer.form.scaled() {
                    let scale = random.range(-300, 300) as i32;
                    rows[4].push(scale);
                }
                let positive = factor(&mut random);
                let slope = random.range(-200, 300) as f64 / 100.0;
                rows[2].push(positive);
                rows[3].push((f64::from(positive) * slope) as i32);
            }
            let prelu = layer.activation == Activation::Prelu;
            let used = [
                (0, layer.form != Form::Maximum),
                (1, layer.residual.is_some()),
                (4, layer.form.scaled()),
                (2, layer.form != Form::Maximum),
                (3, prelu),
            ];
            let rows: Vec<&[i32]> =
                used.iter().filter(|(_, used)| *used).map(|&(row, _)| &rows[row][..]).collect();
            let kernel = layer.geometry.kernel;
            let conv = Conv {
                input: layer.input,
                output: i as u8 + 1,
                residual: layer.residual,
                form: layer.form,
                geometry: layer.geometry,
                kind: layer.kind,
                activation: layer.activation,
                rolls: layer.rolls,
                weights: match layer.form {
                    Form::Full => sections.conv_weights(layer.kind, weights, &values),
                    Form::Depthwise => sections.depthwise_weights(kernel, &values),
                    Form::Dense => sections.dense_weights(input.shape, layer.input == 0, &values),
                    Form::Maximum | Form::Average | Form::Add => Ok(0),
                }
                .unwrap(),
                params: if rows.is_empty() { 0 } else { sections.conv_params(&rows).unwrap() },
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

impl Net {
    /// The network of `tests/golden/layers.snb`, which has every operation and a rolled unit.
    pub(crate) fn golden_layers() -> Self {
        use Activation::{Clipped, None as Linear, Prelu};
        let window = |kernel, stride, padding| Geometry { kernel, stride, padding };
        let flat = window([5, 4], [2, 1], [2, 1, 1, 2]);
        let small = Geometry::same(3, 1);
        let layers = vec![
            Layer {
                kind: KernelKind::Flat,
                activation: Clipped,
                ..Layer::other(Form::Full, 0, 6, flat)
            }
            .rolling(),
            Layer { activation: Clipped, ..Layer::other(Form::Depthwise, 1, 6, small) }.rolling(),
            Layer::new(2, 10, 1, 1).rolling(),
            Layer::other(Form::Depthwise, 3, 10, window([3, 3], [1, 2], [1, 1, 0, 1])),
            Layer { activation: Prelu, ..Layer::new(4, 14, 1, 1) }.rolling(),
            Layer::other(Form::Depthwise, 5, 14, window([5, 5], [1, 1], [2; 4])).rolling(),
            Layer { activation: Linear, residual: Some(4), ..Layer::new(6, 10, 1, 1) },
            Layer::other(Form::Full, 7, 10, window([2, 4], [1, 1], [0, 1, 1, 2])),
            Layer { residual: Some(7), ..Layer::other(Form::Add, 8, 10, Geometry::POINT) },
            Layer::other(Form::Maximum, 9, 10, window([2, 2], [2, 2], [0, 1, 0, 1])),
            Layer::other(Form::Average, 10, 10, window([2, 3], [1, 1], [1, 0, 1, 1])),
            Layer { activation: Prelu, ..Layer::other(Form::Dense, 11, 13, Geometry::POINT) },
            Layer::other(Form::Dense, 12, 9, Geometry::POINT),
        ];
        let input = Shape { height: 13, width: 10, channels: 2 };
        Self { input, layers, classes: 4, values: Values::Random, seed: 2809 }
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
