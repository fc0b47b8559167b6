"""`make simulate`: outdial's own rules dial simulated worlds, beside simpler rules and a clairvoyant dialler."""
