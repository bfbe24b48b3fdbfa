#include "cli/live_drift.h"

#include <math.h>

static const double smoothing_seconds = 0.5; /* against the jitter of callbacks */
/* d(error)/dt = 1e-6 (offset + steering): steering = -1e6 (p error + i integral of error) is critically damped where
 * i = p^2 / 4. */
static const double proportional = 0.2, integral = 0.01;

double myna_drift_update(myna_drift *d, double error, double seconds)
{
    d->heard_seconds += seconds;
    double part = fmin(seconds / fmin(d->heard_seconds, smoothing_seconds), 1);
    d->error += part * (error - d->error);
    double most = MYNA_DRIFT_MOST_PPM * 1e-6, sum = d->sum + d->error * seconds;
    double steering = proportional * d->error + integral * sum;
    if (fabs(steering) < most) d->sum = sum; /* at the limit the integral waits */
    return -1e6 * fmin(fmax(steering, -most), most);
}
