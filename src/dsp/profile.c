#include "dsp/profile.h"

#include "base/arena.h"
#include "base/rng.h"
#include "base/status.h"
#include "dsp/level.h"
#include "dsp/pitch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRETCH_FRAMES = MYNA_SAMPLE_RATE_HZ / MYNA_HOP_SAMPLES, /* one second */
    SPEECH_PERCENT = 30,                                     /* of a stretch's frames, to be worth keeping */
    VOICE_REACH = STRETCH_FRAMES / 4,                        /* frames; see is_near_voice */
    VOICED_PERCENT = 10,                                     /* of speech; less is a whisper */
    LOUDNESS_BINS = 140,                                     /* of 1 dB */
    F0_BINS_AN_OCTAVE = 48,
    F0_BINS = 136, /* from 60 to 427 Hz */
    F0_REACH = F0_BINS_AN_OCTAVE * MYNA_F0_REACH_SEMITONES / 12,
    PITCH_LAG = MYNA_PITCH_MAX_LAG,
    LEAST_FRAMES = 8, /* for a mean and a deviation */
};
static const float lowest_loudness_db = -60.0f;
static const float frame_seconds = (float)MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;

/* ---- Band statistics --------------------------------------------------------------------------------------------- */

void myna_band_meter_push(myna_band_meter *meter, const float *log_mel)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double x = log_mel[b];
        meter->sum[b] += x;
        meter->sum_of_squares[b] += x * x;
    }
    meter->n_frames++;
}

bool myna_band_meter_result(const myna_band_meter *meter, myna_band_statistics *out)
{
    if (meter->n_frames < LEAST_FRAMES) return false;
    double n = (double)meter->n_frames;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double mean = meter->sum[b] / n;
        out->mean[b] = (float)mean;
        out->deviation[b] = (float)sqrt(fmax(meter->sum_of_squares[b] / n - mean * mean, 0));
    }
    return true;
}

bool myna_statistics_known(const myna_band_statistics *statistics)
{
    float sum = 0;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) sum += statistics->deviation[b];
    return sum > 0;
}

/* ---- The meter --------------------------------------------------------------------------------------------------- */

/* Whether a frame is speech depends on the level of the whole recording, known only at the end. So loudness and F0
 * are counted together in one table, and the frames of whole stretches are kept at the input's own level. Once all
 * slots are full, a new stretch takes the place of a random one such that every stretch of speech is equally likely
 * to stay (reservoir sampling, Vitter 1985): the frames kept stand for the whole recording, however long. */
struct myna_profile_meter {
    myna_arena arena;
    myna_analyzer *analyzer;
    myna_level_meter level;
    myna_rng rng;
    bool not_finite;
    size_t n_samples;
    size_t n_heard;              /* frames out of the analyzer */
    float hop[MYNA_HOP_SAMPLES]; /* being filled */
    size_t hop_fill;
    float delayed[PITCH_LAG + 1][MYNA_MEL_BANDS]; /* linear mel of frames still waiting for their F0 */
    uint32_t count[LOUDNESS_BINS][F0_BINS + 1];   /* frames of each loudness and F0; F0 0: unvoiced */

    size_t n_slots, n_used; /* slots of STRETCH_FRAMES frames */
    size_t n_stretches;     /* of speech, so far */
    size_t *length;         /* [n_slots] frames in each */
    float *mel;             /* [n_slots + 1][STRETCH_FRAMES][MYNA_MEL_BANDS]: linear; the last is being filled */
    float *f0_hz;           /* [n_slots + 1][STRETCH_FRAMES] */
    size_t fill;
    size_t n_kept; /* frames, after finish */
};

static void lay_out(myna_profile_meter *meter)
{
    size_t n_frames = (meter->n_slots + 1) * STRETCH_FRAMES;
    MYNA_TAKE(&meter->arena, meter->length, meter->n_slots);
    MYNA_TAKE(&meter->arena, meter->mel, n_frames * MYNA_MEL_BANDS);
    MYNA_TAKE(&meter->arena, meter->f0_hz, n_frames);
}

myna_status myna_profile_meter_create(
    myna_profile_meter **out, const myna_mel *mel, size_t max_frames, myna_error *error)
{
    myna_profile_meter *meter = calloc(1, sizeof *meter);
    if (!meter) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a profile");
    meter->n_slots = max_frames / STRETCH_FRAMES;
    lay_out(meter);
    if (!myna_arena_reserve(&meter->arena)) {
        free(meter);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu frames", max_frames);
    }
    lay_out(meter);
    myna_level_init(&meter->level);
    meter->rng = myna_rng_seed(0, 0);
    myna_status status = myna_analyzer_create(&meter->analyzer, mel, PITCH_LAG, error);
    if (status != MYNA_OK) {
        myna_profile_meter_free(meter);
        return status;
    }
    *out = meter;
    return MYNA_OK;
}

void myna_profile_meter_free(myna_profile_meter *meter)
{
    if (!meter) return;
    myna_analyzer_free(meter->analyzer);
    myna_arena_free(&meter->arena);
    free(meter);
}

/* ---- Frames in --------------------------------------------------------------------------------------------------- */

static float *mel_of(const myna_profile_meter *meter, size_t slot)
{
    return meter->mel + slot * STRETCH_FRAMES * MYNA_MEL_BANDS;
}

/* Speech is never long without voice: on the corpus .9 % of its frames are more than 0.25 s away from it. What else is as
 * loud - a door, a chair, a gust - is noise, and would be taken for a sound of this voice. Voice beyond the stretch's ends is
 * not seen. `f0_hz` NULL: of a whisper, which has none, all is voice. */
static bool is_near_voice(const float *f0_hz, size_t n_frames, size_t frame)
{
    if (!f0_hz) return true;
    size_t first = frame > VOICE_REACH ? frame - VOICE_REACH : 0;
    for (size_t i = first; i < n_frames && i <= frame + VOICE_REACH; i++)
        if (f0_hz[i] > 0) return true;
    return false;
}

/* `f0_hz` as is_near_voice takes it. */
static bool holds_speech(const float *mel, const float *f0_hz, size_t n_frames, float gain)
{
    size_t n_speech = 0;
    float log_mel[MYNA_MEL_BANDS];
    for (size_t i = 0; i < n_frames; i++) {
        myna_log_mel(log_mel, mel + i * MYNA_MEL_BANDS, gain);
        n_speech += myna_mel_is_speech(log_mel) && is_near_voice(f0_hz, n_frames, i);
    }
    return n_frames > 0 && n_speech * 100 >= n_frames * SPEECH_PERCENT;
}

/* Judged at the level so far; finish judges again. */
static void close_stretch(myna_profile_meter *meter)
{
    size_t n = meter->fill, slot = meter->n_used;
    const float *mel = mel_of(meter, meter->n_slots);
    meter->fill = 0;
    if (!holds_speech(mel, NULL, n, myna_level_gain(&meter->level))) return;
    meter->n_stretches++;
    if (meter->n_used == meter->n_slots) {
        slot = myna_rng_below(&meter->rng, (uint32_t)meter->n_stretches);
        if (slot >= meter->n_slots) return;
    } else {
        meter->n_used++;
    }
    meter->length[slot] = n;
    memcpy(mel_of(meter, slot), mel, n * MYNA_MEL_BANDS * sizeof *mel);
    memcpy(meter->f0_hz + slot * STRETCH_FRAMES, meter->f0_hz + meter->n_slots * STRETCH_FRAMES, n * sizeof *mel);
}

static void count_frame(myna_profile_meter *meter, const float *mel, float f0_hz)
{
    float sum = 0;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) sum += mel[b];
    float loudness = 20.0f * log10f(sum + 1e-10f) - lowest_loudness_db;
    float pitch = f0_hz > 0 ? 1.0f + F0_BINS_AN_OCTAVE * log2f(f0_hz / MYNA_F0_MIN_HZ) : 0;
    int row = (int)fminf(fmaxf(loudness, 0), LOUDNESS_BINS - 1);
    int column = (int)fminf(fmaxf(pitch, f0_hz > 0), F0_BINS);
    meter->count[row][column]++;
}

static void push_frame(myna_profile_meter *meter, const float *mel, float f0_hz)
{
    count_frame(meter, mel, f0_hz);
    if (!meter->n_slots) return;
    size_t frame = meter->n_slots * STRETCH_FRAMES + meter->fill;
    memcpy(meter->mel + frame * MYNA_MEL_BANDS, mel, MYNA_MEL_BANDS * sizeof *mel);
    meter->f0_hz[frame] = f0_hz;
    if (++meter->fill == STRETCH_FRAMES) close_stretch(meter);
}

static void push_hop(myna_profile_meter *meter)
{
    myna_frame frame;
    myna_analyzer_push(meter->analyzer, &frame, meter->hop);
    memcpy(meter->delayed[meter->n_heard % (PITCH_LAG + 1)], frame.mel, sizeof frame.mel);
    meter->n_heard++;
    meter->hop_fill = 0;
    if (meter->n_heard > PITCH_LAG) push_frame(meter, meter->delayed[meter->n_heard % (PITCH_LAG + 1)], frame.f0_hz);
}

void myna_profile_meter_push(myna_profile_meter *meter, const float *samples, size_t n)
{
    meter->n_samples += n;
    while (n) {
        size_t room = MYNA_HOP_SAMPLES - meter->hop_fill, taken = n < room ? n : room;
        float *part = meter->hop + meter->hop_fill;
        for (size_t i = 0; i < taken; i++) {
            meter->not_finite |= !isfinite(samples[i]);
            part[i] = myna_clean_sample(samples[i]);
        }
        myna_level_push(&meter->level, part, taken);
        meter->hop_fill += taken;
        samples += taken;
        n -= taken;
        if (meter->hop_fill == MYNA_HOP_SAMPLES) push_hop(meter);
    }
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

/* A hop cut short becomes a frame; the frames that wait for their F0 get it. */
static void drain(myna_profile_meter *meter)
{
    size_t n_hops = PITCH_LAG + (meter->hop_fill > 0);
    for (size_t i = 0; i < n_hops; i++) {
        memset(meter->hop + meter->hop_fill, 0, (MYNA_HOP_SAMPLES - meter->hop_fill) * sizeof(float));
        push_hop(meter);
    }
    close_stretch(meter);
}

/* Columns of the table summed over those rows that are speech at this gain. */
static void count_f0(const myna_profile_meter *meter, float gain, uint32_t count[F0_BINS + 1])
{
    memset(count, 0, (F0_BINS + 1) * sizeof *count);
    for (int row = 0; row < LOUDNESS_BINS; row++) {
        float sum = powf(10.0f, ((float)row + 0.5f + lowest_loudness_db) / 20.0f);
        float bands[MYNA_MEL_BANDS], log_mel[MYNA_MEL_BANDS];
        for (int b = 0; b < MYNA_MEL_BANDS; b++) bands[b] = sum / MYNA_MEL_BANDS;
        myna_log_mel(log_mel, bands, gain);
        if (!myna_mel_is_speech(log_mel)) continue;
        for (int column = 0; column <= F0_BINS; column++) count[column] += meter->count[row][column];
    }
}

static float hz_of_bin(int column)
{
    return MYNA_F0_MIN_HZ * exp2f(((float)column - 0.5f) / F0_BINS_AN_OCTAVE);
}

/* The column below which `part` of the n voiced frames lie. */
static int percentile_column(const uint32_t count[F0_BINS + 1], double n, double part)
{
    double below = 0;
    int column = 1;
    while (column < F0_BINS && (below += count[column]) < part * n) column++;
    return column;
}

static int limit(int x, int least, int most)
{
    return x < least ? least : x > most ? most : x;
}

static void measure_f0(myna_profile *out, const uint32_t count[F0_BINS + 1], const float default_log_f0[2])
{
    double n = 0, sum = 0, sum_of_squares = 0;
    for (int column = 1; column <= F0_BINS; column++) n += count[column];
    const int median = percentile_column(count, n, 0.5);
    for (int column = 1; column <= F0_BINS; column++) {
        double log_f0 = logf(hz_of_bin(limit(column, median - F0_REACH, median + F0_REACH)));
        sum += count[column] * log_f0;
        sum_of_squares += count[column] * log_f0 * log_f0;
    }
    bool enough = n >= LEAST_FRAMES;
    double mean = enough ? sum / n : 0;
    out->voiced_seconds = (float)n * frame_seconds;
    out->speech_seconds = (float)(n + count[0]) * frame_seconds;
    out->log_f0_mean = enough ? (float)mean : default_log_f0[0];
    out->log_f0_deviation = enough ? (float)sqrt(fmax(sum_of_squares / n - mean * mean, 0)) : default_log_f0[1];
    out->f0_low_hz = n > 0 ? hz_of_bin(percentile_column(count, n, 0.05)) : 0;
    out->f0_high_hz = n > 0 ? hz_of_bin(percentile_column(count, n, 0.95)) : 0;
}

/* Brings the frames kept to normal level, drops stretches that turned out to be background and, unless all is whispered,
 * loud frames far from voice, closes the gaps. */
static void keep_speech(myna_profile_meter *meter, float gain, bool is_whisper, myna_band_statistics *bands)
{
    myna_band_meter statistics = {0};
    for (size_t slot = 0; slot < meter->n_used; slot++) {
        const float *mel = mel_of(meter, slot);
        const size_t n = meter->length[slot];
        float f0_hz[STRETCH_FRAMES]; /* looked back at when kept frames have overwritten it */
        const float *voice = is_whisper ? NULL : f0_hz;
        memcpy(f0_hz, meter->f0_hz + slot * STRETCH_FRAMES, sizeof f0_hz);
        if (!holds_speech(mel, voice, n, gain)) continue;
        for (size_t i = 0; i < n; i++) {
            float log_mel[MYNA_MEL_BANDS];
            myna_log_mel(log_mel, mel + i * MYNA_MEL_BANDS, gain);
            const bool is_loud = myna_mel_is_speech(log_mel);
            if (is_loud && !is_near_voice(voice, n, i)) continue;
            if (is_loud) myna_band_meter_push(&statistics, log_mel);
            memcpy(meter->mel + meter->n_kept * MYNA_MEL_BANDS, log_mel, sizeof log_mel);
            meter->f0_hz[meter->n_kept++] = f0_hz[i];
        }
    }
    memset(bands, 0, sizeof *bands);
    myna_band_meter_result(&statistics, bands);
}

myna_status myna_profile_meter_finish(
    myna_profile_meter *meter, myna_profile *out, const float default_log_f0[2], myna_error *error)
{
    if (meter->not_finite) return myna_fail(error, MYNA_ERROR_NOT_FINITE, "a sample is infinite or not a number");
    drain(meter);
    float rms = myna_level_rms(&meter->level), gain = myna_level_gain(&meter->level);
    uint32_t count[F0_BINS + 1] = {0};
    if (rms > 0) count_f0(meter, gain, count);
    else meter->n_used = 0;
    out->speech_level_db = 20.0f * log10f(rms); /* -inf for 0 */
    out->duration_seconds = (float)((double)meter->n_samples / MYNA_SAMPLE_RATE_HZ);
    measure_f0(out, count, default_log_f0);
    keep_speech(meter, gain, out->voiced_seconds * 100 < out->speech_seconds * VOICED_PERCENT, &out->bands);
    return MYNA_OK;
}

const float *myna_profile_meter_log_mel(const myna_profile_meter *meter, size_t *n_frames)
{
    *n_frames = meter->n_kept;
    return meter->mel;
}

const float *myna_profile_meter_f0(const myna_profile_meter *meter)
{
    return meter->f0_hz;
}
