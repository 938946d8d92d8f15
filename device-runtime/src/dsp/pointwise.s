@ Pointwise convolutions.

@ fn(source, step in bytes, out, call: *const WidenCall)
sn_function supernano_pointwise_widen
    push {r4-r11, lr}
    ldmia r3, {r5-r7}
    push {r0, r2, r5, r6, r7}
    @ The stack holds the source, the output, the bytes of a tile, the pixels and the quads left.
1:  ldrd r0, r2, [sp]
    ldrd r3, r4, [sp, #8]
    subs r4, #4
    blo 3f
2:  ldr r5, [r0]
    ldr r6, [r0, r1]
    add r0, r0, r1, lsl #1
    ldr r7, [r0]
    ldr r8, [r0, r1]
    add r0, r0, r1, lsl #1
    sn_widen r9, r5
    sn_widen r10, r6
    sn_widen r11, r7
    sn_widen lr, r8
    stmia r2!, {r9-r11, lr}
    stmia r2, {r5-r8}
    add r2, r2, r3
    sub r2, r2, #16
    subs r4, #4
    bhs 2b
3:  adds r4, #4
    beq 5f
4:  ldr r5, [r0]
    add r0, r0, r1
    sn_widen r6, r5
    str r5, [r2, #16]
    str r6, [r2], #4
    subs r4, #1
    bne 4b
5:  ldrd r0, r2, [sp]
    adds r0, #4
    adds r2, #32
    strd r0, r2, [sp]
    ldr r5, [sp, #16]
    subs r5, #1
    str r5, [sp, #16]
    bne 1b
    add sp, #20
    pop {r4-r11, pc}

@ The stack of the routine below: the parameters of finish.s, then these words.
.equ P_END, 48      @ end of the weights of the run at work
.equ P_FIRST, 52    @ end of those of the first run
.equ P_REAL, 56     @ first pixel of the last tile, and the pitch
.equ P_EDGE, 64     @ room for the outputs of the last tile
.equ P_AT, 72       @ inputs of the next tile
.equ P_CALL, 76     @ the fields of a `RowCall` from here on
.equ P_LIMIT, 76    @ end of the whole tiles
.equ P_INPUTS, 80   @ first run of the first tile
.equ P_WEIGHTS, 84  @ weights of the pair, and the bytes of those of a tile's first run
.equ P_SECOND, 92   @ bytes of the weights of the second run, or 0
.equ P_TILE, 96     @ bytes of a tile
.equ P_LAST, 100    @ end of the pair's weights
.equ P_REST, 104    @ pixels of the last tile
.equ P_SMALL, 108   @ pixels of a tile of one or two pixels
.equ P_PAIRS, 112   @ pairs left
.equ P_OUTPUT, 116  @ first pixel of the pair, and the pitch
.equ P_ZERO, 124
.equ P_KIND, 128
.equ P_BIAS, 132    @ the pair's bias and K
.equ P_M, 140       @ the pair's M and N
.equ P_BYTES, 148

@ Ends a run of a tile. If a second run is left, r12 goes back to the start of the tile and `next` goes
@ on with it; r1 holds the bytes of its weights. Otherwise r12 points to the next tile.
.macro sn_run next:vararg
    ldr r1, [sp, #P_SECOND]
    cbz r1, 9f
    ldrd r0, r2, [sp, #P_TILE]
    cmp lr, r2
    beq 8f
    sub r12, r12, r0
    str r2, [sp, #P_END]
    \next
8:  ldr r1, [sp, #P_FIRST]
    add r12, r12, r0
    str r1, [sp, #P_END]
9:
.endm

@ A tile of one or two pixels, without residual and PReLU.
.macro sn_small pixels
    ldrd r4, r8, [sp, #T_BIAS]
.if \pixels == 2
    mov r5, r4
    mov r9, r8
.endif
    ldrd lr, r1, [sp, #P_WEIGHTS]
2:  tst r1, #8
    bne 4f
3:  sn_point\pixels
4:  sn_point\pixels
    ldr r0, [sp, #P_END]
    cmp lr, r0
    bne 3b
    sn_run b 2b
    ldr r2, [sp, #T_ZERO]
    ldrd r0, r1, [sp, #T_M]
    sn_requantise r4, r0
    sn_requantise r8, r1
    bfi r4, r8, #8, #8
.if \pixels == 2
    sn_requantise r5, r0
    sn_requantise r9, r1
    bfi r5, r9, #8, #8
.endif
    ldrd r0, r1, [sp, #T_OUT]
    strh r4, [r0]
.if \pixels == 2
    strh r5, [r0, r1]
.endif
.endm

@ fn(call: *const RowCall)
sn_function supernano_pointwise
    push {r4-r11, lr}
    sub sp, #P_BYTES
    add r12, sp, #P_CALL
    ldmia r0!, {r1-r9}
    stmia r12!, {r1-r9}
    ldmia r0, {r1-r9}
    stmia r12, {r1-r9}
    str r4, [sp, #T_ZERO]
    movw r0, #:lower16:supernano_finishes
    movt r0, #:upper16:supernano_finishes
    ldr r0, [r0, r5, lsl #2]
    str r0, [sp, #T_FINISH]
1:  ldrd r0, r1, [sp, #P_BIAS]
    ldrd r2, r3, [sp, #P_M]
    ldmia r0!, {r4, r5}
    ldmia r1!, {r6, r7}
    ldmia r2!, {r8, r9}
    ldmia r3!, {r10, r11}
    strd r0, r1, [sp, #P_BIAS]
    strd r2, r3, [sp, #P_M]
    sub r10, r10, r8
    sub r11, r11, r9
    add r0, sp, #T_BIAS
    stmia r0, {r4-r11}
    ldrd r0, r1, [sp, #P_OUTPUT]
    strd r0, r1, [sp, #T_OUT]
    adds r0, #2
    str r0, [sp, #P_OUTPUT]
    ldrd r0, r1, [sp, #P_WEIGHTS]
    ldr r2, [sp, #P_SECOND]
    add r0, r0, r1
    add r2, r2, r0
    strd r0, r0, [sp, #P_END]
    str r2, [sp, #P_LAST]
    ldrd r0, r12, [sp, #P_LIMIT]
    cmp r12, r0
    beq 6f
15: ldrd r4, r8, [sp, #T_BIAS]
    mov r5, r4
    mov r6, r4
    mov r7, r4
    mov r9, r8
    mov r10, r8
    mov r11, r8
    ldrd lr, r1, [sp, #P_WEIGHTS]
3:  tst r1, #8
    bne 5f
4:  sn_point
    sn_point
5:  sn_point
    sn_point
    ldr r0, [sp, #P_END]
    cmp lr, r0
    bne 4b
    sn_run b 3b
    str r12, [sp, #P_AT]
    ldr r0, [sp, #T_FINISH]
    blx r0
    ldrd r12, r0, [sp, #P_AT]
    cmp r12, r0
    blo 15b
    bhi 12f
6:  ldrd r0, r3, [sp, #P_REST]
    cmp r3, #1
    blo 10f
    bne 7f
    sn_small 1
    b 14f
7:  sn_small 2
    b 14f
10: cmp r0, #0
    beq 14f
    ldrd r1, r2, [sp, #T_OUT]
    strd r1, r2, [sp, #P_REAL]
    add r3, sp, #P_EDGE
    movs r5, #2
    strd r3, r5, [sp, #T_OUT]
11: ldrh r4, [r1]
    add r1, r1, r2
    strh r4, [r3], #2
    subs r0, #1
    bne 11b
    b 15b
12: ldr r0, [sp, #P_REST]
    ldrd r1, r2, [sp, #P_REAL]
    add r3, sp, #P_EDGE
13: ldrh r4, [r3], #2
    strh r4, [r1]
    add r1, r1, r2
    subs r0, #1
    bne 13b
14: ldr r0, [sp, #P_LAST]
    str r0, [sp, #P_WEIGHTS]
    ldr r0, [sp, #P_PAIRS]
    subs r0, #1
    str r0, [sp, #P_PAIRS]
    bne 1b
    add sp, #P_BYTES
    pop {r4-r11, pc}
