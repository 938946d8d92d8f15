@ Depthwise convolutions of 3 x 3 for Armv6-M and Armv8-M baseline.

@ The bytes of r5 and r6 that begin `left` bits below bit 24, as the two halves of r3; overwrites r4.
.macro v6d_halves left
    lsls r3, r5, #\left
    asrs r3, r3, #24
    uxth r3, r3
    lsls r4, r6, #\left
    asrs r4, r4, #24
    lsls r4, r4, #16
    orrs r3, r4
.endm

@ Widens two pixels of four channels, words in r5 and r6, to the group at r2, which advances. r8 has
@ the bytes to the next group, and r9 those to the next channel.
.macro v6d_pair
    sxtb r3, r5
    uxth r3, r3
    lsls r4, r6, #24
    asrs r4, r4, #8
    orrs r3, r4
    str r3, [r2]
    v6d_halves 16
    mov r7, r9
    str r3, [r2, r7]
    v6d_halves 8
    adds r7, r7, r7
    str r3, [r2, r7]
    asrs r5, r5, #24
    uxth r5, r5
    asrs r6, r6, #24
    lsls r6, r6, #16
    orrs r5, r6
    add r7, r9
    str r5, [r2, r7]
    add r2, r8
.endm

@ fn(source, step in bytes, out, call: *const WidenCall). The stack holds source, out, pixels, quads and
@ odd; r11 has the zero point, r12 the pixels left.
v6_function supernano_depthwise_widen
    v6_enter
    ldmia r3!, {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r11, r6
    ldmia r3!, {r4, r5}
    push {r0, r2, r4, r5, r7}
5:  ldr r0, [sp]
    ldr r2, [sp, #4]
    ldr r7, [sp, #8]
    ldr r4, [sp, #16]
    cmp r4, #0
    beq 1f
    mov r5, r11
    ldr r6, [r0]
    adds r0, r0, r1
    subs r7, #1
    mov r12, r7
    v6d_pair
    mov r7, r12
1:  subs r7, #2
    blo 3f
2:  mov r12, r7
    ldr r5, [r0]
    ldr r6, [r0, r1]
    adds r0, r0, r1
    adds r0, r0, r1
    v6d_pair
    mov r7, r12
    subs r7, #2
    bhs 2b
3:  adds r7, #1
    bne 4f
    ldr r5, [r0]
    mov r6, r11
    v6d_pair
4:  ldr r0, [sp]
    adds r0, #4
    str r0, [sp]
    ldr r2, [sp, #4]
    mov r4, r9
    lsls r4, r4, #2
    adds r2, r2, r4
    str r2, [sp, #4]
    ldr r4, [sp, #12]
    subs r4, #1
    str r4, [sp, #12]
    beq 6f
    b 5b
6:  add sp, #20
    v6_leave

@ In the rows below, r0 points to a group, r1 to weights, which r2-r4 hold; r5 and r6 hold two values, r7
@ a product. The sums are in r8-r11. r12 has 0x8000, and lr the zero point.

@ The words of the routines, behind the fields of their `RowCall`.
.equ D_TAPS, 56     @ weights of the channel, three words a slot
.equ D_START, 92    @ bias of the channel
.equ D_LOW, 96      @ halves of the channel's multiplier
.equ D_HIGH, 100
.equ D_AT, 104      @ the pixel at work
.equ D_LEFT, 108    @ pixels left
.equ D_BYTES, 112

.macro v6d_enter
    v6_enter
    sub sp, #D_BYTES
    mov r1, sp
    ldmia r0!, {r2-r7}
    stmia r1!, {r2-r7}
    ldmia r0!, {r2-r7}
    stmia r1!, {r2-r7}
    ldmia r0!, {r2, r3}
    stmia r1!, {r2, r3}
    mov lr, r2
    movs r2, #128
    lsls r2, r2, #8
    mov r12, r2
.endm

@ Stores the weights of a slot at r7, which advances. r0 points to the channel's weights.
.macro v6d_taps slot
    ldr r1, [sp, #D_ORDER + 4 * \slot]
    ldr r4, [r0, r1]
    sxtb r2, r4
    lsls r3, r4, #16
    asrs r3, r3, #24
    asrs r4, r4, #24
    stmia r7!, {r2-r4}
.endm

@ Starts a channel: r0 points to the first group, r6 has the pixels.
.macro v6d_channel
    ldr r0, [sp, #D_WEIGHTS]
    add r7, sp, #D_TAPS
    v6d_taps 0
    v6d_taps 1
    v6d_taps 2
    adds r0, #12
    str r0, [sp, #D_WEIGHTS]
    ldr r1, [sp, #D_BIAS]
    ldmia r1!, {r2}
    str r1, [sp, #D_BIAS]
    ldr r1, [sp, #D_POSITIVE]
    ldmia r1!, {r4}
    str r1, [sp, #D_POSITIVE]
    uxth r3, r4
    asrs r4, r4, #16
    ldr r5, [sp, #D_OUTPUT]
    ldr r6, [sp, #D_PIXELS]
    stmia r7!, {r2-r6}
    adds r5, #1
    str r5, [sp, #D_OUTPUT]
    ldr r0, [sp, #D_RING]
    ldr r1, [sp, #D_PLANE]
    adds r1, r1, r0
    str r1, [sp, #D_RING]
.endm

@ Ends a channel, and goes back to label 1 for the next.
.macro v6d_next
    ldr r1, [sp, #D_CHANNELS]
    subs r1, #1
    str r1, [sp, #D_CHANNELS]
    beq 8f
    b 1b
8:  add sp, #D_BYTES
    v6_leave
.endm

@ Adds a product to a sum; the second form overwrites the value.
.macro v6d_add sum, value, weight
    mov r7, \value
    muls r7, \weight, r7
    add \sum, r7
.endm
.macro v6d_last sum, value, weight
    muls \value, \weight, \value
    add \sum, \value
.endm

@ The two values of a word: the first in r6, the second in r5.
.macro v6d_word offset
    ldr r5, [r0, #\offset]
    sxth r6, r5
    asrs r5, r5, #16
.endm

@ Adds the products of a slot to the sums of four pixels.
.macro v6d_four offset
    ldmia r1!, {r2-r4}
    v6d_word \offset
    v6d_last r8, r6, r2
    v6d_add r8, r5, r3
    v6d_last r9, r5, r2
    v6d_word \offset + 12
    v6d_add r8, r6, r4
    v6d_add r9, r6, r3
    v6d_last r10, r6, r2
    v6d_add r9, r5, r4
    v6d_add r10, r5, r3
    v6d_last r11, r5, r2
    v6d_word \offset + 24
    v6d_add r10, r6, r4
    v6d_last r11, r6, r3
    v6d_last r11, r5, r4
.endm

@ The same for two pixels.
.macro v6d_two offset
    ldmia r1!, {r2-r4}
    v6d_word \offset
    v6d_last r8, r6, r2
    v6d_add r8, r5, r3
    v6d_last r9, r5, r2
    v6d_word \offset + 12
    v6d_add r8, r6, r4
    v6d_last r9, r6, r3
    v6d_last r9, r5, r4
.endm

@ The same for two pixels of stride 2.
.macro v6d_two2 offset
    ldmia r1!, {r2-r4}
    v6d_word \offset
    v6d_last r8, r6, r2
    v6d_last r8, r5, r3
    v6d_word \offset + 12
    v6d_add r8, r6, r4
    v6d_last r9, r6, r2
    v6d_last r9, r5, r3
    ldr r6, [r0, #\offset + 24]
    sxth r6, r6
    v6d_last r9, r6, r4
.endm

@ The same for a pixel of stride 2.
.macro v6d_one2 offset
    ldmia r1!, {r2-r4}
    v6d_word \offset
    v6d_last r8, r6, r2
    v6d_last r8, r5, r3
    ldr r6, [r0, #\offset + 12]
    sxth r6, r6
    v6d_last r8, r6, r4
.endm

@ Starts two sums, and points to the weights.
.macro v6d_start
    ldr r5, [sp, #D_START]
    mov r8, r5
    mov r9, r5
    add r1, sp, #D_TAPS
.endm

@ Points to the pixel at work, and loads the multiplier.
.macro v6d_finish
    ldr r1, [sp, #D_AT]
    ldr r2, [sp, #D_LOW]
    ldr r3, [sp, #D_HIGH]
.endm

@ Stores sat8(zero + mulr(sum, multiplier)) at r1, which advances by a pixel. The product of the halves is
@ high 65536 + first + second + low / 65536: second takes the last part and half a unit without
@ overflow, and first the lower half of second.
.macro v6d_put sum
    mov r4, \sum
    asrs r5, r4, #16
    uxth r4, r4
    mov r6, r4
    muls r6, r2, r6
    lsrs r6, r6, #16
    muls r4, r3, r4
    mov r7, r5
    muls r7, r2, r7
    muls r5, r3, r5
    adds r4, r4, r6
    add r4, r12
    uxth r6, r4
    adds r7, r7, r6
    asrs r4, r4, #16
    asrs r7, r7, #16
    adds r5, r5, r4
    adds r5, r5, r7
    add r5, lr
    sxtb r4, r5
    cmp r4, r5
    beq 9f
    asrs r5, r5, #31
    movs r4, #127
    eors r4, r5
9:  strb r4, [r1]
    ldr r6, [sp, #D_PITCH]
    adds r1, r1, r6
.endm

@ Counts `pixels` pixels, whose groups take `bytes` bytes; r6 has the rest.
.macro v6d_count pixels, bytes
    str r1, [sp, #D_AT]
    ldr r6, [sp, #D_LEFT]
    subs r6, #\pixels
    str r6, [sp, #D_LEFT]
    adds r0, #\bytes
.endm

@ fn(call: *const RowCall): a row of 3 x 3, stride 1. Pixels come in fours, of which a last one may
@ have three, then up to two remain.
v6_function supernano_depthwise_3x3
    v6d_enter
1:  v6d_channel
2:  cmp r6, #3
    bhs 3f
    b 4f
3:  v6d_start
    mov r10, r5
    mov r11, r5
    v6d_four 0
    v6d_four 4
    v6d_four 8
    v6d_finish
    v6d_put r8
    v6d_put r9
    v6d_put r10
    ldr r6, [sp, #D_LEFT]
    cmp r6, #3
    bne 5f
    b 6f
5:  v6d_put r11
    v6d_count 4, 24
    b 2b
4:  cmp r6, #0
    bne 7f
    b 6f
7:  v6d_start
    v6d_two 0
    v6d_two 4
    v6d_two 8
    v6d_finish
    v6d_put r8
    ldr r6, [sp, #D_LEFT]
    cmp r6, #1
    beq 6f
    v6d_put r9
6:  v6d_next

@ fn(call: *const RowCall): a row of 3 x 3, stride 2. Pixels come in twos, then one may remain.
v6_function supernano_depthwise_3x3_stride2
    v6d_enter
1:  v6d_channel
2:  cmp r6, #2
    bhs 3f
    b 4f
3:  v6d_start
    v6d_two2 0
    v6d_two2 4
    v6d_two2 8
    v6d_finish
    v6d_put r8
    v6d_put r9
    v6d_count 2, 24
    b 2b
4:  cmp r6, #0
    beq 6f
    v6d_start
    v6d_one2 0
    v6d_one2 4
    v6d_one2 8
    v6d_finish
    v6d_put r8
6:  v6d_next
