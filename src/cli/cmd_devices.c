#include "cli/cli.h"
#include "io/audio_device.h"

#include <cjson/cJSON.h>
#include <stdio.h>

static cJSON *as_json(const myna_device_info *info, int index)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "index", index);
    cJSON_AddStringToObject(json, "host_api", info->host_api);
    cJSON_AddStringToObject(json, "name", info->name);
    cJSON_AddNumberToObject(json, "input_channels", info->input_channels);
    cJSON_AddNumberToObject(json, "output_channels", info->output_channels);
    cJSON_AddNumberToObject(json, "sample_rate_hz", info->sample_rate_hz);
    cJSON_AddNumberToObject(json, "input_latency_ms", info->input_latency_ms);
    cJSON_AddNumberToObject(json, "output_latency_ms", info->output_latency_ms);
    cJSON_AddBoolToObject(json, "is_default_input", info->is_default_input);
    cJSON_AddBoolToObject(json, "is_default_output", info->is_default_output);
    return json;
}

static void print_device(const myna_device_info *info, int index)
{
    printf("%4d  %2d in%s %3d out%s %7d Hz %7.1f ms %7.1f ms  %s: %s\n", index, info->input_channels,
        info->is_default_input ? "*" : " ", info->output_channels, info->is_default_output ? "*" : " ",
        info->sample_rate_hz, info->input_channels ? info->input_latency_ms : 0,
        info->output_channels ? info->output_latency_ms : 0, info->host_api, info->name);
}

static int list(bool json)
{
    int n = myna_device_count();
    if (n == 0) {
        myna_report("devices", "there are none");
        return MYNA_EXIT_DEVICE;
    }
    if (!json) printf("   #  channels      own rate   latency in, out   name (* the default)\n");
    for (int i = 0; i < n; i++) {
        myna_device_info info;
        myna_device_describe(&info, i);
        if (json) myna_cli_print_json(as_json(&info, i));
        else print_device(&info, i);
    }
    return MYNA_EXIT_OK;
}

int myna_cmd_devices(int argc, char **argv)
{
    bool json = false;
    const myna_option options[] = {
        {"json", 'j', MYNA_OPTION_FLAG, &json, NULL, "print a line of JSON for each device", 0, 0, NULL},
        {0},
    };
    const myna_command command = {"devices",
        "Lists the devices that `myna live` can record from and play to, of every host\nAPI (ALSA, JACK and so on) "
        "that is running.",
        options, 0, 0};
    myna_strings operands = {0};
    int code;
    if (myna_options_parse(&command, argc, argv, &operands, &code)) {
        myna_error error = {0};
        code = myna_report_status("devices", myna_devices_start(&error), &error);
        if (code == MYNA_EXIT_OK) {
            code = list(json);
            myna_devices_stop();
        }
    }
    myna_strings_free(&operands);
    return code;
}
