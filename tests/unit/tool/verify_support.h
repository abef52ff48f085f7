/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_TOOL_VERIFY_SUPPORT_H
#define MN_TESTS_UNIT_TOOL_VERIFY_SUPPORT_H

#include "store/rocks/codec.h"
#include "store/rocks/rocks.h"
#include "tool/verify/verify.h"

#include <rocksdb/c.h>

/*
 * A data directory made by the real message log, and a way to change single
 * rows of it behind its back.
 */
struct tv_store {
    char dir[64];
    char messages[80];
    int64_t id[32];      /* of the messages appended, in their order */
    int64_t chat_of[32]; /* the chats of those messages */
    unsigned count;
    int64_t last_id;
    int64_t chat[3]; /* of users 1 and 2 (6 messages), 3 and 4 (4), 1 and 3 (2) */
};

/* The chats above; a cursor of user 2 in the first: delivered 4, read 3. */
void tv_make(struct tv_store *store);
/* So many chats of two messages each instead. */
void tv_make_many(struct tv_store *store, unsigned chats);
/*
 * So many messages of 40 users in turn instead, with texts that do not compress: several
 * tables of messages and of the index, merged as they are in a store that grew.
 */
void tv_make_tables(struct tv_store *store, unsigned messages);
/*
 * Group TV_GROUP instead, from its beginning of users 1, 2 and 3: 1 mentions 2; 2 answers
 * that (message 1); 1 mentions 2 and 3, which is revoked; 3; 1 mentions 2; then 4 joins, 6 is
 * by 4.  5 came and went.  Group TV_GROUP + 1 of user 1 alone, in which nothing was said.  And a chat
 * of users 1 and 2, chat[0], with two messages of 1, the second of them revoked.
 */
#define TV_GROUP INT64_C(900)
void tv_make_group(struct tv_store *store);
void tv_remove(struct tv_store *store);

/* The database open for changes; the store must not be looked at meanwhile. */
struct tv_edit {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *cf[MN_CF_COUNT];
    rocksdb_options_t *options;
    uint64_t hash_key[2];
};
void tv_edit_begin(struct tv_edit *edit, const struct tv_store *store);
void tv_edit_end(struct tv_edit *edit);
void tv_put(struct tv_edit *edit, enum mn_cf cf, const char *key, size_t key_len, const char *value,
            size_t value_len);
void tv_delete(struct tv_edit *edit, enum mn_cf cf, const char *key, size_t key_len);

/* Rows by their keys; the row must be there. */
struct mn_row_seq tv_get_seq(struct tv_edit *edit, int64_t chat, int64_t seq);
void tv_put_seq(struct tv_edit *edit, int64_t chat, int64_t seq, const struct mn_row_seq *row);
void tv_delete_seq(struct tv_edit *edit, int64_t chat, int64_t seq);
/* Texts are copied into static memory: one message at a time. */
struct mn_row_msg tv_get_msg(struct tv_edit *edit, int64_t id);
void tv_put_msg(struct tv_edit *edit, int64_t id, const struct mn_row_msg *row);
void tv_put_client(struct tv_edit *edit, int64_t chat, uint64_t hash, int64_t seq);
void tv_delete_client(struct tv_edit *edit, int64_t chat, uint64_t hash);
/* Hash of the client id of message (chat, seq). */
uint64_t tv_hash(struct tv_edit *edit, int64_t chat, int64_t seq);
void tv_put_pair(struct tv_edit *edit, int64_t low, int64_t high, int64_t chat);
void tv_put_member(struct tv_edit *edit, int64_t user, int64_t chat,
                   const struct mn_membership *row);

void tv_delete_member(struct tv_edit *edit, int64_t user, int64_t chat);
/* Counts of a group; of a revoked mention `count` says nothing. */
void tv_put_count(struct tv_edit *edit, enum mn_key_counted kind, int64_t chat, int64_t user,
                  int64_t seq, int64_t count);
void tv_delete_count(struct tv_edit *edit, enum mn_key_counted kind, int64_t chat, int64_t user,
                     int64_t seq);
/* The first revocation of a group's or a user's, which must be there; its number. */
int64_t tv_find_revoked(struct tv_edit *edit, bool group, int64_t owner,
                        struct mn_row_revoked *ret);

/* What the check found: "name:count" of every kind, in their order, blanks between. */
const char *tv_messages(const struct tv_store *store, const char *ledger, uint64_t memory_bytes);
const char *tv_report(const struct verify_report *report);

#endif
