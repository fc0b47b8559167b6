"""The simulated carrier: a separate HTTP server that speaks real providers' call APIs and calls back as they do.

It stands on the other side of the wire: it knows accounts, numbers and calls, and nothing of who dials through it.
Its tally is therefore an independent witness of what a caller really did.
"""

from outdial.carrier.reading import ScenarioError
from outdial.carrier.scenario import Scenario
from outdial.carrier.server import SimulatedCarrier

__all__ = ["Scenario", "ScenarioError", "SimulatedCarrier"]
