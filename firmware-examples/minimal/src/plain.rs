//! The baseline for an engine: straightforward loops over int8 values, without packing and without
//! tiles. Counts the instructions of one inference for each named network of `cargo xtask
//! bench-device`. Sends a line `NAME INSTRUCTIONS BYTES` for each network, then `end`. BYTES is the size
//! of the feature maps that are live at the same time. The weights are arbitrary: the counts do not
//! depend on them.
#![no_std]
#![no_main]

use supernano_board::Port;
use supernano_board::mps2::{M0, Mps2};
use supernano_runtime::Board as _;

/// Largest feature map, and largest weights of a layer, bytes.
const MAP: usize = 32 * 32 * 16;
const WEIGHTS: usize = 64 * 64 * 9;
/// Largest number of channels or classes.
const CHANNELS: usize = 100;

/// Name, channels of the stem and of the first group, blocks of each of three groups, whether the
/// shortcuts of the first group are convolutions, classes.
type Network = (&'static str, usize, usize, bool, usize);
const NETWORKS: [Network; 4] = [
    ("resnet8", 16, 1, false, 10),
    ("large", 16, 3, true, 100),
    ("mid", 8, 3, true, 100),
    ("small", 4, 3, true, 100),
];

/// Height and width of the input, channels of input and output, side of the kernel, stride.
#[derive(Clone, Copy)]
struct Shape {
    side: usize,
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
}

/// Weights `[output][ky][kx][input]`, biases and multipliers of a layer.
struct Numbers {
    weights: [i8; WEIGHTS],
    bias: [i32; CHANNELS],
    multiplier: [i32; CHANNELS],
}

static NUMBERS: Numbers = Numbers {
    weights: {
        let (mut weights, mut i) = ([0; WEIGHTS], 0);
        while i < WEIGHTS {
            weights[i] = (i * 37 % 255) as u8 as i8;
            i += 1;
        }
        weights
    },
    bias: [100; CHANNELS],
    multiplier: [1 << 23; CHANNELS],
};

/// Multiplies by a Q0.32 multiplier, rounds, and saturates to 8 bits.
fn requantise(sum: i32, multiplier: i32) -> i8 {
    let product = (i64::from(sum) * i64::from(multiplier) + (1 << 31)) >> 32;
    (product as i32).clamp(-128, 127) as i8
}

/// A convolution of `input` `[height, width, channel]`, plus the residual `add`, if any.
fn conv(shape: Shape, numbers: &Numbers, input: &[i8], add: Option<&[i8]>, out: &mut [i8]) {
    let Shape { side, input: channels, output, kernel, stride } = shape;
    let pad = kernel / 2;
    for y in 0..side / stride {
        for x in 0..side / stride {
            for o in 0..output {
                let mut sum = numbers.bias[o];
                for ky in 0..kernel {
                    let row = (y * stride + ky).wrapping_sub(pad);
                    if row >= side {
                        continue;
                    }
                    for kx in 0..kernel {
                        let column = (x * stride + kx).wrapping_sub(pad);
                        if column >= side {
                            continue;
                        }
                        let pixel = &input[(row * side + column) * channels..][..channels];
                        let taps = ((o * kernel + ky) * kernel + kx) * channels;
                        let taps = &numbers.weights[taps..][..channels];
                        for (&q, &w) in pixel.iter().zip(taps) {
                            sum += i32::from(q) * i32::from(w);
                        }
                    }
                }
                let at = (y * (side / stride) + x) * output + o;
                if let Some(add) = add {
                    sum += i32::from(add[at]) * 64;
                }
                out[at] = requantise(sum, numbers.multiplier[o]);
            }
        }
    }
}

/// Pooling and classifier. Returns the class.
fn classifier(side: usize, channels: usize, classes: usize, input: &[i8]) -> usize {
    let mut best = (0, i32::MIN);
    let mut pooled = [0i32; CHANNELS];
    for pixel in input[..side * side * channels].chunks_exact(channels) {
        for (sum, &q) in pooled.iter_mut().zip(pixel) {
            *sum += i32::from(q);
        }
    }
    for class in 0..classes {
        let weights = &NUMBERS.weights[class * channels..][..channels];
        let products = pooled.iter().zip(weights).map(|(&p, &w)| p * i32::from(w));
        let sum = NUMBERS.bias[class] + products.sum::<i32>();
        if sum > best.1 {
            best = (class, sum);
        }
    }
    best.0
}

/// One inference. Returns the class and the size of the feature maps, bytes.
fn run(network: &Network, maps: &mut [[i8; MAP]; 4]) -> (usize, usize) {
    let &(_, width, blocks, projected, classes) = network;
    let [mut a, b, mut c, image] = maps.each_mut();
    let numbers = core::hint::black_box(&NUMBERS);
    let (mut side, mut channels) = (32, width);
    let stem = Shape { side, input: 3, output: width, kernel: 3, stride: 1 };
    conv(stem, numbers, &image[..], None, &mut a[..]);
    for group in 0..3 {
        for block in 0..blocks {
            let stride = if group > 0 && block == 0 { 2 } else { 1 };
            let output = width << group;
            let first = Shape { side, input: channels, output, kernel: 3, stride };
            conv(first, numbers, &a[..], None, &mut b[..]);
            side /= stride;
            let second = Shape { side, input: output, output, kernel: 3, stride: 1 };
            if projected || group > 0 {
                conv(Shape { kernel: 1, ..first }, numbers, &a[..], None, &mut c[..]);
                conv(second, numbers, &b[..], Some(&c[..]), &mut a[..]);
            } else {
                conv(second, numbers, &b[..], Some(&a[..]), &mut c[..]);
                core::mem::swap(&mut a, &mut c);
            }
            channels = output;
        }
    }
    (classifier(side, channels, classes, &a[..]), 3 * 32 * 32 * width)
}

fn number(port: &impl Port, value: u32) {
    let mut unit = 1_000_000_000;
    while unit > 1 && value < unit {
        unit /= 10;
    }
    while unit > 0 {
        port.send(b'0' + (value / unit % 10) as u8);
        unit /= 10;
    }
}

#[supernano_board::entry]
fn main() -> ! {
    let port = Mps2::<M0>::start();
    if let Some(maps) = supernano_board::singleton!(: [[i8; MAP]; 4] = [[1; MAP]; 4]) {
        for network in &NETWORKS {
            let (count, bytes) = port.masked(|| {
                let start = port.count();
                let (class, bytes) = core::hint::black_box(run(network, maps));
                let _ = class;
                (port.count().wrapping_sub(start), bytes)
            });
            network.0.bytes().for_each(|b| port.send(b));
            for value in [count, bytes as u32] {
                port.send(b' ');
                number(&port, value);
            }
            port.send(b'\n');
        }
        b"end\n".iter().for_each(|&b| port.send(b));
    }
    loop {
        core::hint::spin_loop();
    }
}
