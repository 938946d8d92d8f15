//! Requantisation of four pixels at a time.

use safe_arch::{
    add_i32_m128i, add_i64_m128i, bitand_m128i, bitor_m128i, get_i64_from_m128i_s, m128i,
    mul_widen_u32_odd_m128i, pack_i16_to_i8_m128i, pack_i32_to_i16_m128i, set_splat_i32_m128i,
    set_splat_i64_m128i, shl_imm_u64_m128i, shr_imm_i32_m128i, shr_imm_u64_m128i,
    shuffle_ai_f32_all_m128i, sub_i32_m128i, unpack_low_i8_m128i,
};

use crate::kernel::finish::{Finish, PairRow};

/// Requantises the sums of both outputs for pixels `x .. x + 4`, up to the end of the row.
#[expect(clippy::indexing_slicing, reason = "the arrays have two elements, and `half` is 0 or 1")]
#[inline(always)]
pub(super) fn four(finish: &Finish, sums: [m128i; 2], out: &mut PairRow<'_>, x: usize) {
    let mut sums = sums;
    if finish.kind.residual() {
        let (mut first, mut second) = ([0; 4], [0; 4]);
        for (i, (first, second)) in first.iter_mut().zip(&mut second).enumerate() {
            let [a, b] = out.pixel(x + i).copied().unwrap_or_default();
            *first = i32::from(a).wrapping_mul(finish.residual[0]);
            *second = i32::from(b).wrapping_mul(finish.residual[1]);
        }
        sums[0] = add_i32_m128i(sums[0], bytemuck::cast(first));
        sums[1] = add_i32_m128i(sums[1], bytemuck::cast(second));
    }
    let zero = set_splat_i32_m128i(finish.zero);
    let requantise = |half: usize| {
        let sum = sums[half];
        let mut factor = set_splat_i32_m128i(finish.positive[half]);
        if finish.kind.prelu() {
            let other = finish.negative[half].wrapping_sub(finish.positive[half]);
            let other = bitand_m128i(shr_imm_i32_m128i::<31>(sum), set_splat_i32_m128i(other));
            factor = add_i32_m128i(factor, other);
        }
        add_i32_m128i(zero, mulr(sum, factor))
    };
    let words = pack_i32_to_i16_m128i(requantise(0), requantise(1));
    let bytes = pack_i16_to_i8_m128i(words, words);
    let pairs = unpack_low_i8_m128i(bytes, shuffle_ai_f32_all_m128i::<0b01_01_01_01>(bytes));
    let pairs: [[i8; 2]; 4] = bytemuck::cast(get_i64_from_m128i_s(pairs));
    for (i, pair) in pairs.into_iter().enumerate() {
        if let Some(pixel) = out.pixel(x + i) {
            *pixel = pair;
        }
    }
}

/// [`crate::quant::mulr`] in four lanes: unsigned products whose high words are corrected for the
/// signs.
#[inline(always)]
fn mulr(a: m128i, m: m128i) -> m128i {
    let half = set_splat_i64_m128i(1 << 31);
    let even = add_i64_m128i(mul_widen_u32_odd_m128i(a, m), half);
    let high = |v: m128i| shr_imm_u64_m128i::<32>(v);
    let odd = add_i64_m128i(mul_widen_u32_odd_m128i(high(a), high(m)), half);
    let unsigned = bitor_m128i(high(even), shl_imm_u64_m128i::<32>(high(odd)));
    let sign = |v: m128i| shr_imm_i32_m128i::<31>(v);
    let excess = add_i32_m128i(bitand_m128i(sign(a), m), bitand_m128i(sign(m), a));
    sub_i32_m128i(unsigned, excess)
}
