"""Reading: what the official files mean, and what is said of files that are wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from huidu.model.function import EVENT, WEB
from huidu.project.declared import PUBLISHED, Endpoint, Parameter, Project, Timer, Traffic, Url
from huidu.project.flaw import Flaw
from huidu.project.reading import read, told

#: As the example of tencent-express has it, with what its documentation adds.
EXPRESS = """\
component: express
name: expressDemo
org: orgDemo
app: appDemo
stage: ${env:STAGE, dev}

inputs:
  region: ap-guangzhou
  functionName: ${name}-${stage}-${app}
  runtime: Nodejs10.15
  src:
    src: ./src
    exclude:
      - .env
      - node_modules
  functionConf:
    timeout: 10
    memorySize: 256
    environment:
      variables:
        TEST: value
        LEVEL: 3
        ON: true
    vpcConfig:
      vpcId: ''
      subnetId: ''
  apigatewayConf:
    protocols:
      - http
      - https
    environment: test
    enableCORS: true
    serviceTimeout: 20
    customDomains:
      - domain: abc.com
"""

#: As the documentation of tencent-scf has it, shorter.
SCF = """\
component: scf
name: scfdemo
inputs:
  src: ./src
  handler: index.main_handler
  runtime: Python3.9
  description: This is a function in ${app} application.
  memorySize: 128
  timeout: 20
  publicAccess: false
  layers:
    - name: scfLayer
      version: 1
  tags:
    team: shop
  events:
    - timer:
        parameters:
          cronExpression: '*/5 * * * * * *'
          argument: tick
    - apigw:
        parameters:
          serviceName: users
          protocols: [http]
          environment: release
          endpoints:
            - path: /users
              method: POST
              function:
                isIntegratedResponse: false
                functionQualifier: release
            - path: /test/{abc}
              method: GET
              isBase64Encoded: true
              isBase64Trigger: true
              base64EncodedTriggerRules:
                - {name: Accept, value: [image/jpeg]}
              param:
                - {name: abc, position: PATH, required: true, desc: which}
              function: {isIntegratedResponse: true}
    - http:
        parameters:
          netConfig:
            enableIntranet: true
          corsConfig: {origins: "https://a.example,https://b.example", maxAge: 60}
"""

RELEASE = """\
component: scf
name: shop
inputs:
  src: src
  runtime: Python3.9
aliases:
  release:
    sticky: invoke.headers.User
  beta:
    version: "3"
    weights: {"4": 0.25}
rules:
  - alias: release
    key: invoke.headers.User
    expression: Bob
    version: "7"
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    (tmp_path / "shop" / "src").mkdir(parents=True)

    def reads(
        text: str, environment: Mapping[str, str] = {}, stage: str = "", **inputs: str
    ) -> Project:
        (tmp_path / "shop" / "serverless.yml").write_text(text)
        return read(tmp_path / "shop", environment, stage=stage, inputs=inputs)

    return reads


def test_the_file_of_an_express_application_is_read_as_the_component_reads_it(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    found = project(EXPRESS, {"STAGE": "prod"})

    assert (found.name, found.app, found.stage, found.org) == (
        *("expressDemo", "appDemo", "prod", "orgDemo"),
    )
    assert found.function.name == "expressDemo-prod-appDemo"
    assert found.function.entry_file == "sls.js"
    assert found.source.folder == tmp_path / "shop" / "src"
    assert found.source.exclude == (".env", "node_modules")
    configuration = found.function.configuration
    assert (configuration.type, configuration.timeout_s, configuration.memory_mb) == (
        EVENT,
        10,
        256,
    )
    assert dict(configuration.environment) == {
        "LEVEL": "3",
        "ON": "true",
        "SERVERLESS": "1",
        "SLS_ENTRY_FILE": "sls.js",
        "TEST": "value",
    }
    assert configuration.settings == ()
    gateway = found.gateway
    assert gateway is not None
    assert (gateway.protocol, gateway.environment) == ("http&https", "test")
    assert gateway.endpoints == (Endpoint(cors=True, timeout_s=20),)
    assert [notice.key for notice in found.notices] == ["inputs.apigatewayConf.customDomains"]


def test_the_file_of_a_function_is_read_with_its_triggers(
    project: Callable[..., Project],
) -> None:
    found = project(SCF)

    assert found.function.name == "scfdemo-dev-scfdemo"
    assert found.function.description == "This is a function in scfdemo application."
    configuration = found.function.configuration
    assert (configuration.type, configuration.handler) == (EVENT, "index.main_handler")
    assert [(layer.name, layer.version) for layer in configuration.layers] == [("scfLayer", 1)]
    assert configuration.settings == (("public_net_config", '{"PublicNetStatus": "DISABLE"}'),)
    assert found.timers == (
        Timer(name="timer-scfdemo-dev", cron="*/5 * * * * * *", enabled=False, argument="tick"),
    )
    cors = '{"Enable": true, "Origins": ["https://a.example", "https://b.example"], "MaxAge": 60}'
    assert found.urls == (Url(name="url-trigger", extranet=False, cors=cors),)
    (notice,) = found.notices
    assert notice.why == "is closed, as the component makes it; say enable: true for it to run"
    assert found.gateway is not None
    assert found.gateway.endpoints == (
        Endpoint(path="/users", method="POST", integrated=False, qualifier="release"),
        Endpoint(
            path="/test/{abc}",
            method="GET",
            base64=True,
            base64_rules=(("Accept", ("image/jpeg",)),),
            parameters=(
                Parameter(name="abc", position="PATH", required=True, description="which"),
            ),
        ),
    )


def test_the_generic_component_has_words_of_its_own(project: Callable[..., Project]) -> None:
    found = project("""\
component: http
name: web
inputs:
  src: src
  faas: {framework: thinkphp, name: webDemo, environments: [{key: envKey, value: envValue}]}
  apigw: {id: service-x, api: {timeout: 9, qualifier: release}, environment: test}
""")

    assert found.function.name == "webDemo"
    assert found.function.configuration.type == WEB
    assert found.function.configuration.memory_mb == 512
    assert dict(found.function.configuration.environment) == {"envKey": "envValue"}
    assert found.gateway is not None
    assert found.gateway.service_id == "service-x"
    assert found.gateway.endpoints == (Endpoint(cors=True, timeout_s=9, qualifier="release"),)


def test_a_disabled_gateway_is_none(project: Callable[..., Project]) -> None:
    text = EXPRESS.replace("  apigatewayConf:", "  apigatewayConf:\n    isDisabled: true")

    assert project(text).gateway is None


@pytest.mark.parametrize(
    ("inputs", "traffic"),
    [
        ({}, Traffic()),
        ({"traffic": "0.1"}, Traffic(latest=0.1)),
        ({"traffic": "1.0"}, Traffic(latest=1.0)),
        ({"publish": "", "traffic": "0"}, Traffic(publish=True, latest=0)),
        ({"publish": "false"}, Traffic()),
        ({"publish": "other,expressDemo-dev-appDemo"}, Traffic(publish=True)),
        ({"publish": "other"}, Traffic()),
    ],
)
def test_the_command_line_says_what_is_published_and_who_gets_it(
    project: Callable[..., Project], inputs: dict[str, str], traffic: Traffic
) -> None:
    assert project(EXPRESS, **inputs).traffic == traffic


def test_the_command_line_wins_over_the_file(project: Callable[..., Project]) -> None:
    found = project(EXPRESS, stage="test", **{"functionConf.timeout": "30"})

    assert found.function.name == "expressDemo-test-appDemo"
    assert found.function.configuration.timeout_s == 30
    assert found.function.configuration.memory_mb == 256


def test_aliases_rules_and_rollouts_are_declared_beside_the_code(
    project: Callable[..., Project],
) -> None:
    release, beta = project(RELEASE).aliases

    assert (release.version, release.sticky) == (PUBLISHED, "invoke.headers.User")
    assert [(rule.method, rule.expression, rule.version) for rule in release.rules] == [
        ("exact", "Bob", "7")
    ]
    assert (beta.version, beta.weights) == ("3", (("4", 0.25),))

    plain = RELEASE.split("rules:", maxsplit=1)[0]
    rollout = project(
        plain + 'rollout: {alias: release, plan: "10%/5m, 100%", bake: 10m, budget: {failures: 5}}'
    ).rollout
    assert rollout is not None
    assert [step.weight for step in rollout.plan.steps] == [1000, 10000]
    assert (rollout.bake_s, rollout.budget_failures, rollout.budget_keys) == (600, 5, None)


def test_a_project_publishes_where_an_alias_is_to_have_what_is_published(
    project: Callable[..., Project],
) -> None:
    assert project(RELEASE).publishes
    assert not project(SCF).publishes
    assert project(SCF, publish="").publishes


def test_the_nearest_file_of_variables_counts_and_the_environment_wins(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("STAGE=above\n")
    assert project(EXPRESS).stage == "above"

    (tmp_path / "shop" / ".env").write_text("# no comment\nexport STAGE = 'beside'\nnonsense\n")
    assert project(EXPRESS).stage == "beside"
    assert project(EXPRESS, {"STAGE": "process"}).stage == "process"

    (tmp_path / "shop" / ".env.test").write_text('STAGE="of a stage"\n')
    assert project(EXPRESS.replace("${env:STAGE, dev}", "test")).stage == "test"


def test_two_dollars_are_one_that_means_itself(project: Callable[..., Project]) -> None:
    found = project(EXPRESS.replace("TEST: value", "TEST: $${env:HOME} and $5"))

    assert dict(found.function.configuration.environment)["TEST"] == "${env:HOME} and $5"


def test_what_is_merged_counts_as_written_there_and_gives_way(
    project: Callable[..., Project],
) -> None:
    found = project("""\
component: http
name: demo
inputs:
  ap-beijing: &usual {timeout: 7, memorySize: 256}
  faas: {<<: *usual, timeout: 9}
""").function.configuration

    assert (found.timeout_s, found.memory_mb) == (9, 256)


BASE = "component: scf\nname: demo\ninputs:\n  runtime: Python3.9\n"
ALIASED = BASE + "aliases:\n  release:\n"
WEB_BASE = "component: express\nname: demo\ninputs:\n"
EVENTS = BASE + "  events:\n"
#: What is wrong, and the message for it.
WRONG: Mapping[str, tuple[str, str]] = {
    "empty": ("", "serverless.yml: is empty; it must say at least component and name"),
    "bad YAML": (
        "component: scf\nname: [demo\ninputs: {}\n",
        (
            "serverless.yml:3: is not YAML: expected ',' or ']', but got ':' (while parsing a flow "
            "sequence that begins in line 2)"
        ),
    ),
    "a tab": (
        "component: scf\ninputs:\n\tsrc: .\n",
        (
            "serverless.yml:3: is not YAML: found character '\\t' that cannot start any token; "
            "indent with spaces, not with tabs"
        ),
    ),
    "a list": ("- a\n", "serverless.yml:1: is a list; must be a mapping of keys and values"),
    "a tag": (
        "component: scf\nname: !Ref x\n",
        "serverless.yml:2: the tag !Ref is not known here; write the value plainly",
    ),
    "a key twice": (
        "component: scf\nname: a\nname: b\n",
        "serverless.yml:3: name: is given twice, first in line 2; keep one of them",
    ),
    "two documents": (
        "component: scf\n---\nname: a\n",
        (
            "serverless.yml:2: is not YAML: found another document (expected a single document "
            "in the stream that begins in line 1)"
        ),
    ),
    "no name": (
        "component: scf\n",
        "serverless.yml:1: name: is missing; say for example name: my-project",
    ),
    "a misspelt component": (
        "componet: scf\nname: demo\n",
        "serverless.yml:1: componet: no such key; did you mean component?",
    ),
    "an unknown component": (
        "component: expres\nname: demo\n",
        (
            "serverless.yml:1: component: 'expres' is no component to be had here; did you mean "
            "express?; for any other web framework say http and add a file scf_bootstrap"
        ),
    ),
    "an unknown key": (
        BASE + "  memorySise: 256\n",
        "serverless.yml:5: inputs.memorySise: no such key; did you mean memorySize?",
    ),
    "an unknown key below": (
        WEB_BASE + "  functionConf:\n    timeOut: 3\n",
        "serverless.yml:5: inputs.functionConf.timeOut: no such key; did you mean timeout?",
    ),
    "an unknown key at the top": (
        BASE + "alias: {}\n",
        "serverless.yml:5: alias: no such key; did you mean aliases?",
    ),
    "a wrong type": (
        BASE + "  timeout: soon\n",
        "serverless.yml:5: inputs.timeout: 'soon'; must be a number",
    ),
    "half a second": (
        BASE + "  timeout: 2.5\n",
        "serverless.yml:5: inputs.timeout: 2.5; must be a whole number",
    ),
    "too long": (
        BASE + "  timeout: 1000\n",
        "serverless.yml:5: inputs.timeout: Timeout 1000: must be 1 to 900 seconds",
    ),
    "a size between": (
        BASE + "  memorySize: 100\n",
        (
            "serverless.yml:5: inputs.memorySize: MemorySize 100: must be 64, or 128 to 3072 in "
            "steps of 128 (MB)"
        ),
    ),
    "an unknown runtime": (
        BASE.replace("Python3.9", "Python39"),
        "serverless.yml:4: inputs.runtime: 'Python39' is no runtime; did you mean Python3.9?",
    ),
    "a missing environment variable": (
        BASE + "  description: ${env:TOKEM}\n",
        (
            "serverless.yml:5: inputs.description: the environment variable TOKEM is not set (did "
            "you mean TOKEN?); set it, put it into .env, or give a default: ${env:TOKEM, a default}"
        ),
    ),
    "an unknown variable": (
        BASE + "  description: ${stages}\n",
        "serverless.yml:5: inputs.description: ${stages} is no variable; did you mean stage?",
    ),
    "a missing folder": (
        BASE + "  src: ./scr\n",
        "serverless.yml:5: inputs.src: the folder './scr' is not there (looked from FOLDER)",
    ),
    "too much traffic": (
        BASE + "  traffic: 10\n",
        (
            "serverless.yml:5: inputs.traffic: 10; traffic must be a number between 0 and 1, as in "
            "0.1 for a tenth"
        ),
    ),
    "a name that cannot be": (
        BASE + "  name: 1st\n",
        (
            "serverless.yml:5: inputs.name: FunctionName '1st': 2 to 60 letters, digits, - and _, "
            "beginning with a letter and ending in a letter or digit"
        ),
    ),
    "a handler that cannot be": (
        BASE + "  handler: main\n",
        (
            "serverless.yml:5: inputs.handler: Handler 'main': must read file.function, as in "
            "index.main_handler; each part is 1 to 60 letters, digits, '_' and '-', beginning with "
            "a letter and not ending in '-'"
        ),
    ),
    "an unknown trigger": (
        EVENTS + "    - cos: {parameters: {}}\n",
        (
            "serverless.yml:6: inputs.events[0]: cos is no trigger to be had here; possible: "
            "apigw, http, timer"
        ),
    ),
    "a guard that would be left out": (
        WEB_BASE + "  apigatewayConf:\n    auth: {secretName: x}\n",
        (
            "serverless.yml:5: inputs.apigatewayConf.auth: keys are not deployed; make them with "
            "CreateApiKey and bind them to a usage plan"
        ),
    ),
    "an environment of the gateway": (
        WEB_BASE + "  apigatewayConf: {environment: relase}\n",
        "serverless.yml:4: inputs.apigatewayConf.environment: 'relase'; did you mean release?",
    ),
    "a rule for nobody": (
        ALIASED + "rules:\n  - {alias: relese, key: invoke.headers.A, expression: b}\n",
        "serverless.yml:8: rules[0].alias: no alias 'relese' in this file; did you mean release?",
    ),
    "an expression that cannot be": (
        ALIASED + "rules:\n  - {key: invoke.headers.A, method: range, expression: 1-5}\n",
        (
            "serverless.yml:8: rules[0].expression: Expression '1-5': a range reads (a,b), [a,b], "
            "[a,b) or (a,b], a and b integers"
        ),
    ),
    "weights of more than all": (
        ALIASED + '    weights: {"3": 0.7, "4": 0.7}\n',
        "serverless.yml:7: aliases.release.weights: add up to more than 1",
    ),
    "a rollout of nothing": (
        BASE + "rollout: {alias: release}\n",
        "serverless.yml:5: rollout.alias: no alias 'release' in this file; add it to aliases:",
    ),
    "a plan that cannot be": (
        ALIASED + "rollout:\n  plan: 10% 5m\n",
        (
            "serverless.yml:8: rollout.plan: Plan '10% 5m': '10% 5m' is no step; say evidence, "
            "all-at-once, linear 10%/1m, a preset such as Canary10Percent5Minutes, or steps "
            "such as 10%/5m, 30%/10m, 100%"
        ),
    ),
    "a text where a list belongs": (
        EVENTS.rstrip() + " apigw\n",
        "serverless.yml:5: inputs.events: 'apigw'; must be a list",
    ),
    "a mapping where a list belongs": (
        BASE + "  exclude: [{a: b}]\n",
        "serverless.yml:5: inputs.exclude: is a mapping; must be a list of texts",
    ),
    "a list where a number belongs": (
        BASE + "  timeout: [1]\n",
        "serverless.yml:5: inputs.timeout: is a list; must be a number",
    ),
    "a list where a text belongs": (
        BASE + "  description: [a]\n",
        "serverless.yml:5: inputs.description: is a list; must be a text",
    ),
    "a list in a list": (
        BASE + "  exclude: [[a]]\n",
        "serverless.yml:5: inputs.exclude: is a list; must be a list of texts",
    ),
    "neither true nor false": (
        BASE + "  publicAccess: maybe\n",
        "serverless.yml:5: inputs.publicAccess: 'maybe'; must be true or false",
    ),
    "an infinite number": (
        BASE + "  timeout: .inf\n",
        "serverless.yml:5: inputs.timeout: inf; must be a whole number",
    ),
    "a merged text": (
        BASE + "  <<: text\n",
        "serverless.yml:5: <<: only a mapping can be merged, as in <<: *defaults",
    ),
    "a key that is a list": (
        BASE + "  ? [a]\n  : b\n",
        "serverless.yml:5: a key must be a text",
    ),
    "a character that YAML has not": (
        BASE + "  description: \x01\n",
        (
            "serverless.yml: is not YAML: unacceptable character #x0001: special characters are "
            "not allowed"
        ),
    ),
    "a file as a folder": (
        BASE + "  src: serverless.yml\n",
        (
            "serverless.yml:5: inputs.src: the folder 'serverless.yml' is a file; name the folder "
            "that it is in (looked from FOLDER)"
        ),
    ),
    "a bucket": (
        BASE + "  src: {bucket: b, object: o}\n",
        "serverless.yml:5: inputs.src.bucket: code is packed from a folder here; say src: ./src",
    ),
    "an included file that is not there": (
        BASE + "  include: [none]\n",
        "serverless.yml:5: inputs.include: the file 'none' is not there",
    ),
    "a name that becomes too long": (
        "component: scf\nname: " + "a" * 40 + "\ninputs: {}\n",
        (
            f"serverless.yml:3: inputs.name: is missing, and '{'a' * 40}-dev-{'a' * 40}' is longer "
            "than 60 characters; say a shorter one"
        ),
    ),
    "a layer without a version": (
        BASE + "  layers: [{name: x}]\n",
        "serverless.yml:5: inputs.layers[0].version: say version: 1 or, of a folder, src: ./layer",
    ),
    "a trigger without parameters": (
        EVENTS + "    - timer: {name: x}\n",
        "serverless.yml:6: inputs.events[0].timer: needs parameters:",
    ),
    "an empty trigger": (
        EVENTS + "    - timer:\n",
        "serverless.yml:6: inputs.events[0].timer: is empty; it needs at least parameters:",
    ),
    "a service without paths": (
        EVENTS + "    - apigw: {parameters: {serviceName: x}}\n",
        (
            "serverless.yml:6: inputs.events[0].apigw.parameters.endpoints: is missing; say at "
            "least - path: /"
        ),
    ),
    "a URL that nobody reaches": (
        EVENTS + "    - http: {parameters: {netConfig: {enableExtranet: false}}}\n",
        (
            "serverless.yml:6: inputs.events[0].http.parameters.netConfig: leaves no way in; say "
            "enableIntranet: true or enableExtranet: true"
        ),
    ),
    "a URL with a guard": (
        EVENTS + "    - http: {parameters: {authType: CAM}}\n",
        "serverless.yml:6: inputs.events[0].http.parameters.authType: 'CAM'; possible: NONE",
    ),
    "two services": (
        EVENTS + 2 * "    - apigw: {parameters: {endpoints: [{path: /}]}}\n",
        "serverless.yml:5: inputs.events: two of apigw; put their endpoints into one",
    ),
    "a path that begins nowhere": (
        WEB_BASE + "  apigatewayConf: {endpoints: [{path: users}]}\n",
        "serverless.yml:4: inputs.apigatewayConf.endpoints[0].path: 'users'; must begin with /",
    ),
    "a timeout of the gateway": (
        WEB_BASE + "  apigatewayConf: {serviceTimeout: 0}\n",
        "serverless.yml:4: inputs.apigatewayConf.serviceTimeout: 0; must be 1 to 1800 seconds",
    ),
    "another protocol": (
        WEB_BASE + "  apigatewayConf: {protocols: [htpp]}\n",
        "serverless.yml:4: inputs.apigatewayConf.protocols: 'htpp'; did you mean http?",
    ),
    "two owners of one alias": (
        BASE + "  traffic: 0.1\naliases: {$DEFAULT: {}}\n",
        "serverless.yml:5: inputs.traffic: moves $DEFAULT, and so do the aliases; keep one of them",
    ),
    "a rule without an alias": (
        BASE + "aliases: {a1: {}, b1: {}}\nrules:\n  - {key: invoke.headers.A, expression: b}\n",
        "serverless.yml:7: rules[0].alias: is missing; say which of the aliases the rule is for",
    ),
    "a rule beside weights": (
        BASE + "aliases: {a1: {weights: {'3': 0.1}}}\nrules: [{key: x, expression: b}]\n",
        "serverless.yml:6: rules[0]: alias a1 has weights; an alias has one of both",
    ),
    "weights beside rules": (
        ALIASED + "    weights: {'3': 0.1}\n    rules: [{key: invoke.headers.A, expression: b,"
        " version: 4}]\n",
        (
            "serverless.yml:8: aliases.release.rules: weights and rules exclude each other; keep "
            "one of them"
        ),
    ),
    "a version twice": (
        ALIASED + "    version: '3'\n    weights: {'3': 0.1}\n",
        "serverless.yml:6: aliases.release: version 3 is the main version of release already",
    ),
    "a version that is none": (
        ALIASED + "    version: newest\n",
        (
            "serverless.yml:7: aliases.release.version: 'newest' is no version; say a number, "
            "published or $LATEST"
        ),
    ),
    "an empty weight": (
        ALIASED + "    weights: {'3': }\n",
        "serverless.yml:7: aliases.release.weights.3: is empty; say a share, as in 0.1",
    ),
    "a rollout of an alias that is fixed": (
        BASE + "aliases: {a1: {version: 3}}\nrollout: {alias: a1}\n",
        (
            "serverless.yml:6: rollout.alias: a rollout moves a1 itself; leave version, weights "
            "and rules of it out"
        ),
    ),
    "a rollout of one of many": (
        BASE + "aliases: {a1: {}, b1: {}}\nrollout: {plan: evidence}\n",
        "serverless.yml:6: rollout.alias: is missing; say which alias is to be moved",
    ),
    "a time that is none": (
        ALIASED + "rollout: {bake: soon}\n",
        "serverless.yml:7: rollout.bake: 'soon'; say a time, as in 30s, 10m or 1h",
    ),
    "a budget below nothing": (
        ALIASED + "rollout: {budget: {keys: -1}}\n",
        "serverless.yml:7: rollout.budget.keys: -1; must be 0 or more",
    ),
    "a name of an alias": (
        BASE + "aliases: {1a: {}}\n",
        (
            "serverless.yml:5: aliases.1a: Name '1a': 1 to 64 letters, digits, - and _, beginning "
            "with a letter"
        ),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_line_and_what_would_be_right(
    case: str, project: Callable[..., Project], tmp_path: Path
) -> None:
    text, message = WRONG[case]

    with pytest.raises(Flaw) as flaw:
        project(text, {"TOKEN": "x"})
    assert str(flaw.value).replace(str(tmp_path / "shop"), "FOLDER") == message


def test_what_is_wrong_on_the_command_line_is_said_of_the_option(
    project: Callable[..., Project],
) -> None:
    with pytest.raises(Flaw, match=r"^--inputs\.traffic: 2; traffic must be a number between"):
        project(EXPRESS, traffic="2")
    with pytest.raises(Flaw, match=r"^--inputs\.trafic: no such key; did you mean traffic\?"):
        project(EXPRESS, trafic="0.1")


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(Flaw, match=r"no serverless\.yml in .*; huidu init makes one"):
        read(tmp_path, {})

    (tmp_path / "serverles.yml").touch()
    with pytest.raises(Flaw, match=r"; there is serverles\.yml$"):
        read(tmp_path, {})


def test_a_few_lines_that_name_a_billion_parts_are_refused(
    project: Callable[..., Project],
) -> None:
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))

    with pytest.raises(Flaw, match="too many parts"):
        project(f"component: scf\nname: x\na0: &a0 [lol]\n{laughs}")
    with pytest.raises(Flaw, match="nested too deeply"):
        project("component: scf\nname: x\na: &a [*a]\n")
    with pytest.raises(Flaw, match="nested too deeply"):
        project("a: " + "[" * 5000)


def test_what_cannot_be_read_is_said(project: Callable[..., Project], tmp_path: Path) -> None:
    with pytest.raises(Flaw, match="over 1048576 bytes"):
        project("# " + "x" * 2**20)

    (tmp_path / "shop" / ".env").write_bytes(b"A=\xff")
    with pytest.raises(Flaw, match=r"\.env: cannot be read"):
        project(EXPRESS)
    (tmp_path / "shop" / "serverless.yml").write_bytes(b"\xff")
    with pytest.raises(Flaw, match=r"serverless\.yml: cannot be read"):
        read(tmp_path / "shop", {})


def test_the_application_of_the_folder_above_holds_for_all_below(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    (tmp_path / "serverless.yml").write_text("app: ours\n")
    assert project(EXPRESS).function.name == "expressDemo-dev-ours"

    (tmp_path / "serverless.yml").write_bytes(b"\xff")
    assert project(EXPRESS).app == "appDemo"


def test_what_is_said_of_a_region_alone_is_told_to_have_no_effect(
    project: Callable[..., Project],
) -> None:
    notice, *_ = project(SCF + "  ap-beijing: {memorySize: 256}\n").notices

    assert notice.key == "inputs.ap-beijing"
    assert SCF.count("\n") < notice.line <= SCF.count("\n") + 1
    assert notice.why == "has no effect here: there are no regions"


def test_api_gateways_take_more_paths_than_one(project: Callable[..., Project]) -> None:
    more = "    endpoints: [{path: /x}]\n    function: {functionQualifier: release}\n"
    found = project(EXPRESS + more).gateway

    assert found is not None
    assert [(one.path, one.qualifier) for one in found.endpoints] == [
        ("/", "release"),
        ("/x", "$DEFAULT"),
    ]


@pytest.mark.parametrize(
    "inputs",
    [
        *({"include": ["/etc/passwd"]}, {"include": ["/nowhere"]}, {"include": "../beside"}),
        *({"layers": [{"name": "x", "src": src}]} for src in ("/etc", "/nowhere", "..")),
        {"functionConf": {"layers": [{"name": "x", "src": "/etc"}]}},
    ],
)
def test_what_somebody_elsewhere_has_read_names_no_file_of_this_machine(
    tmp_path: Path, inputs: Mapping[str, object]
) -> None:
    own = {"name": "shop", "app": "shop", "stage": "dev", "org": ""}
    (tmp_path / "beside").touch()
    (tmp_path / "code").mkdir()

    # It is not even told which there are.
    with pytest.raises(Flaw, match="what lies beside the code is not sent along"):
        told(inputs, "scf", own, tmp_path / "code")


DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_what_the_document_shows_can_be_read(block: str, project: Callable[..., Project]) -> None:
    more = "" if "aliases:" in block else "aliases: {release: {}}\n"

    assert project(block if "component:" in block else BASE + more + block, {"TOKEN": "x"})
