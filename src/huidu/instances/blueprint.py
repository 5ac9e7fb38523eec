"""Blueprint: all that an instance is made from, and what is told to it when it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from huidu.instances.launch import Scene
from huidu.model.account import Account
from huidu.model.version import Version
from huidu.model.web import BOOTSTRAP, is_web
from huidu.runtimes.table import Installed

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: A locale that every machine has: the cloud's en_US.UTF8, where it is missing, makes each shell
#: that a function starts complain in the function's log.
LOCALE = "C.UTF-8"
#: The environment of a process that is nobody's yet, or that no function's may change.
BARE = {"PATH": PATH, "LANG": LOCALE, "LC_ALL": LOCALE, "TZ": "UTC"}
USER = "qcloud"
#: What libraries of numbers look at before they start as many threads as the machine has cores.
#: An instance gets CPU in proportion to its memory, about a core for so much of it.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MB_OF_A_CORE = 1536


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """One version, ready to be started as often as it is called for."""

    version: Version
    code: Path  #: The folder with its files.
    runtime: Installed
    account: Account = field(default_factory=Account)
    layers: tuple[Path, ...] = ()

    def environment(self, scene: Scene) -> Mapping[str, str]:
        """Return the whole environment of an instance, apart from its own temporary folder.

        Nothing of the platform's own environment is in it.
        """
        version, wanted = self.version, self.version.configuration
        return {
            **BARE,
            "PATH": ":".join([PATH, *(f"{layer}/bin" for layer in scene.layers)]),
            "USER": USER,
            "LOGNAME": USER,
            "PWD": str(scene.code),
            **dict.fromkeys(THREADS, str(max(1, wanted.memory_mb // MB_OF_A_CORE))),
            **self.runtime.runtime.variables((scene.code, *scene.layers)),
            **dict(wanted.environment),
            "TENCENTCLOUD_RUNENV": "SCF",
            "TENCENTCLOUD_REGION": self.account.region,
            "TENCENTCLOUD_APPID": self.account.appid,
            "TENCENTCLOUD_UIN": self.account.uin,
            "TENCENTCLOUD_TZ": "UTC",
            "SCF_RUNTIME": wanted.runtime,
            "SCF_FUNCTIONNAME": version.function.name,
            "SCF_FUNCTIONVERSION": version.number,
            "SCF_NAMESPACE": version.function.namespace,
            "_HANDLER": wanted.handler,
            "USER_CODE_ROOT": f"{scene.code}/",
        }

    def load(self, scene: Scene) -> bytes:
        """Return the first thing an instance is told, as JSON."""
        wanted = self.version.configuration
        return msgspec.json.encode(
            {
                "parent": scene.parent,
                "digest": self.version.digest,
                "code": str(scene.code),
                "layers": [str(layer) for layer in scene.layers],
                "handler": wanted.handler,
                "environment": self.environment(scene),
                "context": self._context(),
                **(_served() if is_web(wanted) else {}),
            }
        )

    def _context(self) -> Mapping[str, object]:
        """Return the part of a call's context that is the same for every call (section 4.2)."""
        version, wanted = self.version, self.version.configuration
        shown = {"SCF_NAMESPACE": version.function.namespace, **dict(wanted.environment)}
        return {
            "memory_limit_in_mb": wanted.memory_mb,
            "time_limit_in_ms": wanted.timeout_s * 1000,
            "environment": json.dumps(shown, ensure_ascii=False),
            "environ": ";".join(f"{key}={value}" for key, value in shown.items()),
            "function_version": version.number,
            "function_name": version.function.name,
            "namespace": version.function.namespace,
            "tencentcloud_region": self.account.region,
            "tencentcloud_appid": self.account.appid,
            "tencentcloud_uin": self.account.uin,
        }


def _served() -> Mapping[str, object]:
    """Return what the worker of a web function is told as well.

    By the platform's own network it knows whether it would share that.
    """
    return {"bootstrap": BOOTSTRAP, "network": str(Path("/proc/self/ns/net").readlink())}
