"""Real workers as processes, on a real broker and database, dying and suffering by a seeded schedule: `make chaos`.

`plan` draws what happens in a run, `faults` makes it happen, `siege` lives through one run after the other and asks the
judge that the tests ask, `__main__` prints and writes what came of it. The simulated runs are those of tests.simulation.
"""
