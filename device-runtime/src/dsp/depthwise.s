@ Depthwise convolutions and rows of the image, with the DSP extension.

@ Widens two pixels of four channels, words in r5 and r6, to the group at r2, which advances.
.macro dw_pair
    sxtb16 r7, r5
    sxtb16 r8, r6
    sxtb16 r5, r5, ror #8
    sxtb16 r6, r6, ror #8
    pkhbt r9, r7, r8, lsl #16
    pkhtb r7, r8, r7, asr #16
    pkhbt r8, r5, r6, lsl #16
    pkhtb r5, r6, r5, asr #16
    add r10, r2, r4, lsl #1
    str r9, [r2]
    str r8, [r2, r4]
    str r7, [r10]
    str r5, [r10, r4]
    add r2, r2, r3
.endm

@ The words of the routines below, behind the fields of their `RowCall`.
.equ D_STARTS, 56   @ the channel's bias, twice
.equ D_FACTOR, 64   @ the channel's multiplier, then the zero point
.equ D_AT, 72       @ the pixel at work, then the pitch
.equ D_END, 80      @ end of the loop
.equ D_BYTES, 84

.macro dw_enter
    push {r4-r11, lr}
    sub sp, #D_BYTES
    mov r12, sp
    ldmia r0!, {r1-r8}
    stmia r12!, {r1-r8}
    ldmia r0!, {r1-r6}
    stmia r12!, {r1-r6}
    str r5, [sp, #D_FACTOR + 4]
    str r6, [sp, #D_AT + 4]
.endm

@ Starts a channel: (w0, w1) of the slots in r4, r6, r8, and (w1, w2) in r5, r7, r9; r0 points to
@ the first group.
.macro dw_channel
    ldr r0, [sp, #D_WEIGHTS]
    ldr r1, [sp, #D_ORDER]
    ldrd r2, r3, [sp, #D_ORDER + 4]
    ldr r4, [r0, r1]
    ldr r6, [r0, r2]
    ldr r8, [r0, r3]
    adds r0, #12
    str r0, [sp, #D_WEIGHTS]
    sxtb16 r5, r4, ror #8
    sxtb16 r4, r4
    sxtb16 r7, r6, ror #8
    sxtb16 r6, r6
    sxtb16 r9, r8, ror #8
    sxtb16 r8, r8
    ldrd r1, r2, [sp, #D_BIAS]
    ldr r3, [r1], #4
    ldr r0, [r2], #4
    strd r1, r2, [sp, #D_BIAS]
    strd r3, r3, [sp, #D_STARTS]
    str r0, [sp, #D_FACTOR]
    ldr r1, [sp, #D_OUTPUT]
    str r1, [sp, #D_AT]
    adds r1, #1
    str r1, [sp, #D_OUTPUT]
    ldrd r0, r1, [sp, #D_RING]
    add r1, r1, r0
    str r1, [sp, #D_RING]
    ldr r1, [sp, #D_SPAN]
    add r1, r1, r0
    str r1, [sp, #D_END]
.endm

@ Ends a channel, and goes back to label 1 for the next.
.macro dw_next
    ldr r1, [sp, #D_CHANNELS]
    subs r1, #1
    str r1, [sp, #D_CHANNELS]
    bne 1b
    add sp, #D_BYTES
    pop {r4-r11, pc}
.endm

@ Starts the sums of an even and an odd pixel with the group in r1-r3.
.macro dw_start even, odd
    ldrd \even, \odd, [sp, #D_STARTS]
    smlad \even, r1, r4, \even
    smlatb \odd, r1, r4, \odd
    smlad \even, r2, r6, \even
    smlatb \odd, r2, r6, \odd
    smlad \even, r3, r8, \even
    smlatb \odd, r3, r8, \odd
.endm

@ Ends the sums of the pixels before with the group at r0, starts those of the next two, and stores.
.macro dw_step even, odd, next_even, next_odd
    ldmia r0!, {r1-r3}
    smlabt \even, r1, r5, \even
    smlad \odd, r1, r5, \odd
    smlabt \even, r2, r7, \even
    smlad \odd, r2, r7, \odd
    smlabt \even, r3, r9, \even
    smlad \odd, r3, r9, \odd
    dw_start \next_even, \next_odd
    ldrd r1, r2, [sp, #D_FACTOR]
    smmlar \even, \even, r1, r2
    smmlar \odd, \odd, r1, r2
    ldrd r1, r2, [sp, #D_AT]
    ssat \even, #8, \even
    ssat \odd, #8, \odd
    strb \even, [r1]
    strb \odd, [r1, r2]
    add r1, r1, r2, lsl #1
    str r1, [sp, #D_AT]
.endm

@ fn(call: *const RowCall): a row of 3 x 3, stride 1. D_SPAN covers one group for every two whole
@ pixels, and one more.
sn_function supernano_depthwise_3x3
    dw_enter
1:  dw_channel
    ldr r12, [sp, #D_PIXELS]
    ldmia r0!, {r1-r3}
    tst r12, #2
    bne 2f
    dw_start r10, r11
    ldr r1, [sp, #D_END]
    cmp r0, r1
    beq 5f
    b 3f
2:  dw_start r12, lr
    b 4f
3:  dw_step r10, r11, r12, lr
4:  dw_step r12, lr, r10, r11
    ldr r1, [sp, #D_END]
    cmp r0, r1
    bne 3b
5:  ldr r12, [sp, #D_PIXELS]
    tst r12, #1
    beq 6f
    ldmia r0!, {r1-r3}
    smlabt r10, r1, r5, r10
    smlabt r10, r2, r7, r10
    smlabt r10, r3, r9, r10
    ldrd r1, r2, [sp, #D_FACTOR]
    smmlar r10, r10, r1, r2
    ldr r1, [sp, #D_AT]
    ssat r10, #8, r10
    strb r10, [r1]
6:  dw_next

@ Starts the sum of a pixel with the group in r1-r3.
.macro dw_start2 sum
    ldr \sum, [sp, #D_STARTS]
    smlad \sum, r1, r4, \sum
    smlad \sum, r2, r6, \sum
    smlad \sum, r3, r8, \sum
.endm

@ Ends the sum of the pixel before with the group at r0, starts that of the next, and stores to r12.
.macro dw_step2 sum, next
    ldmia r0!, {r1-r3}
    smlabt \sum, r1, r5, \sum
    smlabt \sum, r2, r7, \sum
    smlabt \sum, r3, r9, \sum
    dw_start2 \next
    ldrd r1, r2, [sp, #D_FACTOR]
    smmlar \sum, \sum, r1, r2
    ssat \sum, #8, \sum
    strb \sum, [r12]
    add r12, r12, lr
.endm

@ fn(call: *const RowCall): a row of 3 x 3, stride 2. D_SPAN covers one group for every pixel, and one
@ more.
sn_function supernano_depthwise_3x3_stride2
    dw_enter
1:  dw_channel
    ldrd r12, lr, [sp, #D_AT]
    ldr r11, [sp, #D_PIXELS]
    ldmia r0!, {r1-r3}
    tst r11, #1
    bne 2f
    dw_start2 r10
    b 3f
2:  dw_start2 r11
    b 4f
3:  dw_step2 r10, r11
4:  dw_step2 r11, r10
    ldr r1, [sp, #D_END]
    cmp r0, r1
    bne 3b
    dw_next

@ fn(words, weights, count, sums: *mut [i32; 2]): adds the products of words with both weights of a step.
sn_function supernano_depthwise_dots
    push {r4-r10, lr}
    ldrd r4, r5, [r3]
    lsrs r2, r2, #1
    bcc 1f
    ldr r6, [r0], #4
    ldrd r8, r9, [r1], #8
    smlad r4, r6, r8, r4
    smlad r5, r6, r9, r5
1:  cbz r2, 3f
2:  ldrd r6, r7, [r0], #8
    ldmia r1!, {r8, r9, r10, r12}
    smlad r4, r6, r8, r4
    smlad r5, r6, r9, r5
    smlad r4, r7, r10, r4
    smlad r5, r7, r12, r5
    subs r2, #1
    bne 2b
3:  strd r4, r5, [r3]
    pop {r4-r10, pc}

@ Writes a word of two table values to r5, which advances.
.macro dw_image
    ldrb r8, [r0]
    ldrb r9, [r0, r2]
    add r0, r0, r1
    ldrsb r8, [r3, r8]
    ldrsb r9, [r4, r9]
    pkhbt r8, r8, r9, lsl #16
    str r8, [r5], #4
.endm

@ Writes two words.
.macro dw_image_two
    ldrb r8, [r0]
    ldrb r9, [r0, r2]
    ldrb r10, [r0, r1]
    ldrb r11, [r0, r12]
    add r0, r0, r1, lsl #1
    ldrsb r8, [r3, r8]
    ldrsb r9, [r4, r9]
    ldrsb r10, [r3, r10]
    ldrsb r11, [r4, r11]
    pkhbt r8, r8, r9, lsl #16
    pkhbt r10, r10, r11, lsl #16
.if SN_SINGLE
    str r8, [r5], #4
    str r10, [r5], #4
.else
    strd r8, r10, [r5], #8
.endif
.endm

@ fn(source, step, delta, call: *const ImageCall): words of two table values each, in tiles of 4.
sn_function supernano_image_words
    push {r4-r11, lr}
    ldmia r3, {r3-r8, lr}
    push {r8}
    add r12, r1, r2
    cbz r6, 2f
1:  dw_image
    subs r6, #1
    bne 1b
    add r5, r5, lr
2:  cbz r7, 4f
3:  dw_image_two
    dw_image_two
    add r5, r5, lr
    subs r7, #1
    bne 3b
4:  pop {r6}
    cbz r6, 6f
5:  dw_image
    subs r6, #1
    bne 5b
6:  pop {r4-r11, pc}
