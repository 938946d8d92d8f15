//! Loop counts of operations, derived from shapes alone.

mod layers;
mod names;

use supernano_core::arena::ArenaPlan;
use supernano_core::graph::{Activation, Conv, Header, KernelKind, Op, padded};
use supernano_core::kernel::winograd::BLOCK_COLUMNS;
use supernano_core::kernel::{ConvShape, TILE_PIXELS};

pub use names::LAYERS;

/// A loop: the name of its kernel and its own name.
pub type Loop = (&'static str, &'static str);

/// Iterations of each loop of an operation. The first entry is the kernel's `call`.
pub type Work = Vec<(Loop, f64)>;

/// The loops of residual networks: kernels and the names of their loops. [`LAYERS`] has those of all
/// other layers.
pub const LOOPS: &[(&str, &[&str])] = &[
    ("direct", CONVOLUTION),
    ("strided", CONVOLUTION),
    ("pointwise", CONVOLUTION),
    ("winograd", WINOGRAD),
    ("winograd-online", WINOGRAD),
    ("winograd-tall", WINOGRAD),
    ("winograd-tall-online", WINOGRAD),
    ("classifier", CLASSIFIER),
    ("image", &["call", "byte", "odd-byte"]),
];

const CLASSIFIER: &[&str] =
    &["call", "channel", "part", "pixel", "pixel-odd", "class", "class-channel", "class-odd"];

/// Pixels that a core adds up with 16 bits.
const POOLED: usize = 256;

const CONVOLUTION: &[&str] = &[
    "call",
    "row",
    "rolled-row",
    "rolled-taken",
    "rolled-first",
    "rolled-last",
    "row-pair",
    "whole-row",
    "tile",
    "tile-row",
    "tile-tap",
    "tile-second",
    "vector",
    "vector-row",
    "vector-tile",
    "vector-copy",
    "vector-word",
    "vector-chunk",
    "vector-last",
    "vector-four",
    "vector-step",
    "vector-twice",
    "vector-tail",
    "rest-tile",
    "rest-pixel",
    "pixel",
    "pixel-residual",
    "pixel-prelu",
    "pixel-both",
    "copy-word",
    "widen-row",
    "widen-call",
    "widen-word",
    "outside",
    "fill",
    "image-word",
];

const WINOGRAD: &[&str] = &[
    "call",
    "row",
    "row-pair",
    "whole-row",
    "row-pair-weight",
    "block",
    "block-input",
    "block-pair",
    "block-tap",
    "block-four",
    "block-eight",
    "edge-block",
    "edge-row",
    "edge-pixel",
    "pixel",
    "pixel-residual",
    "pixel-prelu",
    "pixel-both",
    "copy-word",
    "widen-row",
    "widen-call",
    "widen-word",
    "outside",
    "fill",
    "image-word",
];

/// The loop of an operation that a Helium core executes with vectors.
pub(super) const VECTORS: &str = "vector";

/// Loops of the other cores that vectors replace.
const REPLACED: &[&str] = &[
    "row-pair",
    "whole-row",
    "tile",
    "tile-row",
    "tile-tap",
    "tile-second",
    "tile-prelu",
    "tile-odd",
    "small-one",
    "small-one-tap",
    "small-two",
    "small-two-tap",
    "rest-tile",
    "rest-pixel",
    "row-channel",
    "pair",
    "odd",
    "rest-one",
    "rest-two",
    "rest-three",
    "pixel-row",
    "pixel-tap",
    "channel-step",
    "group",
    "group-step",
    "group-odd",
    "group-second",
    "value-column",
    "value-tap",
    "value-beside",
    "edge",
    "image-tile",
    "image-head",
    "widen-call",
    "widen-pair",
    "widen-tile",
    "widen-rest",
    "widen-pixel",
    "widen-value",
];

/// The loops that a core executes, with or without vectors.
pub(super) fn executed(work: &Work, vectors: bool) -> impl Iterator<Item = &(Loop, f64)> {
    let replaces = vectors && work.iter().any(|(each, _)| each.1 == VECTORS);
    work.iter().filter(
        move |((_, name), _)| {
            if replaces { !REPLACED.contains(name) } else { !name.starts_with(VECTORS) }
        },
    )
}

/// The name of a kernel kind in tables and reports.
pub const fn kernel_name(kind: KernelKind) -> &'static str {
    match kind {
        KernelKind::Winograd => "winograd",
        KernelKind::WinogradOnline => "winograd-online",
        KernelKind::Flat => "flat",
        KernelKind::Pointwise => "tiled",
        KernelKind::WinogradTall => "winograd-tall",
        KernelKind::WinogradTallOnline => "winograd-tall-online",
        _ => "direct",
    }
}

/// The kernel kinds that have names.
const NAMED: [KernelKind; 7] = [
    KernelKind::Direct,
    KernelKind::WinogradOnline,
    KernelKind::Winograd,
    KernelKind::WinogradTallOnline,
    KernelKind::WinogradTall,
    KernelKind::Flat,
    KernelKind::Pointwise,
];

/// The kernel kind with this name ([`kernel_name`]).
pub fn kernel_named(name: &str) -> Option<KernelKind> {
    NAMED.into_iter().find(|&kind| kernel_name(kind) == name)
}

/// The names of all kinds, for messages.
pub fn kernel_names() -> String {
    NAMED.map(kernel_name).join(", ")
}

/// The name of an operation's kernel in tables.
pub fn kernel_of(header: &Header<'_>, op: &Op) -> &'static str {
    work(header, op).first().map_or("", |(each, _)| each.0)
}

/// Loop counts of an operation of a network.
pub fn work(header: &Header<'_>, op: &Op) -> Work {
    match op {
        Op::Conv(conv) => match layers::name(header, conv) {
            Some("window") => convolution(header, conv, Some("window")),
            Some(kernel) => layers::layer(header, conv, kernel),
            None => convolution(header, conv, None),
        },
        Op::Classifier(classifier) => {
            let input = header.tensors[usize::from(classifier.input)].shape;
            let (pixels, channels) = (input.pixels(), padded(input.channels));
            let classes = usize::from(header.classes);
            let rounds = [
                ("call", 1),
                ("channel", channels),
                ("part", channels * pixels.div_ceil(POOLED)),
                ("pixel", pixels * channels),
                ("pixel-odd", pixels % 2 * channels),
                ("class", classes),
                ("class-channel", classes * channels),
                ("class-odd", classes * (channels / 4 % 2)),
            ];
            rounds.map(|(each, n)| (("classifier", each), n as f64)).to_vec()
        }
    }
}

/// Loop counts for loading an image of `bytes` bytes.
pub fn image_work(bytes: usize) -> Work {
    let rounds = [("call", 1), ("byte", bytes), ("odd-byte", bytes % 4)];
    rounds.map(|(each, n)| (("image", each), n as f64)).to_vec()
}

fn convolution(header: &Header<'_>, conv: &Conv, other: Option<&'static str>) -> Work {
    let shape = ConvShape::of_header(header, conv);
    let (rows, columns) = (shape.kernel_rows(), shape.columns());
    let width = usize::from(shape.output.width);
    // Pairs of output channels, pairs of input channels, and groups of four input channels.
    let outputs = usize::from(shape.output.channels).div_ceil(2);
    let pairs = shape.pairs();
    let quads = padded(shape.input.channels) / 4;
    // Steps of one output row (direct), two or four (Winograd).
    let steps = usize::from(shape.output.height).div_ceil(shape.step());
    let pixels = usize::from(shape.output.height) * width * outputs;
    let name = match shape.kind {
        KernelKind::Direct if other.is_some() => other.unwrap_or_default(),
        KernelKind::Direct if rows * columns == 1 => "pointwise",
        KernelKind::Direct if shape.across() > 1 => "strided",
        kind => kernel_name(kind),
    };
    let pixel = match (conv.residual.is_some(), conv.activation) {
        (false, Activation::Prelu) => "pixel-prelu",
        (true, Activation::Prelu) => "pixel-both",
        (true, _) => "pixel-residual",
        (false, _) => "pixel",
    };
    let mut work: Work = Vec::new();
    let mut add = |each: &'static str, n: usize| work.push(((name, each), n as f64));
    add("call", 1);
    add("row", steps);
    add("row-pair", steps * outputs);
    add(pixel, pixels);
    if shape.kind.winograd() {
        let blocks = steps * shape.blocks();
        layers::whole(steps * outputs, width, BLOCK_COLUMNS, &mut add);
        add("block", blocks);
        add("block-input", blocks * pairs);
        add("block-pair", blocks * outputs);
        add("block-tap", blocks * outputs * pairs);
        // Dot products are unrolled by four or by eight pairs, depending on the core's registers.
        add("block-four", blocks * outputs * pairs.div_ceil(4));
        add("block-eight", blocks * outputs * pairs.div_ceil(8));
        // A block that a row or the last step does not fill is copied, pixel by pixel.
        let height = usize::from(shape.output.height);
        let (whole, short) = (height / shape.step(), height % shape.step());
        let (rest, ends) = (width % BLOCK_COLUMNS, (width % BLOCK_COLUMNS).min(1));
        let last = short.min(1) * shape.blocks();
        add("edge-block", (whole * ends + last) * outputs);
        add("edge-row", (whole * shape.step() * ends + short * shape.blocks()) * outputs);
        add("edge-pixel", (whole * shape.step() * rest + short * width) * outputs);
        if !shape.kind.transformed() {
            add("row-pair-weight", steps * outputs * pairs);
        }
    } else {
        let tiles = steps * outputs * width.div_ceil(TILE_PIXELS);
        add("tile", tiles);
        add("tile-row", tiles * rows);
        add("tile-tap", tiles * rows * columns * pairs);
        if rows > 1 {
            add("tile-second", outputs * width.div_ceil(TILE_PIXELS) * layers::divided(&shape));
        }
        layers::whole(steps * outputs, width, TILE_PIXELS, &mut add);
        layers::rest(steps * outputs, width, &mut add);
    }
    if other.is_none() && !shape.kind.winograd() && reads_bytes(header, conv) {
        let channels = 2 * pairs;
        let tiles = vectors([steps, width, outputs], rows * columns * channels, &mut add);
        if rows * columns > 1 {
            let height = if conv.input == 0 { 0 } else { usize::from(shape.input.height) };
            copied(height, usize::from(shape.input.width) * quads, &mut add);
            add("vector-chunk", tiles * rows * (channels / 16));
            add("vector-last", tiles * rows * (channels % 16 * columns / 2).div_ceil(8));
        }
    }
    if other.is_some() {
        layers::rolled(header, conv, &mut add);
    }
    if copies_residual(header, conv) {
        add("copy-word", usize::from(shape.output.height) * shape.out_row());
    }
    // A projection reads the rows that the first convolution of its block has widened.
    if rows * columns > 1 {
        let ring = shape.ring();
        let (mut height, mut outside) = (usize::from(shape.input.height), 2 * shape.above());
        if other.is_some() {
            [height, outside] = layers::taken(&shape);
        }
        let widened = if conv.input == 0 { "image-word" } else { "widen-word" };
        add("widen-row", height);
        add(widened, height * usize::from(shape.input.width) * quads);
        add("widen-call", height * quads * ring.phases);
        add("outside", outside * ring.row);
        add("fill", ring.row * ring.rows);
    }
    work
}

/// Loops of a Helium core, whose tiles have two pixels and four outputs; a last pair of outputs has a
/// call of its own. Adds those of `rows` rows of `width` pixels and `outputs` pairs of outputs, with
/// `column` bytes of inputs a pixel, and returns the number of tiles of all calls.
fn vectors(
    [rows, width, outputs]: [usize; 3],
    column: usize,
    add: &mut dyn FnMut(&'static str, usize),
) -> usize {
    add(VECTORS, 1);
    let calls = usize::from(outputs > 1) + outputs % 2;
    let tiles = rows * width.div_ceil(2);
    let fours = tiles * outputs.div_ceil(2);
    add("vector-row", rows * calls);
    add("vector-tile", tiles * calls);
    add("vector-four", fours);
    add("vector-step", fours * (column / 16));
    add("vector-twice", fours * (column / 16).div_ceil(2));
    add("vector-tail", fours * (column % 16).div_ceil(8));
    tiles * calls
}

/// Rows of bytes that are copied eight words at a time, then a word at a time.
fn copied(rows: usize, words: usize, add: &mut dyn FnMut(&'static str, usize)) {
    add("vector-copy", rows * (words / 8));
    add("vector-word", rows * (words % 8));
}

/// True if a Helium core keeps the input's rows as bytes. A projection reads the rows of the first
/// convolution of its block, which are wider if that one uses Winograd's algorithm.
fn reads_bytes(header: &Header<'_>, conv: &Conv) -> bool {
    let wide = |op: &Op| matches!(op, Op::Conv(c) if c.input == conv.input && c.kind.winograd());
    conv.geometry.taps() > 1 || !header.ops.iter().any(wide)
}

/// True if the kernel first copies the residual to the place of the output. The output of a
/// projection is already there: only the addition reads it.
fn copies_residual(header: &Header<'_>, conv: &Conv) -> bool {
    let Some(residual) = conv.residual else { return false };
    let read = |op: &Op| matches!(op, Op::Conv(c) if c.input == residual);
    if !header.ops.iter().any(read) {
        return false;
    }
    let plan = ArenaPlan::of_header(header);
    plan.tensor_at(residual) != plan.tensor_at(conv.output)
}
