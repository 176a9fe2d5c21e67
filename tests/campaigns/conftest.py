"""Campaigns are launched and sent against a real simulator and a real webhook process."""

from __future__ import annotations

from tests.fixtures import gateway as gateway
from tests.fixtures import number as number
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.fixtures import webhook_process as webhook_process
