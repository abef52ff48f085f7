/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: one piece of memory each, with their texts behind them. */
#include "base/mem.h"
#include "store/log/msglog.h"

static struct mn_op *op_new(enum mn_op_kind kind, struct mn_str client_id, struct mn_str msg_type,
                            struct mn_str body, struct mn_str mentions)
{
    if (client_id.n > UINT16_MAX || msg_type.n > UINT16_MAX || body.n > INT32_MAX ||
        mn_uids_count(mentions) > UINT16_MAX)
        return NULL;
    size_t bytes = sizeof(struct mn_op) + client_id.n + msg_type.n + body.n + mentions.n;
    struct mn_op *op = mn_try_alloc(bytes);
    if (!op)
        return NULL;
    memset(op, 0, sizeof(*op));
    atomic_init(&op->refs, 1);
    op->kind = (uint8_t)kind;
    op->bytes = (uint32_t)bytes;
    op->client_id_len = (uint16_t)client_id.n;
    op->msg_type_len = (uint16_t)msg_type.n;
    op->has_msg_type = msg_type.p != NULL;
    op->body_len = (uint32_t)body.n;
    op->mention_count = (uint16_t)mn_uids_count(mentions);
    char *p = op->text;
    const struct mn_str texts[] = {client_id, msg_type, body, mentions};
    for (size_t i = 0; i < MN_ARRAY_LEN(texts); i++) {
        if (texts[i].n > 0)
            memcpy(p, texts[i].p, texts[i].n);
        p += texts[i].n;
    }
    return op;
}

struct mn_op *mn_op_new(enum mn_op_kind kind, struct mn_str client_id, struct mn_str msg_type,
                        struct mn_str body)
{
    return op_new(kind, client_id, msg_type, body, MN_STR_NONE);
}

struct mn_op *mn_op_new_append(struct mn_str client_id, struct mn_str msg_type, struct mn_str body,
                               struct mn_str mentions)
{
    return op_new(MN_OP_APPEND, client_id, msg_type, body, mentions);
}

void mn_op_unref(struct mn_op *op)
{
    if (op && atomic_fetch_sub_explicit(&op->refs, 1, memory_order_acq_rel) == 1)
        mn_free(op);
}
