/* Two devices have two clocks, which differ by up to a few hundred parts per million: without a hand on the ratio of
 * rates, the ring between them would run dry, or late, within minutes. */
#ifndef MYNA_CLI_LIVE_DRIFT_H
#define MYNA_CLI_LIVE_DRIFT_H

#define MYNA_DRIFT_MOST_PPM 500.0 /* 0.9 cents: nobody hears it */

/* Plain data; start with the set point: seconds of samples that should be waiting, on average. */
typedef struct myna_drift {
    double set_point;
    double heard_seconds; /* how long it has been watching */
    double fill, sum;     /* smoothed fill; integral of its error */
} myna_drift;

/* Told every `seconds` what is waiting; gives the ppm by which more samples must be made. A PI controller, critically
 * damped at a time constant of 10 s, which a clock offset of 200 ppm moves off its set point by less than 1 ms. */
double myna_drift_update(myna_drift *drift, double fill_seconds, double seconds);

#endif
