#include "nn/muon.h"
#include "nn/optim.h"

#include "base/rng.h"
#include "nn/gemm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 5, N_STEPS = 3 };

static const float initial[N] = {0.5f, -1.25f, 2.0f, 0.0f, -0.03f};
static const float gradients[N_STEPS][N] = {
    {0.1f, -0.4f, 2.5f, 1e-4f, 0.0f}, {-0.3f, 0.2f, 1.5f, -3e-4f, 0.0f}, {0.05f, 0.9f, -0.7f, 2e-4f, 1.0f}};

/* torch.optim.AdamW (2.x, float64) on the numbers above: gradients halved, lr 1.5e-3, betas .9/.98, eps 1e-8. */
static const double decayed[N_STEPS][N] = {
    {0.4984925002999999, -1.248481250075, 1.998470000012, -0.001499700059988002, -0.02999955},
    {0.4992234782580679, -1.2480618613113357, 1.9970005314483728, -0.0007612879314706262, -0.02999910000675},
    {0.49963255301123144, -1.2487596564531562, 1.996109678363227, -0.000789398552557942, -0.03094777883918446}};
static const double undecayed[N_STEPS][N] = {
    {0.4985000002999999, -1.248500000075, 1.998500000012, -0.001499700059988002, -0.03},
    {0.4992384556455724, -1.2480993385300867, 1.9970605084983728, -0.000761310426971526, -0.03},
    {0.4996550187509098, -1.248815854599827, 1.9961996104211988, -0.0007894324673778138, -0.03094912881893456}};
static const double last_moment1[N] = {-6.95e-3, 3.78e-2, 0.13375, 5.5e-7, 5e-2};
static const double last_moment2[N] = {5.0152e-4, 5.01432e-3, 4.34875e-2, 6.8902e-10, 5e-3};

static void check_adamw(int with_decay, const double (*expected)[N])
{
    float parameters[N], moment1[N] = {0}, moment2[N] = {0};
    memcpy(parameters, initial, sizeof parameters);
    for (size_t s = 0; s < N_STEPS; s++) {
        const myna_adamw options = {1.5e-3f, 0.9f, 0.98f, 1e-8f, 0.01f, s + 1};
        /* two slices, as two threads would take them */
        myna_adamw_update(parameters, moment1, moment2, gradients[s], 2, &options, 0.5f, with_decay);
        myna_adamw_update(
            parameters + 2, moment1 + 2, moment2 + 2, gradients[s] + 2, N - 2, &options, 0.5f, with_decay);
        for (size_t i = 0; i < N; i++) assert_true(fabs((double)parameters[i] - expected[s][i]) < 4e-7);
    }
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs((double)moment1[i] - last_moment1[i]) < 1e-6 * fabs(last_moment1[i]) + 1e-12);
        assert_true(fabs((double)moment2[i] - last_moment2[i]) < 1e-6 * fabs(last_moment2[i]));
    }
}

static void adamw_matches_torch(void **state)
{
    (void)state;
    check_adamw(1, decayed);
    check_adamw(0, undecayed);
}

enum { ROWS = 2, COLUMNS = 3, MATRIX = ROWS * COLUMNS };
static const float matrix[MATRIX] = {0.5f, -1.25f, 2.0f, 0.0f, -0.03f, 0.7f};
static const float matrix_gradients[2][MATRIX] = {
    {0.1f, -0.4f, 2.5f, 0.3f, 0.2f, -0.5f}, {-0.3f, 0.2f, 1.5f, 0.05f, 0.9f, -0.7f}};
/* The twin's Muon (float64) on these: gradients halved, lr 1.5e-2. torch.optim.Muon, which rounds to bfloat16, is within
 * 1 % of its steps. */
static const double matrix_after[2][MATRIX] = {
    {0.499202258175024, -1.2494579048216952, 1.9961250093561662, -0.0032440932100238694, -0.031312771432816223,
        0.7004706370231844},
    {0.49932869964057763, -1.250977539555117, 1.9919499786706212, -0.0038682950739779304, -0.03686900023561358,
        0.7010722332085109}};

static void turn(float *out, const float *in)
{
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++) out[c * ROWS + r] = in[r * COLUMNS + c];
}

/* Lying and standing. */
static void muon_matches_twin(void **state)
{
    (void)state;
    const myna_muon options = {1.5e-2f, 0.95f, 0.01f};
    float wide[MATRIX], tall[MATRIX], wide_moment[MATRIX] = {0}, tall_moment[MATRIX] = {0}, gradients_of_tall[MATRIX];
    float *scratch = malloc(myna_muon_scratch_size(ROWS, COLUMNS) * sizeof *scratch);
    assert_non_null(scratch);
    assert_int_equal(myna_muon_scratch_size(ROWS, COLUMNS), myna_muon_scratch_size(COLUMNS, ROWS));
    myna_gemm_init();
    memcpy(wide, matrix, sizeof wide);
    turn(tall, matrix);
    for (size_t s = 0; s < 2; s++) {
        turn(gradients_of_tall, matrix_gradients[s]);
        myna_muon_update(wide, wide_moment, matrix_gradients[s], ROWS, COLUMNS, &options, 0.5f, scratch);
        myna_muon_update(tall, tall_moment, gradients_of_tall, COLUMNS, ROWS, &options, 0.5f, scratch);
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t c = 0; c < COLUMNS; c++) {
                const double expected = matrix_after[s][r * COLUMNS + c];
                assert_true(fabs((double)wide[r * COLUMNS + c] - expected) < 1e-6);
                assert_true(fabs((double)tall[c * ROWS + r] - expected) < 1e-6);
            }
        }
    }
    free(scratch);
}

static void muon_does_nothing_without_gradients(void **state)
{
    (void)state;
    const myna_muon options = {1.5e-2f, 0.95f, 0};
    const float gradients_of_none[MATRIX] = {0};
    float parameters[MATRIX], moment[MATRIX] = {0};
    float *scratch = malloc(myna_muon_scratch_size(ROWS, COLUMNS) * sizeof *scratch);
    assert_non_null(scratch);
    memcpy(parameters, matrix, sizeof parameters);
    myna_gemm_init();
    myna_muon_update(parameters, moment, gradients_of_none, ROWS, COLUMNS, &options, 1, scratch);
    assert_memory_equal(parameters, matrix, sizeof parameters);
    free(scratch);
}

static void sums_and_averages(void **state)
{
    (void)state;
    enum { COUNT = 1003 };
    float x[COUNT], average[COUNT], joined[COUNT];
    double sum = 0.0;
    myna_rng rng = myna_rng_seed(5, 0);
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = myna_rng_normal(&rng);
        sum += (double)x[i] * (double)x[i];
        average[i] = joined[i] = (float)i;
    }
    assert_true(fabs(myna_sum_of_squares(x, COUNT) - sum) < 1e-10 * sum);
    assert_true(myna_sum_of_squares(x, 0) == 0.0);
    myna_average_update(average, x, COUNT, 0.75f);
    myna_accumulate(joined, x, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(fabs((double)average[i] - (0.75 * (double)i + 0.25 * (double)x[i])) < 1e-4);
        assert_true(joined[i] == (float)i + x[i]);
    }
}

static void schedule_rises_stays_and_falls(void **state)
{
    (void)state;
    const uint64_t warm_up = 200, steps = 10000, cool_down = 8500;
    assert_true(fabsf(myna_schedule(0, warm_up, steps) - 1.0f / 200.0f) < 1e-7f);
    assert_true(fabsf(myna_schedule(99, warm_up, steps) - 0.5f) < 1e-7f);
    for (uint64_t s = 199; s <= cool_down; s += 7) assert_true(myna_schedule(s, warm_up, steps) == 1.0f);
    assert_true(fabsf(myna_schedule(9250, warm_up, steps) - 0.5f) < 1e-6f);
    assert_true(myna_schedule(9999, warm_up, steps) > 0.0f && myna_schedule(9999, warm_up, steps) < 1e-3f);
    assert_true(myna_schedule(10000, warm_up, steps) == 0.0f && myna_schedule(20000, warm_up, steps) == 0.0f);
    for (uint64_t s = 1; s < steps; s++) {
        const float change = myna_schedule(s, warm_up, steps) - myna_schedule(s - 1, warm_up, steps);
        assert_true(s < warm_up ? change > 0.0f : s > cool_down ? change < 0.0f : change == 0.0f);
    }
}

static void schedule_takes_any_counts(void **state)
{
    (void)state;
    assert_true(myna_schedule(0, 0, 100) == 1.0f);
    assert_true(myna_schedule(0, 0, 0) == 0.0f);
    for (uint64_t s = 0; s < 10; s++) { /* a run shorter than its warm-up */
        const float factor = myna_schedule(s, 200, 10);
        assert_true(factor > 0.0f && factor <= 1.0f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adamw_matches_torch),
        cmocka_unit_test(muon_matches_twin),
        cmocka_unit_test(muon_does_nothing_without_gradients),
        cmocka_unit_test(sums_and_averages),
        cmocka_unit_test(schedule_rises_stays_and_falls),
        cmocka_unit_test(schedule_takes_any_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
