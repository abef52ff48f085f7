/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/api/support.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/sql/group.h"
#include "store/sql/session.h"
#include "support/torture.h"

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct ta *t = ctx;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < count; i++)
        mn_op_unref(ops[i]);
    t->committed += (unsigned)count;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void open_stores(struct ta *t)
{
    struct mn_db_config db = {.readers = 2, .busy_timeout_ms = 2000, .sync = false};
    struct mn_msglog_config log = {.queue_ops = 1024,
                                   .queue_bytes = 1 << 20,
                                   .batch_ops = 256,
                                   .cursor_flush_ms = 1000,
                                   .cache_bytes = 8 << 20,
                                   .memtable_bytes = 4 << 20,
                                   .chat_cache = 512,
                                   .recent_cache = 1024,
                                   .idgen = &t->ids,
                                   .on_commit = on_commit,
                                   .ctx = t};
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    snprintf(db.path, sizeof(db.path), "%s/minim.db", t->dir);
    snprintf(log.dir, sizeof(log.dir), "%s/messages", t->dir);
    assert_int_equal(mn_db_open(&db, &t->db, &why), MN_OK);
    assert_int_equal(mn_msglog_open(&log, t->metrics, &t->msglog, &why), MN_OK);
    mn_buf_deinit(&why);
}

/* Of the test that runs: what is wrapped has no other way to it. */
static struct ta *current;

/* Group 900 + n has the name "group n"; those above 999 have none. */
enum mn_err __wrap_mn_db_groups(struct mn_db *db, int64_t user, const int64_t *ids, size_t n,
                                void (*put)(void *arg, const struct mn_group *group), void *arg);
enum mn_err __wrap_mn_db_groups(struct mn_db *db, int64_t user, const int64_t *ids, size_t n,
                                void (*put)(void *arg, const struct mn_group *group), void *arg)
{
    assert_ptr_equal(db, current->db);
    assert_int_equal(user, 0);
    current->name_queries++;
    for (size_t i = 0; i < n; i++) {
        struct mn_group group = {.id = ids[i]};
        snprintf(group.name, sizeof(group.name), "group %d", (int)(ids[i] - 900));
        if (ids[i] < 1000)
            put(arg, &group);
    }
    return current->names_err;
}

struct mn_api_options ta_options(void)
{
    struct mn_api_options options = {
        .ratelimit_enabled = true,
        .cors_origins = "http://localhost:*,http://127.0.0.1:*,null,same-host",
        .trusted_proxies = "",
    };
    mn_api_limits_default(options.limits);
    return options;
}

static void make_api(struct ta *t)
{
    struct mn_buf why;
    struct mn_api_config config = {.account = t->account,
                                   .conversations = &t->conversations,
                                   .ops = t->ops,
                                   .metrics = t->metrics,
                                   .log = &t->log,
                                   .ratelimit_keys = 1024};
    config.options = ta_options();
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_api_new(&config, &t->api, &why), MN_OK);
    mn_buf_deinit(&why);
}

int ta_setup(void **state)
{
    struct ta *t = mn_new(struct ta);
    const char *tmp = getenv("TMPDIR");
    snprintf(t->dir, sizeof(t->dir), "%.40s/mn-api-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(t->dir));
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    t->metrics = mn_metrics_new();
    mn_idgen_init(&t->ids, 1, 1);
    mn_log_init(&t->log, MN_LOG_COUNT, MN_LOG_TEXT); /* says nothing */
    open_stores(t);
    t->jwt = (struct mn_jwt_key){"0123456789abcdef0123456789abcdef", 32, "mini-im"};
    t->account = mn_account_new(&(struct mn_account_config){.db = t->db,
                                                            .ids = &t->ids,
                                                            .jwt = t->jwt,
                                                            .access_ttl_s = 1800,
                                                            .refresh_ttl_s = 2592000,
                                                            .auto_register = true,
                                                            .bcrypt_cost = 4,
                                                            .friend_code_len = 8});
    t->ops = mn_ops_new(&(struct mn_ops_config){
        .metrics = t->metrics, .msglog = t->msglog, .db = t->db, .version = "1.2.3"});
    t->conversations = (struct mn_conversations){.msglog = t->msglog, .db = t->db};
    make_api(t);
    *state = current = t;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

int ta_teardown(void **state)
{
    struct ta *t = *state;
    mn_api_free(t->api);
    mn_ops_free(t->ops);
    mn_account_free(t->account);
    mn_msglog_close(t->msglog);
    mn_db_close(t->db);
    mn_metrics_free(t->metrics);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mn_free(t);
    return 0;
}

/* ---- requests ------------------------------------------------------------------ */

static enum mn_http_method method_of(const char *text)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    for (unsigned i = 0; i < MN_ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0)
            return (enum mn_http_method)i;
    return MN_HTTP_OTHER;
}

static void add_header(struct mn_http_request *req, struct mn_str line)
{
    const char *colon = memchr(line.p, ':', line.n);
    assert_non_null(colon);
    struct mn_str name = mn_str_make(line.p, (size_t)(colon - line.p));
    struct mn_str value = mn_str_make(colon + 1, line.n - name.n - 1);
    req->headers[req->header_count++] = (struct mn_http_header){name, mn_str_trim(value)};
}

static void add_headers(struct mn_http_request *req, const char *lines)
{
    while (lines && *lines) {
        size_t n = strcspn(lines, "\n");
        add_header(req, mn_str_make(lines, n));
        lines += n + (lines[n] == '\n');
    }
}

static char *text_of(const struct mn_buf *buf)
{
    char *text = mn_try_strndup(buf->n ? buf->p : "", buf->n);
    assert_non_null(text);
    return text;
}

struct ta_reply ta_ask(struct ta *t, const char *method, const char *target, int64_t user,
                       const char *head, const char *body)
{
    struct mn_http_request req = {.method = method_of(method), .method_text = mn_str_c(method)};
    struct ta_reply reply = {0};
    char token[MN_JWT_MAX], authorization[MN_JWT_MAX + 32];
    size_t path_n = strcspn(target, "?");
    req.path = mn_str_make(target, path_n);
    if (target[path_n] == '?')
        req.query = mn_str_c(target + path_n + 1);
    snprintf(req.peer, sizeof(req.peer), "192.0.2.1");
    add_headers(&req, head);
    if (user != 0) {
        int64_t sv = 0;
        bool known = false;
        assert_int_equal(mn_db_session(t->db, user, &sv, &known), MN_OK);
        assert_int_equal(mn_jwt_sign(&t->jwt, user, sv, mn_unix_ms(), 600, token, sizeof(token)),
                         MN_OK);
        snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
        add_headers(&req, authorization);
    }
    req.body = mn_str_c(body);
    req.mono_ns = mn_mono_ns() - t->waited_ms * 1000000;
    if (t->torture)
        torture_begin(t->torture);
    reply.res = mn_api_handle(t->api, &req);
    t->tortured = t->torture && torture_end();
    assert_non_null(reply.res);
    reply.status = reply.res->status;
    reply.headers = text_of(&reply.res->headers);
    struct mn_str ref = reply.res->body_ref;
    reply.text = ref.p ? mn_try_strndup(ref.p, ref.n) : text_of(&reply.res->body);
    assert_non_null(reply.text);
    reply.json = json_loads(reply.text, 0, NULL);
    return reply;
}

void ta_free(struct ta_reply *reply)
{
    mn_http_response_free(reply->res);
    mn_free(reply->headers);
    mn_free(reply->text);
    json_decref(reply->json);
    *reply = (struct ta_reply){0};
}

void ta_expect(struct ta *t, const char *method, const char *target, int64_t user, const char *head,
               const char *body, unsigned status, int code, const char *message)
{
    struct ta_reply reply = ta_ask(t, method, target, user, head, body);
    json_t *got = json_object_get(reply.json, "message");
    if (reply.status != status || json_integer_value(json_object_get(reply.json, "code")) != code)
        print_error("%s %s: %u %s\n", method, target, reply.status, reply.text);
    assert_int_equal(reply.status, status);
    assert_int_equal(json_integer_value(json_object_get(reply.json, "code")), code);
    assert_true(json_is_string(got));
    assert_string_equal(json_string_value(got), message);
    assert_int_equal(json_is_true(json_object_get(reply.json, "ok")), code == 0);
    assert_true(json_is_integer(json_object_get(reply.json, "ts")));
    if (code != 0)
        assert_null(json_object_get(reply.json, "data"));
    ta_free(&reply);
}

json_t *ta_get(struct ta *t, const char *target, int64_t user)
{
    struct ta_reply reply = ta_ask(t, "GET", target, user, NULL, NULL);
    json_t *data = json_incref(json_object_get(reply.json, "data"));
    if (reply.status != 200 || !data)
        print_error("%s: %u %s\n", target, reply.status, reply.text);
    assert_int_equal(reply.status, 200);
    assert_non_null(data);
    ta_free(&reply);
    return data;
}

struct ta_reply ta_post(struct ta *t, const char *target, int64_t user, const char *body)
{
    return ta_ask(t, "POST", target, user, "Content-Type: application/json", body);
}

int64_t ta_message(struct ta *t, int64_t from, int64_t to, const char *text, int64_t unix_ms)
{
    char client_id[32];
    int64_t id = mn_idgen_next(&t->ids);
    snprintf(client_id, sizeof(client_id), "c-%lld", (long long)id);
    struct mn_op *op = mn_op_new(MN_OP_APPEND, mn_str_c(client_id), MN_STR_NONE, mn_str_c(text));
    assert_non_null(op);
    mn_op_set_pair(op, from, to);
    op->id = id;
    op->unix_ms = unix_ms;
    int64_t seq = ta_do(t, op)->at.seq;
    mn_op_unref(op);
    return seq;
}

struct mn_op *ta_do(struct ta *t, struct mn_op *op)
{
    mn_op_ref(op);
    assert_true(mn_msglog_reserve(t->msglog, op->bytes));
    pthread_mutex_lock(&t->lock);
    unsigned before = t->committed;
    mn_msglog_submit(t->msglog, op);
    while (t->committed == before)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
    assert_int_equal(op->result, MN_OK);
    return op;
}
