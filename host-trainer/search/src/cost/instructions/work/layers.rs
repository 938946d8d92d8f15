//! Loop counts of the layers that residual networks do not have.

use supernano_core::graph::{Activation, Conv, Form, Header, KernelKind, Op, padded};
use supernano_core::kernel::{ConvShape, TILE_PIXELS};

use super::{Work, copies_residual, vectors};

/// The kernels of these layers, each with the names of its loops.
pub const LAYERS: &[(&str, &[&str])] = &[
    ("window", WINDOW),
    ("flat", FLAT),
    ("tiled", TILED),
    ("depthwise", DEPTHWISE),
    ("depthwise-2", DEPTHWISE),
    ("depthwise-other", DEPTHWISE),
    ("dense", &["call", "word", "image-word", "output", "output-prelu", "output-word"]),
    ("maximum", POOL),
    ("average", POOL),
    ("global", &["call", "rolled-row", "value", "widen-row", "widen-pixel", "widen-value"]),
    ("add", &["call", "row", "word", "value", "value-prelu"]),
    // Their images have other sizes as well.
    ("image", super::IMAGE),
];

const WINDOW: &[&str] = &[
    "call",
    "row",
    "row-pair",
    "tile",
    "tile-row",
    "tile-tap",
    "vector-row",
    "vector-tile",
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

const FLAT: &[&str] = &[
    "call",
    "row",
    "rolled-row",
    "row-pair",
    "tile",
    "tile-row",
    "tile-tap",
    "vector-row",
    "vector-tile",
    "vector-four",
    "vector-step",
    "vector-twice",
    "vector-tail",
    "vector-run",
    "rest-tile",
    "rest-pixel",
    "pixel",
    "pixel-prelu",
    "widen-row",
    "widen-call",
    "edge",
    "image-word",
    "image-odd",
    "outside",
    "fill",
];

const TILED: &[&str] = &[
    "call",
    "row",
    "rolled-row",
    "row-pair",
    "tile",
    "rest-tile",
    "rest-pixel",
    "tile-tap",
    "tile-odd",
    "vector-row",
    "vector-tile",
    "vector-four",
    "vector-step",
    "vector-twice",
    "vector-tail",
    "finish-residual",
    "finish-prelu",
    "finish-both",
    "copy-word",
    "widen-row",
    "widen-call",
    "widen-tile",
    "widen-rest",
    "fill",
];

const DEPTHWISE: &[&str] = &[
    "call",
    "row",
    "rolled-row",
    "row-channel",
    "pair",
    "odd",
    "pixel",
    "pixel-row",
    "pixel-tap",
    "widen-row",
    "widen-call",
    "widen-pair",
    "outside-row",
    "outside",
    "fill",
];

const POOL: &[&str] = &[
    "call",
    "row",
    "rolled-row",
    "pixel",
    "value",
    "value-column",
    "value-tap",
    "value-beside",
    "widen-row",
    "widen-word",
    "outside-row",
    "outside",
    "fill",
];

/// The kernel name of a layer that residual networks do not have; `None` for their layers.
pub(super) fn name(header: &Header<'_>, conv: &Conv) -> Option<&'static str> {
    let shape = ConvShape::of_header(header, conv);
    let small = conv.geometry.kernel == [3, 3] && conv.activation != Activation::Prelu;
    match (conv.form, conv.kind) {
        (Form::Full, KernelKind::Flat) => Some("flat"),
        (Form::Full, KernelKind::Pointwise) => Some("tiled"),
        (Form::Full, KernelKind::Direct) if !conv.geometry.is_residual() => Some("window"),
        (Form::Full, _) => None,
        (Form::Depthwise, _) => Some(match shape.across() {
            1 if small => "depthwise",
            2 if small => "depthwise-2",
            _ => "depthwise-other",
        }),
        (Form::Dense, _) => Some("dense"),
        (Form::Maximum, _) => Some("maximum"),
        (Form::Average, _) if shape.sums_up() => Some("global"),
        (Form::Average, _) => Some("average"),
        (Form::Add, _) => Some("add"),
    }
}

/// Rows of a layer's input and rows of padding that its steps take.
pub(super) fn taken(shape: &ConvShape) -> [usize; 2] {
    let last = usize::from(shape.output.height).saturating_sub(1) * shape.stride();
    let all = last + shape.kernel_rows();
    let inside = usize::from(shape.input.height).min(all.saturating_sub(shape.above()));
    [inside, all.saturating_sub(inside)]
}

/// Loop counts of a layer of kernel `kernel`.
pub(super) fn layer(header: &Header<'_>, conv: &Conv, kernel: &'static str) -> Work {
    let shape = ConvShape::of_header(header, conv);
    let mut work: Work = Vec::new();
    let mut add = |each: &'static str, n: usize| work.push(((kernel, each), n as f64));
    add("call", 1);
    match kernel {
        "flat" => flat(&shape, conv, &mut add),
        "tiled" => tiled(header, conv, &mut add),
        "dense" => dense(&shape, conv, &mut add),
        "maximum" | "average" => pool(&shape, &mut add),
        "global" => global(&shape, &mut add),
        "add" => addition(&shape, conv, &mut add),
        _ => depthwise(&shape, &mut add),
    }
    if conv.form != Form::Dense && conv.form != Form::Add && rolls(header, conv) {
        add("rolled-row", usize::from(shape.output.height));
    }
    work
}

/// True for a layer of a rolled unit.
pub(super) fn rolls(header: &Header<'_>, conv: &Conv) -> bool {
    let before = |op: &Op| matches!(op, Op::Conv(c) if c.rolls && c.output == conv.input);
    conv.rolls || header.ops.iter().any(before)
}

/// The last tile of each of `pairs` rows of an output pair, if the row does not fill it.
pub(super) fn rest(pairs: usize, width: usize, add: &mut dyn FnMut(&'static str, usize)) {
    add("rest-tile", pairs * (width % TILE_PIXELS).min(1));
    add("rest-pixel", pairs * (width % TILE_PIXELS));
}

fn flat(shape: &ConvShape, conv: &Conv, add: &mut dyn FnMut(&'static str, usize)) {
    let (height, width) = (usize::from(shape.output.height), usize::from(shape.output.width));
    let outputs = usize::from(shape.output.channels).div_ceil(2);
    let tiles = height * outputs * width.div_ceil(TILE_PIXELS);
    add("row", height);
    add("row-pair", height * outputs);
    add("tile", tiles);
    add("tile-row", tiles * shape.kernel_rows());
    add("tile-tap", tiles * shape.kernel_rows() * shape.pairs());
    rest(height * outputs, width, add);
    let run = 2 * shape.pairs();
    let tiles = vectors([height, width, outputs], shape.kernel_rows() * run, add);
    add("vector-run", tiles * shape.kernel_rows() * run.div_ceil(16));
    let prelu = conv.activation == Activation::Prelu;
    add(if prelu { "pixel-prelu" } else { "pixel" }, height * width * outputs);
    let channels = usize::from(shape.input.channels).max(1);
    let run = channels * usize::from(conv.geometry.kernel[1]);
    let [inside, outside] = taken(shape);
    // A plane holds two neighbouring values of the run. Its words between the edges hold pixels alone.
    let across = shape.across().max(1);
    let (mut edges, mut words, mut odd) = (0, 0, 0);
    for plane in 0..run.div_ceil(2) {
        let [low, high] = [2 * plane, 2 * plane + 1].map(|at| at / channels);
        let first = shape.left().saturating_sub(low).div_ceil(across).min(width);
        let behind = (usize::from(shape.input.width) + shape.left()).saturating_sub(high);
        let end = behind.div_ceil(across).clamp(first, width);
        edges += first + width - end;
        words += end - first;
        odd += (end - first) % 2;
    }
    add("widen-row", inside);
    add("widen-call", inside * run.div_ceil(2));
    add("edge", inside * edges);
    add("image-word", inside * words);
    add("image-odd", inside * odd);
    add("outside", outside * shape.ring().row);
    add("fill", shape.ring_words());
}

fn tiled(header: &Header<'_>, conv: &Conv, add: &mut dyn FnMut(&'static str, usize)) {
    let own = ConvShape::of_header(header, conv);
    let shape = if rolls(header, conv) { own } else { own.folded() };
    let (height, width) = (usize::from(shape.output.height), usize::from(shape.output.width));
    let outputs = usize::from(shape.output.channels).div_ceil(2);
    let quads = padded(shape.input.channels) / 4;
    let (whole, rest) = (width / TILE_PIXELS, width % TILE_PIXELS);
    let pairs = height * outputs;
    let tiles = pairs * (whole + rest.min(1));
    add("row", height);
    add("row-pair", pairs);
    add("tile", tiles);
    add("rest-tile", pairs * rest.min(1));
    add("rest-pixel", pairs * rest);
    add("tile-tap", tiles * shape.pairs());
    add("tile-odd", tiles * (quads % 2));
    vectors([height, width, outputs], 4 * quads, add);
    match (conv.residual.is_some(), conv.activation == Activation::Prelu) {
        (false, false) => {}
        (true, false) => add("finish-residual", tiles),
        (false, true) => add("finish-prelu", tiles),
        (true, true) => add("finish-both", tiles),
    }
    if copies_residual(header, conv) {
        add("copy-word", height * shape.out_row());
    }
    add("widen-row", height);
    add("widen-call", height * quads);
    add("widen-tile", height * quads * whole);
    add("widen-rest", height * quads * rest);
    add("fill", shape.ring_words());
}

fn depthwise(shape: &ConvShape, add: &mut dyn FnMut(&'static str, usize)) {
    let (height, width) = (usize::from(shape.output.height), usize::from(shape.output.width));
    let channels = usize::from(shape.output.channels);
    let quads = padded(shape.input.channels) / 4;
    let rows = height * channels;
    let [kernel_rows, columns] = shape.geometry.kernel.map(usize::from);
    let [inside, outside] = taken(shape);
    add("row", height);
    add("row-channel", rows);
    add("pair", rows * (width / 2));
    add("odd", rows * (width % 2));
    add("pixel", rows * width);
    add("pixel-row", rows * width * kernel_rows);
    add("pixel-tap", rows * width * kernel_rows * columns);
    add("widen-row", inside);
    add("widen-call", inside * quads);
    let pixels = usize::from(shape.input.width) + shape.left() % 2;
    add("widen-pair", inside * quads * pixels.div_ceil(2));
    add("outside-row", outside);
    add("outside", outside * 4 * quads * shape.groups());
    add("fill", shape.ring_words());
}

fn dense(shape: &ConvShape, conv: &Conv, add: &mut dyn FnMut(&'static str, usize)) {
    let outputs = usize::from(shape.output.channels);
    add(if shape.image { "image-word" } else { "word" }, shape.in_words());
    add("output", outputs);
    if conv.activation == Activation::Prelu {
        add("output-prelu", outputs);
    }
    add("output-word", outputs * shape.in_words());
}

fn pool(shape: &ConvShape, add: &mut dyn FnMut(&'static str, usize)) {
    let (height, width) = (usize::from(shape.output.height), usize::from(shape.output.width));
    let maximum = shape.form == Form::Maximum;
    let channels =
        if maximum { padded(shape.output.channels) } else { usize::from(shape.output.channels) };
    let [rows, columns] = shape.geometry.kernel.map(usize::from);
    let end = shape.left() + usize::from(shape.input.width);
    let places = (0..width).flat_map(|x| (0..columns).map(move |kx| (x, kx)));
    let beside =
        |&(x, kx): &(usize, usize)| !(shape.left()..end).contains(&(x * shape.across() + kx));
    let outside_columns = places.filter(beside).count();
    let read = width * columns - outside_columns;
    let [inside, outside] = taken(shape);
    add("row", height);
    add("pixel", height * width);
    add("value", height * width * channels);
    add("value-column", height * channels * read);
    add("value-tap", height * channels * read * rows);
    add("value-beside", height * channels * outside_columns);
    add("widen-row", inside);
    add("widen-word", inside * shape.in_row());
    add("outside-row", outside);
    add("outside", outside * shape.in_row());
    add("fill", shape.ring_words());
}

fn global(shape: &ConvShape, add: &mut dyn FnMut(&'static str, usize)) {
    let (height, width) = (usize::from(shape.input.height), usize::from(shape.input.width));
    add("value", usize::from(shape.output.channels));
    add("widen-row", height);
    add("widen-pixel", height * width);
    add("widen-value", height * width * padded(shape.input.channels));
}

fn addition(shape: &ConvShape, conv: &Conv, add: &mut dyn FnMut(&'static str, usize)) {
    let height = usize::from(shape.output.height);
    let values = shape.output.len();
    add("row", height);
    add("word", height * shape.out_row());
    add("value", values);
    if conv.activation == Activation::Prelu {
        add("value-prelu", values);
    }
}
