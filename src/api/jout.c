/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text for answers, written once, without a tree in between. */
#include "api/jout.h"

#include "base/clock.h"

/* Keys are ours: plain ASCII that needs no escape. */
static void lead(struct mn_jout *out, const char *key)
{
    if (out->comma)
        mn_buf_add_char(out->buf, ',');
    out->comma = true;
    if (!key)
        return;
    mn_buf_add_char(out->buf, '"');
    mn_buf_add_z(out->buf, key);
    mn_buf_add(out->buf, "\":", 2);
}

void mn_jout_open(struct mn_jout *out, const char *key, char bracket)
{
    lead(out, key);
    mn_buf_add_char(out->buf, bracket);
    out->comma = false;
}

void mn_jout_close(struct mn_jout *out, char bracket)
{
    mn_buf_add_char(out->buf, bracket);
    out->comma = true;
}

void mn_jout_id(struct mn_jout *out, const char *key, int64_t id)
{
    lead(out, key);
    mn_buf_add_char(out->buf, '"');
    mn_buf_add_i64(out->buf, id);
    mn_buf_add_char(out->buf, '"');
}

void mn_jout_num(struct mn_jout *out, const char *key, int64_t value)
{
    lead(out, key);
    mn_buf_add_i64(out->buf, value);
}

void mn_jout_bool(struct mn_jout *out, const char *key, bool value)
{
    lead(out, key);
    mn_buf_add_z(out->buf, value ? "true" : "false");
}

void mn_jout_str(struct mn_jout *out, const char *key, struct mn_str value)
{
    if (!value.p) {
        mn_jout_null(out, key);
        return;
    }
    lead(out, key);
    mn_buf_add_json(out->buf, value);
}

void mn_jout_null(struct mn_jout *out, const char *key)
{
    lead(out, key);
    mn_buf_add(out->buf, "null", 4);
}

void mn_jout_date(struct mn_jout *out, const char *key, int64_t unix_ms)
{
    if (unix_ms == 0) {
        mn_jout_null(out, key);
        return;
    }
    lead(out, key);
    mn_buf_add_char(out->buf, '"');
    mn_ignore(mn_date_print(out->buf, unix_ms)); /* sets `failed` like every append */
    mn_buf_add_char(out->buf, '"');
}
