/* Whether an Ogg file is whole. libsndfile plays what is left of a damaged one without a word. */
#ifndef MYNA_IO_OGG_PAGES_H
#define MYNA_IO_OGG_PAGES_H

#include "io/audio_bytes.h"

#include "myna/myna.h"

/* Reads all pages (RFC 3533), in which Vorbis, Opus, FLAC and Speex lie. ERROR_FORMAT where one is damaged or missing,
 * or the last, which is marked, is not there. */
myna_status myna_ogg_check(myna_audio_bytes *bytes, myna_error *error);

#endif
