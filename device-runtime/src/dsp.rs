//! Kernels for this core: the DSP extension of Cortex-M4, M7 and M33 where there is one.

use supernano_core::kernel::{MicroKernel, Packed, Scalar, Sums, Window};

/// Name of the kernels that [`kernels`] gives.
pub const KERNELS: &str = if cfg!(supernano_dsp) { "dsp" } else { "scalar" };

/// The fastest kernels of this core.
pub fn kernels() -> Packed<Dsp> {
    Packed(Dsp)
}

/// SMLAD, SXTB16 and SMMULR where the core has them, plain code elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dsp;

#[cfg(not(supernano_dsp))]
impl MicroKernel for Dsp {
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
    }
}

#[cfg(supernano_dsp)]
mod tiles {
    use core::arch::{asm, global_asm};

    use super::*;

    /// What a tile needs, in the order in which the assembly loads it.
    #[repr(C)]
    struct Run {
        pixels: *const u32,
        weights: *const u32,
        weights_end: *const u32,
        step: usize,
        sums: *mut i32,
        phase: usize,
    }

    unsafe extern "C" {
        fn supernano_tile_3x3(run: *const Run);
        fn supernano_tile_3x3_stride2(run: *const Run);
        fn supernano_tile_1x1(run: *const Run);
    }

    // One column of a kernel: a word of weights for 2 outputs, 4 pixels of a channel pair.
    // r12 pixels, lr weights, r4-r7 sums of the first output, r8-r11 of the second.
    // On the stack: end of the weights, bytes of a plane, the sums' address, bytes of a phase.
    global_asm!(
        r#"
.syntax unified
.if {armv8m}
.cpu cortex-m33
.endif
.thumb
.macro supernano_column offset
    ldr r0, [lr], #4
    sxtb16 r1, r0
    sxtb16 r0, r0, ror #8
    ldrd r2, r3, [r12, #\offset]
    smlad r4, r2, r1, r4
    smlad r8, r2, r0, r8
    smlad r5, r3, r1, r5
    smlad r9, r3, r0, r9
    ldrd r2, r3, [r12, #\offset + 8]
    smlad r6, r2, r1, r6
    smlad r10, r2, r0, r10
    smlad r7, r3, r1, r7
    smlad r11, r3, r0, r11
.endm
.macro supernano_enter
    push {{r4-r11, lr}}
    ldmia r0, {{r1-r6}}
    sub sp, #20
    mov r12, r1
    mov lr, r2
    strd r3, r4, [sp]
    strd r5, r6, [sp, #8]
    ldmia r5, {{r4-r11}}
.endm
.macro supernano_leave
    ldr r0, [sp, #4]
    add r12, r12, r0
    ldr r0, [sp]
    cmp lr, r0
    bne 1b
    ldr r0, [sp, #8]
    stmia r0, {{r4-r11}}
    add sp, #20
    pop {{r4-r11, pc}}
.endm

.section .text.supernano_tile_3x3, "ax"
.global supernano_tile_3x3
.type supernano_tile_3x3, %function
.thumb_func
supernano_tile_3x3:
    supernano_enter
1:  supernano_column 0
    supernano_column 4
    supernano_column 8
    supernano_leave

.section .text.supernano_tile_3x3_stride2, "ax"
.global supernano_tile_3x3_stride2
.type supernano_tile_3x3_stride2, %function
.thumb_func
supernano_tile_3x3_stride2:
    supernano_enter
1:  supernano_column 0
    ldr r0, [sp, #12]
    add r12, r12, r0
    supernano_column 0
    ldr r0, [sp, #12]
    sub r12, r12, r0
    supernano_column 4
    supernano_leave

.section .text.supernano_tile_1x1, "ax"
.global supernano_tile_1x1
.type supernano_tile_1x1, %function
.thumb_func
supernano_tile_1x1:
    supernano_enter
1:  supernano_column 0
    supernano_leave
"#,
        armv8m = const cfg!(supernano_armv8m) as u32,
    );

    impl MicroKernel for Dsp {
        #[inline]
        fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
            let kernel = window.kernel();
            let tile = match (kernel, window.stride()) {
                (3, 1) => supernano_tile_3x3,
                (3, 2) => supernano_tile_3x3_stride2,
                (1, 1) => supernano_tile_1x1,
                _ => return Scalar.tile(window, x, weights, sums),
            };
            if !window.holds(x, weights.len()) {
                return;
            }
            let mut at = weights.as_ptr();
            for (run, planes) in window.runs().into_iter().zip(window.planes()) {
                if planes == 0 {
                    continue;
                }
                // SAFETY: `holds` says that pixels x .. x + 4 of every column of every plane lie
                // inside the runs and that there are `kernel` weights for each plane; the
                // routines read just these, keep to the C convention, and write the 8 sums.
                unsafe {
                    let end = at.add(planes * kernel);
                    tile(&Run {
                        pixels: run.as_ptr().add(x),
                        weights: at,
                        weights_end: end,
                        step: window.step() * 4,
                        sums: sums.as_mut_ptr().cast(),
                        phase: window.phase() * 4,
                    });
                    at = end;
                }
            }
        }

        #[inline]
        fn widen(&self, source: &[u32], step: usize, low: &mut [u32], high: &mut [u32]) {
            for ((&word, low), high) in source.iter().step_by(step).zip(low).zip(high) {
                // SAFETY: one instruction each on registers, no memory, no stack
                unsafe {
                    asm!("sxtb16 {0}, {1}", lateout(reg) *low, in(reg) word,
                        options(pure, nomem, nostack, preserves_flags));
                    asm!("sxtb16 {0}, {1}, ror #8", lateout(reg) *high, in(reg) word,
                        options(pure, nomem, nostack, preserves_flags));
                }
            }
        }

        #[inline(always)]
        fn mulr(&self, a: i32, m: i32) -> i32 {
            let product;
            // SAFETY: one instruction on registers, no memory, no stack
            unsafe {
                asm!("smmulr {0}, {1}, {2}", lateout(reg) product, in(reg) a, in(reg) m,
                    options(pure, nomem, nostack, preserves_flags));
            }
            product
        }

        #[inline(always)]
        fn sat8(&self, v: i32) -> i8 {
            let saturated: i32;
            // SAFETY: one instruction on registers (it may set the sticky Q flag, which nothing
            // reads), no memory, no stack
            unsafe {
                asm!("ssat {0}, #8, {1}", lateout(reg) saturated, in(reg) v,
                    options(pure, nomem, nostack, preserves_flags));
            }
            saturated as i8
        }
    }
}
