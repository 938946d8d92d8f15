@ Widens rows of depthwise convolutions, two pixels at a time with `dw_pair`.

@ fn(source, step in bytes, out, call: *const WidenCall)
sn_function supernano_depthwise_widen
    push {r4-r11, lr}
    ldr r4, [r3, #20]
    push {r0, r2, r3, r4}
5:  ldmia r3, {r3, r4, r11, r12, lr}
    cmp r12, #0
    beq 1f
    mov r5, r11
    ldr r6, [r0]
    add r0, r0, r1
    sub lr, lr, #1
    dw_pair
1:  subs lr, lr, #2
    blo 3f
2:  ldr r5, [r0]
    ldr r6, [r0, r1]
    add r0, r0, r1, lsl #1
    dw_pair
    subs lr, lr, #2
    bhs 2b
3:  adds lr, lr, #1
    bne 4f
    ldr r5, [r0]
    mov r6, r11
    dw_pair
4:  ldmia sp, {r0, r2, r3, r4}
    ldr r5, [r3, #4]
    add r2, r2, r5, lsl #2
    adds r0, #4
    subs r4, #1
    stmia sp, {r0, r2, r3, r4}
    bne 5b
    add sp, #16
    pop {r4-r11, pc}
