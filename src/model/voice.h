/* A voice in memory. Made by enrolment (pipeline/enroll), by a voice file, or by mixing. */
#ifndef MYNA_MODEL_VOICE_H
#define MYNA_MODEL_VOICE_H

#include "model/speaker.h"

struct myna_voice {
    char model_id[MYNA_ID_SIZE];
    myna_speaker speaker;
    myna_profile profile;                /* of the target's recordings */
    myna_band_statistics reconstruction; /* of what the network makes of the target's own speech in its own voice, at
                                            best, with myna_retrieval_of_own */
    size_t n_frames;                     /* 0 when mixed */
    float *log_mel;                      /* [n_frames][MYNA_MEL_BANDS], at normal level; stored as F16 */
    float *f0_hz;                        /* [n_frames] */
};

/* myna_voice_enroll that also tells speech_seconds[n_recordings], each one's, unless NULL. */
myna_status myna_voice_enroll_measured(myna_voice **out, const myna_model *model, const myna_recording *recordings,
    size_t n_recordings, float *speech_seconds, myna_error *error);

/* The embedding[MYNA_EMBEDDING_SIZE] of log_mel[n_frames][MYNA_MEL_BANDS] at normal level. ERROR_SPEECH below
 * MYNA_SPEAKER_FRAMES frames. */
myna_status myna_embed_frames(
    float *embedding, const myna_model *model, const float *log_mel, size_t n_frames, myna_error *error);
/* Gives a voice this embedding, film_change (NULL: zeros) and model: fills speaker, reconstruction (zeros where there
 * are no frames) and model_id. */
myna_status myna_voice_set_embedding(
    myna_voice *voice, const myna_model *model, const float *embedding, const float *film_change, myna_error *error);
/* Both in turn: fills the same from log_mel and f0_hz. */
myna_status myna_voice_embed(myna_voice *voice, const myna_model *model, myna_error *error);

/* ERROR_MODEL where the voice belongs to another model. */
myna_status myna_voice_check_model(const myna_voice *voice, const myna_model *model, myna_error *error);

/* As myna_voice_load, from memory; `data` may be freed afterwards. */
myna_status myna_voice_load_memory(
    myna_voice **out, const myna_model *model, const void *data, size_t n_bytes, myna_error *error);

#endif
