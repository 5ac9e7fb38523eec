"""Furnishing: a server with so much on it that each page of the console has something to show."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.scf.v20180416.scf_client import ScfClient

from tests.e2e.eventing import send
from tests.e2e.rolling_out import Load, Release
from tests.gatewaying import api, release, service
from tests.platform import REGION, Platform, until, zipped

FIRST = """
import random
import time


def main_handler(event, context):
    order = random.randint(1000, 9999)
    time.sleep(random.uniform(0.004, 0.02))
    print(f'INFO order {order} is paid')
    return {'order': order, 'currency': 'CNY'}
"""
SECOND = """
import json
import os
import random
import time


def main_handler(event, context):
    order = random.randint(1000, 9999)
    time.sleep(random.uniform(0.002, 0.012))
    if random.random() < 0.02:
        raise TimeoutError(f'the bank did not answer for order {order}')
    level = 'WARN' if order % 5 == 0 else 'INFO'
    print(json.dumps({'level': level, 'message': 'paid', 'order': order}))
    return {'order': order, 'currency': os.environ['CURRENCY']}
"""
QUIET = """
import time

def main_handler(event, context):
    time.sleep(0.003)
    return 'ok'
"""
BROKEN = """
import random

def main_handler(event, context):
    if random.random() < 0.3:
        raise KeyError('stock')
    return 'ok'
"""
REPORTS = """
def main_handler(event, context):
    print('INFO report of', event['day'])
    if event['day'].endswith(('22', '23')):
        raise ValueError(f"no prices for {event['day']}")
    return event['day']
"""
OTHERS = {
    "invoices": "Writes invoices, and sends them",
    "mailer": "Mails what is in the queue",
    "reports": "What was sold, each night",
    "thumbnails": "Makes pictures small",
    "translate": "把商品说明翻译成中文",
}


@dataclass
class House:
    """What the pages are about, and who works there."""

    platform: Platform
    releases: dict[str, Release] = field(default_factory=dict)
    service: str = ""
    rollouts: dict[str, str] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    def paths(self) -> dict[str, str]:
        """Return each page, by the name of its picture."""
        checkout = "functions/checkout"
        return {
            "overview": "",
            "functions": "functions",
            "function": checkout,
            "compare": f"{checkout}/compare?from=1&to=2",
            "alias": f"{checkout}/aliases/release",
            "rollouts": "rollouts",
            "rollout": f"rollouts/{self.rollouts['search']}",
            "taken-back": f"rollouts/{self.rollouts['catalog']}",
            "queue": "queue?function=reports",
            "logs": "logs?function=checkout",
            "gateway": "gateway",
            "service": f"gateway/{self.service}",
            "events": "events",
            "settings": "settings",
        }

    def person(self, name: str, role: str) -> None:
        """Give somebody a key."""
        made = self.platform.ours("CreateKey", Name=name, Role=role)
        self.keys[name] = made["SecretId"], made["SecretKey"]

    def move(self, who: str, weight: float, why: str) -> None:
        """Have somebody give version 2 of the checkout a share."""
        pair = credential.Credential(*self.keys[who])
        rows = [{"Version": "2", "Weight": weight}] if weight else []
        ScfClient(pair, REGION, self.platform.profile()).call_json(
            "UpdateAlias",
            {
                "FunctionName": "checkout",
                "Name": "release",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": rows},
                "Reason": why,
            },
        )

    def roll_out(self, who: str, what: str, **more: Any) -> None:
        """Have somebody begin a rollout."""
        pair = credential.Credential(*self.keys[who])
        client = CommonClient("huidu", "2026-11-01", pair, REGION, self.platform.profile())
        asked = {"FunctionName": what, "Name": "release", "FunctionVersion": "2"}
        made = client.call_json("StartRollout", asked | more)["Response"]
        self.rollouts[what] = made["RolloutId"]


@contextmanager
def furnished(platform: Platform, pace: float = 1.0) -> Iterator[House]:
    """Furnish a server, and call it to the end of the block; pace 1 takes some two minutes."""
    house = House(platform)
    for name, role in (("wei", "admin"), ("lin", "release"), ("dashboard", "view")):
        house.person(name, role)
    _functions(house)
    _services(house)
    _queue(platform)
    platform.ours(
        "CreateWebhook", Name="chat", Url="https://127.0.0.1:9/huidu", Kinds=["rollout.*"]
    )
    with ExitStack() as busy:
        for name, pause_s in (("checkout", 0.03), ("search", 0.05)):
            load = Load(house.releases[name], callers=2, pause_s=pause_s)
            busy.enter_context(load.running())
        house.roll_out(
            "lin",
            "search",
            Plan="10%/30m, 30%/30m, 100%",
            Reason="half the memory",
            Budget={"Failures": 40},
            Gates=[{"Weight": 0.3, "Kind": "approval"}],
        )
        _back(house)
        for weight, who, why, seconds in (
            (0.0, "lin", "", 25),
            (0.1, "lin", "totals are counted in one place", 30),
            (0.3, "wei", "an hour without a complaint", 30),
            (0.5, "lin", "half of all", 35),
        ):
            if why:
                house.move(who, weight, why)
            time.sleep(seconds * pace)
        yield house


def _functions(house: House) -> None:
    platform = house.platform
    for name, text in OTHERS.items():
        platform.make(name, QUIET, Description=text)
    for name in ("search", "catalog"):
        second = BROKEN if name == "catalog" else QUIET + "\n# half the memory\n"
        house.releases[name] = Release.make(platform, name, QUIET, second)
    house.releases["checkout"] = Release.make(
        platform,
        "checkout",
        FIRST,
        SECOND,
        Description="Takes orders, and has them paid",
        MemorySize=256,
        Environment={"Variables": [{"Key": "CURRENCY", "Value": "CNY"}]},
    )
    rule = {"Key": "invoke.headers.User", "Method": "exact", "Expression": "wei", "Version": "2"}
    platform.call(
        "CreateAlias",
        FunctionName="checkout",
        Name="team",
        FunctionVersion="1",
        RoutingConfig={"AddtionVersionMatchs": [rule]},
    )


def _queue(platform: Platform) -> None:
    """Have some calls that nobody waits for succeed, and some be given up."""
    named = {"FunctionName": "reports"}
    for text in (QUIET, REPORTS):
        platform.call("UpdateFunctionCode", **named, ZipFile=zipped(text))
        platform.publish("reports")
    once = {"RetryConfig": [{"RetryNum": 0}]}
    platform.call("UpdateFunctionEventInvokeConfig", **named, AsyncTriggerConfig=once)
    platform.call("CreateAlias", **named, Name="release", FunctionVersion="2")
    for day in range(20, 26):
        send(platform, "reports", {"day": f"2026-11-{day}"}, Qualifier="release")


def _services(house: House) -> None:
    """Have a service be released everywhere, and be ahead in one place."""
    platform = house.platform
    service(platform, "partners")
    house.service = service(platform, "shop", ServiceDesc="What customers see")
    for path, name, method in (
        ("/orders", "checkout", "POST"),
        ("/search", "search", "GET"),
        ("/catalog", "catalog", "GET"),
    ):
        config = {"Path": path, "Method": method}
        more = {"ApiName": name, "AuthType": "NONE", "RequestConfig": config}
        asked = more | {"ServiceScfFunctionQualifier": "release"}
        api(platform, house.service, name, path, **asked)
    for environment in ("test", "prepub", "release"):
        release(platform, house.service, environment, ReleaseDesc="orders, search and catalog")
    more = {"ApiName": "invoices", "AuthType": "SECRET"}
    api(platform, house.service, "invoices", "/invoices", **more)
    release(platform, house.service, "test", ReleaseDesc="invoices, for partners")


def _back(house: House) -> None:
    """Have a bad version be taken back by evidence."""
    bad = house.releases["catalog"]
    with Load(bad, callers=2, pause_s=0.005).running():
        house.roll_out("wei", "catalog", Plan="evidence", Reason="stock is shown")
        until(lambda: bad.stands()[0] == "rolled back", 30)
