@ Dot products and pooling, with the DSP extension.

@ fn(pairs, weights, words, sum) -> sum
sn_function supernano_dot
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

@ fn(source, step in bytes, words, sums: *mut u32): adds the i16 sums of bytes 0 and 2, and of bytes
@ 1 and 3, of at most 256 words to two words.
sn_function supernano_pool
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
