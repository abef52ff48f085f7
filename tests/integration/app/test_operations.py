# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md and packaging/: what an operator is told to do does what it says."""
import re
import sqlite3

from support.server import ROOT

PASSWORD = "a password of ours"


def statements(title):
    """The SQL of the paragraph that begins with `title`, for whichever name it has."""
    text = (ROOT / "docs/operations.md").read_text().split(f"**{title}**")[1].split("\n**")[0]
    return [match for match in re.findall(r'UPDATE [^"`;]+', text)]


def run(server, sqls, name):
    with sqlite3.connect(server.data / "minim.db") as db:
        for sql in sqls:
            db.execute(sql.replace("mallory", name).replace("'...'", f"'{name}'"))
    db.close()


def test_a_disabled_user_is_out(launch):
    server = launch()
    token = server.api().login("mallory", PASSWORD)["accessToken"]
    assert server.api(token).get("/me/profile").ok()["username"] == "mallory"
    server.stop()
    run(server, statements("Disable a user"), "mallory")
    server.start()
    assert server.api(token).get("/me/profile").status == 401
    refused = server.api().post("/auth/login", {"username": "mallory", "password": PASSWORD})
    assert refused.status == 400 and refused.json["message"] == "user_disabled"


def test_a_forgotten_password(launch):
    server = launch()
    server.api().login("alice", PASSWORD)
    server.stop()
    run(server, statements("Forgotten password"), "alice")
    server.start()
    server.api().login("alice", "another one")
    assert server.api().post("/auth/login", {"username": "alice", "password": PASSWORD}).status == 400


def test_a_new_secret_ends_access_tokens_and_no_refresh_token(launch):
    server = launch(secret=None)
    login = server.api().login("bob", PASSWORD)
    server.stop()
    (server.data / "jwt-secret").unlink()
    server.start()
    assert server.api(login["accessToken"]).get("/me/profile").status == 401
    fresh = server.api().post("/auth/refresh", {"refreshToken": login["refreshToken"]}).ok()
    assert server.api(fresh["accessToken"]).get("/me/profile").ok()["username"] == "bob"


def test_alerts_ask_for_figures_that_exist(server):
    text = (ROOT / "packaging/alerts.yml").read_text()
    served = server.api().get("/metrics").text
    names = set(re.findall(r"\b(?:minim|process)_[a-z_]+\b", " ".join(re.findall(r"expr: (.*)", text))))
    assert len(names) > 8
    for name in names:
        assert re.search(rf"(?m)^{name}[ {{]", served), name


def test_the_documents_that_operations_names_are_there():
    for name in ("docs/operations.md", "README.md", "docs/contract/websocket.md", "docs/contract/http.md",
                 "docs/contract/tokens.md", "docs/protocol.md", "docs/api.md", "docs/architecture.md"):
        path = ROOT / name
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            if "://" not in link:
                assert (path.parent / link).exists(), f"{name} -> {link}"
