"""Deploying to a real server: what a project says is there afterwards, and nothing is twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from huidu.project.flaw import Flaw
from tests.platform import Platform
from tests.project.deploying import Deploying, fetch

SCF = "component: scf\nname: {name}\ninputs:\n  name: {name}\n  runtime: Python3.11\n"
CODE = 'VERSION = "{}"\n\ndef main_handler(event, context):\n    return VERSION\n'


@pytest.fixture
def project(tmp_path: Path, platform: Platform, name: str) -> Deploying:
    found = Deploying(tmp_path, platform)
    found.write(serverless_yml=SCF.format(name=name), index_py=CODE.format("one"))
    return found


def calls(project: Deploying, count: int, qualifier: str = "$DEFAULT") -> Counter[str]:
    """Call so many times, and count what answered."""
    return Counter(json.loads(project.invoke(qualifier)["RetMsg"]) for _ in range(count))


def test_a_function_is_made_once_and_then_left_alone_until_something_changes(
    project: Deploying, name: str
) -> None:
    assert project.deploy()[0] == f"+ function {name}"
    assert calls(project, 1) == {"one": 1}

    assert project.deploy() == ["nothing to change: the server has what the project says"]

    project.write(index_py=CODE.format("two"))
    told = project.deploy(timeout="9", **{"environment.variables.STAGE": "test"})
    assert [line for line in told if line[0] != " "] == [
        f"~ code of {name}",
        f"~ configuration of {name}",
    ]
    assert "    timeout: 3 s -> 9 s" in told
    assert "    environment STAGE: added" in told
    assert calls(project, 1) == {"two": 1}


def test_traffic_goes_as_the_components_have_it_go(project: Deploying) -> None:
    assert "  note: traffic has no effect: nothing was ever published" in "\n".join(
        project.deploy(traffic="0.1")
    )
    project.deploy(publish="", traffic="0")
    project.write(index_py=CODE.format("two"))
    assert calls(project, 10) == {"one": 10}

    told = project.deploy(traffic="0.1")
    assert told[2:] == [
        "~ alias $DEFAULT",
        "    calls: $LATEST 0 %, 1 100 % -> $LATEST 10 %, 1 90 %",
    ]
    # The exact split: of each 10 calls, one or two more or less of a boundary.
    assert calls(project, 40)["two"] in {3, 4, 5}

    project.deploy(traffic="1.0")
    assert calls(project, 10) == {"two": 10}

    told = project.deploy(publish="", traffic="0")
    assert "    calls: $LATEST 100 %, 1 0 % -> $LATEST 0 %, the new version 100 %" in told
    assert calls(project, 10) == {"two": 10}
    assert calls(project, 1, "2") == {"two": 1}


def test_what_has_not_changed_is_not_published_again(project: Deploying) -> None:
    project.deploy(publish="")

    assert project.deploy(publish="") == [
        "nothing to change: the server has what the project says",
        "  note: unchanged since version 1, so no new version is published",
    ]


def test_aliases_and_rules_lead_to_what_is_published(project: Deploying, name: str) -> None:
    more = "aliases:\n  release:\n    sticky: invoke.headers.User\n  beta: {}\n"
    project.write(serverless_yml=SCF.format(name=name) + more)
    told = project.deploy()
    assert [line for line in told if line[0] != " "] == [
        f"+ function {name}",
        f"* publish $LATEST of {name} as a new version",
        "+ alias release",
        "+ alias beta",
    ]
    project.write(index_py=CODE.format("two"))
    rule = "rules:\n  - {alias: beta, key: invoke.headers.User, expression: Bob}\n"
    project.write(serverless_yml=SCF.format(name=name) + more.replace("{}", "{version: 1}") + rule)
    project.deploy()
    assert calls(project, 2, "release") == {"two": 2}
    assert calls(project, 2, "beta") == {"one": 2}
    to_bob = project.platform.call(
        "InvokeFunction",
        FunctionName=name,
        Qualifier="beta",
        RoutingKey=json.dumps({"User": "Bob"}),
    )
    assert json.loads(to_bob["Result"]["RetMsg"]) == "two"
    assert project.deploy()[0].startswith("nothing to change")


def test_what_somebody_else_has_changed_since_is_not_undone(project: Deploying, name: str) -> None:
    project.write(serverless_yml=SCF.format(name=name) + "aliases: {release: {}}\n")
    project.deploy()
    project.platform.call(
        "UpdateAlias", FunctionName=name, Name="release", FunctionVersion="$LATEST", Reason="hurry"
    )

    with pytest.raises(Flaw, match=r"release is at revision 2 and was at 1, moved by .*\(hurry\)"):
        project.deploy()
    project.left = None
    assert "    calls: $LATEST 100 % -> 1 100 %" in project.deploy()


def test_a_plan_that_is_out_of_date_is_refused_by_the_server(project: Deploying, name: str) -> None:
    project.write(serverless_yml=SCF.format(name=name) + "aliases: {release: {}}\n")
    project.deploy()
    project.write(index_py=CODE.format("two"))
    late = project.plan()
    project.deploy()

    moved = next(step for step in late.steps if step.action == "UpdateAlias")
    refusal = project.platform.refusal(
        "UpdateAlias", **{**moved.parameters, "FunctionVersion": "1"}
    )
    assert refusal.get_code() == "ResourceInUse"


def test_triggers_are_made_and_changed_and_keep_their_address(
    project: Deploying, name: str
) -> None:
    events = """\
  events:
    - timer: {parameters: {name: nightly, cronExpression: "0 0 3 * * * *", enable: true}}
    - http: {parameters: {name: url, corsConfig: {origins: "*", credentials: false, maxAge: 5}}}
    - apigw:
        parameters:
          netTypes: [OUTER]
          endpoints:
            - path: /test/{abc}/{more}
              isBase64Encoded: true
              isBase64Trigger: true
              base64EncodedTriggerRules: [{name: Accept, value: [image/jpeg]}]
              param: [{name: abc, position: PATH, required: true, desc: which}, {name: n}]
"""
    project.write(serverless_yml=SCF.format(name=name) + events)
    assert [line for line in project.deploy() if line[0] != " "][1:] == [
        "+ trigger nightly (timer)",
        "+ trigger url (http)",
        "+ service serverless of the gateway",
        "+ API ANY /test/{abc}/{more}",
        "* release the service to release",
    ]
    assert project.deploy()[0].startswith("nothing to change")

    later = events.replace("0 3 *", "0 4 *").replace("{name: n}", "{name: n, required: true}")
    project.write(serverless_yml=SCF.format(name=name) + later)
    assert project.deploy()[:6] == [
        "~ trigger nightly (timer)",
        '    cron: "0 0 3 * * * *" -> "0 0 4 * * * *"',
        "~ API ANY /test/{abc}/{more}",
        (
            "    parameters: PATH abc (string, required): which; QUERY n (string) -> "
            "PATH abc (string, required): which; QUERY n (string, required)"
        ),
        "* release the service to release",
        (
            "  note: inputs.events[2].apigw.parameters.netTypes has no effect here: the gateway "
            "listens where the server was told to"
        ),
    ]


EXPRESS = "component: express\nname: {name}\ninputs:\n  runtime: Nodejs18.15\n"
#: What an application of Express is: a function of a request and an answer.
SLS = """\
const version = 'one';
module.exports = (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    if (request.url === '/picture') {
      response.setHeader('Content-Type', 'image/png');
      return response.end(Buffer.from([0x89, 0xff, 0x00]));
    }
    response.statusCode = request.url === '/none' ? 404 : 200;
    response.setHeader('Content-Type', 'application/json');
    const body = Buffer.concat(chunks).toString();
    response.end(JSON.stringify([version, request.method, request.url, body]));
  });
};
"""
KOA = """\
module.exports = {
  slsInitialize() { this.ready = true; },
  callback() { return (request, response) => response.end(`ready: ${this.ready}`); },
};
"""
WSGI = """\
def app(environ, start_response):
    body = environ["wsgi.input"].read().decode()
    said = [environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1").decode()]
    start_response("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"),
                                   ("Set-Cookie", "b=2")])
    return ["|".join([*said, environ["QUERY_STRING"], body]).encode()]
"""


def test_an_application_of_node_answers_through_the_gateway_and_moves(
    project: Deploying, name: str
) -> None:
    (project.folder / "index.py").unlink()
    project.write(serverless_yml=EXPRESS.format(name=name), sls_js=SLS)
    told = [line for line in project.deploy(publish="", traffic="0") if line[0] != " "]
    assert told == [
        f"+ function {name}-dev-{name}",
        f"* publish $LATEST of {name}-dev-{name} as a new version",
        "~ alias $DEFAULT",
        "+ service serverless of the gateway",
        "+ API ANY /",
        "* release the service to release",
    ]
    url = project.url()

    status, headers, body = fetch(f"{url}/shop/%E5%95%86?n=1&m=a%20b", b"hello")
    assert (status, json.loads(body)) == (
        200,
        ["one", "POST", "/shop/%E5%95%86?n=1&m=a+b", "hello"],
    )
    assert [value for name, value in headers if name.lower() == "set-cookie"] == ["a=1", "b=2"]
    assert json.loads(fetch(f"{url}/a%2Fb%25%3Fc")[2])[2] == "/a%2Fb%25%3Fc"
    assert fetch(f"{url}/picture")[2] == bytes([0x89, 0xFF, 0x00])
    assert fetch(f"{url}/none")[0] == 404

    project.write(sls_js=SLS.replace("'one'", "'two'"))
    project.deploy(traffic="0.1")
    seen = Counter(json.loads(fetch(url)[2])[0] for _ in range(20))
    assert seen["two"] in {1, 2, 3}
    project.deploy(traffic="1.0")
    assert json.loads(fetch(url)[2])[0] == "two"
    project.deploy(traffic="0")
    assert json.loads(fetch(url)[2])[0] == "one"

    assert [line[:9] for line in project.remove()] == [
        *("- API ANY", "- service", "- service", "- functio"),
    ]
    assert fetch(url)[0] == 404
    assert project.remove() == ["nothing to change: the server has what the project says"]


def test_an_application_that_has_a_callback_is_called_by_it(project: Deploying, name: str) -> None:
    project.write(serverless_yml=EXPRESS.format(name=name).replace("express", "koa"), sls_js=KOA)
    project.deploy()

    assert fetch(project.url())[2] == b"ready: true"


def test_an_application_that_could_not_begin_begins_with_the_next_call(
    project: Deploying, name: str
) -> None:
    away = "let calls = 0; app.slsInitialize = async () => { if (!calls++) throw Error('away'); };"
    project.write(
        serverless_yml=EXPRESS.format(name=name),
        sls_js=f"const app = (_, to) => to.end('begun');\n{away}\nmodule.exports = app;\n",
    )
    project.deploy()

    assert b"away" in fetch(project.url())[2]
    assert fetch(project.url())[2] == b"begun"


def test_an_application_may_be_a_module_of_the_newer_kind(project: Deploying, name: str) -> None:
    project.write(
        serverless_yml=EXPRESS.format(name=name),
        package_json='{"type": "module"}',
        sls_js="export default (request, response) => response.end('a module');",
    )
    project.deploy()
    assert fetch(project.url())[2] == b"a module"

    project.write(sls_js="export default 42;")
    project.deploy()
    assert b"sls.js must export the application" in fetch(project.url())[2]


def test_an_application_of_python_answers_through_the_gateway(
    project: Deploying, name: str
) -> None:
    text = (
        EXPRESS.format(name=name).replace("express", "flask").replace("Nodejs18.15", "Python3.11")
    )
    project.write(serverless_yml=text, app_py=WSGI)
    project.deploy()

    status, headers, body = fetch(f"{project.url()}/shop/%E5%95%86?n=1", b"hello")
    assert (status, body.decode()) == (201, "POST|/shop/商|n=1|hello")
    assert fetch(f"{project.url()}/a%2Fb%25")[2] == b"GET|/a/b%||"
    assert [value for name, value in headers if name.lower() == "set-cookie"] == ["a=1", "b=2"]
    assert project.deploy()[0].startswith("nothing to change")


def test_what_cannot_be_changed_is_refused_before_anything_is(
    project: Deploying, name: str
) -> None:
    project.deploy()

    with pytest.raises(Flaw, match=r"the runtime of .* is Python3\.11 on the server and cannot"):
        project.plan(runtime="Python3.9")
    (project.folder / "scf_bootstrap").touch(0o755)
    with pytest.raises(Flaw, match=r"the type of .* is Event on the server"):
        project.plan(type="web")


def test_a_service_that_is_named_is_used_and_what_is_not_ours_in_it_stays(
    project: Deploying, name: str
) -> None:
    made = project.platform.gateway_call("CreateService", ServiceName=name, Protocol="http")
    (project.folder / "sls.js").write_text(KOA)
    project.write(serverless_yml=EXPRESS.format(name=name).replace("express", "koa"))
    told = project.deploy(serviceId=made["ServiceId"], serviceName=name)

    assert "+ API ANY /" in told
    assert "+ service" not in "".join(told)
    with pytest.raises(Flaw, match="there is no service service-none on the server"):
        project.plan(serviceId="service-none")


def test_a_function_without_a_way_out_is_left_so(project: Deploying) -> None:
    project.deploy(publicAccess="false")

    assert project.deploy(publicAccess="false")[0].startswith("nothing to change")
    assert '    PublicNetConfig: {"PublicNetStatus": "DISABLE"} -> ' in "".join(project.deploy())


def test_more_versions_than_a_page_holds_are_all_seen(project: Deploying, name: str) -> None:
    project.deploy()
    for _ in range(101):
        project.platform.publish(name)

    assert project.deploy(traffic="0.5")[1].endswith("-> $LATEST 50 %, 101 50 %")
