"""Settings: where they come from, and that a wrong one is named."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from huidu.settings import KINDS, PREFIX, Settings, Unsettled, address, from_process, settle

#: Another value for each setting, as the file writes it and as the environment does.
OTHERS: dict[str, tuple[str, Any]] = {
    "data": ('"/srv/huidu"', "/srv/huidu"),
    "api": ('"[::1]:0"', "[::1]:0"),
    "gateway": ('"0.0.0.0:80"', "0.0.0.0:80"),
    "gateway_processes": ("3", 3),
    "zone": ('"Europe/Berlin"', "Europe/Berlin"),
    "default_qualifier": ('"$LATEST"', "$LATEST"),
    "max_additional_versions": ("3", 3),
    "max_functions": ("50", 50),
    "max_versions": ("1_000", 1000),
    "max_aliases": ("1", 1),
    "max_services": ("50", 50),
    "max_apis": ("1", 1),
    "max_instances": ("1", 1),
    "max_mirrors": ("0", 0),
    "max_waiting": ("0", 0),
    "max_connections": ("64", 64),
    "idle_s": ("0.5", 0.5),
    "max_age_s": ("inf", math.inf),
    "warm_s": ("0", 0.0),
    "max_unpacked_mb": ("1", 1),
    "max_object_mb": ("1", 1),
    "keep_objects_s": ("60", 60.0),
    "keep_records_s": ("60", 60.0),
    "keep_events_s": ("60", 60.0),
    "webhook_allow": ('"127.0.0.1, fd00::/8"', "127.0.0.1, fd00::/8"),
    "webhook_retry_s": ("60", 60.0),
    "webhook_timeout_s": ("0.5", 0.5),
    "release_windows": (
        '"mon-thu 09:00-17:00; fri 09:00-12:00"',
        "mon-thu 09:00-17:00; fri 09:00-12:00",
    ),
    "release_freezes": (
        '"2026-12-24 00:00/2026-12-27 00:00 # holidays"',
        "2026-12-24 00:00/2026-12-27 00:00 # holidays",
    ),
    "keep_logs_s": ("60", 60.0),
    "max_logs_mb": ("16", 16),
    "max_log_kb_s": ("1", 1),
    "max_queued": ("7", 7),
    "event_retry_s": ("0.5", 0.5),
    "max_dead": ("9", 9),
    "keep_dead_s": ("60", 60.0),
    "tier": ('"none"', "none"),
    "require_tier": ('"sandbox"', "sandbox"),
    "network": ('"host"', "host"),
    "network_allow": ('"10.0.8.0/24, 192.168.1.5"', "10.0.8.0/24, 192.168.1.5"),
    "trusted_proxies": ('"127.0.0.1, fd00::/8"', "127.0.0.1, fd00::/8"),
    "otlp_endpoint": ('"http://127.0.0.1:4318"', "http://127.0.0.1:4318"),
    "otlp_headers": ('"Authorization=Bearer%20x, b=2"', "Authorization=Bearer%20x, b=2"),
    "otlp_signals": ('"logs"', "logs"),
    "trace_ratio": ("0.25", 0.25),
    "console_hosts": ('"huidu.example.com, ops"', "huidu.example.com, ops"),
    "console_idle_s": ("60", 60.0),
    "console_session_s": ("600", 600.0),
    "log_level": ('"debug"', "debug"),
}


def written(folder: Path, text: str) -> Path:
    file = folder / "huidu.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return written(tmp_path, "")


def refusal(text: dict[str, Any], file: Path) -> str:
    with pytest.raises(Unsettled) as wrong:
        settle(text, {}, file)
    return str(wrong.value)


def test_without_a_word_everything_is_as_it_says(empty: Path) -> None:
    assert settle({}, {}, empty) == Settings()


def test_there_is_another_value_for_each_setting() -> None:
    assert set(OTHERS) == set(KINDS)


@pytest.mark.parametrize("name", OTHERS)
def test_each_setting_may_come_from_the_file_the_environment_or_the_command_line(
    tmp_path: Path, name: str
) -> None:
    text, value = OTHERS[name]
    file = written(tmp_path, f"{name} = {text}\n")
    (tmp_path / "empty").mkdir()
    nothing = written(tmp_path / "empty", "")
    variable = {f"{PREFIX}{name.upper()}": text.strip('"')}
    for made in (
        settle({}, {}, file),
        settle({}, variable, nothing),
        settle({name: text.strip('"')}, {}, nothing),
        settle({name: value}, {}, nothing),
    ):
        kept = getattr(made, name)
        assert (kept, type(kept)) == (value, KINDS[name])
        assert asdict(made) == asdict(Settings()) | {name: value}


def test_the_command_line_is_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'zone = "UTC"\nmax_waiting = 1\nmax_aliases = 1\n')
    environment = {"HUIDU_MAX_WAITING": "2", "HUIDU_MAX_ALIASES": "2", "HUIDU_ENDPOINT": "x"}
    options = {"max_aliases": "3", "zone": None}

    made = settle(options, environment, file)
    assert (made.zone, made.max_waiting, made.max_aliases) == ("UTC", 2, 3)


def test_the_file_beside_which_a_server_is_started_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUIDU_MAX_WAITING", "7")
    assert from_process({}, None) == Settings(max_waiting=7)
    written(tmp_path, "max_aliases = 5")
    assert from_process({}, None) == Settings(max_waiting=7, max_aliases=5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_alias = 5", "max_alias is no setting; did you mean max_aliases?"),
        ("[server]\napi = 1", "server is no setting"),
        ("api = ", "huidu.toml: "),
        ("api = '127.0.0.1:1'\napi = '127.0.0.1:2'", "huidu.toml: "),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    message = refusal({}, written(tmp_path, text))

    assert said in message
    assert "huidu.toml" in message


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("HUIDU_TEIR", "tier"),
        ("HUIDU_REQUIRED_TIER", "require_tier"),
        ("HUIDU_NETWROK", "network"),
        ("HUIDU_NETWORK_ALLOWED", "network_allow"),
        ("HUIDU_MAX_INSTANCE", "max_instances"),
    ],
)
def test_a_variable_that_is_almost_a_setting_is_not_passed_over(
    empty: Path, variable: str, meant: str
) -> None:
    with pytest.raises(Unsettled, match=f"^{variable} is no setting; did you mean {meant}.$"):
        settle({}, {variable: "none"}, empty)


@pytest.mark.parametrize(
    "variable",
    [
        "HUIDU_ENDPOINT",
        "HUIDU_GATEWAY_URL",
        "HUIDU_PORT",
        "HUIDU_PORT_9000_TCP_ADDR",
        "HUIDU_SERVICE_HOST",
        "HUIDU_SERVICE_PORT",
        "OTHER_TEIR",
    ],
)
def test_a_variable_that_others_set_beside_a_server_does_not_keep_it_from_starting(
    empty: Path, variable: str
) -> None:
    assert settle({}, {variable: "tcp://10.0.0.11:9000"}, empty) == Settings()


def test_a_file_that_is_asked_for_must_be_there_and_be_text(tmp_path: Path) -> None:
    assert "nowhere.toml" in refusal({}, tmp_path / "nowhere.toml")
    (tmp_path / "huidu.toml").write_bytes(b"zone = '\xff'")
    assert "huidu.toml" in refusal({}, tmp_path / "huidu.toml")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("data", "", "must name a directory"),
        ("api", "9000", "HOST:PORT"),
        ("api", ":9000", "HOST:PORT"),
        ("api", "127.0.0.1:", "HOST:PORT"),
        ("api", "127.0.0.1:65536", "HOST:PORT"),
        ("api", "127.0.0.1:-1", "HOST:PORT"),
        ("api", "127.0.0.1:²", "HOST:PORT"),
        ("api", "127.0.0.1:٣", "HOST:PORT"),
        ("api", "127.0.0.1:" + "9" * 5000, "HOST:PORT"),
        ("gateway", "", "HOST:PORT"),
        ("gateway", 9001, "a text"),
        ("gateway", ["127.0.0.1:1"], "a text"),
        ("zone", "Mars/Olympus", "no such time zone"),
        ("zone", "Asia", "no such time zone"),
        ("zone", "", "no such time zone"),
        ("zone", "../../etc/passwd", "no such time zone"),
        ("zone", "a\0b", "no such time zone"),
        ("default_qualifier", "release", "$DEFAULT or $LATEST"),
        ("max_additional_versions", 0, "1 to 3"),
        ("max_additional_versions", 4, "1 to 3"),
        ("max_functions", 0, "1 or more"),
        ("max_versions", -1, "1 or more"),
        ("max_aliases", "0", "1 or more"),
        ("max_services", 0, "1 or more"),
        ("max_apis", 0, "1 or more"),
        ("max_instances", 0, "1 or more"),
        ("max_waiting", -1, "0 or more"),
        ("max_waiting", "many", "a whole number"),
        ("max_waiting", 1.5, "a whole number"),
        ("max_waiting", True, "a whole number"),
        ("max_waiting", "1.5", "a whole number"),
        ("max_waiting", [1], "a whole number"),
        ("max_connections", 7, "8 or more"),
        ("idle_s", -0.1, "0 or more"),
        ("idle_s", "nan", "0 or more"),
        ("idle_s", "soon", "a number"),
        ("idle_s", False, "a number"),
        ("idle_s", 10**400, "a number"),
        ("keep_records_s", -1, "0 or more"),
        ("keep_logs_s", 0.5, "1 or more"),
        ("max_logs_mb", 15, "16 or more"),
        ("max_log_kb_s", 0, "1 or more"),
        ("max_age_s", 0.5, "1 or more"),
        ("warm_s", -1, "0 or more"),
        ("max_unpacked_mb", 0, "1 or more"),
        ("max_object_mb", 0, "1 or more"),
        ("keep_objects_s", 59, "60 or more"),
        ("tier", "worst", "best or one of gvisor, sandbox"),
        ("network", "all", "best, egress, none, host"),
        ("network_allow", "10.0.8.1/24", "as in 10.0.8.0/24"),
        ("network_allow", "fd00::/8", "name IPv4 networks"),
        ("trusted_proxies", "10.0.8.1/24", "as in 127.0.0.1, 10.0.0.0/8, fd00::/8"),
        ("trusted_proxies", "proxy.local", "name networks"),
        ("keep_events_s", -1, "0 or more"),
        ("webhook_allow", "10.0.8.1/24", "as in 127.0.0.1"),
        ("webhook_allow", "localhost", "name networks"),
        ("webhook_retry_s", -1, "0 or more"),
        ("webhook_timeout_s", 0, "0.01 or more"),
        ("release_windows", "mon 9-17", "say mon-fri 09:00-17:00"),
        ("release_windows", "mon 09:00-17:00, tue 09:00-17:00", "no days with hours"),
        ("release_freezes", "christmas", "say 2026-12-24 00:00/2026-12-27 00:00"),
        ("otlp_endpoint", "127.0.0.1:4318", "must read http://HOST:PORT"),
        ("otlp_endpoint", "", "must read http://HOST:PORT"),
        ("otlp_endpoint", "http://h/?a=1", "must read http://HOST:PORT"),
        ("otlp_headers", "Bearer x", "name=value, name=value"),
        ("otlp_headers", "a b=1", "name=value, name=value"),
        ("otlp_signals", "traces, spans", "spans: must be of traces, metrics, logs"),
        ("trace_ratio", 1.5, "0 to 1"),
        ("trace_ratio", -0.1, "0 or more"),
        ("trace_ratio", math.nan, "0 to 1"),
        ("log_level", "loud", "debug, info, warning, error"),
        ("log_level", 3, "a text"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    empty: Path, name: str, value: object, said: str
) -> None:
    message = refusal({name: value}, empty)

    assert message.startswith(name)
    assert said in message


def test_headers_for_the_collector_are_read_as_its_own_variable_writes_them() -> None:
    settings = Settings(otlp_headers="Authorization=Bearer%20x%2Cy , b=2", otlp_signals="logs")

    assert settings.sent_along() == {"Authorization": "Bearer x,y", "b": "2"}
    assert settings.signals() == {"logs"}
    assert Settings().sent_along() == {}


def test_an_address_is_a_host_and_a_port() -> None:
    assert address("api", "127.0.0.1:0") == ("127.0.0.1", 0)
    assert address("api", "[::1]:9000") == ("::1", 9000)
    assert address("api", "localhost:65535") == ("localhost", 65535)


def test_what_functions_may_reach_is_a_list_of_networks() -> None:
    assert Settings().allowed() == ()
    asked = Settings(network_allow="10.0.8.0/24, 192.168.1.5").allowed()
    assert [str(one) for one in asked] == ["10.0.8.0/24", "192.168.1.5/32"]


def test_whom_to_believe_is_a_list_of_networks_of_either_kind() -> None:
    assert Settings().proxies() == ()
    asked = Settings(trusted_proxies="127.0.0.1, fd00::/8").proxies()
    assert [str(one) for one in asked] == ["127.0.0.1/32", "fd00::/8"]


def test_what_webhooks_may_reach_beside_the_rest_is_a_list_of_networks() -> None:
    assert Settings().webhooks_allowed() == ()
    asked = Settings(webhook_allow="127.0.0.1, fd00:1::/64").webhooks_allowed()
    assert [str(one) for one in asked] == ["127.0.0.1/32", "fd00:1::/64"]


def test_when_rollouts_may_go_on_is_a_list_of_windows_and_one_of_freezes() -> None:
    assert (Settings().windows(), Settings().freezes()) == ((), ())
    asked = Settings(
        zone="Europe/Berlin",
        release_windows="mon,wed 09:00-17:00; fri 09:00-12:00 UTC",
        release_freezes="2026-12-24 00:00/2026-12-27 00:00 # holidays;",
    )
    windows, (freeze,) = asked.windows(), asked.freezes()
    assert [str(one.zone) for one in windows] == ["Europe/Berlin", "UTC"]
    assert (freeze.reason, str(freeze.zone)) == ("holidays", "Europe/Berlin")


def test_a_quota_says_the_same_as_the_settings() -> None:
    quota = Settings(
        max_functions=1,
        max_versions=2,
        max_aliases=3,
        max_services=4,
        max_apis=5,
        max_additional_versions=2,
    ).quota()

    assert (quota.functions, quota.versions, quota.aliases) == (1, 2, 3)
    assert (quota.services, quota.apis) == (4, 5)
    assert quota.additional_versions == 2


def test_processes_are_as_many_as_are_named_or_as_the_cores_allow() -> None:
    assert Settings().processes() == 1
    assert Settings(gateway_processes=3).processes() == 3
    cores = len(os.sched_getaffinity(0))
    assert Settings(gateway_processes=0).processes() == 1 + cores // 4
    assert Settings(gateway_processes=0, max_waiting=0).processes() == 1
    with pytest.raises(Unsettled, match="say 100 or more"):
        Settings(gateway_processes=2, max_waiting=99)
