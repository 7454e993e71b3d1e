/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "api/export.h"
#include "base/json.h"

#define START 1700000000000

static const struct meeting_row meeting = {
    .id = "m1", .session = "s", .device = "d", .title = "Budget\n# not a heading", .state = MEETING_DONE,
    .started_ms = START, .ended_ms = START + 61000, .last_text_ms = START + 60000, .segments = 4, .bullets = 1,
    .summary = "{\"title\":\"Budget\",\"duration\":\"00:01:01\",\"bullets\":[\"one\\ntwo\"],\"decisions\":[],"
               "\"actions\":[\"call Anna\"],\"risks\":[],\"nextSteps\":[\"meet\"]}",
    .metrics = "{\"llmElapsedMs\":5}",
};
static const struct segment_row segments[] = {
    { 1, "m1", "hello --> there", "p1", "t", START + 500 },
    { 2, "m1", "我们开会", "", "", START + 900 },
    { 3, "m1", "line\nbreak", "p2", "", START + 20000 },
    { 4, "m1", "<i> & end", "p2", "", START + 3700000 },
};

static void write_as(struct buf *out, const char *format)
{
    const struct export_format *f = export_find(slice_of(format));
    assert_non_null(f);
    f->write(out, &(struct export_input){ .meeting = &meeting, .segments = segments,
                                          .segment_count = COUNT(segments), .zone_minutes = 480 });
}

static void subtitles_do_not_overlap(void **state)
{
    auto_buf struct buf srt = { 0 }, vtt = { 0 };
    write_as(&srt, "srt");
    assert_slice_is(buf_slice(&srt), "1\n00:00:00,500 --> 00:00:01,500\np1: hello → there\n\n"
                                     "2\n00:00:01,500 --> 00:00:08,500\n我们开会\n\n"
                                     "3\n00:00:20,000 --> 00:00:27,000\np2: line break\n\n"
                                     "4\n01:01:40,000 --> 01:01:47,000\np2: <i> & end\n\n");
    write_as(&vtt, "vtt");
    assert_true(slice_starts(buf_slice(&vtt), SLICE("WEBVTT\n\n1\n00:00:00.500 --> 00:00:01.500\n")));
    assert_true(slice_contains(buf_slice(&vtt), SLICE("01:01:47.000\np2: &lt;i> &amp; end\n\n"))); /* no markup */
}

static void markdown_has_summary_and_transcript(void **state)
{
    auto_buf struct buf md = { 0 }, txt = { 0 };
    write_as(&md, "md");
    assert_slice_is(buf_slice(&md),
                    "# Budget # not a heading\n\n2023-11-15 06:13:20  00:01:01\n\n## Summary\n\n- one two\n\n"
                    "## Actions\n\n- call Anna\n\n## Next steps\n\n- meet\n\n## Transcript\n\n"
                    "- [00:00:00] p1: hello --> there\n- [00:00:00] 我们开会\n- [00:00:20] p2: line break\n"
                    "- [01:01:40] p2: <i> & end\n");
    write_as(&txt, "txt");
    assert_false(slice_contains(buf_slice(&txt), SLICE("##")));
    assert_true(slice_contains(buf_slice(&txt), SLICE("[00:00:20] p2: line break\n")));
}

static void json_holds_every_stored_field(void **state)
{
    auto_buf struct buf out = { 0 };
    write_as(&out, "json");
    auto_json struct json *v = NULL;
    assert_ok(json_parse(&v, buf_slice(&out), NULL));
    static const char *const keys[] = { "meetingId", "sessionId", "deviceId", "title", "state", "startedAt", "endedAt",
                                        "lastTextAt", "leftAt", "segmentsCount", "bulletsLength", "summary", "metrics",
                                        "checkpoints", "segments" };
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_non_null(json_get(v, keys[i]));
    const struct json *s = json_at(json_get(v, "segments"), 2);
    assert_slice_is(json_get_text(s, "text"), "line\nbreak");
    assert_int_equal(json_get_i64(s, "ts", 0), START + 20000);
    assert_slice_is(json_get_text(json_get(v, "summary"), "duration"), "00:01:01");
}

static void an_open_meeting_without_summary_is_exported_too(void **state)
{
    static const char *const names[] = { "md", "srt", "vtt", "json", "txt" };
    struct meeting_row open = { .id = "m", .session = "", .device = "d", .title = "", .summary = "", .metrics = "" };
    for (size_t i = 0; i < COUNT(names); i++) {
        auto_buf struct buf out = { 0 };
        export_find(slice_of(names[i]))->write(&out, &(struct export_input){ .meeting = &open });
        assert_true(out.len > 0 || strcmp(names[i], "srt") == 0);
    }
    assert_null(export_find(SLICE("pdf")));
    assert_null(export_find(SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subtitles_do_not_overlap), cmocka_unit_test(markdown_has_summary_and_transcript),
        cmocka_unit_test(json_holds_every_stored_field),
        cmocka_unit_test(an_open_meeting_without_summary_is_exported_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
