//! The networks whose kernels are compiled: full steps, the largest network and eight others, batch 128.

use supernano_gpu_kernels::head::Outputs;
use supernano_gpu_kernels::network::{Block, Form, Layer, Network, Shortcut};

/// ResNet20, the network of the paper.
pub fn resnet20() -> Network {
    let layers = |channels, stride| Layer::square(channels, 3, stride);
    let mut all = vec![layers(16, 1); 7];
    all.push(layers(32, 2));
    all.extend([layers(32, 1); 5]);
    all.push(layers(64, 2));
    all.extend([layers(64, 1); 5]);
    let mut blocks = vec![Block::single(0)];
    blocks.extend((0..9).map(|i| Block::residual(1 + 2 * i, Shortcut::Projection)));
    Network {
        paths: 9,
        images: 128,
        input: [32, 32, 3],
        classes: 100,
        outputs: Outputs::Classes,
        layers: all,
        blocks,
        clips: false,
    }
}

/// A network that is built layer by layer, and the side of its square map.
struct Builder {
    network: Network,
    side: u32,
}

impl Builder {
    /// A layer with "same" padding.
    fn layer(&mut self, form: Form, channels: u32, kernel: u32, stride: u32) {
        let whole = ((self.side.div_ceil(stride) - 1) * stride + kernel).saturating_sub(self.side);
        let [before, behind] = [whole / 2, whole - whole / 2];
        let padding = [before, behind, before, behind];
        let elastic = form == Form::Depthwise && kernel > 3;
        let square = Layer::square(channels, kernel, stride);
        self.network.layers.push(Layer { form, padding, elastic, ..square });
        self.side = self.side.div_ceil(stride);
    }

    /// The last layers as a block.
    fn block(&mut self, layers: u32, shortcut: Shortcut, optional: bool) {
        let first = self.network.layers.len() as u32 - layers;
        self.network.blocks.push(Block { first, layers, shortcut, optional });
    }
}

/// The built-in space mobilenet-v2-tiny at its largest resolution, 128 pixels.
pub fn mobilenet_v2_tiny() -> Network {
    let network = Network {
        paths: 9,
        images: 128,
        input: [128, 128, 3],
        classes: 2,
        outputs: Outputs::Classes,
        layers: Vec::new(),
        blocks: Vec::new(),
        clips: true,
    };
    let mut b = Builder { network, side: 128 };
    b.layer(Form::Full, 16, 3, 2);
    b.block(1, Shortcut::None, false);
    b.layer(Form::Depthwise, 16, 3, 1);
    b.layer(Form::Full, 16, 1, 1);
    b.block(2, Shortcut::None, false);
    let mut read = 16;
    for (width, stride, depth) in [(24, 2, 3), (32, 2, 3), (48, 2, 3), (64, 1, 2), (96, 2, 3)] {
        for i in 0..depth {
            let stride = if i == 0 { stride } else { 1 };
            b.layer(Form::Full, 6 * read, 1, 1);
            b.layer(Form::Depthwise, 6 * read, 7, stride);
            b.layer(Form::Full, width, 1, 1);
            let shortcut = if stride == 1 { Shortcut::WhereItFits } else { Shortcut::None };
            b.block(3, shortcut, i > 0);
            read = width;
        }
    }
    b.network
}
