//! Layouts of weights, and sums of products with them.

use super::{Layer, Map, Oracle};

impl Oracle {
    /// The products of a convolution for output `[y, x, o]`. Inputs outside the map have the value
    /// of its zero point.
    pub(super) fn products(&self, layer: &Layer, input: &Map, [y, x, o]: [usize; 3]) -> i128 {
        let zero = self.tensors[layer.input].zero;
        let mut sum = 0;
        for ([ky, kx], pixel) in self.window(layer, input, y, x) {
            for c in 0..input.channels {
                let q = pixel.map_or(zero, |pixel| input.values[pixel + c]);
                sum += self.conv_weight(layer, input.channels, [o, ky, kx, c]) * q;
            }
        }
        sum
    }

    /// The products of a depthwise convolution for output `[y, x, o]`.
    pub(super) fn own_products(&self, layer: &Layer, input: &Map, [y, x, o]: [usize; 3]) -> i128 {
        let zero = self.tensors[layer.input].zero;
        let [rows, columns] = layer.kernel;
        // Four bytes for every two columns: w(2j), w(2j + 1), w(2j + 1), w(2j + 2).
        let words = (columns / 2).max(1);
        let mut sum = 0;
        for ([ky, kx], pixel) in self.window(layer, input, y, x) {
            let row = layer.weights + 4 * (o * rows + ky) * words;
            let at = if kx == 2 * words { 4 * words - 1 } else { kx / 2 * 4 + kx % 2 };
            let q = pixel.map_or(zero, |pixel| input.values[pixel + o]);
            sum += self.byte(row + at) * q;
        }
        sum
    }

    /// The products of a dense layer for output `o`.
    pub(super) fn all_products(&self, layer: &Layer, input: &Map, o: usize) -> i128 {
        let pixel = match layer.input {
            0 => input.channels,
            _ => input.channels.next_multiple_of(4),
        };
        let pixels = input.height * input.width;
        let row = (pixels * pixel).next_multiple_of(4);
        let mut sum = 0;
        for (i, q) in input.values.iter().enumerate() {
            let at = i / input.channels * pixel + i % input.channels;
            sum += self.byte(layer.weights + o * row + at) * q;
        }
        sum
    }

    /// The weight `[o, ky, kx, c]` of a convolution with this number of input channels.
    fn conv_weight(&self, layer: &Layer, inputs: usize, [o, ky, kx, c]: [usize; 4]) -> i128 {
        let [rows, columns] = layer.kernel;
        if layer.kind == 3 {
            // One run of columns and channels, in fours, whose pairs are (0, 1) and (2, 3).
            let (run, at) = ((columns * inputs).next_multiple_of(4), kx * inputs + c);
            let group = (o / 2 * rows + ky) * (run / 2) + at / 2;
            return self.byte(layer.weights + 4 * group + 2 * (at % 2) + o % 2);
        }
        // Input channels go in fours, whose pairs are (0, 2) and (1, 3).
        let pairs = inputs.next_multiple_of(4) / 2;
        let pair = c / 4 * 2 + c % 2;
        let second = c % 4 / 2;
        if layer.kind == 1 || layer.kind == 5 {
            return self.untransformed(layer, pairs, [o, ky, kx], [pair, second]);
        }
        // The packed form has an odd number of columns.
        let columns = columns + 1 - columns % 2;
        let group = ((o / 2 * rows + ky) * pairs + pair) * columns + kx;
        self.byte(layer.weights + 4 * group + 2 * second + o % 2)
    }

    /// The weight w[ky][kx] of output `o` from the transformed values T = H w H^T of kind 1, or T = K w H^T
    /// of kind 5. The left inverse of H is 1/2 [1 0 0 0; 0 1 -1 0; 0 0 0 1], and one of K is 1/24 [4 0 0 0
    /// 0 0; 0 12 -12 0 0 0; 0 0 0 0 0 1]. The input is given by its pair and its place in the pair.
    fn untransformed(
        &self,
        layer: &Layer,
        pairs: usize,
        [o, ky, kx]: [usize; 3],
        [pair, second]: [usize; 2],
    ) -> i128 {
        const SQUARE: [[i128; 6]; 3] =
            [[1, 0, 0, 0, 0, 0], [0, 1, -1, 0, 0, 0], [0, 0, 0, 1, 0, 0]];
        const TALL: [[i128; 6]; 3] =
            [[4, 0, 0, 0, 0, 0], [0, 12, -12, 0, 0, 0], [0, 0, 0, 0, 0, 1]];
        let tall = layer.kind == 5;
        let (rows, scale) = if tall { (6, 48) } else { (4, 4) };
        let transformed = |position: usize| {
            let word = ((o / 2 * 4 * rows + position) * pairs + pair) * 2 + o % 2;
            let at = layer.weights + 4 * word + 2 * second;
            i128::from(i16::from_le_bytes([self.data[at], self.data[at + 1]]))
        };
        let vertical = if tall { &TALL } else { &SQUARE };
        let mut sum = 0;
        for (i, vertical) in vertical[ky].iter().enumerate().take(rows) {
            for (j, horizontal) in SQUARE[kx].iter().enumerate().take(4) {
                let ranks = [2, 0, 1, 3];
                let position = if tall { 4 * i + ranks[j] } else { 4 * j + ranks[i] };
                sum += vertical * horizontal * transformed(position);
            }
        }
        assert_eq!(sum % scale, 0, "transformed weights");
        assert!((-128..=127).contains(&(sum / scale)), "transformed weights");
        sum / scale
    }
}
