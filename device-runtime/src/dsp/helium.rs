//! Convolutions over all channels with Helium, the vector extension of Armv8.1-M: `helium.s`.
//!
//! [`row`] and [`flat`] prove the contract of the routine, then call it for the output pairs in twos and
//! once more for a last pair. [`columns`] holds depthwise convolutions, pools and images. Winograd's algorithm does not pay with Helium: it needs 2.25 times fewer
//! products, but a vector holds half as many of its 16-bit factors.

pub(super) mod columns;

use core::mem::offset_of;

use supernano_core::graph::{KernelKind, KernelSet, padded};
use supernano_core::kernel::{ByteRows, ConvTask, FinishKind, FlatRows, param_rows};

/// Arguments of the row routine. `helium.s` copies them to its stack in this order.
#[repr(C)]
struct RowCall {
    /// Room for the routine: outputs of a tile.
    outs: [*mut i8; 2],
    /// Columns of the two pixels of a tile, if they are gathered; else room for the routine.
    columns: [*mut u32; 2],
    /// Whole vectors of a column.
    steps: usize,
    /// Bytes behind them.
    tail: usize,
    /// Weights of the first output pair.
    weights: *const u32,
    /// Parameters of the first output.
    params: *const i32,
    /// End of the biases.
    end: *const i32,
    /// Bytes of the weights of an output pair; 0 for a single pair.
    pair: usize,
    /// Bytes of a row of parameters.
    param_row: usize,
    /// Zero point of the output.
    zero: i32,
    /// Form of the requantisation.
    kind: FinishKind,
    /// Pixels to make.
    left: usize,
    /// Pixels of a tile, 1 or 2.
    width: usize,
    /// Outputs of the first pixel.
    out: *mut i8,
    /// Bytes from there to those of the second pixel; 0 in tiles of one pixel.
    out_ahead: usize,
    /// Bytes to the outputs of the next tile.
    out_next: usize,
    /// Offset of the first pixel in the rows.
    source: usize,
    /// Bytes from there to the second pixel; 0 in tiles of one pixel.
    ahead: usize,
    /// Bytes to the next tile.
    next: usize,
    /// Kernel rows. Of a flat convolution: the first one, the end of all, and the bytes of all.
    rows: [*const i8; 3],
    /// 1 if the routine gathers the columns of a 3x3 kernel.
    gather: usize,
    /// Groups of 16 channels. Without `gather`, the bytes of a row of a flat convolution, or 0 if
    /// `rows[0]` holds columns.
    chunks: usize,
    /// Vectors of the channels behind them. Of a flat convolution, the bytes of a run.
    last: usize,
    /// Halfwords of the last of these vectors. Of a flat convolution, the kernel rows.
    lanes: usize,
    /// Bytes of the last vector behind the halfwords, or behind the run.
    excess: usize,
    /// Bytes of a pixel.
    pixel: usize,
    unused: [u32; 2],
}

// The offsets `H_..` of `helium.s`.
const _: () = {
    assert!(offset_of!(RowCall, outs) == 0);
    assert!(offset_of!(RowCall, columns) == 8);
    assert!(offset_of!(RowCall, steps) == 16);
    assert!(offset_of!(RowCall, tail) == 20);
    assert!(offset_of!(RowCall, weights) == 24);
    assert!(offset_of!(RowCall, params) == 28);
    assert!(offset_of!(RowCall, end) == 32);
    assert!(offset_of!(RowCall, pair) == 36);
    assert!(offset_of!(RowCall, param_row) == 40);
    assert!(offset_of!(RowCall, zero) == 44);
    assert!(offset_of!(RowCall, kind) == 48);
    assert!(offset_of!(RowCall, left) == 52);
    assert!(offset_of!(RowCall, width) == 56);
    assert!(offset_of!(RowCall, out) == 60);
    assert!(offset_of!(RowCall, out_ahead) == 64);
    assert!(offset_of!(RowCall, out_next) == 68);
    assert!(offset_of!(RowCall, source) == 72);
    assert!(offset_of!(RowCall, ahead) == 76);
    assert!(offset_of!(RowCall, next) == 80);
    assert!(offset_of!(RowCall, rows) == 84);
    assert!(offset_of!(RowCall, gather) == 96);
    assert!(offset_of!(RowCall, chunks) == 100);
    assert!(offset_of!(RowCall, last) == 104);
    assert!(offset_of!(RowCall, lanes) == 108);
    assert!(offset_of!(RowCall, excess) == 112);
    assert!(offset_of!(RowCall, pixel) == 116);
    assert!(size_of::<RowCall>() == 128);
};

// The routines follow the C calling convention and read and write nothing but the memory listed
// here and 276 bytes of stack.
unsafe extern "C" {
    // Computes `left` pixels for four outputs at every 16 bytes from `params` to `end`. With
    // `k = 16 * steps + tail`, the caller guarantees that
    //
    // - `left` is at least 1, `tail` is 0, 4, 8 or 12, and `k` is at least 4;
    // - `weights` holds `2 * k` bytes for each two outputs, or for the only pair if `pair` is 0;
    // - every row of parameters that `kind` reads, at every `param_row` bytes from `params` on,
    //   holds four numbers for each four outputs;
    // - every pixel of `out` has a writable byte for each output;
    // - without `gather` and `chunks`, `rows[0]` holds `k` bytes at the offset of every pixel;
    // - without `gather`, with `chunks`, `k` is `lanes` times `last`, neither is 0, `columns` have room
    //   for `k` bytes each, and `rows[0]` is the first of `lanes` rows of `chunks` bytes, which follow
    //   each other cyclically before `rows[1]` and hold `last` bytes at the offset of every pixel;
    //   `rows[2]` counts the bytes of these rows;
    // - with `gather`, `k` is 9 times the bytes of a pixel, `columns` have room for `k` bytes each,
    //   `rows` hold the inputs of a 3x3 kernel at the offset of every pixel, `chunks`, `last`,
    //   `lanes` and `excess` describe the channels of a pixel of `pixel` bytes.
    fn supernano_byte_row(call: *const RowCall);

    // Copies words and exchanges their two middle bytes. The caller guarantees that `source` and
    // `row` hold `words` words.
    fn supernano_byte_order(source: *const u32, row: *mut u32, words: usize);
}

/// Copies words and exchanges their two middle bytes.
#[inline(always)]
pub(super) fn order(source: &[u32], row: &mut [u32]) {
    let words = source.len().min(row.len());
    // SAFETY: `words` is at most the length of both slices.
    unsafe { supernano_byte_order(source.as_ptr(), row.as_mut_ptr(), words) }
}

/// Computes a row of a direct or a pointwise convolution, where `SET` has its kernel.
#[inline(never)]
pub(super) fn row<const SET: u32>(
    task: &ConvTask<'_>,
    rows: &ByteRows<'_>,
    columns: &mut [u32],
    out: &mut [i8],
) {
    let (kernel, stride, pixel) = (rows.kernel(), rows.stride(), rows.pixel());
    let set = KernelSet::from_bits(SET);
    let column = rows.column();
    let gathered = if kernel == 1 { 0 } else { (columns.len() * 4 / column.max(1)).min(2) };
    let linked = match task.shape.kind {
        KernelKind::Pointwise => set.pointwise() && kernel == 1,
        _ => set.direct(kernel as u8, stride as u8),
    };
    let width = if kernel == 1 { 2 } else { gathered };
    let Some(mut call) = call(task, column, width, columns, out) else { return };
    let pixels = call.left;
    if !linked || !rows.holds(pixels) {
        return;
    }
    let vectors = pixel % 16 * 3 / 2;
    let lanes = if vectors % 8 == 0 { 8 } else { vectors % 8 };
    let start = |ky: usize| rows.bytes().as_ptr().wrapping_add(rows.start(ky));
    call.ahead = (width - 1) * stride * pixel;
    call.next = width * stride * pixel;
    call.rows = [0, 1, 2].map(|ky: usize| start(ky.min(kernel - 1)));
    call.gather = usize::from(kernel == 3);
    call.chunks = if kernel == 3 { pixel / 16 } else { 0 };
    (call.last, call.lanes, call.excess) = (vectors.div_ceil(8), lanes, (8 - lanes) * 2);
    call.pixel = pixel;
    let pairs = task.weight_shape().output_pairs();
    if kernel <= 3 {
        // SAFETY: `call`, `rows.holds` and the fields above, as `outputs` wants them.
        unsafe { outputs(&mut call, task, pairs) }
        return;
    }
    let pitch = padded(task.shape.output.channels);
    (call.next, call.ahead) = (0, (width - 1) * column);
    for x in (0..pixels).step_by(width.max(1)) {
        call.left = width.min(pixels - x);
        let words = columns.chunks_exact_mut((column / 4).max(1));
        for (i, column) in words.take(call.left).enumerate() {
            rows.gather(x + i, bytemuck::cast_slice_mut(column));
        }
        call.rows = [columns.as_ptr().cast(); 3];
        call.out = out.as_mut_ptr().wrapping_add(x * pitch);
        // SAFETY: `call` and the fields above, as `outputs` wants them; `columns` holds `gathered`
        // columns, which is `width`.
        unsafe { outputs(&mut call, task, pairs) }
    }
}

/// Computes a row of a flat convolution, where `SET` has its kernel.
#[inline(never)]
pub(super) fn flat<const SET: u32>(
    task: &ConvTask<'_>,
    rows: &FlatRows<'_>,
    columns: &mut [u32],
    out: &mut [i8],
) {
    let (run, kernel_rows, bytes) = (rows.run(), rows.kernel_rows(), rows.bytes());
    let column = run * kernel_rows;
    let width = (columns.len() * 4 / column.max(1)).min(2);
    let Some(mut call) = call(task, column, width, columns, out) else { return };
    if !KernelSet::from_bits(SET).flat() || !rows.holds(call.left) {
        return;
    }
    let first = bytes.as_ptr();
    call.ahead = (width - 1) * rows.step();
    call.next = width * rows.step();
    let end = first.wrapping_add(bytes.len());
    call.rows =
        [first.wrapping_add(rows.start(0)), end, core::ptr::without_provenance(bytes.len())];
    (call.chunks, call.last, call.lanes) = (rows.row(), run, kernel_rows);
    call.excess = run.next_multiple_of(16) - run;
    // SAFETY: `call`, `rows.holds` and the fields above, as `outputs` wants them; `rows` has no row
    // and no run without bytes, and the bytes of `kernel_rows` rows.
    unsafe { outputs(&mut call, task, task.weight_shape().output_pairs()) }
}

/// The arguments for a row of outputs whose columns have `column` bytes, in tiles of `width` pixels;
/// `None` if weights, parameters, outputs or the columns of a tile are too few. Fields that describe
/// the inputs are 0.
#[inline(always)]
fn call(
    task: &ConvTask<'_>,
    column: usize,
    width: usize,
    columns: &mut [u32],
    out: &mut [i8],
) -> Option<RowCall> {
    let shape = task.weight_shape();
    let pairs = shape.output_pairs();
    let words = match task.shape.kind {
        KernelKind::Flat => shape.flat().words_per_pair(),
        _ => shape.words_per_pair(),
    };
    let pixels = usize::from(task.shape.output.width);
    let pitch = padded(task.shape.output.channels);
    let kind = FinishKind::of(task.residual_at.is_some(), task.activation);
    let fits = task.weights.len() >= pairs * words
        && words * 2 == column
        && task.params.len() >= param_rows(kind) * 2 * pairs
        && out.len() >= pixels * pitch
        && pitch >= 2 * pairs
        && width > 0
        && pixels > 0
        && pairs > 0;
    let base = columns.as_mut_ptr();
    fits.then(|| RowCall {
        outs: [core::ptr::null_mut(); 2],
        columns: [base, base.wrapping_add((width - 1) * column / 4)],
        steps: column / 16,
        tail: column % 16,
        weights: task.weights.as_ptr(),
        params: task.params.as_ptr(),
        end: task.params.as_ptr(),
        pair: 0,
        param_row: 0,
        zero: i32::from(task.output_zero),
        kind,
        left: pixels,
        width,
        out: out.as_mut_ptr(),
        out_ahead: (width - 1) * pitch,
        out_next: width * pitch,
        source: 0,
        ahead: 0,
        next: 0,
        rows: [core::ptr::null(); 3],
        gather: 0,
        chunks: 0,
        last: 0,
        lanes: 0,
        excess: 0,
        pixel: 0,
        unused: [0; 2],
    })
}

/// Computes all outputs of the pixels of a call: of the output pairs in twos, then of a last pair.
///
/// # Safety
/// `task.weights` holds the weights and `task.params` the parameters of `pairs` output pairs. `call`
/// meets the contract of the routine in all fields but those that this function sets, for as many
/// outputs as a pixel of the output has bytes, which are at least two for each pair. `call.out` is
/// the first of them.
unsafe fn outputs(call: &mut RowCall, task: &ConvTask<'_>, pairs: usize) {
    let fours = pairs / 2;
    let pair = (16 * call.steps + call.tail) * 2;
    call.weights = task.weights.as_ptr();
    if fours > 0 {
        call.params = task.params.as_ptr();
        call.end = call.params.wrapping_add(fours * 4);
        (call.pair, call.param_row) = (pair, pairs * 8);
        // SAFETY: the contract of this function; `fours` counts whole twos of the output pairs, so
        // weights and every row of parameters hold them.
        unsafe { supernano_byte_row(call) }
    }
    if pairs % 2 == 0 {
        return;
    }
    let mut params = [[0; 4]; 4];
    for (to, from) in params.iter_mut().zip(task.params.chunks_exact((pairs * 2).max(1))) {
        for (to, &from) in to.iter_mut().zip(from.get(fours * 4..).unwrap_or_default()) {
            *to = from;
        }
    }
    call.params = params.as_flattened().as_ptr();
    call.end = call.params.wrapping_add(4);
    call.weights = call.weights.wrapping_add(fours * pair / 2);
    call.out = call.out.wrapping_add(fours * 4);
    (call.pair, call.param_row) = (0, 16);
    // SAFETY: the contract of this function; `weights` holds one more pair, `params` has four rows
    // of four numbers. The outputs of a pixel are a multiple of 4, so the last pair has four bytes.
    unsafe { supernano_byte_row(call) }
}
