/* Vectors and start-up code of a Cortex-M4F: the minimum for C. */
#include <stdint.h>

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);
void reset(void);

static void halt(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))stack_top,
    reset,
    halt, /* NMI */
    halt, /* hard fault */
    halt, /* memory management */
    halt, /* bus fault */
    halt, /* usage fault */
};

void reset(void)
{
    /* Enables the floating-point unit. The library and the C code are built for it. */
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    for (uint32_t *to = data_start, *from = data_load; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    main();
    halt();
}
