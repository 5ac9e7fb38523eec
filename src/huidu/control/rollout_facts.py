"""What a rollout is asked for by, and how it is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import MsgspecError

from huidu.actions import rollout_terms as terms_wire
from huidu.actions import rollouts as wire
from huidu.control import times
from huidu.control.plane import Plane
from huidu.model.budget import Budget
from huidu.model.errors import InvalidValue
from huidu.model.findings import Findings, Side
from huidu.model.judge.guard import guard_of
from huidu.model.judge.measure import Measure
from huidu.model.judge.opinion import Weighed
from huidu.model.judge.tolerances import DEFAULT, Tolerances
from huidu.model.ramp import ramp_of
from huidu.model.rollout import Past, Rollout
from huidu.model.rollout_terms import WEBHOOK, Gate, Terms
from huidu.model.routing import weight_of
from huidu.model.split import WHOLE
from huidu.model.window import freeze_of, window_of

#: Which tolerance each field of a request is.
TOLERANCES = {
    "false_alarm": "alpha",
    "miss": "beta",
    "error_ratio": "error_ratio",
    "error_margin": "error_margin",
    "least_errors": "least_errors",
    "slower": "slower",
    "slack_ms": "slack_ms",
    "max_extra": "ceiling",
    "failures_per_minute": "failures_per_minute",
    "dwell": "dwell_s",
    "last_step": "bake_s",
    "least_calls": "least_calls",
    "design_effect": "design_effect",
}
#: What each may be, from the least to the most.
BOUNDS = {
    "false_alarm": (1e-6, 0.5),
    "miss": (1e-6, 0.5),
    "error_ratio": (1.0, 100.0),
    "error_margin": (0.0, 0.5),
    "least_errors": (1, 10_000),
    "slower": (1.0, 100.0),
    "slack_ms": (0.0, 900_000.0),
    "max_extra": (0.0001, 1.0),
    "failures_per_minute": (0.0, 100_000.0),
    "dwell": (0.0, 86_400.0),
    "last_step": (0.0, 604_800.0),
    "least_calls": (1, 1_000_000),
    "design_effect": (1.0, 1000.0),
}


def terms_of(plane: Plane, request: wire.StartRollout) -> Terms:
    """Return the terms that a request asks for, or raise what is wrong with them."""
    ramp = ramp_of(request.plan)
    gates = []
    for gate in request.gates:
        made = Gate(_gate_weight(gate.weight), gate.kind, gate.url, gate.secret)
        if made.kind == WEBHOOK:
            plane.courier.check_url(made.url)
        gates.append(made)
    return Terms(
        ramp=ramp,
        tolerances=_tolerances(request),
        proof=ramp.by_evidence if request.proof is None else request.proof,
        on_worse=request.on_worse,
        budget=Budget(failures=request.budget.failures, keys=request.budget.keys),
        gates=tuple(gates),
        windows=tuple(window_of(text, plane.zone).text for text in request.windows),
        freezes=tuple(freeze_of(text, plane.zone).text for text in request.freezes),
        bake_s=request.bake_time,
        bake_errors=request.bake_error_rate,
        step_timeout_s=request.step_timeout,
        on_timeout=request.on_timeout,
        undo_s=request.undo_time,
    )


def _gate_weight(fraction: float) -> int:
    """Return the weight of a gate; `Gate` itself refuses 0."""
    try:
        return weight_of(fraction)
    except InvalidValue as refusal:
        raise InvalidValue("Gates", f"Gates.{refusal.message}") from refusal


def _tolerances(request: wire.StartRollout) -> Tolerances:
    asked = request.tolerance
    for name, (least, most) in BOUNDS.items():
        value = getattr(asked, name)
        if not least <= value <= most:
            spelled = name.title().replace("_", "")
            raise InvalidValue(
                "Tolerance", f"Tolerance.{spelled} {value:g}: must be {least:g} to {most:g}"
            )
    return replace(
        DEFAULT,
        **{ours: getattr(asked, name) for name, ours in TOLERANCES.items()},
        guards=tuple(guard_of(text) for text in request.guards),
        measures=tuple(_measure(one) for one in request.metrics),
    )


def _measure(asked: terms_wire.MetricTerms) -> Measure:
    return Measure(
        name=asked.name,
        field=asked.field,
        direction=asked.direction,
        quantile=asked.quantile,
        ratio=asked.ratio,
        slack=asked.slack,
    )


def _metrics(terms: Terms) -> list[terms_wire.MetricTerms]:
    return [_metric(one) for one in terms.tolerances.measures]


def _metric(kept: Measure) -> terms_wire.MetricTerms:
    return terms_wire.MetricTerms(
        name=kept.name,
        field=kept.field,
        direction=kept.direction,
        quantile=kept.quantile,
        ratio=kept.ratio,
        slack=kept.slack,
    )


def facts(plane: Plane, rollout: Rollout, evidence: str, report: str) -> wire.RolloutFacts:
    """Return a rollout as the API shows it; `evidence` is what was saved of it last."""
    terms = rollout.terms
    found = plane.rollouts.findings(rollout.id) or saved_findings(evidence)
    return wire.RolloutFacts(
        **_line(plane, rollout),
        plan=terms.ramp.text,
        proof=terms.proof,
        on_worse=terms.on_worse,
        guards=[guard.text for guard in terms.tolerances.guards],
        metrics=_metrics(terms),
        budget=_budget(terms),
        gates=_gates(terms),
        windows=list(terms.windows),
        freezes=list(terms.freezes),
        bake_time=terms.bake_s,
        bake_error_rate=terms.bake_errors,
        step_timeout=terms.step_timeout_s,
        on_timeout=terms.on_timeout,
        undo_time=terms.undo_s,
        undo_until=_undo_until(plane, rollout),
        tolerance=_tolerance(terms.tolerances),
        reason=rollout.reason,
        since=times.show(rollout.since, plane.zone),
        revision=rollout.revision,
        steps=_steps(plane, rollout),
        evidence=_evidence(plane, found) if found else None,
        report=report,
        seen=plane.rollouts.seen(rollout.id) or str(rollout.revision),
    )


def _budget(terms: Terms) -> terms_wire.BudgetTerms:
    return terms_wire.BudgetTerms(failures=terms.budget.failures, keys=terms.budget.keys)


def _gates(terms: Terms) -> list[terms_wire.GateFacts]:
    return [
        terms_wire.GateFacts(weight=g.weight / WHOLE, kind=g.kind, url=g.url, signed=bool(g.secret))
        for g in terms.gates
    ]


def _tolerance(kept: Tolerances) -> terms_wire.Tolerance:
    return terms_wire.Tolerance(**{name: getattr(kept, ours) for name, ours in TOLERANCES.items()})


def line(plane: Plane, rollout: Rollout) -> wire.RolloutLine:
    """Return a rollout in short."""
    return wire.RolloutLine(**_line(plane, rollout))


def _line(plane: Plane, rollout: Rollout) -> dict[str, Any]:
    """Return the fields that a rollout is shown by, in short and at length."""
    return {
        "rollout_id": rollout.id,
        "namespace": rollout.function.namespace,
        "function_name": rollout.function.name,
        "name": rollout.alias,
        "from_version": rollout.stable,
        "to_version": rollout.candidate,
        "state": rollout.state,
        "said": rollout.said,
        "weight": rollout.weight / WHOLE,
        "owner": rollout.owner,
        "begin_time": times.show(rollout.began_at, plane.zone),
        "end_time": _or_not(plane, rollout.ended_at),
    }


class Saved(msgspec.Struct):
    """What is saved of a rollout, as far as it is shown."""

    findings: Findings


SAVED = msgspec.json.Decoder(Saved)


def saved_findings(evidence: str) -> Findings | None:
    """Return the findings within what was saved of a rollout; None where they cannot be read."""
    try:
        return SAVED.decode(evidence).findings if evidence else None
    except MsgspecError:
        return None


def _undo_until(plane: Plane, rollout: Rollout) -> str:
    kept = rollout.ended_at and rollout.undo_until > plane.clock()
    return times.show(rollout.undo_until, plane.zone) if kept else ""


def _or_not(plane: Plane, at: float) -> str:
    return times.show(at, plane.zone) if at else ""


def _steps(plane: Plane, rollout: Rollout) -> list[wire.StepFacts]:
    return [_step(plane, past) for past in rollout.past]


def _step(plane: Plane, past: Past) -> wire.StepFacts:
    return wire.StepFacts(
        time=times.show(past.at, plane.zone),
        event=past.event,
        weight=past.weight / WHOLE,
        who=past.who,
        said=past.said,
    )


def _evidence(plane: Plane, found: Findings) -> wire.EvidenceFacts:
    return wire.EvidenceFacts(
        time=times.show(found.at, plane.zone),
        stable=_side(found.stable),
        candidate=_side(found.candidate),
        calls_per_second=found.calls_per_s,
        verdict=found.verdict,
        waits_for=found.waits_for,
        errors=found.log_errors,
        latency=found.log_latency,
        enough=found.log_enough,
        excess_below=found.excess_below,
        sentences=list(found.sentences),
        metrics=[_weighed(one) for one in found.evidence],
        next_weight=found.next_weight / WHOLE,
        spent_failures=found.spent_failures,
        spent_keys=found.spent_keys,
        curve=[
            wire.PointFacts(
                time=p.at, weight=p.weight / WHOLE, errors=p.log_errors, latency=p.log_latency
            )
            for p in found.curve
        ],
        failures=_failures(found),
    )


def _weighed(one: Weighed) -> wire.MetricFacts:
    return wire.MetricFacts(
        name=one.name,
        evidence=one.log,
        enough=one.enough,
        below=one.below,
        compared=one.is_equal,
    )


def _failures(found: Findings) -> list[wire.FailureFacts]:
    return [
        wire.FailureFacts(request_id=f.request_id, time=f.at, status=f.status, error=f.error)
        for f in found.failures
    ]


def _side(side: Side) -> wire.SideFacts:
    return wire.SideFacts(calls=side.calls, failures=side.failures, cold=side.cold)
