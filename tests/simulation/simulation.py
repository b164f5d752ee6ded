"""A sweep from its beginning to its end, through the deaths of its coordinators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from expsdk.samplers import Sampler
from expsdk.sweep.actions import Finish, Launch
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Event, Found, Interrupted, Passed
from expsdk.sweep.limits import Limits
from expsdk_runtime.contract import Phase
from simulation.behaviour import Behaviour
from simulation.cluster import Cluster
from simulation.connection import Connection
from simulation.life import Life
from simulation.witness import Witness


@dataclass(frozen=True)
class Script:
    """What happens to a sweep.

    Attributes:
        limits: Its limits.
        behaviours: How the jobs behave, by number and attempt, again and again.
        direction: Of its only objective.
        interruptions: When the user presses Ctrl-C, in seconds.
        crashes: How many steps each coordinator lives; once they are used up, the next one lives on. A step is an
            event that comes, a record that is written, a job that is started or told something.
        outage: Seconds from a coordinator's death to the next one.
        jobs_survive: Whether jobs live on when their coordinator dies.
        delays: See `Connection`.
        echoes: See `Connection`.
        coalesces: See `Connection`.
        ticks_first: Whether the clock comes before the updates where both are due.
    """

    limits: Limits
    behaviours: tuple[Behaviour, ...] = (Behaviour(),)
    direction: str = "minimize"
    interruptions: tuple[float, ...] = ()
    crashes: tuple[int, ...] = ()
    outage: float = 0.0
    jobs_survive: bool = True
    delays: tuple[float, ...] = (0.0,)
    echoes: tuple[float | None, ...] = (None,)
    coalesces: bool = False
    ticks_first: bool = False


class Simulation:
    """Runs a script.

    Attributes:
        cluster: The cluster, with the records.
        lives: The coordinators in their order.
        events: How many events there were.
    """

    def __init__(
        self,
        script: Script,
        make_sampler: Callable[[], Sampler],
        *,
        make_coordinator: type[Coordinator] = Coordinator,
    ) -> None:
        self.cluster = Cluster()
        self.lives: list[Life] = []
        self.events = 0
        self._script = script
        self._make_sampler = make_sampler
        self._make_coordinator = make_coordinator
        self._crashes = list(script.crashes)
        self._interruptions = sorted(script.interruptions)
        self._steps_left: int | None = None

    def run(self) -> Simulation:
        """Run it to its end."""
        while not self._lives_to_the_end():
            self._pass_the_outage()
        return self

    def _lives_to_the_end(self) -> bool:
        try:
            self._live()
        except _Crash:
            return False
        return True

    def _live(self) -> None:
        self._steps_left = self._crashes.pop(0) if self._crashes else None
        script, witness = self._script, Witness(self._make_sampler())
        coordinator = self._make_coordinator(witness, script.limits, directions=[script.direction])
        life = Life(coordinator, witness, script.limits)
        self.lives.append(life)
        connection = Connection(
            self.cluster,
            script.behaviours,
            delays=script.delays,
            echoes=script.echoes,
            coalesces=script.coalesces,
            step=self._step,
        )
        for event in self._beginning():
            self._hear(event, life, connection)
        while not coordinator.is_finished:
            times = [self.cluster.next_at, connection.next_at, coordinator.deadline, *self._interruptions[:1]]
            due = [at for at in times if at is not None]
            if not due:
                assert not life.is_given_up, "the user pressed Ctrl-C, and the sweep does not end"
                life.is_given_up = True
                self._interruptions.append(self.cluster.now)
                continue
            self.cluster.advance(max(min(due), self.cluster.now))
            self._pass_the_moment(life, connection)

    def _beginning(self) -> list[Event]:
        """Return what a coordinator is told first, read at one moment."""
        now, alive = self.cluster.now, set(self.cluster.alive)
        found = [
            Found(now, number, record.parameters, record.phase, record.values, record.attempt, number in alive)
            for number, record in sorted(self.cluster.records.items())
        ]
        return [*found, Began(now)]

    def _pass_the_moment(self, life: Life, connection: Connection) -> None:
        """Tell a coordinator all that is due now."""
        if self._script.ticks_first:
            self._tick(life, connection)
        for event in connection.updates():
            self._hear(event, life, connection)
        while self._interruptions and self._interruptions[0] <= self.cluster.now:
            self._interruptions.pop(0)
            self._hear(Interrupted(self.cluster.now), life, connection)
        self._tick(life, connection)

    def _tick(self, life: Life, connection: Connection) -> None:
        """Tell a coordinator that time has passed, if it wants to know."""
        deadline, now = life.coordinator.deadline, self.cluster.now
        if deadline is not None and deadline <= now:
            self._hear(Passed(now), life, connection)
            following = life.coordinator.deadline
            assert following is None or following > now, f"time has passed, and {following} is due still"

    def _hear(self, event: Event, life: Life, connection: Connection) -> None:
        """Tell a coordinator an event and do what it wants."""
        self._step()
        self.events += 1
        if not life.coordinator.is_finished:
            life.heard.append(event)
        actions = life.coordinator.handle(event)
        life.decided += [(event, action) for action in actions]
        self._check(life.coordinator)
        for action in actions:
            connection.perform(action)
            if isinstance(action, Launch):
                alive, most = len(self.cluster.alive), self._script.limits.parallelism
                assert alive <= most, f"{alive} jobs run, and parallelism is {most}"
            elif isinstance(action, Finish):
                assert action is actions[-1], "nothing follows the end"

    def _check(self, coordinator: Coordinator) -> None:
        running = coordinator.counts[Phase.RUNNING]
        assert running == coordinator.running <= self._script.limits.parallelism

    def _step(self) -> None:
        if self._steps_left is not None:
            if self._steps_left == 0:
                raise _Crash
            self._steps_left -= 1

    def _pass_the_outage(self) -> None:
        self.cluster.on_change = None
        if not self._script.jobs_survive:
            self.cluster.kill_all()
        self.cluster.advance(self.cluster.now + self._script.outage)
        self._interruptions = [at for at in self._interruptions if at > self.cluster.now]


class _Crash(Exception):
    """A coordinator dies."""
