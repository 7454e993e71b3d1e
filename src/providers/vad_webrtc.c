/* SPDX-License-Identifier: MIT
 * vad_webrtc.c -- the WebRTC detector (mode 2), for machines without the network's weights. It says yes or
 * no for windows of 30 ms; a tune or a hum easily fools it. */
#include "providers/vad_stream.h"

#define WINDOW 480
#define MODE 2

#ifdef HAVE_WEBRTC_VAD

/* Exported by libwebrtc_audio_processing, which installs no header for them. */
void *WebRtcVad_Create(void);
void WebRtcVad_Free(void *handle);
int WebRtcVad_Init(void *handle);
int WebRtcVad_set_mode(void *handle, int mode);
int WebRtcVad_Process(void *handle, int rate_hz, const int16_t *samples, size_t count);

static void judge(struct vad_env *e, struct vad **streams, size_t count, float *probabilities)
{
    for (size_t i = 0; i < count; i++) {
        const int16_t *samples = vad_window(streams[i]);
        probabilities[i] = WebRtcVad_Process(streams[i]->webrtc, VAD_RATE_HZ, samples, WINDOW) == 1 ? 1 : 0;
    }
}

static void forget(struct vad *v)
{
    WebRtcVad_Init(v->webrtc);
    WebRtcVad_set_mode(v->webrtc, MODE);
}

static void done(struct vad *v)
{
    if (v->webrtc)
        WebRtcVad_Free(v->webrtc);
}

const struct vad_kind vad_kind_webrtc = { .window_samples = WINDOW, .judge = judge, .forget = forget, .done = done };

static enum err open_stream(struct vad **out, const struct provider_opts *o, const struct vad_settings *s,
                            const struct vad_events *ev, void *user)
{
    void *handle = WebRtcVad_Create();
    if (!handle)
        return ERR_NO_MEMORY;
    enum err e = vad_stream_open(out, &vad_kind_webrtc, o, s, ev, user);
    if (e) {
        WebRtcVad_Free(handle);
        return e;
    }
    (*out)->webrtc = handle;
    forget(*out);
    return OK;
}

#else

const struct vad_kind vad_kind_webrtc = { .window_samples = WINDOW };

static enum err open_stream(struct vad **out, const struct provider_opts *o, const struct vad_settings *s,
                            const struct vad_events *ev, void *user)
{
    return ERR_UNSUPPORTED;
}

#endif

const struct vad_class vad_webrtc = {
    .name = "webrtc",
    .rate_hz = VAD_RATE_HZ,
    .open = open_stream,
    .feed = vad_stream_feed,
    .reset = vad_stream_reset,
    .in_speech = vad_stream_in_speech,
    .hears_voice = vad_stream_hears_voice,
    .close = vad_stream_close,
};
