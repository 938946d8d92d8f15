@ Widening, dot products and pooling.
.syntax unified
.thumb

.macro sm_function name
.section .text.\name, "ax"
.global \name
.type \name, %function
.thumb_func
.balign 4
\name:
.endm

@ fn(source, step bytes, low, high, count)
sm_function supernano_widen
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
    sxtb16 r9, r5
    sxtb16 r10, r6
    sxtb16 r11, r7
    sxtb16 r12, r8
    stmia r2!, {r9-r12}
    sxtb16 r5, r5, ror #8
    sxtb16 r6, r6, ror #8
    sxtb16 r7, r7, ror #8
    sxtb16 r8, r8, ror #8
    stmia r3!, {r5-r8}
    subs r4, #4
    bhs 1b
2:  adds r4, #4
    beq 4f
3:  ldr r5, [r0]
    add r0, r0, r1
    sxtb16 r6, r5
    str r6, [r2], #4
    sxtb16 r5, r5, ror #8
    str r5, [r3], #4
    subs r4, #1
    bne 3b
4:  pop {r4-r11, pc}

@ fn(pairs, weights, words, sum) -> sum
sm_function supernano_dot
    push {r4-r9, lr}
    lsrs r2, r2, #1
    bcc 1f
    ldr r4, [r1], #4
    ldrd r6, r7, [r0], #8
    sxtb16 r8, r4
    sxtb16 r4, r4, ror #8
    smlad r3, r6, r8, r3
    smlad r3, r7, r4, r3
1:  cbz r2, 3f
2:  ldrd r4, r5, [r1], #8
    ldmia r0!, {r6-r9}
    sxtb16 r12, r4
    smlad r3, r6, r12, r3
    sxtb16 r4, r4, ror #8
    smlad r3, r7, r4, r3
    sxtb16 r12, r5
    smlad r3, r8, r12, r3
    sxtb16 r5, r5, ror #8
    smlad r3, r9, r5, r3
    subs r2, #1
    bne 2b
3:  mov r0, r3
    pop {r4-r9, pc}

@ fn(source, step bytes, words, sums: *mut u32): i16 sums of bytes 0 and 2, and of 1 and 3, of at
@ most 256 words, added to two words.
sm_function supernano_pool
    push {r4-r7, lr}
    ldrd r4, r5, [r3]
    lsrs r2, r2, #1
    bcc 1f
    ldr r6, [r0]
    add r0, r0, r1
    sxtab16 r4, r4, r6
    sxtab16 r5, r5, r6, ror #8
1:  cbz r2, 3f
2:  ldr r6, [r0]
    ldr r7, [r0, r1]
    add r0, r0, r1, lsl #1
    sxtab16 r4, r4, r6
    sxtab16 r5, r5, r6, ror #8
    sxtab16 r4, r4, r7
    sxtab16 r5, r5, r7, ror #8
    subs r2, #1
    bne 2b
3:  strd r4, r5, [r3]
    pop {r4-r7, pc}
