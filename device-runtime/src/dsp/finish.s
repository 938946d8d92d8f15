@ Requantisation of a tile of 4 pixels x 2 outputs. The sums of the first output are in r4-r7, those
@ of the second in r8-r11. The routines are called with bl, with sp at the parameters below, and use
@ r0-r3 and r12.
.macro sn_function name
.section .text.\name, "ax"
.global \name
.type \name, %function
.thumb_func
.balign 4
\name:
.endm

.equ T_OUT, 0       @ address of the first pixel, which advances by 4 pixels
.equ T_PITCH, 4     @ bytes from a pixel to the next
.equ T_BIAS, 8      @ of both outputs, as are the pairs that follow
.equ T_K, 16        @ multipliers of the residual
.equ T_M, 24        @ multipliers
.equ T_D, 32        @ N - M
.equ T_ZERO, 40
.equ T_FINISH, 44   @ address of the routine
.equ T_BYTES, 48

@ Copies the parameters of a `Finish` at r1 to the stack. Leaves lr at their end; uses r2-r11.
.macro sn_numbers
    ldmia r1, {r2-r11}
    sub r8, r8, r6
    sub r9, r9, r7
    movw lr, #:lower16:supernano_finishes
    movt lr, #:upper16:supernano_finishes
    ldr r11, [lr, r11, lsl #2]
    add lr, sp, #T_BIAS
    stmia lr!, {r2-r11}
.endm

.macro sn_store
    ldrd r0, r1, [sp, #T_OUT]
    bfi r4, r8, #8, #8
    strh r4, [r0]
    bfi r5, r9, #8, #8
    strh r5, [r0, r1]
    add r0, r0, r1, lsl #1
    bfi r6, r10, #8, #8
    strh r6, [r0]
    bfi r7, r11, #8, #8
    strh r7, [r0, r1]
    add r0, r0, r1, lsl #1
    str r0, [sp, #T_OUT]
    bx lr
.endm

.macro sn_residual_pixel first, second
    ldrsb r2, [r3]
    mla \first, r2, r0, \first
    ldrsb r2, [r3, #1]
    mla \second, r2, r1, \second
.endm

.macro sn_residual
    ldrd r3, r12, [sp, #T_OUT]
    ldrd r0, r1, [sp, #T_K]
    sn_residual_pixel r4, r8
    add r3, r3, r12
    sn_residual_pixel r5, r9
    add r3, r3, r12
    sn_residual_pixel r6, r10
    add r3, r3, r12
    sn_residual_pixel r7, r11
.endm

@ The multiplier is M, plus N - M if the sum is negative.
.macro sn_prelu sum
    and r3, r1, \sum, asr #31
    add r3, r3, r0
    sn_requantise \sum, r3
.endm

.macro sn_finish_plain
    ldr r2, [sp, #T_ZERO]
    ldrd r0, r1, [sp, #T_M]
    sn_requantise r4, r0
    sn_requantise r5, r0
    sn_requantise r6, r0
    sn_requantise r7, r0
    sn_requantise r8, r1
    sn_requantise r9, r1
    sn_requantise r10, r1
    sn_requantise r11, r1
    sn_store
.endm

.macro sn_finish_prelu
    ldr r2, [sp, #T_ZERO]
    ldr r0, [sp, #T_M]
    ldr r1, [sp, #T_D]
    sn_prelu r4
    sn_prelu r5
    sn_prelu r6
    sn_prelu r7
    ldr r0, [sp, #T_M + 4]
    ldr r1, [sp, #T_D + 4]
    sn_prelu r8
    sn_prelu r9
    sn_prelu r10
    sn_prelu r11
    sn_store
.endm

sn_function supernano_finish_residual
    sn_residual
    sn_finish_plain

sn_function supernano_finish_plain
    sn_finish_plain

sn_function supernano_finish_residual_prelu
    sn_residual
    sn_finish_prelu

sn_function supernano_finish_prelu
    sn_finish_prelu

@ Routines, indexed by the numbers of `FinishKind`.
.section .rodata.supernano_finishes, "a"
.balign 4
supernano_finishes:
    .word supernano_finish_plain
    .word supernano_finish_residual
    .word supernano_finish_prelu
    .word supernano_finish_residual_prelu
