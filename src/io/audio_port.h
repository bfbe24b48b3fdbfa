/* What a device's callback does, and nothing else: it moves samples between the device and a ring, counts, and notes
 * the time. Where the ring has no room samples are lost, where it runs dry there is silence. */
#ifndef MYNA_IO_AUDIO_PORT_H
#define MYNA_IO_AUDIO_PORT_H

#include "base/ring.h"

#include <stdatomic.h>

/* One direction of a device. The counts are samples at the device's rate, each written by the callback alone. */
typedef struct myna_audio_port {
    myna_ring *ring;              /* mono, the caller's */
    atomic_uint_fast64_t moved;   /* by the device, failed ones included */
    atomic_uint_fast64_t failed;  /* heard, but the ring was full; or silence, since it was dry */
    atomic_size_t largest;       /* in one callback */
    atomic_int_fast64_t moved_ns; /* when last, by a clock of the caller's; 0: not yet */
} myna_audio_port;

/* In a callback: n frames of `channels` interleaved samples, mixed into one on the way in, repeated on the way out. */
void myna_audio_port_hear(myna_audio_port *port, const float *in, size_t channels, size_t n, int64_t now_ns);
void myna_audio_port_speak(myna_audio_port *port, float *out, size_t channels, size_t n, int64_t now_ns);

/* What is in the ring, and when the device last moved some: both of the same moment. Any thread. */
typedef struct myna_audio_moment {
    size_t fill;
    uint64_t moved;
    int64_t moved_ns; /* 0: not yet */
} myna_audio_moment;
myna_audio_moment myna_audio_port_look(const myna_audio_port *port);

#endif
