@ Winograd F(2x2, 3x3). Orders and signs are those of core's kernel::winograd.

@ fn(call: *const BlockCall, finish: *const Finish). r12 points to inputs, lr to weights; the sums
@ of the first output for 4 tiles are in r4-r7, those of the second in r8-r11. The stack holds the
@ parameters of finish.s, then the words below.
.equ B_ROUNDS, 48   @ rounds of a dot product
.equ B_LEFT, 52     @ rounds left
.equ B_FIRST, 56    @ pairs of the first round
.equ B_SUMS, 60     @ sums of the current column
.equ B_SUMS_END, 64
.equ B_ROW, 68      @ address and pitch of the other row of outputs
.equ B_V, 76
.equ B_U, 80
.equ B_BLOCKS, 84   @ blocks left
.equ B_PLACES, 88   @ per dot product: address of its start, and of the code that follows it
.equ B_BYTES, 120

.macro wg_other_row
    ldrd r0, r1, [sp]
    ldrd r2, r3, [sp, #B_ROW]
    strd r2, r3, [sp]
    strd r0, r1, [sp, #B_ROW]
.endm

@ Adds a dot product for 4 tiles x 2 outputs to r4-r11. Pairs are unrolled; the first round has the
@ remainder. A single round continues directly, several rounds continue through `wg_again`.
.macro wg_dot index
    ldr pc, [sp, #B_PLACES + 8 * \index]
.Lwg_round\index:
.rept WG_UNROLLED
    wg_pair
.endr
.Lwg_end\index:
    ldr.w pc, [sp, #B_PLACES + 4 + 8 * \index]
.Lwg_done\index:
.endm

@ The end of a round, if there are several.
.macro wg_again index
.Lwg_again\index:
    ldr r0, [sp, #B_LEFT]
    subs r0, #1
    str r0, [sp, #B_LEFT]
    bne .Lwg_round\index
    ldr r0, [sp, #B_ROUNDS]
    str r0, [sp, #B_LEFT]
    b.w .Lwg_done\index
.endm

@ Stores the addresses, in Thumb state, of the start of the first round, r0 + 1 bytes before the end
@ of a round, and of the code after the last round.
.macro wg_places index
    adr.w r1, .Lwg_end\index
    sub r2, r1, r0
    adds r1, #5
    strd r2, r1, [sp, #B_PLACES + 8 * \index]
.endm

@ Continues through `wg_again`, for several rounds.
.macro wg_rounds index
    adr.w r1, .Lwg_again\index
    adds r1, #1
    str r1, [sp, #B_PLACES + 4 + 8 * \index]
.endm

@ Two columns of outputs of two tiles for one output, from 4 columns of sums at `at`.
.macro wg_columns at, bias, a, b, c, d
    ldrd r0, r1, [r12, #\at]
    ldrd r2, r3, [r12, #\at + 128]
    add \a, r0, r2
    add \c, r1, r3
    ldrd r0, r1, [r12, #\at + 256]
    add \a, \a, r0
    add \c, \c, r1
    sub \b, r2, r0
    sub \d, r3, r1
    ldrd r0, r1, [r12, #\at + 384]
    add \b, \b, r0
    add \d, \d, r1
    ldr r0, [sp, #\bias]
    add \a, r0, \a, asr #2
    add \b, r0, \b, asr #2
    add \c, r0, \c, asr #2
    add \d, r0, \d, asr #2
.endm

@ Finishes 4 pixels of a row: sums of the first output at `at`, of the second 16 bytes later.
.macro wg_finish at
    ldr r12, [sp, #B_SUMS_END]
    wg_columns \at - 512, T_BIAS, r4, r5, r6, r7
    wg_columns \at + 16 - 512, T_BIAS + 4, r8, r9, r10, r11
    ldr r0, [sp, #T_FINISH]
    blx r0
.endm

sn_function supernano_winograd_block
    push {r4-r11, lr}
    sub sp, #B_BYTES
    mov r12, r0
    sn_numbers
    ldmia r12!, {r2-r11}
    strd r2, r3, [sp, #T_OUT]
    mov r3, r4
    stmia lr!, {r4-r11}
    ldmia r12, {r4, r5}
    stmia lr, {r4, r5}
    ldr r0, [sp, #B_FIRST]
    movs r1, #WG_PAIR_BYTES
    muls r0, r1, r0
    subs r0, #1
    wg_places 0
    wg_places 1
    wg_places 2
    wg_places 3
    cmp r3, #1
    beq 2f
    wg_rounds 0
    wg_rounds 1
    wg_rounds 2
    wg_rounds 3
2:
    ldrd r12, lr, [sp, #B_V]
    @ A column of sums M in one pass: M1, M1 + M2, then M0 + M1 + M2, and last M1 - M2 + M3 = 2 M1 -
    @ (M1 + M2) + M3.
1:  movs r4, #0
    movs r5, #0
    movs r6, #0
    movs r7, #0
    mov r8, r4
    mov r9, r4
    mov r10, r4
    mov r11, r4
    wg_dot 0
    ldr r0, [sp, #B_SUMS]
    stmia r0, {r4-r11}
    wg_dot 1
    ldr r0, [sp, #B_SUMS]
    adds r0, #32
    stmia r0, {r4-r11}
    wg_dot 2
    ldr r0, [sp, #B_SUMS]
    add r1, r0, #64
    stmia r1, {r4-r11}
    ldmia r0!, {r4-r11}
    ldrd r1, r2, [r0]
    rsb r4, r1, r4, lsl #1
    rsb r5, r2, r5, lsl #1
    ldrd r1, r2, [r0, #8]
    rsb r6, r1, r6, lsl #1
    rsb r7, r2, r7, lsl #1
    ldrd r1, r2, [r0, #16]
    rsb r8, r1, r8, lsl #1
    rsb r9, r2, r9, lsl #1
    ldrd r1, r2, [r0, #24]
    rsb r10, r1, r10, lsl #1
    rsb r11, r2, r11, lsl #1
    wg_dot 3
    ldrd r0, r1, [sp, #B_SUMS]
    adds r0, #96
    stmia r0!, {r4-r11}
    str r0, [sp, #B_SUMS]
    cmp r0, r1
    bne.w 1b
    str r12, [sp, #B_V]
    wg_finish 64
    wg_finish 72
    wg_other_row
    wg_finish 96
    wg_finish 104
    wg_other_row
    ldr r0, [sp, #B_SUMS_END]
    sub r0, r0, #512
    str r0, [sp, #B_SUMS]
    ldrd r12, lr, [sp, #B_V]
    ldr r0, [sp, #B_BLOCKS]
    subs r0, #1
    str r0, [sp, #B_BLOCKS]
    bne.w 1b
    add sp, #B_BYTES
    pop {r4-r11, pc}
    wg_again 0
    wg_again 1
    wg_again 2
    wg_again 3

@ fn(rows: &[*const u32; 4], phase in bytes, v, pairs). The rows start at the block's first column.
@ r2-r11 hold ten columns of one row of the vertical transform.
.equ I_PHASE, 16
.equ I_V, 20
.equ I_LEFT, 24

.macro wg_combine op, first, second
    ldr r0, [sp, #4 * \first]
    ldmia r0, {r2-r11}
    ldr r12, [sp, #4 * \second]
    ldrd r0, r1, [r12]
    sn_loose r0
    sn_loose r1
    sn_loose r2
    sn_loose r3
    \op r2, r2, r0
    \op r3, r3, r1
    ldrd r0, r1, [r12, #8]
    sn_loose r0
    sn_loose r1
    sn_loose r4
    sn_loose r5
    \op r4, r4, r0
    \op r5, r5, r1
    ldrd r0, r1, [r12, #16]
    sn_loose r0
    sn_loose r1
    sn_loose r6
    sn_loose r7
    \op r6, r6, r0
    \op r7, r7, r1
    ldrd r0, r1, [r12, #24]
    sn_loose r0
    sn_loose r1
    sn_loose r8
    sn_loose r9
    \op r8, r8, r0
    \op r9, r9, r1
    ldrd r0, r1, [r12, #32]
    sn_loose r0
    sn_loose r1
    sn_loose r10
    sn_loose r11
    \op r10, r10, r0
    \op r11, r11, r1
.endm

@ Four tiles of one position. r12 then advances to the next column of positions.
.macro wg_four op, a0, b0, a1, b1, a2, b2, a3, b3
    \op r0, \a0, \b0
    \op r1, \a1, \b1
    sn_tight r0
    sn_tight r1
    strd r0, r1, [r12]
    \op r0, \a2, \b2
    \op r1, \a3, \b3
    sn_tight r0
    sn_tight r1
    strd r0, r1, [r12, #8]
.endm

.macro wg_input_row op, first, second
    wg_combine \op, \first, \second
    ldr r12, [sp, #I_V]
    add r0, r12, lr, lsr #2
    str r0, [sp, #I_V]
    wg_four sn_sub16, r2, r4, r4, r6, r6, r8, r8, r10
    add r12, r12, lr
    wg_four sn_add16, r3, r4, r5, r6, r7, r8, r9, r10
    add r12, r12, lr
    wg_four sn_sub16, r4, r3, r6, r5, r8, r7, r10, r9
    add r12, r12, lr
    wg_four sn_sub16, r5, r3, r7, r5, r9, r7, r11, r9
.endm

sn_function supernano_winograd_input
    push {r4-r11, lr}
    sub sp, #28
    ldmia r0, {r4-r7}
    stmia sp, {r4-r7}
    strd r1, r2, [sp, #I_PHASE]
    str r3, [sp, #I_LEFT]
    lsl lr, r3, #6
1:  wg_input_row sn_add16, 1, 2
    wg_input_row sn_sub16, 2, 1
    wg_input_row sn_sub16, 0, 2
    wg_input_row sn_sub16, 3, 1
    ldmia sp, {r0-r6}
    add r0, r0, r4
    add r1, r1, r4
    add r2, r2, r4
    add r3, r3, r4
    sub r5, r5, lr
    adds r5, #16
    subs r6, #1
    stmia sp, {r0-r6}
    bne.w 1b
    add sp, #28
    pop {r4-r11, pc}

@ fn(packed, 4 x pairs, u, pairs). The stack holds the vertical transform [rank][kx][output], then
@ the pairs left.
.equ W_LEFT, 96

@ Transforms the first taps of both outputs in r3 and r4, the second in r5 and r6, and the third in
@ r7 and r8. In the order of positions, the results are the sum in lr and r5, the difference in r9
@ and r10, and the ends in r3, r4 and r7, r8.
.macro wg_taps
    sn_add16 r9, r3, r7
    sn_add16 r10, r4, r8
    sn_add16 lr, r9, r5
    sn_sub16 r9, r9, r5
    sn_add16 r5, r10, r6
    sn_sub16 r10, r10, r6
    sn_add16 r3, r3, r3
    sn_add16 r4, r4, r4
    sn_add16 r7, r7, r7
    sn_add16 r8, r8, r8
.endm

.macro wg_vertical kx
    sn_taps r3, r4, r0, 4 * \kx, lr
    sn_taps r5, r6, r11, 4 * \kx, lr
    sn_taps r7, r8, r12, 4 * \kx, lr
    wg_taps
    strd lr, r5, [sp, #8 * \kx]
    strd r9, r10, [sp, #24 + 8 * \kx]
    strd r3, r4, [sp, #48 + 8 * \kx]
    strd r7, r8, [sp, #72 + 8 * \kx]
.endm

.macro wg_horizontal rank
    ldrd r3, r4, [sp, #24 * \rank]
    ldrd r5, r6, [sp, #24 * \rank + 8]
    ldrd r7, r8, [sp, #24 * \rank + 16]
    wg_taps
    sn_tight r3
    sn_tight r4
    sn_tight lr
    sn_tight r5
    sn_tight r9
    sn_tight r10
    sn_tight r7
    sn_tight r8
    strd r3, r4, [r2]
    add r12, r2, r1, lsl #3
    strd lr, r5, [r12]
    add r12, r12, r1, lsl #3
    strd r9, r10, [r12]
    add r12, r12, r1, lsl #3
    strd r7, r8, [r12]
    add r2, r2, r1, lsl #1
.endm

sn_function supernano_winograd_weights
    push {r4-r11, lr}
    sub sp, #100
1:  str r3, [sp, #W_LEFT]
    add r11, r0, r1
    add r11, r11, r1, lsl #1
    add r12, r11, r1
    add r12, r12, r1, lsl #1
    wg_vertical 0
    wg_vertical 1
    wg_vertical 2
    wg_horizontal 0
    wg_horizontal 1
    wg_horizontal 2
    wg_horizontal 3
    sub r2, r2, r1, lsl #3
    adds r2, #8
    adds r0, #12
    ldr r3, [sp, #W_LEFT]
    subs r3, #1
    bne.w 1b
    add sp, #100
    pop {r4-r11, pc}
