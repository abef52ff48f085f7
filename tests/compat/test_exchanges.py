# SPDX-License-Identifier: Apache-2.0
"""The contract as data (README.md): every exchange, against the real server."""
import pytest

from exchange import read_all
from play import Play
from stage import Stage

EXCHANGES = read_all()


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("compat"))
    yield made
    made.clear()


@pytest.mark.parametrize("exchange", EXCHANGES, ids=[exchange.name for exchange in EXCHANGES])
def test_exchange(stage, exchange):
    Play(stage.server_for(exchange), exchange).run()
