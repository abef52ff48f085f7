# SPDX-License-Identifier: Apache-2.0
"""The HTTP API through the standard library's client."""
import http.client
import json
import urllib.parse

from .wait import TIMEOUT


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.all_headers = [(name.lower(), value) for name, value in response.getheaders()]
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        assert self.headers["content-type"].split(";")[0] == "application/json", self
        return json.loads(self.body)

    def ok(self):
        """Data of a successful envelope (H-2.1)."""
        assert self.status == 200, self
        envelope = self.json
        assert self.text.startswith('{"ok":true'), self
        assert (envelope["ok"], envelope["code"], envelope["message"]) == (True, 0, "ok"), self
        assert isinstance(envelope["ts"], int), self
        assert set(envelope) <= {"ok", "code", "message", "data", "ts"}, self
        return envelope.get("data")

    def fail(self, status, code, message=None):
        assert self.status == status, self
        envelope = self.json
        assert (envelope["ok"], envelope["code"]) == (False, code), self
        assert set(envelope) == {"ok", "code", "message", "ts"}, self
        if message is not None:
            assert envelope["message"] == message, self
        return self

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:500]!r}>"


class Api:
    """Each call on a connection of its own, unless `keep` is used."""

    def __init__(self, address, token=None):
        self.address = address
        self.token = token

    def request(self, method, path, body=None, headers=None, query=None):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        headers = dict(headers or {})
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, headers)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, headers=None, **query):
        return self.request("GET", path, headers=headers, query=query)

    def post(self, path, body=None, headers=None):
        return self.request("POST", path, body, headers)

    def login(self, username, password="secret"):
        return self.post("/auth/login", {"username": username, "password": password}).ok()
