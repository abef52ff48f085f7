/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_SCAN_H
#define MN_STORE_ROCKS_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/rocks/codec.h"
#include "store/witness.h"

/*
 * Reads a message log at rest, row by row, as it is on disk: for programs
 * that check it (`minim verify`).  Nothing in the directory is changed, and
 * what a killed minimd left in the write-ahead log is read too.
 *
 * The caller sees to it that no minimd has the directory.  One thread.
 * Memory: a small cache, and the rows of the write-ahead log.
 */
struct mn_msglog_scan;

/*
 * MN_ENOTFOUND: no message log there.  MN_EVERSION: a newer format, or an
 * older one that minimd has not migrated yet.  MN_ECORRUPT, MN_EIO, MN_EPERM.
 * `why` gets a sentence for the operator.
 */
MN_MUSTCHECK enum mn_err mn_msglog_scan_open(const char *dir, struct mn_msglog_scan **ret,
                                             struct mn_buf *why);
/* NULL is a no-op. */
void mn_msglog_scan_close(struct mn_msglog_scan *scan);

/* Where the log ends, for mn_witness_check_log(). */
MN_MUSTCHECK enum mn_err mn_msglog_scan_end(struct mn_msglog_scan *scan, struct mn_log_end *ret);

/* ---- all rows, in the order of their keys ---- */

enum mn_scan_part {
    MN_SCAN_MESSAGES = 0, /* MN_SCAN_MSG by id */
    MN_SCAN_INDEX,        /* of each chat: MN_SCAN_SEQ by number, then MN_SCAN_CLIENT by hash */
    /*
     * By the first byte of the key: MN_SCAN_REVOKED of groups, MN_SCAN_WAITING by user and
     * chat, MN_SCAN_COUNT of mentions, MN_SCAN_PAIR by users, MN_SCAN_REVOKED of others,
     * MN_SCAN_COUNT of own messages, MN_SCAN_MEMBER by user and chat, MN_SCAN_COUNT of
     * revoked mentions.  Counts are by chat, user and number.
     */
    MN_SCAN_CHATS
};

enum mn_scan_kind {
    MN_SCAN_UNKNOWN = 0, /* a key that nobody writes */
    MN_SCAN_MSG,
    MN_SCAN_SEQ,
    MN_SCAN_CLIENT,
    MN_SCAN_PAIR,
    MN_SCAN_MEMBER,
    MN_SCAN_REVOKED,
    MN_SCAN_COUNT,   /* of a group: a message of a user's own, or one that addresses him */
    MN_SCAN_WAITING, /* the chat is among those that a user's backlog looks at */
    MN_SCAN_LIST     /* says nothing that other rows do not say, or what is learnt again */
};

/* A row; texts in it are valid during the callback. */
struct mn_scan_row {
    enum mn_scan_kind kind;
    bool damaged; /* the value is none that could have been written: only the key's fields count */
    struct mn_str key;
    int64_t id;        /* key of MSG */
    int64_t chat;      /* key of SEQ, CLIENT, MEMBER, COUNT, WAITING; value of PAIR */
    int64_t seq;       /* key of SEQ, COUNT; value of CLIENT */
    uint64_t hash;     /* key of CLIENT, top bit set */
    int64_t low, high; /* key of PAIR */
    bool is_bare;      /* value of PAIR: the chat was made without a message */
    int64_t user;      /* key of MEMBER, COUNT, WAITING; REVOKED: whom it was to, 0: a group's */
    enum mn_key_counted counted; /* key of COUNT */
    union {                      /* value of */
        struct mn_row_msg msg;
        struct mn_row_seq place; /* SEQ */
        struct mn_membership member;
        struct mn_row_revoked revoked;
        int64_t count; /* COUNT of own messages and mentions: up to and including this one */
    };
};
typedef void (*mn_scan_fn)(void *arg, const struct mn_scan_row *row);

/* MN_ECORRUPT, MN_EIO: could not be read on; `why` gets the store's own words. */
MN_MUSTCHECK enum mn_err mn_msglog_scan_rows(struct mn_msglog_scan *scan, enum mn_scan_part part,
                                             mn_scan_fn fn, void *arg, struct mn_buf *why);
/* The rows of one chat in MN_SCAN_INDEX. */
MN_MUSTCHECK enum mn_err mn_msglog_scan_chat(struct mn_msglog_scan *scan, int64_t chat,
                                             mn_scan_fn fn, void *arg, struct mn_buf *why);

/*
 * Reads each of the store's tables by itself; `fn` is called with the name and
 * the store's own words for each that cannot be read.  For naming what is
 * damaged once something is known to be: it costs more than all other passes.
 */
typedef void (*mn_scan_table_fn)(void *arg, const char *name, const char *why);
void mn_msglog_scan_tables(struct mn_msglog_scan *scan, mn_scan_table_fn fn, void *arg);

/*
 * ---- single rows: MN_ENOTFOUND; MN_ECORRUPT, MN_EIO: the store cannot read it; ----
 * MN_EINVAL: it is there, but damaged, as mn_scan_row has it.
 */

/* The texts are valid until the next call of this function. */
MN_MUSTCHECK enum mn_err mn_msglog_scan_msg(struct mn_msglog_scan *scan, int64_t id,
                                            struct mn_row_msg *ret);
MN_MUSTCHECK enum mn_err mn_msglog_scan_seq(struct mn_msglog_scan *scan, int64_t chat, int64_t seq,
                                            struct mn_row_seq *ret);
/* The chat of two users, in either order. */
MN_MUSTCHECK enum mn_err mn_msglog_scan_pair(struct mn_msglog_scan *scan, int64_t a, int64_t b,
                                             int64_t *ret_chat);
MN_MUSTCHECK enum mn_err mn_msglog_scan_client(struct mn_msglog_scan *scan, int64_t chat,
                                               uint64_t hash, int64_t *ret_seq);
/* A member's row in a chat. */
MN_MUSTCHECK enum mn_err mn_msglog_scan_member(struct mn_msglog_scan *scan, int64_t user,
                                               int64_t chat, struct mn_membership *ret);
/* What MN_SCAN_COUNT says of a message; *ret is 1 for a revoked mention, which says no more. */
MN_MUSTCHECK enum mn_err mn_msglog_scan_count(struct mn_msglog_scan *scan, enum mn_key_counted kind,
                                              int64_t chat, int64_t user, int64_t seq,
                                              int64_t *ret);
/* Whether there is that row MN_SCAN_WAITING. */
MN_MUSTCHECK enum mn_err mn_msglog_scan_waiting(struct mn_msglog_scan *scan, int64_t user,
                                                int64_t chat);
/*
 * How many rows MN_SCAN_REVOKED a message has; `owner` is the user whom it was
 * to (0: a group, which is the chat).  Reads those of that owner that are as
 * old as the message or younger.
 */
MN_MUSTCHECK enum mn_err mn_msglog_scan_revoked(struct mn_msglog_scan *scan, int64_t owner,
                                                const struct mn_row_revoked *message,
                                                unsigned *ret);
/*
 * Where the row of a client id of at most MN_CLIENT_ID_MAX bytes is looked for
 * first: the hash of its key, top bit set.  When another message has that
 * place, the next number is tried, and so on (append.c).
 */
uint64_t mn_msglog_scan_hash(const struct mn_msglog_scan *scan, int64_t from,
                             struct mn_str client_id);

#endif
