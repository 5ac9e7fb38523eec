"""Plan: what is asked of a server, in which order, and what is refused; without any server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.project.declared import Endpoint, Project
from huidu.project.flaw import Flaw, Meanwhile
from huidu.project.plan import plan
from huidu.project.plan_aliases import traffic_alias
from huidu.project.plan_removal import plan_removal
from huidu.project.reading import read
from huidu.project.steps import PACKAGE, VERSION, Later, Plan, Step, filled, lines
from huidu.project.there import (
    AliasThere,
    ApiThere,
    FunctionThere,
    Left,
    ServiceThere,
    There,
    TriggerThere,
    VersionThere,
    left_by,
)

SCF = "component: scf\nname: shop\ninputs: {name: shop, runtime: Python3.9, description: d}\n"
EXPRESS = "component: express\nname: shop\ninputs: {functionName: shop, description: d}\n"
ROLLOUT = SCF + (
    "aliases: {release: {}}\n"
    "rollout: {plan: '10%/5m, 100%', guards: [error rate > 20 %], bake: 5m, budget: {keys: 9}}\n"
)
DEFAULT = AliasThere(name="$DEFAULT", version="$LATEST", revision=1)
RELEASE = AliasThere(name="release", version="1", revision=4, moved="moved by Ann at noon (why)")
ONE = VersionThere(number="1", digest="d1")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    def reads(text: str, **inputs: str) -> Project:
        (tmp_path / "serverless.yml").write_text(text)
        return read(tmp_path, {}, inputs=inputs)

    return reads


def there(project: Project, **changed: object) -> FunctionThere:
    """What a server has right after this project was deployed with the package `sha`."""
    usual = {"digest": "d1", "description": "d", "versions": (ONE,), "aliases": (DEFAULT, RELEASE)}
    return FunctionThere(
        configuration=project.function.configuration,
        code_sha256="sha",
        **(usual | changed),  # type: ignore[arg-type]
    )


def actions(steps: tuple[Step, ...]) -> list[str]:
    return [step.action for step in steps]


def test_the_way_to_new_code_comes_before_those_who_take_it(
    project: Callable[..., Project],
) -> None:
    text = EXPRESS + "aliases: {release: {version: $LATEST, weights: {published: 0.2}}}\n"
    wanted = project(text, publish="", traffic="0.5")

    made = plan(wanted, "sha", There())
    assert actions(made.steps) == [
        "CreateFunction",
        "PublishVersion",
        "UpdateAlias",
        "CreateAlias",
        "CreateService",
        "CreateApi",
        "ReleaseService",
    ]
    assert made.steps[0].parameters["Code"] == {"ZipFile": PACKAGE}
    assert made.steps[2].parameters["RoutingConfig"] == {
        "AdditionalVersionWeights": [{"Version": VERSION, "Weight": 0.5}]
    }
    (shared,) = made.steps[3].parameters["RoutingConfig"]["AdditionalVersionWeights"]  # type: ignore[index]
    assert shared["Version"] == VERSION
    assert made.steps[5].parameters["ServiceId"] == Later("service")
    assert made.sends_code


def test_nothing_is_asked_where_everything_is_as_it_should_be(
    project: Callable[..., Project],
) -> None:
    wanted = project(SCF + "aliases: {release: {}}\n")

    made = plan(wanted, "sha", There(function=there(wanted)))
    assert made.steps == ()
    assert not made.sends_code
    assert made.notes == ("unchanged since version 1, so no new version is published",)


@pytest.mark.parametrize(
    ("traffic", "weight"), [("0.1", 0.9), ("1.0", 0.0), ("0", 1.0), ("0.3", 0.7)]
)
def test_the_share_of_the_edited_version_leaves_the_rest_to_the_last_one(
    traffic: str, weight: float, project: Callable[..., Project]
) -> None:
    wanted = project(SCF, traffic=traffic)
    two = VersionThere(number="10", digest="d2")

    made = plan(wanted, "sha", There(function=there(wanted, versions=(ONE, two))))
    assert [step.parameters["RoutingConfig"] for step in made.steps] == [
        {"AdditionalVersionWeights": [{"Version": "10", "Weight": weight}]}
    ]
    assert made.steps[0].parameters["ExpectedRevision"] == 1


@given(share=st.integers(0, 10_000))
def test_both_shares_are_all_of_the_calls(share: int) -> None:
    ((_, rest),) = traffic_alias(share / 10_000, "1").weights

    assert round(rest * 10_000) + share == 10_000


def test_traffic_keeps_what_it_does_not_speak_of(project: Callable[..., Project]) -> None:
    wanted = project(SCF, traffic="0.1")
    sticky = replace(DEFAULT, sticky="invoke.headers.User", split="random")

    (step,) = plan(wanted, "sha", There(function=there(wanted, aliases=(sticky,)))).steps
    assert (step.parameters["Sticky"], step.parameters["Split"]) == (sticky.sticky, "random")


def test_a_rollout_moves_an_alias_that_is_there_and_makes_one_that_is_not(
    project: Callable[..., Project],
) -> None:
    wanted = project(ROLLOUT)
    assert actions(plan(wanted, "sha", There()).steps)[-1] == "CreateAlias"

    made = plan(wanted, "other", There(function=there(wanted)))
    assert actions(made.steps) == ["UpdateFunctionCode", "PublishVersion", "StartRollout"]
    assert made.steps[-1].service == "huidu"
    assert made.steps[-1].parameters == {
        "FunctionName": "shop",
        "Namespace": "default",
        "Name": "release",
        "FunctionVersion": VERSION,
        "Plan": "10%/5m, 100%",
        "Guards": ["error rate > 20 %"],
        "OnWorse": "rollback",
        "BakeTime": 300.0,
        "Budget": {"Keys": 9},
        "Reason": "huidu deploy",
    }
    assert not plan(wanted, "sha", There(function=there(wanted))).steps


def test_a_published_version_that_nobody_edits_any_more_is_taken_again(
    project: Callable[..., Project],
) -> None:
    """Somebody edited `$LATEST` after the last version, and the edit is what the project says."""
    wanted = project(SCF, publish="")

    made = plan(wanted, "sha", There(function=there(wanted, digest="d2")))
    assert actions(made.steps) == ["PublishVersion"]


def service(**changed: object) -> ServiceThere:
    usual = {"name": "serverless", "protocol": "http", "online": (("release", "v1"),)}
    api = ApiThere(id="api-1", function="shop", namespace="default", endpoint=Endpoint())
    return ServiceThere(id="service-1", **({"apis": (api,)} | usual | changed))  # type: ignore[arg-type]


def test_a_changed_path_is_released_where_what_is_online_is_what_was_seen(
    project: Callable[..., Project],
) -> None:
    wanted = project(EXPRESS, **{"apigatewayConf.enableCORS": "true"})

    made = plan(wanted, "sha", There(function=there(wanted), service=service()))
    assert actions(made.steps) == ["ModifyApi", "ReleaseService"]
    modify, release = (step.parameters for step in made.steps)
    assert (modify["ApiId"], modify["EnableCORS"]) == ("api-1", True)
    assert "AuthType" not in modify, "who guards an API on the server goes on to"
    assert (release["ServiceId"], release["ExpectedVersion"]) == ("service-1", "v1")

    same = plan(project(EXPRESS), "sha", There(function=there(wanted), service=service()))
    assert same.steps == ()
    offline = There(function=there(wanted), service=service(online=()))
    assert actions(plan(project(EXPRESS), "sha", offline).steps) == ["ReleaseService"]


@pytest.mark.parametrize(
    ("since", "asked"),
    [
        ("2026-01-01T00:00:09Z", ["ReleaseService"]),
        ("2026-01-01T00:00:10Z", []),  # in one second: a deploy that was not cut off
        ("2026-01-01T00:00:11Z", []),  # or somebody went back to an older version
    ],
)
def test_a_change_whose_release_was_cut_off_is_released_by_the_next_deploy(
    project: Callable[..., Project], since: str, asked: list[str]
) -> None:
    changed = service(since=(("release", since), ("test", "2026-01-01T00:00:00Z")))
    api = replace(changed.apis[0], modified="2026-01-01T00:00:10Z")
    other = replace(api, endpoint=Endpoint(path="/other"), modified="2026-01-02T00:00:00Z")
    wanted = project(EXPRESS)

    now = There(function=there(wanted), service=replace(changed, apis=(api, other)))
    assert actions(plan(wanted, "sha", now).steps) == asked


def test_a_service_that_is_named_must_be_there(project: Callable[..., Project]) -> None:
    wanted = project(EXPRESS, serviceId="service-x")

    with pytest.raises(Flaw, match="serviceId: there is no service service-x on the server"):
        plan(wanted, "sha", There())


@pytest.mark.parametrize(
    ("left", "text", "told"),
    [
        (
            Left(digest="d0", revisions=(("release", 4),)),
            SCF,
            "$LATEST has other code or another configuration",
        ),
        (
            Left(digest="d1", revisions=(("release", 3),)),
            SCF + "aliases: {release: {}}\n",
            "alias release is at revision 4 and was at 3, moved by Ann at noon (why)",
        ),
        (
            Left(digest="d1", online=(("release", "v0"),)),
            EXPRESS.replace("description: d", "description: d, apigatewayConf: {enableCORS: true}"),
            "another version of the service is online in release",
        ),
    ],
)
def test_what_somebody_else_changed_is_named_before_it_would_be_undone(
    left: Left, text: str, told: str, project: Callable[..., Project]
) -> None:
    wanted = project(text)
    found = There(function=there(wanted), service=service())

    with pytest.raises(Flaw) as flaw:
        plan(wanted, "other", found, left)
    assert str(flaw.value) == (
        f"this has changed since the last deploy from here: {told}; look at it with huidu "
        "diff, bring the project's file in line, or deploy with --force"
    )
    remembered = left_by(found)
    assert remembered is not None
    assert plan(wanted, "other", found, remembered).steps


def test_what_somebody_else_deleted_is_not_made_again(project: Callable[..., Project]) -> None:
    with pytest.raises(
        Flaw, match="since the last deploy from here: the function has been deleted"
    ):
        plan(project(SCF), "sha", There(), Left(digest="d1"))


def test_what_somebody_else_changed_is_left_alone_where_the_project_does_not_speak_of_it(
    project: Callable[..., Project],
) -> None:
    wanted = project(SCF)
    left = Left(digest="d0", revisions=(("release", 3),))

    assert plan(wanted, "sha", There(function=there(wanted)), left).steps == ()


def test_a_plan_is_told_line_by_line_and_no_secret_is(project: Callable[..., Project]) -> None:
    before = project(SCF, **{"environment.variables.TOKEN": "old", "timeout": "3"})
    wanted = project(SCF, **{"environment.variables.TOKEN": "new", "timeout": "9"})

    told = list(lines(plan(wanted, "other", There(function=there(before)))))
    assert told == [
        "~ code of shop",
        "    code: sha -> other",
        "~ configuration of shop",
        "    timeout: 3 s -> 9 s",
        "    environment TOKEN: (changed)",
    ]


def test_what_is_gone_from_the_file_is_cleared_on_the_server(
    project: Callable[..., Project],
) -> None:
    before = project(SCF, **{"environment.variables.TOKEN": "old"})
    public = project(SCF, publicAccess="false")

    (step,) = plan(project(SCF), "sha", There(function=there(before))).steps
    assert step.parameters["Environment"] == {"Variables": [{"Key": "", "Value": ""}]}
    (step,) = plan(project(SCF), "sha", There(function=there(public))).steps
    assert step.parameters["PublicNetConfig"] == {"PublicNetStatus": "ENABLE"}


def test_a_value_that_no_step_gave_is_a_mistake_of_ours() -> None:
    known: Mapping[str, object] = {"version": "7"}

    assert filled({"a": [VERSION, (VERSION,)], "b": 1}, known) == {"a": ["7", ["7"]], "b": 1}
    with pytest.raises(KeyError):
        filled({"a": PACKAGE}, known)


def test_an_alias_says_what_its_file_says_of_it(project: Callable[..., Project]) -> None:
    text = SCF + "aliases: {$DEFAULT: {description: ours}, release: {version: $LATEST}}\n"
    made = plan(project(text), "sha", There())

    default, release = made.steps[-2:]
    assert (default.action, default.parameters["ExpectedRevision"]) == ("UpdateAlias", 1)
    assert default.parameters["Description"] == "ours"
    assert (release.action, release.parameters["FunctionVersion"]) == ("CreateAlias", "$LATEST")


def test_an_alias_of_a_version_that_is_not_there_is_refused_before_anything_is_done(
    project: Callable[..., Project],
) -> None:
    wanted = project(SCF + "aliases: {release: {version: 7}}\n")

    with pytest.raises(Flaw, match=r"aliases\.release: version 7 is not .*nothing is published"):
        plan(wanted, "sha", There())
    with pytest.raises(Flaw, match=r"aliases\.release: version 7 is not .*published: 1"):
        plan(wanted, "sha", There(function=there(wanted)))


FOLLOWS = SCF + "aliases: {release: {}}\n"


@pytest.mark.parametrize(
    ("traffic", "calls"),
    [
        ("0.1", "1 100 % -> 1 90 %, the new version 10 %"),
        ("0", "1 100 % -> 1 100 %, the new version 0 %"),
        ("1.0", "1 100 % -> the new version 100 %"),
    ],
)
def test_traffic_is_the_share_of_what_is_published_in_aliases_that_follow_it(
    traffic: str, calls: str, project: Callable[..., Project]
) -> None:
    wanted = project(FOLLOWS, traffic=traffic)

    *_, moved = plan(wanted, "other", There(function=there(wanted))).steps
    assert moved.parameters["Name"] == "release"
    assert f"calls: {calls}" in "\n".join(lines(Plan(steps=(moved,))))


def test_traffic_of_what_has_all_calls_already_says_how_to_go_back(
    project: Callable[..., Project],
) -> None:
    wanted = project(FOLLOWS, traffic="0")

    made = plan(wanted, "sha", There(function=there(wanted)))
    assert not made.steps
    assert "to go back: huidu rollback shop release" in made.notes[-1]
    assert "alias release is new" in plan(wanted, "sha", There()).notes[-1]


def test_a_rollout_that_is_under_way_is_left_alone_and_not_ended_but_on_purpose(
    project: Callable[..., Project],
) -> None:
    ours = project(FOLLOWS + "rollout: {plan: evidence}\n")
    two = (ONE, VersionThere(number="2", digest="d1"))
    rolling = replace(RELEASE, rollout="ro-1", rolling_to="2")
    is_there = There(function=there(ours, aliases=(rolling,), versions=two))

    made = plan(ours, "sha", is_there)
    assert not made.steps
    assert "a rollout to version 2 is under way: huidu rollout watch shop release" in made.notes
    with pytest.raises(Meanwhile, match="ro-1 moves alias release to version 2; wait for it"):
        plan(ours, "other", is_there, force=True)
    by_hand = project(FOLLOWS)
    with pytest.raises(Meanwhile, match="ro-1 moves alias release to version 2"):
        plan(by_hand, "other", is_there)
    *_, moved = plan(by_hand, "other", is_there, force=True).steps
    assert moved.parameters["TakeOver"] is True


def test_what_a_rollout_has_moved_since_is_not_somebody_else_s(
    project: Callable[..., Project],
) -> None:
    wanted = project(FOLLOWS + "rollout: {plan: evidence}\n")
    left = Left(digest="d1", revisions=(("release", 1),))
    moved = replace(RELEASE, revision=5, moved="moved by ro-1 at noon", by="ro-1")

    *_, started = plan(wanted, "b", There(function=there(wanted, aliases=(moved,))), left).steps
    assert started.action == "StartRollout"
    by_hand = replace(moved, moved="moved by bob at noon", by="")
    with pytest.raises(Meanwhile, match="moved by bob"):
        plan(wanted, "b", There(function=there(wanted, aliases=(by_hand,))), left)


def test_a_rollout_leaves_to_the_server_what_it_does_not_say(
    project: Callable[..., Project],
) -> None:
    wanted = project(SCF + "aliases: {release: {}}\nrollout: {plan: evidence}\n")

    *_, started = plan(wanted, "other", There(function=there(wanted))).steps
    assert {"BakeTime", "Budget"}.isdisjoint(started.parameters)


def test_weights_are_the_same_in_whatever_order(project: Callable[..., Project]) -> None:
    wanted = project(SCF + "aliases: {release: {version: 1, weights: {4: 0.1, 3: 0.2}}}\n")
    is_now = replace(RELEASE, weights=(("3", 0.2), ("4", 0.1)))

    versions = tuple(VersionThere(number=number, digest="d1") for number in "134")
    is_there = there(wanted, aliases=(is_now,), versions=versions)
    assert not plan(wanted, "sha", There(function=is_there)).steps


def test_a_handler_alone_is_changed_without_the_code(project: Callable[..., Project]) -> None:
    before, wanted = project(SCF), project(SCF, handler="other.main")

    (step,) = plan(wanted, "sha", There(function=there(before))).steps
    assert (step.action, step.parameters["Handler"]) == (
        "UpdateFunctionConfiguration",
        "other.main",
    )
    (step,) = plan(wanted, "new", There(function=there(before))).steps
    assert (step.action, step.parameters["Handler"]) == ("UpdateFunctionCode", "other.main")


def test_variables_that_stay_are_not_spoken_of(project: Callable[..., Project]) -> None:
    kept = {"environment.variables.KEPT": "a", "environment.variables.GONE": "b"}
    before = project(SCF, **kept)
    wanted = project(SCF, **{"environment.variables.KEPT": "a"})

    (step,) = plan(wanted, "sha", There(function=there(before))).steps
    assert [(one.field, one.after) for one in step.differences] == [("environment GONE", "removed")]


def test_a_trigger_of_another_kind_is_not_changed_into_ours(
    project: Callable[..., Project],
) -> None:
    wanted = project(
        "component: scf\nname: shop\n"
        "inputs:\n"
        "  name: shop\n"
        "  events: [timer: {parameters: {name: t, cronExpression: '0 3 * * *'}}]\n"
    )
    url = TriggerThere(name="t", type="http", definition="{}", enabled=True, qualifier="1")

    with pytest.raises(Flaw, match="the trigger t is of type http on the server; rename one"):
        plan(wanted, "sha", There(function=there(wanted, triggers=(url,))))


def test_a_service_is_renamed_and_its_description_stays(
    project: Callable[..., Project],
) -> None:
    wanted = project(EXPRESS, serviceName="shop")
    named = service(description="theirs")

    modify, release = plan(wanted, "sha", There(function=there(wanted), service=named)).steps
    assert modify.parameters == {
        "ServiceId": "service-1",
        "ServiceName": "shop",
        "Protocol": "http",
    }
    assert release.action == "ReleaseService"


def test_a_removal_takes_away_callers_before_what_they_call(
    project: Callable[..., Project],
) -> None:
    wanted = project(EXPRESS)
    found = There(function=there(wanted), service=service())

    assert actions(plan_removal(wanted, found).steps) == [
        "DeleteApi",
        "UnReleaseService",
        "DeleteService",
        "DeleteFunction",
    ]
    assert plan_removal(wanted, There()).steps == ()
    named = project(EXPRESS, serviceId="service-1")
    assert "DeleteService" not in actions(plan_removal(named, found).steps)


def test_a_removal_leaves_in_a_service_what_is_not_ours(project: Callable[..., Project]) -> None:
    wanted = project(EXPRESS)
    ours = service().apis[0]
    theirs = replace(ours, id="api-2", function="other")
    shared = service(apis=(ours, theirs))

    made = plan_removal(wanted, There(function=there(wanted), service=shared))
    assert actions(made.steps) == ["DeleteApi", "ReleaseService", "DeleteFunction"]
    assert made.steps[0].parameters == {"ServiceId": "service-1", "ApiId": "api-1"}
    assert made.steps[1].parameters["ExpectedVersion"] == "v1"
    assert plan_removal(wanted, There(service=service(apis=(theirs,)))).steps == ()
