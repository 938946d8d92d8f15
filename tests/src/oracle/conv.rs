//! Convolutions and the layouts of their weights.

use super::{Conv, Map, Oracle, mulr, written};

impl Oracle {
    /// Executes a convolution with its residual and its activation.
    pub(super) fn conv(&self, conv: &Conv, maps: &[Option<Map>]) -> Map {
        let input = written(maps, conv.input);
        let residual = conv.residual.map(|tensor| written(maps, tensor));
        let [height, width, channels] = self.tensors[conv.output].shape;
        assert_eq!(height, input.height.div_ceil(conv.stride));
        assert_eq!(width, input.width.div_ceil(conv.stride));
        let zero = self.tensors[conv.output].zero;
        if conv.activation == 1 {
            assert_eq!(zero, -128, "zero point after ReLU");
        }
        // Rows of parameters: bias, K with a residual, M, N with a PReLU.
        let param = |row: usize, o: usize| {
            self.word(conv.params + 4 * (row * channels.next_multiple_of(2) + o))
        };
        let multiplier = 1 + usize::from(residual.is_some());
        let weights = self.conv_weights(conv, channels, input.channels);
        let mut values = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for o in 0..channels {
                    let mut acc = param(0, o) + self.products(conv, input, &weights, [y, x, o]);
                    if let Some(residual) = residual {
                        let q = residual.values[(y * residual.width + x) * residual.channels + o];
                        acc += q * param(1, o);
                    }
                    assert!(acc.abs() < 1 << 31, "a sum leaves 32 bits");
                    let m = match conv.activation {
                        2 if acc < 0 => param(multiplier + 1, o),
                        0..=2 => param(multiplier, o),
                        other => panic!("activation {other}"),
                    };
                    values.push((zero + mulr(acc, m)).clamp(-128, 127));
                }
            }
        }
        Map { height, width, channels, values }
    }

    /// The sum of all products of weights and inputs for output `[y, x, o]`. Inputs outside the map
    /// have the value of its zero point.
    fn products(&self, conv: &Conv, input: &Map, weights: &[i128], [y, x, o]: [usize; 3]) -> i128 {
        let zero = self.tensors[conv.input].zero;
        let mut sum = 0;
        for ky in 0..conv.kernel {
            for kx in 0..conv.kernel {
                let row = (conv.stride * y + ky).checked_sub(conv.kernel / 2);
                let column = (conv.stride * x + kx).checked_sub(conv.kernel / 2);
                let pixel = match (row, column) {
                    (Some(row), Some(column)) if row < input.height && column < input.width => {
                        Some((row * input.width + column) * input.channels)
                    }
                    _ => None,
                };
                let weight = ((o * conv.kernel + ky) * conv.kernel + kx) * input.channels;
                for c in 0..input.channels {
                    let q = pixel.map_or(zero, |pixel| input.values[pixel + c]);
                    sum += weights[weight + c] * q;
                }
            }
        }
        sum
    }

    /// Weights `[outputs][ky][kx][inputs]`, flat.
    fn conv_weights(&self, conv: &Conv, outputs: usize, inputs: usize) -> Vec<i128> {
        let mut weights = Vec::new();
        for o in 0..outputs {
            for ky in 0..conv.kernel {
                for kx in 0..conv.kernel {
                    for c in 0..inputs {
                        weights.push(self.conv_weight(conv, inputs, [o, ky, kx, c]));
                    }
                }
            }
        }
        weights
    }

    /// The weight `[o, ky, kx, c]` of a convolution with this number of input channels.
    fn conv_weight(&self, conv: &Conv, inputs: usize, [o, ky, kx, c]: [usize; 4]) -> i128 {
        // Input channels go in fours, whose pairs are (0, 2) and (1, 3).
        let pairs = inputs.next_multiple_of(4) / 2;
        let pair = c / 4 * 2 + c % 2;
        let second = c % 4 / 2;
        if conv.kind == 1 {
            return self.untransformed(conv.weights, pairs, [o, ky, kx], [pair, second]);
        }
        let group = ((o / 2 * conv.kernel + ky) * pairs + pair) * conv.kernel + kx;
        self.byte(conv.weights + 4 * group + 2 * second + o % 2)
    }

    /// The weight w[ky][kx] of output `o` from the 16 transformed values T = H w H^T. The left
    /// inverse of H is 1/2 [1 0 0 0; 0 1 -1 0; 0 0 0 1]. The input is given by its pair and its
    /// place in the pair.
    fn untransformed(
        &self,
        weights: usize,
        pairs: usize,
        [o, ky, kx]: [usize; 3],
        [pair, second]: [usize; 2],
    ) -> i128 {
        const INVERSE: [[i128; 4]; 3] = [[1, 0, 0, 0], [0, 1, -1, 0], [0, 0, 0, 1]];
        let transformed = |position: usize| {
            let word = ((o / 2 * 16 + position) * pairs + pair) * 2 + o % 2;
            let at = weights + 4 * word + 2 * second;
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
}
