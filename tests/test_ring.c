/* The ring: every division into blocks, fullness, and two threads that never lose a sample or its place. */
#include "testing.h"

#include "base/ring.h"

#include <pthread.h>
#include <sched.h>

static myna_ring *create(size_t capacity)
{
    myna_ring *ring = NULL;
    assert_ok(myna_ring_create(&ring, capacity, NULL));
    return ring;
}

static void order_is_kept(void **state)
{
    (void)state;
    myna_ring *ring = create(8);
    float next_in = 0, next_out = 0, block[8];
    for (size_t turn = 0; turn < 1000; turn++) {
        size_t n = turn % 7 + 1, m = turn % 5 + 1;
        for (size_t i = 0; i < n; i++) block[i] = next_in + (float)i;
        next_in += (float)myna_ring_write(ring, block, n);
        size_t got = myna_ring_read(ring, block, m);
        for (size_t i = 0; i < got; i++) assert_true(block[i] == next_out++);
        assert_int_equal(myna_ring_fill(ring), (size_t)(next_in - next_out));
    }
    assert_true(next_out > 2000);
    myna_ring_free(ring);
}

static void full_and_empty(void **state)
{
    (void)state;
    myna_ring *ring = create(5); /* rounded up to 8 */
    const float ten[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    float out[10];
    assert_int_equal(myna_ring_read(ring, out, 10), 0);
    assert_int_equal(myna_ring_room(ring), 8);
    assert_int_equal(myna_ring_write(ring, ten, 10), 8);
    assert_int_equal(myna_ring_room(ring), 0);
    assert_int_equal(myna_ring_write(ring, ten, 1), 0);
    assert_int_equal(myna_ring_read(ring, NULL, 3), 3);
    assert_int_equal(myna_ring_write(ring, ten, 10), 3);
    assert_int_equal(myna_ring_read(ring, out, 10), 8);
    const float expected[8] = {3, 4, 5, 6, 7, 0, 1, 2};
    assert_memory_equal(out, expected, sizeof expected);
    myna_ring_free(ring);
    assert_int_equal(myna_ring_create(&ring, 0, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_ring_create(&ring, SIZE_MAX, NULL), MYNA_ERROR_ARGUMENT);
}

static void silence_is_written_without_samples(void **state)
{
    (void)state;
    myna_ring *ring = create(8);
    const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    float out[8];
    assert_int_equal(myna_ring_write(ring, ones, 8), 8);
    assert_int_equal(myna_ring_read(ring, NULL, 6), 6);
    assert_int_equal(myna_ring_write(ring, NULL, 10), 6); /* over the end and on from the start */
    assert_int_equal(myna_ring_read(ring, out, 8), 8);
    for (int i = 0; i < 8; i++) assert_true(out[i] == (i < 2 ? 1.0f : 0.0f));
    myna_ring_free(ring);
}

enum { TOTAL = 1 << 20 };

static void *write_all(void *ring)
{
    float block[64];
    for (size_t done = 0; done < TOTAL;) {
        size_t n = done % 61 + 1 < TOTAL - done ? done % 61 + 1 : TOTAL - done;
        for (size_t i = 0; i < n; i++) block[i] = (float)(done + i);
        size_t written = myna_ring_write(ring, block, n);
        if (written == 0) sched_yield();
        done += written;
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    myna_ring *ring = create(256);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_all, ring), 0);
    float block[64];
    size_t done = 0, n_wrong = 0;
    while (done < TOTAL) {
        size_t n = myna_ring_read(ring, block, done % 53 + 1);
        if (n == 0) sched_yield();
        for (size_t i = 0; i < n; i++) n_wrong += block[i] != (float)(done + i);
        done += n;
    }
    pthread_join(writer, NULL);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(myna_ring_fill(ring), 0);
    myna_ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(full_and_empty),
        cmocka_unit_test(silence_is_written_without_samples),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
