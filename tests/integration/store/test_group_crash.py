# SPDX-License-Identifier: Apache-2.0
"""Groups over SIGKILL: what was answered ok is there, and both stores agree (docs/decisions/0028, 0029).

`minim verify` looks at what each kill left, where they agree but for the steps that it finds noted.

Each group has a thread that changes it and knows what it was told: the members and their
roles after each answer, and what the one change would make of them that was under way.
"""
import http.client
import os
import random
import threading

from support.groups import Group, api_of
from support.verify import verified
from support.wait import TIMEOUT

KILLS = int(os.environ.get("MINIM_TEST_KILLS", "20")) // 4 or 1
GROUPS = 4


class Changer(threading.Thread):
    """Random changes, one after the other, until the server is gone; `sure` or `maybe` is how it is then."""

    def __init__(self, group, people, sure, seed):
        super().__init__(daemon=True)
        self.group, self.people, self.rng = group, people, random.Random(seed)
        self.sure, self.maybe, self.done, self.problem = sure, sure, 0, None

    def run(self):
        try:
            while True:
                self.change()
                self.sure = self.maybe
                self.done += 1
        except (ConnectionError, http.client.HTTPException, TimeoutError):
            pass
        except BaseException as problem:  # noqa: BLE001 - shown by the test
            self.problem = problem

    def change(self):
        group, roles = self.group, dict(self.sure)
        owner = next(who for who, role in roles.items() if role == "OWNER")
        who = self.rng.choice(self.people)
        if who not in roles:
            request = api_of(group.server, who).post("/group/join/request", {"groupCode": self.code()}).ok()["requestId"]
            self.maybe = {**roles, who: "MEMBER"}
            group.decide(request, by=owner).ok()
        elif who == owner:
            heir = self.rng.choice([one for one in roles if one != owner] or [owner])
            if heir == owner:
                return
            self.maybe = {**roles, owner: "MEMBER", heir: "OWNER"}
            group.post(owner, "/group/owner/transfer", newOwnerUserId=heir).ok()
        else:
            what = self.rng.choice(("kick", "leave", "admin"))
            if what == "admin":
                self.maybe = {**roles, who: "ADMIN"}
                group.post(owner, "/group/member/set-admin", userId=who, admin=True).ok()
                return
            self.maybe = {one: role for one, role in roles.items() if one != who}
            if what == "kick":
                group.post(owner, "/group/member/kick", userId=who).ok()
            else:
                group.post(who, "/group/leave").ok()

    def code(self):
        return api_of(self.group.server, self.people[0]).get("/group/profile/by-id", groupId=self.group.id).ok()["groupCode"]


def roles_of(group, people):
    """As the relational store has them, asked by whoever is a member."""
    for who in people:
        reply = group.api(who).get("/group/member/list", groupId=group.id).json
        if reply["ok"]:
            return {int(row["userId"]): row["role"] for row in reply["data"]}
    raise AssertionError("a group without members")


def in_log(group, who):
    """As the message log has it."""
    return group.id in [row["groupId"] for row in group.api(who).get("/group/conversation/cursor").ok()]


def test_groups_over_kills(launch, uid):
    rng = random.Random(int(os.environ.get("MINIM_TEST_SEED", "1")))
    server = launch({"im.ratelimit.enabled": False})
    crews = []
    for _ in range(GROUPS):
        people = [uid() for _ in range(5)]
        crews.append((Group(server, people[0]), people, {people[0]: "OWNER"}))
    for round_number in range(KILLS):
        changers = [Changer(group, people, sure, rng.random()) for group, people, sure in crews]
        for changer in changers:
            changer.start()
        enough = rng.randrange(10, 60)
        while sum(changer.done for changer in changers) < enough:
            changers[0].join(0.002)
            assert all(changer.problem is None for changer in changers), [c.problem for c in changers]
            assert any(changer.is_alive() for changer in changers)
        server.kill()
        for changer in changers:
            changer.join(TIMEOUT)
            assert not changer.is_alive() and changer.problem is None, changer.problem
        assert verified(server)["groups"] == GROUPS
        server.start()
        for i, (changer, (group, people, _)) in enumerate(zip(changers, crews)):
            roles = roles_of(group, people)
            assert roles in (changer.sure, changer.maybe), (round_number, changer.sure, changer.maybe, roles)
            for who in people:
                assert in_log(group, who) == (who in roles), (round_number, who, roles)
            crews[i] = (group, people, roles)
