/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GROUP_CHAT frames through the rules (W-3.6, W-9.3), in a group of users 1
 * to 40 (every third one is muted) of which the sender is user 7.  Whatever
 * the frame says, what becomes a message mentions members, each once, and
 * never its sender; and what is refused is no message.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "im/group/message.h"
#include "proto/envelope.h"

enum { MEMBERS = 40, SENDER = 7, NOW = 1000 };

static struct mn_roster *roster_of(void)
{
    struct mn_roster *roster = mn_alloc(sizeof(*roster) + MEMBERS * sizeof(roster->members[0]));
    atomic_init(&roster->refs, 1);
    roster->group = 900;
    roster->count = MEMBERS;
    for (unsigned i = 0; i < MEMBERS; i++)
        roster->members[i] = (struct mn_roster_member){.uid = i + 1,
                                                       .mute_until_ms = i % 3 == 1 ? 2 * NOW : 0};
    return roster;
}

static void check(struct mn_op *op, const struct mn_roster *roster)
{
    struct mn_msg_ref answered = {.id = op->reply_to,
                                  .at = {op->reply_to % 2 ? 900 : 901, 1},
                                  .kind = op->reply_to % 5 ? MN_CHAT_GROUP : MN_CHAT_PAIR,
                                  .from = op->reply_to % 50};
    bool is_here = op->key.a == 900 && op->reply_to % 2 && op->reply_to % 5;
    int64_t reply_to = op->reply_to;
    FUZZ_CHECK(mn_op_body(op).n > 0 && op->mention_count <= MN_MENTIONS_MAX);
    FUZZ_CHECK(mn_group_admit(op, roster, reply_to ? &answered : NULL) == MN_REASON_NONE);
    struct mn_str mentions = mn_op_mentions(op);
    for (size_t i = 0; i < mn_uids_count(mentions); i++) {
        int64_t uid = mn_uids_get(mentions, i);
        FUZZ_CHECK(uid >= 1 && uid <= MEMBERS && uid != SENDER);
        FUZZ_CHECK(!mn_uids_have(mn_str_make(mentions.p, i * MN_UID_BYTES), uid));
    }
    FUZZ_CHECK(op->reply_to == (reply_to && is_here ? reply_to : 0));
    FUZZ_CHECK(op->reply_author >= 0 && op->reply_author <= MEMBERS && op->reply_author != SENDER);
    FUZZ_CHECK(op->reply_author == 0 || op->reply_to != 0);
    op->from = 2; /* muted */
    FUZZ_CHECK(mn_group_admit(op, roster, NULL) == MN_REASON_GROUP_SPEAK_MUTED);
    op->from = MEMBERS + 1;
    FUZZ_CHECK(mn_group_admit(op, roster, NULL) == MN_REASON_NOT_GROUP_MEMBER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mn_roster *roster;
    static struct mn_idgen ids;
    static struct mn_buf scratch;
    struct mn_envelope env;
    struct mn_message message;
    if (!roster) {
        roster = roster_of();
        mn_idgen_init(&ids, 1, 1);
        mn_buf_init(&scratch, 1 << 20);
    }
    char *frame = mn_try_alloc(size + 1); /* its own block, for AddressSanitizer */
    if (!frame)
        abort();
    memcpy(frame, data, size);
    if (mn_envelope_parse(frame, size, &env) == MN_OK) {
        const struct mn_message_rules rules = {.scratch = &scratch, .idgen = &ids};
        mn_group_message(&rules, SENDER, &env, NOW, &message);
        FUZZ_CHECK((message.op != NULL) == (message.reason == MN_REASON_NONE ||
                                            message.reason == MN_REASON_INTERNAL_ERROR));
        if (message.op) {
            check(message.op, roster);
            mn_op_unref(message.op);
        }
    }
    mn_free(frame);
    return 0;
}
