#include "io/ogg_pages.h"

#include "base/status.h"

#include <limits.h>
#include <ogg/ogg.h>

enum { READ_BYTES = 65536 };

/* Streams stand in a file one after the other or mixed, each from a first page to a last one that are marked. */
typedef struct place {
    int64_t offset; /* of the page to come */
    int n_open;     /* streams whose last page has not come yet */
    int serial;     /* of the stream that the page before belonged to */
    long number;    /* of that page within its stream */
} place;

/* Pages of mixed streams are numbered each for itself, so only neighbours of one stream are compared. */
static bool follows(const place *at, ogg_page *page)
{
    if (ogg_page_bos(page)) return true;
    return at->n_open > 0 && (ogg_page_serialno(page) != at->serial || ogg_page_pageno(page) == at->number + 1);
}

static void step(place *at, ogg_page *page)
{
    at->n_open += (ogg_page_bos(page) != 0) - (ogg_page_eos(page) != 0);
    at->serial = ogg_page_serialno(page);
    at->number = ogg_page_pageno(page);
}

/* The next page's bytes, 0 at the end of the file, negative where there is something else (a checksum that does not
 * match included); LONG_MIN without memory. */
static long next_page(ogg_sync_state *sync, ogg_page *page, myna_audio_bytes *bytes, int64_t *n_read)
{
    for (;;) {
        long n = ogg_sync_pageseek(sync, page);
        if (n != 0) return n;
        char *room = ogg_sync_buffer(sync, READ_BYTES);
        if (!room) return LONG_MIN;
        size_t got = myna_audio_bytes_read(bytes, room, READ_BYTES, *n_read);
        if (got == 0) return 0;
        ogg_sync_wrote(sync, (long)got);
        *n_read += (int64_t)got;
    }
}

myna_status myna_ogg_check(myna_audio_bytes *bytes, myna_error *error)
{
    ogg_sync_state sync;
    ogg_page page;
    place at = {0};
    int64_t n_read = 0;
    long n;
    ogg_sync_init(&sync);
    while ((n = next_page(&sync, &page, bytes, &n_read)) > 0 && follows(&at, &page)) {
        step(&at, &page);
        at.offset += n;
    }
    ogg_sync_clear(&sync);
    if (n == LONG_MIN) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    bool is_behind = n < 0 && at.offset > 0 && at.n_open == 0; /* the last stream: nobody's */
    if (n != 0 && !is_behind)
        return myna_fail(error, MYNA_ERROR_FORMAT, "damaged at byte %lld of its Ogg pages", (long long)at.offset);
    if (at.n_open > 0) return myna_fail(error, MYNA_ERROR_FORMAT, "truncated: its last Ogg page is missing");
    return MYNA_OK;
}
