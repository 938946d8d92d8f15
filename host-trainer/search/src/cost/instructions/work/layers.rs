//! Loop counts of the layers that residual networks do not have.

use supernano_core::graph::{Activation, Conv, Form, Header, KernelKind, Op, padded};
use supernano_core::kernel::{ConvShape, TILE_PIXELS, depthwise_row_words};

use super::{VECTORS, Work, copied, copies_residual, vectors};

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
        _ => depthwise(&shape, conv.activation == Activation::Prelu, &mut add),
    }
    if conv.form != Form::Dense && conv.form != Form::Add {
        rolled(header, conv, &mut add);
    }
    work
}

/// Rows that a layer of a rolled unit makes and takes. The first layer of a unit makes them for the
/// layer behind it, the last one writes them to a tensor, and one between them does both.
pub(super) fn rolled(header: &Header<'_>, conv: &Conv, add: &mut dyn FnMut(&'static str, usize)) {
    if rolls(header, conv) {
        let shape = ConvShape::of_header(header, conv);
        let [inside, outside] = taken(&shape);
        let rows = usize::from(shape.output.height);
        add("rolled-row", rows);
        add("rolled-taken", inside + outside);
        if !rolls_into(header, conv) {
            add("rolled-first", rows);
        } else if !conv.rolls {
            add("rolled-last", rows);
        }
    }
}

/// True for a layer of a rolled unit.
pub(super) fn rolls(header: &Header<'_>, conv: &Conv) -> bool {
    conv.rolls || rolls_into(header, conv)
}

/// True if the layer before rolls into this one.
fn rolls_into(header: &Header<'_>, conv: &Conv) -> bool {
    header.ops.iter().any(|op| matches!(op, Op::Conv(c) if c.rolls && c.output == conv.input))
}

/// Those of `pairs` rows of an output pair that have a whole tile or block of `columns` pixels.
pub(super) fn whole(
    pairs: usize,
    width: usize,
    columns: usize,
    add: &mut dyn FnMut(&'static str, usize),
) {
    add("whole-row", if width < columns { 0 } else { pairs });
}

/// Rows of outputs whose window the ring buffer divides in two runs.
pub(super) fn divided(shape: &ConvShape) -> usize {
    let rows = shape.kernel_rows().max(1);
    (0..usize::from(shape.output.height))
        .filter(|y| !(y * shape.stride()).is_multiple_of(rows))
        .count()
}

/// The tiles of `pairs` rows of an output pair of a flat or pointwise convolution. Without residual and
/// PReLU, one or two pixels behind the whole tiles take a tile of their own.
fn tiles(
    pairs: usize,
    width: usize,
    planes: usize,
    plain: bool,
    add: &mut dyn FnMut(&'static str, usize),
) -> usize {
    let small = if plain && width % TILE_PIXELS < 3 { width % TILE_PIXELS } else { 0 };
    let tiles = pairs * (width - small).div_ceil(TILE_PIXELS);
    add("tile", tiles);
    add("tile-tap", tiles * planes);
    for (size, tile, tap) in [(1, "small-one", "small-one-tap"), (2, "small-two", "small-two-tap")]
    {
        let tiles = if small == size { pairs } else { 0 };
        add(tile, tiles);
        add(tap, tiles * planes);
    }
    rest(pairs, width - small, add);
    tiles
}

/// The last tile of each of `pairs` rows of an output pair, if the row does not fill it.
pub(super) fn rest(pairs: usize, width: usize, add: &mut dyn FnMut(&'static str, usize)) {
    add("rest-tile", pairs * (width % TILE_PIXELS).min(1));
    add("rest-pixel", pairs * (width % TILE_PIXELS));
}

fn flat(shape: &ConvShape, conv: &Conv, add: &mut dyn FnMut(&'static str, usize)) {
    let (height, width) = (usize::from(shape.output.height), usize::from(shape.output.width));
    let outputs = usize::from(shape.output.channels).div_ceil(2);
    let prelu = conv.activation == Activation::Prelu;
    add("row", height);
    add("row-pair", height * outputs);
    let planes = shape.kernel_rows() * shape.pairs();
    let tiles = tiles(height * outputs, width, planes, !prelu, add);
    let of_row = outputs * width.div_ceil(TILE_PIXELS);
    add("tile-second", of_row * divided(shape));
    add("tile-odd", of_row * odd_runs(shape));
    whole(height * outputs, width, TILE_PIXELS, add);
    let run = 2 * shape.pairs();
    if keeps_bytes(shape) {
        let tiles = vectors([height, width, outputs], shape.kernel_rows() * run, add);
        add("vector-run", tiles * shape.kernel_rows() * run.div_ceil(16));
    }
    add(if prelu { "pixel-prelu" } else { "pixel" }, height * width * outputs);
    // Assembly requantises whole tiles.
    add("tile-prelu", if prelu { tiles } else { 0 });
    let channels = usize::from(shape.input.channels).max(1);
    let run = channels * usize::from(conv.geometry.kernel[1]);
    let [inside, outside] = taken(shape);
    // A plane holds two neighbouring values of the run. Its words between the edges hold pixels alone.
    let across = shape.across().max(1);
    let (mut edges, mut words, mut whole, mut heads) = (0, 0, 0, 0);
    for plane in 0..run.div_ceil(2) {
        let [low, high] = [2 * plane, 2 * plane + 1].map(|at| at / channels);
        let first = shape.left().saturating_sub(low).div_ceil(across).min(width);
        let behind = (usize::from(shape.input.width) + shape.left()).saturating_sub(high);
        let end = behind.div_ceil(across).clamp(first, width);
        edges += first + width - end;
        let head = ((TILE_PIXELS - first % TILE_PIXELS) % TILE_PIXELS).min(end - first);
        whole += (end - first - head) / TILE_PIXELS;
        words += head + (end - first - head) % TILE_PIXELS;
        heads += head.min(1);
    }
    add("widen-row", inside);
    add("widen-call", inside * run.div_ceil(2));
    add("edge", inside * edges);
    add("image-word", inside * words);
    add("image-tile", inside * whole);
    add("image-head", inside * heads);
    add("vector-image", inside * (usize::from(shape.input.width) * channels).div_ceil(8));
    add("outside", outside * shape.ring().row);
    add("fill", shape.ring_words());
}

/// Runs of a tile, over all rows of outputs, whose planes are an odd number of pairs.
fn odd_runs(shape: &ConvShape) -> usize {
    let (rows, pairs) = (shape.kernel_rows().max(1), shape.pairs());
    let of_row = |y: usize| {
        let top = y * shape.stride() % rows;
        (rows - top) * pairs / 2 % 2 + top * pairs / 2 % 2
    };
    (0..usize::from(shape.output.height)).map(of_row).sum()
}

/// True if a Helium core keeps the rows of a flat convolution as bytes: the ring buffer has room for them
/// and for the columns of two pixels.
fn keeps_bytes(shape: &ConvShape) -> bool {
    let channels = usize::from(shape.input.channels);
    let inside = (shape.left() + usize::from(shape.input.width)) * channels;
    let last = usize::from(shape.output.width).saturating_sub(1) * shape.across() * channels;
    let row = inside.max(last + 2 * shape.pairs()).div_ceil(4);
    shape.kernel_rows() * (row + shape.pairs()) <= shape.ring_words()
}

fn tiled(header: &Header<'_>, conv: &Conv, add: &mut dyn FnMut(&'static str, usize)) {
    let own = ConvShape::of_header(header, conv);
    let shape = if rolls(header, conv) { own } else { own.folded() };
    let (height, width) = (usize::from(shape.output.height), usize::from(shape.output.width));
    let outputs = usize::from(shape.output.channels).div_ceil(2);
    let quads = padded(shape.input.channels) / 4;
    let (whole, rest) = (width / TILE_PIXELS, width % TILE_PIXELS);
    let pairs = height * outputs;
    add("row", height);
    add("row-pair", pairs);
    let prelu = conv.activation == Activation::Prelu;
    let plain = conv.residual.is_none() && !prelu;
    let tiles = tiles(pairs, width, shape.pairs(), plain, add);
    add("tile-odd", pairs * width.div_ceil(TILE_PIXELS) * (quads % 2));
    vectors([height, width, outputs], 4 * quads, add);
    copied(height, width * quads, add);
    match (conv.residual.is_some(), prelu) {
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

fn depthwise(shape: &ConvShape, prelu: bool, add: &mut dyn FnMut(&'static str, usize)) {
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
    // Tiles of four pixels leave a rest, whose cost depends on its size.
    add("rest-one", rows * usize::from(width % 4 == 1));
    add("rest-two", rows * usize::from(width % 4 == 2));
    add("rest-three", rows * usize::from(width % 4 == 3));
    add("pixel", rows * width);
    add("pixel-row", rows * width * kernel_rows);
    add("pixel-tap", rows * width * kernel_rows * columns);
    // Kernels other than 3 x 3 add up the words under a group of pixels: two, or one with stride 2.
    let together = if shape.across() == 1 { 2 } else { 1 };
    let groups = rows * width.div_ceil(together);
    let steps = kernel_rows * (depthwise_row_words(columns as u8) + 1);
    add("channel-step", rows * steps);
    add("group", groups);
    add("group-step", groups * steps);
    add("group-odd", groups * (steps % 2));
    add("group-second", groups * steps * (together - 1));
    add("widen-row", inside);
    add("widen-call", inside * quads);
    let pixels = usize::from(shape.input.width) + shape.left() % 2;
    add("widen-pair", inside * quads * pixels.div_ceil(2));
    if shape.geometry.kernel == [3, 3] && !prelu {
        add(VECTORS, 1);
    }
    add("vector-quad", height * quads);
    add("vector-pixel", height * quads * width);
    // The last channels have numbers of their own if they are no four.
    add("vector-partial", height * (channels % 4).min(1));
    // Rows are widened by two words of a pixel at a time, and a last one.
    let pixels = usize::from(shape.input.width);
    add("vector-two-quads", inside * (quads / 2));
    add("vector-two-pixels", inside * (quads / 2) * pixels);
    add("vector-one-quad", inside * (quads % 2));
    add("vector-one-pixel", inside * (quads % 2) * pixels);
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
    add("output-odd", outputs * (shape.in_words() % 2));
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
    if maximum {
        add(VECTORS, 1);
    }
    add("vector-tap", height * read * rows);
    add("vector-part", height * read * rows * padded(shape.input.channels).div_ceil(16));
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
    add(VECTORS, 1);
    add("vector-word", height * padded(shape.input.channels) / 4);
    add("vector-pixel", height * width * padded(shape.input.channels) / 4);
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
