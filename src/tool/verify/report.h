/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_REPORT_H
#define MN_TOOL_VERIFY_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "tool/kit/outputs.h"

/*
 * What `minim verify` found: every kind of problem with its count and some
 * examples, and what was looked at.  Owner: the main thread.
 */

/* (symbol, name in the results, what it means); docs/verify.md explains each. */
#define VERIFY_MAP(X)                                                                              \
    X(UNREADABLE, "unreadable", "could not be read to the end: what follows is unchecked")         \
    X(ROW_DAMAGED, "row_damaged", "rows that minimd cannot have written")                          \
    X(SEQ_GAP, "seq_gap", "numbers are missing in a chat")                                         \
    X(COUNT_WRONG, "count_wrong", "running counts of a side's messages are wrong")                 \
    X(ID_ORDER, "id_order", "message ids are older than one before them")                          \
    X(MESSAGE_MISSING, "message_missing", "numbers without their message")                         \
    X(MESSAGE_UNPLACED, "message_unplaced", "messages that no number of their chat leads to")      \
    X(ID_DUPLICATE, "id_duplicate", "messages with more than one number")                          \
    X(PLACE_DIFFERS, "place_differs", "messages that say they are elsewhere")                      \
    X(ROW_DIFFERS, "row_differs", "sender or time differ between message and number")              \
    X(TEXT_INVALID, "text_invalid", "texts that are not UTF-8")                                    \
    X(CLIENT_MISSING, "client_missing", "messages that their client id does not lead to")          \
    X(CLIENT_DANGLING, "client_dangling", "client ids that lead to no message")                    \
    X(CLIENT_WRONG, "client_wrong", "client ids that lead to another message")                     \
    X(CLIENT_DUPLICATE, "client_duplicate", "client ids that were stored twice")                   \
    X(PAIR_MISSING, "pair_missing", "chats that no pair of users leads to")                        \
    X(PAIR_DUPLICATE, "pair_duplicate", "chats that two pairs of users lead to")                   \
    X(CHAT_EMPTY, "chat_empty", "pairs of users whose chat has no messages")                       \
    X(USERS_DIFFER, "users_differ", "messages between others than the users of their chat")        \
    X(MEMBER_MISSING, "member_missing", "users without their row in a chat of theirs")             \
    X(REVOCATION_WRONG, "revocation_wrong",                                                        \
      "revocations of no message, or revoked messages that nobody learns of")                      \
    X(MEMBER_ORPHAN, "member_orphan", "members of a chat that is not theirs, or not there")        \
    X(MEMBER_PEER, "member_peer", "members whose other side is somebody else")                     \
    X(CURSOR_BEYOND_HEAD, "cursor_beyond_head", "cursors behind the last message")                 \
    X(CURSOR_ORDER, "cursor_order", "read cursors beyond the delivered ones")                      \
    X(OWN_COUNT_WRONG, "own_count_wrong",                                                          \
      "counts of members' own messages in a group, which unread counts come from, are wrong")      \
    X(MENTION_WRONG, "mention_wrong", "counts of messages that address a member are wrong")        \
    X(BACKLOG_WRONG, "backlog_wrong", "members to whom a group's messages are not resent")         \
    X(PART_MISSING, "part_missing", "a part of the directory is gone, or older than the rest")     \
    X(ACCOUNTS_MISSING, "accounts_missing", "there is no accounts database")                       \
    X(ACCOUNTS_DAMAGED, "accounts_damaged", "the accounts database is damaged")                    \
    X(SCHEMA_DIFFERS, "schema_differs", "tables or indexes are not as minimd makes them")          \
    X(USER_WRONG, "user_wrong", "impossible or doubled users")                                     \
    X(SESSION_WRONG, "session_wrong", "impossible sessions")                                       \
    X(CALL_WRONG, "call_wrong", "impossible or doubled records of calls")                          \
    X(FRIEND_WRONG, "friend_wrong", "impossible or doubled friendships or requests")               \
    X(FRIEND_CHAT_MISSING, "friend_chat_missing",                                                  \
      "friends, or who does not want to be disturbed and by whom, without a chat")                 \
    X(GROUP_WRONG, "group_wrong", "impossible or doubled groups, members or requests to join")     \
    X(GROUP_MEMBER_MISSING, "group_member_missing",                                                \
      "members of a group whom its messages do not reach")                                         \
    X(GROUP_MEMBER_EXTRA, "group_member_extra", "whom a group's messages reach, and who is none")  \
    X(MOMENT_WRONG, "moment_wrong", "impossible posts, or wrong counts of likes or comments")      \
    X(TODO_WRONG, "todo_wrong", "steps for the message log that contradict the accounts")          \
    X(LEDGER_LOST, "ledger_lost", "saved messages that are not there")                             \
    X(LEDGER_DIFFERS, "ledger_differs", "saved messages that are there, but not as saved")         \
    X(ORDER_WRONG, "order_wrong", "pages of the history that are not in order")                    \
    X(HEAD_DIFFERS, "head_differs", "the last message is not the one that was announced")

enum verify_check {
#define VERIFY_ENUM(sym, name, text) VERIFY_##sym,
    VERIFY_MAP(VERIFY_ENUM)
#undef VERIFY_ENUM
        VERIFY_CHECK_COUNT
};

/* What was looked at; 0 where it was not part of the run. */
#define VERIFY_STAT_MAP(X)                                                                         \
    X(chats)                                                                                       \
    X(messages)                                                                                    \
    X(text_bytes)                                                                                  \
    X(client_ids)                                                                                  \
    X(members)                                                                                     \
    X(users)                                                                                       \
    X(sessions)                                                                                    \
    X(groups)                                                                                      \
    X(group_members)                                                                               \
    X(todos_left) /* steps for the message log that the next start does: not wrong */              \
    X(passes)                                                                                      \
    X(ledger_lines)                                                                                \
    X(requests)                                                                                    \
    X(ids_raced)            /* ids in another order than the numbers by milliseconds: not wrong */ \
    X(ledger_cut)           /* 1: the last line had no end and was left out */                     \
    X(client_ids_unchecked) /* over HTTP: in chats with too many to be held in memory */

struct verify_stats {
#define VERIFY_STAT_FIELD(name) uint64_t name;
    VERIFY_STAT_MAP(VERIFY_STAT_FIELD)
#undef VERIFY_STAT_FIELD
};

struct verify_examples {
    char **text;
    unsigned count;
};

struct verify_report {
    struct verify_stats stats;
    uint64_t found[VERIFY_CHECK_COUNT];
    /* private */
    unsigned example_max;
    struct verify_examples examples[VERIFY_CHECK_COUNT];
    struct verify_examples notes;
    uint64_t start_ns;
    bool show_progress;
    uint64_t shown_ns;
};

void verify_report_init(struct verify_report *report, unsigned example_max, bool show_progress);
void verify_report_deinit(struct verify_report *report);
/* Counts a problem, and keeps the sentence if there are few of its kind. */
void verify_found(struct verify_report *report, enum verify_check check, const char *fmt, ...)
    MN_PRINTF(3, 4);
/* Keeps a sentence about something that is not wrong; as many as there are examples of a kind. */
void verify_note(struct verify_report *report, const char *fmt, ...) MN_PRINTF(2, 3);
bool verify_is_clean(const struct verify_report *report);
/* "What: N" on a terminal, now and then; `what` NULL: removes it. */
void verify_progress(struct verify_report *report, const char *what, uint64_t done);
const char *verify_name(enum verify_check check);

void verify_print_text(const struct verify_report *report, const char *target, FILE *out);
/* false when it could not be written (a message was printed). */
bool verify_print_json(const struct verify_report *report, const char *target, const char *ledger,
                       struct outputs *outputs);

#endif
