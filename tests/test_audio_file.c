/* Audio files: what is written comes back, what is broken is refused with its reason, a full disk leaves nothing. */
#define _GNU_SOURCE
#include "audio_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sndfile.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int n_files(void)
{
    int n = 0;
    DIR *listing = opendir(folder);
    for (struct dirent *entry; (entry = readdir(listing));) n += entry->d_name[0] != '.';
    closedir(listing);
    return n;
}

/* ---- Refusals -----------------------------------------------------------------------------------------------------
 */

static void expect_refusal(const char *name, myna_status expected, const char *reason)
{
    float *samples = NULL;
    size_t n = 77;
    myna_error error = {{0}, {0}};
    myna_status status = myna_audio_load(&samples, &n, at(name), NULL, &error);
    if (status != expected || !strstr(error.detail, reason)) fail_msg("%s: %d, '%s'", name, status, error.detail);
    assert_string_equal(error.file, path);
    assert_null(samples);
    assert_int_equal(n, 77);
    assert_true(strlen(error.detail) > 0 && error.detail[strlen(error.detail) - 1] != '.');
}

static void test_stereo_is_averaged(void **state)
{
    (void)state;
    int16_t data[] = {16384, 0, -16384, 16384, 8192, 8192};
    write_wave("stereo.wav", (wave){1, 2, 16000, 16, sizeof data, data, sizeof data});
    myna_audio_reader *reader;
    myna_audio_info info;
    assert_int_equal(myna_audio_open(&reader, at("stereo.wav"), &info, NULL), MYNA_OK);
    assert_int_equal(info.channels, 2);
    assert_int_equal(info.sample_rate_hz, 16000);
    assert_int_equal(info.frames, 3);
    assert_string_equal(info.format, "WAV, 16 bit PCM");
    float expected[] = {0.25f, 0, 0.25f};
    for (int pass = 0; pass < 2; pass++) {
        float samples[8];
        size_t n;
        assert_int_equal(myna_audio_read(reader, samples, 2, &n, NULL), MYNA_OK);
        assert_int_equal(n, 2);
        assert_int_equal(myna_audio_read(reader, samples + 2, 6, &n, NULL), MYNA_OK);
        assert_int_equal(n, 1);
        assert_memory_equal(samples, expected, sizeof expected);
        assert_int_equal(myna_audio_read(reader, samples, 8, &n, NULL), MYNA_OK);
        assert_int_equal(n, 0);
        assert_int_equal(myna_audio_rewind(reader, NULL), MYNA_OK);
    }
    myna_audio_close(reader);
}

static void test_open_lengths_are_read_to_the_end(void **state)
{
    (void)state;
    static int16_t data[5000];
    data[4999] = 16384;
    uint32_t declared[] = {0, 0xffffffff, 0x7fffffff, 0x7ffff000, 0x80000000, 0x7fffffff - 36, 0xffffffff - 36};
    for (size_t i = 0; i < sizeof declared / sizeof *declared; i++) {
        write_wave("open.wav", (wave){1, 1, 16000, 16, declared[i], data, sizeof data});
        float *samples;
        size_t n;
        myna_error error = {{0}, {0}};
        myna_audio_load(&samples, &n, at("open.wav"), NULL, &error);
        assert_string_equal(error.detail, "");
        assert_int_equal(n, 5000);
        assert_float_equal(samples[4999], 0.5f, 0);
        free(samples);
    }
}

static void test_broken_files_are_refused(void **state)
{
    (void)state;
    static int16_t data[5000];
    write_bytes("empty.wav", "", 0);
    expect_refusal("empty.wav", MYNA_ERROR_FORMAT, "the file is empty");
    write_wave("short.wav", (wave){1, 1, 16000, 16, 20000, data, 10000});
    expect_refusal("short.wav", MYNA_ERROR_FORMAT, "breaks off 10000 bytes before");
    write_wave("header.wav", (wave){1, 1, 16000, 16, 20000, data, 0});
    expect_refusal("header.wav", MYNA_ERROR_FORMAT, "");
    write_wave("none.wav", (wave){1, 1, 16000, 16, 0, data, 0});
    expect_refusal("none.wav", MYNA_ERROR_FORMAT, "holds no samples");
    write_wave("channels0.wav", (wave){1, 0, 16000, 16, 100, data, 100});
    expect_refusal("channels0.wav", MYNA_ERROR_FORMAT, "");
    write_wave("channels.wav", (wave){1, 500, 16000, 16, 10000, data, 10000});
    expect_refusal("channels.wav", MYNA_ERROR_FORMAT, "500 channels");
    write_wave("rate.wav", (wave){1, 1, 5, 16, 10000, data, 10000});
    expect_refusal("rate.wav", MYNA_ERROR_FORMAT, "sample rate of 5 Hz");
    write_wave("rate2.wav", (wave){1, 1, 2000000000, 16, 10000, data, 10000});
    expect_refusal("rate2.wav", MYNA_ERROR_FORMAT, "sample rate of 2000000000 Hz");
    write_wave("rate0.wav", (wave){1, 1, 0, 16, 10000, data, 10000});
    expect_refusal("rate0.wav", MYNA_ERROR_FORMAT, "its header states an impossible sample rate");
    write_wave("codec.wav", (wave){0x161, 1, 16000, 16, 10000, data, 10000});
    expect_refusal("codec.wav", MYNA_ERROR_FORMAT, "");
    write_bytes("text.wav", "This is a text, and a long one at that, but no sound.", 53);
    expect_refusal("text.wav", MYNA_ERROR_FORMAT, "not an audio file");
    expect_refusal("missing.wav", MYNA_ERROR_FILE, "No such file or directory");
    mkfifo(at("pipe.wav"), 0600);
    expect_refusal("pipe.wav", MYNA_ERROR_FILE, "not a regular file");
    float *samples;
    size_t n;
    myna_error error;
    assert_int_equal(myna_audio_load(&samples, &n, folder, NULL, &error), MYNA_ERROR_FILE);
    assert_string_equal(error.detail, "Is a directory");
}

static void test_not_finite(void **state)
{
    (void)state;
    static float data[9000];
    float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        data[8000] = bad[i];
        write_wave("nan.wav", (wave){3, 1, 16000, 32, sizeof data, data, sizeof data});
        expect_refusal("nan.wav", MYNA_ERROR_NOT_FINITE, "infinite or not a number");
    }
}

/* The place is that of the sample, not of the block it was read in. */
static void test_places_of_bad_samples(void **state)
{
    (void)state;
    static float data[9000];
    data[1000] = NAN;
    write_wave("nan.wav", (wave){3, 1, 48000, 32, sizeof data, data, sizeof data});
    expect_refusal("nan.wav", MYNA_ERROR_NOT_FINITE, "a sample after 0.02 seconds is infinite");
    data[1000] = 1e30f;
    write_wave("loud.wav", (wave){3, 1, 48000, 32, sizeof data, data, sizeof data});
    expect_refusal("loud.wav", MYNA_ERROR_FORMAT, "damaged: a sample after 0.02 seconds is more than 1000 times");
    data[1000] = 999.0f;
    write_wave("hot.wav", (wave){3, 1, 48000, 32, sizeof data, data, sizeof data});
    float *samples;
    size_t n;
    assert_int_equal(myna_audio_load(&samples, &n, path, NULL, NULL), MYNA_OK);
    free(samples);
}

static void test_opposite_channels(void **state)
{
    (void)state;
    static int16_t data[10000];
    for (size_t i = 0; i < 5000; i++) {
        data[2 * i] = (int16_t)(i * 77);
        data[2 * i + 1] = (int16_t)(-data[2 * i] + (int)(i % 3)); /* not to the last bit */
    }
    write_wave("anti.wav", (wave){1, 2, 16000, 16, sizeof data, data, sizeof data});
    expect_refusal("anti.wav", MYNA_ERROR_SPEECH, "its channels cancel each other out");
    for (size_t i = 0; i < 5000; i++) data[2 * i + 1] = 0;
    write_wave("left.wav", (wave){1, 2, 16000, 16, sizeof data, data, sizeof data});
    float *samples;
    size_t n;
    assert_int_equal(myna_audio_load(&samples, &n, path, NULL, NULL), MYNA_OK);
    free(samples);
}

static void test_foreign_formats_name_the_command(void **state)
{
    (void)state;
    static const unsigned char mp4[64] = {0, 0, 0, 32, 'f', 't', 'y', 'p', 'M', '4', 'A', ' '};
    static const unsigned char ebml[64] = {0x1a, 0x45, 0xdf, 0xa3, 1}, zeros[64] = {0};
    static const unsigned char adts[64] = {0xff, 0xf1, 0x50, 0x80, 2, 0x1f, 0xfc};
    char expected[256];
    write_bytes("talk.bin", mp4, sizeof mp4);
    snprintf(expected, sizeof expected,
        "libsndfile cannot read this format; convert it first: ffmpeg -i %s/talk.bin -ar 16000 -ac 1 %s/talk.wav",
        folder, folder);
    expect_refusal("talk.bin", MYNA_ERROR_FORMAT, expected);
    write_bytes("my talk", ebml, sizeof ebml);
    snprintf(expected, sizeof expected, "ffmpeg -i '%s/my talk' -ar 16000 -ac 1 '%s/my talk.wav'", folder, folder);
    expect_refusal("my talk", MYNA_ERROR_FORMAT, expected);
    write_bytes("a.bin", adts, sizeof adts);
    expect_refusal("a.bin", MYNA_ERROR_FORMAT, "ffmpeg -i ");
    write_bytes("zeros.WMA", zeros, sizeof zeros);
    expect_refusal("zeros.WMA", MYNA_ERROR_FORMAT, "ffmpeg -i ");
}

/* ---- Written files -------------------------------------------------------------------------------------------- */

/* Relative error of what comes back, and its exact length. */
static double read_back(const char *name, size_t n, int rate_hz)
{
    float *expected = malloc(n * sizeof *expected), *samples = malloc((n + 10) * sizeof *samples);
    fill_tone(expected, n, rate_hz);
    myna_audio_reader *reader;
    size_t got;
    assert_int_equal(myna_audio_open(&reader, at(name), NULL, NULL), MYNA_OK);
    assert_int_equal(myna_audio_read(reader, samples, n + 10, &got, NULL), MYNA_OK);
    assert_int_equal(got, n);
    myna_audio_close(reader);
    double difference = 0, energy = 0;
    for (size_t i = 0; i < n; i++) {
        difference += pow((double)samples[i] - (double)expected[i], 2);
        energy += pow((double)expected[i], 2);
    }
    free(expected);
    free(samples);
    return sqrt(difference / energy);
}

static void test_round_trips(void **state)
{
    (void)state;
    int rates[] = {8000, 11025, 16000, 44100, 48000, 96000};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        size_t n = 30011;
        write_tone("tone.wav", n, rates[i], 777);
        assert_true(read_back("tone.wav", n, rates[i]) < 3e-5);
        write_tone("tone.flac", n, rates[i], 5000);
        assert_true(read_back("tone.flac", n, rates[i]) < 3e-5);
        write_tone("tone.ogg", n, rates[i], 30011);
        assert_true(read_back("tone.ogg", n, rates[i]) < 0.1);
    }
    write_tone("tone.OPUS", 30011, 16000, 999);
    assert_true(read_back("tone.OPUS", 30011, 16000) < 0.1);
    assert_int_equal(n_files(), 4);
}

static void test_values_are_limited_and_rounded(void **state)
{
    (void)state;
    float in[] = {2, -2, 1, -1, 0.5f, 1.4f / 32768, 1.6f / 32768, -1.6f / 32768};
    float expected[] = {32767, -32768, 32767, -32768, 16384, 1, 2, -2};
    myna_audio_writer *writer;
    assert_int_equal(myna_audio_create(&writer, at("limit.wav"), 16000, 1, NULL), MYNA_OK);
    assert_int_equal(myna_audio_write(writer, in, 8, NULL), MYNA_OK);
    float bad = NAN;
    assert_int_equal(myna_audio_write(writer, &bad, 1, NULL), MYNA_ERROR_NOT_FINITE);
    assert_int_equal(myna_audio_commit(writer, NULL), MYNA_OK);
    float *out;
    size_t n;
    assert_int_equal(myna_audio_load(&out, &n, at("limit.wav"), NULL, NULL), MYNA_OK);
    assert_int_equal(n, 8);
    for (size_t i = 0; i < n; i++) assert_float_equal(out[i], expected[i] / 32768, 0);
    free(out);
}

/* What is in the file `from` becomes `to`: its first n bytes, of which the one at `damage` is changed (SIZE_MAX: none).
 */
static void write_part(const char *to, const char *from, size_t n, size_t damage)
{
    unsigned char *bytes = malloc(n);
    FILE *file = fopen(at(from), "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, n, file), n);
    fclose(file);
    if (damage < n) bytes[damage] ^= 0xff;
    write_bytes(to, bytes, n);
    free(bytes);
}

static size_t size_of(const char *name)
{
    struct stat file;
    assert_int_equal(stat(at(name), &file), 0);
    return (size_t)file.st_size;
}

static void expect_length(const char *name, size_t low, size_t high)
{
    float *samples;
    size_t n;
    myna_error error = {{0}, {0}};
    if (myna_audio_load(&samples, &n, at(name), NULL, &error) != MYNA_OK) fail_msg("%s: %s", name, error.detail);
    assert_in_range(n, low, high);
    free(samples);
}

/* A FLAC that breaks off is only noticed while reading; Ogg pages are looked at before. */
static void test_truncated_and_damaged_files(void **state)
{
    (void)state;
    write_tone("tone.flac", 60000, 16000, 60000);
    write_part("cut.flac", "tone.flac", size_of("tone.flac") / 2, SIZE_MAX);
    expect_refusal("cut.flac", MYNA_ERROR_FORMAT, "breaks off after");
    const char *names[] = {"tone.ogg", "tone.opus"};
    for (int i = 0; i < 2; i++) {
        write_tone(names[i], 1600000, 16000, 1600000);
        size_t size = size_of(names[i]);
        expect_length(names[i], 1600000, 1600000);
        write_part("cut", names[i], size / 2, SIZE_MAX);
        expect_refusal("cut", MYNA_ERROR_FORMAT, "truncated: its last Ogg page is missing");
        write_part("cut", names[i], size - 1, SIZE_MAX);
        expect_refusal("cut", MYNA_ERROR_FORMAT, "truncated: its last Ogg page is missing");
        write_part("bad", names[i], size, size / 2);
        expect_refusal("bad", MYNA_ERROR_FORMAT, "damaged at byte ");
        write_part("bad", names[i], size, 40);
        expect_refusal("bad", MYNA_ERROR_FORMAT, "damaged at byte 0 ");
    }
}

/* By libsndfile, which writes MP3 as well. */
static void write_mp3(const char *name, bool is_variable)
{
    enum { N = 60000 };
    static float tone[N];
    fill_tone(tone, N, 16000);
    SF_INFO info = {.samplerate = 16000, .channels = 1, .format = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III};
    SNDFILE *file = sf_open(at(name), SFM_WRITE, &info);
    if (!file) skip(); /* before libsndfile 1.1 */
    int mode = is_variable ? SF_BITRATE_MODE_VARIABLE : SF_BITRATE_MODE_CONSTANT;
    sf_command(file, SFC_SET_BITRATE_MODE, &mode, sizeof mode);
    assert_int_equal(sf_write_float(file, tone, N), N);
    assert_int_equal(sf_close(file), 0);
}

/* A constant-rate file without a header is whole wherever a frame ends. */
static void test_truncated_and_damaged_mp3(void **state)
{
    (void)state;
    write_mp3("vbr.mp3", true);
    write_mp3("cbr.mp3", false);
    size_t size = size_of("vbr.mp3");
    expect_length("vbr.mp3", 60000, 60000);
    expect_length("cbr.mp3", 60000, 63000);
    write_part("cut.mp3", "vbr.mp3", size / 2, SIZE_MAX);
    expect_refusal("cut.mp3", MYNA_ERROR_FORMAT, "truncated: ");
    write_part("cut.mp3", "vbr.mp3", size - 1, SIZE_MAX);
    expect_refusal("cut.mp3", MYNA_ERROR_FORMAT, "truncated: it ends within a frame");
    write_part("cut.mp3", "cbr.mp3", 20 * 108 - 1, SIZE_MAX); /* 24 kbit/s: 108 bytes a frame of 576 samples */
    expect_refusal("cut.mp3", MYNA_ERROR_FORMAT, "truncated: it ends within a frame");
    write_part("cut.mp3", "cbr.mp3", 20 * 108, SIZE_MAX);
    expect_length("cut.mp3", 20 * 576, 20 * 576);
    write_part("bad.mp3", "cbr.mp3", size_of("cbr.mp3"), 20 * 108);
    expect_refusal("bad.mp3", MYNA_ERROR_FORMAT, "damaged at byte 2160");
}

/* Tags before, between and behind the frames are no damage. */
static void test_mp3_tags(void **state)
{
    (void)state;
    enum { N = 108 * 20 };
    unsigned char bytes[138 + 128 + 2 * N] = "ID3\3\0\0\0\0\1";
    write_mp3("cbr.mp3", false);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes + 138, 1, N, file), N);
    fclose(file);
    memcpy(bytes + 138 + N, "TAG", 3);
    memcpy(bytes + 138 + N + 128, bytes + 138, N);
    write_bytes("tags.mp3", bytes, 138 + N + 128);
    expect_length("tags.mp3", 20 * 576, 20 * 576);
    write_bytes("joined.mp3", bytes, sizeof bytes);
    expect_length("joined.mp3", 40 * 576, 40 * 576);
}

/* libmpg123 has much to say about a corrupt file, none of it on standard error. */
static void test_mp3_is_quiet(void **state)
{
    (void)state;
    write_mp3("cbr.mp3", false);
    size_t size = size_of("cbr.mp3");
    write_part("bad.mp3", "cbr.mp3", size, 20 * 108);
    write_part("odd.mp3", "cbr.mp3", size, 20 * 108 + 30); /* within a frame: it has no checksum */
    fflush(stderr);
    int terminal = dup(STDERR_FILENO), said = open(at("said"), O_CREAT | O_RDWR, 0600);
    assert_int_equal(dup2(said, STDERR_FILENO), STDERR_FILENO);
    float *samples = NULL;
    size_t n;
    myna_status bad = myna_audio_load(&samples, &n, at("bad.mp3"), NULL, NULL);
    myna_status odd = myna_audio_load(&samples, &n, at("odd.mp3"), NULL, NULL);
    fflush(stderr);
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    assert_int_equal(lseek(said, 0, SEEK_END), 0);
    close(said);
    free(samples);
    assert_int_equal(bad, MYNA_ERROR_FORMAT);
    assert_int_equal(odd, MYNA_OK);
}

static void test_refused_targets(void **state)
{
    (void)state;
    int before = n_files();
    myna_audio_writer *writer;
    myna_error error;
    assert_int_equal(myna_audio_create(&writer, at("x.mp9"), 16000, 1, &error), MYNA_ERROR_ARGUMENT);
    assert_string_equal(error.detail, "audio is written as .wav, .flac, .ogg, .oga or .opus");
    assert_int_equal(myna_audio_create(&writer, at("x"), 16000, 1, &error), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_audio_create(&writer, at("x.opus"), 44100, 1, &error), MYNA_ERROR_ARGUMENT);
    assert_string_equal(error.detail, "Opus takes 8, 12, 16, 24 or 48 kHz, not 44100 Hz; write .ogg, .flac or .wav");
    assert_int_equal(myna_audio_create(&writer, at("no/x.wav"), 16000, 1, &error), MYNA_ERROR_FILE);
    assert_string_equal(error.detail, "No such file or directory");
    assert_string_equal(error.file, path);
    assert_int_equal(mkdir(at("dir.wav"), 0700), 0);
    assert_int_equal(myna_audio_create(&writer, path, 16000, 1, &error), MYNA_ERROR_FILE);
    assert_string_equal(error.detail, "Is a directory");
    rmdir(path);
    assert_int_equal(symlink("/dev/null", at("null.wav")), 0);
    assert_int_equal(myna_audio_create(&writer, path, 16000, 1, &error), MYNA_ERROR_FILE);
    unlink(path);
    assert_int_equal(n_files(), before);
}

/* Until commit the old file stays; abandon leaves it alone. */
static void test_abandon_keeps_the_old_file(void **state)
{
    (void)state;
    write_tone("kept.wav", 1000, 16000, 1000);
    int before = n_files();
    float zeros[100] = {0};
    myna_audio_writer *writer;
    assert_int_equal(myna_audio_create(&writer, at("kept.wav"), 16000, 1, NULL), MYNA_OK);
    assert_int_equal(myna_audio_write(writer, zeros, 100, NULL), MYNA_OK);
    assert_true(read_back("kept.wav", 1000, 16000) < 3e-5);
    myna_audio_abandon(writer);
    assert_true(read_back("kept.wav", 1000, 16000) < 3e-5);
    assert_int_equal(n_files(), before);
}

/* The disk's end is played by a limit on file sizes; at several sizes, so that header, body and closing are hit. */
static void test_full_disk(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    int before = n_files();
    const char *names[] = {"full.wav", "full.flac", "full.ogg", "full.opus"};
    rlim_t limits[] = {0, 20, 100, 4000};
    float *noise = malloc(100000 * sizeof *noise);
    for (size_t i = 0; i < 100000; i++) noise[i] = (float)(rand() % 2000) / 2000.0f - 0.5f;
    for (int k = 0; k < 16; k++) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[k / 4], old.rlim_max});
        myna_audio_writer *writer;
        myna_error error;
        myna_status status = myna_audio_create(&writer, at(names[k % 4]), 16000, 1, &error);
        if (status == MYNA_OK) {
            status = myna_audio_write(writer, noise, k % 2 ? 100000 : 3000, &error);
            if (status == MYNA_OK) status = myna_audio_commit(writer, &error);
            else myna_audio_abandon(writer);
        }
        setrlimit(RLIMIT_FSIZE, &old);
        if (status != MYNA_ERROR_FILE || strcmp(error.detail, "File too large") != 0)
            fail_msg("%s, %d bytes: %d %s", names[k % 4], (int)limits[k / 4], status, error.detail);
        assert_string_equal(error.file, path);
        assert_int_equal(n_files(), before);
    }
    free(noise);
}

static void test_load_resamples(void **state)
{
    (void)state;
    write_tone("rate.wav", 44100, 44100, 44100);
    float *samples;
    size_t n;
    myna_audio_info info;
    assert_int_equal(myna_audio_load(&samples, &n, at("rate.wav"), &info, NULL), MYNA_OK);
    assert_int_equal(n, 16000);
    assert_int_equal(info.sample_rate_hz, 44100);
    for (size_t i = 500; i < 15500; i++)
        assert_float_equal(samples[i], 0.5f * (float)sin(2 * M_PI * 300 * (double)i / 16000), 1e-4);
    free(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stereo_is_averaged, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_open_lengths_are_read_to_the_end, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_broken_files_are_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_not_finite, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_foreign_formats_name_the_command, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_round_trips, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_values_are_limited_and_rounded, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_places_of_bad_samples, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_opposite_channels, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_truncated_and_damaged_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_truncated_and_damaged_mp3, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_mp3_tags, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_mp3_is_quiet, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refused_targets, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_abandon_keeps_the_old_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_load_resamples, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
