<<<<<<< HEAD
//! An independent interpreter of blobs in exact integers (i128), written from
//! `core/docs/blob-format.md` and `core/docs/quantization.md` alone. It shares no code with core:
//! neither the parser, nor the unpacking of weights, nor the padding, nor the arithmetic. It is slow
//! and simple.
=======
//! An independent interpreter of blobs in exact integers (i128).
//!
//! It follows `core/docs/blob-format.md` and `core/docs/quantization.md` alone and shares no code
//! with core: not the parser, not the layout of weights, not the padding, not the arithmetic. It
//! favours simplicity over speed. [`Oracle::parse`] reads a blob, [`Oracle::logits`] executes it.
>>>>>>> h-words

mod classify;
mod conv;
mod parse;
mod read;

<<<<<<< HEAD
use read::Bytes;

/// A feature map. `values` is `[height][width][channels]`.
=======
/// A feature map, `[height][width][channels]`, flat.
>>>>>>> h-words
struct Map {
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<i128>,
}

/// A tensor of the blob's header.
#[derive(Debug, Clone)]
struct Tensor {
    /// Height, width, channels.
    shape: [usize; 3],
    /// Zero point.
    zero: i128,
}

/// A convolution of the header. `weights` and `params` are offsets in the data section.
#[derive(Debug, Clone)]
struct Conv {
    input: usize,
    output: usize,
    residual: Option<usize>,
    kernel: usize,
    stride: usize,
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
    Conv(Conv),
    Classifier(Classifier),
}

/// A parsed blob.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// Name of the search space.
    pub space: String,
    /// Code of the sub-network.
    pub code: String,
<<<<<<< HEAD
    /// Labels in the order of the logits; empty if the blob has none.
=======
    /// Labels in the order of the logits; empty for a blob without labels.
>>>>>>> h-words
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
<<<<<<< HEAD
    /// Reads a blob of version 2.
    ///
    /// # Errors
    /// A description of the first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut fixed = Bytes::new(bytes);
        if fixed.take(4)? != [0x53, 0x4e, 0x42, 0x00] {
            return Err("magic".into());
        }
        let (version, reserved) = (fixed.u16()?, fixed.u16()?);
        if (version, reserved) != (2, 0) {
            return Err(format!("version {version}, then {reserved}"));
        }
        let length = fixed.u32()? as usize;
        let crc = fixed.u32()?;
        let blob = bytes.get(..length).ok_or("shorter than its length")?;
        let found = read::crc32(blob.get(16..).ok_or("shorter than its fixed part")?);
        if found != crc {
            return Err(format!("CRC {found:08x} instead of {crc:08x}"));
        }
        let _arena = fixed.u32()?;
        let _logit_scale = fixed.u32()?;
        let data_start = fixed.u32()? as usize;
        let table = fixed.u32()? as usize;
        let labels_length = fixed.u32()? as usize;
        let classes = usize::from(fixed.u16()?);
        let (space_length, code_length) = (fixed.u16()?, fixed.u16()?);
        let (tensor_count, op_count) = (fixed.u8()?, fixed.u8()?);
        let mut rest = fixed;
        let mut tensors = Vec::new();
        for _ in 0..tensor_count {
            let (_place, _scale) = (rest.u32()?, rest.u32()?);
            let shape = [rest.u16()?.into(), rest.u16()?.into(), rest.u16()?.into()];
            let zero = rest.i8()?;
            if rest.u8()? != 0 {
                return Err("a tensor's last byte".into());
            }
            tensors.push(Tensor { shape, zero });
        }
        let mut ops = Vec::new();
        for _ in 0..op_count {
            ops.push(Self::op(&mut rest)?);
        }
        let mut text = |length: usize| -> Result<String, String> {
            let bytes = rest.take(length)?.to_vec();
            String::from_utf8(bytes).map_err(|e| e.to_string())
        };
        let (space, code) = (text(space_length.into())?, text(code_length.into())?);
        let labels = text(labels_length)?.split_terminator('\n').map(str::to_owned).collect();
        let data = blob.get(data_start..).ok_or("data section")?.to_vec();
        Ok(Self { space, code, labels, classes, tensors, table, ops, data })
    }

    fn op(record: &mut Bytes<'_>) -> Result<Op, String> {
        let (variant, input, output) = (record.u8()?, record.u8()?.into(), record.u8()?.into());
        let residual = Some(record.u8()?).filter(|&r| r != 255).map(usize::from);
        let (kernel, stride) = (record.u8()?.into(), record.u8()?.into());
        let (kind, activation) = (record.u8()?, record.u8()?);
        let (weights, params) = (record.u32()? as usize, record.u32()? as usize);
        let _scratch = record.u32()?;
        match (variant, kind) {
            (0, 0..=2) => Ok(Op::Conv {
                input,
                output,
                residual,
                kernel,
                stride,
                kind,
                activation,
                weights,
                params,
            }),
            (0, _) => Err(format!("kernel kind {kind}")),
            (1, _) => Ok(Op::Classifier { input, weights, params }),
            _ => Err(format!("operation {variant}")),
        }
    }

=======
>>>>>>> h-words
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
<<<<<<< HEAD
    /// If the image has another size, or the blob breaks a rule of its format.
=======
    /// If the image has another size, or if the blob violates a rule of its format.
>>>>>>> h-words
    pub fn logits(&self, image: &[u8]) -> Vec<i128> {
        assert_eq!(image.len(), self.image_len(), "image size");
        let mut maps: Vec<Option<Map>> = self.tensors.iter().map(|_| None).collect();
        maps[0] = Some(self.image(image));
        for op in &self.ops {
            match op {
                Op::Conv(conv) => {
                    let map = self.conv(conv, &maps);
                    assert!(maps[conv.output].is_none(), "tensor {} written twice", conv.output);
                    maps[conv.output] = Some(map);
                }
                Op::Classifier(classifier) => {
                    return self.classify(classifier, written(&maps, classifier.input));
                }
            }
        }
        panic!("no classifier")
    }

<<<<<<< HEAD
    fn conv(&self, op: &Op, maps: &[Option<Map>]) -> Map {
        let &Op::Conv {
            input,
            output,
            residual,
            kernel,
            stride,
            kind,
            activation,
            weights,
            params,
        } = op
        else {
            panic!("no convolution")
        };
        let Some(source) = &maps[input] else { panic!("tensor {input} not written") };
        let added = residual.map(|r| match &maps[r] {
            Some(map) => map,
            None => panic!("tensor {r} not written"),
        });
        let [height, width, channels] = self.tensors[output].shape;
        assert_eq!(height, source.height.div_ceil(stride));
        assert_eq!(width, source.width.div_ceil(stride));
        let (zero_in, zero_out) = (self.tensors[input].zero, self.tensors[output].zero);
        if activation == 1 {
            assert_eq!(zero_out, -128, "zero point after ReLU");
        }
        // Rows of parameters: bias, K with a residual, M, N with PReLU.
        let row =
            |r: usize, o: usize| self.word(params + 4 * (r * channels.next_multiple_of(2) + o));
        let multiplier = 1 + usize::from(residual.is_some());

        // A pair holds two input channels; four channels are stored as (0, 2), (1, 3).
        let pairs = source.channels.next_multiple_of(4) / 2;
        let weight = |o: usize, ky: usize, c: usize, kx: usize| {
            let pair = c / 4 * 2 + c % 2;
            let second = c % 4 / 2;
            if kind == 1 {
                return self.untransformed(weights, pairs, o, 2 * pair + second, ky, kx);
            }
            let group = ((o / 2 * kernel + ky) * pairs + pair) * kernel + kx;
            self.byte(weights + 4 * group + 2 * second + o % 2)
        };
        let mut unpacked = Vec::new();
        for o in 0..channels {
            for ky in 0..kernel {
                for kx in 0..kernel {
                    unpacked.extend((0..source.channels).map(|c| weight(o, ky, c, kx)));
                }
            }
        }

        let mut values = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for o in 0..channels {
                    let mut acc = row(0, o);
                    for ky in 0..kernel {
                        for kx in 0..kernel {
                            let sy = (stride * y + ky).checked_sub(kernel / 2);
                            let sx = (stride * x + kx).checked_sub(kernel / 2);
                            let inside = match (sy, sx) {
                                (Some(sy), Some(sx)) if sy < source.height && sx < source.width => {
                                    Some((sy * source.width + sx) * source.channels)
                                }
                                _ => None,
                            };
                            let w = ((o * kernel + ky) * kernel + kx) * source.channels;
                            for c in 0..source.channels {
                                let q = inside.map_or(zero_in, |start| source.values[start + c]);
                                acc += unpacked[w + c] * q;
                            }
                        }
                    }
                    if let Some(added) = added {
                        let q = added.values[(y * added.width + x) * added.channels + o];
                        acc += q * row(1, o);
                    }
                    assert!(acc.abs() < 1 << 31, "a sum leaves 32 bits");
                    let m = match activation {
                        2 if acc < 0 => row(multiplier + 1, o),
                        0..=2 => row(multiplier, o),
                        other => panic!("activation {other}"),
                    };
                    values.push(sat8(zero_out + mulr(acc, m)));
                }
            }
=======
    /// Applies the input table to an image.
    fn image(&self, image: &[u8]) -> Map {
        let [height, width, channels] = self.tensors[0].shape;
        let mut values = Vec::with_capacity(image.len());
        for (i, &byte) in image.iter().enumerate() {
            values.push(self.byte(self.table + (i % channels) * 256 + usize::from(byte)));
>>>>>>> h-words
        }
        Map { height, width, channels, values }
    }
}

<<<<<<< HEAD
    /// A weight `w[ky][kx]` from the 16 transformed values `T = H w Ht`. H has the left inverse
    /// 1/2 [1 0 0 0; 0 1 -1 0; 0 0 0 1]. `half` is the position of an i16 within the pairs of inputs.
    fn untransformed(
        &self,
        weights: usize,
        pairs: usize,
        o: usize,
        half: usize,
        ky: usize,
        kx: usize,
    ) -> i128 {
        const INVERSE: [[i128; 4]; 3] = [[1, 0, 0, 0], [0, 1, -1, 0], [0, 0, 0, 1]];
        let transformed = |position: usize| {
            let word = ((o / 2 * 16 + position) * pairs + half / 2) * 2 + o % 2;
            let at = weights + 4 * word + 2 * (half % 2);
            i128::from(i16::from_le_bytes([self.data[at], self.data[at + 1]]))
        };
        let mut sum = 0;
        for (i, vertical) in INVERSE[ky].iter().enumerate() {
            for (j, horizontal) in INVERSE[kx].iter().enumerate() {
                let position = 4 * j + [2, 0, 1, 3][i];
                sum += vertical * horizontal * transformed(position);
            }
        }
        assert_eq!(sum % 4, 0, "transformed weights");
        assert!((-128..=127).contains(&(sum / 4)), "transformed weights");
        sum / 4
    }

    fn classify(&self, map: &Map, weights: usize, params: usize) -> Vec<i128> {
        let pixels = (map.height * map.width) as i128;
        let mut shift = 0;
        while pixels > 256 << shift {
            shift += 1;
        }
        let unit: i128 = 1 << shift;
        let pooled: Vec<i128> = (0..map.channels)
            .map(|c| {
                let sum: i128 = map.values.iter().skip(c).step_by(map.channels).sum();
                (sum + unit / 2).div_euclid(unit)
            })
            .collect();
        let row = map.channels.next_multiple_of(4);
        (0..self.classes)
            .map(|class| {
                let products = pooled
                    .iter()
                    .enumerate()
                    .map(|(c, p)| self.byte(weights + class * row + c) * p);
                let acc = self.word(params + 4 * class) + products.sum::<i128>();
                assert!(acc.abs() < 1 << 31, "a sum leaves 32 bits");
                mulr(acc, self.word(params + 4 * (self.classes + class)))
            })
            .collect()
=======
fn written(maps: &[Option<Map>], tensor: usize) -> &Map {
    match &maps[tensor] {
        Some(map) => map,
        None => panic!("tensor {tensor} not written"),
>>>>>>> h-words
    }
}
