"""Plan, the layers: those that are made of folders, published where what is in them is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from huidu.project.declared import BUILT, Project
from huidu.project.plan_function import PUBLISHED_BY, SHORT, layer_version
from huidu.project.steps import NEW, Difference, Later, Step
from huidu.project.there import There


def layer_content(name: str) -> Later:
    """Return what stands for the zip of a layer in base64."""
    return Later(f"layer {name}")


def with_layers(
    project: Project, there: There, packed: Mapping[str, str]
) -> tuple[Project, list[Step]]:
    """Return a project whose layers are versions that there are, and how the others are published.

    `packed` has the digests of those that are made of folders, by name. A layer whose newest
    version is the same, and is for the runtime, is not published again.
    """
    function, runtime = project.function, project.function.configuration.runtime
    found = {one.name: one for one in there.layers}
    steps, layers = [], []
    for layer in function.configuration.layers:
        is_now, sha256 = found.get(layer.name), packed.get(layer.name, "")
        if layer.version != BUILT:
            layers.append(layer)
        elif is_now and is_now.sha256 == sha256 and runtime in is_now.runtimes:
            layers.append(replace(layer, version=is_now.number))
        else:
            layers.append(layer)
            steps.append(_publish(layer.name, runtime, sha256, is_now.sha256 if is_now else ""))
    configuration = replace(function.configuration, layers=tuple(layers))
    return replace(project, function=replace(function, configuration=configuration)), steps


def _publish(name: str, runtime: str, sha256: str, before: str) -> Step:
    return Step(
        action="PublishLayerVersion",
        parameters={
            "LayerName": name,
            "CompatibleRuntimes": [runtime],
            "Content": {"ZipFile": layer_content(name)},
            "Description": PUBLISHED_BY,
        },
        mark=NEW,
        what=f"version of layer {name}",
        differences=(Difference("code", before[:SHORT], sha256[:SHORT]),),
        gives={layer_version(name).name: ("LayerVersion",)},
    )
