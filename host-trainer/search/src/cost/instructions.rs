//! Instructions of an inference by a linear model on exact loop counts, read from a table file
//! that says where its coefficients come from. A modelled figure is never called counted.
//!
//! What a kernel does is a sum over its loops: so much for a call, for a row, for a tile, for a
//! tap of a tile. How often each runs is known from the shapes alone; what one round costs is
//! counted once per core by `supernano dev calibrate`.

use std::collections::BTreeMap;
use std::path::Path;

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::exec::ArenaPlan;
use supernano_core::graph::{Activation, Conv, Header, KernelKind, Op, padded};
use supernano_core::kernel::{ConvShape, TILE_PIXELS};

/// Rounds of each loop of an operation.
pub type Work = Vec<(Term, f64)>;

/// A loop: of which kernel, and which.
pub type Term = (&'static str, &'static str);

/// All terms that a table may hold.
pub const TERMS: &[(&str, &[&str])] = &[
    ("direct", CONV),
    ("strided", CONV),
    ("pointwise", CONV),
    ("winograd", TILES),
    ("winograd-online", TILES),
    ("classifier", &["call", "channel", "pixel", "class", "class-channel"]),
    ("image", &["call", "byte"]),
];
const CONV: &[&str] = &[
    "call",
    "row",
    "row-pair",
    "tile",
    "tile-row",
    "tile-tap",
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
const TILES: &[&str] = &[
    "call",
    "row",
    "row-pair",
    "row-pair-weight",
    "block",
    "block-input",
    "block-pair",
    "block-tap",
    "block-four",
    "block-eight",
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

/// What a network takes beside its blob and its arena, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overhead {
    /// Flash: code and constants of the runtime.
    pub code: u64,
    /// RAM: the deepest stack of an inference.
    pub stack: u64,
    /// RAM: statics beside the arena.
    pub statics: u64,
}

/// A table of one processor core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstructionTable {
    /// Core, such as `cortex-m4`.
    pub core: String,
    /// `instructions`, or `cycles` of a board: never the one for the other.
    pub unit: String,
    /// Clock of the board whose cycles were measured.
    pub clock_hz: Option<u64>,
    /// Counted operations that the coefficients were fitted to; 0 for an estimate.
    pub counted: usize,
    /// Counted networks that were not used to fit, and the largest error on them, a fraction.
    pub judged: usize,
    /// Largest error on those, a fraction of the count.
    pub largest_error: f64,
    /// Where the coefficients come from.
    pub provenance: String,
    /// What a network takes beside its blob and its arena.
    pub overhead: Overhead,
    /// Instructions of one round, `[kernel][loop]`.
    pub terms: BTreeMap<String, BTreeMap<String, f64>>,
}

/// How tables and reports name a kind of kernel.
pub const fn kernel_name(kind: KernelKind) -> &'static str {
    match kind {
        KernelKind::Winograd => "winograd",
        KernelKind::WinogradOnline => "winograd-online",
        _ => "direct",
    }
}

/// The work of an operation of a network.
pub fn work(header: &Header<'_>, op: &Op) -> Work {
    let shape = |id: u8| header.tensors[usize::from(id)].shape;
    match op {
        Op::Conv(conv) => convolution(header, conv),
        Op::Classifier(c) => {
            let (pixels, channels) =
                (shape(c.input).pixels() as f64, padded(shape(c.input).channels) as f64);
            let classes = f64::from(header.classes);
            [
                ("call", 1.0),
                ("channel", channels),
                ("pixel", pixels * channels),
                ("class", classes),
                ("class-channel", classes * channels),
            ]
            .map(|(what, n)| (("classifier", what), n))
            .into()
        }
    }
}

/// The work of putting an image of `bytes` bytes in place.
pub fn image_work(bytes: usize) -> Work {
    vec![(("image", "call"), 1.0), (("image", "byte"), bytes as f64)]
}

fn convolution(header: &Header<'_>, conv: &Conv) -> Work {
    let tensor = |id: u8| header.tensors[usize::from(id)].shape;
    let shape = ConvShape {
        input: tensor(conv.input),
        output: tensor(conv.output),
        kernel: conv.kernel,
        stride: conv.stride,
        kind: conv.kind,
    };
    let ring = shape.ring();
    let steps = usize::from(shape.output.height).div_ceil(shape.step());
    let (pairs, outputs) = (shape.pairs(), usize::from(shape.output.channels).div_ceil(2));
    let (width, kernel) = (usize::from(shape.output.width), usize::from(shape.kernel));
    let quads = padded(shape.input.channels) / 4;
    let pixels = usize::from(shape.output.height) * width * outputs;
    let finish = match (conv.residual.is_some(), conv.activation) {
        (false, Activation::Prelu) => "pixel-prelu",
        (true, Activation::Prelu) => "pixel-both",
        (true, _) => "pixel-residual",
        (false, _) => "pixel",
    };
    let height = usize::from(shape.input.height);
    let outside = 2 * shape.pad();
    let image = conv.input == 0;
    let name = match shape.kind {
        KernelKind::Direct if kernel == 1 => "pointwise",
        KernelKind::Direct if shape.stride > 1 => "strided",
        kind => kernel_name(kind),
    };
    let mut work: Work = vec![
        ((name, "call"), 1.0),
        ((name, "row"), steps as f64),
        ((name, "row-pair"), (steps * outputs) as f64),
        ((name, finish), pixels as f64),
    ];
    let mut add = |what: &'static str, n: usize| work.push(((name, what), n as f64));
    if shape.kind.winograd() {
        let blocks = steps * shape.blocks();
        add("block", blocks);
        add("block-input", blocks * pairs);
        add("block-pair", blocks * outputs);
        add("block-tap", blocks * outputs * pairs);
        // Dot products are unrolled by four pairs or by eight, as the core has registers.
        add("block-four", blocks * outputs * pairs.div_ceil(4));
        add("block-eight", blocks * outputs * pairs.div_ceil(8));
        if shape.kind == KernelKind::WinogradOnline {
            add("row-pair-weight", steps * outputs * pairs);
        }
    } else {
        let tiles = steps * outputs * width.div_ceil(TILE_PIXELS);
        add("tile", tiles);
        add("tile-row", tiles * kernel);
        add("tile-tap", tiles * kernel * kernel * pairs);
    }
    if copied(header, conv) {
        add("copy-word", usize::from(shape.output.height) * shape.out_row());
    }
    // A projection reads the rows that its block's first convolution has widened.
    if kernel > 1 {
        add("widen-row", height);
        add(
            if image { "image-word" } else { "widen-word" },
            height * usize::from(shape.input.width) * quads,
        );
        add("widen-call", height * quads * ring.phases);
        add("outside", outside * ring.row);
        add("fill", ring.row * ring.rows);
    }
    work
}

/// True where a residual does not lie where the output will, and is copied there first. One that
/// a projection makes is made in place; nothing but the sum reads it.
fn copied(header: &Header<'_>, conv: &Conv) -> bool {
    let Some(residual) = conv.residual else { return false };
    let read = |op: &Op| matches!(op, Op::Conv(c) if c.input == residual);
    if !header.ops.iter().any(read) {
        return false;
    }
    let plan = ArenaPlan::of_header(header);
    plan.tensor_at(residual) != plan.tensor_at(conv.output)
}

impl InstructionTable {
    /// The tables that come with the crate: names of cores and their texts.
    const SHIPPED: [(&'static str, &'static str); 5] = [
        ("cortex-m0", include_str!("../../tables/cortex-m0.toml")),
        ("cortex-m3", include_str!("../../tables/cortex-m3.toml")),
        ("cortex-m4", include_str!("../../tables/cortex-m4.toml")),
        ("cortex-m7", include_str!("../../tables/cortex-m7.toml")),
        ("cortex-m33", include_str!("../../tables/cortex-m33.toml")),
    ];

    /// The table of a core.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a core without one.
    pub fn of_core(core: &str) -> Result<Self> {
        let Some((name, text)) = Self::SHIPPED.iter().find(|(name, _)| *name == core) else {
            let known = Self::SHIPPED.map(|(name, _)| name).join(", ");
            return Err(Error::invalid(
                "instruction table",
                "core",
                format!("one of {known}"),
                core,
            ));
        };
        Self::parse(text, &format!("{name}.toml"))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Invalid`] naming the file and the field.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let text = String::from_utf8(files::read(path)?)
            .map_err(|e| Error::invalid(&place, "encoding", "UTF-8", e))?;
        Self::parse(&text, &place)
    }

    fn parse(text: &str, place: &str) -> Result<Self> {
        let table: Self = toml::from_str(text).map_err(|e| {
            Error::invalid(place, "TOML", "an instruction table", e.to_string().trim())
        })?;
        if !(table.unit == "instructions" || table.unit == "cycles") {
            return Err(Error::invalid(place, "unit", "`instructions` or `cycles`", &table.unit));
        }
        if table.unit == "cycles" && table.clock_hz.is_none_or(|hertz| hertz == 0) {
            let found = format!("{:?}", table.clock_hz);
            return Err(Error::invalid(place, "clock_hz", "the board's clock", found));
        }
        if table.terms.contains_key("direct") && !table.terms.contains_key("strided") {
            let expected = "terms of this version: calibrate again";
            return Err(Error::invalid(place, "terms.strided", expected, "none"));
        }
        for (kernel, row) in &table.terms {
            let known = TERMS.iter().find(|(name, _)| name == kernel).map_or(&[][..], |t| t.1);
            for (what, value) in row {
                if !known.contains(&what.as_str()) {
                    let field = format!("terms.{kernel}.{what}");
                    return Err(Error::invalid(place, field, "a term of this version", "another"));
                }
                if !value.is_finite() {
                    let field = format!("terms.{kernel}.{what}");
                    return Err(Error::invalid(place, field, "a finite number", value));
                }
            }
        }
        Ok(table)
    }

    /// True for cycles that were measured on a board.
    pub fn is_cycles(&self) -> bool {
        self.unit == "cycles"
    }

    /// True where the table says what this kernel costs.
    pub fn knows(&self, kind: KernelKind) -> bool {
        self.terms.contains_key(kernel_name(kind))
    }

    /// Modelled instructions of some work, at least 0.
    pub fn instructions(&self, work: &Work) -> f64 {
        let cost = |(kernel, what): &Term| {
            self.terms.get(*kernel).and_then(|row| row.get(*what)).copied().unwrap_or(0.0)
        };
        work.iter().map(|(term, n)| cost(term) * n).sum::<f64>().max(0.0)
    }

    /// Modelled instructions of one operation, a whole number.
    pub fn operation(&self, header: &Header<'_>, op: &Op) -> u64 {
        self.instructions(&work(header, op)).round() as u64
    }

    /// Modelled instructions of putting the image in place.
    pub fn image(&self, header: &Header<'_>) -> u64 {
        self.instructions(&image_work(header.input().len())).round() as u64
    }

    /// Modelled instructions of one inference.
    pub fn network(&self, header: &Header<'_>) -> u64 {
        let ops: u64 = header.ops.iter().map(|op| self.operation(header, op)).sum();
        self.image(header) + ops
    }

    /// Fits the terms to counted work by least squares of the relative error. Kernels that were
    /// not counted keep this table's terms.
    pub fn fitted(&self, counts: &[(Work, u64)]) -> Self {
        let mut fitted = Self { counted: counts.len(), ..self.clone() };
        for &(kernel, _) in TERMS {
            let own: Vec<&(Work, u64)> =
                counts.iter().filter(|(w, n)| w[0].0.0 == kernel && *n > 0).collect();
            if !own.is_empty() {
                fitted.terms.insert(kernel.to_owned(), fit(&own));
            }
        }
        fitted
    }
}

/// Least squares of the relative error; of terms that always occur together the sum is what counts.
fn fit(counts: &[&(Work, u64)]) -> BTreeMap<String, f64> {
    let mut names: Vec<&'static str> =
        counts.iter().flat_map(|(work, _)| work.iter().map(|(term, _)| term.1)).collect();
    names.sort_unstable();
    names.dedup();
    let share = |i: usize, name: &str| {
        let (work, count) = counts[i];
        let rounds: f64 = work.iter().filter(|(t, _)| t.1 == name).map(|(_, n)| n).sum();
        rounds / *count as f64
    };
    // Columns of comparable size, or the large ones drown the small ones.
    let scale: Vec<f64> = names
        .iter()
        .map(|name| (0..counts.len()).map(|i| share(i, name)).fold(1e-30, f64::max))
        .collect();
    let x = DMatrix::from_fn(counts.len(), names.len(), |i, j| share(i, names[j]) / scale[j]);
    let target = DVector::from_element(counts.len(), 1.0);
    let solution = x.svd(true, true).solve(&target, 1e-7);
    let value = |j: usize| solution.as_ref().map_or(0.0, |s| s[j] / scale[j]);
    names.iter().enumerate().map(|(j, name)| ((*name).to_owned(), value(j))).collect()
}

#[cfg(test)]
mod tests;
