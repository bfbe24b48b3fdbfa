/* Recordings for tests/cli.sh, and a look at what came out.
 *   make_audio KIND RATE_HZ CHANNELS SECONDS OUT.wav     or OUT.mp3; KIND: see kinds below
 *   make_audio measure FILE                              prints "RATE_HZ FRAMES PEAK ONSET", this in ms */
#include <math.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double two_pi = 6.283185307179586;

/* Speech to the ear of a level meter and a pitch tracker: syllables of 30 harmonics on a gliding F0, with pauses. */
static double speech(double t, double rate_hz)
{
    static double phase;
    double f0_hz = 120 + 30 * sin(two_pi * .7 * t);
    double syllable = sin(two_pi * 2 * t), sum = 0;
    phase += two_pi * f0_hz / rate_hz;
    if (syllable <= 0 || fmod(t, 3) > 2.5) return 0;
    for (int k = 1; k <= 30 && k * f0_hz < rate_hz / 2; k++) sum += sin(k * phase) / k;
    return .15 * syllable * sum;
}

static const char *kind; /* of argv */

static bool is(const char *name)
{
    return strcmp(kind, name) == 0;
}

/* The kinds: speech, and what is wrong with it. "opposite" has every other channel turned over. */
static double sample(double t, double rate_hz)
{
    if (is("silence")) return 0;
    if (is("noise")) return .2 * rand() / RAND_MAX - .1;
    if (is("nan") && t > .5) return NAN;
    if (is("loud") && t > .5) return 1e30;
    if (is("late") && t < 1) return 0;
    double value = speech(t, rate_hz);
    return is("clipped") ? fmax(-1, fmin(1, 20 * value)) : value;
}

static int format_of(const char *path)
{
    const char *suffix = strrchr(path, '.');
    if (suffix && strcmp(suffix, ".mp3") == 0) return SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
    return SF_FORMAT_WAV | (is("nan") || is("loud") ? SF_FORMAT_FLOAT : SF_FORMAT_PCM_16);
}

static int make(char **argv)
{
    double rate_hz = atof(argv[2]), seconds = atof(argv[4]);
    int channels = atoi(argv[3]);
    kind = argv[1];
    SF_INFO info = {.samplerate = (int)rate_hz, .channels = channels, .format = format_of(argv[5])};
    SNDFILE *file = sf_open(argv[5], SFM_WRITE, &info);
    float frame[16];
    if (!file || channels > 16) return 1;
    long n_frames = lround(seconds * rate_hz);
    for (long i = 0; i < n_frames; i++) {
        for (int c = 0; c < channels; c++)
            frame[c] = c ? is("opposite") ? -frame[c - 1] : frame[0] : (float)sample((double)i / rate_hz, rate_hz);
        if (sf_writef_float(file, frame, 1) != 1) return 1;
    }
    return sf_close(file);
}

/* The loudest channel of the next frame; negative at the end. */
static float next_frame(SNDFILE *file, int channels)
{
    float frame[16], loudest = 0;
    if (sf_readf_float(file, frame, 1) != 1) return -1;
    for (int c = 0; c < channels; c++) loudest = fmaxf(loudest, fabsf(frame[c]));
    return loudest;
}

static int measure(const char *path)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file || info.channels > 16) return 1;
    float peak = 0, value;
    long n_frames = 0, onset = 0;
    for (; (value = next_frame(file, info.channels)) >= 0; n_frames++) peak = fmaxf(peak, value);
    sf_seek(file, 0, SEEK_SET);
    while ((value = next_frame(file, info.channels)) >= 0 && value < .1f * peak) onset++;
    printf("%d %ld %.4f %ld\n", info.samplerate, n_frames, (double)peak, 1000 * onset / info.samplerate);
    return sf_close(file);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "measure") == 0) return measure(argv[2]);
    return argc == 6 ? make(argv) : 1;
}
