@ Direct convolutions with Helium, the vector extension of Armv8.1-M: `fn(call: *const RowCall)`.
@
@ A tile is 2 pixels x 4 outputs. Its sums are in r0, r2, r4, r6 (first pixel) and r8, r10, r12, lr
@ (second pixel): VMLADAVA adds to even registers only. r1 and r3 point to the weights of two output
@ pairs, r5 and r7 to the columns of the two pixels, r11 to the parameters of the four outputs. The
@ weights of a pair alternate between its outputs; VLD20 and VLD21 separate them.
.equ H_OUT0, 0          @ outputs of the tile's first pixel
.equ H_OUT1, 4          @ of its second pixel
.equ H_COLUMN0, 8       @ columns
.equ H_COLUMN1, 12
.equ H_STEPS, 16        @ whole vectors of a column
.equ H_TAIL, 20         @ bytes behind them
.equ H_WEIGHTS, 24
.equ H_PARAMS, 28
.equ H_END, 32          @ end of the biases
.equ H_PAIR, 36         @ bytes of the weights of an output pair, 0 for a single pair
.equ H_PARAM_ROW, 40    @ bytes of a row of parameters
.equ H_ZERO, 44         @ zero point of the output
.equ H_KIND, 48         @ number of the `FinishKind`
.equ H_LEFT, 52         @ pixels left
.equ H_WIDTH, 56        @ pixels of a tile, 1 or 2
.equ H_OUT, 60          @ outputs of the next pixel
.equ H_OUT_AHEAD, 64    @ bytes to the outputs of the second pixel
.equ H_OUT_NEXT, 68     @ bytes to the outputs of the next tile
.equ H_SOURCE, 72       @ offset of the next pixel in the rows
.equ H_AHEAD, 76        @ bytes to the second pixel
.equ H_NEXT, 80         @ bytes to the next tile
.equ H_ROW0, 84         @ kernel rows; of a flat convolution the first one
.equ H_ROW1, 88         @ of a flat convolution: end of the rows, and bytes of all rows
.equ H_GATHER, 96       @ 1 if the columns of a 3x3 kernel are gathered
.equ H_CHUNKS, 100      @ groups of 16 channels; without gathering, bytes of a row of a flat
                        @ convolution, or 0 if the rows serve as columns
.equ H_LAST, 104        @ vectors of the channels behind them, 0 to 3, or bytes of a run
.equ H_LANES, 108       @ halfwords of the last of these vectors, or kernel rows
.equ H_EXCESS, 112      @ bytes of the last vector behind the halfwords or behind the run
.equ H_PIXEL, 116       @ bytes of a pixel
.equ H_CALL, 128        @ end of the arguments
.equ H_OFFSETS, 128     @ offsets of 24 halfwords: pairs 0 to 7, each with three kernel columns
.equ H_BYTES, 176

.macro he_gather offsets
    vldrh.u16 q0, [r1, \offsets]
    vstrh.16 q0, [r5], #16
    vldrh.u16 q1, [r2, \offsets]
    vstrh.16 q1, [r7], #16
.endm

@ The last vector of a kernel row, of which r6 halfwords exist.
.macro he_gather_last offsets
    vctp.16 r6
    vpstttt
    vldrht.u16 q0, [r1, \offsets]
    vstrht.16 q0, [r5], #16
    vldrht.u16 q1, [r2, \offsets]
    vstrht.16 q1, [r7], #16
.endm

@ 16 inputs of two pixels and four outputs.
.macro he_step
    vldrw.u32 q0, [r5], #16
    vld20.8 {q2, q3}, [r1]
    vld21.8 {q2, q3}, [r1]!
    vmladava.s8 r0, q0, q2
    vldrw.u32 q1, [r7], #16
    vmladava.s8 r2, q0, q3
    vld20.8 {q4, q5}, [r3]
    vmladava.s8 r8, q1, q2
    vld21.8 {q4, q5}, [r3]!
    vmladava.s8 r10, q1, q3
    vmladava.s8 r4, q0, q4
    vmladava.s8 r6, q0, q5
    vmladava.s8 r12, q1, q4
    vmladava.s8 lr, q1, q5
.endm

sn_function supernano_byte_row
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #H_BYTES
    mov r1, sp
    movs r2, #H_CALL / 16
    dls lr, r2
0:  vldrw.u32 q0, [r0], #16
    vstrw.32 q0, [r1], #16
    le lr, 0b
    ldr r2, [sp, #H_PIXEL]
    movw r0, #:lower16:supernano_byte_offsets
    movt r0, #:upper16:supernano_byte_offsets
    movs r3, #3
    dls lr, r3
0:  vldrh.u16 q0, [r0, #48]
    vldrh.u16 q1, [r0], #16
    vmla.i16 q1, q0, r2
    vstrh.16 q1, [r1], #16
    le lr, 0b

@ The next two pixels, or one pixel twice.
1:  ldrd r0, r1, [sp, #H_LEFT]
    ldrd r2, r3, [sp, #H_OUT]
    ldrd r9, r10, [sp, #H_SOURCE]
    cmp r0, r1
    itt lo
    movlo r3, #0
    movlo r10, #0
    subs r0, r0, r1
    str r0, [sp, #H_LEFT]
    add r3, r2
    strd r2, r3, [sp, #H_OUT0]
    ldr r4, [sp, #H_OUT_NEXT]
    add r2, r4
    str r2, [sp, #H_OUT]
    ldr r4, [sp, #H_NEXT]
    add r4, r9
    str r4, [sp, #H_SOURCE]
    ldrd r0, r3, [sp, #H_GATHER]
    cbnz r0, 2f
    ldr r1, [sp, #H_ROW0]
    cmp r3, #0
    bne 20f
    add r1, r9
    add r2, r1, r10
    strd r1, r2, [sp, #H_COLUMN0]
    b 10f

@ Gathers the columns of a 3x3 kernel.
2:  add r0, sp, #H_OFFSETS
    vldrw.u32 q5, [r0]
    vldrw.u32 q6, [r0, #16]
    vldrw.u32 q7, [r0, #32]
    ldrd r5, r7, [sp, #H_COLUMN0]
    ldrd r4, r6, [sp, #H_LAST]
    ldr r8, [sp, #H_EXCESS]
    add r11, sp, #H_ROW0
    movs r12, #3
3:  ldr r1, [r11], #4
    add r1, r9
    add r2, r1, r10
    wls lr, r3, 5f
4:  he_gather q5
    he_gather q6
    he_gather q7
    adds r1, #16
    adds r2, #16
    le lr, 4b
5:  cmp r4, #2
    bhs 6f
    cbz r4, 9f
    he_gather_last q5
    b 8f
6:  he_gather q5
    bne 7f
    he_gather_last q6
    b 8f
7:  he_gather q6
    he_gather_last q7
8:  sub r5, r8
    sub r7, r8
9:  subs r12, #1
    bne 3b

10: ldrd r1, r11, [sp, #H_WEIGHTS]
    ldr r3, [sp, #H_PAIR]
    add r3, r1

@ Four outputs.
11: ldrd r0, r2, [r11]
    ldrd r4, r6, [r11, #8]
    ldrd r5, r7, [sp, #H_COLUMN0]
    ldr r9, [sp, #H_STEPS]
    mov r8, r0
    mov r10, r2
    mov r12, r4
    mov lr, r6
    lsrs r9, r9, #1
    adc r9, r9, #0
    bcs 13f
    beq 14f
12: he_step
13: he_step
    subs r9, #1
    bne 12b
14: ldr r9, [sp, #H_TAIL]
    cmp r9, #0
    beq 16f
15: vctp.16 r9
    vpstttt
    vldrbt.u16 q0, [r5], #8
    vldrbt.u16 q1, [r7], #8
    vldrht.u16 q4, [r1], #16
    vldrht.u16 q5, [r3], #16
    vshl.i16 q2, q0, #8
    vshl.i16 q3, q1, #8
    vmladava.s8 r0, q0, q4
    vmladava.s8 r2, q2, q4
    vmladava.s8 r4, q0, q5
    vmladava.s8 r6, q2, q5
    vmladava.s8 r8, q1, q4
    vmladava.s8 r10, q3, q4
    vmladava.s8 r12, q1, q5
    vmladava.s8 lr, q3, q5
    subs r9, #8
    bhi 15b
    add r1, r1, r9, lsl #1
    add r3, r3, r9, lsl #1

@ Requantises.
16: vmov q0[2], q0[0], r0, r4
    vmov q0[3], q0[1], r2, r6
    vmov q1[2], q1[0], r8, r12
    vmov q1[3], q1[1], r10, lr
    ldrd r4, r6, [sp, #H_PARAM_ROW]
    ldr r9, [sp, #H_KIND]
    ldrd r5, r7, [sp, #H_OUT0]
    add r0, r11, r4
    lsrs r9, r9, #1
    bcc 17f
    vldrw.u32 q2, [r0]
    add r0, r4
    vldrb.s32 q3, [r5]
    vldrb.s32 q4, [r7]
    vmul.i32 q3, q3, q2
    vmul.i32 q4, q4, q2
    vadd.i32 q0, q0, q3
    vadd.i32 q1, q1, q4
17: vldrw.u32 q2, [r0]
    bne 19f
    vrmulh.s32 q0, q0, q2
    vrmulh.s32 q1, q1, q2
18: vadd.i32 q0, q0, r6
    vadd.i32 q1, q1, r6
    ldrd r9, r4, [sp, #H_END]
    vqmovnb.s32 q0, q0
    vqmovnb.s32 q1, q1
    vqmovnb.s16 q0, q0
    vqmovnb.s16 q1, q1
    adds r11, #16
    vstrb.32 q0, [r5], #4
    vstrb.32 q1, [r7], #4
    mov r1, r3
    add r3, r4
    strd r5, r7, [sp, #H_OUT0]
    cmp r11, r9
    bne 11b
    ldr r0, [sp, #H_LEFT]
    cmp r0, #0
    bgt 1b
    add sp, #H_BYTES
    vpop {d8-d15}
    pop {r4-r11, pc}
19: add r0, r4
    vldrw.u32 q3, [r0]
    vpte.s32 lt, q0, zr
    vrmulht.s32 q0, q0, q3
    vrmulhe.s32 q0, q0, q2
    vpte.s32 lt, q1, zr
    vrmulht.s32 q1, q1, q3
    vrmulhe.s32 q1, q1, q2
    b 18b

@ Copies the columns of a flat convolution: a run of each kernel row. r1 points to a row.
20: ldrd r5, r7, [sp, #H_COLUMN0]
    ldrd r4, r12, [sp, #H_LAST]
    ldr r8, [sp, #H_EXCESS]
    ldrd r2, r6, [sp, #H_ROW1]
    str r2, [sp, #H_OFFSETS]
21: add r0, r1, r9
    add r2, r0, r10
    dlstp.8 lr, r4
22: vldrb.u8 q0, [r0], #16
    vldrb.u8 q1, [r2], #16
    vstrb.8 q0, [r5], #16
    vstrb.8 q1, [r7], #16
    letp lr, 22b
    sub r5, r8
    sub r7, r8
    ldr r2, [sp, #H_OFFSETS]
    add r1, r3
    cmp r1, r2
    it eq
    subeq r1, r6
    subs r12, #1
    bne 21b
    b 10b

@ Offsets in a pixel of 24 halfwords, then their kernel columns.
.section .rodata.supernano_byte_offsets, "a"
.balign 4
supernano_byte_offsets:
    .hword 0, 0, 0, 2, 2, 2, 4, 4, 4, 6, 6, 6, 8, 8, 8, 10, 10, 10, 12, 12, 12, 14, 14, 14
    .hword 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2

@ fn(source, row, words): copies words and exchanges their two middle bytes.
sn_function supernano_byte_order
    lsrs r3, r2, #3
    beq 2f
    push {r7, lr}
    dls lr, r3
1:  vld20.8 {q0, q1}, [r0]
    vld21.8 {q0, q1}, [r0]!
    vst20.16 {q0, q1}, [r1]
    vst21.16 {q0, q1}, [r1]!
    le lr, 1b
    pop {r7, lr}
2:  ands r2, #7
    beq 4f
3:  ldr r3, [r0], #4
    ubfx r12, r3, #8, #8
    strb r3, [r1]
    strb r12, [r1, #2]
    lsrs r3, r3, #16
    strb r3, [r1, #1]
    lsrs r3, r3, #8
    strb r3, [r1, #3]
    adds r1, #4
    subs r2, #1
    bne 3b
4:  bx lr
