/* SPDX-License-Identifier: MIT
 * speaker_sentences.c -- the sentences of a reply: between which packets each lies, and how much of it was heard. */
#include "base/mem.h"
#include "base/utf8.h"
#include "dialogue/speaker_inside.h"

void sentences_forget(struct speaker *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->sentences[i].text);
    mem_free(s->sentences);
    s->sentences = NULL;
    s->count = s->cap = s->said = s->sounding = s->stream_base = s->text_bytes = s->chars = 0;
}

void sentence_add(struct speaker *s, struct slice text)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->sentences = xrealloc(s->sentences, s->cap * sizeof *s->sentences);
    }
    s->text_bytes += text.len;
    s->sentences[s->count++] = (struct spoken){ xslicedup(text), OPEN_END, OPEN_END };
}

void sentence_begin(struct speaker *s)
{
    if (s->in_sentence || s->sounding >= s->count)
        return;
    struct spoken *p = &s->sentences[s->sounding];
    s->in_sentence = true;
    p->first_frame = s->frames_put;
    (void)!pacer_put_mark(s->pacer, PACER_SENTENCE_START, slice_of(p->text));
}

void sentence_end(struct speaker *s)
{
    sentence_begin(s);
    if (s->sounding >= s->count)
        return;
    sound_flush(&s->sound);
    struct spoken *p = &s->sentences[s->sounding++];
    s->in_sentence = false;
    p->end_frame = s->frames_put;
    (void)!pacer_put_mark(s->pacer, PACER_SENTENCE_END, slice_of(p->text));
}

/* ---- what was heard ------------------------------------------------------------------------------------ */

/* How much of a sentence was heard, in bytes, when `played` of its frames were. */
static size_t heard_bytes(const struct speaker *s, const struct spoken *p, int64_t played)
{
    struct slice text = slice_of(p->text);
    int64_t total = (p->end_frame == OPEN_END ? s->frames_put : p->end_frame) - p->first_frame;
    if (p->end_frame == OPEN_END) { /* still being made: by its length, some 60 ms a letter or 180 an ideograph */
        int64_t guess = (int64_t)text.len * 60000 / s->format.frame_us;
        total = MAX(total, guess);
    }
    if (total <= 0 || played <= 0)
        return 0;
    if (played >= total && p->end_frame != OPEN_END)
        return text.len;
    size_t cut = utf8_cut(text, text.len * (size_t)MIN(played, total) / (size_t)total);
    size_t word = cut;
    while (word > 0 && word < text.len && (unsigned char)text.data[word] < 0x80 && text.data[word] != ' ' &&
           (unsigned char)text.data[word - 1] < 0x80 && text.data[word - 1] != ' ')
        word--;
    return word;
}

void speaker_heard(const struct speaker *s, struct buf *out)
{
    if (!s || !s->pacer)
        return;
    uint64_t now = loop_now_ms(s->loop), end = pacer_play_end_ms(s->pacer);
    int64_t ahead = end > now && s->begun ? (int64_t)((end - now) * 1000 + s->format.frame_us - 1) /
                                                (int64_t)s->format.frame_us : 0;
    int64_t played = s->frames_sent - MIN(ahead, s->frames_sent);
    if (!s->begun)
        played = s->frames_sent;
    for (size_t i = 0; i < s->count; i++) {
        const struct spoken *p = &s->sentences[i];
        if (p->first_frame == OPEN_END || p->first_frame >= played)
            return;
        struct slice part = slice_sub(slice_of(p->text), 0, heard_bytes(s, p, played - p->first_frame));
        part = slice_trim(part);
        if (part.len && out->len && (unsigned char)part.data[0] < 0x80)
            buf_put_byte(out, ' ');
        buf_put(out, part);
        if (part.len < strlen(p->text))
            return;
    }
}
