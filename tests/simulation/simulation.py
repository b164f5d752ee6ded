"""A sweep from its beginning to its end, through the deaths of its coordinators."""

from __future__ import annotations

from collections.abc import Callable

from expsdk.pruners import Pruner
from expsdk.samplers import Sampler
from expsdk.sweep.actions import Finish, Launch
from expsdk.sweep.advisers import Advisers
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Event, Found, Interrupted, Passed, StopAsked
from expsdk_runtime.contract import Phase
from simulation.cluster import Cluster
from simulation.connection import Connection
from simulation.life import Life
from simulation.script import Script
from simulation.witness import PrunerWitness, Witness


class Simulation:
    """Runs a script.

    Attributes:
        cluster: The cluster, with the records.
        lives: The coordinators in their order.
        events: How many events there were.
        steps: How many steps there were at which a coordinator may die.
    """

    def __init__(
        self,
        script: Script,
        make_sampler: Callable[[], Sampler],
        *,
        make_pruner: Callable[[], Pruner] | None = None,
        make_coordinator: type[Coordinator] = Coordinator,
    ) -> None:
        self.cluster = Cluster()
        self.lives: list[Life] = []
        self.events = 0
        self.steps = 0
        self._script = script
        self._make_sampler = make_sampler
        self._make_pruner = make_pruner
        self._active_s = 0.0
        self._make_coordinator = make_coordinator
        self._crashes = list(script.crashes)
        self._interruptions = sorted(script.interruptions)
        self._stops = sorted(script.stops)
        self._steps_left: int | None = None

    def run(self) -> Simulation:
        """Run it to its end."""
        for _ in range(1 + self._script.resumes):
            while not self._lives_to_the_end():
                self._pass_the_outage()
        return self

    def _lives_to_the_end(self) -> bool:
        began = self.cluster.now
        try:
            self._live()
        except _Crash:
            return False
        finally:
            self._active_s += self.cluster.now - began
        return True

    def _live(self) -> None:
        self._steps_left = self._crashes.pop(0) if self._crashes else None
        script, witness = self._script, Witness(self._make_sampler())
        pruner = None if self._make_pruner is None else PrunerWitness(self._make_pruner())
        constraints = None if script.ceiling is None else script.constrain
        advisers = Advisers(witness, pruner=pruner, constraints=constraints)
        coordinator = self._make_coordinator(advisers, script.limits, directions=[script.direction], rate=script.rate)
        life = Life(coordinator, witness, pruner, script)
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
            times += [at for at, _ in self._stops[:1]]
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
            Found(now, self.cluster.outcome(number), record.attempt, number in alive, self.cluster.ran_s(number))
            for number, record in sorted(self.cluster.records.items())
        ]
        return [*found, Began(now, self._active_s)]

    def _pass_the_moment(self, life: Life, connection: Connection) -> None:
        """Tell a coordinator all that is due now."""
        if self._script.ticks_first:
            self._tick(life, connection)
        for event in connection.updates():
            self._hear(event, life, connection)
        while self._interruptions and self._interruptions[0] <= self.cluster.now:
            self._interruptions.pop(0)
            self._hear(Interrupted(self.cluster.now), life, connection)
        while self._stops and self._stops[0][0] <= self.cluster.now:
            self._hear(StopAsked(self.cluster.now, self._stops.pop(0)[1]), life, connection)
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
        was_finished = life.coordinator.is_finished
        actions = life.coordinator.handle(event)
        if not was_finished:
            life.steps.append((event, actions))
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
        self.steps += 1
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
        self._stops = [(at, number) for at, number in self._stops if at > self.cluster.now]


class _Crash(Exception):
    """A coordinator dies."""
