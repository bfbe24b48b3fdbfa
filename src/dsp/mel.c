#include "dsp/mel.h"

#include "base/simd.h"
#include "base/status.h"
#include "dsp/vector_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double lowest_hz = 50, highest_hz = 7600;
static const double bin_hz = (double)MYNA_SAMPLE_RATE_HZ / MYNA_FFT_SAMPLES;

static double mel_from_hz(double hz)
{
    return 2595 * log10(1 + hz / 700);
}

static double hz_from_mel(double mel)
{
    return 700 * (pow(10, mel / 2595) - 1);
}

/* Mels from one band's centre to the next; band b's centre lies (b + 1) steps above lowest_hz. */
static double mel_step(void)
{
    return (mel_from_hz(highest_hz) - mel_from_hz(lowest_hz)) / (MYNA_MEL_BANDS + 1);
}

static double band_hz(double band)
{
    return hz_from_mel(mel_from_hz(lowest_hz) + (band + 1) * mel_step());
}

/* ---- Filters, sparse: every row is one short run of columns ------------------------------------------------- */

/* Rows go in blocks of LANES that share one run length, so that the lanes of a block run side by side (sliced
 * ELLPACK); runs are padded with zero weights and never leave [0, n_columns). */
enum { LANES = 16, MAX_BLOCKS = (MYNA_BINS + LANES - 1) / LANES, MAX_ROWS = MAX_BLOCKS * LANES, MAX_RUN = 16 };

typedef struct sparse {
    int n_blocks;
    int run[MAX_BLOCKS];
    int32_t first[MAX_ROWS]; /* column where a row's run begins */
    float weight[MAX_BLOCKS][MAX_RUN][LANES];
} sparse;

struct myna_mel {
    sparse forward;         /* bands from bins */
    sparse backward;        /* its transpose */
    float spread[MAX_ROWS]; /* of each bin: 1 / sum of the bands' weights there, 0 where no band reaches */
};

/* dense[MYNA_MEL_BANDS][MYNA_BINS] */
static void make_filters(float *dense)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double centre = band_hz(b), sum = 0, weight[MYNA_BINS];
        double low = fmin(band_hz(b - 1), centre - bin_hz), high = fmax(band_hz(b + 1), centre + bin_hz);
        for (int k = 0; k < MYNA_BINS; k++) {
            double hz = k * bin_hz;
            weight[k] = fmax(0, fmin((hz - low) / (centre - low), (high - hz) / (high - centre)));
            sum += weight[k];
        }
        for (int k = 0; k < MYNA_BINS; k++) dense[b * MYNA_BINS + k] = (float)(weight[k] / sum);
    }
}

/* Fills a row's run from a dense matrix whose element (row, column) is dense[row * row_step + column * column_step]. */
static void fill_block(
    sparse *out, int block, int n_rows, int n_columns, const float *dense, int row_step, int column_step)
{
    int first[LANES], run = 1;
    for (int lane = 0; lane < LANES; lane++) {
        int row = block * LANES + lane, last = -1;
        first[lane] = 0;
        for (int c = n_columns - 1; row < n_rows && c >= 0; c--) {
            if (dense[row * row_step + c * column_step] <= 0) continue;
            first[lane] = c;
            if (last < 0) last = c;
        }
        if (last - first[lane] + 1 > run) run = last - first[lane] + 1;
    }
    out->run[block] = run;
    for (int lane = 0; lane < LANES; lane++) {
        int row = block * LANES + lane, start = first[lane] < n_columns - run ? first[lane] : n_columns - run;
        out->first[row] = start;
        for (int k = 0; row < n_rows && k < run; k++)
            out->weight[block][k][lane] = dense[row * row_step + (start + k) * column_step];
    }
}

static void make_sparse(sparse *out, int n_rows, int n_columns, const float *dense, int row_step, int column_step)
{
    out->n_blocks = (n_rows + LANES - 1) / LANES;
    for (int block = 0; block < out->n_blocks; block++)
        fill_block(out, block, n_rows, n_columns, dense, row_step, column_step);
}

MYNA_INLINE void sparse_multiply(float *restrict out, const sparse *matrix, const float *restrict in)
{
    for (int block = 0; block < matrix->n_blocks; block++) {
        float sum[LANES] = {0};
        const int32_t *first = matrix->first + block * LANES;
        for (int k = 0; k < matrix->run[block]; k++)
            for (int lane = 0; lane < LANES; lane++) sum[lane] += matrix->weight[block][k][lane] * in[first[lane] + k];
        for (int lane = 0; lane < LANES; lane++) out[block * LANES + lane] = sum[lane];
    }
}

myna_status myna_mel_create(myna_mel **out, myna_error *error)
{
    myna_mel *mel = calloc(1, sizeof *mel);
    float *dense = malloc(sizeof *dense * MYNA_MEL_BANDS * MYNA_BINS);
    if (!mel || !dense) {
        free(mel);
        free(dense);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for mel filters");
    }
    make_filters(dense);
    make_sparse(&mel->forward, MYNA_MEL_BANDS, MYNA_BINS, dense, MYNA_BINS, 1);
    make_sparse(&mel->backward, MYNA_BINS, MYNA_MEL_BANDS, dense, 1, MYNA_BINS);
    float ones[MYNA_MEL_BANDS], sum[MAX_ROWS];
    for (int b = 0; b < MYNA_MEL_BANDS; b++) ones[b] = 1;
    sparse_multiply(sum, &mel->backward, ones);
    for (int k = 0; k < MAX_ROWS; k++) mel->spread[k] = sum[k] > 0 ? 1 / sum[k] : 0;
    free(dense);
    *out = mel;
    return MYNA_OK;
}

void myna_mel_free(myna_mel *mel)
{
    free(mel);
}

MYNA_VECTORIZED static void forward(const myna_mel *mel, float *bands, const float *magnitude)
{
    sparse_multiply(bands, &mel->forward, magnitude);
}

void myna_mel_forward(const myna_mel *mel, float *bands, const float *magnitude)
{
    forward(mel, bands, magnitude);
}

/* ---- Logarithms ------------------------------------------------------------------------------------------------ */

MYNA_VECTORIZED static void log_mel(float *restrict out, const float *bands, float gain)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        float x = gain * bands[b];
        out[b] = fast_log10(x > MYNA_MEL_FLOOR ? x : MYNA_MEL_FLOOR);
    }
}

void myna_log_mel(float *out, const float *bands, float gain)
{
    log_mel(out, bands, gain);
}

/* Linear mel magnitudes; far-out values are held at 10^+-10, so that what follows stays finite. */
MYNA_INLINE void exp_mel(float *restrict bands, const float *restrict in)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        float x = in[b] > -10.0f ? in[b] : -10.0f;
        bands[b] = fast_exp10(x < 10.0f ? x : 10.0f);
    }
}

/* ---- The way back --------------------------------------------------------------------------------------------------
 */

/* h <- h * F'm / (F'F h). The start F'm / F'1 spreads every band over its bins: interpolation between centres. */
MYNA_VECTORIZED static void invert(const myna_mel *mel, float *magnitude, const float *in)
{
    const float tiny = 1e-20f;
    float bands[MYNA_MEL_BANDS], wanted[MAX_ROWS], have[MAX_ROWS], h[MAX_ROWS];
    exp_mel(bands, in);
    sparse_multiply(wanted, &mel->backward, bands);
    for (int k = 0; k < MAX_ROWS; k++) h[k] = wanted[k] * mel->spread[k];
    for (int i = 0; i < MYNA_MEL_INVERSE_ITERATIONS; i++) {
        sparse_multiply(bands, &mel->forward, h);
        sparse_multiply(have, &mel->backward, bands);
        for (int k = 0; k < MAX_ROWS; k++) h[k] *= wanted[k] / (have[k] + tiny);
    }
    memcpy(magnitude, h, MYNA_BINS * sizeof *h);
}

void myna_mel_inverse(const myna_mel *mel, float *magnitude, const float *in)
{
    invert(mel, magnitude, in);
}

/* ---- Along the axis ---------------------------------------------------------------------------------------------- */

void myna_mel_warp_init(myna_mel_warp *warp, float lowest_ratio, float highest_ratio)
{
    double lowest = mel_from_hz(lowest_hz), step = mel_step();
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double at = (double)b / (MYNA_MEL_BANDS - 1);
        double ratio = pow((double)lowest_ratio, 1 - at) * pow((double)highest_ratio, at);
        double position = (mel_from_hz(band_hz(b) / ratio) - lowest) / step - 1;
        position = fmin(fmax(position, 0), MYNA_MEL_BANDS - 1);
        int from = (int)fmin(position, MYNA_MEL_BANDS - 2);
        warp->from[b] = (uint16_t)from;
        warp->part[b] = (float)(position - from);
    }
}

void myna_mel_warp_apply(const myna_mel_warp *warp, float *out, const float *in)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        float low = in[warp->from[b]], high = in[warp->from[b] + 1];
        out[b] = low + warp->part[b] * (high - low);
    }
}

static const float speech_range = 0.1f; /* -20 dB */

MYNA_VECTORIZED static float sum_of_bands(const float *in)
{
    float bands[MYNA_MEL_BANDS], sum = 0;
    exp_mel(bands, in);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) sum += bands[b];
    return sum;
}

bool myna_mel_is_speech(const float *in)
{
    return sum_of_bands(in) > speech_range * MYNA_SPEECH_SUM;
}
