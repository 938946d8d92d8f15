@ Winograd F(2x2, 3x3) and F(4x2, 3x3). Orders and signs are those of core's kernel::winograd.

@ fn(call: *const BlockCall, finish: *const Finish). r12 points to inputs, lr to weights; the sums
@ of the first output for 4 tiles are in r4-r7, those of the second in r8-r11. The stack holds the
@ parameters of finish.s, then the words below.
.equ B_ROUNDS, 48   @ rounds of a dot product
.equ B_LEFT, 52     @ rounds left
.equ B_FIRST, 56    @ pairs of the first round
.equ B_START, 60    @ sums of a block
.equ B_SUMS, 64     @ sums of the current group of four positions
.equ B_SUMS_END, 68
.equ B_DOWN, 72     @ bytes from the end of a row of outputs to the start of the next
.equ B_UP, 76       @ bytes from the end of the last row to the next block
.equ B_OUTPUTS, 80  @ routine that finishes the sums
.equ B_V, 84
.equ B_U, 88
.equ B_BLOCKS, 92   @ blocks left
.equ B_PLACES, 96   @ per dot product: address of its start, and of the code that follows it
.equ B_RETURN, 128  @ return address of the routine that finishes the sums
.equ B_COLUMN, 132  @ bytes between the sums of the columns of a tile
.equ B_STEP, 136    @ bytes between the sums of rows
.equ B_ROWS, 140    @ rows left
.equ B_AT, 144      @ sums of a row
.equ B_BYTES, 148

@ Moves the address of the first pixel by the bytes in a word of the stack.
.macro wg_move by
    ldr r0, [sp, #T_OUT]
    ldr r1, [sp, #\by]
    add r0, r0, r1
    str r0, [sp, #T_OUT]
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

sn_function supernano_winograd_block
    push {r4-r11, lr}
    sub sp, #B_BYTES
    mov r12, r0
    sn_numbers
    ldmia r12!, {r2-r11}
    strd r2, r3, [sp, #T_OUT]
    mov r3, r4
    stmia lr!, {r4-r11}
    ldmia r12, {r4-r7}
    stmia lr, {r4-r7}
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
    @ A group of sums M in one pass: M1, M1 + M2, then M0 + M1 + M2, and last M1 - M2 + M3 = 2 M1 -
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
    ldr r0, [sp, #B_OUTPUTS]
    blx r0
    wg_move B_UP
    ldr r0, [sp, #B_START]
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

@ The two routines below finish the sums of a block. They are called by the block's routine. Each turns
@ the sums of a column of a tile into outputs with bias, in place, for four words of one output, then
@ four of the other, twice. Groups of sums are 128 bytes apart.
.macro wg_ends body
    ldrd r10, r11, [sp, #T_BIAS]
    ldr r12, [sp, #B_START]
    adds r12, #64
    movs r7, #4
    mov r9, r7
1:  mov r8, r7
2:  \body
    subs r8, #1
    bne 2b
    mov r0, r10
    mov r10, r11
    mov r11, r0
    subs r9, #1
    bne 1b
.endm

.macro wg_square_ends
    ldr r1, [r12, #128]
    ldr r2, [r12, #256]
    ldr r3, [r12, #384]
    ldr r0, [r12]
    add r0, r0, r1
    subs r1, r1, r2
    add r0, r0, r2
    add r1, r1, r3
    add r0, r10, r0, asr #2
    add r1, r10, r1, asr #2
    str r1, [r12, #128]
    str r0, [r12], #4
.endm

.macro wg_tall_ends
    ldr r2, [r12, #128]
    ldr r3, [r12, #256]
    ldr r4, [r12, #384]
    ldr r5, [r12, #512]
    ldr r0, [r12]
    ldr r1, [r12, #640]
    add r6, r2, r3
    subs r2, r2, r3
    add r3, r4, r5
    subs r4, r4, r5
    add r0, r0, r3
    add r0, r0, r6, lsl #2
    add r6, r6, r3
    add r3, r4, r2, lsl #1
    add r2, r2, r4, lsl #1
    add r1, r1, r2, lsl #2
    mul r0, r0, lr
    mul r3, r3, lr
    mul r6, r6, lr
    mul r1, r1, lr
    add r0, r10, r0, asr #4
    add r3, r10, r3, asr #3
    add r6, r10, r6, asr #2
    add r1, r10, r1, asr #4
    str r3, [r12, #128]
    str r6, [r12, #256]
    str r1, [r12, #384]
    str r0, [r12], #4
.endm

@ Finishes 4 pixels of a row whose sums start at r12.
.macro wg_row
    ldr r0, [sp, #B_COLUMN]
    ldrd r4, r6, [r12]
    ldrd r8, r10, [r12, #16]
    add r12, r12, r0
    ldr r0, [sp, #T_FINISH]
    ldrd r5, r7, [r12]
    ldrd r9, r11, [r12, #16]
    blx r0
.endm

sn_function supernano_winograd_square
    str lr, [sp, #B_RETURN]
    wg_ends wg_square_ends
    @ Rows are 32 bytes apart, and the columns of a tile 128.
    movs r0, #128
    movs r1, #32
    movs r2, #2
    b.w supernano_winograd_rows

sn_function supernano_winograd_tall
    str lr, [sp, #B_RETURN]
    movw lr, #0xaaab
    movt lr, #0xaaaa
    wg_ends wg_tall_ends
    movs r0, #32
    movs r1, #128
    movs r2, #4
    b.w supernano_winograd_rows

@ Finishes the rows of a block: r2 of them, r1 bytes of sums apart. The columns of a tile are r0 bytes
@ apart. Returns for the routine that jumps here.
sn_function supernano_winograd_rows
    strd r0, r1, [sp, #B_COLUMN]
    ldr r12, [sp, #B_START]
    adds r12, #64
1:  strd r2, r12, [sp, #B_ROWS]
    wg_row
    ldr r12, [sp, #B_AT]
    adds r12, #8
    wg_row
    ldrd r2, r12, [sp, #B_ROWS]
    ldr r0, [sp, #B_STEP]
    add r12, r12, r0
    subs r2, #1
    beq 2f
    wg_move B_DOWN
    b 1b
2:  ldr pc, [sp, #B_RETURN]

@ The inputs of a block, transformed: fn(rows, phase in bytes, v, pairs). The rows start at the block's
@ first column. The stack holds the rows of the vertical transform of a pair, 10 words each, then the
@ words below.

@ Four tiles of one position. r12 then advances by \step.
.macro wg_four op, a0, b0, a1, b1, a2, b2, a3, b3, step
    \op r0, \a0, \b0
    sn_tight r0
    str r0, [r12]
    \op r0, \a1, \b1
    sn_tight r0
    str r0, [r12, #4]
    \op r0, \a2, \b2
    sn_tight r0
    str r0, [r12, #8]
    \op r0, \a3, \b3
    sn_tight r0
    str r0, [r12, #12]
    add r12, r12, \step
.endm

@ The four columns of Bᵀ from ten words in r2-r11.
.macro wg_input0 step
    wg_four sn_sub16, r2, r4, r4, r6, r6, r8, r8, r10, \step
.endm
.macro wg_input1 step
    wg_four sn_add16, r3, r4, r5, r6, r7, r8, r9, r10, \step
.endm
.macro wg_input2 step
    wg_four sn_sub16, r4, r3, r6, r5, r8, r7, r10, r9, \step
.endm
.macro wg_input3 step
    wg_four sn_sub16, r5, r3, r7, r5, r9, r7, r11, r9, \step
.endm

.equ I_PHASE, 160   @ bytes from the end of ten words to the next pair
.equ I_V, 164
.equ I_LEFT, 168    @ pairs left
.equ I_STEP, 172    @ bytes from a position to the next
.equ I_ROWS, 176    @ the four rows
.equ I_BYTES, 192

sn_function supernano_winograd_input
    push {r4-r11, lr}
    sub sp, #I_BYTES
    subs r1, #40
    strd r1, r2, [sp, #I_PHASE]
    lsls r1, r3, #4
    strd r3, r1, [sp, #I_LEFT]
    ldmia r0, {r0-r3}
1:  mov r12, sp
    add r10, r12, #40
2:  ldr r6, [r2], #4
    ldr r5, [r1], #4
    ldr r7, [r3], #4
    ldr r4, [r0], #4
    sn_loose r4
    sn_loose r5
    sn_loose r6
    sn_loose r7
    @ In the order of positions: rows 1, 2, 0 and 3.
    sn_sub16 r4, r4, r6
    sn_add16 r8, r5, r6
    sn_sub16 r6, r6, r5
    sn_sub16 r7, r7, r5
    str r6, [r12, #40]
    str r4, [r12, #80]
    str r7, [r12, #120]
    str r8, [r12], #4
    cmp r12, r10
    bne 2b
    ldr r4, [sp, #I_PHASE]
    add r0, r0, r4
    add r1, r1, r4
    add r2, r2, r4
    add r3, r3, r4
    add r4, sp, #I_ROWS
    stmia r4, {r0-r3}
    ldr r12, [sp, #I_V]
    ldr lr, [sp, #I_STEP]
    lsl lr, lr, #2
    mov r1, sp
3:  ldmia r1!, {r2-r11}
    wg_input0 lr
    wg_input1 lr
    wg_input2 lr
    wg_input3 lr
    @ Back by 16 positions, and on by one.
    sub r12, r12, lr, lsl #2
    add r12, r12, lr, lsr #2
    add r0, sp, #160
    cmp r1, r0
    bne 3b
    ldrd r0, r1, [sp, #I_V]
    adds r0, #16
    subs r1, #1
    strd r0, r1, [sp, #I_V]
    add r0, sp, #I_ROWS
    ldmia r0, {r0-r3}
    bne 1b
    add sp, #I_BYTES
    pop {r4-r11, pc}

.equ J_PHASE, 240
.equ J_V, 244
.equ J_LEFT, 248
.equ J_STEP, 252
.equ J_ROWS, 256    @ the six rows
.equ J_BYTES, 280

sn_function supernano_winograd_tall_input
    push {r4-r11, lr}
    sub sp, #J_BYTES
    subs r1, #40
    strd r1, r2, [sp, #J_PHASE]
    lsls r1, r3, #4
    strd r3, r1, [sp, #J_LEFT]
    ldmia r0, {r0-r5}
1:  mov r12, sp
2:  ldr r7, [r2], #4
    ldr r6, [r4], #4
    ldr r8, [r0], #4
    ldr r9, [r3], #4
    ldr r10, [r1], #4
    ldr r11, [r5], #4
    @ Loose values that are 0x8000 too large.
    eor r7, r7, #0x8000
    eor r6, r6, #0x8000
    eor r8, r8, #0x8000
    eor r9, r9, #0x8000
    eor r10, r10, #0x8000
    eor r11, r11, #0x8000
    subs r8, r8, r7
    sub lr, r6, r7
    rsb r6, r6, r7, lsl #2
    add r8, lr, r8, lsl #2
    sub r11, r11, r9
    sub r7, r9, r10
    rsb r9, r9, r10, lsl #2
    add r10, r6, r9
    sub r6, r6, r9
    add r9, lr, r7, lsl #1
    sub lr, lr, r7, lsl #1
    sub r11, r11, r7, lsl #2
    wg_settle_input r8, 0
    wg_settle_input r10, 6
    wg_settle_input r6, 0
    wg_settle_input r9, 0
    wg_settle_input lr, 0
    wg_settle_input r11, 0
    str r10, [r12, #40]
    str r6, [r12, #80]
    str r9, [r12, #120]
    str lr, [r12, #160]
    str r11, [r12, #200]
    str r8, [r12], #4
    add r6, sp, #40
    cmp r12, r6
    bne 2b
    ldr r6, [sp, #J_PHASE]
    add r0, r0, r6
    add r1, r1, r6
    add r2, r2, r6
    add r3, r3, r6
    add r4, r4, r6
    add r5, r5, r6
    add r6, sp, #J_ROWS
    stmia r6, {r0-r5}
    ldr r12, [sp, #J_V]
    ldr lr, [sp, #J_STEP]
    mov r1, sp
3:  ldmia r1!, {r2-r11}
    wg_input1 lr
    wg_input2 lr
    wg_input0 lr
    wg_input3 lr
    add r0, sp, #240
    cmp r1, r0
    bne 3b
    ldrd r0, r1, [sp, #J_V]
    adds r0, #16
    subs r1, #1
    strd r0, r1, [sp, #J_V]
    add r0, sp, #J_ROWS
    ldmia r0, {r0-r5}
    bne.w 1b
    add sp, #J_BYTES
    pop {r4-r11, pc}

@ The weights of an output pair, transformed: fn(packed, 4 x pairs, u, pairs). The stack holds the
@ vertical transform [row][kx][output], then the words below.

@ Transforms the first taps of both outputs in r3 and r4, the second in r5 and r6, and the third in
@ r7 and r8. The results are the sum in lr and r5, the difference in r9 and r10, and the ends in r3, r4
@ and r7, r8.
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

@ The taps of a column in r3-r8, from the row in r0, which advances; \unit is 12 x pairs.
.macro wg_load unit
    add r9, r0, \unit
    add r10, r9, \unit
    wg_taps_of r0, r9, r10
.endm

@ A row of the vertical transform at r12, which advances.
.macro wg_weight_row
    ldmia r12!, {r3-r8}
    wg_taps
    sn_tight r3
    sn_tight r4
    sn_tight lr
    sn_tight r5
    sn_tight r9
    sn_tight r10
    sn_tight r7
    sn_tight r8
.endm

@ Two words: two instructions, which do not wait for the address, are faster than one.
.macro wg_put at, first, second
    str \first, [\at]
    str \second, [\at, #4]
.endm

.equ W_UNIT, 96     @ bytes of a row of packed weights
.equ W_LEFT, 100    @ pairs left
.equ W_BYTES, 104

sn_function supernano_winograd_weights
    push {r4-r11, lr}
    sub sp, #W_BYTES
    add r11, r1, r1, lsl #1
    str r11, [sp, #W_UNIT]
1:  str r3, [sp, #W_LEFT]
    mov r12, sp
    ldr r11, [sp, #W_UNIT]
2:  wg_load r11
    wg_taps
    @ In the order of positions: rows 1, 2, 0 and 3.
    strd r9, r10, [r12, #24]
    strd r3, r4, [r12, #48]
    strd r7, r8, [r12, #72]
    strd lr, r5, [r12], #8
    add r9, sp, #24
    cmp r12, r9
    bne 2b
    mov r12, sp
    lsl r11, r1, #3
3:  wg_weight_row
    wg_put r2, r3, r4
    add r3, r2, r11
    add r4, r2, r11, lsl #1
    wg_put r3, lr, r5
    add r3, r4, r11
    wg_put r4, r9, r10
    add r9, sp, #96
    wg_put r3, r7, r8
    add r2, r2, r1, lsl #1
    cmp r12, r9
    bne 3b
    sub r2, r2, r1, lsl #3
    adds r2, #8
    ldr r3, [sp, #W_LEFT]
    subs r3, #1
    bne 1b
    add sp, #W_BYTES
    pop {r4-r11, pc}

.equ X_UNIT, 144
.equ X_LEFT, 148
.equ X_BYTES, 156

sn_function supernano_winograd_tall_weights
    push {r4-r11, lr}
    sub sp, #X_BYTES
    add r11, r1, r1, lsl #1
    str r11, [sp, #X_UNIT]
1:  str r3, [sp, #X_LEFT]
    mov r12, sp
2:  ldr r11, [sp, #X_UNIT]
    wg_load r11
    @ A column of K w, from the loose taps of the first output, then of the second.
4:
    wg_enter r3
    wg_enter r5
    wg_enter r7
    add r9, r3, r7
    add r10, r3, r7, lsl #2
    add r11, r9, r5
    sub r9, r9, r5
    wg_settle r11, 3
    wg_settle r9, 1
    str r11, [r12, #24]
    str r9, [r12, #48]
    add r11, r10, r5, lsl #1
    sub r10, r10, r5, lsl #1
    wg_settle r11, 7
    wg_settle r10, 3
    str r11, [r12, #72]
    str r10, [r12, #96]
    add r3, r3, r3, lsl #1
    add r7, r7, r7, lsl #1
    lsl r3, r3, #1
    lsl r7, r7, #3
    wg_settle r3, 6
    wg_settle r7, 24
    str r3, [r12]
    str r7, [r12, #120]
    adds r12, #4
    tst r12, #4
    beq 5f
    mov r3, r4
    mov r5, r6
    mov r7, r8
    b 4b
5:  add r9, sp, #24
    cmp r12, r9
    bne 2b
    mov r12, sp
    lsl r11, r1, #1
3:  wg_weight_row
    wg_put r2, lr, r5
    add lr, r2, r11
    add r5, r2, r11, lsl #1
    wg_put lr, r9, r10
    add r9, r5, r11
    wg_put r5, r3, r4
    add r10, sp, #144
    wg_put r9, r7, r8
    add r2, r9, r11
    cmp r12, r10
    bne 3b
    @ Back by 24 positions, and on by a pair.
    add r11, r11, r11, lsl #1
    sub r2, r2, r11, lsl #3
    adds r2, #8
    ldr r3, [sp, #X_LEFT]
    subs r3, #1
    bne.w 1b
    add sp, #X_BYTES
    pop {r4-r11, pc}
