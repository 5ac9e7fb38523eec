"""Runs of components on a real server, asked for as `sls` asks."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest

from huidu.actions.table import BY_NAME
from huidu.model.role import Role
from tests.platform import Platform, zipped
from tests.serverless.asking import MAIN, SECRET, Sls, event, express

PYTHON = {"runtime": "Python3.11"}


def nested(levels: int) -> dict[str, object]:
    """Return inputs that are one in the other."""
    inputs: dict[str, object] = {}
    for _ in range(levels):
        inputs = {"a": inputs}
    return inputs


@pytest.fixture
def sls(platform: Platform, name: str) -> Sls:
    return Sls(platform, name)


@pytest.fixture
def scf(platform: Platform, name: str) -> Sls:
    return Sls(platform, name, "scf")


def test_an_application_is_deployed_and_told_as_the_command_line_prints_it(
    sls: Sls, name: str
) -> None:
    named = "${name}-${stage}-${app}-${org}"
    assert sls.get() is None
    found = sls.deploy(
        express("one"),
        functionName=named,
        apigatewayConf={"protocols": ["http", "https"], "environment": "release"},
        srcOriginal={"src": "./", "exclude": [".env"]},
        originSrc="./",  # so do newer ones say it
        publish=True,
        traffic=0,
    )

    outputs = found["outputs"]
    service = outputs["apigw"]["serviceId"]
    assert found["instanceStatus"] == "active", found
    assert outputs == {
        "region": "ap-guangzhou",
        "apigw": {
            "serviceId": service,
            "subDomain": f"{service}-1250000000.gz.apigw.tencentcs.com",
            "environment": "release",
            "url": f"{sls.platform.gateway}/{service}/release/",
        },
        "scf": {
            "functionName": f"{name}-dev-shop-org",
            "runtime": "Nodejs18.15",
            "namespace": "default",
            "lastVersion": "1",
            "traffic": 0,
            "configTrafficVersion": "1",
        },
    }
    assert list(outputs) == ["region", "apigw", "scf"]  # it is printed in this order
    assert found["deploymentError"] is None
    assert (found["lastAction"], found["instanceMetrics"]["deployments"]) == ("deploy", 1)
    sls.remove()


def test_the_rest_of_traffic_is_that_of_the_version_that_the_component_published(
    scf: Sls, name: str
) -> None:
    """Not of the newest that there is: so does the component, by what it has kept."""
    told = scf.deploy(event("one"), name=name, traffic=0.5, **PYTHON)
    assert told["outputs"]["traffic"] == 1
    assert "nothing was ever published" in told["outputs"]["vendorMessage"]
    assert told["outputs"]["lastVersion"] == "$LATEST"

    scf.platform.publish(name)
    assert scf.deploy(event("one"), name=name, traffic=0.5, **PYTHON)["outputs"]["traffic"] == 1

    scf.deploy(event("two"), name=name, publish=True, **PYTHON)
    scf.platform.publish(name)
    outputs = scf.deploy(event("three"), traffic=0.25, **PYTHON)["outputs"]  # its name is kept
    assert (outputs["functionName"], outputs["lastVersion"]) == (name, "2")
    assert (outputs["traffic"], outputs["configTrafficVersion"]) == (0.25, "2")


def test_code_that_is_packed_anew_and_is_the_same_is_no_new_version(scf: Sls, name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py", (2020, 1, 1, 0, 0, 0)), MAIN.format("one"))
    scf.deploy(event("one"), publish=True, **PYTHON)

    told = scf.deploy(out.getvalue(), publish=True, **PYTHON)["outputs"]
    assert told["lastVersion"] == "1"
    assert told["vendorMessage"].startswith("unchanged since version 1")


def test_a_function_of_events_is_deployed_and_removed(scf: Sls, name: str) -> None:
    timer = {"timer": {"parameters": {"name": "nightly", "cronExpression": "0 0 3 * * * *"}}}
    api = {"apigw": {"parameters": {"endpoints": [{"path": "/a", "method": "GET"}]}}}
    outputs = scf.deploy(event("one"), events=[timer, api], **PYTHON)["outputs"]

    function = f"{name}-dev-shop"
    assert (outputs["functionName"], outputs["handler"]) == (function, "index.main_handler")
    assert outputs["triggers"][0]["url"].startswith(scf.platform.gateway)
    assert json.loads(scf.platform.invoke(function)["RetMsg"]) == "one"

    gone = scf.remove()
    assert (gone["instanceStatus"], gone["outputs"], gone["state"]) == ("inactive", {}, {})
    assert scf.platform.refusal("GetFunction", FunctionName=function).get_code() == (
        "ResourceNotFound.FunctionName"
    )
    assert scf.remove()["instanceMetrics"]["removes"] == 2  # there was nothing left to do


@pytest.mark.parametrize(
    ("kind", "files", "inputs"),
    [
        ("koa", {"sls.js": "module.exports = {}"}, {"runtime": "Nodejs18.15"}),
        ("flask@0.1.2", {"app.py": "app = None"}, PYTHON),
        ("tencent-http", {"scf_bootstrap": "#!/bin/sh\n"}, {"apigatewayConf": {}}),
    ],
)
def test_other_components_are_deployed_as_well(
    platform: Platform, name: str, kind: str, files: dict[str, str], inputs: dict[str, object]
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file, text in files.items():
            entry = zipfile.ZipInfo(file)
            entry.create_system, entry.external_attr = 3, 0o100755 << 16
            archive.writestr(entry, text)
    found = Sls(platform, name, kind).deploy(out.getvalue(), **inputs)

    assert found["instanceStatus"] == "active", found["deploymentError"]
    assert found["outputs"]["scf"]["functionName"] == f"{name}-dev-shop"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"traffic": 1.5}, "inputs.traffic: 1.5; traffic must be a number between 0 and 1"),
        ({"traffic": "much"}, "inputs.traffic: 'much'; must be a number"),
        ({"0": "t", "1": "r"}, "for this sls say --inputs.traffic=0.1"),
        ({"functionname": "x"}, "no such key; did you mean functionName?"),
        ({"functionName": "${nam}-x"}, "is no variable; did you mean name?"),
        ({"functionName": "${env:NONE}"}, "the environment variable NONE is not set"),
        ({"functionName": "../../etc"}, "inputs.functionName: FunctionName"),
        ({"runtime": "Nodejs99"}, "is no runtime"),
        ({"include": ["/etc/passwd"]}, "inputs.include: what lies beside the code is not sent"),
        ({"layers": [{"name": "x", "src": "/etc"}]}, "what lies beside the code is not sent"),
        ({"apigatewayConf": {"auth": {"secretName": "x"}}}, "keys are not deployed"),
        ({"entryFile": "app.js"}, "there is no app.js in it"),
        (nested(300), "nested too deeply"),
        ({"layers": [{"name": "x", "version": 1}] * 9000}, "too many parts"),
        ({"functionConf": {"environment": {"variables": {"A": "\0"}}}}, "A"),
    ],
)
def test_inputs_that_cannot_be_are_told_and_nothing_is_made(
    sls: Sls, inputs: dict[str, object], words: str
) -> None:
    found = sls.deploy(express("one"), **inputs)

    assert found["instanceStatus"] == "error"
    assert words in found["deploymentError"]
    assert found["deploymentErrorStack"] == found["deploymentError"]
    named = sls.platform.call("ListFunctions", SearchKey=sls.name)
    assert named["TotalCount"] == 0
    assert sls.remove()["instanceStatus"] == "inactive"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (b"not a zip", "is not a zip archive"),
        (base64.b64decode(zipped({"../up.js": "x"})), "up.js"),
        (base64.b64decode(zipped({"other.js": "x"})), "there is no sls.js in it"),
    ],
)
def test_code_that_will_not_do_is_told(sls: Sls, code: bytes, words: str) -> None:
    found = sls.deploy(code)

    assert found["instanceStatus"] == "error"
    assert words in found["deploymentError"]


def test_what_a_run_has_made_before_it_fails_is_remembered(scf: Sls, name: str) -> None:
    """So the next one goes on from there, and a removal leaves nothing."""
    timer = {"timer": {"parameters": {"name": "a b", "cronExpression": "0 0 3 * * * *"}}}
    found = scf.deploy(event("one"), publish=True, events=[timer], **PYTHON)

    assert found["instanceStatus"] == "error"
    assert found["deploymentError"].endswith("(at: trigger a b (timer))")
    assert found["state"]["lastVersion"] == "1"
    scf.remove()
    assert scf.platform.call("ListFunctions", SearchKey=name)["TotalCount"] == 0


def test_a_function_that_a_refused_deploy_only_named_is_not_its_to_remove(
    scf: Sls, name: str
) -> None:
    assert scf.deploy(event("one"), **PYTHON)["instanceStatus"] == "active"
    other = Sls(scf.platform, name, "scf", org="another")
    found = other.deploy(event("two"), runtime="Python3.10")

    assert "the runtime of" in found["deploymentError"]
    assert not found["state"]["functionName"]
    other.remove()
    assert scf.platform.call("ListFunctions", SearchKey=name)["TotalCount"] == 1


def test_of_two_runs_at_once_the_second_is_refused(sls: Sls, name: str) -> None:
    awaited = sls.begin(runtime="Nodejs18.15")

    begun = sls.run("deploy", {"src": {"bucket": "b", "object": "o"}})
    refused = sls.refusal("RunComponent", begun)
    assert refused.get_code() == "ResourceInUse"
    assert f"{name} (app shop, stage dev) is deploying since" in refused.get_message()
    assert sls.refusal("RunComponent", sls.run("remove", {})).get_code() == "ResourceInUse"
    other = Sls(sls.platform, name, "scf", org="another")
    assert other.deploy(event("one"), name=f"{name}-2", **PYTHON)["instanceStatus"] == "active"
    assert sls.upload(express("one"), awaited) == 200
    assert sls.ended()["instanceStatus"] == "active"


@pytest.mark.parametrize(
    "src",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/00000000-0000-0000-0000-000000000000.zip",
        "https://sls-cache-1250000000.cos.ap-guangzhou.myqcloud.com.evil.com/a.zip",
        "https://sls-cache-1250000001.cos.ap-guangzhou.myqcloud.com/{}.zip",
        "https://other-1250000000.cos.ap-guangzhou.myqcloud.com/{}.zip",
        "https://sls-cache-1250000000.cos.ap-guangzhou.myqcloud.com/../etc/passwd",
        "https://u@sls-cache-1250000000.cos.ap-guangzhou.myqcloud.com/{}.zip",
        "http://sls-cache-1250000000.cos.ap-guangzhou.myqcloud.com/{}.zip",
        *("file:///etc/passwd", "/etc/passwd", "https://[", "", None, 7, {"src": "/etc"}),
    ],
)
def test_code_is_never_taken_from_elsewhere(sls: Sls, src: object) -> None:
    named = "00000000-0000-0000-0000-000000000000"
    asked = src.format(named) if isinstance(src, str) else src

    refused = sls.refusal("RunComponent", sls.run("deploy", {"src": asked}))
    assert refused.get_code() == "InvalidParameterValue"
    assert refused.get_message().startswith("inputs.src")
    assert sls.get() is None


def test_code_may_be_an_object_of_a_bucket_of_ones_own(scf: Sls) -> None:
    asked = scf.run("deploy", {"src": {"bucket": "none", "object": "code.zip"}, **PYTHON})
    scf.ask("RunComponent", asked)

    assert "[none-1250000000/code.zip] is not found" in scf.ended()["deploymentError"]


@pytest.mark.parametrize(
    "name", ["..", "../x", "a/b", "a b", "", "a" * 65, "a\0", "$LATEST", "a\n"]
)
def test_a_name_that_is_a_path_is_refused(platform: Platform, name: str) -> None:
    asking = Sls(platform, name)
    for action, body in (
        ("GetInstance", asking.named),
        ("RunComponent", asking.run("deploy", {"src": {"bucket": "b", "object": "o"}})),
    ):
        refused = asking.refusal(action, body)
        assert refused.get_code() == "InvalidParameter"
        assert refused.get_message().startswith("name ")


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", "null", "7", '"text"', "\ud800", "[" * 100_000, '{"instance": 1}'),
        f'{{"credentials": {{"tencent": {{"SecretKey": "{SECRET}"}}}}',
        json.dumps({"method": "deploy", "instance": {"orgName": "o", "secret": SECRET}}),
        json.dumps({"method": ["deploy"], "instance": {"orgName": [SECRET]}}),
        json.dumps({"method": SECRET + "x" * (1 << 20), "instance": {}}),
    ],
)
def test_a_body_that_is_none_is_refused_and_nothing_of_it_quoted(sls: Sls, body: str) -> None:
    for action in ("RunComponent", "GetInstance"):
        refused = sls.refusal(action, body)

        assert refused.get_code() == "InvalidParameter"
        assert SECRET not in refused.get_message()


def test_only_who_may_do_everything_gets_an_address_to_write_to_or_a_run() -> None:
    of_platform = {name: row.needs for (_, name), row in BY_NAME.items() if row.service == "sls"}

    assert of_platform.pop("GetInstance") is Role.VIEW
    assert set(of_platform.values()) == {Role.ADMIN}


def test_other_methods_are_refused_with_what_would_do(sls: Sls) -> None:
    refused = sls.refusal("RunComponent", sls.run("logs", {}))

    assert "deploy and remove can be had here" in refused.get_message()


def test_the_key_that_comes_along_is_neither_kept_nor_logged(scf: Sls) -> None:
    scf.deploy(event("one"), **PYTHON)
    scf.deploy(b"no zip")

    platform = scf.platform
    files = [platform.log, *(file for file in platform.data.rglob("*") if file.is_file())]
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []
    assert not any((platform.data / "runs").iterdir())


def test_newer_command_lines_are_told_that_there_is_nothing_to_compare_with(sls: Sls) -> None:
    urls = sls.ask("GetCacheFileUrls", {"orgUid": "org", "orgName": "org"})

    assert sls.upload(b"x", urls["changesUploadUrl"]) == 200
    assert urls["srcDownloadUrl"].partition("?")[0] == urls["changesUploadUrl"].partition("?")[0]
    assert urls["previousMapDownloadUrl"].partition("?")[0].endswith(".map")
