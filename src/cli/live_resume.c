#define _GNU_SOURCE
#include "cli/live_resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char state[] = "MYNA_RESUMES", input[] = "MYNA_RESUMES_INPUT", output[] = "MYNA_RESUMES_OUTPUT",
                  monitor[] = "MYNA_RESUMES_MONITOR";

bool myna_live_resume_read(myna_live_resume *out)
{
    int voice, bypass, mute, pitch;
    myna_live_resume r = {.input = getenv(input), .output = getenv(output), .monitor = getenv(monitor)};
    const char *text = getenv(state);
    if (!text || !r.input || !r.output ||
        sscanf(text, "%lf %d %d %d %d %f", &r.start_seconds, &voice, &bypass, &mute, &pitch, &r.controls.semitones) !=
            6)
        return false;
    if (voice < 0 || voice >= MYNA_LIVE_MAX_VOICES) return false;
    r.controls.voice = voice;
    r.controls.bypass = bypass;
    r.controls.mute = mute;
    r.controls.pitch = pitch ? MYNA_PITCH_KEEP : MYNA_PITCH_AUTO;
    *out = r;
    return true;
}

void myna_live_resume_in(char **argv, const myna_live_resume *r)
{
    char text[100];
    snprintf(text, sizeof text, "%.9f %d %d %d %d %g", r->start_seconds, r->controls.voice, r->controls.bypass,
        r->controls.mute, r->controls.pitch == MYNA_PITCH_KEEP, (double)r->controls.semitones);
    setenv(state, text, 1);
    setenv(input, r->input, 1);
    setenv(output, r->output, 1);
    if (r->monitor) setenv(monitor, r->monitor, 1);
    execv("/proc/self/exe", argv);
}
