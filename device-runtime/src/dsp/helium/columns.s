@ Depthwise convolutions of 3 x 3 over columns of bytes, and the rows of pools and images, with Helium.

@ fn(source, out, call: *const WidenCall): scatters the bytes of each pixel to the columns of its
@ channels, eight channels at a time, then a last four.
sn_function supernano_columns_widen
    push {r4-r8, lr}
    ldm r2, {r4-r6}
    lsl r7, r5, #2
    lsl r8, r6, #3
    movs r2, #0
    vidup.u16 q1, r2, #1
    vmul.i16 q1, q1, r6
1:  subs r5, #2
    blo 3f
    mov r2, r0
    mov r3, r1
    dls lr, r4
2:  vldrb.u16 q0, [r2]
    add r2, r7
    vstrb.16 q0, [r3, q1]
    adds r3, #4
    le lr, 2b
    adds r0, #8
    add r1, r8
    b 1b
3:  adds r5, #2
    beq 5f
    movs r2, #0
    vidup.u32 q1, r2, #1
    vmul.i32 q1, q1, r6
    dls lr, r4
4:  vldrb.u32 q0, [r0]
    add r0, r7
    vstrb.32 q0, [r1, q1]
    adds r1, #4
    le lr, 4b
5:  pop {r4-r8, pc}

@ The stack of the routines below: the fields of a `RowCall`.
.equ C_RING, 0          @ first column of the next channel, and bytes from a channel to the next
.equ C_WEIGHTS, 8       @ weights of the next channel
.equ C_OUT, 12          @ first pixel of the next channel
.equ C_BIAS, 16         @ bias and multiplier of the next channel
.equ C_PIXELS, 24       @ pixels, and bytes from a pixel of the outputs to the next
.equ C_ZERO, 32         @ zero point of the output
.equ C_QUADS, 36        @ groups of four channels left
.equ C_OFFSETS, 48      @ offset of each byte of a vector of weights, and its mask
.equ C_MASK, 64
.equ C_BYTES, 80

@ The sum of a pixel of one channel, whose columns are at `ring`.
.macro dc_sum sum, ring, inputs, weights, step
    vldrw.u32 \inputs, [\ring], #\step
    vmladav.s8 \sum, \inputs, \weights
.endm

@ fn(call: *const RowCall). A vector has the columns under a pixel and one more, whose weights are 0.
@ r0, r1, r3 and r5 point to the columns of four channels, r7 to their outputs.
.macro dc_row name, step
sn_function \name
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #C_BYTES
    mov r1, sp
    movs r2, #C_BYTES / 16
    dls lr, r2
0:  vldrw.u32 q0, [r0], #16
    vstrw.32 q0, [r1], #16
    le lr, 0b
    ldrd r12, r9, [sp, #C_PIXELS]
    ldr r10, [sp, #C_ZERO]
1:  vldrw.u32 q0, [sp, #C_OFFSETS]
    vldrw.u32 q1, [sp, #C_MASK]
    ldr r0, [sp, #C_WEIGHTS]
    vldrb.u8 q2, [r0, q0]
    adds r0, #12
    vldrb.u8 q3, [r0, q0]
    adds r0, #12
    vldrb.u8 q6, [r0, q0]
    adds r0, #12
    vldrb.u8 q7, [r0, q0]
    adds r0, #12
    vand q2, q2, q1
    vand q3, q3, q1
    vand q6, q6, q1
    vand q7, q7, q1
    str r0, [sp, #C_WEIGHTS]
    ldrd r2, r4, [sp, #C_BIAS]
    vldrw.u32 q4, [r2], #16
    vldrw.u32 q5, [r4], #16
    strd r2, r4, [sp, #C_BIAS]
    ldrd r0, r2, [sp, #C_RING]
    ldr r7, [sp, #C_OUT]
    add r1, r0, r2
    adds r3, r1, r2
    adds r5, r3, r2
    add r2, r5
    str r2, [sp, #C_RING]
    adds r2, r7, #4
    str r2, [sp, #C_OUT]
    dls lr, r12
2:  dc_sum r2, r0, q0, q2, \step
    dc_sum r4, r1, q1, q3, \step
    dc_sum r6, r3, q0, q6, \step
    dc_sum r8, r5, q1, q7, \step
    vmov q0[2], q0[0], r2, r6
    vmov q0[3], q0[1], r4, r8
    vadd.i32 q0, q0, q4
    vrmulh.s32 q0, q0, q5
    vadd.i32 q0, q0, r10
    vqmovnb.s32 q0, q0
    vqmovnb.s16 q0, q0
    vstrb.32 q0, [r7]
    add r7, r9
    le lr, 2b
    ldr r2, [sp, #C_QUADS]
    subs r2, #1
    str r2, [sp, #C_QUADS]
    bne 1b
    add sp, #C_BYTES
    vpop {d8-d15}
    pop {r4-r11, pc}
.endm

dc_row supernano_columns_3x3, 4
dc_row supernano_columns_3x3_stride2, 8

@ fn(source, sums, quads, pixels): adds the bytes of each pixel to the sums of their channels.
sn_function supernano_add_pixels
    push {r4, lr}
    lsl r12, r2, #2
1:  mov r4, r0
    vldrw.u32 q1, [r1]
    dls lr, r3
2:  vldrb.s32 q0, [r4]
    add r4, r12
    vadd.i32 q1, q1, q0
    le lr, 2b
    adds r0, #4
    vstrw.32 q1, [r1], #16
    subs r2, #1
    bne 1b
    pop {r4, pc}

@ fn(source, out, bytes): the larger of each two bytes.
sn_function supernano_maximum
    push {r7, lr}
    wlstp.8 lr, r2, 2f
1:  vldrb.u8 q0, [r0], #16
    vldrb.u8 q1, [r1]
    vmax.s8 q0, q0, q1
    vstrb.8 q0, [r1], #16
    letp lr, 1b
2:  pop {r7, pc}

@ fn(source, out, bytes, call: *const ImageCall): bytes of the image through the tables of their
@ channels.
sn_function supernano_image_bytes
    push {r4, r5, r7, lr}
    ldrd r3, r5, [r3]
    movs r4, #0
    wlstp.16 lr, r2, 2f
1:  vldrb.u16 q0, [r0], #8
    viwdup.u16 q1, r4, r5, #1
    vshl.i16 q1, q1, #8
    vorr q0, q0, q1
    vldrb.u16 q1, [r3, q0]
    vstrb.16 q1, [r1], #8
    letp lr, 1b
2:  pop {r4, r5, r7, pc}
