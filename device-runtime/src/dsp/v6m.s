@ Tiles and dot products for Armv6-M and Armv8-M baseline. MULS overwrites a factor, and most
@ instructions take r0-r7 only, but ADD takes all registers. r0 points to pixels, r1 to weights; r2
@ and r3 hold the weights of both outputs, r4 and r5 a value. The sums of the first output are in
@ r6-r9, those of the second in r10-r12 and lr.
.syntax unified
.thumb

.macro v6_function name
.section .text.\name, "ax"
.global \name
.type \name, %function
.thumb_func
.balign 4
\name:
.endm

.macro v6_value offset, first, second
    ldrh r4, [r0, #\offset]
    sxth r4, r4
    mov r5, r4
    muls r5, r2, r5
    add \first, r5
    muls r4, r3, r4
    add \second, r4
.endm

@ One channel of 4 pixels or tiles.
.macro v6_channel offset
    v6_value \offset, r6, r10
    v6_value \offset + 4, r7, r11
    v6_value \offset + 8, r8, r12
    v6_value \offset + 12, r9, lr
.endm

.macro v6_bytes offset
    ldrb r2, [r1, #\offset]
    sxtb r2, r2
    ldrb r3, [r1, #\offset + 1]
    sxtb r3, r3
.endm

@ One kernel column: the word of weights at r1 + weight, and 4 pixels at r0 + offset.
.macro v6_column offset, weight
    v6_bytes \weight
    v6_channel \offset
    v6_bytes \weight + 2
    v6_channel \offset + 2
.endm

.macro v6_enter
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    push {r4-r7}
.endm

.macro v6_leave
    pop {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    pop {r4-r7, pc}
.endm

@ Stores the sums at r5, which advances.
.macro v6_put
    stmia r5!, {r6, r7}
    mov r2, r8
    mov r3, r9
    mov r4, r10
    stmia r5!, {r2-r4}
    mov r2, r11
    mov r3, r12
    mov r4, lr
    stmia r5!, {r2-r4}
.endm

@ fn(call: *const TileCall): pixels, weights, end of the weights, step in bytes, sums.
.macro v6_tile name, plane, words
    v6_function \name
    v6_enter
    ldmia r0!, {r1-r5}
    push {r3-r5}
    mov r0, r1
    mov r1, r2
    ldmia r5!, {r6, r7}
    ldmia r5!, {r2-r4}
    mov r8, r2
    mov r9, r3
    mov r10, r4
    ldmia r5!, {r2-r4}
    mov r11, r2
    mov r12, r3
    mov lr, r4
1:  \plane
    adds r1, #4 * \words
    v6_next_plane
    ldr r4, [sp]
    cmp r1, r4
    beq 2f
    b 1b
2:  ldr r5, [sp, #8]
    v6_put
    add sp, #12
    v6_leave
.endm

.macro v6_next_plane
    ldr r4, [sp, #4]
    adds r0, r0, r4
.endm

.macro v6_plane_1x1
    v6_column 0, 0
.endm

.macro v6_plane_3x3
    v6_column 0, 0
    v6_column 4, 4
    v6_column 8, 8
.endm

.macro v6_plane_5x5
    v6_plane_3x3
    v6_column 12, 12
    v6_column 16, 16
.endm

.macro v6_plane_7x7
    v6_plane_5x5
    v6_column 20, 20
    v6_column 24, 24
.endm

.macro v6_plane_3x3_stride2
    v6_column 0, 0
    v6_column 4, 8
    v6_next_plane
    v6_column 0, 4
.endm

.macro v6_plane_5x5_stride2
    v6_column 0, 0
    v6_column 4, 8
    v6_column 8, 16
    v6_next_plane
    v6_column 0, 4
    v6_column 4, 12
.endm

.macro v6_plane_7x7_stride2
    v6_column 0, 0
    v6_column 4, 8
    v6_column 8, 16
    v6_column 12, 24
    v6_next_plane
    v6_column 0, 4
    v6_column 4, 12
    v6_column 8, 20
.endm

v6_tile supernano_tile_1x1, v6_plane_1x1, 1
v6_tile supernano_tile_3x3, v6_plane_3x3, 3
v6_tile supernano_tile_5x5, v6_plane_5x5, 5
v6_tile supernano_tile_7x7, v6_plane_7x7, 7
v6_tile supernano_tile_3x3_stride2, v6_plane_3x3_stride2, 3
v6_tile supernano_tile_5x5_stride2, v6_plane_5x5_stride2, 5
v6_tile supernano_tile_7x7_stride2, v6_plane_7x7_stride2, 7

@ One channel of one or two pixels, whose sums are in r6 and r7, and in r10 and r11.
.macro v6_small offset, two
    ldrh r4, [r0, #\offset]
    sxth r4, r4
    mov r5, r4
    muls r5, r2, r5
    adds r6, r6, r5
    muls r4, r3, r4
    adds r7, r7, r4
.if \two
    ldrh r4, [r0, #\offset + 4]
    sxth r4, r4
    mov r5, r4
    muls r5, r2, r5
    add r10, r5
    muls r4, r3, r4
    add r11, r4
.endif
.endm

@ The same function for the first pixels of a tile, with a kernel of one column.
.macro v6_first name, two
    v6_function \name
    v6_enter
    ldmia r0!, {r1-r5}
    mov r9, r3
    mov r8, r4
    mov r12, r5
    mov r0, r1
    mov r1, r2
    ldr r6, [r5]
    ldr r7, [r5, #16]
.if \two
    ldr r2, [r5, #4]
    mov r10, r2
    ldr r2, [r5, #20]
    mov r11, r2
.endif
1:  v6_bytes 0
    v6_small 0, \two
    v6_bytes 2
    v6_small 2, \two
    adds r1, #4
    add r0, r8
    cmp r1, r9
    bne 1b
    mov r5, r12
    str r6, [r5]
    str r7, [r5, #16]
.if \two
    mov r2, r10
    str r2, [r5, #4]
    mov r2, r11
    str r2, [r5, #20]
.endif
    v6_leave
.endm

v6_first supernano_tile_one, 0
v6_first supernano_tile_two, 1

.macro v6_halves offset
    ldrh r2, [r1, #\offset]
    sxth r2, r2
    ldrh r3, [r1, #\offset + 4]
    sxth r3, r3
.endm

@ fn(v, u, bytes of a position in u | positions << 24, sums): the dot products of a block.
v6_function supernano_winograd_dots
    v6_enter
    lsrs r5, r2, #24
    lsls r2, r2, #8
    lsrs r2, r2, #8
    adds r4, r1, r2
    push {r2-r5}
    @ The stack holds the bytes of a position, sums, end of the position, and positions left.
1:  movs r4, #0
    mov r6, r4
    mov r7, r4
    mov r8, r4
    mov r9, r4
    mov r10, r4
    mov r11, r4
    mov r12, r4
    mov lr, r4
2:  v6_halves 0
    v6_channel 0
    v6_halves 2
    v6_channel 2
    adds r0, #16
    adds r1, #8
    ldr r4, [sp, #8]
    cmp r1, r4
    bne 2b
    ldr r5, [sp, #4]
    v6_put
    str r5, [sp, #4]
    ldr r4, [sp]
    adds r4, r1, r4
    str r4, [sp, #8]
    ldr r4, [sp, #12]
    subs r4, #1
    str r4, [sp, #12]
    bne 1b
    add sp, #16
    v6_leave
