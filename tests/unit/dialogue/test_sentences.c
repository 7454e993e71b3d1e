/* SPDX-License-Identifier: MIT
 * test_sentences.c -- what a model says and what is spoken of it, piece by piece ('|' between pieces). */
#include "base/mem.h"
#include "base/utf8.h"
#include "dialogue/sentences.h"
#include "protocol/emotion.h"
#include "tests/support/test.h"

struct row {
    const char *text, *pieces;
};

static const struct row rows[] = {
    /* plain sentences */
    { "Hello there.", "Hello there." },
    { "Hello there. How are you?", "Hello there.|How are you?" },
    { "One. Two. Three.", "One.|Two.|Three." },
    { "Yes! No! Maybe!", "Yes!|No!|Maybe!" },
    { "Really? Really.", "Really?|Really." },
    { "no mark at the end", "no mark at the end" },
    { "One. and the rest", "One.|and the rest" },
    { "", "" },
    { "   ", "" },
    { "\n\n\n", "" },
    { "...", "" },
    { "?!", "" },
    { "Wait... what?", "Wait...|what?" },
    { "What?! Never!", "What?!|Never!" },
    { "Stop!!! Now.", "Stop!!!|Now." },
    { "a;b", "a;|b" },
    { "First line\nSecond line", "First line|Second line" },
    { "First line\r\nSecond line\r\n", "First line|Second line" },
    { "Line one.\n\nLine two.", "Line one.|Line two." },
    { "He said \"go.\" Then he left.", "He said \"go.\"|Then he left." },
    { "(It works.) Good.", "(It works.)|Good." },
    { "She asked 'why?' twice.", "She asked 'why?'|twice." },
    /* the first clause comes early, later ones do not */
    { "Well, it is ten o'clock, I think. Yes, it is.", "Well,|it is ten o'clock, I think.|Yes, it is." },
    { "Sure: here it is. Note: this too.", "Sure:|here it is.|Note: this too." },
    { "Hm~ let me see.", "Hm~|let me see." },
    { ", then this, and that.", ", then this,|and that." },
    { "好的，我来看看，今天天气不错。明天呢，也好。", "好的，|我来看看，今天天气不错。|明天呢，也好。" },
    { "苹果、香蕉、梨。", "苹果、|香蕉、梨。" },
    { "注意：小心。再注意：快跑。", "注意：|小心。|再注意：快跑。" },
    { "你好～我在呢。", "你好～|我在呢。" },
    { "你好", "你好" },
    { "你好。", "你好。" },
    { "你好！很高兴见到你！", "你好！|很高兴见到你！" },
    { "真的吗？真的。", "真的吗？|真的。" },
    { "第一句；第二句；第三句。", "第一句；|第二句；|第三句。" },
    { "他说：“走吧。”然后离开了。", "他说：|“走吧。”|然后离开了。" },
    { "（完成。）好。", "（完成。）|好。" },
    { "嗯……让我想想。", "嗯……|让我想想。" },
    { "什么？！不可能！", "什么？！|不可能！" },
    { "第一行\n第二行", "第一行|第二行" },
    { "，。！", "" },
    { "今天23度，明天25度。", "今天23度，|明天25度。" },
    { "现在是10:30。", "现在是10:30。" },
    { "比分是3:2。", "比分是3:2。" },
    { "圆周率是3.14。对吧？", "圆周率是3.14。|对吧？" },
    { "我用的是Python 3.11，很好。", "我用的是Python 3.11，|很好。" },
    { "Hello，世界。", "Hello，|世界。" },
    { "你好, 世界。", "你好,|世界。" },
    { "你好,世界。", "你好,|世界。" },
    { "价格是1,000元。", "价格是1,000元。" },
    { "OK.好的。", "OK.|好的。" },
    { "用Node.js写的。", "用Node.js写的。" },
    /* numbers */
    { "Pi is 3.14. Yes.", "Pi is 3.14.|Yes." },
    { "It costs 1,000 dollars.", "It costs 1,000 dollars." },
    { "It costs 1,234,567.89 dollars. Wow.", "It costs 1,234,567.89 dollars.|Wow." },
    { "At 10:30 we go.", "At 10:30 we go." },
    { "Version 2.2.4 is out. Try it.", "Version 2.2.4 is out.|Try it." },
    { "It is 20. No, 21.", "It is 20.|No, 21." },
    { "In 1999. Then 2000.", "In 1999.|Then 2000." },
    { "The answer is 42.", "The answer is 42." },
    { "Use .5 of it.", "Use .5 of it." },
    { "Ratio 16:9 is fine.", "Ratio 16:9 is fine." },
    { "192.168.1.1 is it.", "192.168.1.1 is it." },
    { "About 5.5% more. Good.", "About 5.5% more.|Good." },
    { "From -3.5 to 4.", "From -3.5 to 4." },
    { "2 * 3 is 6.", "2 * 3 is 6." },
    { "2*3 is 6.", "2*3 is 6." },
    { "5 - 3 is 2.", "5 - 3 is 2." },
    { "x_1 and y_2 are names.", "x_1 and y_2 are names." },
    /* abbreviations and names */
    { "Dr. Smith is here. He waits.", "Dr. Smith is here.|He waits." },
    { "Mr. and Mrs. Jones came. Fine.", "Mr. and Mrs. Jones came.|Fine." },
    { "I like fruit, e.g. apples. You?", "I like fruit,|e.g. apples.|You?" },
    { "That is, i.e. this one. Yes.", "That is,|i.e. this one.|Yes." },
    { "J. R. R. Tolkien wrote it. Long ago.", "J. R. R. Tolkien wrote it.|Long ago." },
    { "It is 5 p.m. now. Go.", "It is 5 p.m. now.|Go." },
    { "The U.S. team won. Hooray.", "The U.S. team won.|Hooray." },
    { "Cats vs. dogs. Cats.", "Cats vs. dogs.|Cats." },
    { "No. 5 is alive.", "No. 5 is alive." },
    { "Prof. Li and St. Paul. Done.", "Prof. Li and St. Paul.|Done." },
    { "So do I. You too?", "So do I.|You too?" },
    { "Apples, pears, etc.", "Apples,|pears, etc." },
    { "See example.com for more. Bye.", "See example.com for more.|Bye." },
    { "Open main.c now. Then go.", "Open main.c now.|Then go." },
    { "It's o.k. now.", "It's o.k. now." },
    /* Markdown */
    { "This is **bold** text.", "This is bold text." },
    { "This is *soft* text.", "This is soft text." },
    { "This is __bold__ text.", "This is bold text." },
    { "This is _soft_ text.", "This is soft text." },
    { "This is ***both***.", "This is both." },
    { "This is ~~gone~~.", "This is gone." },
    { "Use `ls` here.", "Use ls here." },
    { "# Title\nText.", "Title|Text." },
    { "### Title ###\nText.", "Title ###|Text." },
    { "- one\n- two\n", "one|two" },
    { "* one\n* two\n", "one|two" },
    { "+ one\n+ two", "one|two" },
    { "\xE2\x80\xA2 one\n\xE2\x80\xA2 two", "one|two" },
    { "1. First\n2. Second\n", "1. First|2. Second" },
    { "1. First thing. And more.\n2. Second.", "1. First thing.|And more.|2. Second." },
    { "12. Twelve\n", "12. Twelve" },
    { "- [ ] open\n- [x] done", "open|done" },
    { "> quoted\n> more", "quoted|more" },
    { "---\nText.", "Text." },
    { "***\nText.", "Text." },
    { "Text.\n===\n", "Text." },
    { "See [the page](https://x.org/a).", "See the page." },
    { "![a cat](cat.png) is cute.", "a cat is cute." },
    { "Look at https://example.com/a/b?c=d now.", "Look at example.com now." },
    { "Go to http://example.com.", "Go to example.com." },
    { "Go to https://example.com/x. Then stop.", "Go to example.com.|Then stop." },
    { "```\nint x;\n```\nDone.", "Done." },
    { "Look:\n```c\nint x = 1; y();\n```\nNice.", "Look:|Nice." },
    { "```python\nprint('hi. there! you?')\n```", "" },
    { "```\nnever closed. at all!", "" },
    { "<b>Bold</b> word.", "Bold word." },
    { "Line<br/>break.", "Linebreak." },
    { "3 < 4 and 5 > 4.", "3 < 4 and 5 > 4." },
    { "| a | b |\n|---|---|\n| 1 | 2 |\n", "a b|1 2" },
    { "**好的**，我来。", "好的，|我来。" },
    { "- 第一\n- 第二", "第一|第二" },
    { "## 标题\n内容。", "标题|内容。" },
    { "<a href=\"x\">Link</a> here.", "Link here." },
    { "Wait~~ and see.", "Wait and see." },
    { "`代码`在这里。", "代码在这里。" },
    { "[链接](http://a.b)在这里。", "链接在这里。" },
    { "**Note:** careful.", "Note:|careful." },
    { "*", "" },
    { "**", "" },
    { "[not a link] here.", "[not a link] here." },
    { "[odd](", "[odd](" },
    { "snake_case_name stays.", "snake_case_name stays." },
    /* emoji */
    { "\xF0\x9F\x98\x8A Hello.", "Hello." },
    { "Hello \xF0\x9F\x98\x8A.", "Hello ." },
    { "Hello\xF0\x9F\x98\x8A", "Hello" },
    { "\xF0\x9F\x98\x8A", "" },
    { "\xF0\x9F\x98\x8A\xF0\x9F\x98\x8A!", "" },
    { "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 Family.", "Family." },
    { "Good \xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD job.", "Good job." },
    { "I \xE2\x9D\xA4\xEF\xB8\x8F it.", "I it." },
    { "你好\xF0\x9F\x98\x84，世界\xF0\x9F\x8C\x8D。", "你好，|世界。" },
    { "\xF0\x9F\x87\xAB\xF0\x9F\x87\xB7 France.", "France." },
    /* thoughts */
    { "<think>hm. hm!</think>Yes.", "Yes." },
    { "<think>\nlong, long.\n</think>\n\nYes. No.", "Yes.|No." },
    { "<think>never ends. really!", "" },
    { "  <think>a</think> Well. So.", "Well.|So." },
    { "<thin air> is thin.", "<thin air> is thin." },
    /* several languages */
    { "Bonjour ! Ça va ?", "Bonjour !|Ça va ?" },
    { "¿Cómo estás? Bien.", "¿Cómo estás?|Bien." },
    { "Привет. Как дела?", "Привет.|Как дела?" },
    { "こんにちは。元気ですか？", "こんにちは。|元気ですか？" },
    { "안녕하세요. 반갑습니다.", "안녕하세요.|반갑습니다." },
    { "Grüß Gott. Schön.", "Grüß Gott.|Schön." },
    { "「こんにちは。」と言った。", "「こんにちは。」|と言った。" },
    /* odd ends */
    { "Ends with colon:", "Ends with colon:" },
    { "Ends with comma,", "Ends with comma," },
    { "Ends with three...", "Ends with three..." },
    { "A. B. C.", "A. B. C." },
    { "Tab\there.", "Tab here." },
    { "Two  spaces become one.", "Two spaces become one." },
    { " Leading space. And more.", "Leading space.|And more." },
    { "Yes.No spaces here.", "Yes.No spaces here." },
    { "Yes!No spaces here.", "Yes!|No spaces here." },
    { "100% sure. 100 times.", "100% sure.|100 times." },
    { "$5.00 each. Cheap.", "$5.00 each.|Cheap." },
    { "C++ and C# too.", "C++ and C# too." },
    { "a/b and c\\d.", "a/b and c\\d." },
    { "It is 25°C. Warm.", "It is 25°C.|Warm." },
    { "温度25℃。暖和。", "温度25℃。|暖和。" },
    { "“Quoted.” She left.", "“Quoted.”|She left." },
    { "He paused — then spoke. Slowly.", "He paused — then spoke.|Slowly." },
    { "One…two. Three.", "One…|two.|Three." },
    { "Is it 5? Or 6? Who knows.", "Is it 5?|Or 6?|Who knows." },
    { "@home #tag stays.", "@home #tag stays." },
    { "好！！！太好了！！！", "好！！！|太好了！！！" },
    { "是的,没错.", "是的,|没错." },
    { "\xEF\xBC\x8C开头是逗号。", "\xEF\xBC\x8C开头是逗号。" },
};

/* The text given in steps of `step` bytes (at code points), pieces joined by '|'. */
static void cut(const char *text, size_t step, struct buf *out)
{
    struct sentences s = { 0 };
    auto_buf struct buf piece = { 0 };
    struct slice rest = slice_of(text);
    sentences_reset(&s);
    for (bool is_end = false; !is_end;) {
        size_t n = utf8_cut(rest, step);
        n = n ? n : utf8_cut(rest, step + 4);
        sentences_feed(&s, slice_sub(rest, 0, n));
        rest = slice_sub(rest, n, rest.len);
        is_end = !rest.len;
        while (sentences_next(&s, is_end, &piece)) {
            buf_printf(out, "%s%s", out->len ? "|" : "", piece.data);
            buf_clear(&piece);
        }
    }
    sentences_done(&s);
}

static void every_row_is_spoken_as_it_says(void **state)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        cut(rows[i].text, 512, &out);
        if (strcmp(out.data ? out.data : "", rows[i].pieces) != 0) {
            print_message("row %zu: %s\n    want %s\n    got  %s\n", i, rows[i].text, rows[i].pieces,
                          out.data ? out.data : "");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void the_pieces_do_not_depend_on_how_the_words_come(void **state)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t step = 1; step < 12; step += 2) {
            auto_buf struct buf whole = { 0 }, parts = { 0 };
            cut(rows[i].text, 512, &whole);
            cut(rows[i].text, step, &parts);
            if (strcmp(whole.data ? whole.data : "", parts.data ? parts.data : "") != 0) {
                print_message("row %zu in steps of %zu: %s\n", i, step, parts.data ? parts.data : "");
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_run_without_an_end_is_cut(void **state)
{
    struct sentences s = { 0 };
    auto_buf struct buf piece = { 0 };
    unsigned pieces = 0;
    sentences_reset(&s);
    for (int i = 0; i < 400; i++) {
        sentences_feed(&s, SLICE("字字字字字"));
        while (sentences_next(&s, false, &piece)) {
            assert_true(piece.len <= SENTENCE_BYTES_MAX);
            assert_true(utf8_valid(buf_slice(&piece)));
            pieces++;
            buf_clear(&piece);
        }
        assert_true(s.raw.len <= SENTENCE_BYTES_MAX + SENTENCES_FEED_MAX_BYTES);
    }
    assert_true(pieces >= 16);
    sentences_done(&s);
}

static void a_long_run_is_cut_at_a_word(void **state)
{
    auto_buf struct buf text = { 0 }, out = { 0 };
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "word%d ", i);
    cut(text.data, 512, &out);
    char *bar = strchr(out.data, '|');
    assert_non_null(bar);
    assert_true(bar - out.data > SENTENCE_BYTES_MAX / 2);
    assert_memory_equal(bar + 1, "word", 4);
}

static void the_face_is_the_first_emoji_of_the_first_words(void **state)
{
    static const struct { const char *text, *name; } faces[] = {
        { "\xF0\x9F\x98\x86 Ha ha. \xF0\x9F\x98\xA0 Grr.", "laughing" },
        { "Oh \xF0\x9F\x98\xA0 no.", "angry" },
        { "Plain words.", NULL },
        { "Plain words. \xF0\x9F\x98\xA0 Grr.", "angry" },
    };
    for (size_t i = 0; i < COUNT(faces); i++) {
        struct sentences s = { 0 };
        auto_buf struct buf piece = { 0 };
        sentences_reset(&s);
        sentences_feed(&s, slice_of(faces[i].text));
        while (sentences_next(&s, true, &piece)) {
        }
        if (faces[i].name)
            assert_string_equal(s.emotion->name, faces[i].name);
        else
            assert_null(s.emotion);
        sentences_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_spoken_as_it_says),
        cmocka_unit_test(the_pieces_do_not_depend_on_how_the_words_come),
        cmocka_unit_test(a_run_without_an_end_is_cut),
        cmocka_unit_test(a_long_run_is_cut_at_a_word),
        cmocka_unit_test(the_face_is_the_first_emoji_of_the_first_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
