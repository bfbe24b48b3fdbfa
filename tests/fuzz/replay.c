/* A fuzz target without a fuzzer: runs it over the files of the folder named, each as it is and with a few hundred
 * changes, always the same ones. Any compiler builds it, so ctest can run it everywhere. */
#include "base/rng.h"
#include "forge.h"
#include "fuzz.h"

#include <dirent.h>

enum { CHANGES = 300 };

static void run(image bytes)
{
    LLVMFuzzerTestOneInput(bytes.bytes, bytes.size);
}

/* One to four bytes replaced, by anything or by what matters to JSON, and now and then the end cut off. */
static void run_changed(image whole, myna_rng *rng)
{
    static const unsigned char telling[] = "0129-.e[]{},:\"\\ ";
    size_t cut = myna_rng_below(rng, 8) ? 0 : myna_rng_below(rng, (uint32_t)whole.size);
    image part = image_part(whole, whole.size - cut);
    uint32_t n = 1 + myna_rng_below(rng, 4);
    for (uint32_t i = 0; i < n && part.size; i++) {
        uint32_t at = myna_rng_below(rng, (uint32_t)part.size), value = myna_rng_below(rng, 256);
        bool tells = myna_rng_below(rng, 2);
        part.bytes[at] = tells ? telling[value % (sizeof telling - 1)] : (unsigned char)value;
    }
    run(part);
    free(part.bytes);
}

static void replay(image whole)
{
    myna_rng rng = myna_rng_seed(whole.size, 0);
    run(whole);
    for (int i = 0; i < CHANGES && whole.size; i++) run_changed(whole, &rng);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s corpus-folder\n", argv[0]);
        return 2;
    }
    int n_files = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        image whole = image_read(path);
        if (whole.bytes) replay(whole), n_files++;
        free(whole.bytes);
    }
    closedir(folder);
    printf("%d files, %d changes each\n", n_files, CHANGES);
    return n_files ? 0 : 1; /* an empty corpus proves nothing */
}
