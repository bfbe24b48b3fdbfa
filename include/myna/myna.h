/* Myna: offline voice conversion. One person's speech in, another person's voice out, the words kept.
 *
 * Everything here takes mono float samples at MYNA_SAMPLE_RATE_HZ, nominally in [-1, 1]; rates, channels and
 * file formats belong to the caller (the `myna` program shows how). The library never prints, never exits and
 * never aborts on input. A function that can fail returns a myna_status and leaves its outputs untouched when
 * it does. `myna_error *` arguments may be NULL. Where another pointer that such a function needs is NULL, it
 * returns MYNA_ERROR_ARGUMENT; functions that return something else must not be given NULL, except for those
 * that free.
 *
 *   myna_model *model; myna_voice *voice;
 *   myna_model_load(&model, "myna.safetensors", &error);
 *   myna_voice_load(&voice, model, "anna.voice", &error);
 *   myna_convert(model, voice, NULL, in, n, out, &error);          // whole recording
 */
#ifndef MYNA_H
#define MYNA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MYNA_API __attribute__((visibility("default")))
#else
#define MYNA_API
#endif

enum {
    MYNA_SAMPLE_RATE_HZ = 16000,
    MYNA_MEL_BANDS = 256,
    MYNA_EMBEDDING_SIZE = 128,
};

/* ---- Status ------------------------------------------------------------------------------------------- */

#define MYNA_STATUS_LIST(X)                                            \
    X(OK, "no error")                                                  \
    X(ERROR_ARGUMENT, "an argument is out of its range")               \
    X(ERROR_MEMORY, "out of memory")                                   \
    X(ERROR_FILE, "a file cannot be opened, read or written")          \
    X(ERROR_FORMAT, "a file's content is not what its format demands") \
    X(ERROR_MODEL, "a voice or checkpoint belongs to another model")   \
    X(ERROR_SPEECH, "a recording holds too little speech")             \
    X(ERROR_NOT_FINITE, "a number became infinite or undefined")       \
    X(ERROR_DEVICE, "a sound device is missing or does not work")      \
    X(ERROR_INTERRUPTED, "stopped on request")

typedef enum myna_status {
#define MYNA_STATUS_ENUM(name, message) MYNA_##name,
    MYNA_STATUS_LIST(MYNA_STATUS_ENUM)
#undef MYNA_STATUS_ENUM
        MYNA_STATUS_COUNT
} myna_status;

/* "ERROR_FILE" and "a file cannot be ..."; static strings, never NULL, for any value. */
MYNA_API const char *myna_status_name(myna_status status);
MYNA_API const char *myna_status_message(myna_status status);

/* Filled on failure: the file concerned (empty when none is) and the reason, one line, no full stop. */
typedef struct myna_error {
    char file[4096]; /* as long as a path may be */
    char detail[256];
} myna_error;

MYNA_API const char *myna_version(void); /* "0.1.0" */

/* ---- Profile: what is measured of a recording ------------------------------------------------------------ */

/* Per mel band, over speech frames only: mean and standard deviation of log10 mel magnitude, of a signal whose
 * speech level has been brought to -20 dBFS. */
typedef struct myna_band_statistics {
    float mean[MYNA_MEL_BANDS];
    float deviation[MYNA_MEL_BANDS];
} myna_band_statistics;

typedef struct myna_profile {
    float speech_level_db;  /* RMS over active speech, dBFS; -inf where there is none */
    float duration_seconds; /* of the recording */
    float speech_seconds;   /* time in speech frames */
    float voiced_seconds;   /* time in frames with an F0 */
    float log_f0_mean;      /* of ln(F0 in Hz) over voiced frames, those more than 8 semitones from the median counted
                             * as 8 away; the model's average where there are too few */
    float log_f0_deviation; /* its standard deviation */
    float f0_low_hz;        /* 5th and 95th percentile of F0; 0 where there is none */
    float f0_high_hz;
    myna_band_statistics bands;
} myna_profile;

/* Measures a recording without any model. Fails with ERROR_NOT_FINITE on NaN or infinity, never for silence
 * (speech_seconds is 0 then). Any thread. */
MYNA_API myna_status myna_profile_measure(myna_profile *out, const float *samples, size_t n_samples, myna_error *error);

/* ---- Model: immutable, shared by any number of threads ----------------------------------------------------- */

typedef struct myna_model myna_model;

/* Reads a safetensors model; `path` is copied into errors. From memory: `data` may be freed afterwards.
 * The first load of a process may choose OpenBLAS's kernels and, on processors with AMX, asks Linux for its registers: no
 * other thread should use OpenBLAS meanwhile, and signal stacks must be 8 kB larger from then on. */
MYNA_API myna_status myna_model_load(myna_model **out, const char *path, myna_error *error);
MYNA_API myna_status myna_model_load_memory(myna_model **out, const void *data, size_t n_bytes, myna_error *error);
MYNA_API void myna_model_free(myna_model *model); /* NULL is fine; voices do not keep the model alive */

/* 16 hexadecimal digits that name these weights (a checksum of the file's content). */
MYNA_API const char *myna_model_id(const myna_model *model);
MYNA_API size_t myna_model_n_parameters(const myna_model *model);
/* A fact from the file's metadata ("training.steps", "code_width", ...), or NULL. Owned by the model. */
MYNA_API const char *myna_model_fact(const myna_model *model, const char *key);
/* The i-th fact in file order; false past the end. */
MYNA_API bool myna_model_fact_at(const myna_model *model, size_t i, const char **key, const char **value);

/* ---- Voice: a target speaker; immutable ----------------------------------------------------------------- */

typedef struct myna_voice myna_voice;

/* One recording to enrol; `name` stands in error messages and may be NULL. */
typedef struct myna_recording {
    const float *samples;
    size_t n_samples;
    const char *name;
} myna_recording;

/* Makes a voice from one or more recordings of one speaker, each weighted by its seconds of speech.
 * ERROR_SPEECH when there is less than half a second of speech in all; below 3 s expect a weaker likeness
 * (see myna_voice_profile()->speech_seconds). */
MYNA_API myna_status myna_voice_enroll(
    myna_voice **out, const myna_model *model, const myna_recording *recordings, size_t n_recordings, myna_error *error);

/* Reads a voice file. A voice made with another model is embedded again from the log-mel it carries;
 * ERROR_MODEL where it carries none (mixed voices). `model` NULL: as it stands in the file, to be looked at. */
MYNA_API myna_status myna_voice_load(myna_voice **out, const myna_model *model, const char *path, myna_error *error);
/* Writes atomically (temporary name, fsync, rename). Replaces an existing file. */
MYNA_API myna_status myna_voice_save(const myna_voice *voice, const char *path, myna_error *error);
/* A voice between others: weights are normalised to sum 1; all must belong to one model. It carries no log-mel. */
MYNA_API myna_status myna_voice_mix(
    myna_voice **out, const myna_voice *const *voices, const float *weights, size_t n_voices, myna_error *error);
/* What tuning found: the loss (mean absolute error in deviations of the log-mel) of speech that was held back. */
typedef struct myna_tuning {
    float loss_before, loss_after;
    int n_steps; /* 0: nothing helped, and the voice is as it was */
} myna_tuning;
/* A voice nearer to its own recordings: embedding and the decoder's scales follow the gradient, the network stays as it
 * is. Takes seconds on one core. ERROR_SPEECH below 8 s of speech; ERROR_MODEL where there is no log-mel (mixed). */
MYNA_API myna_status myna_voice_tune(
    myna_voice **out, const myna_model *model, const myna_voice *voice, myna_tuning *report, myna_error *error);
MYNA_API void myna_voice_free(myna_voice *voice);

MYNA_API const myna_profile *myna_voice_profile(const myna_voice *voice);
MYNA_API const float *myna_voice_embedding(const myna_voice *voice); /* [MYNA_EMBEDDING_SIZE] */
MYNA_API const char *myna_voice_model_id(const myna_voice *voice);
MYNA_API bool myna_voice_is_tuned(const myna_voice *voice);
MYNA_API bool myna_voice_can_reembed(const myna_voice *voice); /* carries log-mel */

/* ---- Converter: a stream -------------------------------------------------------------------------------- */

/* How much of the future the network and the waveform stage may see: 50, 75 and 200 ms at 16 kHz. */
typedef enum myna_latency { MYNA_LATENCY_LOW, MYNA_LATENCY_BALANCED, MYNA_LATENCY_BEST } myna_latency;

/* The same in samples: 800, 1200 and 3200. */
MYNA_API size_t myna_latency_samples(myna_latency latency);
MYNA_API extern const char *const myna_latency_names[]; /* by latency: "low", "balanced", "best", and a NULL */

/* AUTO moves the source's log-F0 to the target's mean and spread; KEEP leaves the source's melody. */
typedef enum myna_pitch { MYNA_PITCH_AUTO, MYNA_PITCH_KEEP } myna_pitch;

/* What the content encoder knows of a recording. Taking away the mean and standard deviation of each value inside it takes
 * away what stays the same throughout: much of the speaker, the microphone and the room. */
enum { MYNA_CONTENT_VALUES = 6 * 256 };
typedef struct myna_content_statistics {
    float mean[MYNA_CONTENT_VALUES];
    float deviation[MYNA_CONTENT_VALUES];
    float source[MYNA_EMBEDDING_SIZE]; /* the embedding of who speaks, whose sounds differ from others'; all 0: not known */
} myna_content_statistics;

/* What a first pass over a source recording finds, for one target (see myna_source_meter). */
typedef struct myna_source {
    myna_profile profile;
    myna_content_statistics content; /* used where profile.speech_seconds > 0 */
    myna_band_statistics output; /* of the network's output for this source and this target; all 0: not known */
    float output_gain;           /* that gives the matched output the source's level; used when `output` is known */
} myna_source;

/* Start from myna_converter_options_init: fields may be added. */
typedef struct myna_converter_options {
    myna_latency latency;
    myna_pitch pitch;
    float pitch_semitones;     /* on top of `pitch`; [-24, 24] */
    int iterations;            /* Griffin-Lim iterations a frame, [0, 64] */
    uint64_t seed;             /* of the noise that starts unvoiced phase */
    float gate_db;             /* input so far below speech begins to fade, over 20 dB; [-80, -10] */
    const myna_source *source; /* NULL: running estimates, which start at the training average; copied;
                                * ERROR_NOT_FINITE where it holds NaN, or infinity but for the level of silence */
    bool source_is_start;      /* running estimates too, but starting from `source`: the same person, another time */
} myna_converter_options;

/* best latency, AUTO, 0 semitones, MYNA_DEFAULT_ITERATIONS, seed 0, MYNA_DEFAULT_GATE_DB, no source */
enum { MYNA_DEFAULT_ITERATIONS = 8, MYNA_DEFAULT_GATE_DB = -35 };
MYNA_API void myna_converter_options_init(myna_converter_options *options);

typedef struct myna_converter myna_converter;

/* Model and voice must outlive the converter. `options` NULL means the defaults. All memory is taken here;
 * process, flush and reset never allocate. */
MYNA_API myna_status myna_converter_create(myna_converter **out, const myna_model *model, const myna_voice *voice,
    const myna_converter_options *options, myna_error *error);
MYNA_API void myna_converter_free(myna_converter *converter);

/* Takes n samples and gives n samples: out[i] answers in[i - latency_samples]; the first latency_samples are
 * zero. Any n, also 0; `out` may equal `in`. NaN and infinity in the input count as silence. The source's
 * speech level is kept. One thread at a time; larger blocks cost less. */
MYNA_API void myna_converter_process(myna_converter *converter, const float *in, size_t n, float *out);
/* Gives the last latency_samples samples, after which the converter is as after myna_converter_reset. */
MYNA_API void myna_converter_flush(myna_converter *converter, float *out);
/* Forgets everything heard, as if just created. */
MYNA_API void myna_converter_reset(myna_converter *converter);
/* The delay between in and out: changing in[n] changes no out before n, and none after n + latency
 * determines out[n]. */
MYNA_API size_t myna_converter_latency_samples(const myna_converter *converter);
/* The shift in semitones that takes the source's mean F0 to the output's, as in use now. */
MYNA_API float myna_converter_pitch_shift(const myna_converter *converter);
/* F0 in Hz of the newest frame heard, and of what is made of it; 0 where unvoiced. */
MYNA_API void myna_converter_f0(const myna_converter *converter, float *heard_hz, float *spoken_hz);
/* From now on another voice, of the same model; it must outlive the converter. Fades over 0.1 s. Between two calls of
 * process; never allocates. ERROR_MODEL, and nothing changes, where the voice belongs to another model. */
MYNA_API myna_status myna_converter_set_voice(myna_converter *converter, const myna_voice *voice, myna_error *error);
/* From now on another pitch: as in the options; semitones beyond +-24 are held there. */
MYNA_API void myna_converter_set_pitch(myna_converter *converter, myna_pitch pitch, float semitones);

/* ---- First pass and whole recordings ----------------------------------------------------------------------- */

/* The first pass over a source, block by block, in constant memory: its profile, and the statistics of what
 * the network makes of at most 30 s of its speech with this target. */
typedef struct myna_source_meter myna_source_meter;
MYNA_API myna_status myna_source_meter_create(myna_source_meter **out, const myna_model *model, const myna_voice *voice,
    const myna_converter_options *options, myna_error *error);
MYNA_API void myna_source_meter_process(myna_source_meter *meter, const float *in, size_t n);
/* ERROR_NOT_FINITE when the input held NaN or infinity. A source without speech gives speech_seconds 0 and is
 * converted as it is heard. Once: then ERROR_ARGUMENT. */
MYNA_API myna_status myna_source_meter_finish(myna_source_meter *meter, myna_source *out, myna_error *error);
MYNA_API void myna_source_meter_free(myna_source_meter *meter);

/* What a first pass over an enrolled voice's own recordings finds: a start for running estimates when that person
 * speaks. ERROR_MODEL where the source carries no log-mel (mixed voices). */
MYNA_API myna_status myna_source_of_voice(myna_source *out, const myna_model *model, const myna_voice *source,
    const myna_voice *target, const myna_converter_options *options, myna_error *error);

/* Converts n samples into n samples, in time with each other: both passes at once (options->source NULL), or
 * only the second. `out` may equal `in`, but not overlap it otherwise. */
MYNA_API myna_status myna_convert(const myna_model *model, const myna_voice *voice, const myna_converter_options *options,
    const float *in, size_t n, float *out, myna_error *error);

#ifdef __cplusplus
}
#endif
#endif
