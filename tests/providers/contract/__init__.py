"""One suite for every provider: what any adapter must do, whatever its carrier's dialect (docs/how-to/add-a-carrier.md)."""
