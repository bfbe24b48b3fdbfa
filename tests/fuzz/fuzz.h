/* What a fuzz target defines: libFuzzer calls it with inputs it makes up, replay.c with those of a corpus. */
#ifndef MYNA_TESTS_FUZZ_H
#define MYNA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
