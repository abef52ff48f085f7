/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and rows of the message log.
 *
 * Integers in rows are unsigned LEB128 varints in their shortest form; ids
 * that are nearly always snowflakes take eight bytes.  The seq row keeps its
 * time as the zigzag distance to the time inside the message id, which is
 * nearly always a single byte.  The parsers take bytes from a disk that
 * may be broken: they check every length and every range, reject what the
 * printers could not have written, and never read outside the value.
 *
 * Not here: which rows belong to which column family (rocks.h).
 */
#include "store/rocks/codec.h"

#include "base/id.h"
#include "base/map.h"

enum {
    MSG_REVOKED = 1u << 4,   /* updated_ms follows created_ms */
    MSG_GROUP = 1u << 5,     /* no `to` */
    MSG_ADDRESSED = 1u << 6, /* of a group: reply_to, reply_author and the number of mentions */
    SEQ_FROM_HIGH = 1u << 4,
    SEQ_GROUP = 1u << 5,   /* sender and own count instead of the lower user's count */
    PAIR_LISTED = 1u << 4, /* listed_ms follows */
    PAIR_WAITING_LOW = 1u << 5,
    PAIR_WAITING_HIGH = 1u << 6,
    PAIR_BARE = 1u << 7,
    MEMBER_DELIVERED = 1u << 4,
    MEMBER_READ = 1u << 5,
    MEMBER_GROUP = 1u << 6, /* joined_seq instead of a peer */
    VERSION_MASK = 0x0f,
    UID_BYTES = 8
};

/* ---- big-endian keys ---- */

static void put_be64(char *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof(v));
}

static uint64_t get_be64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return __builtin_bswap64(v);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "keys are swapped unconditionally");

void mn_key_msg(char key[MN_KEY_MSG_BYTES], int64_t id) { put_be64(key, (uint64_t)id); }

void mn_key_seq(char key[MN_KEY_SEQ_BYTES], int64_t chat, int64_t seq)
{
    put_be64(key, (uint64_t)chat);
    put_be64(key + 8, (uint64_t)seq);
}

void mn_key_client(char key[MN_KEY_CLIENT_BYTES], int64_t chat, uint64_t hash)
{
    put_be64(key, (uint64_t)chat);
    put_be64(key + 8, hash | UINT64_C(1) << 63);
}

uint64_t mn_client_hash(const uint64_t key[2], int64_t from, struct mn_str client_id)
{
    char text[8 + MN_CLIENT_ID_MAX];
    uint64_t hash[2];
    MN_BUG_ON(client_id.n > MN_CLIENT_ID_MAX);
    memcpy(text, &from, 8);
    memcpy(text + 8, client_id.p, client_id.n);
    mn_hash128(key, text, 8 + client_id.n, hash);
    return hash[0];
}

void mn_key_pair(char key[MN_KEY_CHAT_BYTES], int64_t low, int64_t high)
{
    key[0] = 'p';
    put_be64(key + 1, (uint64_t)low);
    put_be64(key + 9, (uint64_t)high);
}

void mn_key_unlisted(char key[MN_KEY_CHAT_BYTES], int64_t low, int64_t high)
{
    mn_key_pair(key, low, high);
    key[0] = 'c';
}

void mn_key_member(char key[MN_KEY_CHAT_BYTES], int64_t user, int64_t chat)
{
    key[0] = 'u';
    put_be64(key + 1, (uint64_t)user);
    put_be64(key + 9, (uint64_t)chat);
}

void mn_key_counted(char key[MN_KEY_OWN_BYTES], enum mn_key_counted kind, int64_t chat,
                    int64_t user, int64_t seq)
{
    key[0] = (char)kind;
    put_be64(key + 1, (uint64_t)chat);
    put_be64(key + 9, (uint64_t)user);
    put_be64(key + 17, (uint64_t)seq);
}

/* Backwards, so that the newest comes first. */
void mn_key_listed(char key[MN_KEY_LISTED_BYTES], int64_t user, int64_t updated_ms, int64_t chat)
{
    key[0] = 'l';
    put_be64(key + 1, (uint64_t)user);
    put_be64(key + 9, ~(uint64_t)updated_ms);
    put_be64(key + 17, ~(uint64_t)chat);
}

void mn_key_waiting(char key[MN_KEY_CHAT_BYTES], int64_t user, int64_t chat)
{
    mn_key_member(key, user, chat);
    key[0] = 'd';
}

void mn_key_total(char key[MN_KEY_TOTAL_BYTES], int64_t user)
{
    key[0] = 'n';
    put_be64(key + 1, (uint64_t)user);
}

void mn_key_revoked(char key[MN_KEY_CHAT_BYTES], bool group, int64_t owner, int64_t number)
{
    mn_key_member(key, owner, number);
    key[0] = group ? 'R' : 'r';
}

void mn_key_learnt(char key[MN_KEY_TOTAL_BYTES], int64_t user)
{
    mn_key_total(key, user);
    key[0] = 'v';
}

enum mn_err mn_key_revoked_parse(struct mn_str key, bool *ret_group, int64_t *ret_owner,
                                 int64_t *ret_number)
{
    if (key.n != MN_KEY_CHAT_BYTES || (key.p[0] != 'r' && key.p[0] != 'R'))
        return MN_ECORRUPT;
    *ret_group = key.p[0] == 'R';
    *ret_owner = (int64_t)get_be64(key.p + 1);
    *ret_number = (int64_t)get_be64(key.p + 9);
    return MN_OK;
}

enum mn_err mn_key_learnt_parse(struct mn_str key, int64_t *ret_user)
{
    if (key.n != MN_KEY_TOTAL_BYTES || key.p[0] != 'v')
        return MN_ECORRUPT;
    *ret_user = (int64_t)get_be64(key.p + 1);
    return MN_OK;
}

enum mn_err mn_key_listed_parse(struct mn_str key, int64_t *ret_user, int64_t *ret_updated_ms,
                                int64_t *ret_chat)
{
    if (key.n != MN_KEY_LISTED_BYTES || key.p[0] != 'l')
        return MN_ECORRUPT;
    *ret_user = (int64_t)get_be64(key.p + 1);
    *ret_updated_ms = (int64_t)~get_be64(key.p + 9);
    *ret_chat = (int64_t)~get_be64(key.p + 17);
    return MN_OK;
}

enum mn_err mn_key_waiting_parse(struct mn_str key, int64_t *ret_user, int64_t *ret_chat)
{
    if (key.n != MN_KEY_CHAT_BYTES || key.p[0] != 'd')
        return MN_ECORRUPT;
    *ret_user = (int64_t)get_be64(key.p + 1);
    *ret_chat = (int64_t)get_be64(key.p + 9);
    return MN_OK;
}

enum mn_err mn_key_msg_parse(struct mn_str key, int64_t *ret_id)
{
    if (key.n != MN_KEY_MSG_BYTES)
        return MN_ECORRUPT;
    *ret_id = (int64_t)get_be64(key.p);
    return MN_OK;
}

enum mn_err mn_key_seq_parse(struct mn_str key, int64_t *ret_chat, int64_t *ret_seq)
{
    if (key.n != MN_KEY_SEQ_BYTES)
        return MN_ECORRUPT;
    *ret_chat = (int64_t)get_be64(key.p);
    *ret_seq = (int64_t)get_be64(key.p + 8);
    return MN_OK;
}

enum mn_err mn_key_client_parse(struct mn_str key, int64_t *ret_chat, uint64_t *ret_hash)
{
    if (key.n != MN_KEY_CLIENT_BYTES || (key.p[8] & 0x80) == 0)
        return MN_ECORRUPT;
    *ret_chat = (int64_t)get_be64(key.p);
    *ret_hash = get_be64(key.p + 8);
    return MN_OK;
}

enum mn_err mn_key_pair_parse(struct mn_str key, int64_t *ret_low, int64_t *ret_high)
{
    if (key.n != MN_KEY_CHAT_BYTES || key.p[0] != 'p')
        return MN_ECORRUPT;
    *ret_low = (int64_t)get_be64(key.p + 1);
    *ret_high = (int64_t)get_be64(key.p + 9);
    return MN_OK;
}

enum mn_err mn_key_unlisted_parse(struct mn_str key, int64_t *ret_low, int64_t *ret_high)
{
    if (key.n != MN_KEY_CHAT_BYTES || key.p[0] != 'c')
        return MN_ECORRUPT;
    *ret_low = (int64_t)get_be64(key.p + 1);
    *ret_high = (int64_t)get_be64(key.p + 9);
    return MN_OK;
}

enum mn_err mn_key_member_parse(struct mn_str key, int64_t *ret_user, int64_t *ret_chat)
{
    if (key.n != MN_KEY_CHAT_BYTES || key.p[0] != 'u')
        return MN_ECORRUPT;
    *ret_user = (int64_t)get_be64(key.p + 1);
    *ret_chat = (int64_t)get_be64(key.p + 9);
    return MN_OK;
}

enum mn_err mn_key_counted_parse(struct mn_str key, enum mn_key_counted kind, int64_t *ret_chat,
                                 int64_t *ret_user, int64_t *ret_seq)
{
    if (key.n != MN_KEY_OWN_BYTES || key.p[0] != (char)kind)
        return MN_ECORRUPT;
    *ret_chat = (int64_t)get_be64(key.p + 1);
    *ret_user = (int64_t)get_be64(key.p + 9);
    *ret_seq = (int64_t)get_be64(key.p + 17);
    return MN_OK;
}

/* ---- a reader that remembers that it failed, so that rows are checked once at their end ---- */

struct reader {
    const unsigned char *p, *end;
    bool failed;
};

static struct reader reader_make(struct mn_str value)
{
    const unsigned char *p = (const unsigned char *)value.p;
    return (struct reader){.p = p, .end = p + value.n, .failed = false};
}

static unsigned get_byte(struct reader *r)
{
    if (r->p == r->end) {
        r->failed = true;
        return 0;
    }
    return *r->p++;
}

/* The first byte: version below, flags above. Flags outside `known` are a failure. */
static unsigned get_flags(struct reader *r, unsigned known)
{
    unsigned byte = get_byte(r);
    if ((byte & VERSION_MASK) != MN_ROW_VERSION || (byte & ~(known | VERSION_MASK)) != 0)
        r->failed = true;
    return byte;
}

static uint64_t get_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = get_byte(r);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            /* Not the shortest form, or bits beyond the 64th. */
            if ((byte == 0 && shift > 0) || (shift == 63 && byte > 1))
                r->failed = true;
            return v;
        }
    }
    r->failed = true;
    return 0;
}

/* A number that must not be negative (counts, cursors) ... */
static int64_t get_count(struct reader *r)
{
    uint64_t v = get_varint(r);
    if (v > INT64_MAX)
        r->failed = true;
    return (int64_t)v;
}

/* ... and one that must be positive (ids, sequence numbers). */
static int64_t get_positive(struct reader *r)
{
    int64_t v = get_count(r);
    if (v <= 0)
        r->failed = true;
    return v;
}

static int64_t get_fixed_positive(struct reader *r)
{
    if (r->end - r->p < 8) {
        r->failed = true;
        return 0;
    }
    int64_t v = (int64_t)get_be64((const char *)r->p);
    r->p += 8;
    if (v <= 0)
        r->failed = true;
    return v;
}

static int64_t get_distance(struct reader *r, int64_t base)
{
    uint64_t v = get_varint(r);
    int64_t distance = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
    int64_t sum = 0;
    if (__builtin_add_overflow(base, distance, &sum))
        r->failed = true;
    return sum;
}

static struct mn_str get_text(struct reader *r, uint64_t n)
{
    if (n > (size_t)(r->end - r->p)) {
        r->failed = true;
        return MN_STR_NONE;
    }
    struct mn_str s = mn_str_make((const char *)r->p, (size_t)n);
    r->p += n;
    return s;
}

static bool is_complete(const struct reader *r) { return !r->failed && r->p == r->end; }

static char *put_varint(char *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (char)v;
    return p;
}

/* Zigzag. The subtraction is unsigned: a distance beyond 63 bits is no valid time anyway. */
static char *put_distance(char *p, int64_t v, int64_t base)
{
    int64_t distance = (int64_t)((uint64_t)v - (uint64_t)base);
    return put_varint(p, ((uint64_t)distance << 1) ^ (uint64_t)(distance >> 63));
}

/* ---- rows ---- */

static bool is_addressed(const struct mn_row_msg *row)
{
    return row->reply_to != 0 || row->reply_author != 0 || row->mentions.n > 0;
}

size_t mn_row_msg_head(char head[MN_ROW_MSG_HEAD_MAX], const struct mn_row_msg *row)
{
    char *p = head;
    bool addressed = row->group && is_addressed(row);
    *p++ = (char)(MN_ROW_VERSION | (row->revoked ? MSG_REVOKED : 0) | (row->group ? MSG_GROUP : 0) |
                  (addressed ? MSG_ADDRESSED : 0));
    put_be64(p, (uint64_t)row->chat);
    p = put_varint(p + 8, (uint64_t)row->seq);
    p = put_varint(p, (uint64_t)row->from);
    if (!row->group)
        p = put_varint(p, (uint64_t)row->to);
    p = put_varint(p, (uint64_t)row->created_ms);
    if (row->revoked)
        p = put_distance(p, row->updated_ms, row->created_ms);
    if (addressed) {
        p = put_varint(p, (uint64_t)row->reply_to);
        p = put_varint(p, (uint64_t)row->reply_author);
        p = put_varint(p, row->mentions.n / UID_BYTES);
    }
    p = put_varint(p, row->client_id.n);
    p = put_varint(p, row->body.n);
    return (size_t)(p - head);
}

static struct mn_str get_uids(struct reader *r, uint64_t count)
{
    /* Compared before it is multiplied: the number comes from the disk. */
    struct mn_str uids = get_text(r, count <= SIZE_MAX / UID_BYTES ? count * UID_BYTES : SIZE_MAX);
    for (size_t i = 0; i < uids.n; i += UID_BYTES)
        if ((int64_t)get_be64(uids.p + i) <= 0)
            r->failed = true;
    return uids;
}

enum mn_err mn_row_msg_parse(struct mn_str value, struct mn_row_msg *ret)
{
    struct reader r = reader_make(value);
    struct mn_row_msg row = {0};
    uint64_t mentions = 0;
    unsigned flags = get_flags(&r, MSG_REVOKED | MSG_GROUP | MSG_ADDRESSED);
    bool addressed = (flags & MSG_ADDRESSED) != 0;
    row.revoked = (flags & MSG_REVOKED) != 0;
    row.group = (flags & MSG_GROUP) != 0;
    row.chat = get_fixed_positive(&r);
    row.seq = get_positive(&r);
    row.from = get_positive(&r);
    row.to = row.group ? 0 : get_positive(&r);
    row.created_ms = get_count(&r);
    row.updated_ms = row.revoked ? get_distance(&r, row.created_ms) : row.created_ms;
    if (addressed) {
        row.reply_to = get_count(&r);
        row.reply_author = get_count(&r);
        mentions = get_varint(&r);
    }
    uint64_t client_id_len = get_varint(&r);
    uint64_t body_len = get_varint(&r);
    row.client_id = get_text(&r, client_id_len);
    row.body = get_text(&r, body_len);
    row.mentions = get_uids(&r, mentions);
    if (!is_complete(&r) || addressed != (row.group && is_addressed(&row)))
        return MN_ECORRUPT;
    *ret = row;
    return MN_OK;
}

int64_t mn_row_addressed(int64_t reply_author, struct mn_str mentions, size_t i)
{
    size_t count = mentions.n / UID_BYTES;
    if (i < count)
        return (int64_t)get_be64(mentions.p + i * UID_BYTES);
    for (size_t k = 0; k < count; k++)
        if ((int64_t)get_be64(mentions.p + k * UID_BYTES) == reply_author)
            return 0;
    return i == count ? reply_author : 0;
}

size_t mn_row_seq_print(char value[MN_ROW_SEQ_MAX], const struct mn_row_seq *row)
{
    char *p = value;
    bool group = row->sender != 0;
    *p++ = (char)(MN_ROW_VERSION | (row->from_high ? SEQ_FROM_HIGH : 0) | (group ? SEQ_GROUP : 0));
    put_be64(p, (uint64_t)row->id);
    p = put_varint(p + 8, (uint64_t)(group ? row->own_count : row->low_count));
    if (group)
        p = put_varint(p, (uint64_t)row->sender);
    p = put_distance(p, row->created_ms, mn_id_unix_ms(row->id));
    return (size_t)(p - value);
}

enum mn_err mn_row_seq_parse(struct mn_str value, int64_t seq, struct mn_row_seq *ret)
{
    struct reader r = reader_make(value);
    struct mn_row_seq row = {0};
    unsigned flags = get_flags(&r, SEQ_FROM_HIGH | SEQ_GROUP);
    row.from_high = (flags & SEQ_FROM_HIGH) != 0;
    row.id = get_fixed_positive(&r);
    int64_t count = get_count(&r);
    if (flags & SEQ_GROUP) {
        row.sender = get_positive(&r);
        row.own_count = count;
        /* His own message is among them, and a group has no sides. */
        if (count < 1 || row.from_high)
            r.failed = true;
    } else {
        row.low_count = count;
    }
    row.created_ms = get_distance(&r, mn_id_unix_ms(row.id));
    if (!is_complete(&r) || count > seq)
        return MN_ECORRUPT;
    *ret = row;
    return MN_OK;
}

size_t mn_row_client_print(char value[MN_ROW_CLIENT_MAX], int64_t seq)
{
    value[0] = (char)MN_ROW_VERSION;
    return (size_t)(put_varint(value + 1, (uint64_t)seq) - value);
}

enum mn_err mn_row_client_parse(struct mn_str value, int64_t *ret_seq)
{
    struct reader r = reader_make(value);
    get_flags(&r, 0);
    int64_t seq = get_positive(&r);
    if (!is_complete(&r))
        return MN_ECORRUPT;
    *ret_seq = seq;
    return MN_OK;
}

size_t mn_row_own_print(char value[MN_ROW_OWN_MAX], int64_t count)
{
    return mn_row_client_print(value, count);
}

enum mn_err mn_row_own_parse(struct mn_str value, int64_t seq, int64_t *ret_count)
{
    int64_t count = 0;
    enum mn_err err = mn_row_client_parse(value, &count);
    if (err || count > seq)
        return MN_ECORRUPT;
    *ret_count = count;
    return MN_OK;
}

size_t mn_row_total_print(char value[MN_ROW_TOTAL_MAX], int64_t total)
{
    return mn_row_client_print(value, total);
}

enum mn_err mn_row_total_parse(struct mn_str value, int64_t *ret)
{
    return mn_row_client_parse(value, ret);
}

size_t mn_row_revoked_print(char value[MN_ROW_REVOKED_MAX], const struct mn_row_revoked *row)
{
    value[0] = (char)MN_ROW_VERSION;
    put_be64(value + 1, (uint64_t)row->id);
    put_be64(value + 9, (uint64_t)row->chat);
    char *p = put_varint(value + 17, (uint64_t)row->seq);
    p = put_varint(p, (uint64_t)row->from);
    p = put_varint(p, (uint64_t)row->unix_ms);
    return (size_t)(p - value);
}

enum mn_err mn_row_revoked_parse(struct mn_str value, struct mn_row_revoked *ret)
{
    struct reader r = reader_make(value);
    struct mn_row_revoked row;
    get_flags(&r, 0);
    row.id = get_fixed_positive(&r);
    row.chat = get_fixed_positive(&r);
    row.seq = get_positive(&r);
    row.from = get_positive(&r);
    row.unix_ms = get_count(&r);
    if (!is_complete(&r))
        return MN_ECORRUPT;
    *ret = row;
    return MN_OK;
}

size_t mn_row_pair_print(char value[MN_ROW_PAIR_MAX], const struct mn_row_pair *row)
{
    value[0] = (char)(MN_ROW_VERSION | (row->is_listed ? PAIR_LISTED : 0) |
                      (row->is_bare ? PAIR_BARE : 0) | (row->is_waiting[0] ? PAIR_WAITING_LOW : 0) |
                      (row->is_waiting[1] ? PAIR_WAITING_HIGH : 0));
    put_be64(value + 1, (uint64_t)row->chat);
    char *p = value + 9;
    if (row->is_listed)
        p = put_varint(p, (uint64_t)row->listed_ms);
    return (size_t)(p - value);
}

enum mn_err mn_row_pair_parse(struct mn_str value, struct mn_row_pair *ret)
{
    struct reader r = reader_make(value);
    struct mn_row_pair row = {0};
    unsigned flags = get_flags(&r, PAIR_LISTED | PAIR_WAITING_LOW | PAIR_WAITING_HIGH | PAIR_BARE);
    row.is_listed = (flags & PAIR_LISTED) != 0;
    row.is_bare = (flags & PAIR_BARE) != 0;
    row.is_waiting[0] = (flags & PAIR_WAITING_LOW) != 0;
    row.is_waiting[1] = (flags & PAIR_WAITING_HIGH) != 0;
    row.chat = get_fixed_positive(&r);
    row.listed_ms = row.is_listed ? get_count(&r) : 0;
    if (!is_complete(&r))
        return MN_ECORRUPT;
    *ret = row;
    return MN_OK;
}

size_t mn_row_member_print(char value[MN_ROW_MEMBER_MAX], const struct mn_membership *row)
{
    char *p = value;
    bool group = row->peer == 0;
    *p++ = (char)(MN_ROW_VERSION | (row->has_delivered ? MEMBER_DELIVERED : 0) |
                  (row->has_read ? MEMBER_READ : 0) | (group ? MEMBER_GROUP : 0));
    p = put_varint(p, (uint64_t)(group ? row->joined_seq : row->peer));
    p = put_varint(p, (uint64_t)row->created_ms);
    if (row->has_delivered)
        p = put_varint(p, (uint64_t)row->delivered);
    if (row->has_read)
        p = put_varint(p, (uint64_t)row->read);
    return (size_t)(p - value);
}

enum mn_err mn_row_member_parse(struct mn_str value, struct mn_membership *ret)
{
    struct reader r = reader_make(value);
    struct mn_membership row = {0};
    unsigned flags = get_flags(&r, MEMBER_DELIVERED | MEMBER_READ | MEMBER_GROUP);
    row.has_delivered = (flags & MEMBER_DELIVERED) != 0;
    row.has_read = (flags & MEMBER_READ) != 0;
    if (flags & MEMBER_GROUP)
        row.joined_seq = get_count(&r);
    else
        row.peer = get_positive(&r);
    row.created_ms = get_count(&r);
    row.delivered = row.has_delivered ? get_count(&r) : 0;
    row.read = row.has_read ? get_count(&r) : 0;
    if (!is_complete(&r))
        return MN_ECORRUPT;
    *ret = row;
    return MN_OK;
}
