"""The admin API: what operators see and steer, as JSON over HTTP on a port of its own. The console is built on it."""
