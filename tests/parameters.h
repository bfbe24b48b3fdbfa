/* What tests need to know of the table of tensors. */
#ifndef MYNA_TESTS_PARAMETERS_H
#define MYNA_TESTS_PARAMETERS_H

#include <stdbool.h>
#include <string.h>

/* What a softmax or an instance normalisation takes away again has none: such biases are there so that all layers of a
 * kind are alike. */
static inline bool has_influence(const char *name)
{
    bool in_content_block = strncmp(name, "content.block.", 14) == 0;
    return !(in_content_block && strstr(name, ".project.bias")) && strcmp(name, "content.in.bias") != 0 &&
           strcmp(name, "speaker.attention.bias") != 0;
}

#endif
