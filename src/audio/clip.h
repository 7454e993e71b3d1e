/* SPDX-License-Identifier: MIT
 * clip.h -- finished packets of a fixed text (greeting, prompt, tone), and a cache of them.
 *
 * A clip is immutable and shared (any thread may ref and unref). A cache belongs to one thread; the key
 * names everything that shaped the sound: text, voice, rate, frame. The least recently used clips go
 * when its bytes are used up. */
#ifndef PARLEY_AUDIO_CLIP_H
#define PARLEY_AUDIO_CLIP_H

#include "audio/packets.h"

#define CLIP_BYTES_MAX (256 * 1024) /* about a minute at 32 kbit/s */

struct clip;
/* Copies the packets. ERR_LIMIT: over CLIP_BYTES_MAX. */
must_check enum err clip_create(struct clip **out, const struct packets *p);
/* When it was made, on the clock of whoever made it; before anybody else has it. 0: not told. */
void clip_set_made_ms(struct clip *c, uint64_t ms);
uint64_t clip_made_ms(const struct clip *c);
struct clip *clip_ref(struct clip *c);
void clip_unref(struct clip *c); /* NULL is fine */
size_t clip_count(const struct clip *c);
struct slice clip_at(const struct clip *c, size_t i, uint32_t *duration_us);
uint64_t clip_us(const struct clip *c);

struct clip_key {
    struct slice text, voice;   /* voice: provider alias, voice, speed ... as one string */
    uint32_t rate_hz, frame_us;
};

struct clip_cache;
void clip_cache_create(struct clip_cache **out, size_t bytes_max);
void clip_cache_free(struct clip_cache *c);
struct clip *clip_cache_get(struct clip_cache *c, const struct clip_key *k); /* a ref of yours, or NULL */
/* Takes a ref of its own. One that is larger than a quarter of the cache is not kept. */
void clip_cache_put(struct clip_cache *c, const struct clip_key *k, struct clip *clip);
size_t clip_cache_bytes(const struct clip_cache *c);
size_t clip_cache_count(const struct clip_cache *c);

#endif
