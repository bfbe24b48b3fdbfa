/* Audio through pipes: the same samples as through files, what cannot be streamed is refused, a signal ends a wait. */
#define _GNU_SOURCE
#include "audio_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>

/* What is in a file comes out of a pipe, which holds no more than 64 KiB. */
static int pipe_of(const char *name)
{
    static char bytes[60000];
    FILE *file = fopen(at(name), "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, sizeof bytes, file);
    assert_true(n < sizeof bytes);
    fclose(file);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, n), n);
    close(ends[1]);
    return ends[0];
}

static myna_status read_pipe(
    int fd, bool has_header, float *samples, size_t *n, myna_audio_info *info, myna_error *error)
{
    myna_audio_reader *reader;
    myna_status status = myna_audio_open_stream(&reader, fd, "the pipe", has_header, info, error);
    if (status == MYNA_OK) {
        size_t room = *n, part = 1;
        for (*n = 0; status == MYNA_OK && part > 0; *n += part)
            status = myna_audio_read(reader, samples + *n, room - *n < 160 ? room - *n : 160, &part, error);
        myna_audio_close(reader);
    }
    assert_int_equal(close(fd), 0); /* the reader left it open */
    return status;
}

static void expect_piped(const char *name, int64_t frames)
{
    static float samples[20000];
    float *expected;
    size_t n = 20000, n_expected;
    myna_audio_info info;
    myna_error error = {{0}, {0}};
    assert_int_equal(myna_audio_load(&expected, &n_expected, at(name), NULL, NULL), MYNA_OK);
    myna_status status = read_pipe(pipe_of(name), true, samples, &n, &info, &error);
    if (status != MYNA_OK) fail_msg("%s: %s", name, error.detail);
    assert_int_equal(info.frames, frames);
    assert_int_equal(n, n_expected);
    assert_memory_equal(samples, expected, n * sizeof *samples);
    free(expected);
}

static void expect_piped_refusal(int fd, myna_status expected, const char *reason)
{
    float samples[20000];
    size_t n = 20000;
    myna_error error = {{0}, {0}};
    assert_int_equal(read_pipe(fd, true, samples, &n, NULL, &error), expected);
    if (!strstr(error.detail, reason)) fail_msg("'%s', not '%s'", error.detail, reason);
    if (expected != MYNA_ERROR_INTERRUPTED) assert_string_equal(error.file, "the pipe");
}

/* Offsets by hand, for what myna_audio_create does not write. */
static void write_au(const char *name, uint32_t declared_bytes, const int16_t *data, size_t n)
{
    unsigned char bytes[24 + 20000] = ".snd";
    const uint32_t fields[] = {24, declared_bytes, 3, 16000, 1};
    for (size_t i = 0; i < 20; i++) bytes[4 + i] = (unsigned char)(fields[i / 4] >> (24 - 8 * (i % 4)));
    for (size_t i = 0; i < n; i++) {
        bytes[24 + 2 * i] = (unsigned char)((uint16_t)data[i] >> 8);
        bytes[25 + 2 * i] = (unsigned char)data[i];
    }
    write_bytes(name, bytes, 24 + 2 * n);
}

static void test_pipes_give_what_files_hold(void **state)
{
    (void)state;
    static int16_t data[5000];
    for (int i = 0; i < 5000; i++) data[i] = (int16_t)(i * 77);
    write_wave("known.wav", (wave){1, 1, 16000, 16, sizeof data, data, sizeof data});
    expect_piped("known.wav", 5000);
    write_wave("stereo.wav", (wave){1, 2, 16000, 16, sizeof data, data, sizeof data});
    expect_piped("stereo.wav", 2500);
    uint32_t open[] = {0, 0xffffffff, 0x7ffff000, 0x80000000};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        write_wave("open.wav", (wave){1, 1, 16000, 16, open[i], data, sizeof data});
        expect_piped("open.wav", -1);
    }
    write_au("known.au", sizeof data, data, 5000);
    expect_piped("known.au", 5000);
    write_au("open.au", 0xffffffff, data, 5000);
    expect_piped("open.au", -1);
    write_tone("tone.flac", 15000, 16000, 15000);
    expect_piped("tone.flac", 15000);

    float samples[6000];
    size_t n = 6000;
    write_bytes("raw", data, sizeof data);
    assert_int_equal(read_pipe(pipe_of("raw"), false, samples, &n, NULL, NULL), MYNA_OK);
    assert_int_equal(n, 5000);
    for (size_t i = 0; i < n; i++) assert_float_equal(samples[i], data[i] / 32768.0f, 0);
}

static void ignore(int signal_number)
{
    (void)signal_number;
}

static void interrupt_soon(void)
{
    struct sigaction action = {.sa_handler = ignore};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 50000}, NULL);
}

static void test_refused_pipes(void **state)
{
    (void)state;
    static int16_t data[5000];
    write_bytes("empty", "", 0);
    expect_piped_refusal(pipe_of("empty"), MYNA_ERROR_FORMAT, "is empty");
    write_tone("tone.ogg", 15000, 16000, 15000);
    expect_piped_refusal(pipe_of("tone.ogg"), MYNA_ERROR_FORMAT, "only WAV, AU, AIFF and FLAC can be read from a pipe");
    write_wave("short.wav", (wave){1, 1, 16000, 16, 20000, data, 10000});
    expect_piped_refusal(pipe_of("short.wav"), MYNA_ERROR_FORMAT, "breaks off after 0.31 of 0.62 seconds");
    write_wave("none.wav", (wave){1, 1, 16000, 16, 0xffffffff, data, 0});
    expect_piped_refusal(pipe_of("none.wav"), MYNA_ERROR_FORMAT, "holds no samples");
    write_wave("channels.wav", (wave){1, 500, 16000, 16, 10000, data, 10000});
    expect_piped_refusal(pipe_of("channels.wav"), MYNA_ERROR_FORMAT, "500 channels");
    write_tone("cut.flac", 15000, 16000, 15000);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(truncate(path, file.st_size / 2), 0);
    expect_piped_refusal(pipe_of("cut.flac"), MYNA_ERROR_FORMAT, "breaks off after");
    expect_piped_refusal(open(folder, O_RDONLY), MYNA_ERROR_FILE, "Is a directory");

    int ends[2]; /* of a pipe that gives a header and stays open, until a signal comes */
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "RIFF\377\377\377\377WAVEfmt ", 16), 16);
    interrupt_soon();
    expect_piped_refusal(ends[0], MYNA_ERROR_INTERRUPTED, "");
    close(ends[1]);
}

static void test_written_pipes(void **state)
{
    (void)state;
    float tone[9000], samples[9000];
    fill_tone(tone, 9000, 22050);
    for (int has_header = 0; has_header < 2; has_header++) {
        int ends[2];
        size_t n = 9000;
        myna_audio_writer *writer;
        myna_audio_info info;
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(myna_audio_create_stream(&writer, ends[1], "the pipe", has_header, 22050, NULL), MYNA_OK);
        assert_int_equal(myna_audio_write(writer, tone, 9000, NULL), MYNA_OK);
        assert_int_equal(myna_audio_commit(writer, NULL), MYNA_OK);
        assert_int_equal(close(ends[1]), 0);
        assert_int_equal(read_pipe(ends[0], has_header, samples, &n, &info, NULL), MYNA_OK);
        assert_int_equal(info.sample_rate_hz, has_header ? 22050 : 16000);
        assert_int_equal(n, 9000);
        for (size_t i = 0; i < n; i++) assert_float_equal(samples[i], tone[i], 2e-5);
    }
}

/* A reader that is gone, and one that never comes. */
static void test_closed_and_full_pipes(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    float zeros[100000] = {0};
    myna_audio_writer *writer;
    myna_error error = {{0}, {0}};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(myna_audio_create_stream(&writer, ends[1], "the pipe", false, 16000, NULL), MYNA_OK);
    interrupt_soon();
    assert_int_equal(myna_audio_write(writer, zeros, 100000, &error), MYNA_ERROR_INTERRUPTED);
    myna_audio_abandon(writer);
    close(ends[0]);
    assert_int_equal(myna_audio_create_stream(&writer, ends[1], "the pipe", true, 16000, &error), MYNA_ERROR_FILE);
    assert_string_equal(error.detail, "Broken pipe");
    assert_string_equal(error.file, "the pipe");
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pipes_give_what_files_hold, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refused_pipes, make_folder, remove_folder),
        cmocka_unit_test(test_written_pipes),
        cmocka_unit_test(test_closed_and_full_pipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
