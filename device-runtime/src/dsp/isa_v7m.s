@ The macros that differ between cores: Armv7-M, and Armv8-M without the DSP extension.
.syntax unified
.thumb

@ d = a + b and d = a - b, on two halves that may carry.
.macro sn_add16 d, a, b
    add \d, \a, \b
.endm
.macro sn_sub16 d, a, b
    sub \d, \a, \b
.endm

@ Loose: the number high x 65536 + low, which plain additions preserve. Tight: two i16.
.macro sn_loose reg
    eor \reg, \reg, #0x8000
    sub \reg, \reg, #0x8000
.endm
.macro sn_tight reg
    add \reg, \reg, #0x8000
    eor \reg, \reg, #0x8000
.endm

@ Halves stay loose between the two transforms. Those of inputs have 0x8000 times the sum of their
@ factors too much, which `wg_settle_input` takes off.
.macro wg_enter reg
.endm
.macro wg_settle reg, factors
.endm
.macro wg_settle_input reg, factors
.if \factors
    sub \reg, \reg, #0x8000 * \factors
.endif
.endm

@ Loose halves of both outputs from a packed word of weights. `temp` may be overwritten.
.macro sn_taps first, second, base, offset, temp
    ldrsb \first, [\base, #\offset]
    ldrsb \temp, [\base, #\offset + 2]
    add \first, \first, \temp, lsl #16
    ldrsb \second, [\base, #\offset + 1]
    ldrsb \temp, [\base, #\offset + 3]
    add \second, \second, \temp, lsl #16
.endm

@ The halves of both outputs of three words, the first of which advances.
.macro wg_taps_of base0, base1, base2
    sn_taps r5, r6, \base1, 0, lr
    sn_taps r7, r8, \base2, 0, lr
    sn_taps r3, r4, \base0, 0, lr
    adds \base0, #4
.endm

@ Widens channels (0, 2) to `low` and (1, 3) to `word`; overwrites r12.
.macro sn_widen low, word
    sxtb \low, \word
    sbfx r12, \word, #16, #8
    bfi \low, r12, #16, #16
    asr r12, \word, #24
    sbfx \word, \word, #8, #8
    bfi \word, r12, #16, #16
.endm

@ Multiplies 4 pixels of one channel by the weights of two outputs in r0 and r1. A load directly after
@ a load takes one cycle less.
.macro sn_channel offset
    ldrsh.w r2, [r12, #\offset]
    ldrsh.w r3, [r12, #\offset + 4]
    mla r4, r2, r0, r4
    mla r8, r2, r1, r8
    mla r5, r3, r0, r5
    mla r9, r3, r1, r9
    ldrsh.w r2, [r12, #\offset + 8]
    ldrsh.w r3, [r12, #\offset + 12]
    mla r6, r2, r0, r6
    mla r10, r2, r1, r10
    mla r7, r3, r0, r7
    mla r11, r3, r1, r11
.endm

@ One kernel column: a word of weights at lr for 2 outputs, and 4 pixels of a channel pair at r12 +
@ offset. Adds to the sums of the first output in r4-r7 and of the second in r8-r11.
.macro sn_column offset, weight, advance
    ldrsb r0, [lr, #\weight + 2]
    ldrsb r1, [lr, #\weight + 3]
    sn_channel \offset + 2
    ldrsb r1, [lr, #\weight + 1]
.if \advance
    ldrsb r0, [lr], #\advance
.else
    ldrsb r0, [lr, #\weight]
.endif
    sn_channel \offset
.endm

@ Columns behind another one: each loads its pixels itself.
.macro sn_column_next offset, weight, advance
    sn_column \offset, \weight, \advance
.endm
.macro sn_column_last offset, weight, advance
    sn_column \offset, \weight, \advance
.endm

@ One plane of a tile: a word of weights at lr for 2 outputs, and 4 pixels at r12. Both advance.
.macro sn_point
    sn_column 0, 0, 4
    add r12, r12, #16
.endm

@ Two planes of one pixel of a tile: two words of weights at lr for 2 outputs, and a pixel of each plane
@ at r12. Both advance; the sums are in r4 and r8.
.macro sn_plane1
    ldrsb r0, [lr, #2]
    ldrsb r1, [lr, #3]
    ldrsb r7, [lr, #1]
    ldrsb r6, [lr], #4
    ldrsh.w r2, [r12, #2]
    ldrsh.w r3, [r12], #16
    mla r4, r2, r0, r4
    mla r8, r2, r1, r8
    mla r4, r3, r6, r4
    mla r8, r3, r7, r8
.endm
.macro sn_point1
    sn_plane1
    sn_plane1
.endm

@ The same of two pixels, whose sums are in r4, r5, r8 and r9.
.macro sn_plane2
    ldrsb r0, [lr, #2]
    ldrsb r1, [lr, #3]
    ldrsb r7, [lr, #1]
    ldrsb r6, [lr], #4
    ldrsh.w r2, [r12, #2]
    ldrsh.w r3, [r12, #6]
    ldrsh.w r11, [r12, #4]
    ldrsh.w r10, [r12], #16
    mla r4, r2, r0, r4
    mla r8, r2, r1, r8
    mla r5, r3, r0, r5
    mla r9, r3, r1, r9
    mla r4, r10, r6, r4
    mla r8, r10, r7, r8
    mla r5, r11, r6, r5
    mla r9, r11, r7, r9
.endm
.macro sn_point2
    sn_plane2
    sn_plane2
.endm

@ One channel pair of 4 tiles at r12 and of 2 outputs at lr. Both pointers advance.
.equ WG_UNROLLED, 4
.equ WG_PAIR_BYTES, 112
.macro wg_pair
    ldrsh.w r0, [lr, #2]
    ldrsh.w r1, [lr, #6]
    sn_channel 2
    ldrsh.w r1, [lr, #4]
    ldrsh.w r0, [lr], #8
    ldrsh.w r2, [r12, #12]
    ldrsh.w r3, [r12, #8]
    mla r7, r2, r0, r7
    mla r11, r2, r1, r11
    mla r6, r3, r0, r6
    mla r10, r3, r1, r10
    ldrsh.w r2, [r12, #4]
    ldrsh.w r3, [r12], #16
    mla r5, r2, r0, r5
    mla r9, r2, r1, r9
    mla r4, r3, r0, r4
    mla r8, r3, r1, r8
.endm

@ sum = sat8(zero + mulr(sum, factor)), with the zero point in r2. Overwrites r3, which may be the
@ factor, and r12.
.macro sn_requantise sum, factor
    smull r3, r12, \sum, \factor
    lsls r3, r3, #1
    adc \sum, r12, r2
    ssat \sum, #8, \sum
.endm
