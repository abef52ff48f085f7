# SPDX-License-Identifier: Apache-2.0
"""H-7.11 GET /client/config."""
import base64
import hmac


def test_defaults(server, uid):
    assert server.api_of(uid()).get("/client/config").ok() == {
        "iceServers": [], "maxBodyLength": 4096, "revokeWindowSeconds": 120,
        "codeAlphabet": "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", "codeLength": 8, "version": "0.1.0"}
    assert server.api().get("/client/config").json["code"] == 40100


def test_one_login_for_all(launch, uid):
    server = launch({"minim.call.ice-servers": "stun:a.example:3478, turn:b.example", "im.code.friend-code-length": 10,
                     "minim.call.turn-username": "all", "minim.call.turn-credential": "hush",
                     "im.chat.revoke-window-seconds": 60})
    got = server.api_of(uid()).get("/client/config").ok()
    assert got["iceServers"] == [{"urls": "stun:a.example:3478"},
                                 {"urls": "turn:b.example", "username": "all", "credential": "hush"}]
    assert (got["revokeWindowSeconds"], got["codeLength"]) == (60, 10)


def test_a_login_for_each(launch, uid):
    """What coturn checks with use-auth-secret."""
    server = launch({"minim.call.ice-servers": "turns:b.example:5349"}, env={"MINIM_CALL_TURN_SECRET": "north"})
    user = uid()
    (got,) = server.api_of(user).get("/client/config").ok()["iceServers"]
    until_s, who = got["username"].split(":")
    assert who == str(user)
    reply = server.api_of(user).get("/client/config").json
    assert 86400 - 3600 < int(until_s) - reply["ts"] // 1000 <= 86400
    assert got["credential"] == base64.b64encode(hmac.new(b"north", got["username"].encode(), "sha1").digest()).decode()
    assert "north" not in server.log_text()
