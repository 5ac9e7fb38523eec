"""Layers: publish files that functions share, see them, and delete them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import Action, Description, Limit, Nothing, Offset, Wire
from huidu.actions.configuration import Source, Tag
from huidu.actions.functions import AS_OBJECT_NAME, LARGEST_PACKAGE_REQUEST_BYTES
from huidu.model.role import Role

LayerName = Annotated[str, Meta(description="The name of the layer.")]
Number = Annotated[int, Meta(description="The number of its version.")]
Runtimes = Annotated[list[str], Meta(description="The runtimes that it is for: `Python3.10`.")]
OneRuntime = Annotated[str, Meta(description="Only what is for this runtime.")]


class PublishLayerVersion(Wire):
    """Publish files as the next version of a layer; it never changes."""

    layer_name: LayerName
    compatible_runtimes: Runtimes
    content: Source
    description: Description = ""
    license_info: Annotated[str, Meta(description="Kept and given back.")] = ""
    tags: Annotated[list[Tag], Meta(description="Not kept.")] = field(default_factory=list)


class LayerPublished(Wire):
    """The number that a layer's files got."""

    layer_version: int


class GetLayerVersion(Wire):
    """Describe a version of a layer."""

    layer_name: LayerName
    layer_version: Number


class LayerVersionFacts(Wire):
    """A version of a layer, in full."""

    compatible_runtimes: list[str]
    code_sha256: str
    location: Annotated[str, Meta(description="Where its zip file can be had for some minutes.")]
    add_time: str
    description: str
    license_info: str
    layer_version: int
    layer_name: str
    status: str = "Active"


class LayerLine(Wire):
    """A version of a layer in a list."""

    compatible_runtimes: list[str]
    add_time: str
    description: str
    license_info: str
    layer_version: int
    layer_name: str
    status: str = "Active"
    stamp: str = ""
    tags: list[Tag] = field(default_factory=list)


class ListLayers(Wire):
    """List layers, each with its newest version."""

    compatible_runtime: OneRuntime | None = None
    offset: Offset = 0
    limit: Limit = 20
    search_key: Annotated[str, Meta(description="A part of the name.")] = ""


class Layers(Wire):
    """A page of layers."""

    layers: list[LayerLine]
    total_count: int


class ListLayerVersions(Wire):
    """List the versions of a layer, the newest first."""

    layer_name: LayerName
    compatible_runtime: (
        Annotated[list[str], Meta(description="Only what is for one of these runtimes.")] | None
    ) = None


class LayerVersions(Wire):
    """The versions of a layer."""

    layer_versions: list[LayerLine]


class DeleteLayerVersion(Wire):
    """Delete a version of a layer. Functions that have it keep it."""

    layer_name: LayerName
    layer_version: Number


ACTIONS = (
    Action(
        name="PublishLayerVersion",
        summary="Publish files as the next version of a layer.",
        request=PublishLayerVersion,
        answer=LayerPublished,
        writes=True,
        errors=(
            "FailedOperation.DiskFull",
            "InvalidParameterValue.CodeSource",
            "InvalidParameterValue.CompatibleRuntimes",
            "InvalidParameterValue.Content",
            "InvalidParameterValue.CosBucketName",
            "InvalidParameterValue.CosObjectName",
            "InvalidParameterValue.Description",
            "InvalidParameterValue.ImageType",
            "InvalidParameterValue.LayerName",
            "InvalidParameterValue.ZipFileBase64BinasciiError",
            "LimitExceeded.LayerVersions",
            "LimitExceeded.Layers",
        ),
        spelling={
            **AS_OBJECT_NAME,
            "InvalidParameterValue.Runtime": "InvalidParameterValue.CompatibleRuntimes",
            "InvalidParameterValue.ZipFile": "InvalidParameterValue.Content",
            "MissingParameter.Code": "InvalidParameterValue.Content",
        },
        shapes={
            "CompatibleRuntimes": "InvalidParameterValue.CompatibleRuntimes",
            "Content": "InvalidParameterValue.Content",
        },
        largest_bytes=LARGEST_PACKAGE_REQUEST_BYTES,
    ),
    Action(
        name="GetLayerVersion",
        summary="Describe a version of a layer.",
        request=GetLayerVersion,
        answer=LayerVersionFacts,
        role=Role.RELEASE,  # it tells where the code can be had
        errors=("ResourceNotFound.LayerVersion",),
    ),
    Action(
        name="ListLayers",
        summary="List layers, each with its newest version.",
        request=ListLayers,
        answer=Layers,
        errors=(
            "InvalidParameterValue.Limit",
            "InvalidParameterValue.Offset",
            "InvalidParameterValue.Runtime",
        ),
    ),
    Action(
        name="ListLayerVersions",
        summary="List the versions of a layer.",
        request=ListLayerVersions,
        answer=LayerVersions,
        errors=("InvalidParameterValue.Runtime", "ResourceNotFound.Layer"),
    ),
    Action(
        name="DeleteLayerVersion",
        summary="Delete a version of a layer; functions that have it keep it.",
        request=DeleteLayerVersion,
        answer=Nothing,
        writes=True,
        errors=("ResourceNotFound.LayerVersion",),
    ),
)
