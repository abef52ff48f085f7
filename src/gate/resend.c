/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resend: what a user has not acknowledged is sent again after AUTH, after
 * pushes were dropped under back-pressure, and when a delivery has waited
 * for its ACK too long (W-8.2, W-8.3, W-11.3).
 *
 * A worker reads a page behind the user's cursors, in order of chat and then
 * msgSeq, and encodes it; the loop sends it; the next page is read when the
 * client's ACKs have left room in the window.  Live pushes go on meanwhile.
 *
 * Nothing is sent twice on a connection before it has waited for its ACK for
 * as long as the periodic resend gives it, whatever starts a run.  A page can
 * have a message whose push is still to come: so it comes to its loop behind
 * what the writer has to tell, and a message that was pushed is left out.
 *
 * The cursor must not jump over what is still to be sent: an ACK for a chat
 * that the resend has not passed is kept here until it has (the
 * rule is W-7.2).  What the resend has sent lies at or before `pos`.
 *
 * Owner: a session, on its loop's thread.
 */
#include "gate/resend.h"

#include "base/mem.h"
#include "gate/errand.h"
#include "gate/frame/frame.h"
#include "gate/late_ack.h"
#include "gate/message_frame.h"

enum {
    LIVE_MAX = 4096, /* chats with live pushes that a page need not repeat; beyond it they do */
    DEFERRED_MAX =
        256, /* ACKs that wait, one a chat and kind; beyond it the client's next ACK counts */
    PAGE_MAX = 256,          /* messages in a page, whatever the window is */
    PAGE_BYTES = 192 * 1024, /* text in a page: below the low watermark */
    RETRY_MS = 200           /* when the worker queue was full */
};

/* What was pushed live of a chat since the resend began: all that is his of first..last. */
struct live {
    int64_t chat, first, last;
    bool closed; /* a push was dropped since: what follows is not known to be all */
};

struct deferred {
    struct mn_msg_ref ref;
    enum mn_cursor_kind kind;
};

struct mn_resend {
    struct mn_place pos;
    uint32_t moves_before; /* cursor moves that the first page must see */
    bool reading;          /* a worker has the next page at hand */
    uint16_t live_count, live_cap, deferred_count;
    struct deferred *deferred; /* DEFERRED_MAX, made when first needed */
    struct live *live;         /* by chat; grows to LIVE_MAX */
};

/* A page on its way: loop, worker, loop. */
struct page {
    struct mn_errand errand; /* first */
    int64_t uid;
    uint32_t run;
    unsigned limit;
    struct mn_place pos; /* in: where to begin; out: where it ends */
    enum mn_err err;
    bool done;
    unsigned count;
    struct {
        struct mn_chunk *frame;
        struct mn_place at;
        enum mn_type type;
    } items[PAGE_MAX];
};

static void fetch(struct mn_conn *conn);
static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn);

/* ---- on the worker ---- */

static bool add_to_page(void *arg, const struct mn_msg *msg)
{
    struct page *page = arg;
    const struct mn_message_frame how = {
        .msg_type = MN_STR("text"), .to = page->uid, .important = mn_msg_addresses(msg, page->uid)};
    struct mn_chunk *frame = mn_message_frame(msg, &how);
    MN_BUG_ON(page->count >= page->limit);
    if (!frame) {
        page->err = MN_ENOMEM;
        return false;
    }
    page->items[page->count].frame = frame;
    page->items[page->count].at = msg->at;
    page->items[page->count].type = mn_message_type(msg);
    page->count++;
    return true;
}

static void work(struct mn_errand *errand)
{
    struct page *page = mn_container_of(errand, struct page, errand);
    enum mn_err err = mn_msglog_backlog(errand->gate->msglog, page->uid, &page->pos, page->limit,
                                        PAGE_BYTES, add_to_page, page, &page->done);
    if (!page->err)
        page->err = err;
    errand->behind_commits = page->count > 0;
}

/* ---- on the loop ---- */

void mn_resend_free(struct mn_session *session)
{
    if (!session->resend)
        return;
    mn_unacked_drop_kept(&session->unacked);
    mn_free(session->resend->deferred);
    mn_free(session->resend->live);
    mn_free(session->resend);
    session->resend = NULL;
}

static bool is_passed(const struct mn_resend *resend, int64_t chat, int64_t seq)
{
    return chat < resend->pos.chat || (chat == resend->pos.chat && seq <= resend->pos.seq);
}

bool mn_resend_defer_ack(struct mn_session *session, const struct mn_msg_ref *ref,
                         enum mn_cursor_kind kind)
{
    struct mn_resend *resend = session->resend;
    if (!resend || is_passed(resend, ref->at.chat, ref->at.seq))
        return false;
    if (!resend->deferred)
        resend->deferred = mn_alloc_array(DEFERRED_MAX, sizeof(resend->deferred[0]));
    for (unsigned i = 0; i < resend->deferred_count; i++) {
        struct deferred *at = &resend->deferred[i];
        if (at->ref.at.chat != ref->at.chat || at->kind != kind)
            continue;
        if (at->ref.at.seq < ref->at.seq)
            at->ref = *ref;
        return true;
    }
    if (resend->deferred_count < DEFERRED_MAX)
        resend->deferred[resend->deferred_count++] = (struct deferred){*ref, kind};
    return true;
}

/* Where the chat is in the list, or would be. */
static unsigned live_index(const struct mn_resend *resend, int64_t chat)
{
    unsigned low = 0, high = resend->live_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (resend->live[middle].chat < chat)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* From where on the chat was pushed live, up to the message; the message itself, if it was not. */
static int64_t sent_from(const struct mn_resend *resend, struct mn_place at)
{
    unsigned i = live_index(resend, at.chat);
    if (i < resend->live_count && resend->live[i].chat == at.chat &&
        resend->live[i].first <= at.seq && at.seq <= resend->live[i].last)
        return resend->live[i].first;
    return at.seq;
}

void mn_resend_leave(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    const struct mn_resend *resend = session->resend;
    struct mn_late_ack acks[DEFERRED_MAX];
    if (!resend || resend->deferred_count == 0)
        return;
    for (unsigned i = 0; i < resend->deferred_count; i++)
        acks[i] = (struct mn_late_ack){.ref = resend->deferred[i].ref,
                                       .kind = resend->deferred[i].kind,
                                       .first = sent_from(resend, resend->deferred[i].ref.at)};
    mn_late_acks(mn_gate_loop_of(conn), session->uid, acks, resend->deferred_count);
}

/* Applies the ACKs that the resend has passed, or all of them at its end. */
static void apply_deferred(struct mn_conn *conn, bool all)
{
    struct mn_resend *resend = mn_session_of(conn)->resend;
    unsigned kept = 0;
    for (unsigned i = 0; i < resend->deferred_count; i++) {
        struct deferred at = resend->deferred[i];
        if (all || is_passed(resend, at.ref.at.chat, at.ref.at.seq))
            mn_frame_ack_apply(conn, &at.ref, at.kind);
        else
            resend->deferred[kept++] = at;
    }
    resend->deferred_count = (uint16_t)kept;
}

static bool has_live_room(struct mn_resend *resend)
{
    if (resend->live_count < resend->live_cap)
        return true;
    unsigned cap = resend->live_cap ? resend->live_cap * 2u : 16u;
    struct live *live = cap <= LIVE_MAX
                            ? mn_try_realloc_array(resend->live, cap, sizeof(*resend->live))
                            : NULL;
    if (!live)
        return false;
    resend->live = live;
    resend->live_cap = (uint16_t)cap;
    return true;
}

void mn_resend_note_live(struct mn_session *session, struct mn_place at)
{
    const int64_t chat = at.chat, seq = at.seq;
    struct mn_resend *resend = session->resend;
    if (!resend || is_passed(resend, chat, seq))
        return;
    unsigned i = live_index(resend, chat);
    if (i < resend->live_count && resend->live[i].chat == chat) {
        if (!resend->live[i].closed)
            resend->live[i].last = seq;
        return;
    }
    if (!has_live_room(resend))
        return;
    memmove(&resend->live[i + 1], &resend->live[i],
            (resend->live_count - i) * sizeof(resend->live[0]));
    resend->live[i] = (struct live){.chat = chat, .first = seq, .last = seq};
    resend->live_count++;
}

/*
 * Whether the client has it, or will: pushed live since the resend began,
 * or sent on this connection and not old enough to be sent again.
 */
static bool is_under_way(const struct mn_session *session, int64_t chat, int64_t seq)
{
    const struct mn_resend *resend = session->resend;
    unsigned i = live_index(resend, chat);
    if (i < resend->live_count && resend->live[i].chat == chat && resend->live[i].first <= seq &&
        seq <= resend->live[i].last)
        return true;
    return mn_unacked_has(&session->unacked, chat, seq);
}

static void restart(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    struct mn_resend *resend = session->resend;
    resend->pos = (struct mn_place){0, 0};
    session->resend_run++;
    resend->moves_before = session->moves_sent;
    resend->reading = false;
    for (unsigned i = 0; i < resend->live_count; i++)
        resend->live[i].closed = true;
    uint64_t now = mn_loop_mono_ms(gl->loop), delay = mn_gate_settings_of(gl)->resend_delay_ms;
    mn_unacked_expire(&session->unacked, now > delay ? now - delay + 1 : 0);
    mn_metric_inc(gl->metrics, MN_M_RESEND_RUNS);
    fetch(conn);
}

void mn_resend_start(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    session->lossy = false;
    if (!session->resend)
        session->resend = mn_new(struct mn_resend);
    restart(conn);
}

static void try_again(struct mn_conn *conn, uint64_t delay_ms)
{
    struct mn_session *session = mn_session_of(conn);
    session->retry_mono_ms = mn_loop_mono_ms(mn_conn_loop(conn)) + delay_ms;
    mn_session_arm(conn, session->retry_mono_ms);
}

static void fetch(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    struct mn_resend *resend = session->resend;
    unsigned window = mn_gate_settings_of(gl)->resend_window;
    unsigned used = mn_unacked_resent(&session->unacked);
    if (resend->reading || used >= window)
        return;
    if (!mn_moves_are_in(session->moves, resend->moves_before)) {
        try_again(conn, 1);
        return;
    }
    unsigned limit = window - used < PAGE_MAX ? window - used : PAGE_MAX;
    struct page *page = mn_errand_new(sizeof(*page), MN_IDS_NONE);
    if (page) {
        page->errand.work = work;
        page->errand.done = done;
        page->uid = session->uid;
        page->run = session->resend_run;
        page->limit = limit;
        page->pos = resend->pos;
        if (mn_errand_send(conn, &page->errand)) {
            resend->reading = true;
            return;
        }
    }
    try_again(conn, RETRY_MS + mn_rng_below(gl->rng, RETRY_MS));
}

/* What the resend has passed is passed: an ACK that was let through counts on it. */
static void move_pos(struct mn_resend *resend, struct mn_place pos)
{
    MN_BUG_ON(mn_place_is_behind(resend->pos, pos));
    resend->pos = pos;
}

/* Sends the page's frames as far as there is room; false when the connection is congested. */
static bool send_page(struct mn_conn *conn, struct page *page)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    struct mn_resend *resend = session->resend;
    uint64_t now = mn_loop_mono_ms(gl->loop);
    for (unsigned i = 0; i < page->count; i++) {
        struct mn_place at = page->items[i].at;
        if (!is_under_way(session, at.chat, at.seq)) {
            struct mn_chunk *frame = page->items[i].frame;
            page->items[i].frame = NULL;
            if (mn_conn_send(conn, frame, MN_SEND_PUSH))
                return false;
            mn_unacked_add(&session->unacked, at.chat, at.seq, now, true);
            mn_frame_ack_expect(session);
            mn_metric_inc(gl->metrics, MN_M_RESENT);
            mn_reply_count(gl, page->items[i].type);
        }
        move_pos(resend, at);
    }
    if (!page->err)
        move_pos(resend, page->pos);
    return true;
}

static void take_page(struct mn_conn *conn, struct page *page)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    struct mn_resend *resend = session->resend;
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    resend->reading = false;
    bool sent = send_page(conn, page);
    if (session->state != MN_SESSION_LIVE)
        return;
    if (mn_unacked_oldest_ms(&session->unacked) && set->resend_periodic)
        mn_session_arm(conn, mn_loop_mono_ms(gl->loop) + set->resend_delay_ms);
    apply_deferred(conn, false);
    if (!sent) {
        session->lossy = true; /* goes on when the low watermark is reached */
    } else if (page->err) {
        try_again(conn, UINT64_C(10) * RETRY_MS);
    } else if (!page->done) {
        fetch(conn);
    } else {
        apply_deferred(conn, true);
        mn_resend_free(session);
        mn_revoked_go_on(conn);
    }
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    (void)gl;
    struct page *page = mn_container_of(errand, struct page, errand);
    struct mn_session *session = conn ? mn_session_of(conn) : NULL;
    if (session && session->resend && session->resend_run == page->run)
        take_page(conn, page);
    for (unsigned i = 0; i < page->count; i++)
        mn_chunk_unref(page->items[i].frame);
}

void mn_resend_on_ack(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    if (!session->resend || session->resend->reading || session->lossy)
        return;
    /* Half a window at a time, so that a page is worth a worker's while. */
    if (mn_unacked_resent(&session->unacked) <=
        mn_gate_settings_of(mn_gate_loop_of(conn))->resend_window / 2)
        fetch(conn);
}

uint64_t mn_resend_check_age(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    uint64_t now = mn_loop_mono_ms(gl->loop);
    if (session->retry_mono_ms) {
        if (session->retry_mono_ms > now)
            return session->retry_mono_ms;
        session->retry_mono_ms = 0;
        if (session->resend)
            fetch(conn);
    }
    uint64_t oldest = mn_unacked_oldest_ms(&session->unacked);
    if (!oldest || !set->resend_periodic)
        return session->retry_mono_ms;
    if (now < oldest + set->resend_delay_ms)
        return oldest + set->resend_delay_ms;
    if (!mn_conn_is_congested(conn))
        mn_resend_start(conn);
    return now + set->resend_delay_ms;
}
