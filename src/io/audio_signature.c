#include "io/audio_signature.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { MAX_CHUNKS = 1000 }; /* before the audio: far more than any writer makes */

static bool read_at(myna_audio_bytes *bytes, void *out, size_t n, int64_t offset)
{
    return myna_audio_bytes_read(bytes, out, n, offset) == n;
}

static uint64_t number(const unsigned char *bytes, int n, bool big_endian)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++) value = value << 8 | bytes[big_endian ? i : n - 1 - i];
    return value;
}

static bool has_foreign_content(myna_audio_bytes *bytes)
{
    static const struct {
        size_t offset, length;
        const char *bytes;
    } signatures[] = {
        {4, 4, "ftyp"},                             /* MP4, M4A, 3GP (ISO 14496-12) */
        {0, 4, "\x1a\x45\xdf\xa3"},                 /* Matroska, WebM (EBML) */
        {0, 8, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"}, /* WMA (ASF) */
        {0, 5, "#!AMR"}, {0, 4, "ADIF"},            /* AAC */
    };
    unsigned char head[12] = {0};
    if (!read_at(bytes, head, sizeof head, 0)) return false;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        if (memcmp(head + signatures[i].offset, signatures[i].bytes, signatures[i].length) == 0) return true;
    }
    return head[0] == 0xff && (head[1] & 0xf6) == 0xf0; /* ADTS AAC: sync word, layer 0 (ISO 13818-7) */
}

bool myna_audio_has_foreign_suffix(const char *path)
{
    static const char *const suffixes[] = {".m4a", ".mp4", ".aac", ".webm", ".mkv", ".wma", ".amr", ".3gp", ".mov"};
    const char *suffix = strrchr(path, '.');
    for (size_t i = 0; suffix && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (strcasecmp(suffix, suffixes[i]) == 0) return true;
    }
    return false;
}

bool myna_audio_is_foreign(myna_audio_bytes *bytes, const char *path)
{
    return has_foreign_content(bytes) || myna_audio_has_foreign_suffix(path);
}

bool myna_audio_is_ogg(myna_audio_bytes *bytes)
{
    char head[4];
    return read_at(bytes, head, sizeof head, 0) && memcmp(head, "OggS", sizeof head) == 0;
}

/* An ID3v2 tag's length stands in 4 bytes of 7 bits, and leaves out a head and perhaps a foot of 10 bytes each. */
bool myna_audio_is_mpeg(myna_audio_bytes *bytes)
{
    enum { FOOT = 0x10, VERSION = 0x18, NO_VERSION = 0x08, LAYER = 0x06, BIT_RATE = 0xf0, RATE = 0x0c };
    unsigned char head[10];
    int64_t offset = 0;
    if (!read_at(bytes, head, sizeof head, offset)) return false;
    while (memcmp(head, "ID3", 3) == 0) {
        offset += (int64_t)head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9];
        offset += head[5] & FOOT ? 20 : 10;
        if (!read_at(bytes, head, sizeof head, offset)) return false;
    }
    return head[0] == 0xff && (head[1] & 0xe0) == 0xe0 && (head[1] & VERSION) != NO_VERSION && (head[1] & LAYER) != 0 &&
           (head[2] & BIT_RATE) != BIT_RATE && (head[2] & RATE) != RATE;
}

/* 32-bit lengths that mean "unknown": 0 and all ones (ffmpeg, GStreamer, AU), and large round numbers up to 2 GiB less
 * a header (SoX writes 0x7f000000 in AIFF and 0x7ffff000 in WAV, arecord up to 0x80000000). */
static bool is_open_length(uint64_t length)
{
    return length == 0 || length >= 0xffffff00u || (length >= 0x7f000000u && length <= 0x80000040u);
}

/* RIFF and FORM files: chunks of a four-letter name, a 32-bit length and that many bytes, padded to even. */
static myna_audio_extent find_chunk(myna_audio_bytes *bytes, const char *wanted, bool big_endian)
{
    static const myna_audio_extent unknown = {-1, -1};
    uint64_t long_length = 0; /* of RF64's data chunk (EBU Tech 3306) */
    int64_t offset = 12;
    for (int i = 0; i < MAX_CHUNKS; i++) {
        unsigned char header[8], sizes[16];
        if (!read_at(bytes, header, sizeof header, offset)) return unknown;
        uint64_t length = number(header + 4, 4, big_endian);
        offset += 8;
        if (memcmp(header, "ds64", 4) == 0 && read_at(bytes, sizes, sizeof sizes, offset))
            long_length = number(sizes + 8, 8, false);
        if (memcmp(header, wanted, 4) == 0) {
            if (length == 0xffffffffu && long_length > 0 && long_length < INT64_MAX / 2) length = long_length;
            else if (is_open_length(length)) return (myna_audio_extent){-1, offset - 4};
            return (myna_audio_extent){offset + (int64_t)length, -1};
        }
        offset += (int64_t)(length + (length & 1));
    }
    return unknown;
}

bool myna_audio_can_stream(myna_audio_bytes *bytes)
{
    unsigned char head[12];
    if (!read_at(bytes, head, sizeof head, 0)) return false;
    if (memcmp(head, "FORM", 4) == 0) return memcmp(head + 8, "AIF", 3) == 0;
    if (memcmp(head, "RIF", 3) == 0 || memcmp(head, "RF64", 4) == 0) return memcmp(head + 8, "WAVE", 4) == 0;
    return memcmp(head, ".snd", 4) == 0 || memcmp(head, "fLaC", 4) == 0;
}

myna_audio_extent myna_audio_find_extent(myna_audio_bytes *bytes)
{
    myna_audio_extent unknown = {-1, -1};
    unsigned char head[12];
    if (!read_at(bytes, head, sizeof head, 0)) return unknown;
    if (memcmp(head + 8, "WAVE", 4) == 0) {
        if (memcmp(head, "RIFX", 4) == 0) return find_chunk(bytes, "data", true);
        return memcmp(head, "RIFF", 4) == 0 || memcmp(head, "RF64", 4) == 0 ? find_chunk(bytes, "data", false)
                                                                            : unknown;
    }
    if (memcmp(head, "FORM", 4) == 0 && memcmp(head + 8, "AIF", 3) == 0) {
        myna_audio_extent extent = find_chunk(bytes, "SSND", true);
        return (myna_audio_extent){extent.end, -1}; /* COMM counts the frames; an empty SSND is just empty */
    }
    if (memcmp(head, "riff\x2e\x91\xcf\x11", 8) == 0) { /* Sony Wave64: a 16-byte name, the whole file's 64-bit length */
        unsigned char length[8];
        uint64_t end = read_at(bytes, length, sizeof length, 16) ? number(length, 8, false) : 0;
        return end > 0 && end < INT64_MAX ? (myna_audio_extent){(int64_t)end, -1} : unknown;
    }
    if (memcmp(head, ".snd", 4) == 0) {
        uint64_t offset = number(head + 4, 4, true), length = number(head + 8, 4, true);
        return is_open_length(length) ? unknown : (myna_audio_extent){(int64_t)(offset + length), -1};
    }
    return unknown;
}
