@ The macros that differ between cores: Armv7E-M and Armv8-M with the DSP extension. With SN_SINGLE, two
@ words are loaded by two instructions if they follow another load: on a Cortex-M4 they take a cycle
@ each, and LDRD takes three.
.syntax unified
.thumb

@ d = a + b and d = a - b, on both halves.
.macro sn_add16 d, a, b
    sadd16 \d, \a, \b
.endm
.macro sn_sub16 d, a, b
    ssub16 \d, \a, \b
.endm

@ Conversions to and from halves that may carry into each other: not needed here.
.macro sn_loose reg
.endm
.macro sn_tight reg
.endm

@ Adds 0x8000 to a loose value, from its two i16; a linear combination of such values has 0x8000 times
@ the sum of its factors too much. `wg_settle` takes that off and converts back.
.macro wg_enter reg
    eor \reg, \reg, #0x8000
.endm
.macro wg_settle reg, factors
.if \factors > 1
    sub \reg, \reg, #0x8000 * (\factors - 1)
.elseif \factors < 1
    add \reg, \reg, #0x8000 * (1 - \factors)
.endif
    eor \reg, \reg, #0x8000
.endm
.macro wg_settle_input reg, factors
    wg_settle \reg, \factors
.endm

@ The halves of both outputs of three words, the first of which advances.
.macro wg_taps_of base0, base1, base2
    ldr r3, [\base0], #4
    ldr r5, [\base1]
    ldr r7, [\base2]
    sxtb16 r4, r3, ror #8
    sxtb16 r3, r3
    sxtb16 r6, r5, ror #8
    sxtb16 r5, r5
    sxtb16 r8, r7, ror #8
    sxtb16 r7, r7
.endm

@ Widens channels (0, 2) to `low` and (1, 3) to `word`.
.macro sn_widen low, word
    sxtb16 \low, \word
    sxtb16 \word, \word, ror #8
.endm

@ Loads a word of weights at lr, which may advance.
.macro sn_word weight, advance
.if \advance
    ldr r0, [lr], #\advance
.else
    ldr r0, [lr, #\weight]
.endif
.endm

@ Splits the word in r0 into the weights of the first output, in r1, and of the second.
.macro sn_split
    sxtb16 r1, r0
    sxtb16 r0, r0, ror #8
.endm

@ Adds the products of a pixel to its sums.
.macro sn_products pixel, first, second
    smlad \first, \pixel, r1, \first
    smlad \second, \pixel, r0, \second
.endm

@ One kernel column: a word of weights at lr for 2 outputs, and 4 pixels of a channel pair at r12 +
@ offset. Adds to the sums of the first output in r4-r7 and of the second in r8-r11. Leaves the last
@ two pixels in r2 and r3.
.macro sn_column offset, weight, advance
    sn_word \weight, \advance
.if SN_SINGLE
    ldr r2, [r12, #\offset]
    ldr r3, [r12, #\offset + 4]
.else
    ldrd r2, r3, [r12, #\offset]
.endif
    sn_split
    sn_products r2, r4, r8
    sn_products r3, r5, r9
    ldrd r2, r3, [r12, #\offset + 8]
    sn_products r2, r6, r10
    sn_products r3, r7, r11
.endm

@ The column behind one of `sn_column`, whose last two pixels are the two in the middle here. Leaves
@ the last pixel in r3.
.macro sn_column_next offset, weight, advance
    sn_word \weight, \advance
    sn_split
    sn_products r2, r5, r9
    sn_products r3, r6, r10
    ldr r2, [r12, #\offset]
    ldr r3, [r12, #\offset + 12]
    sn_products r2, r4, r8
    sn_products r3, r7, r11
.endm

@ The column behind one of `sn_column_next`, whose last pixel is the third here.
.macro sn_column_last offset, weight, advance
    sn_word \weight, \advance
    ldr r2, [r12, #\offset + 12]
    sn_split
    sn_products r3, r6, r10
    sn_products r2, r7, r11
    ldrd r2, r3, [r12, #\offset]
    sn_products r2, r4, r8
    sn_products r3, r5, r9
.endm

@ One plane of a tile: a word of weights at lr for 2 outputs, and 4 pixels at r12. Both advance.
.macro sn_point
    ldr r0, [lr], #4
.if SN_SINGLE
    ldr r3, [r12, #4]
    ldr r2, [r12], #8
.else
    ldrd r2, r3, [r12], #8
.endif
    sxtb16 r1, r0
    sxtb16 r0, r0, ror #8
    smlad r4, r2, r1, r4
    smlad r8, r2, r0, r8
    smlad r5, r3, r1, r5
    smlad r9, r3, r0, r9
    ldrd r2, r3, [r12], #8
    smlad r6, r2, r1, r6
    smlad r10, r2, r0, r10
    smlad r7, r3, r1, r7
    smlad r11, r3, r0, r11
.endm

@ Two planes of one pixel of a tile: two words of weights at lr for 2 outputs, and a pixel of each plane
@ at r12. Both advance; the sums are in r4 and r8.
.macro sn_point1
.if SN_SINGLE
    ldr r1, [lr, #4]
    ldr r0, [lr], #8
.else
    ldrd r0, r1, [lr], #8
.endif
    ldr r3, [r12, #16]
    ldr r2, [r12], #32
    sxtb16 r5, r0
    sxtb16 r0, r0, ror #8
    smlad r4, r2, r5, r4
    smlad r8, r2, r0, r8
    sxtb16 r5, r1
    sxtb16 r1, r1, ror #8
    smlad r4, r3, r5, r4
    smlad r8, r3, r1, r8
.endm

@ The same of two pixels, whose sums are in r4, r5, r8 and r9.
.macro sn_point2
.if SN_SINGLE
    ldr r1, [lr, #4]
    ldr r0, [lr], #8
    ldr r3, [r12, #4]
    ldr r6, [r12, #16]
    ldr r7, [r12, #20]
    ldr r2, [r12], #32
.else
    ldrd r0, r1, [lr], #8
    ldrd r6, r7, [r12, #16]
    ldrd r2, r3, [r12], #32
.endif
    sxtb16 r10, r0
    sxtb16 r0, r0, ror #8
    smlad r4, r2, r10, r4
    smlad r5, r3, r10, r5
    smlad r8, r2, r0, r8
    smlad r9, r3, r0, r9
    sxtb16 r10, r1
    sxtb16 r1, r1, ror #8
    smlad r4, r6, r10, r4
    smlad r5, r7, r10, r5
    smlad r8, r6, r1, r8
    smlad r9, r7, r1, r9
.endm

@ One channel pair of 4 tiles at r12 and of 2 outputs at lr. Both pointers advance.
.equ WG_UNROLLED, 8
.if SN_SINGLE
.equ WG_PAIR_BYTES, 52
.else
.equ WG_PAIR_BYTES, 44
.endif
.macro wg_pair
.if SN_SINGLE
    ldr r1, [lr, #4]
    ldr r0, [lr], #8
    ldr.w r3, [r12, #4]
    ldr r2, [r12], #8
.else
    ldrd r0, r1, [lr], #8
    ldrd r2, r3, [r12], #8
.endif
    smlad r4, r2, r0, r4
    smlad r8, r2, r1, r8
    smlad r5, r3, r0, r5
    smlad r9, r3, r1, r9
    ldrd r2, r3, [r12], #8
    smlad r6, r2, r0, r6
    smlad r10, r2, r1, r10
    smlad r7, r3, r0, r7
    smlad r11, r3, r1, r11
.endm

@ sum = sat8(zero + mulr(sum, factor)), with the zero point in r2.
.macro sn_requantise sum, factor
    smmlar \sum, \sum, \factor, r2
    ssat \sum, #8, \sum
.endm
