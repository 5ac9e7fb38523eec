"""The console's pages without a browser: they read, their forms post, and texts are texts."""

from __future__ import annotations

import re

import pytest

from huidu.console.table import PAGES
from tests.e2e.rolling_out import Release
from tests.e2e.shop import HOSTILE, NEVER, SHOWN, Shop
from tests.e2e.visiting import Visitor
from tests.platform import Platform, until

TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
ASSET = re.compile(r'(?:href|src)="(/console/static/[^"#]+)')


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path or "overview")
def test_every_page_reads_in_either_language(shop: Shop, page: object, language: str) -> None:
    path = shop.paths()[page.path]  # type: ignore[attr-defined]
    seen = Visitor(shop.release.platform, dict(shop.visitor.cookies), language).see(path)

    assert seen.status == 200
    if "preview" not in path:
        assert f'<html lang="{language}"' in seen.markup
    assert [one for one in NEVER if one in seen.markup] == []


def test_texts_of_others_are_shown_as_text(shop: Shop) -> None:
    function = shop.visitor.see(f"/console/functions/{shop.release.name}")
    rollout = shop.visitor.see(f"/console/rollouts/{shop.rollout}")

    assert "a <b>" in function.text
    assert SHOWN in rollout.text
    assert "<i>shop</i>" in shop.visitor.see("/console/gateway").text
    search = shop.visitor.see("/console/functions?q=%3Cscript%3E%22%27%1b")
    assert "No function has <script>\"'␛ in its name." in search.text


def test_lines_of_logs_are_shown_as_text(platform: Platform, shop: Shop, name: str) -> None:
    platform.make(name, f"def main_handler(event, context):\n    print({HOSTILE!r})\n")
    platform.invoke(name)

    seen = until(lambda: (at := shop.visitor.see(f"/console/logs?function={name}")).markup and at)
    seen = until(
        lambda: "gnp" in (at := shop.visitor.see(f"/console/logs?function={name}")).text and at
    )
    assert SHOWN.replace("␛[31m", "").replace("␛[0m", "") in seen.text
    assert [one for one in NEVER if one in seen.markup] == []


def test_who_is_not_signed_in_is_led_there_and_back(platform: Platform, shop: Shop) -> None:
    stranger = Visitor(platform)
    seen = stranger.see(f"{shop.alias}?page=2")

    assert TITLE.findall(seen.markup) == ["Sign in · Huidu"]
    assert f'name="back" value="{shop.alias}?page=2"' in seen.markup
    stream = stranger.see(f"{shop.alias}/live", accept="text/event-stream")
    assert stream.status == 401


def test_a_link_signs_in_by_a_button_and_once(platform: Platform) -> None:
    path = platform.ours("CreateConsoleLink", Role="view")["Path"]
    token = path.partition("token=")[2]
    visitor, late = Visitor(platform), Visitor(platform)
    shown = visitor.see(path)  # to look at it does not use it up

    assert f'name="token" value="{token}"' in shown.markup
    entered = visitor.send("/console/enter", {"token": token})
    assert "Overview" in visitor.see(entered.location).text
    again = late.send("/console/enter", {"token": token})
    assert "This link was used already" in late.see(again.location).text


def test_a_form_without_the_token_of_its_page_is_refused(shop: Shop) -> None:
    for fields in ({"main": "2"}, {"main": "2", "csrf": "0" * 64}):
        seen = shop.visitor.send(f"{shop.alias}/set/weights", fields)

        assert seen.status == 403
        assert "the form is not one that this session was shown" in seen.text


def test_what_streams_to_a_page_ends_with_its_session(platform: Platform, shop: Shop) -> None:
    visitor = Visitor(platform).sign_in()
    with visitor.listening(f"{shop.alias}/live") as stream:
        said = b"".join(stream.readline() for _ in range(3))
        visitor.fill("/console/", "/console/sign-out")
        rest = stream.read()

    assert said.startswith(b"retry: ")
    assert rest.rstrip().endswith(b"data: signed out")


def test_a_form_moves_an_alias_and_tells_how_to_undo_it(platform: Platform, name: str) -> None:
    shop, visitor = Release.make(platform, name), Visitor(platform).sign_in()
    page = f"/console/functions/{name}/aliases/release"
    moved = visitor.fill(
        page, f"{page}/set/weights", main="1", version=["2", ""], weight=["10", ""], reason="try"
    )

    assert "release: 10 % to version 2, the rest to version 1." in moved.text
    assert "version 2 – → 10 % root (console) try" in moved.text
    assert shop.weight() == 0.1
    assert "release: 10 %" not in visitor.see(page).text  # it is told once
    back = visitor.fill(page, f"{page}/undo", revision="2")
    assert "release is back as it was: All calls go to version 1." in back.text
    visitor.fill(page, f"{page}/set/rules", place="header", name="User", method="exact",
                 expression="<Bob>", to="2")  # fmt: skip
    assert "header:User = <Bob> to version 2" in visitor.see(page).text
    rolled = visitor.fill(page, f"{page}/rollback")
    assert "release was rolled back: All calls go to version 1." in rolled.text


def test_of_two_who_roll_back_at_once_the_second_is_told(platform: Platform, name: str) -> None:
    shop, visitor = Release.make(platform, name), Visitor(platform).sign_in()
    page = f"/console/functions/{name}/aliases/release"
    for version in ("2", "1"):
        visitor.fill(page, f"{page}/set/weights", main=version, version="", weight="")
    seen = visitor.see(page).markup
    assert 'form="back" name="revision" value="3"' in seen

    first, second = (visitor.fill(page, f"{page}/rollback", revision="3") for _ in range(2))

    assert "release was rolled back: All calls go to version 2." in first.text
    told = "It was moved a moment ago: All calls go to version 2. Press again to go back further."
    assert told in second.text
    assert shop.weight() == 1


def test_a_switch_that_nobody_chose_is_refused(shop: Shop) -> None:
    page = f"/console/gateway/{shop.service}"

    seen = shop.visitor.fill(page, f"{page}/switch", environment="prepub", version="")

    assert "choose what it is to switch to" in seen.text


def test_a_form_that_is_refused_comes_back_as_it_was_filled_in(shop: Shop) -> None:
    seen = shop.visitor.fill(
        shop.alias,
        f"{shop.alias}/set/weights",
        main="1",
        version="77",
        weight="12.5",
        take_over="1",
    )

    assert "FunctionVersion [77] is not found" in seen.text
    assert 'name="version" list="versions" value="77"' in seen.markup
    assert 'value="12.5"' in seen.markup


def test_a_preview_says_who_would_move(platform: Platform, name: str) -> None:
    Release.make(platform, name)
    visitor = Visitor(platform).sign_in()
    page = f"/console/functions/{name}/aliases/release/preview"

    seen = visitor.see(f"{page}?form=weights&main=1&version=2&weight=40")
    assert seen.text == "version 2 – → 40 % 40 % of all calls move from 1 to 2."
    rule = "form=rules&place=header&name=User&method=exact&expression=Bob&to=2"
    seen = visitor.see(f"{page}?{rule}&try_p=header&try_n=user&try_v=Bob")
    assert "This caller: v1 → v2 (rule 1)" in seen.text
    for odd in ("x", "nan", "1e999"):
        assert "must be a number" in visitor.see(f"{page}?version=2&weight={odd}").text
    assert visitor.see(f"{page}?main=1").text == "Nothing would change."


def test_whoever_has_the_role_view_looks_on_and_may_change_nothing(
    platform: Platform, name: str
) -> None:
    release = Release.make(platform, name)
    key = platform.ours("CreateKey", Name=f"{name}-viewer", Role="view")
    viewer = Visitor(platform).sign_in(key["SecretId"], key["SecretKey"])
    page = f"/console/functions/{name}/aliases/release"

    assert "Your role is view: you may look on." in viewer.see(page).text
    seen = viewer.fill(page, f"{page}/set/weights", main="2")
    assert seen.status == 403
    assert "needs the role release" in seen.text
    assert release.weight() == 0
    assert "Keys are for those with the role admin." in viewer.see("/console/settings").text


def test_a_key_is_made_and_its_secret_shown_once(platform: Platform, name: str) -> None:
    visitor = Visitor(platform).sign_in()
    made = visitor.fill("/console/settings", "/console/settings/keys", name=name, role="release")
    pair = re.search(r"SecretId (\S+) SecretKey (\S+)", made.text)

    assert pair is not None
    assert pair[2] not in visitor.see("/console/settings").text
    assert name in Visitor(platform).sign_in(pair[1], pair[2]).see("/console/").text
    changed = visitor.fill("/console/settings", f"/console/settings/keys/{pair[1]}/disable")
    assert "The key is changed." in changed.text
    assert "Sign in" in Visitor(platform).sign_in(pair[1], pair[2]).see("/console/").text


def test_the_first_page_is_small_and_its_files_are_kept_for_good(shop: Shop) -> None:
    first = shop.visitor.see("/console/")
    assets = {path: shop.visitor.see(path) for path in {*ASSET.findall(first.markup)}}

    assert len(assets) > 4
    assert first.size + sum(asset.size for asset in assets.values()) < 100_000
    for path, asset in assets.items():
        assert "immutable" in asset.headers["cache-control"]
        tag = {"if-none-match": asset.headers["etag"]}
        assert shop.visitor.see(path, **tag).status == 304
        assert shop.visitor.see(path, **{"accept-encoding": ""}).body == asset.body
    assert shop.visitor.see("/console/static/nothing.js").status == 404


def test_what_is_chosen_of_looks_is_kept(platform: Platform) -> None:
    visitor = Visitor(platform)
    visitor.send("/console/look", {"language": "zh-CN", "theme": "dark", "back": "/console/x"})
    seen = visitor.see("/console/sign-in")

    assert '<html lang="zh-CN" data-theme="dark">' in seen.markup
    visitor.send("/console/look", {"language": "xx", "theme": "pink"})
    assert '<html lang="zh-CN" data-theme="dark">' in visitor.see("/console/sign-in").markup


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("functions/nobody", 404),
        ("nowhere", 404),
        ("rollouts/ro-none", 404),
        ("logs?cursor=x", 400),
    ],
)
def test_what_is_not_there_is_said_so(shop: Shop, path: str, status: int) -> None:
    seen = shop.visitor.see(f"/console/{path}")

    assert seen.status == status
    assert "To the overview" in seen.text


def test_a_rollout_is_steered_from_its_page(platform: Platform, name: str) -> None:
    release, visitor = Release.make(platform, name), Visitor(platform).sign_in()
    alias = f"/console/functions/{name}/aliases/release"
    begun = visitor.fill(alias, f"{alias}/rollout", version="2", plan="50%/1h, 100%", reason="x")

    assert "The rollout to version 2 has begun." in begun.text
    page = f"/console/rollouts/{release.get()['RolloutId']}"
    assert "The rollout is paused." in visitor.fill(page, f"{page}/pause").text
    assert release.stands()[0] == "paused"
    assert "The rollout goes on." in visitor.fill(page, f"{page}/resume").text
    assert "Version 2 was taken back." in visitor.fill(page, f"{page}/back").text
    assert release.weight() == 0


def test_a_service_is_switched_back_from_its_page(shop: Shop, platform: Platform) -> None:
    page = f"/console/gateway/{shop.service}"
    platform.gateway_call(
        "CreateApi",
        ServiceId=shop.service,
        ServiceType="SCF",
        ServiceTimeout=5,
        Protocol="HTTP",
        ApiName="pay",
        AuthType="NONE",
        RequestConfig={"Path": "/pay", "Method": "GET"},
        ServiceScfFunctionName=shop.release.name,
        ServiceScfFunctionNamespace="default",
        ServiceScfFunctionQualifier="release",
    )
    for _ in range(2):
        shop.visitor.fill(
            page, f"{page}/switch", environment="test", version="now", expected=_now(shop)
        )
    first = platform.gateway_call("DescribeServiceReleaseVersion", ServiceId=shop.service)
    older = first["Result"]["VersionList"][-1]["VersionName"]
    seen = shop.visitor.fill(
        page, f"{page}/switch", environment="test", version=older, expected=_now(shop)
    )

    assert f"{older} is in test now." in seen.text
    assert _now(shop) == older


def _now(shop: Shop) -> str:
    told = shop.release.platform.gateway_call(
        "DescribeServiceEnvironmentList", ServiceId=shop.service
    )
    places = {one["EnvironmentName"]: one for one in told["Result"]["EnvironmentList"]}
    return str(places["test"]["VersionName"])
