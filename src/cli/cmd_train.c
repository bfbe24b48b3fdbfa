#include "cli/train_run.h"

#include <string.h>

/* What a checkpoint holds and --resume cannot change: the first such option that was given, or NULL. */
static const char *fixed_option(const train_settings *s)
{
    if (s->init) return "--init";
    if (s->batch) return "--batch";
    if (s->seed >= 0) return "--seed";
    if (s->code_width) return "--code-width";
    if (s->conversions > 0) return "--conversions";
    if (s->judge) return "--judge";
    return s->single_precision ? "--single-precision" : NULL;
}

static int check_settings(const train_settings *s)
{
    const char *fixed = fixed_option(s);
    if (!s->output) myna_report("train", "name the model to write with -o, as .safetensors");
    else if (strcmp(myna_path_suffix(s->output), ".safetensors") != 0)
        myna_report("train", "the model must be named .safetensors, not '%s'", s->output);
    else if (s->resume && fixed) myna_report("train", "--resume and %s exclude each other", fixed);
    else if (s->init && s->code_width)
        myna_report("train", "--init and --code-width exclude each other: the model has its width");
    else if (s->conversions > 0 && !s->init)
        myna_report("train", "--conversions needs --init: only a finished model can convert");
    else if (s->judge && !(s->conversions > 0)) myna_report("train", "--judge needs --conversions, which it judges");
    else if (s->hours > 0 && s->steps) myna_report("train", "--hours and --steps exclude each other");
    else return MYNA_EXIT_OK;
    return MYNA_EXIT_USAGE;
}

int myna_cmd_train(int argc, char **argv)
{
    train_settings s = {.seed = -1, .code_noise = -1, .phone_weight = -1, .self_conversion = -1, .checkpoint_minutes = 5, .log_steps = 250};
    const myna_option options[] = {
        {"output", 'o', MYNA_OPTION_TEXT, &s.output, "MODEL", "where the model goes (.safetensors); its checkpoint, loss table and\nplot stand beside it, and its folder is made where it is missing", 0, 0, NULL},
        {"hours", 0, MYNA_OPTION_NUMBER, &s.hours, "H", "train for about so long (turned into steps once the speed is known;\nwith --resume: in all)", 1e-3, 10000, NULL},
        {"steps", 0, MYNA_OPTION_INTEGER, &s.steps, "N", "length of the schedule in steps (100000; with --resume: as before)", 1, 1e9, NULL},
        {"batch", 0, MYNA_OPTION_INTEGER, &s.batch, "N", "segments of 1.6 s a step (24)", 1, 4096, NULL},
        {"threads", 0, MYNA_OPTION_INTEGER, &s.threads, "N", "worker threads (all cores, at most half of --batch;\nwith --resume: as before)", 1, 256, NULL},
        {"seed", 0, MYNA_OPTION_INTEGER, &s.seed, "N", "of everything random (0)", 0, 9e15, NULL},
        {"init", 0, MYNA_OPTION_TEXT, &s.init, "MODEL", "start from a finished model: fine-tuning", 0, 0, NULL},
        {"resume", 0, MYNA_OPTION_FLAG, &s.resume, NULL, "go on from the checkpoint beside MODEL, with its options", 0, 0, NULL},
        {"plot", 0, MYNA_OPTION_FLAG, &s.plot, NULL, "draw the loss curves as SVG beside MODEL (with --resume: as before)", 0, 0, NULL},
        {"rate", 0, MYNA_OPTION_NUMBER, &s.rate, "R", "learning rate (0.0015; for fine-tuning take 0.0003;\nwith --resume: as before)", 1e-6, 1, NULL},
        {"code-width", 0, MYNA_OPTION_INTEGER, &s.code_width, "N", "values a step in the bottleneck (16)", 1, 256, NULL},
        {"code-noise", 0, MYNA_OPTION_NUMBER, &s.code_noise, "D", "deviation of the noise on them while training (0.1;\nwith --resume: as before)", 0, 2, NULL},
        {"self-conversion", 0, MYNA_OPTION_NUMBER, &s.self_conversion, "S", "share of steps whose speech the model converts to another voice\nbefore it hears it (0.5; with --resume: as before)", 0, 1, NULL},
        {"conversions", 0, MYNA_OPTION_NUMBER, &s.conversions, "S", "share of steps that convert, where a finished model judges words and\nvoice: the end of training, on from --init (0)", 0, 1, NULL},
        {"judge", 0, MYNA_OPTION_TEXT, &s.judge, "MODEL", "that judges them: the model of --init, or one that it was trained on\nfrom (that of --init)", 0, 0, NULL},
        {"phones", 0, MYNA_OPTION_TEXT, &s.phones, "FILE", "what is said in the recordings, or some of them, and when: a CTM file,\nas scripts/find-phones makes it; conversions come nearer to the target\nby it", 0, 0, NULL},
        {"phone-weight", 0, MYNA_OPTION_NUMBER, &s.phone_weight, "W", "of telling them apart against the loss: more takes more of the source\naway, and words with it (0.1; with --resume: as before)", 0, 100, NULL},
        {"single-precision", 0, MYNA_OPTION_FLAG, &s.single_precision, NULL, "no matrix products in bfloat16, which are taken where\nthe processor has fast ones", 0, 0, NULL},
        {"checkpoint-minutes", 0, MYNA_OPTION_NUMBER, &s.checkpoint_minutes, "M", "time between checkpoints (5)", 0, 1e6, NULL},
        {"log-steps", 0, MYNA_OPTION_INTEGER, &s.log_steps, "N", "steps between rows of the loss table (250)", 1, 1e9, NULL},
        {"cache", 0, MYNA_OPTION_TEXT, &s.cache, "DIR", "for analysed recordings (XDG_CACHE_HOME/myna)", 0, 0, NULL},
        {"force", 0, MYNA_OPTION_FLAG, &s.force, NULL, "replace MODEL and what stands beside it", 0, 0, NULL},
        {"json", 0, MYNA_OPTION_FLAG, &s.json, NULL, "print a summary as JSON", 0, 0, NULL},
        {"quiet", 'q', MYNA_OPTION_FLAG, &s.quiet, NULL, "no progress, no notes", 0, 0, NULL},
        {0},
    };
    const myna_command command = {.usage = "train CORPUS -o MODEL [--hours H | --steps N]",
        .about = "Trains a model on recordings of many speakers, in any language; transcripts are\n"
                 "not needed, and --phones makes use of them where there are some.\n"
                 "CORPUS is a folder with a folder for each speaker, or a manifest.tsv with the columns\n"
                 "path, speaker and optionally split: \"train\" is trained on, everything else is held\n"
                 "out, also of speakers in both. Ctrl-C saves a checkpoint; --resume goes on.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1};
    myna_strings operands = {0};
    int code = MYNA_EXIT_OK;
    if (myna_options_parse(&command, argc, argv, &operands, &code)) {
        s.corpus = operands.items[0];
        myna_set_quiet(s.quiet);
        code = check_settings(&s);
        if (code == MYNA_EXIT_OK) code = train_run(&s);
    }
    myna_strings_free(&operands);
    return code;
}
