//! The division of a convolution's work among cubes and units.

use crate::shape::ConvShape;

/// Shared memory that a cube may use, bytes. Every Vulkan driver and every CUDA device has it
/// without an option.
pub const SHARED_BYTES: u32 = 32 << 10;

/// Values that a unit reads before it stores the first of them, so that the reads overlap. The loops over them
/// have a step that only the running kernel knows, which keeps the compiler from unrolling more into spills.
pub(crate) const AT_ONCE: u32 = 4;

/// Constants of a tiling, to be chosen by timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// Output rows that a unit computes in a column.
    pub pixels: u32,
    /// Output channels that a unit computes.
    pub outputs: u32,
    /// Input channels that lie in shared memory at a time.
    pub chunk: u32,
    /// Most units of a cube.
    pub units: u32,
}

/// The tilings that a program may choose from; the first is the default.
pub const VARIANTS: [Variant; 2] = [
    Variant { pixels: 4, outputs: 8, chunk: 8, units: 128 },
    Variant { pixels: 2, outputs: 8, chunk: 4, units: 128 },
];

/// Most units of a cube of a depthwise convolution.
const DEPTHWISE_UNITS: u32 = 256;

/// Channels of a cube of a depthwise convolution over a map: at most 16, a power of 2.
pub(crate) const fn depthwise_channels(channels: u32) -> u32 {
    let wide = channels.next_power_of_two();
    if wide < 16 { wide } else { 16 }
}

/// What [`Frame`] describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The convolution itself.
    Forward,
    /// The input gradient for the input pixels of one residue class of the stride.
    Gradient {
        /// Row modulo the stride.
        row: u32,
        /// Column modulo the stride.
        column: u32,
    },
}

/// A sum over taps `m` of read positions `i step + first + m` and output positions `i spread +
/// origin`, in each axis, with the constants of its tiling. The convolution has the step `stride`;
/// its input gradient has the step 1 in every residue class of the stride. Pairs are rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Rows and columns of the map that is read.
    pub read: [u32; 2],
    /// Channels of the map that is read.
    pub channels_read: u32,
    /// Rows and columns of the map that is written.
    pub written: [u32; 2],
    /// Channels of the map that is written.
    pub channels_written: u32,
    /// Images of a path.
    pub images: u32,
    /// True if the read map has one path for all.
    pub shared: bool,
    /// Written positions of this launch, in each axis.
    pub positions: [u32; 2],
    /// Distance between written positions.
    pub spread: [u32; 2],
    /// First written position.
    pub origin: [u32; 2],
    /// Distance between read positions of adjacent written positions.
    pub step: [u32; 2],
    /// Read position of the first tap of the first written position.
    pub first: [i32; 2],
    /// Number of taps.
    pub taps: [u32; 2],
    /// Kernel row and column of the first tap.
    pub tap_first: [u32; 2],
    /// Distance between kernel rows of adjacent taps: negative in the input gradient.
    pub tap_step: [i32; 2],
    /// Rows and columns of the kernel.
    pub kernel: [u32; 2],
    /// True if paths have smaller kernels.
    pub elastic: bool,
    /// True for a depthwise convolution: [`Self::outputs`] are the channels of a cube, one for each unit.
    pub depthwise: bool,
    /// True if the sum runs over the output channels of the weights.
    pub transposed: bool,
    /// Columns of a tile.
    pub tile_columns: u32,
    /// Rows of units of a tile.
    pub tile_rows: u32,
    /// Images of a cube.
    pub tile_images: u32,
    /// Output rows of a unit.
    pub pixels: u32,
    /// Output channels of a unit.
    pub outputs: u32,
    /// Input channels in shared memory.
    pub chunk: u32,
}

impl Frame {
    /// The frame of a direction with a variant. The tile shrinks until it fits the shared memory.
    #[must_use]
    pub fn new(shape: &ConvShape, direction: Direction, variant: Variant) -> Self {
        let mut frame = Self::geometry(shape, direction);
        if shape.depthwise {
            frame.fit_depthwise();
            return frame;
        }
        // A single tap is bound by memory: more cubes at a time hide more of its latency.
        let single = frame.taps[0] * frame.taps[1] == 1;
        let pixels = if single { variant.pixels / 2 } else { variant.pixels };
        frame.pixels = pixels.min(frame.positions[0]).max(1);
        frame.outputs = variant.outputs;
        frame.chunk = variant.chunk;
        frame.tile_columns = frame.positions[1].clamp(1, 32);
        let rows = frame.positions[0].max(1).div_ceil(frame.pixels);
        frame.tile_rows = (variant.units / frame.tile_columns).clamp(1, rows);
        frame.tile_images =
            (variant.units / (frame.tile_columns * frame.tile_rows)).clamp(1, frame.images);
        frame.shrink();
        frame
    }

    /// The frame without a tiling.
    fn geometry(shape: &ConvShape, direction: Direction) -> Self {
        let input = [shape.rows, shape.columns];
        let output = [shape.rows_out(), shape.columns_out()];
        let (pad, k, s) = (shape.before(), shape.kernel, shape.stride);
        match direction {
            Direction::Forward => Self {
                read: input,
                channels_read: shape.channels_in,
                written: output,
                channels_written: shape.channels_out,
                positions: output,
                step: s,
                first: pad.map(|pad| -(pad as i32)),
                taps: k,
                transposed: false,
                shared: shape.shared_input,
                ..Self::empty(shape)
            },
            Direction::Gradient { row, column } => {
                let origin = [row, column];
                // The first kernel row that reads an output row from this class, the distance of
                // that output row, and the number of such kernel rows.
                let nearest = [0, 1].map(|i| (origin[i] + pad[i]) % s[i]);
                let distance = [0, 1].map(|i| (origin[i] + pad[i] - nearest[i]) / s[i]);
                let taps = [0, 1].map(|i| match nearest[i] {
                    n if n < k[i] => (k[i] - n).div_ceil(s[i]),
                    _ => 0,
                });
                Self {
                    read: output,
                    channels_read: shape.channels_out,
                    written: input,
                    channels_written: shape.channels_in,
                    positions: [0, 1].map(|i| (input[i] - origin[i].min(input[i])).div_ceil(s[i])),
                    spread: s,
                    origin,
                    first: [0, 1].map(|i| distance[i] as i32 - (taps[i] as i32 - 1).max(0)),
                    taps,
                    tap_first: [0, 1].map(|i| nearest[i] + s[i] * taps[i].saturating_sub(1)),
                    tap_step: s.map(|s| -(s as i32)),
                    transposed: true,
                    shared: false,
                    ..Self::empty(shape)
                }
            }
        }
    }

    /// Chooses the tiling of a depthwise convolution, whose cube has one block of channels. Adjacent
    /// units have adjacent channels.
    fn fit_depthwise(&mut self) {
        let lanes = DEPTHWISE_UNITS / depthwise_channels(self.channels_written);
        self.outputs = depthwise_channels(self.channels_written);
        let most = if self.step[0] == 1 { 8 } else { 4 };
        self.pixels = self.positions[0].clamp(1, most);
        self.tile_columns = self.positions[1].clamp(1, lanes.min(16));
        let rows = self.positions[0].max(1).div_ceil(self.pixels);
        self.tile_rows = (lanes / self.tile_columns).clamp(1, rows);
        let images = lanes / (self.tile_columns * self.tile_rows);
        self.tile_images = images.clamp(1, self.images.max(1));
        while self.shared_bytes() > SHARED_BYTES {
            if self.tile_images > 1 {
                self.tile_images = self.tile_images.div_ceil(2);
            } else if self.tile_rows > 1 {
                self.tile_rows = self.tile_rows.div_ceil(2);
            } else if self.tile_columns > 4 {
                self.tile_columns = self.tile_columns.div_ceil(2);
            } else if self.pixels > 1 {
                self.pixels /= 2;
            } else if self.tile_columns > 1 {
                self.tile_columns = self.tile_columns.div_ceil(2);
            } else {
                return;
            }
        }
    }

    const fn empty(shape: &ConvShape) -> Self {
        Self {
            read: [0; 2],
            channels_read: 0,
            written: [0; 2],
            channels_written: 0,
            images: shape.images,
            shared: false,
            positions: [0; 2],
            spread: [1; 2],
            origin: [0; 2],
            step: [1; 2],
            first: [0; 2],
            taps: [0; 2],
            tap_first: [0; 2],
            tap_step: [1; 2],
            kernel: shape.kernel,
            elastic: shape.elastic,
            depthwise: shape.depthwise,
            transposed: false,
            tile_columns: 1,
            tile_rows: 1,
            tile_images: 1,
            pixels: 1,
            outputs: 1,
            chunk: 1,
        }
    }

    fn shrink(&mut self) {
        while self.shared_bytes() > SHARED_BYTES {
            if self.chunk > 4 {
                self.chunk /= 2;
            } else if self.tile_images > 1 {
                self.tile_images = self.tile_images.div_ceil(2);
            } else if self.tile_rows > 1 {
                self.tile_rows = self.tile_rows.div_ceil(2);
            } else if self.chunk > 1 {
                self.chunk /= 2;
            } else if self.tile_columns > 1 {
                self.tile_columns = self.tile_columns.div_ceil(2);
            } else {
                return;
            }
        }
    }

    /// Units of a cube.
    #[must_use]
    pub const fn units(&self) -> u32 {
        let pixels = self.tile_columns * self.tile_rows * self.tile_images;
        if self.depthwise { pixels * self.outputs } else { pixels }
    }

    /// Rows and columns of the read tile of an image.
    #[must_use]
    pub const fn tile_read(&self) -> [u32; 2] {
        let rows = (self.tile_rows * self.pixels - 1) * self.step[0];
        let columns = (self.tile_columns - 1) * self.step[1];
        let tap_rows = if self.taps[0] > 1 { self.taps[0] } else { 1 };
        let tap_columns = if self.taps[1] > 1 { self.taps[1] } else { 1 };
        [rows + tap_rows, columns + tap_columns]
    }

    /// Values of a channel of the read tile. The distance between channels is 4 modulo the 32
    /// banks, so that eight channels of four pixels go to different banks.
    #[must_use]
    pub const fn plane(&self) -> u32 {
        let [rows, columns] = self.tile_read();
        let values = rows * columns * self.tile_images;
        values + (36 - values % 32) % 32
    }

    /// Cubes that share out the images and positions of a path.
    #[must_use]
    pub const fn blocks(&self) -> u32 {
        let [rows, columns] = self.tiles();
        self.images.div_ceil(self.tile_images) * rows * columns
    }

    /// Tiles of an image, rows and columns.
    #[must_use]
    pub const fn tiles(&self) -> [u32; 2] {
        [
            self.positions[0].div_ceil(self.tile_rows * self.pixels),
            self.positions[1].div_ceil(self.tile_columns),
        ]
    }

    /// Cubes that share out the channels of a path.
    #[must_use]
    pub const fn channel_blocks(&self) -> u32 {
        self.channels_written.div_ceil(self.outputs)
    }

    /// Weights of a chunk in shared memory.
    #[must_use]
    pub const fn chunk_weights(&self) -> u32 {
        // A unit of a depthwise convolution reads the channel that it writes, so a chunk is 1.
        let weights = self.taps[0] * self.taps[1] * self.chunk * self.outputs;
        if weights > 0 { weights } else { 1 }
    }

    /// Shared memory of a cube, bytes.
    #[must_use]
    pub const fn shared_bytes(&self) -> u32 {
        if self.depthwise {
            let [rows, columns] = self.tile_read();
            let inputs = rows * columns * self.tile_images * self.outputs;
            return 4 * (inputs + self.chunk_weights() + self.units());
        }
        let sums = (self.outputs + 1) * self.units() + self.outputs;
        4 * (self.chunk * self.plane() + self.chunk_weights() + sums)
    }
}
