/* SPDX-License-Identifier: MIT
 * openapi.c -- the route table as an OpenAPI 3 description. */
#include <stdio.h>

#include "api/private.h"

static const char *const method_names[] = { "get", "post", "put", "delete" };

/* "{id}" pieces of the pattern. */
static void path_params(struct jw *w, const char *pattern)
{
    while ((pattern = strchr(pattern, '{'))) {
        const char *end = strchr(pattern, '}');
        jw_object(w);
        jw_str(w, "name", slice_from(pattern + 1, (size_t)(end - pattern - 1)));
        jw_cstr(w, "in", "path");
        jw_bool(w, "required", true);
        jw_object_as(w, "schema");
        jw_cstr(w, "type", "string");
        jw_end(w);
        jw_end(w);
        pattern = end;
    }
}

static void query_params(struct jw *w, const char *list)
{
    struct slice rest = slice_of(list);
    while (rest.len) {
        struct slice what = slice_cut(&rest, ';');
        struct slice name = slice_cut(&what, ':');
        jw_object(w);
        jw_str(w, "name", name);
        jw_cstr(w, "in", "query");
        jw_str(w, "description", what);
        jw_object_as(w, "schema");
        jw_cstr(w, "type", "string");
        jw_end(w);
        jw_end(w);
    }
}

static void body_put(struct jw *w, const char *list)
{
    struct slice rest = slice_of(list);
    jw_object_as(w, "requestBody");
    jw_object_as(w, "content");
    jw_object_as(w, "application/json");
    jw_object_as(w, "schema");
    jw_cstr(w, "type", "object");
    jw_object_as(w, "properties");
    while (rest.len) {
        struct slice what = slice_cut(&rest, ';');
        auto_mem char *name = xslicedup(slice_cut(&what, ':'));
        jw_object_as(w, name);
        jw_str(w, "description", what);
        jw_end(w);
    }
    for (int i = 0; i < 5; i++)
        jw_end(w);
}

static void operation_put(struct jw *w, const struct route *r)
{
    jw_object_as(w, method_names[r->method]);
    jw_cstr(w, "summary", r->summary);
    jw_array_as(w, "parameters");
    path_params(w, r->pattern);
    query_params(w, r->query);
    jw_end(w);
    if (r->body)
        body_put(w, r->body);
    if (r->role == ROLE_API) {
        jw_array_as(w, "security");
        jw_object(w);
        jw_array_as(w, "token");
        jw_end(w);
        jw_end(w);
        jw_end(w);
    }
    jw_object_as(w, "responses");
    jw_object_as(w, "200");
    jw_cstr(w, "description", r->summary);
    jw_object_as(w, "content");
    jw_object_as(w, r->reply_type ? r->reply_type : "application/json");
    jw_end(w);
    jw_end(w);
    jw_end(w);
    jw_end(w);
    jw_end(w);
}

static void full_path(const struct api *a, const struct route *r, char *out, size_t bytes)
{
    const char *prefix = r->kind == ROUTE_API                         ? "/api/v1"
                         : r->kind == ROUTE_DEVICE && a->prefix_count ? a->prefixes[0]
                                                                      : "";
    snprintf(out, bytes, "%s%s", prefix, r->pattern);
}

/* Rows of one path stand together in the object, whatever their order in the table. */
static void paths_put(struct jw *w, const struct api *a)
{
    char path[160], other[160];
    for (size_t i = 0; i < api_route_count; i++) {
        full_path(a, &api_routes[i], path, sizeof path);
        bool is_done = false;
        for (size_t k = 0; k < i && !is_done; k++) {
            full_path(a, &api_routes[k], other, sizeof other);
            is_done = strcmp(path, other) == 0;
        }
        if (is_done)
            continue;
        jw_object_as(w, path);
        for (size_t k = i; k < api_route_count; k++) {
            full_path(a, &api_routes[k], other, sizeof other);
            if (strcmp(path, other) == 0)
                operation_put(w, &api_routes[k]);
        }
        jw_end(w);
    }
}

void api_openapi(const struct api *a, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "openapi", "3.0.3");
    jw_object_as(&w, "info");
    jw_cstr(&w, "title", "Parley");
    jw_cstr(&w, "version", PARLEY_VERSION);
    jw_cstr(&w, "description", "Answers are {\"success\":true,\"data\":...} or {\"success\":false,\"error\":\"...\"}.");
    jw_end(&w);
    jw_object_as(&w, "components");
    jw_object_as(&w, "securitySchemes");
    jw_object_as(&w, "token");
    jw_cstr(&w, "type", "http");
    jw_cstr(&w, "scheme", "bearer");
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    jw_object_as(&w, "paths");
    paths_put(&w, a);
    jw_end(&w);
    jw_end(&w);
}

void serve_openapi(struct api_call *c)
{
    auto_buf struct buf text = { 0 };
    api_openapi(c->api, &text);
    call_reply_file(c, "application/json", NULL, &text);
}
