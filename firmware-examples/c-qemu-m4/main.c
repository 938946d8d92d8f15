/* Classifies a built-in image with a built-in network, and prints the result on the first serial port
   of QEMU's mps2-an386. Then calls the library with invalid arguments, and prints its codes. */
#include "supernano.h"

/* The files are in their own section, the network at a multiple of 4. */
__asm__(".pushsection .network,\"a\",%progbits\n"
        ".balign 4\n"
        ".global network_start, network_end, image_start, image_end\n"
        "network_start: .incbin \"tiny.snb\"\n"
        "network_end:\n"
        "image_start: .incbin \"tiny.image\"\n"
        "image_end:\n"
        ".popsection\n");
extern const uint8_t network_start[], network_end[], image_start[], image_end[];

#define ARENA_BYTES 4632
#define CLASSES 4

static uint32_t arena[ARENA_BYTES / 4];
static int32_t logits[CLASSES];
static SupernanoNetwork network;

static volatile uint32_t *const port = (volatile uint32_t *)0x40004000u;

static void say(const char *text)
{
    for (; *text; text++) {
        while (port[1] & 1u) {
        }
        port[0] = (uint8_t)*text;
    }
}

static void say_number(int32_t value)
{
    char digits[12];
    char *at = digits + sizeof digits;
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    *--at = '\0';
    do {
        *--at = (char)('0' + rest % 10u);
        rest /= 10u;
    } while (rest);
    if (value < 0) {
        *--at = '-';
    }
    say(at);
}

static void say_code(const char *what, int32_t code)
{
    say(what);
    say(": ");
    say_number(code);
    say("\n");
}

static void say_logits(void)
{
    say("logits");
    for (size_t i = 0; i < CLASSES; i++) {
        say(" ");
        say_number(logits[i]);
        logits[i] = 0;
    }
    say("\n");
}

/* Writes the CRC-32 of a blob to its header. */
static void sign(uint8_t *blob, size_t length)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 16; i < length; i++) {
        sum ^= blob[i];
        for (int bit = 0; bit < 8; bit++) {
            sum = (sum >> 1) ^ (0xedb88320u & (0u - (sum & 1u)));
        }
    }
    for (size_t i = 0; i < 4; i++) {
        blob[12 + i] = (uint8_t)(~sum >> (8 * i));
    }
}

static void refusals(size_t blob, size_t image)
{
    static uint32_t copy[2048];
    static SupernanoNetwork zeroed;
    SupernanoInfo info;
    uint8_t *bytes = (uint8_t *)copy;

    for (size_t i = 0; i < blob; i++) {
        bytes[i] = network_start[i];
    }
    say_code("no blob", supernano_check(0, blob, &info));
    say_code("no info", supernano_check(copy, blob, 0));
    say_code("blob at 1", supernano_check(bytes + 1, blob, &info));
    say_code("blob without end", supernano_check(copy, SIZE_MAX, &info));
    say_code("short blob", supernano_check(copy, blob - 1, &info));
    say_code("empty blob", supernano_check(copy, 0, &info));
    bytes[blob - 1] ^= 1;
    say_code("damaged blob", supernano_check(copy, blob, &info));
    say_code("damaged blob opened", supernano_open(copy, blob, &zeroed, 0));
    sign(bytes, blob);
    say_code("other weights", supernano_check(copy, blob, &info));
    bytes[17] ^= 0x10; /* the arena, 4096 bytes shorter */
    sign(bytes, blob);
    say_code("impossible blob", supernano_check(copy, blob, &info));
    bytes[4] ^= 1;
    say_code("other version", supernano_check(copy, blob, &info));
    bytes[0] ^= 1;
    say_code("other file", supernano_check(copy, blob, &info));
    say_code("not opened", supernano_run_opened(&zeroed, image_start, image, arena, ARENA_BYTES,
                                                logits, CLASSES));
    say_code("no image", supernano_run_opened(&network, 0, image, arena, ARENA_BYTES, logits,
                                              CLASSES));
    say_code("short image", supernano_run_opened(&network, image_start, image - 1, arena,
                                                 ARENA_BYTES, logits, CLASSES));
    say_code("small arena", supernano_run_opened(&network, image_start, image, arena, 64, logits,
                                                 CLASSES));
    say_code("arena at 2", supernano_run_opened(&network, image_start, image, (uint8_t *)arena + 2,
                                                ARENA_BYTES - 2, logits, CLASSES));
    say_code("few logits", supernano_run_opened(&network, image_start, image, arena, ARENA_BYTES,
                                                logits, CLASSES - 1));
    say_code("arena over logits", supernano_run_opened(&network, image_start, image, arena,
                                                     ARENA_BYTES, (int32_t *)arena, CLASSES));
    say_code("arena over network", supernano_run(network_start, blob, image_start, image,
                                                 (void *)network_start, blob, logits, CLASSES));
    say_code("no logits", supernano_argmax(0, CLASSES));
    for (size_t i = 0; i < CLASSES; i++) {
        if (logits[i]) {
            say("a refused call has written\n");
        }
    }
}

int main(void)
{
    const size_t blob = (size_t)(network_end - network_start);
    const size_t image = (size_t)(image_end - image_start);
    SupernanoInfo info;

    port[4] = 16; /* clock cycles for each bit */
    port[2] = 1;  /* transmit */
    SupernanoCode code = supernano_check(network_start, blob, &info);
    say_code("check", code);
    if (code == SUPERNANO_CODE_OK) {
        say_code("arena bytes", (int32_t)info.arena_bytes);
        say_code("image bytes", (int32_t)info.image_bytes);
        say_code("classes", (int32_t)info.classes);
        say_code("logit scale x 1e9", (int32_t)(info.logit_scale * 1e9f));
    }
    code = supernano_run(network_start, blob, image_start, image, arena, sizeof arena, logits,
                         CLASSES);
    say_code("run", code);
    say_code("class", supernano_argmax(logits, CLASSES));
    say_logits();
    say_code("open", supernano_open(network_start, blob, &network, &info));
    code = supernano_run_opened(&network, image_start, image, arena, sizeof arena, logits, CLASSES);
    say_code("run opened", code);
    say_logits();
    refusals(blob, image);
    say("end\n");
    return 0;
}
