/* Runs the networks of `cargo xtask bench-device` with the kernels of CMSIS-NN on one of QEMU's MPS2
   machines. For each network it runs one inference between two reads of the timer, computes the same
   with plain loops, and prints a line `NAME equal` or `NAME different`; then `end`. The weights are
   arbitrary: the counts hardly depend on them. CMSIS-NN itself is not part of this project. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arm_nnfunctions.h"

#define SIDE 32
#define MAP (SIDE * SIDE * 16)
#define CHANNELS 100
#define WEIGHTS (400 * 1024)
#define LAYERS 64

/* The UART and the timer of the machine: a CMSDK timer, or the system counter of an SSE-300. */
#ifndef UART
#define UART 0x40004000u
#define TIMER 0x40000000u
#endif
#ifdef SYSTEM_COUNTER
#define COUNT 2
#else
#define COUNT 1
#endif

static volatile uint32_t *const port = (volatile uint32_t *)UART;
static volatile uint32_t *const timer = (volatile uint32_t *)TIMER;

static int8_t weights[WEIGHTS];
static int32_t bias[CHANNELS], multiplier[CHANNELS], shift[CHANNELS];
static int8_t image[SIDE * SIDE * 3], maps[2][4][MAP], pooled[CHANNELS], logits[2][CHANNELS];
static uint32_t scratch[64 * 1024 / 4];
/* Sums of the classifier's weights, which its vector kernel reads. */
static int32_t sums[CHANNELS];
static const int8_t *classifier;

/* Name, channels of the first group, blocks of a group, projections in the first group, classes. */
static const struct network {
    const char *name;
    int width, blocks, projected, classes;
} networks[] = {
    {"resnet8", 16, 1, 0, 10},
    {"large", 16, 3, 1, 100},
    {"mid", 8, 3, 1, 100},
    {"small", 4, 3, 1, 100},
};

struct conv {
    int side, input, output, kernel, stride;
    bool relu;
    const int8_t *weights;
};

static int32_t doubled(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

static int32_t divided(int32_t value, int exponent)
{
    int32_t mask = (1 << exponent) - 1, rest = value & mask, result = value >> exponent;
    return result + (rest > (mask >> 1) + (result < 0));
}

static int32_t requantised(int32_t value, int32_t by, int32_t shifted)
{
    int left = shifted > 0 ? shifted : 0, right = shifted > 0 ? 0 : -shifted;
    return divided(doubled(value * (1 << left), by), right);
}

static int8_t clamped(int32_t value, int32_t least)
{
    return (int8_t)(value < least ? least : value > 127 ? 127 : value);
}

/* Zero point of every feature map. */
#define ZERO (-128)
/* ReLU cuts at the zero point, so that it costs nothing; without it the whole range is used. */
static int32_t least(bool relu)
{
    return relu ? ZERO + 1 : -128;
}

static void plain_conv(const struct conv *c, const int8_t *in, int8_t *out)
{
    int pad = c->kernel / 2, side = c->side / c->stride;
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            for (int o = 0; o < c->output; o++) {
                int32_t sum = bias[o];
                for (int ky = 0; ky < c->kernel; ky++) {
                    for (int kx = 0; kx < c->kernel; kx++) {
                        int row = y * c->stride + ky - pad, column = x * c->stride + kx - pad;
                        if (row < 0 || column < 0 || row >= c->side || column >= c->side) {
                            continue;
                        }
                        const int8_t *pixel = in + (row * c->side + column) * c->input;
                        const int8_t *taps =
                            c->weights + ((o * c->kernel + ky) * c->kernel + kx) * c->input;
                        for (int i = 0; i < c->input; i++) {
                            sum += (pixel[i] - ZERO) * taps[i];
                        }
                    }
                }
                sum = requantised(sum, multiplier[o], shift[o]) + ZERO;
                out[(y * side + x) * c->output + o] = clamped(sum, least(c->relu));
            }
        }
    }
}

static void fast_conv(const struct conv *c, const int8_t *in, int8_t *out)
{
    /* With stride 2, TFLite pads after the image; the plain loops pad before it as well. */
    int pad = c->kernel / 2, side = c->side / c->stride;
    cmsis_nn_context context = {scratch, sizeof scratch};
    cmsis_nn_conv_params params = {
        -ZERO, ZERO, {c->stride, c->stride}, {pad, pad}, {1, 1}, {least(c->relu), 127}};
    cmsis_nn_per_channel_quant_params quantised = {multiplier, shift};
    cmsis_nn_dims input = {1, c->side, c->side, c->input};
    cmsis_nn_dims filter = {c->output, c->kernel, c->kernel, c->input};
    cmsis_nn_dims biases = {1, 1, 1, c->output}, output = {1, side, side, c->output};
    arm_convolve_wrapper_s8(&context, &params, &quantised, &input, in, &filter, c->weights, &biases,
                            bias, &output, out);
}

#define ADD_SHIFT 20
#define ADD_MULTIPLIER 1073741824
static void add(bool fast, const int8_t *a, const int8_t *b, int8_t *out, int count)
{
    if (fast) {
        arm_elementwise_add_s8(a, b, -ZERO, ADD_MULTIPLIER, 0, -ZERO, ADD_MULTIPLIER, 0, ADD_SHIFT, out,
                               ZERO, ADD_MULTIPLIER, 1 - ADD_SHIFT, least(true), 127, count);
        return;
    }
    for (int i = 0; i < count; i++) {
        int32_t x = requantised((a[i] - ZERO) * (1 << ADD_SHIFT), ADD_MULTIPLIER, 0);
        int32_t y = requantised((b[i] - ZERO) * (1 << ADD_SHIFT), ADD_MULTIPLIER, 0);
        out[i] = clamped(requantised(x + y, ADD_MULTIPLIER, 1 - ADD_SHIFT) + ZERO, least(true));
    }
}

static void classify(bool fast, const int8_t *in, int side, int channels, int classes,
                     const int8_t *taps, int8_t *out)
{
    int count = side * side;
    if (fast) {
        cmsis_nn_context context = {scratch, sizeof scratch};
        cmsis_nn_pool_params pool = {{1, 1}, {0, 0}, {-128, 127}};
        cmsis_nn_dims input = {1, side, side, channels}, one = {1, 1, 1, channels};
        cmsis_nn_dims filter = {channels, side, side, 1};
        arm_avgpool_s8(&context, &pool, &input, in, &filter, &one, pooled);
        cmsis_nn_fc_params params = {-ZERO, 0, 0, {-128, 127}};
        cmsis_nn_per_tensor_quant_params quantised = {multiplier[0], shift[0]};
        cmsis_nn_dims matrix = {channels, 1, 1, classes}, biases = {1, 1, 1, classes};
        cmsis_nn_dims output = {1, 1, 1, classes};
        cmsis_nn_context kernel_sums = {sums, sizeof sums};
        arm_fully_connected_s8(&kernel_sums, &params, &quantised, &one, pooled, &matrix, taps, &biases,
                               bias, &output, out);
        return;
    }
    classifier = taps;
    for (int c = 0; c < channels; c++) {
        int32_t sum = 0;
        for (int i = 0; i < count; i++) {
            sum += in[i * channels + c];
        }
        sum = sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
        pooled[c] = clamped(sum, -128);
    }
    for (int class = 0; class < classes; class++) {
        int32_t sum = bias[class];
        for (int c = 0; c < channels; c++) {
            sum += (pooled[c] - ZERO) * taps[class * channels + c];
        }
        out[class] = clamped(requantised(sum, multiplier[0], shift[0]), -128);
    }
}

static void run(const struct network *n, bool fast)
{
    void (*conv)(const struct conv *, const int8_t *, int8_t *) = fast ? fast_conv : plain_conv;
    int8_t *a = maps[fast][0], *b = maps[fast][1], *c = maps[fast][2], *d = maps[fast][3];
    const int8_t *next = weights;
    int side = SIDE, channels = n->width;
    struct conv stem = {side, 3, n->width, 3, 1, true, next};
    conv(&stem, image, a);
    next += 27 * n->width;
    for (int group = 0; group < 3; group++) {
        for (int block = 0; block < n->blocks; block++) {
            int stride = group > 0 && block == 0 ? 2 : 1, output = n->width << group;
            struct conv first = {side, channels, output, 3, stride, true, next};
            next += 9 * channels * output;
            conv(&first, a, b);
            bool projected = n->projected || group > 0;
            const int8_t *shortcut = a;
            if (projected) {
                struct conv small = {side, channels, output, 1, stride, false, next};
                next += channels * output;
                conv(&small, a, d);
                shortcut = d;
            }
            side /= stride;
            struct conv second = {side, output, output, 3, 1, false, next};
            next += 9 * output * output;
            conv(&second, b, c);
            add(fast, c, shortcut, a, side * side * output);
            channels = output;
        }
    }
    classify(fast, a, side, channels, n->classes, next, logits[fast]);
}

static void say(const char *text)
{
    for (; *text; text++) {
        while (port[1] & 1u) {
        }
        port[0] = (uint8_t)*text;
    }
}

int main(void)
{
    uint32_t state = 1;
    for (int i = 0; i < WEIGHTS; i++) {
        state = state * 1664525u + 1013904223u;
        weights[i] = (int8_t)((int32_t)state >> 26);
    }
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        image[i] = (int8_t)(i * 37 % 251 - 125);
    }
    for (int i = 0; i < CHANNELS; i++) {
        bias[i] = i * 997 % 4001 - 2000;
        multiplier[i] = 1200000000 + i * 1000003;
        shift[i] = -8 - i % 2;
    }
    port[4] = 16;
    port[2] = 3;
#ifndef SYSTEM_COUNTER
    timer[0] = 0;
    timer[2] = timer[1] = UINT32_MAX;
#endif
    timer[0] = 1;
    for (unsigned i = 0; i < sizeof networks / sizeof *networks; i++) {
        const struct network *n = &networks[i];
        run(n, false);
        arm_vector_sum_s8(sums, n->width << 2, n->classes, classifier, -ZERO, 0, bias);
        (void)timer[COUNT];
        run(n, true);
        (void)timer[COUNT];
        bool equal = memcmp(logits[0], logits[1], (size_t)n->classes) == 0 &&
                     memcmp(maps[0], maps[1], sizeof maps[0]) == 0;
        say(n->name);
        say(equal ? " equal\n" : " different\n");
    }
    say("end\n");
    for (;;) {
    }
}
