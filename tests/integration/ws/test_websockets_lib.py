# SPDX-License-Identifier: Apache-2.0
"""An independent WebSocket client (Debian's python3-websockets) agrees with the server."""
import asyncio
import json

import pytest

from support.wait import TIMEOUT

websockets = pytest.importorskip("websockets")


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 3 * TIMEOUT))


def connecting(address, **how):
    """Without the library's own limits of 10 and 20 s: a busy machine may need longer."""
    return websockets.connect(address, open_timeout=TIMEOUT, ping_interval=None, **how)


def url(server, port="ws"):
    host, number = getattr(server, port)
    return f"ws://{host}:{number}/ws"


async def authenticate(connection, token):
    await connection.send(json.dumps({"type": "AUTH", "token": token}))
    answer = json.loads(await connection.recv())
    assert answer["type"] == "AUTH_OK", answer


@pytest.mark.parametrize("port", ["ws", "http"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_chat(server, uid, port, compression):
    async def scenario():
        a, b = uid(), uid()
        async with connecting(url(server, port), compression=compression) as one, \
                connecting(url(server, port), compression=compression) as two:
            await authenticate(one, server.token(a))
            await authenticate(two, server.token(b))
            await one.send(json.dumps({"type": "SINGLE_CHAT", "clientMsgId": "l", "to": str(b), "body": "grüße 😀"}))
            saved = json.loads(await one.recv())
            assert saved["type"] == "ACK" and saved["ackType"] == "saved"
            got = json.loads(await two.recv())
            assert got["body"] == "grüße 😀" and got["serverMsgId"] == saved["serverMsgId"]
            await two.send(json.dumps({"type": "ACK", "ackType": "read", "serverMsgId": got["serverMsgId"],
                                       "to": got["from"]}))
            assert json.loads(await one.recv())["ackType"] == "read"
    run(scenario())


def test_fragmented_message(server, uid):
    async def scenario():
        async with connecting(url(server)) as connection:
            text = json.dumps({"type": "AUTH", "token": server.token(uid())})
            await connection.send([text[:10], text[10:50], text[50:]])
            assert json.loads(await connection.recv())["type"] == "AUTH_OK"
    run(scenario())


def test_ping_and_clean_close(server, uid):
    async def scenario():
        connection = await connecting(url(server))
        await authenticate(connection, server.token(uid()))
        for _ in range(10):
            await asyncio.wait_for(await connection.ping(), 10)
        await connection.close(1000, "done")
        assert connection.close_code == 1000
    run(scenario())


def test_server_side_close(server):
    async def scenario():
        async with connecting(url(server)) as connection:
            await connection.send('{"type":"PING"}')
            assert json.loads(await connection.recv())["reason"] == "unauthorized"
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1000
    run(scenario())


def test_subprotocol_offer_is_ignored(server):
    async def scenario():
        async with connecting(url(server), subprotocols=["chat"]) as connection:
            assert connection.subprotocol is None
    run(scenario())


def test_large_backlog_arrives(server, uid):
    async def scenario():
        a, b = uid(), uid()
        async with connecting(url(server)) as one:
            await authenticate(one, server.token(a))
            for i in range(300):
                await one.send(json.dumps({"type": "SINGLE_CHAT", "clientMsgId": f"b{i}", "to": str(b), "body": "x" * 1000}))
            for _ in range(300):
                assert json.loads(await one.recv())["ackType"] == "saved"
        async with connecting(url(server)) as two:
            await authenticate(two, server.token(b))
            for i in range(300):
                got = json.loads(await two.recv())
                assert got["msgSeq"] == i + 1
                await two.send(json.dumps({"type": "ACK", "ackType": "delivered", "serverMsgId": got["serverMsgId"],
                                           "to": str(a)}))
    run(scenario())


def test_fifty_clients(server, uid):
    async def scenario():
        ids = [uid() for _ in range(50)]
        clients = await asyncio.gather(*(connecting(url(server)) for _ in ids))
        await asyncio.gather(*(authenticate(c, server.token(u)) for c, u in zip(clients, ids)))
        for i, client in enumerate(clients):
            await client.send(json.dumps({"type": "SINGLE_CHAT", "clientMsgId": "ring", "to": str(ids[(i + 1) % 50]),
                                          "body": str(i)}))
        for i, client in enumerate(clients):
            kinds = {json.loads(await client.recv())["type"] for _ in range(2)}
            assert kinds == {"ACK", "SINGLE_CHAT"}
        await asyncio.gather(*(client.close() for client in clients))
    run(scenario())
