/* What a program that embeds Myna looks like, built against the installed package: consumer MODEL.safetensors */
#include <math.h>
#include <myna/myna.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECONDS = 2, N_SAMPLES = SECONDS * MYNA_SAMPLE_RATE_HZ };

/* Speech to a level meter and a pitch tracker: syllables of ten harmonics. */
static void speak(float *out, double f0_hz)
{
    for (int i = 0; i < N_SAMPLES; i++) {
        double t = (double)i / MYNA_SAMPLE_RATE_HZ, sum = 0;
        for (int k = 1; k <= 10; k++) sum += sin(6.283185307179586 * f0_hz * k * t) / k;
        out[i] = (float)(.1 * sum * fmax(0, sin(15 * t)));
    }
}

static int fail(const char *what, const myna_error *error)
{
    fprintf(stderr, "%s: %s: %s\n", what, error->file, error->detail);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static float target[N_SAMPLES], source[N_SAMPLES], converted[N_SAMPLES];
    if (argc != 2) return EXIT_FAILURE;
    speak(target, 210);
    speak(source, 120);

    myna_error error = {0};
    myna_model *model;
    if (myna_model_load(&model, argv[1], &error) != MYNA_OK) return fail("model", &error);
    myna_voice *voice;
    const myna_recording recording = {target, N_SAMPLES, "target"};
    if (myna_voice_enroll(&voice, model, &recording, 1, &error) != MYNA_OK) return fail("voice", &error);
    if (myna_convert(model, voice, NULL, source, N_SAMPLES, converted, &error) != MYNA_OK)
        return fail("convert", &error);
    myna_voice_free(voice);
    myna_model_free(model);

    double energy = 0;
    for (int i = 0; i < N_SAMPLES; i++) energy += (double)converted[i] * (double)converted[i];
    printf("myna %s: %d s converted, %.1f dBFS\n", myna_version(), SECONDS, 10 * log10(energy / N_SAMPLES));
    return isfinite(energy) && energy > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
