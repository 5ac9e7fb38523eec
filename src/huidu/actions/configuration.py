"""Configuration: what a function is made of, as it goes over the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import Flag, Json, Wire

CodeText = Annotated[str, Meta(description="A zip file in base64, at most 50 MB unencoded.")]
Handler = Annotated[str, Meta(description="`file.function`, as in `index.main_handler`.")]
Memory = Annotated[int, Meta(description="MB: 64, or 128 to 3072 in steps of 128.")]
Seconds = Annotated[int, Meta(description="Seconds.")]
Qualifier = Annotated[str, Meta(description="A version, `$LATEST`, or an alias.")]


Bucket = Annotated[str, Meta(description="A bucket; the `-<appid>` of its name may be left out.")]
Uploaded = Annotated[str, Meta(description="The key of a zip file in it, at most 50 MB.")]


class Code(Wire):
    """Where the code of a function comes from."""

    zip_file: CodeText | None = None
    cos_bucket_name: Bucket | None = None
    cos_object_name: Uploaded | None = None
    cos_bucket_region: str | None = None
    demo_id: str | None = None
    image_config: Json = None


Source = Annotated[Code, Meta(description="The code: `ZipFile`, or an object in a bucket.")]


class Variable(Wire):
    """One environment variable."""

    key: str
    value: str


class Environment(Wire):
    """The environment variables of a function: at most 4 KB in all."""

    variables: list[Variable] = field(default_factory=list)


Variables = Annotated[Environment, Meta(description="One variable with empty key and value: none.")]
Role = Annotated[str, Meta(description="Kept and given back.")]


class LayerSimple(Wire):
    """A version of a layer."""

    layer_name: str
    layer_version: int


Layers = Annotated[
    list[LayerSimple], Meta(description="At most 5; a later one hides files of an earlier.")
]


class Tag(Wire):
    """A label with a value."""

    key: str
    value: str


HEEDED = frozenset({"public_net_config", "protocol_params", "instance_concurrency_config"})
PublicNet = Annotated[
    Json, Meta(description="`PublicNetStatus` `DISABLE`: the function has no network.")
]


class Settings(Wire):
    """Fields that are kept and given back; Huidu acts on those in `HEEDED` alone."""

    vpc_config: Json = None
    install_dependency: Flag | None = None
    cls_logset_id: str | None = None
    cls_topic_id: str | None = None
    dead_letter_config: Json = None
    public_net_config: PublicNet = None
    cfs_config: Json = None
    protocol_params: Annotated[
        Json, Meta(description='`{"WSParams": {"IdleTimeOut": 600}}`, in seconds.')
    ] = None
    instance_concurrency_config: Annotated[
        Json, Meta(description='`{"DynamicEnabled": "FALSE", "MaxConcurrency": 1}`, to 100.')
    ] = None
    dns_cache: Flag | None = None
    intranet_config: Json = None
    l5_enable: Flag | None = None
