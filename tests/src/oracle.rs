//! An independent interpreter of blobs in exact integers (i128).
//!
//! It follows `core/docs/blob-format.md` and `core/docs/quantization.md` alone and shares no code
//! with core: not the parser, not the layout of weights, not the padding, not the arithmetic. It
//! favours simplicity over speed. [`Oracle::parse`] reads a blob, [`Oracle::logits`] executes it.
//! [`frontend`] does the same for front ends, after `core/docs/frontend.md`.

mod classify;
pub mod frontend;
mod layer;
mod parse;
mod read;
mod weights;

/// A feature map, `[height][width][channels]`, flat.
struct Map {
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<i128>,
}

/// A tensor of the header.
#[derive(Debug, Clone)]
struct Tensor {
    /// Height, width, channels.
    shape: [usize; 3],
    /// Zero point.
    zero: i128,
}

/// A layer of the header. `weights` and `params` are offsets in the data section.
#[derive(Debug, Clone)]
struct Layer {
    /// Number of the operation.
    operation: u8,
    input: usize,
    output: usize,
    residual: Option<usize>,
    /// Rows and columns.
    kernel: [usize; 2],
    /// In rows and in columns.
    stride: [usize; 2],
    /// Above, below, left, right.
    padding: [usize; 4],
    kind: u8,
    activation: u8,
    weights: usize,
    params: usize,
}

/// The classifier of the header. `weights` and `params` are offsets in the data section.
#[derive(Debug, Clone)]
struct Classifier {
    input: usize,
    weights: usize,
    params: usize,
}

#[derive(Debug, Clone)]
enum Op {
    Layer(Layer),
    Classifier(Classifier),
}

/// A parsed blob.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// Name of the search space.
    pub space: String,
    /// Code of the sub-network.
    pub code: String,
    /// Labels in the order of the logits; empty for a blob without labels.
    pub labels: Vec<String>,
    /// Number of classes.
    pub classes: usize,
    /// Tensors. Tensor 0 is the image.
    tensors: Vec<Tensor>,
    /// Offset of the input table in the data section.
    table: usize,
    ops: Vec<Op>,
    /// The data section.
    data: Vec<u8>,
}

/// `floor((a m + 2^31) / 2^32)`.
fn mulr(a: i128, m: i128) -> i128 {
    (a * m + (1 << 31)).div_euclid(1 << 32)
}

impl Oracle {
    /// Size of an image, bytes.
    pub fn image_len(&self) -> usize {
        self.tensors[0].shape.iter().product()
    }

    /// The i8 at an offset of the data section.
    fn byte(&self, offset: usize) -> i128 {
        i128::from(self.data[offset] as i8)
    }

    /// The i32 at an offset of the data section.
    fn word(&self, offset: usize) -> i128 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.data[offset..offset + 4]);
        i128::from(i32::from_le_bytes(bytes))
    }

    /// Logits `[classes]` of an image `[height][width][channels]`.
    ///
    /// # Panics
    /// If the image has another size, or if the blob violates a rule of its format.
    pub fn logits(&self, image: &[u8]) -> Vec<i128> {
        assert_eq!(image.len(), self.image_len(), "image size");
        let mut maps: Vec<Option<Map>> = self.tensors.iter().map(|_| None).collect();
        maps[0] = Some(self.image(image));
        for op in &self.ops {
            match op {
                Op::Layer(layer) => {
                    let map = self.layer(layer, &maps);
                    assert!(maps[layer.output].is_none(), "tensor {} written twice", layer.output);
                    maps[layer.output] = Some(map);
                }
                Op::Classifier(classifier) => {
                    return self.classify(classifier, written(&maps, classifier.input));
                }
            }
        }
        panic!("no classifier")
    }

    /// Applies the input table to an image.
    fn image(&self, image: &[u8]) -> Map {
        let [height, width, channels] = self.tensors[0].shape;
        let mut values = Vec::with_capacity(image.len());
        for (i, &byte) in image.iter().enumerate() {
            values.push(self.byte(self.table + (i % channels) * 256 + usize::from(byte)));
        }
        Map { height, width, channels, values }
    }
}

fn written(maps: &[Option<Map>], tensor: usize) -> &Map {
    match &maps[tensor] {
        Some(map) => map,
        None => panic!("tensor {tensor} not written"),
    }
}
