"""A simulated cluster that the coordinator's core can be driven on: seconds that nobody waits, crashes at every step.

Records and jobs live on when a coordinator dies; the next one finds them. Tests draw scripts of what goes wrong, the
benchmark runs one in which nothing does.
"""

from simulation.behaviour import Behaviour
from simulation.life import Life
from simulation.script import Script
from simulation.simulation import Simulation
from simulation.witness import PrunerWitness, Witness

__all__ = ["Behaviour", "Life", "PrunerWitness", "Script", "Simulation", "Witness"]
