"""Layers: published once, found under /opt by the functions that have them."""

from __future__ import annotations

import hashlib
import signal
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest

from tests.cos.buckets import Bucket
from tests.platform import Platform, until, zipped

PYTHON, NODE = "Python3.10", "Nodejs16.13"
CODE = """
import os
try:
    import shared_words
except ImportError as error:
    shared_words = None

def main_handler(event, context):
    return {"word": shared_words and shared_words.WORD, "pid": os.getpid()}
"""
IN_NODE = """
exports.main_handler = async () => ({ word: require('shared-words'), at: require('./own') });
"""


def publish(platform: Platform, name: str, word: str, **more: Any) -> int:
    usual = {
        "CompatibleRuntimes": [PYTHON],
        "Content": {"ZipFile": zipped({"shared_words.py": f"WORD = {word!r}"})},
    }
    answer = platform.call("PublishLayerVersion", LayerName=name, **usual | more)
    return int(answer["LayerVersion"])


def layers(*named: tuple[str, int]) -> list[dict[str, object]]:
    return [{"LayerName": name, "LayerVersion": number} for name, number in named]


def refused(platform: Platform, action: str, /, **asked: Any) -> tuple[str, str]:
    refusal = platform.refusal(action, **asked)
    return str(refusal.get_code()), str(refusal.get_message())


def test_a_function_imports_what_is_in_its_layer(platform: Platform, name: str) -> None:
    layer = f"l-{name}"
    assert publish(platform, layer, "one") == 1
    platform.make(name, CODE, Layers=layers((layer, 1)))
    told = platform.call("GetFunction", FunctionName=name)

    assert platform.invoke(name)["RetMsg"].startswith('{"word": "one"')
    assert [(one["LayerName"], one["LayerVersion"]) for one in told["Layers"]] == [(layer, 1)]


def test_a_published_version_keeps_the_layer_that_it_was_published_with(
    platform: Platform, name: str
) -> None:
    layer = f"l-{name}"
    publish(platform, layer, "one")
    assert publish(platform, layer, "two") == 2
    platform.make(name, CODE, Layers=layers((layer, 1)))
    assert platform.publish(name) == "1"
    platform.call("UpdateFunctionConfiguration", FunctionName=name, Layers=layers((layer, 2)))

    for qualifier, word in (("$LATEST", "two"), ("1", "one")):
        result = platform.invoke(name, Qualifier=qualifier)
        assert result["RetMsg"].startswith(f'{{"word": "{word}"'), result
    told = platform.call("GetFunction", FunctionName=name, Qualifier="1")
    assert [(one["LayerName"], one["LayerVersion"]) for one in told["Layers"]] == [(layer, 1)]


def test_one_empty_layer_clears_them_and_none_leaves_them(platform: Platform, name: str) -> None:
    layer = f"l-{name}"
    publish(platform, layer, "one")
    platform.make(name, CODE, Layers=layers((layer, 1)))
    platform.call("UpdateFunctionConfiguration", FunctionName=name, Timeout=4)
    assert platform.invoke(name)["RetMsg"].startswith('{"word": "one"')
    platform.call("UpdateFunctionConfiguration", FunctionName=name, Layers=layers(("", 0)))

    assert platform.call("GetFunction", FunctionName=name)["Layers"] == []
    assert platform.invoke(name)["RetMsg"].startswith('{"word": null')


def test_a_function_in_node_requires_what_is_in_its_layer(platform: Platform, name: str) -> None:
    files = {"node_modules/shared-words/index.js": "module.exports = 'from node';"}
    content = {"ZipFile": zipped(files)}
    publish(platform, f"l-{name}", "", CompatibleRuntimes=[NODE, PYTHON], Content=content)
    platform.make(
        name,
        Runtime=NODE,
        Code={"ZipFile": zipped({"index.js": IN_NODE, "own.js": "module.exports = __dirname;"})},
        Layers=layers((f"l-{name}", 1)),
    )

    assert '"word":"from node"' in platform.invoke(name, Timeout=10)["RetMsg"]


def test_deleting_a_layer_leaves_the_functions_that_have_it(platform: Platform, name: str) -> None:
    layer = f"l-{name}"
    publish(platform, layer, "one")
    platform.make(name, CODE, Layers=layers((layer, 1)))
    platform.call("DeleteLayerVersion", LayerName=layer, LayerVersion=1)
    # A deploy that says again what is there changes nothing, and is not refused for it.
    again = {
        "Layers": layers((layer, 1)),
        "Environment": {"Variables": [{"Key": "AB", "Value": "1"}]},
    }
    platform.call("UpdateFunctionConfiguration", FunctionName=name, **again)

    assert platform.invoke(name)["RetMsg"].startswith('{"word": "one"')
    code, message = refused(
        platform,
        "CreateFunction",
        FunctionName=f"{name}b",
        Code={"ZipFile": zipped(CODE)},
        Layers=layers((layer, 1)),
    )
    assert code == "ResourceNotFound.Layer"
    assert f"{layer}:1" in message
    assert publish(platform, layer, "one") == 2, "no number is used twice"


def test_a_layer_is_described_listed_and_had_back(platform: Platform, name: str) -> None:
    layer, word = f"l-{name}", zipped({"shared_words.py": "WORD = 1"})
    publish(
        platform,
        layer,
        "",
        Content={"ZipFile": word},
        Description="words",
        LicenseInfo="MIT",
        CompatibleRuntimes=[PYTHON, NODE, PYTHON],
    )
    publish(platform, layer, "two")
    told = platform.call("GetLayerVersion", LayerName=layer, LayerVersion=1)

    assert told["CompatibleRuntimes"] == [PYTHON, NODE]
    assert (told["Description"], told["LicenseInfo"]) == ("words", "MIT")
    assert (told["LayerName"], told["LayerVersion"], told["Status"]) == (layer, 1, "Active")
    assert told["CodeSha256"] == hashlib.sha256(b64decode(word)).hexdigest()
    with urlopen(told["Location"]) as page:  # noqa: S310 - it is our own server
        assert page.read() == b64decode(word)
    versions = platform.call("ListLayerVersions", LayerName=layer)["LayerVersions"]
    assert [one["LayerVersion"] for one in versions] == [2, 1]
    for_node = platform.call("ListLayerVersions", LayerName=layer, CompatibleRuntime=[NODE])
    assert [one["LayerVersion"] for one in for_node["LayerVersions"]] == [1]
    listed = platform.call("ListLayers", SearchKey=layer)
    assert [one["LayerVersion"] for one in listed["Layers"]] == [2]
    listed = platform.call("ListLayers", SearchKey=layer, CompatibleRuntime=NODE)
    assert [(one["LayerVersion"]) for one in listed["Layers"]] == [1]
    platform.call("DeleteLayerVersion", LayerName=layer, LayerVersion=2)
    platform.call("DeleteLayerVersion", LayerName=layer, LayerVersion=1)
    assert platform.call("ListLayers", SearchKey=layer)["TotalCount"] == 0


def test_what_the_code_of_a_function_is_can_be_had_back(platform: Platform, name: str) -> None:
    platform.make(name, CODE)
    told = platform.call("GetFunctionAddress", FunctionName=name)

    with urlopen(told["Url"]) as page:  # noqa: S310 - it is our own server
        assert hashlib.sha256(page.read()).hexdigest() == told["CodeSha256"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"LayerName": "9"}, "InvalidParameterValue.LayerName"),
        ({"CompatibleRuntimes": []}, "InvalidParameterValue.CompatibleRuntimes"),
        ({"CompatibleRuntimes": ["Cobol"]}, "InvalidParameterValue.CompatibleRuntimes"),
        ({"CompatibleRuntimes": "Python3.10"}, "InvalidParameterValue.CompatibleRuntimes"),
        ({"Content": {}}, "InvalidParameterValue.Content"),
        ({"Content": {"ZipFile": "UEsFBg=="}}, "InvalidParameterValue.Content"),
        ({"Content": {"ZipFile": "!"}}, "InvalidParameterValue.ZipFileBase64BinasciiError"),
        (
            {"Content": {"CosBucketName": "none", "CosObjectName": "a"}},
            "InvalidParameterValue.CosBucketName",
        ),
    ],
    ids=str,
)
def test_what_no_layer_can_be_made_of_is_refused(
    platform: Platform, asked: dict[str, Any], code: str
) -> None:
    usual = {
        "LayerName": "refused",
        "CompatibleRuntimes": [PYTHON],
        "Content": {"ZipFile": zipped("x = 1")},
    }

    assert refused(platform, "PublishLayerVersion", **usual | asked)[0] == code
    assert platform.call("ListLayers", SearchKey="refused")["TotalCount"] == 0


def test_layers_that_a_function_cannot_have_are_refused(platform: Platform, name: str) -> None:
    mine = [f"l{n}-{name}" for n in range(6)]
    for layer in mine:
        publish(platform, layer, layer)
    publish(platform, mine[0], "again")
    publish(platform, f"node-{name}", "", CompatibleRuntimes=[NODE])
    platform.make(name, CODE)

    for asked, code, word in (
        (layers(*((layer, 1) for layer in mine)), "InvalidParameterValue.Layers", "at most 5"),
        (layers((mine[0], 1), (mine[0], 2)), "InvalidParameterValue.Layers", "twice"),
        (layers((f"node-{name}", 1)), "InvalidParameterValue.Layers", PYTHON),
        (layers((mine[0], 9)), "ResourceNotFound.Layer", f"{mine[0]}:9"),
        (layers(("9", 1)), "InvalidParameterValue.Layers", "LayerName"),
    ):
        said = refused(platform, "UpdateFunctionConfiguration", FunctionName=name, Layers=asked)
        assert said[0] == code
        assert word in said[1]
    for action in ("GetLayerVersion", "DeleteLayerVersion"):
        asked_for = {"LayerName": "none", "LayerVersion": 1}
        assert refused(platform, action, **asked_for)[0] == "ResourceNotFound.LayerVersion"
    assert refused(platform, "ListLayerVersions", LayerName="none")[0] == "ResourceNotFound.Layer"


@pytest.mark.parametrize("number", [2**31, 2**63, -(2**63), 10**30])
def test_a_number_that_no_version_can_have_is_not_found(platform: Platform, number: int) -> None:
    asked = {"LayerName": "deps", "LayerVersion": number}
    for action in ("GetLayerVersion", "DeleteLayerVersion"):
        refused = platform.refusal(action, **asked)
        assert refused.get_code() == "ResourceNotFound.LayerVersion"


def test_code_and_layers_together_are_bounded(platform: Platform, name: str) -> None:
    half = {"ZipFile": zipped({"zeros": bytes(251 << 20)})}
    publish(platform, f"a-{name}", "", Content=half)
    asked = {"FunctionName": name, "Code": half, "Layers": layers((f"a-{name}", 1))}
    code, message = refused(platform, "CreateFunction", **asked)

    assert code == "InvalidParameterValue.Layers"
    assert "at most 524288000" in message


def test_the_component_publishes_and_removes_a_layer(platform: Platform, name: str) -> None:
    """As `Layer` of tencent-component-toolkit 2.27.6 asks: by HmacSHA1, every value a text."""
    bucket = Bucket(platform.api, f"c-{name}")
    bucket.ask("PUT")
    bucket.ask("PUT", "l.zip", b64decode(zipped({"shared_words.py": "WORD = 'c'"})))
    component = platform.client("HmacSHA1", "POST")
    asked = {
        "Content": {"CosBucketName": f"c-{name}", "CosObjectName": "l.zip"},
        "Description": "Layer created by serverless component",
        "Region": "ap-guangzhou",
        "CompatibleRuntimes": [PYTHON],
        "LayerName": name,
    }
    made = component.call_json("PublishLayerVersion", asked)["Response"]
    mine = {"LayerName": name, "LayerVersion": str(made["LayerVersion"])}

    assert component.call_json("GetLayerVersion", mine)["Response"]["Status"] == "Active"
    component.call_json("DeleteLayerVersion", mine)
    assert refused(platform, "GetLayerVersion", **mine)[0] == "ResourceNotFound.LayerVersion"


def test_layers_and_objects_outlive_a_killed_server(start: Callable[..., Platform]) -> None:
    mine = start()
    Bucket(mine.api, "kept").ask("PUT")
    assert Bucket(mine.api, "kept").ask("PUT", "a", b"kept").status == 200
    publish(mine, "words", "kept")
    mine.make("keeper", CODE, Layers=layers(("words", 1)))
    mine.call("DeleteLayerVersion", LayerName="words", LayerVersion=1)
    mine.stop(signal.SIGKILL)
    mine = start(data=mine.data)

    result = until(lambda: mine.invoke("keeper"))
    assert result["RetMsg"].startswith('{"word": "kept"')
    assert publish(mine, "words", "new") == 2
    assert Bucket(mine.api, "kept").ask("GET", "a").body == b"kept"
