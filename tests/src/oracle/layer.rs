//! Layers: convolutions, pools, dense layers and additions.

use super::{Layer, Map, Oracle, mulr, written};

/// Numbers of the operations.
const CONVOLUTION: u8 = 0;
const DEPTHWISE: u8 = 2;
const DENSE: u8 = 3;
const MAXIMUM: u8 = 4;
const AVERAGE: u8 = 5;
const ADDITION: u8 = 6;

/// The size of an axis of the output.
fn written_size(size: usize, kernel: usize, stride: usize, before: usize, behind: usize) -> usize {
    assert!(before < kernel && behind < kernel && kernel <= size + before + behind, "window");
    (size + before + behind - kernel) / stride + 1
}

impl Oracle {
    /// Executes a layer with its residual and its activation.
    pub(super) fn layer(&self, layer: &Layer, maps: &[Option<Map>]) -> Map {
        let input = written(maps, layer.input);
        let residual = layer.residual.map(|tensor| written(maps, tensor));
        let [height, width, channels] = self.tensors[layer.output].shape;
        if layer.operation == DENSE {
            assert_eq!([height, width], [1, 1]);
        } else {
            let [above, below, left, right] = layer.padding;
            let ([rows, columns], [down, across]) = (layer.kernel, layer.stride);
            assert_eq!(height, written_size(input.height, rows, down, above, below));
            assert_eq!(width, written_size(input.width, columns, across, left, right));
        }
        if !matches!(layer.operation, CONVOLUTION | DENSE) {
            assert_eq!(channels, input.channels);
        }
        let zero = self.tensors[layer.output].zero;
        if matches!(layer.activation, 1 | 3) {
            assert_eq!(zero, -128, "zero point after a clip at 0");
        }
        let mut values = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for o in 0..channels {
                    let added = residual.map(|map| map.values[(y * width + x) * channels + o]);
                    values.push(self.value(layer, input, added, [y, x, o]));
                }
            }
        }
        Map { height, width, channels, values }
    }

    /// Output `[y, x, o]`.
    fn value(&self, layer: &Layer, input: &Map, added: Option<i128>, at: [usize; 3]) -> i128 {
        let [y, x, o] = at;
        let [_, _, channels] = self.tensors[layer.output].shape;
        let zero = self.tensors[layer.output].zero;
        if layer.operation == MAXIMUM {
            assert_eq!(zero, self.tensors[layer.input].zero);
            let known = self.window(layer, input, y, x).into_iter().filter_map(|(_, pixel)| pixel);
            let most = known.map(|pixel| input.values[pixel + o]).max();
            return most.unwrap_or(-128);
        }
        // Rows of parameters: bias, K with a residual, J for averages and additions, M, N with a
        // PReLU.
        let mut row = 0;
        let mut next = || {
            row += 1;
            self.word(layer.params + 4 * ((row - 1) * channels.next_multiple_of(2) + o))
        };
        let mut acc = next();
        if let Some(added) = added {
            acc += added * next();
        }
        acc += match layer.operation {
            CONVOLUTION => self.products(layer, input, at),
            DEPTHWISE => self.own_products(layer, input, at),
            DENSE => self.all_products(layer, input, o),
            AVERAGE => {
                let outside = self.tensors[layer.input].zero;
                let windows = self.window(layer, input, y, x).into_iter();
                let values = windows.map(|(_, p)| p.map_or(outside, |p| input.values[p + o]));
                next() * values.sum::<i128>()
            }
            ADDITION => next() * input.values[(y * input.width + x) * channels + o],
            other => panic!("operation {other}"),
        };
        assert!(acc.abs() < 1 << 31, "a sum leaves 32 bits");
        let positive = next();
        let factor = match layer.activation {
            2 if acc < 0 => next(),
            0..=3 => positive,
            other => panic!("activation {other}"),
        };
        (zero + mulr(acc, factor)).clamp(-128, 127)
    }

    /// The kernel's rows and columns with the index of the first channel of the pixel under each;
    /// none outside the map.
    pub(super) fn window(
        &self,
        layer: &Layer,
        input: &Map,
        y: usize,
        x: usize,
    ) -> Vec<([usize; 2], Option<usize>)> {
        let mut window = Vec::new();
        for ky in 0..layer.kernel[0] {
            for kx in 0..layer.kernel[1] {
                let row = (layer.stride[0] * y + ky).checked_sub(layer.padding[0]);
                let column = (layer.stride[1] * x + kx).checked_sub(layer.padding[2]);
                let pixel = match (row, column) {
                    (Some(row), Some(column)) if row < input.height && column < input.width => {
                        Some((row * input.width + column) * input.channels)
                    }
                    _ => None,
                };
                window.push(([ky, kx], pixel));
            }
        }
        window
    }
}
