# SPDX-License-Identifier: Apache-2.0
"""Groups for tests: made and joined over HTTP, as users do it."""
from .http import Api


def api_of(server, uid):
    return Api(server.http, server.token(uid))


class Group:
    """A group of that owner; `server` must not limit calls."""

    def __init__(self, server, owner, name="Team"):
        self.server = server
        self.owner = owner
        self.id = api_of(server, owner).post("/group/create", {"name": name}).ok()["groupId"]

    def api(self, uid):
        return api_of(self.server, uid)

    def profile(self, uid=None):
        return self.api(uid or self.owner).get("/group/profile/by-id", groupId=self.id).ok()

    @property
    def code(self):
        return self.profile()["groupCode"]

    def ask(self, uid, message=None):
        return self.api(uid).post("/group/join/request", {"groupCode": self.code, "message": message}).ok()["requestId"]

    def decide(self, request, action="accept", by=None):
        return self.api(by or self.owner).post("/group/join/decide", {"requestId": request, "action": action})

    def join(self, *uids):
        for uid in uids:
            self.decide(self.ask(uid)).ok()
        return self

    def admin(self, uid, admin=True):
        self.post(self.owner, "/group/member/set-admin", userId=str(uid), admin=admin).ok()
        return self

    def post(self, uid, path, **body):
        return self.api(uid).post(path, {"groupId": self.id, **body})

    def members(self, uid=None):
        return self.api(uid or self.owner).get("/group/member/list", groupId=self.id).ok()

    def roles(self):
        return {int(row["userId"]): row["role"] for row in self.members()}
