/* How late the second channel of a recording is against the first:
 *   live_compare wave FILE EXPECTED_MS TOLERANCE_MS     by the waveform: the dry path
 *   live_compare envelope FILE EXPECTED_MS TOLERANCE_MS by the loudness over time: another voice saying the same
 * Prints the delay and the correlation there; exit code 1 when the delay is further off, or nothing like the first is
 * to be heard in the second. Samples lost on a busy machine lower the correlation and leave the delay. */
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DELAY_MS = 400 };

typedef struct signals {
    double rate_hz;
    int n;
    double *first, *second;
} signals;

static int read_signals(signals *s, const char *path)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file || info.channels != 2) return 1;
    double *both = calloc((size_t)info.frames * 2, sizeof *both);
    s->n = (int)sf_readf_double(file, both, info.frames);
    s->rate_hz = info.samplerate;
    s->first = calloc((size_t)s->n, sizeof *both);
    s->second = calloc((size_t)s->n, sizeof *both);
    for (int i = 0; i < s->n; i++) {
        if (!isfinite(both[2 * i + 1])) return 1;
        s->first[i] = both[2 * i];
        s->second[i] = both[2 * i + 1];
    }
    sf_close(file);
    free(both);
    return 0;
}

/* In place: the mean of every `factor` samples, or the root of their mean square. */
static void reduce(double *x, int n, int factor, int is_envelope)
{
    for (int i = 0; i < n / factor; i++) {
        double sum = 0;
        for (int k = 0; k < factor; k++) sum += is_envelope ? x[i * factor + k] * x[i * factor + k] : x[i * factor + k];
        x[i] = is_envelope ? sqrt(sum / factor) : sum / factor;
    }
}

static void reduce_both(signals *s, int factor, int is_envelope)
{
    reduce(s->first, s->n, factor, is_envelope);
    reduce(s->second, s->n, factor, is_envelope);
    s->n /= factor;
    s->rate_hz /= factor;
}

static double correlation(const double *a, const double *b, int n)
{
    double mean_a = 0, mean_b = 0, ab = 0, aa = 1e-20, bb = 1e-20;
    for (int i = 0; i < n; i++) mean_a += a[i] / n, mean_b += b[i] / n;
    for (int i = 0; i < n; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return ab / sqrt(aa * bb);
}

int main(int argc, char **argv)
{
    signals s;
    if (argc != 5 || read_signals(&s, argv[2])) return fprintf(stderr, "live_compare: %s\n", argv[argc > 2 ? 2 : 0]), 1;
    int is_envelope = strcmp(argv[1], "envelope") == 0;
    double expected_ms = atof(argv[3]), tolerance_ms = atof(argv[4]), best = -2, best_ms = 0;
    reduce_both(&s, is_envelope ? (int)(0.005 * s.rate_hz) : s.rate_hz > 20000 ? 3 : 1, is_envelope);
    for (int delay = 0; delay * 1000 < MAX_DELAY_MS * s.rate_hz && delay < s.n / 2; delay++) {
        double here = correlation(s.first, s.second + delay, s.n - delay);
        if (here > best) best = here, best_ms = 1000 * delay / s.rate_hz;
    }
    printf("%.2f ms late (%s expected), correlation %.3f\n", best_ms, argv[3], best);
    free(s.first);
    free(s.second);
    return !(fabs(best_ms - expected_ms) <= tolerance_ms && best > (is_envelope ? 0.4 : 0.25));
}
