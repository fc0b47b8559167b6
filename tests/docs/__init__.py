"""The documentation: pages written from the code, links, commands, samples, examples and the tutorial."""
