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
.equ P_AT, 48       @ inputs of the next tile
.equ P_END, 52      @ end of the pair's weights
.equ P_LEFT, 56     @ whole tiles left
.equ P_REAL, 60     @ first pixel of the last tile, and the pitch
.equ P_EDGE, 68     @ room for the outputs of the last tile
.equ P_CALL, 76     @ the fields of a `RowCall` from here on
.equ P_INPUTS, 76
.equ P_WEIGHTS, 80  @ weights of the pair, and their bytes
.equ P_WHOLE, 88    @ whole tiles of a row
.equ P_REST, 92     @ pixels of the last tile
.equ P_PAIRS, 96    @ pairs left
.equ P_OUTPUT, 100  @ first pixel of the pair, and the pitch
.equ P_ZERO, 108
.equ P_KIND, 112
.equ P_BIAS, 116    @ the pair's bias and K
.equ P_M, 124       @ the pair's M and N
.equ P_BYTES, 132

@ fn(call: *const RowCall)
sn_function supernano_pointwise
    push {r4-r11, lr}
    sub sp, #P_BYTES
    add r12, sp, #P_CALL
    ldmia r0!, {r1-r7}
    stmia r12!, {r1-r7}
    ldmia r0, {r1-r7}
    stmia r12, {r1-r7}
    str r2, [sp, #T_ZERO]
    movw r0, #:lower16:supernano_finishes
    movt r0, #:upper16:supernano_finishes
    ldr r0, [r0, r3, lsl #2]
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
    add r1, r1, r0
    str r1, [sp, #P_END]
    ldr r12, [sp, #P_INPUTS]
    ldr r0, [sp, #P_WHOLE]
    str r0, [sp, #P_LEFT]
    cmp r0, #0
    beq 6f
2:  ldrd r4, r8, [sp, #T_BIAS]
    mov r5, r4
    mov r6, r4
    mov r7, r4
    mov r9, r8
    mov r10, r8
    mov r11, r8
    ldrd lr, r0, [sp, #P_WEIGHTS]
    tst r0, #8
    beq 4f
    sn_point
    sn_point
    ldr r0, [sp, #P_END]
    cmp lr, r0
    beq 5f
4:  sn_point
    sn_point
    sn_point
    sn_point
    ldr r0, [sp, #P_END]
    cmp lr, r0
    bne 4b
5:  str r12, [sp, #P_AT]
    ldr r0, [sp, #T_FINISH]
    blx r0
    ldr r12, [sp, #P_AT]
    ldr r0, [sp, #P_LEFT]
    subs r0, #1
    str r0, [sp, #P_LEFT]
    bgt 2b
    blt 8f
6:  ldr r0, [sp, #P_REST]
    cmp r0, #0
    beq 10f
    ldrd r1, r2, [sp, #T_OUT]
    strd r1, r2, [sp, #P_REAL]
    add r3, sp, #P_EDGE
    movs r5, #2
    strd r3, r5, [sp, #T_OUT]
7:  ldrh r4, [r1]
    add r1, r1, r2
    strh r4, [r3], #2
    subs r0, #1
    bne 7b
    str r0, [sp, #P_LEFT]
    b 2b
8:  ldr r0, [sp, #P_REST]
    ldrd r1, r2, [sp, #P_REAL]
    add r3, sp, #P_EDGE
9:  ldrh r4, [r3], #2
    strh r4, [r1]
    add r1, r1, r2
    subs r0, #1
    bne 9b
10: ldr r0, [sp, #P_END]
    str r0, [sp, #P_WEIGHTS]
    ldr r0, [sp, #P_PAIRS]
    subs r0, #1
    str r0, [sp, #P_PAIRS]
    bne 1b
    add sp, #P_BYTES
    pop {r4-r11, pc}
