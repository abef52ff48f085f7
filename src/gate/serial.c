/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order of answers: see serial.h.  A ring that grows to MN_SERIAL_MAX.  The
 * writer mostly gives back the one at the front, so finding it costs one
 * comparison.
 */
#include "gate/serial.h"

#include "base/mem.h"

enum state { WAITING, READY, WITH_WRITER, ANSWERED };

struct item {
    enum state state;
    struct mn_op *op;       /* ours until it is submitted; then only compared with */
    struct mn_chunk *frame; /* ANSWERED; NULL: no memory */
};

struct mn_serial {
    const struct mn_serial_calls *calls;
    void *ctx;
    uint64_t conn;
    unsigned refs;
    uint32_t first; /* ticket of the item at the front */
    uint16_t count;
    uint16_t submitted; /* leading items that need no submit any more */
    uint16_t cap;
    struct item *ring; /* by ticket, modulo cap */
};

struct mn_serial *mn_serial_new(const struct mn_serial_calls *calls, void *ctx, uint64_t conn)
{
    struct mn_serial *serial = mn_try_alloc(sizeof(*serial));
    if (serial)
        *serial = (struct mn_serial){.calls = calls, .ctx = ctx, .conn = conn, .refs = 1};
    return serial;
}

struct mn_serial *mn_serial_ref(struct mn_serial *serial)
{
    serial->refs++;
    return serial;
}

static struct item *item_at(const struct mn_serial *serial, uint32_t ticket)
{
    MN_BUG_ON(ticket - serial->first >= serial->count);
    return &serial->ring[ticket & (serial->cap - 1u)];
}

void mn_serial_unref(struct mn_serial *serial)
{
    if (!serial || --serial->refs > 0)
        return;
    for (uint32_t i = 0; i < serial->count; i++) {
        struct item *item = item_at(serial, serial->first + i);
        /* A look-up holds a reference, and behind none of them everything is submitted. */
        MN_BUG_ON(item->state == WAITING || item->state == READY);
        if (item->state == ANSWERED)
            mn_chunk_unref(item->frame);
    }
    mn_free(serial->ring);
    mn_free(serial);
}

bool mn_serial_is_full(const struct mn_serial *serial) { return serial->count == MN_SERIAL_MAX; }
bool mn_serial_is_empty(const struct mn_serial *serial) { return serial->count == 0; }

bool mn_serial_make_room(struct mn_serial *serial)
{
    MN_BUG_ON(mn_serial_is_full(serial));
    if (serial->count < serial->cap)
        return true;
    unsigned cap = serial->cap ? serial->cap * 2u : 4u;
    struct item *ring = mn_try_alloc(cap * sizeof(*ring));
    if (!ring)
        return false;
    for (uint32_t i = serial->first; i != serial->first + serial->count; i++)
        ring[i & (cap - 1u)] = *item_at(serial, i);
    mn_free(serial->ring);
    serial->ring = ring;
    serial->cap = (uint16_t)cap;
    return true;
}

/* ---- onward, from the front ---- */

static void submit_ready(struct mn_serial *serial)
{
    while (serial->submitted < serial->count) {
        struct item *item = item_at(serial, serial->first + serial->submitted);
        if (item->state == WAITING)
            return;
        serial->submitted++;
        if (item->state == READY) {
            item->state = WITH_WRITER;
            serial->calls->submit(serial->ctx, item->op);
        }
    }
}

static void send_answered(struct mn_serial *serial)
{
    while (serial->count > 0 && item_at(serial, serial->first)->state == ANSWERED) {
        struct mn_chunk *frame = item_at(serial, serial->first)->frame;
        MN_BUG_ON(serial->submitted == 0);
        serial->first++;
        serial->count--;
        serial->submitted--;
        serial->calls->send(serial->ctx, serial->conn, frame);
    }
}

/* send() may close the connection, which drops the session's reference meanwhile. */
static void pump(struct mn_serial *serial)
{
    mn_serial_ref(serial);
    submit_ready(serial);
    send_answered(serial);
    mn_serial_unref(serial);
}

static uint32_t add(struct mn_serial *serial, struct item item)
{
    MN_BUG_ON(serial->count >= serial->cap);
    uint32_t ticket = serial->first + serial->count++;
    *item_at(serial, ticket) = item;
    pump(serial);
    return ticket;
}

void mn_serial_add(struct mn_serial *serial, struct mn_op *take_op)
{
    add(serial, (struct item){.state = READY, .op = take_op});
}

uint32_t mn_serial_add_waiting(struct mn_serial *serial, struct mn_op *take_op)
{
    return add(serial, (struct item){.state = WAITING, .op = take_op});
}

void mn_serial_add_answer(struct mn_serial *serial, struct mn_chunk *take_frame)
{
    add(serial, (struct item){.state = ANSWERED, .frame = take_frame});
}

const struct mn_op *mn_serial_op(const struct mn_serial *serial, uint32_t ticket)
{
    return item_at(serial, ticket)->op;
}

void mn_serial_pass(struct mn_serial *serial, uint32_t ticket)
{
    struct item *item = item_at(serial, ticket);
    MN_BUG_ON(item->state != WAITING);
    item->state = READY;
    pump(serial);
}

void mn_serial_refuse(struct mn_serial *serial, uint32_t ticket, struct mn_chunk *take_frame)
{
    struct item *item = item_at(serial, ticket);
    MN_BUG_ON(item->state != WAITING);
    mn_op_unref(item->op);
    *item = (struct item){.state = ANSWERED, .frame = take_frame};
    pump(serial);
}

void mn_serial_done(struct mn_serial *serial, const struct mn_op *op, struct mn_chunk *take_frame)
{
    uint32_t ticket = serial->first;
    while (item_at(serial, ticket)->state != WITH_WRITER || item_at(serial, ticket)->op != op)
        ticket++; /* it is there: only what was submitted from here comes back here */
    *item_at(serial, ticket) = (struct item){.state = ANSWERED, .frame = take_frame};
    pump(serial);
}
