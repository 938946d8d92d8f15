/* The functions of <string.h> that CMSIS-NN uses, for a compiler without a C library. */
#ifndef PEERS_STRING_H
#define PEERS_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

#endif
