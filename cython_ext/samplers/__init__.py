"""Chains of samplers in native code: leapfrog, NUTS, adaptation estimates, the chain loop."""
