"""Standing: what there is of the instances of one version, and of those it is to have."""

from __future__ import annotations

from dataclasses import dataclass, replace

from huidu.model.function import FunctionName

DONE, IN_PROGRESS, FAILED = "Done", "InProgress", "Failed"
#: Of all instances, so many in a hundred may be provisioned; the rest is for who needs one.
PROVISIONED_PERCENT = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The instances of a version at one moment."""

    function: FunctionName
    function_id: str
    number: str
    starting: int = 0
    idle: int = 0
    busy: int = 0
    waiting: int = 0  #: Calls that wait for an instance.
    short: int = 0  #: Instances that it lacks, since there is no room for them.
    provisioned: int = 0  #: How many it is to have at all times.
    failure: str = ""  #: Why the last one could not be started, if it could not.

    def and_also(self, other: Standing) -> Standing:
        """Return both together: the same version, as it is and as it was."""
        return replace(
            self,
            starting=self.starting + other.starting,
            idle=self.idle + other.idle,
            busy=self.busy + other.busy,
            waiting=self.waiting + other.waiting,
        )

    @property
    def ready(self) -> int:
        """How many can take a call, or have one."""
        return self.idle + self.busy

    @property
    def available(self) -> int:
        """How many of those that were asked for are there."""
        return min(self.provisioned, self.ready)

    @property
    def status(self) -> str:
        """How far the provisioning is."""
        if self.available == self.provisioned:
            return DONE
        return FAILED if self.failure else IN_PROGRESS

    @property
    def why(self) -> str:
        """Return why not all are there; nothing where they are, or are just being started."""
        if self.status == DONE:
            return ""
        if self.short and not self.failure:
            return "the machine has no room for more instances now (setting max_instances)"
        return self.failure


def most_provisioned(instances: int) -> int:
    """Return how many of all instances may be provisioned: not all, or nobody else could run."""
    return instances * PROVISIONED_PERCENT // 100
