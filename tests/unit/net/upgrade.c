/* SPDX-License-Identifier: Apache-2.0 */
/* W-1.2, row by row: the verdicts as a table, the bytes with a real server. */
#include "net/upgrade.h"

#include <unistd.h>

#include "net/http_parse.h"
#include "unit/net/support.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static enum mn_upgrade judge(const char *text, struct mn_upgrade_answer *answer)
{
    struct mn_http_parse *parse = mn_http_parse_new((struct mn_http_limits){4096, 8192, 65536});
    size_t used;
    assert_int_equal(mn_http_parse_feed(parse, text, strlen(text), &used), MN_HTTP_DONE);
    struct mn_http_request *req = mn_http_parse_take(parse);
    enum mn_upgrade verdict = mn_upgrade_judge(req, MN_STR("/ws"), answer);
    mn_http_request_free(req);
    mn_http_parse_free(parse);
    return verdict;
}

static const struct row {
    const char *text;
    enum mn_upgrade verdict;
    const char *why;
} rows[] = {
    {"GET /ws HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws/ HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws/anything HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws?x=y HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws?token=1/2 HTTP/1.1\r\n" UP KEY V13 "\r\n", MN_UPGRADE_OK, NULL},
    {"GET /wsx HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_NONE, NULL},
    {"GET /WS HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_NONE, NULL},
    {"GET / HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_NONE, NULL},
    {"GET /w HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n", MN_UPGRADE_NONE, NULL},
    /* Offered subprotocols and extensions change nothing; neither do credentials. */
    {"GET /ws HTTP/1.1\r\n" UP KEY V13 "Sec-WebSocket-Protocol: chat\r\n"
     "Sec-WebSocket-Extensions: permessage-deflate\r\nAuthorization: Bearer x\r\n\r\n",
     MN_UPGRADE_OK, NULL},
    {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Version: 7\r\n\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Version: 8\r\n\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Version: 12\r\n\r\n", MN_UPGRADE_VERSION, NULL},
    {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Version: 013\r\n\r\n", MN_UPGRADE_VERSION, NULL},
    {"GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Version:\r\n\r\n", MN_UPGRADE_VERSION, NULL},
    {"GET /ws HTTP/1.1\r\n" UP KEY "\r\n", MN_UPGRADE_BAD,
     "not a WebSocket handshake request: missing upgrade"},
    {"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", MN_UPGRADE_BAD,
     "not a WebSocket handshake request: missing upgrade"},
    {"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\n" KEY V13 "\r\n", MN_UPGRADE_BAD,
     "not a WebSocket request: a |Upgrade| header must containing the value 'websocket'"},
    {"GET /ws HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" KEY V13 "\r\n", MN_UPGRADE_BAD,
     "not a WebSocket request: a |Upgrade| header must containing the value 'websocket'"},
    {"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n" KEY V13 "\r\n", MN_UPGRADE_BAD,
     "not a WebSocket request: a |Connection| header must includes a token 'Upgrade'"},
    {"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive\r\n" KEY V13 "\r\n",
     MN_UPGRADE_BAD,
     "not a WebSocket request: a |Connection| header must includes a token 'Upgrade'"},
    {"GET /ws HTTP/1.1\r\n" UP V13 "\r\n", MN_UPGRADE_BAD, "not a WebSocket request: missing key"},
    {"POST /ws HTTP/1.1\r\n" UP KEY V13 "\r\n", MN_UPGRADE_BAD,
     "Invalid WebSocket handshake method: POST"},
    {"DELETE /ws/x HTTP/1.1\r\n\r\n", MN_UPGRADE_BAD, "Invalid WebSocket handshake method: DELETE"},
    {"GET /ws HTTP/1.1\r\n" UP V13 "Sec-WebSocket-Key: not base64\r\n\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws HTTP/1.0\r\n" UP KEY V13 "\r\n", MN_UPGRADE_OK, NULL},
    {"GET /ws HTTP/1.1\r\nConnection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n" KEY V13 "\r\n",
     MN_UPGRADE_OK, NULL},
    {"GET /ws HTTP/1.1\r\nConnection: keep-alive\r\nConnection: UPGRADE\r\n"
     "Upgrade: h2c , WEBSOCKET\r\n" KEY V13 "\r\n",
     MN_UPGRADE_OK, NULL},
};

static void every_row_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mn_upgrade_answer answer = {{0}, {0}};
        enum mn_upgrade verdict = judge(rows[i].text, &answer);
        if (verdict != rows[i].verdict)
            fail_msg("row %zu: verdict %d", i, (int)verdict);
        if (rows[i].why != NULL)
            assert_string_equal(answer.why, rows[i].why);
    }
}

static void accepted_with_exactly_three_headers(void **state)
{
    struct server server;
    char head[512];
    (void)state;
    server_up(&server);
    int fd = client_connect(&server);
    client_send_z(fd, rows[9].text);
    client_read_head(fd, head, sizeof(head));
    char expected[512];
    struct mn_upgrade_answer answer;
    judge(rows[9].text, &answer);
    snprintf(expected, sizeof(expected),
             "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
             "sec-websocket-accept: %s\r\n\r\n",
             answer.accept);
    assert_string_equal(head, expected);
    assert_string_equal(answer.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    client_ws_text(fd, "hello");
    client_ws_expect_text(fd, "hello");
    close(fd);
    server_stop(&server);
}

static void wrong_version_leaves_the_connection_open(void **state)
{
    struct server server;
    char head[512];
    (void)state;
    server_up(&server);
    int fd = client_connect(&server);
    client_send_z(fd, "GET /ws HTTP/1.1\r\n" UP KEY "Sec-WebSocket-Version: 5\r\n\r\n");
    client_read_head(fd, head, sizeof(head));
    assert_string_equal(head, "HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13\r\n"
                              "content-length: 0\r\n\r\n");
    client_send_z(fd, CLIENT_UPGRADE);
    client_read_head(fd, head, sizeof(head));
    assert_memory_equal(head, "HTTP/1.1 101", 12);
    close(fd);
    server_stop(&server);
}

static void refused_with_plain_text_and_closed(void **state)
{
    struct server server;
    char text[512];
    (void)state;
    server_up(&server);
    int fd = client_connect(&server);
    /* What follows in the same segment is not looked at. */
    client_send_z(fd, "POST /ws HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
                      "GET /after HTTP/1.1\r\n\r\n");
    client_read_all(fd, text, sizeof(text));
    assert_memory_equal(text, "HTTP/1.1 400 Bad Request\r\n", 26);
    assert_null(strcasestr(text, "content-length"));
    assert_string_equal(strstr(text, "\r\n\r\n"),
                        "\r\n\r\nInvalid WebSocket handshake method: POST");
    assert_int_equal(server.count[SERVER_HTTP], 0);
    close(fd);
    server_stop(&server);
}

static void frames_behind_the_upgrade_in_one_segment(void **state)
{
    struct server server;
    char out[1024], head[512];
    (void)state;
    server_up(&server);
    int fd = client_connect(&server);
    size_t n = strlen(CLIENT_UPGRADE);
    memcpy(out, CLIENT_UPGRADE, n);
    n += client_frame(out + n, 0x81, "first", 5);
    n += client_frame(out + n, 0x81, "second", 6);
    client_send(fd, out, n);
    client_read_head(fd, head, sizeof(head));
    client_ws_expect_text(fd, "first");
    client_ws_expect_text(fd, "second");
    close(fd);
    server_stop(&server);
}

static void other_paths_are_requests(void **state)
{
    struct server server;
    char text[512];
    (void)state;
    server_up(&server);
    int fd = client_connect(&server);
    client_send_z(fd, "GET /wsx HTTP/1.1\r\nHost: x\r\n" UP KEY V13 "\r\n");
    assert_int_equal(client_read_answer(fd, text, sizeof(text)), 200);
    assert_non_null(strstr(text, "GET /wsx []"));
    close(fd);
    server_stop(&server);
}

int test_net_upgrade(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table),
        cmocka_unit_test(accepted_with_exactly_three_headers),
        cmocka_unit_test(wrong_version_leaves_the_connection_open),
        cmocka_unit_test(refused_with_plain_text_and_closed),
        cmocka_unit_test(frames_behind_the_upgrade_in_one_segment),
        cmocka_unit_test(other_paths_are_requests),
    };
    return cmocka_run_group_tests_name("net upgrade", tests, NULL, NULL);
}
