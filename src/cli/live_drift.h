/* Two devices have two clocks, which differ by up to a few hundred parts per million: without a hand on the ratio of
 * rates, the ring between them would run dry, or late, within minutes. */
#ifndef MYNA_CLI_LIVE_DRIFT_H
#define MYNA_CLI_LIVE_DRIFT_H

#define MYNA_DRIFT_MOST_PPM 500.0 /* 0.9 cents: nobody hears it */

/* Plain data; start with zeros. */
typedef struct myna_drift {
    double heard_seconds; /* how long it has been watching */
    double error, sum;    /* smoothed; integral of it */
} myna_drift;

/* Told every `seconds` how many seconds of samples too much are waiting; gives the ppm by which more samples must be
 * made. A PI controller, critically damped at a time constant of 10 s, which a clock offset of 200 ppm moves off its
 * set point by less than 1 ms. */
double myna_drift_update(myna_drift *drift, double error_seconds, double seconds);

#endif
