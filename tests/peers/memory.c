/* memcpy, memset and memcmp, by words where both addresses allow it. */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word;

void *memcpy(void *to, const void *from, size_t count)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((((uintptr_t)out | (uintptr_t)in) & 3) == 0) {
        for (; count >= 16; count -= 16, out += 16, in += 16) {
            word *o = (word *)out;
            const word *i = (const word *)in;
            word a = i[0], b = i[1], c = i[2], d = i[3];
            o[0] = a, o[1] = b, o[2] = c, o[3] = d;
        }
        for (; count >= 4; count -= 4, out += 4, in += 4) {
            *(word *)out = *(const word *)in;
        }
    }
    while (count--) {
        *out++ = *in++;
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *out = to;
    word all = (uint8_t)value * 0x01010101u;
    for (; count > 0 && ((uintptr_t)out & 3); count--) {
        *out++ = (uint8_t)value;
    }
    for (; count >= 4; count -= 4, out += 4) {
        *(word *)out = all;
    }
    while (count--) {
        *out++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < count; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}
