#include "io/audio_port.h"

#include <string.h>

enum { PART = 256, LOOKS = 4 };

/* The time comes last: who sees it sees the samples too. */
static void count(myna_audio_port *port, size_t n, size_t failed, int64_t now_ns)
{
    if (n > atomic_load_explicit(&port->largest, memory_order_relaxed))
        atomic_store_explicit(&port->largest, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&port->failed, failed, memory_order_relaxed);
    atomic_fetch_add_explicit(&port->moved, n, memory_order_relaxed);
    atomic_store_explicit(&port->moved_ns, now_ns, memory_order_release);
}

void myna_audio_port_hear(myna_audio_port *port, const float *in, size_t channels, size_t n, int64_t now_ns)
{
    float mono[PART];
    size_t taken = 0;
    for (size_t done = 0, part; done < n; done += part) {
        part = n - done < PART ? n - done : PART;
        for (size_t i = 0; i < part; i++) {
            float sum = 0;
            for (size_t c = 0; c < channels; c++) sum += in[(done + i) * channels + c];
            mono[i] = sum / (float)channels;
        }
        taken += myna_ring_write(port->ring, mono, part);
    }
    count(port, n, n - taken, now_ns);
}

void myna_audio_port_speak(myna_audio_port *port, float *out, size_t channels, size_t n, int64_t now_ns)
{
    size_t given = myna_ring_read(port->ring, out, n);
    memset(out + given, 0, (n * channels - given) * sizeof *out);
    for (size_t i = given; channels > 1 && i-- > 0;) /* spread backwards: nothing is overwritten before it is read */
        for (size_t c = channels; c-- > 0;) out[i * channels + c] = out[i];
    count(port, n, n - given, now_ns);
}

/* A callback in between shows in the time, and there is none again for a while. The rare one that has moved its samples
 * and not yet said so makes a look wrong by its samples; who looks often takes no harm. */
myna_audio_moment myna_audio_port_look(const myna_audio_port *port)
{
    myna_audio_moment moment = {0};
    for (int i = 0; i < LOOKS; i++) {
        moment.moved_ns = atomic_load_explicit(&port->moved_ns, memory_order_acquire);
        moment.moved = atomic_load_explicit(&port->moved, memory_order_relaxed);
        moment.fill = myna_ring_fill(port->ring);
        if (atomic_load_explicit(&port->moved_ns, memory_order_acquire) == moment.moved_ns) break;
    }
    return moment;
}
