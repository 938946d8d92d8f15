@ Depthwise convolutions of 3 x 3 without the DSP extension: MLA takes two cycles, and a load directly
@ after a load takes one cycle less.

@ Widens two pixels of four channels, words in r5 and r6, to the group at r2, which advances.
.macro dw_pair
    sxtb r7, r5
    sxtb r8, r6
    sbfx r9, r5, #8, #8
    sbfx r10, r6, #8, #8
    bfi r7, r8, #16, #16
    bfi r9, r10, #16, #16
    add r10, r2, r4, lsl #1
    str r7, [r2]
    str r9, [r2, r4]
    sbfx r7, r5, #16, #8
    sbfx r8, r6, #16, #8
    asr r5, r5, #24
    asr r6, r6, #24
    bfi r7, r8, #16, #16
    bfi r5, r6, #16, #16
    str r7, [r10]
    str r5, [r10, r4]
    add r2, r2, r3
.endm

@ The words of the routines, behind the fields of their `RowCall`.
.equ D_TAPS, 56     @ weights of the channel, a word a slot: bytes [w0, w1, w1, w2]
.equ D_START, 68    @ bias of the channel
.equ D_FACTOR, 72   @ multiplier of the channel
.equ D_AT, 76       @ the pixel at work
.equ D_LEFT, 80     @ pixels left
.equ D_BYTES, 84

.macro dm_enter
    push {r4-r11, lr}
    sub sp, #D_BYTES
    mov r12, sp
    ldmia r0!, {r1-r8}
    stmia r12!, {r1-r8}
    ldmia r0!, {r1-r6}
    stmia r12!, {r1-r6}
.endm

@ Starts a channel: r0 points to the first group, r11 has the pixels.
.macro dm_channel
    ldr r0, [sp, #D_WEIGHTS]
    ldr r1, [sp, #D_ORDER]
    ldr r2, [sp, #D_ORDER + 4]
    ldr r3, [sp, #D_ORDER + 8]
    ldr r4, [sp, #D_BIAS]
    ldr r5, [sp, #D_POSITIVE]
    ldr r1, [r0, r1]
    ldr r2, [r0, r2]
    ldr r3, [r0, r3]
    ldr r6, [r4], #4
    ldr r7, [r5], #4
    ldr r8, [sp, #D_OUTPUT]
    ldr r11, [sp, #D_PIXELS]
    adds r0, #12
    str r0, [sp, #D_WEIGHTS]
    strd r4, r5, [sp, #D_BIAS]
    add r12, sp, #D_TAPS
    stmia r12, {r1-r3, r6-r8, r11}
    add r8, r8, #1
    str r8, [sp, #D_OUTPUT]
    ldr r0, [sp, #D_RING]
    ldr r1, [sp, #D_PLANE]
    add r1, r1, r0
    str r1, [sp, #D_RING]
.endm

@ Ends a channel, and goes back to label 1 for the next.
.macro dm_next
    ldr r1, [sp, #D_CHANNELS]
    subs r1, #1
    str r1, [sp, #D_CHANNELS]
    bne 1b
    add sp, #D_BYTES
    pop {r4-r11, pc}
.endm

@ Loads the weights of a slot to r8-r10.
.macro dm_taps slot
    ldrsb r8, [sp, #D_TAPS + 4 * \slot]
    ldrsb r9, [sp, #D_TAPS + 4 * \slot + 1]
    ldrsb r10, [sp, #D_TAPS + 4 * \slot + 3]
.endm

@ Adds the products of three values and the weights to a sum.
.macro dm_sum sum, first, second, third
    mla \sum, \first, r8, \sum
    mla \sum, \second, r9, \sum
    mla \sum, \third, r10, \sum
.endm

@ Adds the products of a slot to the sums of four pixels in r4-r7.
.macro dm_four slot
    dm_taps \slot
    ldrsh r1, [r0, #4 * \slot]
    ldrsh r2, [r0, #4 * \slot + 2]
    ldrsh r3, [r0, #4 * \slot + 12]
    ldrsh r11, [r0, #4 * \slot + 14]
    ldrsh r12, [r0, #4 * \slot + 24]
    ldrsh lr, [r0, #4 * \slot + 26]
    dm_sum r4, r1, r2, r3
    dm_sum r5, r2, r3, r11
    dm_sum r6, r3, r11, r12
    dm_sum r7, r11, r12, lr
.endm

@ The same for two pixels in r4 and r5.
.macro dm_two slot
    dm_taps \slot
    ldrsh r1, [r0, #4 * \slot]
    ldrsh r2, [r0, #4 * \slot + 2]
    ldrsh r3, [r0, #4 * \slot + 12]
    ldrsh r11, [r0, #4 * \slot + 14]
    dm_sum r4, r1, r2, r3
    dm_sum r5, r2, r3, r11
.endm

@ Four pixels of stride 2.
.macro dm_four2 slot
    dm_taps \slot
    ldrsh r1, [r0, #4 * \slot]
    ldrsh r2, [r0, #4 * \slot + 2]
    ldrsh r3, [r0, #4 * \slot + 12]
    ldrsh r11, [r0, #4 * \slot + 14]
    ldrsh r12, [r0, #4 * \slot + 24]
    dm_sum r4, r1, r2, r3
    dm_sum r5, r3, r11, r12
    ldrsh r1, [r0, #4 * \slot + 26]
    ldrsh r2, [r0, #4 * \slot + 36]
    ldrsh r3, [r0, #4 * \slot + 38]
    ldrsh r11, [r0, #4 * \slot + 48]
    dm_sum r6, r12, r1, r2
    dm_sum r7, r2, r3, r11
.endm

@ A pixel of stride 2.
.macro dm_one2 slot
    dm_taps \slot
    ldrsh r1, [r0, #4 * \slot]
    ldrsh r2, [r0, #4 * \slot + 2]
    ldrsh r3, [r0, #4 * \slot + 12]
    dm_sum r4, r1, r2, r3
.endm

@ Starts four sums.
.macro dm_start
    ldr r4, [sp, #D_START]
    mov r5, r4
    mov r6, r4
    mov r7, r4
.endm

@ Loads the zero point, the multiplier, the pixel at work, the pitch and the pixels left.
.macro dm_finish
    ldr r2, [sp, #D_ZERO]
    ldr r8, [sp, #D_FACTOR]
    ldr r9, [sp, #D_AT]
    ldr r10, [sp, #D_PITCH]
    ldr r11, [sp, #D_LEFT]
.endm

@ Requantises four sums, and stores the first three.
.macro dm_finish_four
    dm_finish
    sn_requantise r4, r8
    sn_requantise r5, r8
    sn_requantise r6, r8
    sn_requantise r7, r8
    strb r4, [r9]
    strb r5, [r9, r10]
    add r9, r9, r10, lsl #1
    strb r6, [r9]
    subs r11, #4
.endm

@ Stores the fourth pixel; `bytes` to the next group.
.macro dm_fourth bytes
    strb r7, [r9, r10]
    add r9, r9, r10, lsl #1
    strd r9, r11, [sp, #D_AT]
    adds r0, #\bytes
.endm

@ fn(call: *const RowCall): a row of 3 x 3, stride 1. Pixels come in fours, of which a last one may
@ have three, then up to two remain.
sn_function supernano_depthwise_3x3
    dm_enter
1:  dm_channel
    cmp r11, #3
    blo 3f
2:  dm_start
    dm_four 0
    dm_four 1
    dm_four 2
    dm_finish_four
    blo 4f
    dm_fourth 24
    cmp r11, #3
    bhs 2b
3:  cmp r11, #0
    beq 4f
    ldr r4, [sp, #D_START]
    mov r5, r4
    dm_two 0
    dm_two 1
    dm_two 2
    dm_finish
    sn_requantise r4, r8
    strb r4, [r9]
    cmp r11, #1
    beq 4f
    sn_requantise r5, r8
    strb r5, [r9, r10]
4:  dm_next

@ fn(call: *const RowCall): a row of 3 x 3, stride 2. Pixels come in fours, then one at a time.
sn_function supernano_depthwise_3x3_stride2
    dm_enter
1:  dm_channel
    cmp r11, #4
    blo 3f
2:  dm_start
    dm_four2 0
    dm_four2 1
    dm_four2 2
    dm_finish_four
    dm_fourth 48
    cmp r11, #4
    bhs 2b
3:  cmp r11, #0
    beq 5f
4:  ldr r4, [sp, #D_START]
    dm_one2 0
    dm_one2 1
    dm_one2 2
    dm_finish
    sn_requantise r4, r8
    strb r4, [r9]
    add r9, r9, r10
    subs r11, #1
    strd r9, r11, [sp, #D_AT]
    add r0, r0, #12
    bne 4b
5:  dm_next

@ fn(words, weights, count, sums: *mut [i32; 2]): adds the products of words with both weights of a step.
sn_function supernano_depthwise_dots
    push {r4-r9, lr}
    ldrd r4, r5, [r3]
    cbz r2, 2f
1:  ldrsh r6, [r0, #2]
    ldrsh r7, [r0], #4
    ldrsh r8, [r1]
    ldrsh r9, [r1, #2]
    ldrsh r12, [r1, #4]
    ldrsh lr, [r1, #6]
    mla r4, r7, r8, r4
    mla r4, r6, r9, r4
    mla r5, r7, r12, r5
    mla r5, r6, lr, r5
    adds r1, #8
    subs r2, #1
    bne 1b
2:  strd r4, r5, [r3]
    pop {r4-r9, pc}
