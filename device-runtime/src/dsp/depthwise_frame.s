@ The stack of the rows of depthwise convolutions: the fields of a `RowCall`, then words of the routines.
.equ D_RING, 0      @ first group of the channel
.equ D_PLANE, 4     @ bytes from a channel to the next
.equ D_WEIGHTS, 8   @ weights of the channel
.equ D_ORDER, 12    @ offsets of the kernel rows for slots 0, 1 and 2
.equ D_BIAS, 24
.equ D_POSITIVE, 28
.equ D_OUTPUT, 32   @ first pixel of the channel
.equ D_CHANNELS, 36 @ channels left
.equ D_SPAN, 40     @ bytes of the groups that the loop ends with
.equ D_PIXELS, 44
.equ D_ZERO, 48
.equ D_PITCH, 52
.equ D_CALL, 56     @ bytes of a `RowCall`
