/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_CODEC_H
#define MN_STORE_ROCKS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/log/cursors.h"

/*
 * Keys and rows of the message log, bytes in and structs out.  Keys are
 * big-endian so that they sort as numbers; every row begins with a byte
 * whose low half is the row's version.  Pure functions, any thread.
 * docs/decisions/0006-message-log-keys.md says why these keys.
 */

#define MN_ROW_VERSION 1

/* msg: id -> the message. */
#define MN_KEY_MSG_BYTES 8
/* index: (chat, seq) -> id, side, running count; behind all of these ... */
#define MN_KEY_SEQ_BYTES 16
/* ... (chat, 1 << 63 | hash of sender and client id) -> seq. */
#define MN_KEY_CLIENT_BYTES 16
/*
 * chat: 'p' low high -> chat of a pair; 'u' user chat -> the member's row; 'c'
 * low high, no value: the pair's chat was made without a message and is in no
 * list yet.
 */
#define MN_KEY_CHAT_BYTES 17
/* ... and 's' group user seq -> how many messages of the user's there are up to that one, his own. */
#define MN_KEY_OWN_BYTES 25
/*
 * ... 'm' the same: how many messages address him (mentions, answers) up to
 * that one, which does; 'x' the same, no value: such a one that was revoked.
 */
enum mn_key_counted { MN_KEY_OWN = 's', MN_KEY_MENTION = 'm', MN_KEY_UNMENTION = 'x' };
/*
 * ... and what lists are read from (lists.c): 'l' user, time and chat
 * backwards: his chats of two, newest first; 'd' user chat: chats with
 * something undelivered; 'n' user -> how many rows 'l' he has.
 * Revocations (revoke.c): 'r' user number: of a message to him; 'R' group
 * number: in that group; 'v' user -> the number up to which he has learnt.
 */
#define MN_KEY_LISTED_BYTES 25
#define MN_KEY_TOTAL_BYTES 9

void mn_key_msg(char key[MN_KEY_MSG_BYTES], int64_t id);
void mn_key_seq(char key[MN_KEY_SEQ_BYTES], int64_t chat, int64_t seq);
void mn_key_client(char key[MN_KEY_CLIENT_BYTES], int64_t chat, uint64_t hash);
/* 64 UTF-16 units take at most 192 bytes of UTF-8 (W-3.5); the gate counts units. */
#define MN_CLIENT_ID_MAX 256
/* Hash of a client id of at most MN_CLIENT_ID_MAX bytes, under the log's key. */
uint64_t mn_client_hash(const uint64_t key[2], int64_t from, struct mn_str client_id);
void mn_key_pair(char key[MN_KEY_CHAT_BYTES], int64_t low, int64_t high);
void mn_key_unlisted(char key[MN_KEY_CHAT_BYTES], int64_t low, int64_t high);
void mn_key_member(char key[MN_KEY_CHAT_BYTES], int64_t user, int64_t chat);
void mn_key_counted(char key[MN_KEY_OWN_BYTES], enum mn_key_counted kind, int64_t chat,
                    int64_t user, int64_t seq);
/* The inverse; MN_ECORRUPT unless the key has the right length (and kind). */
MN_MUSTCHECK enum mn_err mn_key_msg_parse(struct mn_str key, int64_t *ret_id);
MN_MUSTCHECK enum mn_err mn_key_seq_parse(struct mn_str key, int64_t *ret_chat, int64_t *ret_seq);
/* Of a client id's row; the hash with its top bit set. */
MN_MUSTCHECK enum mn_err mn_key_client_parse(struct mn_str key, int64_t *ret_chat,
                                             uint64_t *ret_hash);
MN_MUSTCHECK enum mn_err mn_key_pair_parse(struct mn_str key, int64_t *ret_low, int64_t *ret_high);
MN_MUSTCHECK enum mn_err mn_key_unlisted_parse(struct mn_str key, int64_t *ret_low,
                                               int64_t *ret_high);
MN_MUSTCHECK enum mn_err mn_key_member_parse(struct mn_str key, int64_t *ret_user,
                                             int64_t *ret_chat);
void mn_key_listed(char key[MN_KEY_LISTED_BYTES], int64_t user, int64_t updated_ms, int64_t chat);
void mn_key_waiting(char key[MN_KEY_CHAT_BYTES], int64_t user, int64_t chat);
void mn_key_total(char key[MN_KEY_TOTAL_BYTES], int64_t user);
/* `owner`: the user to whom the message was sent, or its group. */
void mn_key_revoked(char key[MN_KEY_CHAT_BYTES], bool group, int64_t owner, int64_t number);
void mn_key_learnt(char key[MN_KEY_TOTAL_BYTES], int64_t user);
MN_MUSTCHECK enum mn_err mn_key_revoked_parse(struct mn_str key, bool *ret_group,
                                              int64_t *ret_owner, int64_t *ret_number);
MN_MUSTCHECK enum mn_err mn_key_learnt_parse(struct mn_str key, int64_t *ret_user);
MN_MUSTCHECK enum mn_err mn_key_listed_parse(struct mn_str key, int64_t *ret_user,
                                             int64_t *ret_updated_ms, int64_t *ret_chat);
MN_MUSTCHECK enum mn_err mn_key_waiting_parse(struct mn_str key, int64_t *ret_user,
                                              int64_t *ret_chat);
MN_MUSTCHECK enum mn_err mn_key_counted_parse(struct mn_str key, enum mn_key_counted kind,
                                              int64_t *ret_chat, int64_t *ret_user,
                                              int64_t *ret_seq);

/* A message's row without what its key says.  The texts point into the row. */
struct mn_row_msg {
    bool revoked;
    bool group; /* `chat` is a group, and there is no `to` */
    int64_t chat, seq, from, to;
    int64_t created_ms, updated_ms;
    int64_t reply_to;     /* of a group: the message that it answers, 0: none */
    int64_t reply_author; /* ... and whom that addresses, 0: nobody */
    struct mn_str client_id, body;
    struct mn_str mentions; /* of a group: users, eight bytes each, big-endian */
};
/* Room that mn_row_msg_head() needs: everything but the texts. */
#define MN_ROW_MSG_HEAD_MAX 112
/* The row is this head, client id, body, mentions. Returns the head's length. */
size_t mn_row_msg_head(char head[MN_ROW_MSG_HEAD_MAX], const struct mn_row_msg *row);
MN_MUSTCHECK enum mn_err mn_row_msg_parse(struct mn_str value, struct mn_row_msg *ret);

/*
 * Whom a message of a group addresses (mentioned, or answered), each once: i
 * counts from 0; 0: no more.
 */
int64_t mn_row_addressed(int64_t reply_author, struct mn_str mentions, size_t i);

/*
 * What is known of a message by its place in the chat.  The counts are what
 * makes unread counts cheap (docs/decisions/0009-how-a-chat-counts.md).
 */
struct mn_row_seq {
    bool from_high; /* of a pair: sent by the user with the greater id */
    int64_t id;
    int64_t low_count; /* of a pair: messages of the lower user up to and including this one */
    int64_t sender;    /* of a group; 0: this is of a pair */
    int64_t own_count; /* of a group: the sender's messages up to and including this one */
    int64_t created_ms;
};
#define MN_ROW_SEQ_MAX 48
size_t mn_row_seq_print(char value[MN_ROW_SEQ_MAX], const struct mn_row_seq *row);
/* `seq` is the key's: no count can exceed it. */
MN_MUSTCHECK enum mn_err mn_row_seq_parse(struct mn_str value, int64_t seq, struct mn_row_seq *ret);

#define MN_ROW_CLIENT_MAX 12
size_t mn_row_client_print(char value[MN_ROW_CLIENT_MAX], int64_t seq);
MN_MUSTCHECK enum mn_err mn_row_client_parse(struct mn_str value, int64_t *ret_seq);

/* The chat of a pair, and what the lists on disk say of it. */
struct mn_row_pair {
    int64_t chat;
    bool is_bare;       /* it was made without a message, so it may have none */
    bool is_listed;     /* there are two rows 'l' ... */
    int64_t listed_ms;  /* ... with this time */
    bool is_waiting[2]; /* there is a row 'd' of the smaller, of the greater user */
};
#define MN_ROW_PAIR_MAX 24
size_t mn_row_pair_print(char value[MN_ROW_PAIR_MAX], const struct mn_row_pair *row);
MN_MUSTCHECK enum mn_err mn_row_pair_parse(struct mn_str value, struct mn_row_pair *ret);

/* A revocation, without what its key says. */
struct mn_row_revoked {
    int64_t id; /* of the message */
    int64_t chat, seq, from;
    int64_t unix_ms; /* when */
};
#define MN_ROW_REVOKED_MAX 48
size_t mn_row_revoked_print(char value[MN_ROW_REVOKED_MAX], const struct mn_row_revoked *row);
MN_MUSTCHECK enum mn_err mn_row_revoked_parse(struct mn_str value, struct mn_row_revoked *ret);

/* A row that its key says all of. */
#define MN_ROW_EMPTY MN_STR("\x01")
/* How many there are of something, 1 or more. */
#define MN_ROW_TOTAL_MAX 12
size_t mn_row_total_print(char value[MN_ROW_TOTAL_MAX], int64_t total);
MN_MUSTCHECK enum mn_err mn_row_total_parse(struct mn_str value, int64_t *ret);

#define MN_ROW_OWN_MAX 12
size_t mn_row_own_print(char value[MN_ROW_OWN_MAX], int64_t count);
/* `seq` is the key's: the count cannot exceed it. */
MN_MUSTCHECK enum mn_err mn_row_own_parse(struct mn_str value, int64_t seq, int64_t *ret_count);

/* struct mn_membership */
#define MN_ROW_MEMBER_MAX 48
size_t mn_row_member_print(char value[MN_ROW_MEMBER_MAX], const struct mn_membership *row);
MN_MUSTCHECK enum mn_err mn_row_member_parse(struct mn_str value, struct mn_membership *ret);

#endif
