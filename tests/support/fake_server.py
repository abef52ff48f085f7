#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway that speaks just enough to be measured, and errs on command.

    fake_server.py [FAULT[:EVERY[:ARG]] ...]

Prints "ready ws=ws://... http=http://..." and serves until it is ended.  It
checks no token: the user is the `uid` of whatever JWT comes.  Messages are in
memory; POST /auth/login gives any name an account, the history is served at /single-chat/message/cursor, read cursors at
/single-chat/member/state; groups are made and joined at /group/..., and each copy of a message to one counts as a message.  A fault hits every EVERY-th message (1 when absent),
counted over the whole server; those of receipts and of HTTP count receipts and
requests:

    drop      stored and acknowledged as saved, never pushed
    forget    the same, and not in the history either
    double    pushed twice, as a live copy
    resend    pushed again as a copy from the store, at once
    late-resend  the same, ARG seconds later (5): long after it was acknowledged
    swap      pushed after the next message of the conversation
    delay     pushed ARG seconds late (0.3)
    refuse    ERROR server_busy with retryAfterMs instead of anything else
    silent    stored and pushed, but ACK saved never comes
    seqgap    msgSeq jumps by two
    seqlie    the push carries another msgSeq than the ACK
    corrupt   one byte of the pushed body is another one
    misroute  pushed to its own sender
    phantom   a message is pushed that nobody sent
    ackdouble ACK saved comes twice
    cut       the sender's connection is closed instead (EVERY is needed)
    cut-receiver  the receiver's connection is closed before the push
    deaf      PING is not answered
    split     every byte of output is its own segment
    stall     all output stops for ARG seconds (0.5), once, at message EVERY
    busy-auth AUTH is refused with server_busy, EVERY-th time
    garbage   a text frame that is no JSON goes to the receiver
    fragment  pushes come in fragments of 7 bytes
    receipt-drop    the receipt is not sent
    receipt-double  it is sent twice
    receipt-back    an earlier one is sent again behind it
    receipt-lie     it is for a message that nobody has acknowledged
    receipt-other   it names another message than its msgSeq
    receipt-stray   it goes to the one who acknowledged
    receipt-delay   it is sent ARG seconds late (0.3)
    page-fail       a page of messages or conversations is answered with 500
    page-slow       it is answered ARG seconds late (0.3)
    page-order      its oldest message comes first
    login-refuse    the login is answered with 429
    login-garbage   it is answered with something that is no token
    login-slow      it is answered ARG seconds late (0.3)
    login-ttl       tokens live for ARG seconds (2), and the gateway refuses older ones
    cursor-stuck    the read cursor over HTTP stays behind by one
    cursor-late     it stays behind until the message was read for ARG seconds (0.3)
"""
import asyncio
import base64
import hashlib
import json
import socket
import struct
import sys
import time
import urllib.parse

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(payload, opcode=1, final=True):
    head = bytes([(0x80 if final else 0) | opcode])
    n = len(payload)
    if n < 126:
        head += bytes([n])
    elif n < 65536:
        head += b"\x7e" + struct.pack(">H", n)
    else:
        head += b"\x7f" + struct.pack(">Q", n)
    return head + payload


def fragments(payload, size=7):
    pieces = [payload[i:i + size] for i in range(0, len(payload), size)]
    last = len(pieces) - 1
    return b"".join(frame(p, 1 if i == 0 else 0, i == last) for i, p in enumerate(pieces))


def dump(**fields):
    return json.dumps(fields, separators=(",", ":")).encode()


def now_ms():
    return int(time.time() * 1000)


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Faults:
    def __init__(self, specs):
        self.specs = {}
        for spec in specs:
            name, every, arg = (spec.split(":") + ["", ""])[:3]
            self.specs[name] = (int(every or 1), float(arg) if arg else None)
        self.counts = dict.fromkeys(self.specs, 0)

    def hit(self, name):
        """Whether this occasion is one of the EVERY-th."""
        if name not in self.specs:
            return False
        self.counts[name] += 1
        return self.counts[name] % self.specs[name][0] == 0

    def once(self, name):
        if name not in self.specs:
            return False
        self.counts[name] += 1
        return self.counts[name] == self.specs[name][0]

    def arg(self, name, default):
        value = self.specs[name][1]
        return default if value is None else value


class Chat:
    def __init__(self):
        self.seq = 0
        self.messages = []      # (seq, from, to, client id, server id, body)
        self.held = {}          # swap: by receiver, a push that waits for the next one
        self.results = {}       # client id -> (server id, seq)


class Group:
    def __init__(self, number, owner):
        self.id = number
        self.owner = owner
        self.members = [owner]
        self.chat = Chat()


class World:
    def __init__(self, faults):
        self.groups = {}        # id -> Group; its code is the id
        self.asking = {}        # request id -> (group, user)
        self.faults = faults
        self.online = {}
        self.chats = {}
        self.cursors = {}       # (user, chat key) -> highest acknowledged seq
        self.reads = {}         # the same of reading: [(seq, when), ...], ascending
        self.last_id = 2004874454540382209
        self.stalled_until = 0.0
        self.accounts = {}      # name -> user id; a refresh token is the name

    def chat(self, a, b):
        return self.chats.setdefault((min(a, b), max(a, b)), Chat())

    def next_id(self):
        self.last_id += 1
        return str(self.last_id)


class Gateway(asyncio.Protocol):
    def __init__(self, world):
        self.world = world
        self.inbox = b""
        self.upgraded = False
        self.uid = None
        self.waiting = []       # output of a stall

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc):
        if self.world.online.get(self.uid) is self:
            del self.world.online[self.uid]

    # ---- output ----

    def write(self, data):
        wait = self.world.stalled_until - time.monotonic()
        if wait > 0 and not self.waiting:
            asyncio.get_running_loop().call_later(wait, self.end_stall)
        if wait > 0 or self.waiting:
            self.waiting.append(data)
        else:
            self.write_now(data)

    def end_stall(self):
        waiting, self.waiting = self.waiting, []
        for data in waiting:
            self.write_now(data)

    def write_now(self, data):
        if self.transport.is_closing():
            return
        if "split" not in self.world.faults.specs:
            self.transport.write(data)
            return
        sock = self.transport.get_extra_info("socket")
        for i in range(len(data)):
            try:
                sock.send(data[i:i + 1])
            except (BlockingIOError, OSError):
                self.transport.write(data[i:])
                return

    def send(self, **fields):
        self.write(frame(dump(**fields)))

    # ---- input ----

    def data_received(self, data):
        self.inbox += data
        if not self.upgraded and not self.upgrade():
            return
        while True:
            taken = self.take_frame()
            if taken is None:
                return
            opcode, payload = taken
            if opcode == 8:
                self.write(frame(payload, 8))
                self.transport.close()
                return
            if opcode == 9:
                self.write(frame(payload, 10))
            if opcode == 1:
                self.message(json.loads(payload))

    def upgrade(self):
        head, mark, rest = self.inbox.partition(b"\r\n\r\n")
        if not mark:
            return False
        key = [line.split(b":", 1)[1].strip() for line in head.split(b"\r\n")
               if line.lower().startswith(b"sec-websocket-key:")][0]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.inbox, self.upgraded = rest, True
        self.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                   b"connection: upgrade\r\nsec-websocket-accept: " + accept + b"\r\n\r\n")
        return True

    def take_frame(self):
        data = self.inbox
        if len(data) < 2:
            return None
        n, at = data[1] & 127, 2
        if n == 126:
            if len(data) < 4:
                return None
            n, at = struct.unpack(">H", data[2:4])[0], 4
        if len(data) < at + 4 + n:
            return None
        mask = data[at:at + 4]
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(data[at + 4:at + 4 + n]))
        self.inbox = data[at + 4 + n:]
        return data[0] & 15, body

    def message(self, msg):
        kind = msg.get("type")
        if kind == "AUTH":
            self.auth(msg["token"])
        elif kind == "PING":
            if not self.world.faults.hit("deaf"):
                self.send(type="PONG", ts=now_ms())
        elif kind == "ACK":
            self.acknowledged(msg["serverMsgId"], msg["ackType"])
        elif kind == "SINGLE_CHAT":
            to = int(msg["to"])
            self.chat_message(msg, self.world.chat(self.uid, to), [to], None)
        elif kind == "GROUP_CHAT":
            group = self.world.groups[int(msg["groupId"])]
            others = [uid for uid in group.members if uid != self.uid]
            self.chat_message(msg, group.chat, others, group.id)

    def auth(self, token):
        if self.world.faults.hit("busy-auth"):
            self.send(type="ERROR", ts=now_ms(), reason="server_busy", retryAfterMs=50)
            self.transport.close()
            return
        claims = claims_of(token)
        if "login-ttl" in self.world.faults.specs and claims["exp"] < time.time():
            self.send(type="AUTH_FAIL", ts=now_ms(), reason="token_expired")
            self.transport.close()
            return
        self.uid = claims["uid"]
        self.world.online[self.uid] = self
        self.write(frame(dump(type="AUTH_OK", **{"from": str(self.uid)}, ts=now_ms())))
        self.resend_all()

    def resend_all(self):
        for key, chat in self.world.chats.items():
            if self.uid not in key:
                continue
            for seq, sender, to, client_id, server_id, body in chat.messages:
                if to == self.uid and seq > self.world.cursors.get((to, key), 0):
                    self.push(chat, seq, sender, to, client_id, server_id, body, resent=True)
        for group in self.world.groups.values():
            if self.uid not in group.members:
                continue
            for seq, sender, _, client_id, server_id, body in group.chat.messages:
                if sender != self.uid and seq > self.world.cursors.get((self.uid, group.id), 0):
                    self.push(group.chat, seq, sender, self.uid, client_id, server_id, body, group.id, resent=True)

    def acknowledged(self, server_id, kind):
        for group in self.world.groups.values():
            for seq, _, _, _, sid, _ in reversed(group.chat.messages):
                if sid == server_id:
                    self.move_cursors(self.uid, group.id, seq, kind)
                    return
        for key, chat in self.world.chats.items():
            if self.uid not in key:
                continue
            for seq, sender, to, _, sid, _ in reversed(chat.messages):
                if sid == server_id and to == self.uid:
                    if self.move_cursors(to, key, seq, kind):
                        self.receipt(sender, kind, seq, server_id)
                    return

    def move_cursors(self, user, key, seq, kind):
        """Whether the one of that kind has advanced; reading moves both."""
        delivered, reads = self.world.cursors, self.world.reads.setdefault((user, key), [])
        last_read = reads[-1][0] if reads else 0
        advanced = seq > (last_read if kind == "read" else delivered.get((user, key), 0))
        delivered[(user, key)] = max(delivered.get((user, key), 0), seq)
        if kind == "read" and advanced:
            reads.append((seq, time.monotonic()))
        return advanced

    def receipt(self, sender, kind, seq, server_id):
        faults, peer = self.world.faults, self.world.online.get(sender)
        if peer is None or faults.hit("receipt-drop"):
            return
        first = self.world.chat(self.uid, sender).messages[0]
        if faults.hit("receipt-lie"):
            seq += 1000000
        if faults.hit("receipt-other"):
            server_id = str(int(server_id) + 500000)
        fields = {"type": "ACK", "serverMsgId": server_id, "msgSeq": seq, "from": str(self.uid),
                  "to": str(sender), "ackType": kind, "ts": now_ms()}
        if faults.hit("receipt-delay"):
            asyncio.get_running_loop().call_later(faults.arg("receipt-delay", 0.3),
                                                  lambda: peer.send(**fields))
            return
        peer.send(**fields)
        if faults.hit("receipt-double"):
            peer.send(**fields)
        if faults.hit("receipt-back") and first[0] < seq:
            peer.send(**{**fields, "msgSeq": first[0], "serverMsgId": first[4]})
        if faults.hit("receipt-stray"):
            self.send(**fields)

    # ---- one chat message ----

    def chat_message(self, msg, chat, receivers, group):
        world, faults = self.world, self.world.faults
        client_id, body = msg["clientMsgId"], msg["body"]
        if client_id in chat.results:
            server_id, seq = chat.results[client_id]
            self.saved(client_id, server_id, seq, None)
            return
        if faults.hit("cut"):
            self.transport.close()
            return
        if faults.hit("refuse"):
            self.send(type="ERROR", clientMsgId=client_id, ts=now_ms(), reason="server_busy",
                      retryAfterMs=20)
            return
        if faults.once("stall"):
            world.stalled_until = time.monotonic() + faults.arg("stall", 0.5)
        chat.seq += 2 if faults.hit("seqgap") else 1
        seq, server_id = chat.seq, world.next_id()
        forgotten = faults.hit("forget")
        if not forgotten:
            chat.results[client_id] = (server_id, seq)
            chat.messages.append((seq, self.uid, receivers[0] if not group else 0, client_id, server_id, body))
        if not faults.hit("silent"):
            self.saved(client_id, server_id, seq, body)
        if faults.hit("ackdouble"):
            self.saved(client_id, server_id, seq, body)
        for to in [] if forgotten else receivers:
            self.deliver(chat, seq, to, client_id, server_id, body, group)

    def saved(self, client_id, server_id, seq, body):
        fields = {"type": "ACK", "clientMsgId": client_id, "serverMsgId": server_id,
                  "msgSeq": seq, "from": str(self.uid), "ackType": "saved"}
        if body is not None:
            fields["body"] = body
        self.send(**fields, ts=now_ms())

    def deliver(self, chat, seq, to, client_id, server_id, body, group):
        faults, loop = self.world.faults, asyncio.get_running_loop()
        args = (chat, seq, self.uid, to, client_id, server_id, body, group)
        peer = self.world.online.get(to)
        if peer is None or faults.hit("drop"):
            return
        if faults.hit("cut-receiver"):
            peer.transport.close()
            return
        if faults.hit("swap"):
            chat.held[to] = args
            return
        if faults.hit("delay"):
            loop.call_later(faults.arg("delay", 0.3), lambda: peer.push(*args))
            return
        if faults.hit("garbage"):
            peer.write(frame(b'{"type":'))
        if faults.hit("misroute"):
            self.push(*args)
        if faults.hit("phantom"):
            ghost = client_id[:-8] + "00ffffff"
            peer.push(chat, seq, self.uid, to, ghost, server_id, body, group)
        peer.push(*args)
        if faults.hit("double"):
            peer.push(*args)
        if faults.hit("resend"):
            peer.push(*args, resent=True)
        if faults.hit("late-resend"):
            loop.call_later(faults.arg("late-resend", 5), lambda: peer.push(*args, resent=True))
        if to in chat.held:
            peer.push(*chat.held.pop(to))

    def push(self, chat, seq, sender, to, client_id, server_id, body, group=None, resent=False):
        faults = self.world.faults
        if faults.hit("corrupt"):
            body = "X" + body[1:]
        if faults.hit("seqlie"):
            seq += 1000000
        place = {"groupId": str(group)} if group else {"to": str(to)}
        payload = dump(type="GROUP_CHAT" if group else "SINGLE_CHAT", clientMsgId=client_id, serverMsgId=server_id,
                       msgSeq=seq, **{"from": str(sender)}, **place,
                       msgType="text" if resent else "TEXT", body=body, ts=now_ms())
        if not self.transport.is_closing():
            self.write(fragments(payload) if faults.hit("fragment") else frame(payload))


def page_of(world, me, query):
    """GET /single-chat/message/cursor"""
    return chat_page(world, world.chat(me, int(query["peerUserId"][0])), query)


def group_page_of(world, _, query):
    """GET /group/message/cursor"""
    return chat_page(world, world.groups[int(query["groupId"][0])].chat, query)


def chat_page(world, chat, query):
    before = int(query.get("lastSeq", ["9" * 18])[0])
    page = [{"msgSeq": seq, "clientMsgId": cid, "serverMsgId": sid, "content": body}
            for seq, _, _, cid, sid, body in reversed(chat.messages) if seq < before]
    page = page[:int(query["limit"][0])]
    return page[::-1] if world.faults.hit("page-order") else page


def state_of(world, me, query):
    """GET /single-chat/member/state"""
    peer = int(query["peerUserId"][0])
    reads = world.reads.get((peer, (min(me, peer), max(me, peer))), [])
    if world.faults.hit("cursor-stuck"):
        reads = reads[:-1]
    if world.faults.hit("cursor-late"):
        late = time.monotonic() - world.faults.arg("cursor-late", 0.3)
        reads = [read for read in reads if read[1] <= late]
    return {"singleChatId": "1", "peerUserId": str(peer), "myLastReadMsgSeq": None,
            "peerLastReadMsgSeq": reads[-1][0] if reads else None}


def login_of(world, body):
    """POST /auth/login, and with a refresh token POST /auth/refresh"""
    faults, name = world.faults, body.get("username") or body["refreshToken"]
    if "username" in body and faults.hit("login-refuse"):
        return 429, {"ok": False, "code": 42900, "message": "too_many_requests", "ts": now_ms()}
    if faults.hit("login-garbage"):
        return 200, {"ok": True, "code": 0, "message": "ok", "data": {"userId": 7}, "ts": now_ms()}
    uid = world.accounts.setdefault(name, 700000 + len(world.accounts))
    ttl = faults.arg("login-ttl", 2) if "login-ttl" in faults.specs else 1800
    claims = base64.urlsafe_b64encode(dump(uid=uid, exp=time.time() + ttl)).decode().rstrip("=")
    data = {"userId": str(uid), "accessToken": f"x.{claims}.x", "accessTokenExpiresInSeconds": int(ttl)}
    if "username" in body:
        data["refreshToken"] = name
    return 200, {"ok": True, "code": 0, "message": "ok", "data": data, "ts": now_ms()}


async def late(seconds):
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, future.set_result, None)
    await future


async def answer_of(world, url, token, body):
    """Status and document."""
    if url.path.startswith("/auth/"):
        if world.faults.hit("login-slow"):
            await late(world.faults.arg("login-slow", 0.3))
        return login_of(world, json.loads(body))
    is_page = url.path.endswith("/cursor")
    if is_page and world.faults.hit("page-slow"):
        await late(world.faults.arg("page-slow", 0.3))
    if is_page and world.faults.hit("page-fail"):
        return 500, {"ok": False, "code": 50000, "message": "internal_error", "data": [], "ts": now_ms()}
    if body:
        data = group_call(world, claims_of(token)["uid"], url.path, json.loads(body))
        return 200, {"ok": True, "code": 0, "message": "ok", "data": data, "ts": now_ms()}
    data = PATHS[url.path](world, claims_of(token)["uid"], urllib.parse.parse_qs(url.query))
    return 200, {"ok": True, "code": 0, "message": "ok", "data": data, "ts": now_ms()}


def header_of(head, name):
    """Its value, or ""; the name in lower case."""
    lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
    return next((value for key, value in lines if key.lower() == name), "")


def conversations_of(world, me, query):
    """GET /single-chat/conversation/cursor"""
    return [{"singleChatId": "1", "peerUserId": str(sum(key) - me)} for key in world.chats if me in key]


def profile_of(world, _, query):
    """GET /group/profile/by-id"""
    return {"groupCode": query["groupId"][0]}


def group_call(world, me, path, body):
    """POST /group/create, /group/join/request, /group/join/decide"""
    if path == "/group/create":
        number = 900 + len(world.groups)
        world.groups[number] = Group(number, me)
        return {"groupId": str(number)}
    if path == "/group/join/request":
        request = str(len(world.asking) + 1)
        world.asking[request] = (world.groups[int(body["groupCode"])], me)
        return {"requestId": request}
    group, user = world.asking[body["requestId"]]
    assert me == group.owner
    group.members.append(user)
    return {"status": "ACCEPTED"}


PATHS = {"/group/message/cursor": group_page_of, "/group/profile/by-id": profile_of,
         "/single-chat/message/cursor": page_of, "/single-chat/conversation/cursor": conversations_of, "/single-chat/member/state": state_of}


async def serve_http(world, reader, writer):
    """The user is the `uid` of the caller's token."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            url = urllib.parse.urlparse(head.split(" ")[1])
            token = header_of(head, "authorization").removeprefix("Bearer ")
            body = await reader.readexactly(int(header_of(head, "content-length") or 0))
            status, document = await answer_of(world, url, token, body)
            data = dump(**document)
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(specs):
    loop = asyncio.get_running_loop()
    world = World(Faults(specs))
    ws = await loop.create_server(lambda: Gateway(world), "127.0.0.1", 0)
    http = await asyncio.start_server(lambda r, w: serve_http(world, r, w), "127.0.0.1", 0)
    ws_port = ws.sockets[0].getsockname()[1]
    http_port = http.sockets[0].getsockname()[1]
    print(f"ready ws=ws://127.0.0.1:{ws_port}/ws http=http://127.0.0.1:{http_port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
    except KeyboardInterrupt:
        pass
