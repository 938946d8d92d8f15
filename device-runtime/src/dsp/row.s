@ One row of a direct convolution for an output pair, in tiles of 4 pixels x 2 outputs: `fn(call:
@ *const RowCall, finish: *const Finish)`. r12 points to pixels, lr to weights; the sums of the
@ first output are in r4-r7, those of the second in r8-r11. The stack holds the parameters of
@ finish.s, then the words below.
.equ R_STEP, 48     @ bytes from a plane to the next; with stride 2, from a phase to the next
.equ R_END, 52      @ end of the weights of the current run
.equ R_WEIGHTS, 56
.equ R_FIRST, 60    @ pixels of the tile in the first run
.equ R_SECOND, 64   @ in the second run
.equ R_SECOND_END, 68
.equ R_FIRST_END, 72
.equ R_LIMIT, 76    @ R_FIRST after the last tile
.equ R_BYTES, 80

.macro sn_next_plane
    ldr r0, [sp, #R_STEP]
    add r12, r12, r0
.endm

.macro sn_plane_1x1
    sn_column 0, 0, 4
.endm

.macro sn_plane_3x3
    sn_column 0, 0, 4
    sn_column_next 4, 0, 4
    sn_column_last 8, 0, 4
.endm

.macro sn_plane_5x5
    sn_plane_3x3
    sn_column 12, 0, 4
    sn_column_next 16, 0, 4
.endm

.macro sn_plane_7x7
    sn_plane_5x5
    sn_column_last 20, 0, 4
    sn_column 24, 0, 4
.endm

@ Even columns are in the even phase, odd columns in the odd phase.
.macro sn_plane_3x3_stride2
    sn_column 0, 0, 12
    sn_column_next 4, -4, 0
    sn_next_plane
    sn_column 0, -8, 0
.endm

.macro sn_plane_5x5_stride2
    sn_column 0, 0, 20
    sn_column_next 4, -12, 0
    sn_column_last 8, -4, 0
    sn_next_plane
    sn_column 0, -16, 0
    sn_column_next 4, -8, 0
.endm

.macro sn_plane_7x7_stride2
    sn_column 0, 0, 28
    sn_column_next 4, -20, 0
    sn_column_last 8, -12, 0
    sn_column 12, -4, 0
    sn_next_plane
    sn_column 0, -24, 0
    sn_column_next 4, -16, 0
    sn_column_last 8, -8, 0
.endm

@ The number of planes is even. With `twice`, a round processes two planes.
.macro sn_row name, plane, twice
    sn_function \name
    push {r4-r11, lr}
    sub sp, #R_BYTES
    mov r12, r0
    sn_numbers
    ldmia r12, {r2-r11}
    strd r2, r3, [sp, #T_OUT]
    stmia lr, {r4-r11}
1:  ldrd r4, r8, [sp, #T_BIAS]
    mov r5, r4
    mov r6, r4
    mov r7, r4
    mov r9, r8
    mov r10, r8
    mov r11, r8
    ldr r0, [sp, #R_FIRST_END]
    ldrd lr, r12, [sp, #R_WEIGHTS]
    cmp lr, r0
    beq 3f
2:  str r0, [sp, #R_END]
4:  \plane
.if \twice
    sn_next_plane
    \plane
.endif
    ldrd r0, r1, [sp, #R_STEP]
    add r12, r12, r0
    cmp lr, r1
    bne 4b
3:  ldrd r12, r0, [sp, #R_SECOND]
    cmp lr, r0
    bne 2b
    ldr r0, [sp, #T_FINISH]
    blx r0
    ldrd r0, r1, [sp, #R_FIRST]
    ldr r2, [sp, #R_LIMIT]
    adds r0, #16
    adds r1, #16
    strd r0, r1, [sp, #R_FIRST]
    cmp r0, r2
    bne 1b
    add sp, #R_BYTES
    pop {r4-r11, pc}
.endm

sn_row supernano_row_1x1, sn_plane_1x1, 1
sn_row supernano_row_3x3, sn_plane_3x3, 1
sn_row supernano_row_5x5, sn_plane_5x5, 0
sn_row supernano_row_7x7, sn_plane_7x7, 0
sn_row supernano_row_3x3_stride2, sn_plane_3x3_stride2, 1
sn_row supernano_row_5x5_stride2, sn_plane_5x5_stride2, 0
sn_row supernano_row_7x7_stride2, sn_plane_7x7_stride2, 0
