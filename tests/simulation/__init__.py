"""Deterministic simulation: the real dispatch story on models of broker, database and carrier, in virtual time."""
