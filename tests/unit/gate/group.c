/* SPDX-License-Identifier: Apache-2.0 */
/* GROUP_CHAT: who may, who gets it, in which order (gate/frame/group_chat.c, gate/fanout.c). */
#include <stdio.h>

#include "base/mem.h"
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

enum { G = 900 };

static void refusals(void **state)
{
    static const struct {
        const char *fields, *error;
    } cases[] = {
        {"'groupId':'900','body':'x'", "'reason':'missing_msg_id'"},
        {"'clientMsgId':' ','groupId':'900','body':'x'", "'reason':'missing_msg_id'"},
        {"'clientMsgId':'c','body':'x'", "{'type':'ERROR','clientMsgId':'c','ts':"},
        {"'clientMsgId':'c','groupId':0,'body':'x'", "'reason':'missing_group_id'"},
        {"'clientMsgId':'c','groupId':-900,'body':'x'", "'reason':'missing_group_id'"},
        {"'clientMsgId':'c','groupId':900,'body':' '", "'reason':'missing_body'"},
        {"'clientMsgId':'c','groupId':9223372036854775807,'body':'x'",
         "'reason':'not_group_member'"},
        {"'clientMsgId':'c','groupId':901,'body':'x'", "'reason':'not_group_member'"},
        {"'clientMsgId':'c','groupId':902,'body':'x'", "'reason':'group_speak_muted'"},
    };
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    lb_join(G, 1, 0);
    lb_join(901, 2, 0);
    lb_join(902, 1, lb->net.unix_ms + 1000);
    for (unsigned round = 0; round < 2; round++) { /* with and without rosters in memory */
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            lb_input(conn, "{'type':'GROUP_CHAT',%s}", cases[i].fields);
            lb_settle();
            lb_expect(conn, cases[i].error);
        }
    }
    assert_int_equal(lb->msglog.msg_count, 0);
    lb_advance(1000); /* the ban is over */
    lb_group_chat(conn, 902, "c");
    lb_settle();
    lb_expect(conn, "'ackType':'saved'");
}

/* Who may not send at all learns that first; a label that is too long is told to members. */
static void late_refusals(void **state)
{
    char id[66];
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    memset(id, 'i', 65);
    id[65] = '\0';
    lb_join(G, 2, 0);
    lb_group_chat(conn, G, id);
    lb_settle();
    lb_expect(conn, "'reason':'not_group_member'");
    lb_join(G, 1, 0);
    lb_group_chat(conn, G, id);
    lb_settle();
    lb_expect(conn, "'serverMsgId':'");
    assert_int_equal(lb->msglog.msg_count, 0);
}

static void too_many_mentions(void **state)
{
    char frame[12000];
    size_t n = 0;
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    lb_join(G, 1, 0);
    n += (size_t)snprintf(frame, sizeof(frame),
                          "{\"type\":\"GROUP_CHAT\",\"clientMsgId\":\"c\",\"groupId\":900,"
                          "\"body\":\"x\",\"mentions\":[1");
    for (int i = 1; i < 1001; i++)
        n += (size_t)snprintf(frame + n, sizeof(frame) - n, ",%d", i);
    n += (size_t)snprintf(frame + n, sizeof(frame) - n, "]}");
    lb->handler.on_ws_text(lb->handler.ctx, conn, frame, n);
    lb_settle();
    lb_expect(conn, "'reason':'too_many_mentions'");
    assert_int_equal(lb->msglog.msg_count, 0);
}

static void everybody_gets_it_once(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2), *c = lb_user(0, 3), *d = lb_user(1, 4);
    struct mn_conn *other = lb_user(1, 5);
    for (int64_t uid = 1; uid <= 4; uid++)
        lb_join(G, uid, 0);
    lb_join(G, 77, 0); /* not here */
    for (int i = 0; i < 3; i++) {
        lb_input(a,
                 "{'type':'GROUP_CHAT','groupId':'900','clientMsgId':'m%d','body':'hi',"
                 "'msgType':'TEXT','important':true,'to':'2','ts':1}",
                 i);
        lb_settle();
        lb_expect(a, "'type':'ACK'");
        lb_expect_quiet(a);
        const char *text = lb_next(b);
        char expected[300];
        assert_non_null(text);
        snprintf(expected, sizeof(expected),
                 "{\"type\":\"GROUP_CHAT\",\"clientMsgId\":\"m%d\",\"serverMsgId\":\"%lld\","
                 "\"msgSeq\":%d,\"from\":\"1\",\"groupId\":\"900\",\"msgType\":\"TEXT\","
                 "\"body\":\"hi\",\"ts\":%lld}",
                 i, (long long)lb_id_of(text), i + 1, (long long)lb->net.unix_ms);
        assert_string_equal(text, expected);
        lb_expect(c, "'type':'GROUP_CHAT'");
        lb_expect(d, "'type':'GROUP_CHAT'");
        /* Encoded once a loop. */
        assert_ptr_equal(b->frames[b->count - 1].frame, c->frames[c->count - 1].frame);
    }
    lb_group_chat(a, G, "m1"); /* again: answered as the first time, and nothing else */
    lb_settle();
    lb_expect(a, "'msgSeq':2,'from':'1','ackType':'saved','ts'");
    lb_expect_quiet(b);
    lb_expect_quiet(c);
    lb_expect_quiet(d);
    lb_expect_quiet(other);
    assert_int_equal(lb->roster_reads, 1);
}

/* The very next message is for who is a member then, and from who is one. */
static void members_change(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2), *c = lb_user(0, 3);
    lb_join(G, 1, 0);
    lb_join(G, 2, 0);
    lb_group_chat(a, G, "m1");
    lb_settle();
    lb_expect(b, "'clientMsgId':'m1'");
    lb_expect_quiet(c);
    lb_join(G, 3, 0);
    lb_group_chat(a, G, "m2");
    lb_settle();
    lb_expect(b, "'clientMsgId':'m2'");
    lb_expect(c, "'clientMsgId':'m2'");
    lb_leave(G, 2);
    lb_group_chat(a, G, "m3");
    lb_settle();
    lb_expect_quiet(b);
    lb_expect(c, "'clientMsgId':'m3'");
    lb_group_chat(b, G, "m4");
    lb_settle();
    lb_expect(b, "'reason':'not_group_member'");
    lb_group_chat(b, G, "m4"); /* a retry of one that was stored before is refused too */
    lb_settle();
    lb_expect(b, "'reason':'not_group_member'");
}

/* Between the frame and the commit members change: the roster as of the commit counts, in order. */
static void members_change_under_way(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2), *c = lb_user(0, 3);
    lb_join(G, 1, 0);
    lb_join(G, 2, 0);
    lb_group_chat(a, G, "m1");
    lb_settle();
    lb_expect(b, "'clientMsgId':'m1'");
    lb_group_chat(a, G, "m2");
    lb_turn_end();
    lb_leave(G, 2);
    lb_join(G, 3, 0);
    lb_commit(1); /* no roster in memory: it waits for one */
    lb_run_posts();
    lb_expect_quiet(b);
    lb_expect_quiet(c);
    lb_group_chat(a, G, "m3");
    while (lb_work_nth(1)) /* the request's own look-up comes first */
        ;
    lb_run_posts();
    lb_turn_end();
    lb_commit(1); /* its roster is in memory, and it must not pass m2 */
    lb_run_posts();
    lb_expect_quiet(c);
    lb_settle();
    lb_expect(c, "'clientMsgId':'m2'");
    lb_expect(c, "'clientMsgId':'m3'");
    lb_expect_quiet(b);
}

static void sessions_come_and_go(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2);
    for (int64_t uid = 1; uid <= 3; uid++)
        lb_join(G, uid, 0);
    lb_group_chat(a, G, "m1");
    lb_settle();
    lb_expect(b, "'clientMsgId':'m1'");
    lb_ack(b, lb->msglog.msgs[0].msg.id, "delivered");
    struct mn_conn *c = lb_open(0);
    lb_auth(c, 3, 0);
    lb_settle();
    lb_expect(c, "'type':'AUTH_OK'");
    lb_expect(c, "'clientMsgId':'m1'"); /* the resend's */
    lb_gone(b);
    lb_group_chat(a, G, "m2");
    lb_settle();
    lb_expect(c, "'clientMsgId':'m2'");
    struct mn_conn *again = lb_open(1); /* another loop, by the resend */
    lb_auth(again, 2, 0);
    lb_settle();
    lb_expect(again, "'type':'AUTH_OK'");
    lb_expect(again, "'clientMsgId':'m2'");
    lb_group_chat(a, G, "m3");
    lb_settle();
    lb_expect(again, "'clientMsgId':'m3'");
    lb_expect(c, "'clientMsgId':'m3'");
    lb_expect_quiet(again);
    lb_expect_quiet(c);
    /* A user's newer connection on the same loop. */
    struct mn_conn *newer = lb_open(1);
    lb_auth(newer, 2, 0);
    lb_settle();
    lb_expect_close(again, "'reason':'kicked'");
    lb_group_chat(a, G, "m4");
    lb_settle();
    bool has_it = false;
    for (const char *text; (text = lb_next(newer)) != NULL;)
        has_it = strstr(text, "\"clientMsgId\":\"m4\"") != NULL;
    assert_true(has_it); /* and it was the last one */
}

static const char *with_reply(int64_t id)
{
    static char text[64];
    snprintf(text, sizeof(text), "'replyToServerMsgId':'%lld',", (long long)id);
    return text;
}

static void addressed(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2), *c = lb_user(1, 3);
    for (int64_t uid = 1; uid <= 3; uid++)
        lb_join(G, uid, 0);
    lb_join(901, 1, 0);
    lb_join(901, 2, 0);
    lb_group_chat(b, G, "m1");
    lb_group_chat(b, 901, "x1");
    lb_settle();
    int64_t first = lb->msglog.msgs[0].msg.id, elsewhere = lb->msglog.msgs[1].msg.id;
    while (lb_next(a) || lb_next(b) || lb_next(c))
        ;
    for (unsigned forgets = 0; forgets < 2; forgets++) { /* the look-up on a worker, too */
        lb->msglog.forgets = forgets;
        /* Trimmed, once each, members only, not oneself. */
        lb_input(a,
                 "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'a%u','body':'x','mentions':["
                 "' 3\\t',3,'1','77','-3','x',null,true,'3.0','99999999999999999999']}",
                 forgets);
        lb_settle();
        lb_expect(b, "'body':'x','mentions':['3'],'ts'");
        lb_expect(c, "'body':'x','mentions':['3'],'important':true,'ts'");
        /* An answer to a message of the group addresses its author. */
        lb_input(a, "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'r%u',%s'body':'y'}", forgets,
                 with_reply(first));
        lb_settle();
        char part[100];
        snprintf(part, sizeof(part), "'replyToServerMsgId':'%lld','important':true,'ts'",
                 (long long)first);
        lb_expect(b, part);
        snprintf(part, sizeof(part), "'replyToServerMsgId':'%lld','ts'", (long long)first);
        lb_expect(c, part);
        /* One's own message is answered without addressing anybody. */
        lb_input(b, "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'o%u',%s'body':'y'}", forgets,
                 with_reply(first));
        lb_settle();
        while (lb_next(b))
            ;
        lb_expect(c, part);
        /* A message of another chat, or none: the reply is not one. */
        const int64_t wrong[] = {elsewhere, 12345};
        for (unsigned i = 0; i < 2; i++) {
            lb_input(a, "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'w%u%u',%s'body':'y'}",
                     forgets, i, with_reply(wrong[i]));
            lb_settle();
            lb_expect(b, "'body':'y','ts'");
            lb_expect(c, "'body':'y','ts'");
        }
        lb_input(a,
                 "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'n%u','body':'y',"
                 "'replyToServerMsgId':' 12 '}",
                 forgets);
        lb_settle();
        lb_expect(b, "'body':'y','ts'");
        lb_expect(c, "'body':'y','ts'");
    }
    /* Who has left is addressed no more. */
    lb_leave(G, 2);
    lb_input(a,
             "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'l',%s'mentions':['2'],'body':'y'}",
             with_reply(first));
    lb_settle();
    assert_int_equal(lb->msglog.msgs[lb->msglog.msg_count - 1].msg.reply_author, 0);
    assert_int_equal(lb->msglog.msgs[lb->msglog.msg_count - 1].msg.mentions.n, 0);
}

/* What a member missed is resent, with everything that says what it is. */
static void resent(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    lb_join(G, 1, 0);
    lb_join(G, 2, 0);
    lb_group_chat(a, G, "m1");
    lb_input(a, "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'m2','body':'y','mentions':[2],"
                "'msgType':'IMAGE'}");
    lb_settle();
    struct mn_conn *b = lb_open(1);
    lb_auth(b, 2, 0);
    lb_settle();
    lb_expect(b, "'type':'AUTH_OK'");
    lb_expect(
        b, "'msgSeq':1,'from':'1','to':'2','groupId':'900','msgType':'text','body':'hello','ts'");
    lb_expect(b, "'to':'2','groupId':'900','msgType':'text','body':'y','mentions':['2'],"
                 "'important':true,'ts'");
    while (lb_next(a))
        ;
    lb_ack(b, lb->msglog.msgs[1].msg.id, "read");
    lb_settle();
    assert_int_equal(lb_delivered(2, G), 2);
    lb_expect_quiet(a); /* no receipts in groups */
    lb_expect_quiet(b);
    struct mn_conn *outsider = lb_user(0, 3);
    lb_ack(outsider, lb->msglog.msgs[1].msg.id, "delivered");
    lb_settle();
    lb_expect_quiet(outsider);
}

/* A connection without room is resent what was left out, and nothing overtakes it. */
static void congested(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2), *c = lb_user(0, 3);
    for (int64_t uid = 1; uid <= 3; uid++)
        lb_join(G, uid, 0);
    lb_congest(b, true);
    lb_group_chat(a, G, "m1");
    lb_settle();
    lb_expect_quiet(b);
    lb_expect(c, "'clientMsgId':'m1'");
    b->congested = false; /* not told yet */
    lb_group_chat(a, G, "m2");
    lb_settle();
    lb_congest(b, false);
    lb_settle();
    lb_expect(b, "'clientMsgId':'m1'");
    lb_expect(b, "'clientMsgId':'m2'");
    lb_expect_quiet(b);
    /* Unacknowledged for too long: again, as in single chats. */
    lb_advance(30000);
    lb_settle();
    lb_expect(b, "'clientMsgId':'m1'");
    lb_expect(b, "'clientMsgId':'m2'");
}

static struct mn_gate_settings mode(enum mn_group_mode mode)
{
    struct mn_gate_settings set = lb_settings();
    set.group_mode = mode;
    set.group_size = 5;
    set.group_online_users = 3;
    set.group_notify_max = 4;
    set.group_huge_size = 8;
    return set;
}

/* What a member sees of a message in a group of `size`, of whom `online` are there besides the sender. */
static const char *told(enum mn_group_mode how, unsigned size, unsigned online)
{
    static const char *const what[] = {"push", "notify", "nothing", "?"};
    struct mn_gate_settings set = mode(how);
    struct mn_conn *conn[16];
    unsigned seen = 3;
    lb->msglog.msg_count = lb->member_count = 0;
    mn_roster_changed(lb->rosters, G);
    lb_restart(&set);
    for (unsigned i = 0; i < size; i++)
        lb_join(G, 1 + i, 0);
    for (unsigned i = 0; i <= online; i++)
        conn[i] = lb_user(i % 2, 1 + i);
    lb_group_chat(conn[0], G, "m");
    lb_settle();
    lb_expect(conn[0], "'ackType':'saved'");
    for (unsigned i = 1; i <= online; i++) {
        const char *text = lb_next(conn[i]);
        unsigned is = !text ? 2 : strstr(text, "GROUP_NOTIFY") ? 1 : 0;
        assert_true(seen == 3 || seen == is);
        seen = is;
    }
    return what[seen];
}

static void strategies(void **state)
{
    (void)state;
    assert_string_equal(told(MN_GROUP_AUTO, 4, 2), "push");
    assert_string_equal(told(MN_GROUP_AUTO, 4, 3), "notify"); /* so many online */
    assert_string_equal(told(MN_GROUP_AUTO, 5, 1), "notify"); /* so many members */
    assert_string_equal(told(MN_GROUP_AUTO, 7, 4), "nothing");
    assert_string_equal(told(MN_GROUP_AUTO, 8, 1), "nothing");
    assert_string_equal(told(MN_GROUP_NOTIFY, 2, 1), "notify");
    assert_string_equal(told(MN_GROUP_STRATEGY2, 7, 3), "notify");
    assert_string_equal(told(MN_GROUP_NOTIFY, 7, 4), "nothing");
    assert_string_equal(told(MN_GROUP_NOTIFY, 8, 1), "nothing");
    assert_string_equal(told(MN_GROUP_PUSH, 9, 8), "push");
    assert_string_equal(told(MN_GROUP_STRATEGY1, 9, 1), "push");
    assert_string_equal(told(MN_GROUP_NONE, 2, 1), "nothing");
    assert_string_equal(told(MN_GROUP_OFF, 2, 1), "nothing");
}

static void notices(void **state)
{
    (void)state;
    struct mn_gate_settings set = mode(MN_GROUP_NOTIFY);
    lb_restart(&set);
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2), *c = lb_user(1, 3);
    for (int64_t uid = 1; uid <= 3; uid++)
        lb_join(G, uid, 0);
    lb_input(a, "{'type':'GROUP_CHAT','groupId':900,'clientMsgId':'m','body':'x','mentions':[3]}");
    lb_settle();
    char part[200];
    int64_t id = lb->msglog.msgs[0].msg.id;
    snprintf(
        part, sizeof(part),
        "{'type':'GROUP_NOTIFY','serverMsgId':'%lld','msgSeq':1,'from':'1','groupId':'900','ts'",
        (long long)id);
    lb_expect(b, part);
    lb_expect(c, "'groupId':'900','important':true,'ts'");
    lb_advance(31000); /* it was no delivery: nothing to send again */
    lb_settle();
    lb_expect_quiet(b);
    /* One that could not be told is left to the resend, which brings the message. */
    lb_congest(b, true);
    lb_group_chat(a, G, "m2");
    lb_settle();
    lb_congest(b, false);
    lb_settle();
    lb_expect(b, "'type':'GROUP_CHAT'");
}

/* The store of members fails: who is known gets the message, the others as soon as it is back. */
static void rosters_that_cannot_be_read(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2), *c = lb_user(0, 3);
    lb_join(G, 1, 0);
    lb_join(G, 2, 0);
    lb->roster_err = MN_EIO;
    lb_group_chat(a, G, "m0");
    lb_settle();
    lb_expect(a, "'reason':'server_busy'");
    lb->roster_err = MN_OK;
    lb_group_chat(a, G, "m1");
    lb_settle();
    lb_expect(b, "'clientMsgId':'m1'");
    lb_group_chat(a, G, "m2");
    lb_turn_end();
    lb_join(G, 3, 0);
    lb->roster_err = MN_EIO;
    lb_commit(1);
    lb_settle();
    lb_expect(b, "'clientMsgId':'m2'");
    lb_expect_quiet(c);
    lb->roster_err = MN_OK;
    lb->pool.is_full = true; /* nor can it be asked for */
    lb_group_chat(a, G, "m3");
    lb_settle();
    lb->pool.is_full = false;
    lb_group_chat(a, G, "m4");
    lb_settle();
    lb_expect(c, "'clientMsgId':'m4'");
    lb_expect(c, "'clientMsgId':'m1'"); /* its resend, which begins at the cursor */
    lb_expect(c, "'clientMsgId':'m2'");
    lb_expect_quiet(c);
    lb_expect(b, "'clientMsgId':'m4'");
    lb_expect_quiet(b); /* what was sent and not acknowledged yet is not sent again */
}

/* What the mode forbids is not pushed because the roster is missing. */
static void no_roster_and_no_push(void **state)
{
    static const enum mn_group_mode modes[] = {MN_GROUP_NONE, MN_GROUP_NOTIFY};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct mn_gate_settings set = mode(modes[i]);
        lb->msglog.msg_count = lb->member_count = 0;
        lb_restart(&set);
        struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2);
        lb_join(G, 1, 0);
        lb_join(G, 2, 0);
        lb_group_chat(a, G, "m1");
        lb_settle();
        while (lb_next(b))
            ;
        lb_group_chat(a, G, "m2");
        lb_turn_end();
        mn_roster_changed(lb->rosters, G);
        lb->roster_err = MN_EIO;
        lb_commit(1);
        lb_settle();
        if (modes[i] == MN_GROUP_NOTIFY)
            lb_expect(b, "'type':'GROUP_NOTIFY'");
        lb_expect_quiet(b);
        lb->roster_err = MN_OK;
    }
}

/* A sender who has gone, requests behind a look-up, a worker queue that is full. */
static void requests_in_order(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    lb_join(G, 1, 0);
    lb_join(G, 2, 0);
    lb_group_chat(a, G, "m1"); /* waits for the roster */
    lb_chat(a, 2, "s1");
    lb_group_chat(a, 0, "e1");
    lb_turn_end();
    assert_int_equal(lb->msglog.waiting, 0);
    lb_settle();
    lb_expect(a, "'clientMsgId':'m1'");
    lb_expect(a, "'clientMsgId':'s1'");
    lb_expect(a, "'reason':'missing_group_id'");
    lb_expect(b, "'clientMsgId':'m1'");
    lb_expect(b, "'clientMsgId':'s1'");
    mn_roster_changed(lb->rosters, G);
    lb->pool.is_full = true;
    lb_group_chat(a, G, "m2");
    lb->pool.is_full = false;
    lb_expect(a, "'reason':'server_busy'");
    lb->msglog.is_full = true;
    lb_group_chat(a, G, "m2");
    lb_settle();
    lb_expect(a, "'reason':'server_busy'");
    lb->msglog.is_full = false;
    mn_roster_changed(lb->rosters, G);
    lb_group_chat(a, G, "m2");
    lb_gone(a);
    lb_settle();
    lb_expect(b, "'clientMsgId':'m2'");
}

/* Any allocation may fail: a clear answer, and no message is lost to those who are here. */
static void without_memory(void **state)
{
    (void)state;
    unsigned stored = 0;
    for (unsigned n = 1; n < 40; n++) {
        struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2);
        char client_id[16];
        lb_join(G, 1, 0);
        lb_join(G, 2, 0);
        while (lb_next(b))
            ;
        snprintf(client_id, sizeof(client_id), "t%u", n);
        lb_torture(n);
        lb_group_chat(a, G, client_id);
        lb_settle();
        bool reached = lb_torture_end();
        lb_settle();
        if (lb->msglog.msg_count > stored) {
            stored = lb->msglog.msg_count;
            lb_advance(1000); /* a resend that could not be begun is tried again */
            lb_settle();
            lb_expect(b, "'type':'GROUP_CHAT'");
            lb_ack(b, lb->msglog.msgs[stored - 1].msg.id, "delivered");
            lb_settle();
        }
        lb_gone(a);
        lb_gone(b);
        lb_settle();
        for (unsigned i = 0; i < LB_CONNS; i++) { /* their places can be used again */
            struct mn_conn *conn = &lb->net.conns[i];
            for (unsigned k = 0; k < conn->count; k++)
                mn_chunk_unref(conn->frames[k].frame);
            mn_free(conn->session);
            *conn = (struct mn_conn){0};
        }
        if (!reached)
            break;
    }
    assert_true(stored > 0);
}

int test_gate_group(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(refusals),
        LB_TEST(late_refusals),
        LB_TEST(too_many_mentions),
        LB_TEST(everybody_gets_it_once),
        LB_TEST(members_change),
        LB_TEST(members_change_under_way),
        LB_TEST(sessions_come_and_go),
        LB_TEST(addressed),
        LB_TEST(resent),
        LB_TEST(congested),
        LB_TEST(strategies),
        LB_TEST(notices),
        LB_TEST(rosters_that_cannot_be_read),
        LB_TEST(no_roster_and_no_push),
        LB_TEST(requests_in_order),
        LB_TEST(without_memory),
    };
    return cmocka_run_group_tests_name("gate/group", tests, NULL, NULL);
}
