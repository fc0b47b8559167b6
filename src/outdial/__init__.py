"""outdial: decides when an outbound call may start, which number it comes from, and places it once."""

__version__ = "0.1.0"
