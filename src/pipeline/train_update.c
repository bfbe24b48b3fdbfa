/* The second half of a training step: the workers' gradients become one, and the weights follow it. */
#include "base/status.h"
#include "base/threads.h"
#include "nn/muon.h"
#include "nn/optim.h"
#include "pipeline/trainer.h"

#include <math.h>

enum { WARM_UP_STEPS = 200 };
static const float gradient_limit = 1.0f;

/* Each member: all workers' gradients of its slice of the parameters, into worker 0's. */
static void join_job(void *context, int member, int n_members)
{
    myna_trainer *t = context;
    size_t begin, end;
    myna_slice(t->layout.n_trained, member, n_members, &begin, &end);
    for (int i = 1; i < n_members; i++)
        myna_accumulate(t->workers[0].gradients + begin, t->workers[i].gradients + begin, end - begin);
    t->workers[member].sum_of_squares = myna_sum_of_squares(t->workers[0].gradients + begin, end - begin);
}

/* Matrices cannot be cut, so the members take turns. */
static void update_matrices(myna_trainer *t, int member, int n_members)
{
    worker *w = &t->workers[member];
    const myna_muon options = {t->update.rate, 0.95f, t->update.decay};
    int turn = 0;
    myna_gemm_round(w->rounding);
    for (size_t i = 0; i < t->layout.n_tensors; i++) {
        const myna_tensor *tensor = &t->layout.tensors[i];
        if (!myna_tensor_maps(tensor) || turn++ % n_members != member) continue;
        myna_muon_update(t->parameters + tensor->offset, t->moment1 + tensor->offset,
            t->workers[0].gradients + tensor->offset, tensor->dims[0], tensor->dims[1], &options,
            t->gradient_scale, w->muon);
    }
    myna_gemm_round(NULL);
}

/* Everything else, each member's slice. */
static void update_rest(myna_trainer *t, int member, int n_members)
{
    size_t begin, end;
    myna_slice(t->layout.n_trained, member, n_members, &begin, &end);
    for (size_t i = 0; i < t->layout.n_tensors; i++) {
        const myna_tensor *tensor = &t->layout.tensors[i];
        size_t from = tensor->offset > begin ? tensor->offset : begin;
        size_t to = tensor->offset + tensor->size < end ? tensor->offset + tensor->size : end;
        if (from >= to || myna_tensor_maps(tensor)) continue;
        myna_adamw_update(t->parameters + from, t->moment1 + from, t->moment2 + from, t->workers[0].gradients + from,
            to - from, &t->update, t->gradient_scale, myna_tensor_decays(tensor));
    }
}

static void update_job(void *context, int member, int n_members)
{
    update_matrices(context, member, n_members);
    update_rest(context, member, n_members);
}

static void average_job(void *context, int member, int n_members)
{
    myna_trainer *t = context;
    size_t begin, end;
    myna_slice(t->layout.n_trained, member, n_members, &begin, &end);
    myna_average_update(t->average + begin, t->parameters + begin, end - begin, t->average_decay);
}

/* The average follows closely at first, then over about a thousand steps. */
static float average_decay(uint64_t step)
{
    return fminf(0.999f, (1.0f + (float)step) / (10.0f + (float)step));
}

/* Their share that was read right, NAN where no step had one. */
static float update_phone_reader(myna_trainer *t)
{
    size_t n_known = 0, n_right = 0;
    float *gradients = t->workers[0].phones.gradients;
    if (!t->phones.parameters) return NAN;
    for (int i = 0; i < t->options.n_threads; i++) {
        const myna_phone_pass *pass = &t->workers[i].phones;
        if (i > 0) myna_accumulate(gradients, pass->gradients, t->phones.n_parameters);
        n_known += pass->n_known;
        n_right += pass->n_right;
    }
    myna_phone_reader_update(&t->phones, gradients, &t->update);
    return n_known ? (float)n_right / (float)n_known : NAN;
}

static void update_judge(myna_trainer *t)
{
    for (int i = 1; i < t->options.n_threads; i++) myna_judge_join(t->workers[0].judge, t->workers[i].judge);
    myna_judge_learn(&t->judge, t->workers[0].judge, &t->update);
}

myna_status myna_trainer_update(myna_trainer *t, myna_train_report *report, myna_error *error)
{
    myna_team_run(t->team, join_job, t);
    double loss = 0, l1 = 0, squares = 0;
    for (int i = 0; i < t->options.n_threads; i++) {
        loss += t->workers[i].loss;
        l1 += t->workers[i].parts[0];
        squares += t->workers[i].sum_of_squares;
    }
    float norm = (float)sqrt(squares);
    if (!isfinite(loss) || !isfinite(norm))
        return myna_fail(error, MYNA_ERROR_NOT_FINITE, "the loss is not finite at step %llu",
            (unsigned long long)t->n_done + 1);
    float rate = t->options.rate * myna_schedule(t->n_done, WARM_UP_STEPS, t->options.n_steps);
    t->update = (myna_adamw){rate, 0.9f, 0.98f, 1e-8f, 0.01f, t->n_done + 1};
    t->gradient_scale = norm > gradient_limit ? gradient_limit / norm : 1.0f;
    t->average_decay = average_decay(t->n_done);
    myna_team_run(t->team, update_job, t);
    myna_team_run(t->team, average_job, t);
    if (t->judge.parameters) update_judge(t);
    if (myna_trainer_converts(t)) loss = l1 = NAN; /* there is nothing to compare conversions with */
    t->n_done++;
    *report = (myna_train_report){t->n_done, (float)loss, (float)l1, update_phone_reader(t), norm, rate};
    return MYNA_OK;
}
