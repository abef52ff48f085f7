# SPDX-License-Identifier: Apache-2.0
"""The servers on which exchanges are played, one after another."""
from support.server import Server

# Limits are out of the way but in exchanges about them.
OPTIONS = {
    "im.gateway.ws.rate-limit.connection-rate": 0,
    "im.gateway.ws.rate-limit.user-rate": 0,
    "im.gateway.ws.rate-limit.control-rate": 0,
    "im.ratelimit.enabled": "false",
}


class Stage:
    """The server of the exchanges that are being played: one for all that need the same options."""

    def __init__(self, directory):
        self.directory, self.options, self.server, self.count = directory, None, None, 0

    def server_for(self, exchange):
        if self.options != exchange.options:
            self.clear()
            self.count += 1
            server = Server(self.directory / f"minimd{self.count}", {**OPTIONS, **exchange.options})
            self.server, self.options = server.start(), exchange.options
        return self.server

    def clear(self):
        if self.server is not None:
            server, self.server, self.options = self.server, None, None
            server.stop()
