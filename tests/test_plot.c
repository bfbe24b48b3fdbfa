/* Plots: what is drawn where, valid files, refused requests. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/font.h"
#include "io/plot.h"
#include "io/plot_parts.h"

#include <math.h>
#include <png.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 600, N_FRAMES = 80, N_SAMPLES = 16000 };
static char folder[64], path[128];
static float samples[N_SAMPLES], log_mel[N_FRAMES][MYNA_MEL_BANDS], f0_hz[N_FRAMES];
static uint8_t *rgb; /* of the PNG read last */

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/myna-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    free(rgb);
    rgb = NULL;
    return rmdir(folder);
}

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void read_png(int width, int height)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_int_not_equal(png_image_begin_read_from_file(&image, path), 0);
    image.format = PNG_FORMAT_RGB;
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    free(rgb);
    rgb = malloc(PNG_IMAGE_SIZE(image));
    assert_int_not_equal(png_image_finish_read(&image, NULL, rgb, 0, NULL), 0);
    unlink(path);
}

static const uint8_t *pixel(int x, int y)
{
    return rgb + ((size_t)y * WIDTH + (size_t)x) * 3;
}

static int brightness(int x, int y)
{
    return pixel(x, y)[0] + pixel(x, y)[1] + pixel(x, y)[2];
}

static char *read_text(void)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    assert_true(getdelim(&text, &size, EOF, file) > 0);
    fclose(file);
    unlink(path);
    return text;
}

static myna_panel waveform_panel(void)
{
    return (myna_panel){
        .title = "a", .kind = MYNA_PANEL_WAVEFORM, .waveform = {samples, N_SAMPLES, MYNA_SAMPLE_RATE_HZ, 2}};
}

static myna_panel mel_panel(const float *f0)
{
    return (myna_panel){.title = "b", .kind = MYNA_PANEL_MEL, .mel = {log_mel[0], f0, N_FRAMES, 0.0125 / 2, 0.0125, 1}};
}

/* ---- Pictures --------------------------------------------------------------------------------------------------- */

/* A pulse at 0.5 s of 2: dark only in that column, and nothing after the recording's end. */
static void test_waveform(void **state)
{
    (void)state;
    memset(samples, 0, sizeof samples);
    samples[N_SAMPLES / 2] = 0.9f;
    myna_panel panel = waveform_panel();
    int height = myna_plot_good_height(&panel, 1);
    assert_int_equal(myna_plot_save(at("a.png"), WIDTH, height, &panel, 1, NULL), MYNA_OK);
    read_png(WIDTH, height);
    const int left = 66, right = 66, top = 30, data = 120;
    int pulse_column = left + (WIDTH - left - right) / 4, y = top + data / 4; /* at amplitude 0.5 of 1 */
    int n_dark = 0;
    for (int x = left; x < WIDTH - right; x++) n_dark += brightness(x, y) < 500;
    assert_in_range(n_dark, 1, 2);
    assert_true(brightness(pulse_column, y) < 500 || brightness(pulse_column + 1, y) < 500);
    int middle = top + data / 2;
    assert_true(brightness(left + 100, middle) < 500);
    assert_true(brightness(WIDTH - right - 100, middle) > 600);
    assert_int_equal(brightness(WIDTH - 1, height - 1), 3 * 255);
}

/* Three loud bands in the second half: a bright row there, black elsewhere; F0 at 158 Hz, half-way from 50 to 500. */
static void test_mel_and_f0(void **state)
{
    (void)state;
    const int left = 66, right = 66, top = 30, data = 240, width = WIDTH - left - right;
    for (int k = 0; k < N_FRAMES; k++) {
        for (int b = 0; b < MYNA_MEL_BANDS; b++) log_mel[k][b] = abs(b - 200) < 2 && k >= N_FRAMES / 2 ? 1 : -4;
        f0_hz[k] = (k >= 10 && k < 20) || (k >= 30 && k < 40) ? 158.1f : 0;
    }
    myna_panel panel = mel_panel(f0_hz);
    int height = myna_plot_good_height(&panel, 1);
    assert_int_equal(myna_plot_save(at("b.PNG"), WIDTH, height, &panel, 1, NULL), MYNA_OK);
    read_png(WIDTH, height);
    int row = top + data - (int)(200.5 * data / MYNA_MEL_BANDS) - 1;
    assert_true(brightness(left + width * 3 / 4, row) > 350);
    assert_true(brightness(left + width / 4, row) < 20);
    assert_true(brightness(left + width * 3 / 4, row - 8) < 20);
    assert_true(brightness(left + width * 3 / 4, row + 8) < 20);
    int f0_x = left + width * 15 / N_FRAMES, f0_y = top + data / 2;
    assert_true(pixel(f0_x, f0_y)[2] > 180 && pixel(f0_x, f0_y)[0] < 120);
    assert_true(brightness(left + width * 25 / N_FRAMES, f0_y) < 20);
    assert_true(brightness(left + width * 5 / N_FRAMES, f0_y) < 20);
}

/* Lines go where their values are; a point that is not finite interrupts, and nothing to show is no error. */
static void test_lines(void **state)
{
    (void)state;
    float x[] = {0, 1, 2, 3, 4}, y[] = {0, 1, NAN, 1, 0};
    myna_plot_series series[] = {{"first", x, y, 5}, {"second", x, y, 0}};
    myna_panel panel = {.title = "c", .kind = MYNA_PANEL_LINES, .lines = {series, 2, "step"}};
    int height = myna_plot_good_height(&panel, 1);
    assert_int_equal(myna_plot_save(at("c.png"), WIDTH, height, &panel, 1, NULL), MYNA_OK);
    read_png(WIDTH, height);
    const int left = 66, top = 30, data = 240, width = WIDTH - 132;
    int at_half = top + data - (int)(0.5 / 1.05 * data); /* 5 % of room above, none below zero */
    const uint8_t *drawn = pixel(left + width / 8, at_half);
    assert_true(drawn[2] > 150 && drawn[0] < 100);
    int one = top + data - (int)(1 / 1.05 * data);
    assert_true(brightness(left + width / 2 + 20, one) > 600);
    panel.lines.n_series = 0;
    assert_int_equal(myna_plot_save(at("c.png"), WIDTH, height, &panel, 1, NULL), MYNA_OK);
    unlink(path);
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *found = text; (found = strstr(found, part)); found++) n++;
    return n;
}

static void test_svg(void **state)
{
    (void)state;
    myna_panel panels[] = {waveform_panel(), mel_panel(f0_hz), mel_panel(NULL)};
    panels[0].title = "<a> & \"b\" \x01 \xc3\xa4\xff";
    assert_int_equal(myna_plot_save(at("d.svg"), 800, 900, panels, 3, NULL), MYNA_OK);
    char *text = read_text();
    assert_int_equal(strncmp(text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"900\"", 60), 0);
    assert_non_null(strstr(text, ">&#60;a&#62; &#38; \"b\" &#63; &#228;&#65533;</text>"));
    assert_int_equal(count(text, "<image "), 2);
    assert_int_equal(count(text, "data:image/png;base64,iVBORw0KGgo"), 2);
    assert_int_equal(count(text, "<text "), count(text, "</text>"));
    assert_int_equal(count(text, "nan"), 0);
    assert_int_equal(count(text, "inf"), 0);
    assert_non_null(strstr(text, ">1.5 s<"));
    assert_non_null(strstr(text, ">2 kHz<"));
    assert_int_equal(count(text, ">100 Hz<"), 1); /* of the F0 scale, which the third panel lacks */
    assert_string_equal(text + strlen(text) - 7, "</svg>\n");
    free(text);
}

/* ---- Refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    myna_panel panels[30];
    for (int i = 0; i < 30; i++) panels[i] = waveform_panel();
    const struct {
        const char *name;
        int width, height;
        size_t n;
    } wrong[] = {{"e.jpg", 600, 400, 1}, {"e", 600, 400, 1}, {"e.png", 159, 400, 1}, {"e.png", 600, 159, 1},
        {"e.svg", 600, 20000, 1}, {"e.svg", 20000, 600, 1}, {"e.png", 600, 400, 30}, {"e.png", 600, 400, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        myna_error error = {0};
        myna_status status =
            myna_plot_save(at(wrong[i].name), wrong[i].width, wrong[i].height, panels, wrong[i].n, &error);
        assert_int_equal(status, MYNA_ERROR_ARGUMENT);
        assert_string_equal(error.file, path);
        assert_true(error.detail[0] != 0);
    }
    assert_int_equal(myna_plot_save(at("no/e.png"), 600, 400, panels, 1, NULL), MYNA_ERROR_FILE);
}

static void test_full_disk(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    myna_panel panel = mel_panel(f0_hz);
    const char *names[] = {"f.png", "f.svg"};
    for (int i = 0; i < 4; i++) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){i < 2 ? 0 : 1000, old.rlim_max});
        myna_status status = myna_plot_save(at(names[i % 2]), WIDTH, 400, &panel, 1, NULL);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, MYNA_ERROR_FILE);
    }
}

/* ---- Parts --------------------------------------------------------------------------------------------------------
 */

static void test_ticks(void **state)
{
    (void)state;
    myna_ticks ticks = myna_ticks_seconds(6.1, 13);
    assert_int_equal(ticks.n, 13);
    assert_string_equal(ticks.labels[0], "0 s");
    assert_string_equal(ticks.labels[3], "1.5 s");
    ticks = myna_ticks_seconds(3700, 10);
    assert_int_equal(ticks.n, 7);
    assert_string_equal(ticks.labels[1], "10:00");
    ticks = myna_ticks_seconds(1e7, 10);
    assert_in_range(ticks.n, 5, 11);
    ticks = myna_ticks_numbers(0, 200000, 10);
    assert_string_equal(ticks.labels[1], "20k");
    ticks = myna_ticks_numbers(-0.3, 0.31, 7);
    assert_int_equal(ticks.n, 7);
    assert_string_equal(ticks.labels[0], "-0.3");
    assert_string_equal(ticks.labels[3], "0");
    const int hz[] = {100, 110, 1500};
    myna_axis axis = {MYNA_SCALE_MEL, 50, 7600, 200, 0};
    ticks = myna_ticks_hz(&axis, hz, 3);
    assert_int_equal(ticks.n, 2);
    assert_string_equal(ticks.labels[0], "100 Hz");
    assert_string_equal(ticks.labels[1], "1.5 kHz");
}

static void test_font(void **state)
{
    (void)state;
    for (uint32_t c = '!'; c < 0x7f; c++) {
        const char *strokes = myna_font_strokes(c);
        size_t run = 0;
        for (const char *s = strokes;; s++) {
            if (*s >= '0' && *s <= '9') {
                run++;
                continue;
            }
            if (run < 4 || run % 2) fail_msg("glyph '%c' has a stroke of %zu digits", (int)c, run);
            run = 0;
            if (!*s) break;
        }
        assert_string_not_equal(strokes, myna_font_strokes(0xfffd));
    }
    const char *text = "a\xe2\x82\xac\xf0\x9f\x98\x80\xc0\x80\xed\xa0\x80\xe2\x82";
    const uint32_t expected[] = {'a', 0x20ac, 0x1f600, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0, 0};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(myna_utf8_next(&text), expected[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_waveform, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_mel_and_f0, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_lines, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_svg, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refusals, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk, make_folder, remove_folder),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_font),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
