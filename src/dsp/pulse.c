#include "dsp/pulse.h"

#include <math.h>

void myna_pulse_add(float *samples, double time, double gain)
{
    const double pi = 3.14159265358979323846, half = MYNA_PULSE_TAPS / 2;
    int whole = (int)time;
    double part = time - whole, sine = sin(pi * part) / pi;
    for (int i = 1 - MYNA_PULSE_TAPS / 2; i <= MYNA_PULSE_TAPS / 2; i++) {
        double t = i - part; /* sin(pi t) = -(-1)^i sin(pi part) */
        double sinc = fabs(t) < 1e-9 ? 1 : (i % 2 ? sine : -sine) / t;
        samples[whole + i] += (float)(gain * sinc * (0.5 + 0.5 * cos(pi * t / half)));
    }
}
