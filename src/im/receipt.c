/* SPDX-License-Identifier: Apache-2.0 */
#include "im/receipt.h"

bool mn_receipt_may(const struct mn_msg_ref *ref, int64_t user)
{
    return ref->kind == MN_CHAT_GROUP || ref->to == user;
}

void mn_receipt_fill(struct mn_op *op, const struct mn_msg_ref *ref, int64_t user)
{
    op->at = ref->at;
    op->id = ref->id;
    if (ref->kind == MN_CHAT_PAIR) {
        mn_op_set_pair(op, user, ref->from);
        return;
    }
    op->from = user;
    op->to = 0;
    op->key = mn_chat_group(ref->at.chat);
}
