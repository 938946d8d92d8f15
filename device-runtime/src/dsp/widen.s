@ Widening of i8 channels to i16 pairs.

@ fn(source, step in bytes, low, high, count)
sn_function supernano_widen
    push {r4-r11, lr}
    ldr r4, [sp, #36]
    subs r4, #4
    blo 2f
1:  ldr r5, [r0]
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
    stmia r3!, {r5-r8}
    subs r4, #4
    bhs 1b
2:  adds r4, #4
    beq 4f
3:  ldr r5, [r0]
    add r0, r0, r1
    sn_widen r6, r5
    str r6, [r2], #4
    str r5, [r3], #4
    subs r4, #1
    bne 3b
4:  pop {r4-r11, pc}
